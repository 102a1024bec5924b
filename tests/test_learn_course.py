"""The course itself, so that nobody passes it with a mistake or fails it without one (each row of the matrix a test)."""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest
from apart import apart

import engine
from engine.learn import watch
from engine.learn.answers import formula
from engine.learn.course import course, lessons
from engine.learn.desk import Desk
from engine.learn.judging import FAILED, PASSED, TODO, Judge, outcome
from engine.learn.loading import Code
from engine.learn.telling import failure
from engine.learn.watch import TimeUp, kept_alive, limited


ROOT = Path(engine.__file__).parents[1]
C = course()
LAST = lessons()[-1].number
SORTED = sorted(C.checks, key=lambda c: c.lesson)


def judge(texts):
    """A judge of some texts, and where their blanks are."""
    filled, places = {}, {}
    for v in C.volumes:
        found = v.locate(texts[v.name])
        filled |= found
        places |= {key: (v.name, line) for key, (line, _) in found.items()}
    return Judge(C, Code(texts), filled, 3.0), places


@pytest.fixture(scope="module")
def matrix():
    """Every slip put into the shipped source: its verdicts up to its lesson, and its judge."""
    found = {}
    for s in C.slips:
        j, places = judge(C.texts(s))
        upto = [c for c in SORTED if c.lesson <= C.blanks[s.blank].lesson]
        found[s] = j, [j.verdict(c) for c in upto], places
    return found


def desk(tmp_path, texts, upto=99):
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return Desk(tmp_path / "my_engine.py", upto, seconds=2.0)


# ---- the shipped source, the empty files, every prefix


def test_the_shipped_source_passes_every_check():
    j, _ = judge(C.texts())
    verdicts = j.run(SORTED)
    assert [v.check.name for v in verdicts if v.state != PASSED] == []
    assert all(v.right.facts and v.right.error is None for v in verdicts), "a check that finds nothing checks nothing"


def test_the_empty_files_pass_nothing_and_the_first_message_is_a_todo(tmp_path):
    done, said = desk(tmp_path, C.texts(lesson=-1)).report()
    assert not done
    lines = said.splitlines()
    assert lines[0] == "L0  red is normal"
    assert re.fullmatch(r"TODO  my_engine\.py:\d+  ready  \(this is the start, not an error\)", lines[1])
    assert len(lines) <= 14
    assert lines[-1].endswith(f" 0 of {len(C.checks)} checks")
    j, _ = judge(C.texts(lesson=-1))
    assert {j.verdict(c).state for c in C.checks} == {TODO}


@pytest.mark.parametrize("n", range(LAST + 1))
def test_a_prefix_passes_its_lessons_and_stops_at_the_next(n, tmp_path):
    j, _ = judge(C.texts(lesson=n))
    verdicts = j.run(SORTED)
    assert {v.state for v in verdicts if v.check.lesson <= n} == {PASSED}
    assert PASSED not in {v.state for v in verdicts if v.check.lesson == n + 1}
    done, said = desk(tmp_path, C.texts(lesson=n)).report()
    assert done == (n == LAST)
    assert done or said.startswith(f"L{n + 1}  ")
    assert done or "\nTODO  my_" in said


def test_every_lesson_has_three_to_nine_checks_and_every_check_a_blank():
    for n in lessons()[1:]:
        assert 3 <= len([c for c in C.checks if c.lesson == n.number]) <= 9, n
    assert {key for c in C.checks for key in c.needs} <= set(C.blanks)
    assert {c.needs[0] for c in C.checks} >= {c for c in C.blanks if C.blanks[c].cell == 0}
    assert len({c.name for c in C.checks}) == len(C.checks)


# ---- slips


def test_every_slip_is_caught_in_its_own_lesson(matrix):
    assert len(C.slips) >= 40
    assert [s for s, (_, verdicts, _) in matrix.items() if all(v.state == PASSED for v in verdicts)] == []


def test_the_first_failure_names_the_place_and_is_short(matrix):
    for s, (j, verdicts, places) in matrix.items():
        first = next(v for v in verdicts if v.state == FAILED)
        said = failure(j, first, places)
        assert len(said) <= 12, said
        assert max(map(len, said)) <= 78, said
        assert any(s.blank in line for line in said[1:]) or first.check.eq, said
        assert "Traceback" not in "".join(said)


