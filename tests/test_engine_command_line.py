"""`python -m engine`: what it prints, and one line for whatever is wrong."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from engine.__main__ import main


ROOT = Path(__file__).parent.parent


@pytest.fixture
def run(capsys):
    """Run the command line: its exit status, and what it wrote to stdout and to stderr."""

    def run(*args):
        try:
            status = main([str(a) for a in args])
        except SystemExit as end:
            status = end.code
        return status, *capsys.readouterr()

    return run


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["2x", "x=3"], "cannot read '2x': .*; a product is written with *, as in 2*x"),
        (["(x)y", "x=3", "y=4"], "cannot read '(x)y': .*; a product is written with *, as in 2*x"),
        (["x y", "x=3", "y=4"], "cannot read 'x y': .*; a product is written with *, as in 2*x"),
        (["x +", "x=3"], "cannot read 'x +': invalid syntax"),
        (["-x", "x=3"], 'unrecognized arguments: -x; what begins with - .* in brackets, as in "(-x)"; --help tells more'),
        (["x", "x=3", "--nonsense"], "unrecognized arguments: --nonsense; --help tells more"),
        (["+".join(["x"] * 20_000), "x=3"], r"cannot read .*: it is too long or nested too deeply for one expression; build it from Values in Python"),
        (["sin(" * 190 + "x" + ")" * 190 + "+" + "-" * 3000 + "x", "x=3"], r"cannot read .*"),
        ([], "the following arguments are required: expression; --help tells more"),
        (["x", "x=1e999"], "x=1e999 is too large for a float, the largest is 1.8e308; write x=inf if that is meant"),
        (["x*2", "x=2", "x=3"], "x is given twice, as 2 and 3; give each name once"),
    ],
)
def test_bad_input_is_one_line_and_status_2(run, args, says):
    status, out, err = run(*args)
    assert (status, out) == (2, "")
    assert re.fullmatch("engine: " + re.escape(says).replace(r"\.\*", ".*").replace(r"\ ", " ") + "\n", err)


def test_a_sign_before_an_expression_goes_into_brackets(run):
    assert run("(-x)", "x=3") == (0, "(-x) = -3\n  d/dx = -1\n", "")


def test_pictures_are_svg_and_nothing_else(run, tmp_path):
    status, out, err = run("x*2", "x=3", "--draw", tmp_path / "graph.png")
    assert (status, out) == (2, "")
    assert err == f"engine: --draw {tmp_path / 'graph.png'}: pictures are written as SVG; end the name with .svg\n"
    assert list(tmp_path.iterdir()) == []
    assert run("x*2", "x=3", "--draw", tmp_path / "graph.svg")[0] == 0
    assert ElementTree.parse(tmp_path / "graph.svg").getroot().tag.endswith("svg")


def test_a_name_that_is_not_used_is_not_explained(run):
    status, out, err = run("x*2", "x=2", "y=3", "--explain", "y")
    assert (status, out) == (2, "x*2 = 4\n  d/dx = 2\n  d/dy = 0 (it is not used)\n")
    assert err == "engine: --explain y: x*2 does not use it, so that its derivative is 0 and there is nothing to derive\n"


def test_infinity_can_be_asked_for(run):
    assert run("1/x", "x=-inf")[:2] == (0, "1/x = -0\n  d/dx = -0\n")


# ---- whoever reads


COMMANDS = [
    ["engine", "x*x", "x=2", "--list", "--explain", "x"], ["engine.learn", "eq", "LEC-13"], ["nn", "experiment", "symmetry"],
    ["nn", "train", "xor", "--epochs", "30"],
]  # fmt: skip


def started(args, unbuffered, folder, **streams):
    environment = {**os.environ, "CI": "true", "PYTHONUNBUFFERED": unbuffered, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", *args], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True, timeout=600, check=False, **streams,
    )  # fmt: skip


@pytest.fixture
def nobody():
    """A pipe whose reader has gone away."""
    there, here = os.pipe()
    os.close(there)
    yield here
    os.close(here)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("args", COMMANDS, ids=" ".join)
def test_a_reader_that_goes_away_is_no_error(args, unbuffered, nobody, tmp_path):
    done = started(args, unbuffered, tmp_path, stdout=nobody)
    assert (done.returncode, done.stderr) == (int(args[0] == "engine.learn"), "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(("args", "files"), [
    (["nn", "train", "xor", "--epochs", "30", "--out", "out"], 6), (["nn", "search", "xor", "--epochs", "20", "--out", "out"], 5),
    (["nn", "experiment", "symmetry", "--out", "out"], 3), (["engine", "x*x", "x=2", "--list", "--draw", "a.svg", "--explore", "b.html"], 2),
], ids=["train", "search", "experiment", "engine"])  # fmt: skip
def test_what_is_to_be_written_is_written_though_nobody_reads(args, files, unbuffered, nobody, tmp_path):
    done = started(args, unbuffered, tmp_path, stdout=nobody)
    assert (done.returncode, done.stderr) == (0, "")
    assert sum(p.is_file() for p in tmp_path.rglob("*")) == files


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device here")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("args", COMMANDS, ids=" ".join)
def test_an_output_that_takes_nothing_is_told_in_one_line(args, unbuffered, tmp_path):
    with open("/dev/full", "w") as full:
        done = started(args, unbuffered, tmp_path, stdout=full)
    assert done.returncode == 2
    assert re.fullmatch(r"(engine|engine\.learn|nn \w+): .*No space left on device(: .*)?\n", done.stderr), done.stderr


def test_a_terminal_of_ascii_is_told_all(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = started(["engine", "tanh(x*x) - 1", "x=2", "--tree", "--list", "--explain", "x"], "", tmp_path, stdout=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "|- " in done.stdout
    assert "\\u" not in done.stdout
    done = started(["engine", "é*2", "é=2"], "", tmp_path, stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout) == (0, "\\xe9*2 = 4\n  d/d\\xe9 = 2\n")
