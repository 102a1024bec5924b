"""`python -m engine`: what it prints, and one line for whatever is wrong."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from engine.__main__ import main


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