def test_the_cause_is_named_in_nine_of_ten_and_never_a_wrong_one(matrix):
    told = [(s, j.cause(next(v for v in verdicts if v.state == FAILED))) for s, (j, verdicts, _) in matrix.items()]
    assert [(s, c) for s, c in told if c not in (s, None)] == []
    assert sum(c is s for s, c in told) >= 0.9 * len(told)


def test_without_any_one_check_a_slip_survives(matrix):
    alone = defaultdict(list)
    for s, (_, verdicts, _) in matrix.items():
        red = [v.check.name for v in verdicts if v.state != PASSED]
        if len(red) == 1:
            alone[red[0]].append(s)
    assert [c.name for c in C.checks if c.name not in alone] == []


# ---- hints, numbers in the texts


def test_the_third_hint_is_the_shipped_line_with_a_hole():
    for v in C.volumes:
        for b in v.blanks:
            hole = " ".join(b.hints[2].split())
            assert "___" in hole, b.key
            shipped = re.sub(r"  +#[^\n]*", "", v.solution(b)).split()
            pattern = ".+?".join(map(re.escape, hole.split("___")))
            assert re.fullmatch(pattern, " ".join(shipped)), (b.key, hole, " ".join(shipped))


def test_the_numbers_in_the_formulas_are_the_numbers():
    looked_at = 0
    for c in C.checks:
        for fact in outcome(C.reference(), c).facts:
            tail = fact.formula.rpartition("=")[2].strip()
            if isinstance(fact.value, float) and tail:
                try:
                    number = formula(tail, {})
                except ValueError:
                    continue
                looked_at += 1
                assert number == pytest.approx(fact.value, rel=1e-5, abs=1e-9), (c.name, fact)
    assert looked_at > len(C.checks) / 2


# ---- bad input: one line, red


