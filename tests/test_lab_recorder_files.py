"""Histories on disk: the same again, and damaged, edited and foreign files refused with a reason."""

import hashlib
import json
import math
from dataclasses import replace

import pytest
from recorded import SETTINGS, Own, moons, net, train, weights

from nn import MLP, Diverged, History, Layer, data, fit, losses
from nn.lab.lines import is_sealed, opened, sealed
from nn.lab.recorder import Recorder


# ---- files


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("record", [Recorder(), "losses", Recorder(every=3, all_losses=True)])
def test_a_saved_history_is_the_same(settings, record, tmp_path):
    model = net()
    history = train(model, record=record, validation=moons(6), **SETTINGS[settings])
    path = history.save(tmp_path / "run.jsonl")
    loaded = History.load(path)
    assert loaded.epochs == history.epochs
    assert loaded.kept == history.kept
    assert list(loaded.updates) == list(history.updates)
    assert history.compare(loaded).same
    assert history.compare(loaded.replay("graph")).same
    assert weights(loaded.log.model) == weights(model)
    assert str(loaded.why("w_h1,x1", 7)) == str(history.why("w_h1,x1", 7))
    assert loaded.harm(step=7).actual == history.harm(step=7).actual
    loaded.go_to(0)
    assert weights(loaded.log.model) == weights(net())
    assert loaded.save(tmp_path / "again.jsonl").read_bytes() == path.read_bytes()


def test_a_history_of_ones_own_model_needs_it(tmp_path):
    model, rows = Own(), [((1.5,), (1.0,)), ((-2.0,), (0.5,))]
    history = fit(model, rows, loss=losses.sse, lr=0.05, epochs=3, record="updates")
    path = history.save(tmp_path / "own.jsonl")
    loaded = History.load(path)
    assert loaded.updates[2].new == history.updates[2].new
    with pytest.raises(ValueError, match=r"model or a loss of your own: History.load\(path, model=..., loss=...\)"):
        loaded.why("a", 2)
    assert str(History.load(path, model=Own()).why("a", 2)) == str(history.why("a", 2))
    with pytest.raises(ValueError, match=r"own.jsonl does not fit .*: it is of 3 parameters, a to c, and the model has 2 "):
        History.load(path, model=Layer(1, 1))
    with pytest.raises(TypeError, match="model is 'x'; give the model that was trained"):
        History.load(path, model="x")


def test_a_history_of_ones_own_loss_can_be_read_without_it(tmp_path):
    history = train(loss=lambda o, t: 0.5 * losses.cross_entropy(o, t))
    loaded = History.load(history.save(tmp_path / "own.jsonl"))
    assert list(loaded.updates) == list(history.updates)
    with pytest.raises(ValueError, match=r"model or a loss of your own: History.load\(path, model=..., loss=...\)"):
        loaded.replay()


def test_a_history_from_which_all_weights_but_the_first_were_taken_computes_them_again(tmp_path):
    for backend in ("graph", "python"):
        history = train(momentum=0.5, backend=backend)
        path = history.save(tmp_path / "run.jsonl")
        lines = [json.loads(opened(line)) for line in path.read_bytes().splitlines()]
        thin = [json.dumps({key: x for key, x in line.items() if key not in ("old", "gradient", "new")}) for line in lines]
        path.write_bytes(whole_file(thin))
        loaded = History.load(path)
        assert not loaded.log.wholes
        for k in (35, 0, 7):
            assert loaded.updates[k].new == history.updates[k].new
            assert loaded.updates[k].gradient == history.updates[k].gradient


def test_a_history_is_not_read_as_that_of_another_model_or_loss(tmp_path):
    path = train().save(tmp_path / "run.jsonl")
    with pytest.raises(ValueError, match=r"run.jsonl does not fit .*: it is of MLP\(2, .*activation='tanh'.*, and the model is .*'relu'"):
        History.load(path, model=net(activation="relu"))
    with pytest.raises(ValueError, match=r"its loss is cross_entropy, and the one given is sse: leave out loss="):
        History.load(path, loss="sse")
    with pytest.raises(ValueError, match=r"its loss is cross_entropy, and the one given is another"):
        History.load(path, loss=lambda o, t: o[0])
    again = History.load(path, model=net(seed=5, activation=["tanh"]), loss=losses.cross_entropy)
    assert str(again.why("w_h1,x1", 7)) == str(History.load(path).why("w_h1,x1", 7))


def test_a_run_that_diverged_is_saved_with_its_infinities(tmp_path):
    recorder = Recorder(all_losses=True)
    model = MLP(2, [3, 1], activation="relu", seed=0)
    with pytest.raises(Diverged):
        fit(model, data.XOR(), record=recorder, loss="sse", lr=1e3, epochs=50)
    history = recorder.history
    assert history.log.after[-1] == math.inf
    loaded = History.load(history.save(tmp_path / "run.jsonl"))
    assert loaded.log.after[-1] == math.inf
    assert history.compare(loaded).same
    assert history.compare(loaded.replay("python")).same
    history.harm()  # warns of nothing
    history.epochs.append(replace(history.epochs[-1], loss=math.inf, validation_loss=-math.inf))
    assert History.load(history.save(tmp_path / "run.jsonl")).epochs == history.epochs


