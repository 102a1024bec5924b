"""The file of a search: what was done is not done again, and a cut, edited, damaged or foreign file is told."""

import json
import math
import os
import re
import resource
import signal

import pytest
import starts
from searched import SHORT, bits, started

from nn import data
from nn.lab import restarts
from nn.lab.lines import opened, sealed


# ---- the file


def test_what_is_in_the_file_is_not_done_again(tmp_path):
    file = tmp_path / "runs.jsonl"
    first = started(3, file=file)
    ran = []
    more = started(5, file=file, callbacks=[lambda run: ran.append(run.seed)])
    assert ran == [3, 4]
    assert list(more) == list(started(5))
    assert [bits(run.weights) for run in more[:3]] == [bits(run.weights) for run in first]
    assert bits(p.data for p in more.model(more[0]).parameters()) == bits(first[0].weights)


@pytest.mark.parametrize("cut", [1, 30, 400])
def test_a_line_cut_short_by_a_kill_is_done_again(tmp_path, cut):
    file = tmp_path / "runs.jsonl"
    started(3, file=file)
    whole = file.read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    file.write_bytes(whole[: len(whole) - min(cut, len(last))])
    ran = []
    assert list(started(3, file=file, callbacks=[lambda run: ran.append(run.seed)])) == list(started(3))
    assert ran == [2]
    assert [json.loads(line).get("setting") for line in file.read_bytes().splitlines()][1:] == [{"seed": s} for s in (0, 1, 2)]


def test_a_file_cut_in_its_first_line_starts_anew(tmp_path):
    file = tmp_path / "runs.jsonl"
    started(1, file=file)
    file.write_bytes(file.read_bytes()[:20])
    started(1, file=file)
    assert len(file.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"lr": 0.25}, r"another search: options \{.*'lr': 0.5.*\}, here \{.*'lr': 0.25"),
        ({"model": None, "hidden": 2}, "another search: model 'starts.drawn', here None; options"),
        ({"validation": data.XOR()}, "another search: validation None, here 'XOR, 4 rows, [0-9a-f]{16}'"),
    ],
)
def test_the_file_of_another_search_is_refused(tmp_path, changes, told):
    file = tmp_path / "runs.jsonl"
    started(1, file=file)
    before = file.read_bytes()
    with pytest.raises(ValueError, match=told):
        started(2, file=file, **changes)
    with pytest.raises(ValueError, match="another search: rows 'XOR, 4 rows, "):
        restarts(data.OR(), 2, model=starts.drawn, file=file, **SHORT)
    assert file.read_bytes() == before


@pytest.mark.parametrize("content", [b"seed,loss\n1,0.5\n", b"[1]\n", b"\x00\xff\n", b"{}\n", b"no newline"])
def test_a_file_that_is_none_is_refused_and_left(tmp_path, content):
    file = tmp_path / "runs.jsonl"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"runs\.jsonl is not the file of a search; give another path"):
        started(1, file=file)
    assert file.read_bytes() == content


def test_two_searches_that_began_at_the_same_moment_share_a_file(tmp_path):
    file = tmp_path / "runs.jsonl"
    done = started(2, file=file)
    head, first, second = file.read_text().splitlines()
    file.write_text("\n".join([head, head, first, first, second, second, ""]))
    assert [run.loss for run in started(2, file=file)] == [run.loss for run in done]
    assert len(file.read_text().splitlines()) == 6  # nothing is done again


@pytest.mark.parametrize("spoil", [
    lambda run: run.update(loss=math.nan), lambda run: run.pop("weights"), lambda run: run.update(weights=["1.0"]),
    lambda run: run.update(setting=3), lambda run: run.update(loss=None), lambda run: run.update(setting={"lr": 1}),
], ids=["NaN", "no weights", "a text", "no setting", "neither loss nor error", "no seed"])  # fmt: skip
def test_a_damaged_line_is_told(tmp_path, spoil):
    file = tmp_path / "runs.jsonl"
    started(2, file=file)
    head, first, second = file.read_text().splitlines()
    run = json.loads(opened(first.encode()))
    spoil(run)
    file.write_text("\n".join([head, sealed(json.dumps(run)).decode() + second, ""]))
    with pytest.raises(ValueError, match=r"runs\.jsonl, line 2 is damaged \((?!.*checksum).*\); delete it, and that run is done again"):
        started(2, file=file)