ENGINE = C.texts()["my_engine.py"]
BAD = {
    "syntax": (ENGINE.replace("class Value:", "class Value"), r"my_engine\.py:\d+  SyntaxError: .*"),
    "nothing": ("", r"(?s)L0 .*there is no ready in your file.*"),
    "no class": (ENGINE.replace("class Value:", "class Valu:"), r"(?s)L1 .*there is no Value in your file.*"),
    "raises": ("import os\nx = 1 / 0\n", r"my_engine\.py:2  ZeroDivisionError: .*"),
    "shipped": ("from engine import *\nready = 1\n", r"(?s)my_engine\.py: this is the shipped engine .*no check counts.*"),
    "plain": ("from engine.learn.plain import *\nready = 1\n", r"(?s)my_engine\.py: this is the shipped engine .*"),
    "loop": (ENGINE.replace("    found, seen = [root], {root}", "    while True: pass"), r"(?s)L3 .*no end in sight.*my_engine\.py:\d+.*"),
    "zero": (re.sub(r"(?m)^(    )return .*", r"\1return 0", ENGINE), r"(?s)(L1 |my_engine\.py:\d+  TypeError).*"),
    "leaves": (ENGINE + "\nraise SystemExit(0)\n", r"(?s).*"),
    "null": ("x = '\0'\n", r"my_engine\.py:1 .*"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_right_is_told_and_never_passes(name, tmp_path):
    text, says = BAD[name]
    done, said = desk(tmp_path, C.texts() | {"my_engine.py": text}).report()
    assert not done
    assert re.match(says, said.split("\n")[0] if "(?s)" not in says else said), said
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 14
    assert max(map(len, said.splitlines())) <= 78


NETWORK = C.texts()["my_nn.py"]
ANSWERS = {
    '"-24/125"': "",
    "-0.192": "",
    "Fraction(-24, 125)": "",
    '"1/3"': "yours/expected = -1.736111",
    "Fraction(1, 3)": "yours/expected = -1.736111",
    '"wat"': "there is no 'wat'",
    'float("nan")': "ValueError: the answer is nan",
    "1e999": "ValueError: the answer is inf",
    "None": "TypeError: an answer is a number",
    "True": "TypeError: an answer is a number",
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_number_by_hand_may_be_a_fraction_or_text_but_nothing_else(answer, tmp_path):
    text = NETWORK.replace("import math\n", "import math\nfrom fractions import Fraction\n", 1)
    text = text.replace("dw_o1_h1 = -24 / 125", f"dw_o1_h1 = {answer}")
    done, said = desk(tmp_path, C.texts() | {"my_nn.py": text}).report()
    assert done == (not ANSWERS[answer])
    assert done or said.startswith("L9  dE/dw_o1,h1")
    assert ANSWERS[answer] in " ".join(said.split())


def test_a_folder_and_a_time_of_nothing_are_told(tmp_path):
    with pytest.raises(ValueError, match="is a folder; write the name of your file"):
        Desk(tmp_path)
    with pytest.raises(ValueError, match="a check may take -1 seconds; write a number above 0"):
        Desk(tmp_path / "my_engine.py", seconds=-1)


def test_a_loop_that_never_comes_back_to_python_ends_with_its_line(tmp_path):
    endless = ENGINE.replace("    found, seen = [root], {root}", "    sum(iter(int, 1))")
    (tmp_path / "my_engine.py").write_text(endless, encoding="utf-8")
    line = endless.splitlines().index("    sum(iter(int, 1))") + 1
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from engine.learn import watch; from engine.learn.__main__ import main; "
    program += "watch.GRACE = 0.0; sys.exit(main(['--seconds', '2.5', 'check', '3']))"  # the other checks need a thousandth of that
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 1
    assert f'"my_engine.py", line {line} in topological' in done.stderr


def test_time_is_up_where_the_collector_calls_back_too(monkeypatch):
    def callback(phase, info):
        for _ in range(1000):
            pass

    def collect(until):
        while time.monotonic() < until:
            gc.collect(0)

    monkeypatch.setattr(watch, "GRACE", 300.0)  # a busy machine may be late: no reason to end all tests
    gc.callbacks.append(callback)
    try:
        with pytest.raises(TimeUp), limited(0.1):
            collect(time.monotonic() + 300.0)
        assert callback in gc.callbacks
    finally:
        gc.callbacks.remove(callback)


def test_time_is_up_though_python_drops_what_is_raised_first(monkeypatch):
    class Slow:
        def __del__(self):
            while True:  # until TimeUp, which is dropped
                pass

    def endless():
        Slow()
        while True:
            pass

    monkeypatch.setattr(watch, "GRACE", 300.0)
    before = gc.callbacks[:], sys.unraisablehook
    with pytest.raises(TimeUp), limited(0.1):
        endless()
    assert (gc.callbacks, sys.unraisablehook) == before


def test_what_runs_afterwards_is_not_held_up():
    """Python 3.11 looks again and again for what is to be raised, once it was told of something and finds nothing."""
    apart("""
import sys
from engine.learn.watch import limited
with limited(5.0):
    pass
sys.setprofile(lambda *_: None)
(lambda: None)()
""")


def test_time_that_others_have_taken_does_not_count(monkeypatch):
    """On a busy machine the clock goes on while the code stands still."""
    monkeypatch.setattr(watch, "LATE", 1e9)
    with limited(0.2):
        time.sleep(0.4)


def test_what_works_is_told_by_the_processors_time(monkeypatch):
    def busy():
        end = time.process_time() + 20.0
        while time.process_time() < end:
            pass

    monkeypatch.setattr(watch, "LATE", 3_600.0)  # the clock tells nothing here
    with pytest.raises(TimeUp), limited(0.2):
        busy()


def test_what_sleeps_is_told_by_the_clock(monkeypatch):
    def asleep():
        while True:
            time.sleep(0.01)

    monkeypatch.setattr(watch, "GRACE", 300.0)
    monkeypatch.setattr(watch, "LATE", 0.1)
    with pytest.raises(TimeUp), limited(0.2):
        asleep()


def test_prints_and_globals_do_not_help(tmp_path):
    noisy = ENGINE.replace("    n.op = op", "    print('made', op.name)\n    n.op = op")
    done, said = desk(tmp_path, C.texts() | {"my_engine.py": noisy}).report()
    assert done
    assert "made" not in said
    held = ENGINE.replace("    n.op = op", "    KEPT.append(op)\n    n.op = KEPT[0]") + "\nKEPT = []\n"
    done, said = desk(tmp_path, C.texts() | {"my_engine.py": held}).report()
    assert not done


def test_a_lesson_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ValueError, match=f"no lesson 77; there are 0 to {LAST}"):
        desk(tmp_path, C.texts(), 77)


# ---- what the commands write


def test_start_never_writes_over_a_file_and_reset_keeps_what_was_there(tmp_path):
    d = Desk(tmp_path / "my_engine.py")
    assert "written" in d.start()
    d.path.write_text(ENGINE.replace("ready = 1", "ready = 1  # mine"), encoding="utf-8")
    assert "stays as it is" in d.start()
    assert "# mine" in d.path.read_text(encoding="utf-8")
    assert "3 blanks of L3" in d.reset(3)
    assert "# mine" in d.path.read_text(encoding="utf-8")
    j, _ = judge(C.texts() | {"my_engine.py": d.path.read_text(encoding="utf-8")})
    assert {j.verdict(c).state for c in C.checks if c.lesson == 3} == {TODO}
    assert {j.verdict(c).state for c in C.checks if c.lesson < 3} == {PASSED}
    assert any("reversed(order)" in p.read_text(encoding="utf-8") for p in tmp_path.glob("*.kept"))


def test_every_blank_can_be_emptied_and_is_found_again():
    for v in C.volumes:
        full, empty = v.text({b.key for b in v.blanks}), v.text()
        assert set(v.locate(empty)) == {b.key for b in v.blanks}
        assert not any(written for _, written in v.locate(empty).values())
        assert all(written for _, written in v.locate(full).values())
        assert v.reset(full, {b.key for b in v.blanks}).split() == empty.split()


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("TABLE = {}", "__import__('os')._exit(0)\nTABLE = {}", "SystemExit: os._exit ends all checks; leave it out"),
        ("TABLE = {}", "__import__(__import__('os').name)._exit(0)\nTABLE = {}", "SystemExit: os._exit ends all checks; leave it out"),
        ("TABLE = {}", "__import__('os').fork()\nTABLE = {}", "SystemExit: os.fork ends all checks; leave it out"),
        ("TABLE = {}", "__import__('os').execlp('true', 'true')\nTABLE = {}", "SystemExit: os.execv"),
        ("TABLE = {}", "__import__('os').close(1)\nTABLE = {}", "SystemExit: os.close(1) silences all checks; leave it out"),
        ("    n.op = op", "    __import__('os')._exit(0)\n    n.op = op", "os._exit ends all checks; leave it out"),
    ],
)
def test_a_file_that_ends_the_process_does_not_pass(before, after, says, tmp_path):
    assert before in ENGINE
    (tmp_path / "my_engine.py").write_text(ENGINE.replace(before, after, 1), encoding="utf-8")
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from engine.learn.__main__ import main; sys.exit(main(['check', '3']))"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 1
    assert says in " ".join(done.stdout.split())
    assert "my_engine.py:" in done.stdout


def test_the_calls_that_end_a_process_are_there_again_after_a_check():
    with kept_alive(), pytest.raises(SystemExit, match="leave it out"):
        os._exit(0)
    assert os._exit.__module__ in ("posix", "nt")


def test_a_file_may_close_what_it_opened(tmp_path):
    opened = os.open(tmp_path / "a", os.O_CREAT)
    with kept_alive():
        os.close(opened)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened)


def test_the_file_is_called_by_the_name_it_has(tmp_path):
    """Where a line is lost, and where the learner's code raises."""
    mine = tmp_path / "mine.py"
    for text, place in [("", "mine.py:1 ready"), (ENGINE.replace("    n.op = op", "    n.op = nothing"), r"mine\.py:\d+ record")]:
        mine.write_text(text, encoding="utf-8")
        done, said = Desk(mine, 3).report()
        assert not done
        assert re.search(f"file {place}", " ".join(said.split())), said