def test_runs_of_another_momentum_are_told_by_it():
    assert repr(train().compare(train(momentum=0.5))).startswith("the first difference is at update 0: the momentum is 0.0 and 0.5")


def bare(line):
    return opened(line.encode()).decode() if is_sealed(line.encode()) else line


def whole_file(lines, mark=sealed):
    """The lines with the checksums that they would have."""
    body = b"".join(mark(bare(line)) for line in lines[:-1])
    return body + mark(json.dumps(json.loads(bare(lines[-1])) | {"sha256": hashlib.sha256(body).hexdigest()}))


def edited(k, **changes):
    def edit(lines):
        line = json.loads(bare(lines[k]))
        for key, value in changes.items():
            if value is None:
                del line[key]
            else:
                line[key] = value
        return whole_file([*lines[:k], json.dumps(line), *lines[k + 1 :]])

    return edit


DAMAGES = {
    "empty": lambda lines: b"",
    "cut": lambda lines: "\n".join(lines).encode()[:5000],
    "last line missing": lambda lines: ("\n".join(lines[:-1]) + "\n").encode(),
    "one digit": lambda lines: ("\n".join(lines) + "\n").encode().replace(b"0.1", b"0.2", 1),
    "an update missing": lambda lines: whole_file(lines[:30] + lines[31:]),
    "foreign": lambda lines: b'{"hello": 1}\n',
    "no JSON": lambda lines: b"weights: 1 2 3\n",
    "binary": lambda lines: bytes(range(256)) + b"\n",
    "a list": lambda lines: whole_file(["[1, 2]", *lines[1:]]),
    "format 2": edited(0, format=2),
    "no model size": edited(0, model={"nin": 2}),
    "another model": edited(0, model={"nin": 3, "layers": [2]}),
    "no momentum": edited(0, momentum=None),
    "negative momentum": edited(0, momentum=-1),
    "unknown loss": edited(0, lrs=[0.1]),
    "epochs in no order": edited(0, firsts=[18, 0]),
    "no first weights": edited(0, marks={}),
    "short weights": edited(0, now=[1.0]),
    "text weight": edited(0, now=["1.0"] * 17),
    "row outside": edited(25, rows=[18]),
    "negative row": edited(25, rows=[-1]),
    "no old weights": edited(21, old=None),
    "no row": edited(25, rows=[]),
    "true row": edited(25, rows=[True]),
    "short gradient": edited(25, gradient=[0.0]),
    "null weight": edited(25, new=[None] * 17),
    "text loss": edited(25, before="low"),
    "deep": lambda lines: whole_file(["[" * 100_000, *lines[1:]]),
    "NaN": lambda lines: whole_file([*lines[:25], '{"step": NaN}', *lines[26:]]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_with_a_reason(damage, tmp_path):
    path = train().save(tmp_path / "run.jsonl")
    path.write_bytes(DAMAGES[damage](path.read_text().splitlines()))
    with pytest.raises(ValueError, match=r"run.jsonl is not a history saved by nodegrad: .{8}"):
        History.load(path)


@pytest.mark.parametrize("k", [0, 1, 18, 20, 30, -2, -1])
def test_an_edited_number_is_told_with_its_line(k, tmp_path):
    """First line, rows, epochs, updates, the last line: also where the checksum of the whole is made to fit again."""
    path = train().save(tmp_path / "run.jsonl")
    lines = path.read_text().splitlines(keepends=True)
    place = next(i for i, c in enumerate(lines[k]) if c.isdigit())
    lines[k] = lines[k][:place] + str((int(lines[k][place]) + 1) % 10) + lines[k][place + 1 :]
    which = "the last line" if k == -1 else f"line {k % len(lines) + 1}"
    told = rf"run\.jsonl is not a history saved by nodegrad: {which}: it was changed after it was written: its checksum is another$"
    path.write_text("".join(lines))
    with pytest.raises(ValueError, match=told):
        History.load(path)
    if k != -1:
        body = "".join(lines[:-1]).encode()
        path.write_bytes(body + sealed(json.dumps(json.loads(opened(lines[-1].encode())) | {"sha256": hashlib.sha256(body).hexdigest()})))
        with pytest.raises(ValueError, match=told):
            History.load(path)


def test_lines_that_were_moved_are_told(tmp_path):
    path = train().save(tmp_path / "run.jsonl")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], lines[2], lines[1], *lines[3:]]))
    with pytest.raises(ValueError, match=r"its lines are not all those that were written, or not in their order: the checksum of all is another$"):
        History.load(path)


def test_a_file_from_before_lines_had_checksums_is_read_by_that_of_the_whole(tmp_path):
    history = train()
    path = history.save(tmp_path / "run.jsonl")
    old = whole_file(path.read_text().splitlines(), lambda line: (line + "\n").encode())
    assert b"crc32" not in old
    path.write_bytes(old)
    assert History.load(path).compare(history).same
    path.write_bytes(old.replace(b'"before": 0.', b'"before": 1.', 1))
    with pytest.raises(ValueError, match=r"it was changed after it was written: the checksum of all is another, and its lines have none that would say where$"):
        History.load(path)


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = train().save(tmp_path / "run.jsonl")
    before = path.read_bytes()
    monkeypatch.setattr("os.replace", lambda *args: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        train(lr=0.3).save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["run.jsonl"]
