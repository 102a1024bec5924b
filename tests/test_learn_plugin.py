"""pytest --lesson, --eq and --zoo, and check(n), as a learner meets them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import engine
from engine.learn.course import course
from engine.learn.notebook import check
from engine.learn.zoo import animals


ROOT = Path(engine.__file__).parents[1]


def run(folder, *arguments):
    """pytest in a folder of the learner's: its exit code and what it prints."""
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import pytest; sys.exit(pytest.main({list(arguments)!r}))"
    ask = [sys.executable, "-X", "utf8", "-c", program]  # the plugin comes with the installed project
    done = subprocess.run(ask, cwd=folder, capture_output=True, encoding="utf-8", timeout=600)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path):
    for name, text in course().texts(lesson=2).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_lesson_that_is_done_is_green_and_the_next_one_tells_its_blank(folder):
    code, said = run(folder, "--lesson", "2")
    assert (code, "12 passed" in said) == (0, True), said
    code, said = run(folder, "--lesson", "L3")
    assert code == 1
    assert "TODO  my_engine.py:" in said
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) <= 14


def test_the_checks_of_an_equation(folder):
    code, said = run(folder, "--eq", "LEC-4", "--lesson", "2")
    assert (code, "1 passed" in said) == (0, True), said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--lesson", "55"], "there are 0 to 13"), (["--lesson", "two"], "no lesson 'two'"), (["--eq", "LEC-99"], "no check carries"),
     (["--lesson", "1", "--impl", "gone.py"], "gone.py is not here")],
)  # fmt: skip
def test_what_was_asked_wrongly_is_told(folder, arguments, says):
    code, said = run(folder, *arguments)
    assert code != 0
    assert says in said
    assert "Traceback" not in said


TESTS = '''
from my_engine import Value
def test_twice():
    a = Value(3.0)
    b = a + a
    (b + b).backward(0.7)
    assert abs(a.grad - 2.8) < 1e-12
def test_again():
    a = Value(2.0)
    d = 3 * a
    E = d * 5
    E.backward()
    E.backward()
    assert a.grad == 15
'''


def test_the_zoo_tells_which_mistakes_are_caught(folder):
    (folder / "my_tests.py").write_text(TESTS, encoding="utf-8")
    code, said = run(folder, "--zoo", "my_tests.py", "-q")
    assert code == 1
    assert "the right engine: 2 tests pass" in said
    caught = [line for line in said.splitlines() if line.startswith("caught")]
    assert len(animals()) > len(caught) >= 6
    assert any("Value.backward, start" in line and "test_again" in line for line in caught)
    assert any(line.startswith("MISSED") and "exp" in line for line in said.splitlines())
    assert "karpathy/micrograd#53" in said


def test_the_zoo_tells_a_test_that_is_wrong_itself(folder):
    (folder / "my_tests.py").write_text(TESTS.replace("== 15", "== 14"), encoding="utf-8")
    code, said = run(folder, "--zoo", "my_tests.py", "-q")
    assert code == 1
    assert "the right engine: red in test_again: mend these tests first" in said
    assert said.count("but a right engine fails too") == 1


def test_check_in_a_cell_says_what_the_command_line_says(folder):
    said = check(3, impl=folder / "my_engine.py")
    assert "TODO  my_engine.py:" in said
    assert repr(said) == str(said)
    assert "done" in check(2, impl=folder / "my_engine.py")
    assert "no lesson" in check(77, impl=folder / "my_engine.py")


@pytest.mark.parametrize("line", ["import os; os._exit(0)", "import sys; sys.exit(0)"])
@pytest.mark.parametrize("inside", [True, False])
def test_the_zoo_is_not_passed_by_leaving(folder, line, inside):
    (folder / "my_tests.py").write_text(f"def test_nothing():\n    {line}\n" if inside else f"{line}\n", encoding="utf-8")
    code, said = run(folder, "--zoo", "my_tests.py", "-q")
    assert code in (1, 2), said
    assert "SystemExit" in said
    assert "INTERNALERROR" not in said