@pytest.mark.parametrize("entry", ["accuracy", "loss", "seconds", "seed", "weights", "crc32"])
def test_an_edited_number_is_told_with_its_line(tmp_path, entry):
    file = tmp_path / "runs.jsonl"
    done = started(3, file=file, validation=data.XOR())
    lines = file.read_text().splitlines(keepends=True)
    place = re.search(rf'"{entry}": [^0-9]*', lines[2]).end()
    lines[2] = lines[2][:place] + ("8" if lines[2][place] != "8" else "7") + lines[2][place + 1 :]
    file.write_text("".join(lines))
    with pytest.raises(ValueError, match=r"runs\.jsonl, line 3 is damaged \(it was changed after it was written: its checksum is another\); delete it"):
        started(3, file=file, validation=data.XOR())
    file.write_text("".join([*lines[:2], *lines[3:]]))  # as it says
    assert list(started(3, file=file, validation=data.XOR())) == list(done)


def test_a_line_without_its_checksum_is_told(tmp_path):
    file = tmp_path / "runs.jsonl"
    started(2, file=file)
    head, first, second = file.read_text().splitlines()
    file.write_text("\n".join([head, first, opened(second.encode()).decode(), ""]))
    with pytest.raises(ValueError, match=r"line 3 is damaged \(it has no checksum at its end, so it was changed"):
        started(2, file=file)


def test_an_edited_first_line_is_told(tmp_path):
    file = tmp_path / "runs.jsonl"
    started(2, file=file)
    before = file.read_text()
    file.write_text(before.replace('"lr": 0.5', '"lr": 0.25', 1))
    with pytest.raises(ValueError, match=r"runs\.jsonl, line 1, which says of what search it is, was changed after it was written; .*another path"):
        started(2, file=file, lr=0.25)


def test_a_file_from_before_there_were_checksums_goes_on_and_says_so(tmp_path):
    file = tmp_path / "runs.jsonl"
    done = started(2, file=file)
    file.write_text("".join(opened(line.encode()).decode() + "\n" for line in file.read_text().splitlines()))
    told = r"runs\.jsonl: 2 of its 2 runs have no checksum, as they were once written, so that a number edited in them is not noticed"
    with pytest.warns(UserWarning, match=told):
        assert list(started(3, file=file)) == list(started(3))
    assert list(started(2)) == list(done)
    with pytest.warns(UserWarning, match=r"2 of its 3 runs have no checksum"):
        started(3, file=file)
    file.write_text(file.read_text().replace('"seed": 2', '"seed": 4'))
    with (
        pytest.warns(UserWarning, match="2 of its 3 runs"),
        pytest.raises(ValueError, match=r"line 4 is damaged \(it was changed after it was written"),
    ):
        started(3, file=file)


def test_a_file_behind_a_link_takes_the_umask_and_keeps_its_mode(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    link.symlink_to("real")
    before = os.umask(0o002)
    try:
        started(1, file=link)
    finally:
        os.umask(before)
    assert oct(real.stat().st_mode & 0o777) == "0o664"
    real.chmod(0o600)
    started(2, file=link)
    assert link.is_symlink()
    assert len(real.read_text().splitlines()) == 3
    assert oct(real.stat().st_mode & 0o777) == "0o600"


def test_a_full_disk_keeps_what_was_done(tmp_path):
    file = tmp_path / "runs.jsonl"
    started(3, file=file)
    size, limits = file.stat().st_size, resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, limits[1]))
    try:
        with pytest.raises(OSError, match=r"no room for another run|too large") as told:
            started(9, file=file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert [run.seed for run in told.value.results] == [0, 1, 2, 3]
    assert file.stat().st_size == size
    assert list(started(9, file=file)) == list(started(9))


def test_functions_in_a_file_need_names(tmp_path):
    with pytest.raises(ValueError, match="<lambda> has no name by which a file could hold it; write it with def"):
        started(1, schedule=lambda epoch, epochs: 1.0, file=tmp_path / "runs.jsonl")
    assert len(started(1, schedule=lambda epoch, epochs: 1.0)) == 1
