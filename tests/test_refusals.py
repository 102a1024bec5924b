"""The mistakes of a first hour: each gets one sentence with the value and what to write instead."""

import re
from array import array

import pytest

from engine import (
    Leaves,
    Value,
    affine,
    anomaly,
    compile as compiled,
    dot,
    draw,
    gradcheck,
    gradient,
    leaky_relu,
    maximum,
    reevaluate,
    relu,
    softmax,
    tanh,
)
from engine.expression import ExpressionError, parse


def graph():
    x, w = Value(0.5, "x"), Value(2.0, "w")
    return x, w, tanh(w * x)


def summing():
    total, x = Value(0.0, "total"), Value(1.0, "x")
    return compiled([total + x], [total, x], backend="python")


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda x, y: compiled(y, x), r"^compile takes a list of its leaves, as in \[x\], not Value\(data=0.5, .*: write compile\(y, \[x\]\)$"),
        (lambda x, y: compiled(tanh, [x]), r"^compile takes a Value or a list of Values, not <function tanh.*: write compile\(y, \[x\]\)$"),
        (lambda x, y: gradient(y, 7), r"^gradient takes a Value and a list of Values, as in \(y, \[x\]\), not .* and 7$"),
        (lambda x, y: gradcheck(y, 7), r"^gradcheck: of a graph, xs is a list of its Values, as in \[w, x\], not 7$"),
        (lambda x, y: Leaves(x), r"^Leaves takes a list of Values, as in Leaves\(\[w, x\]\), not Value\(data=0.5"),
        (lambda x, y: affine([x], [y]), r"^affine: each unit has a sequence of weights, as in \[\[w1, w2\]\] for one unit, not Value\(data=0.5"),
        (lambda x, y: summing().scan(array("d", [1.0]), array("d", [0.0]), feedback=[0]), r"^scan: feedback says .*\{w: w_new\}, not \[0\]$"),
        (lambda x, y: summing().scan(array("d", [1.0, 2.0]), progress=3), r"^scan: progress is a function of the number of visits done, not 3$"),
        (lambda x, y: anomaly(lambda: y), r"^anomaly takes nothing, not <function .*: write `with anomaly\(\):` around .* or @anomaly\(\) above a function$"),
        (lambda x, y: summing().scan(array("d", [1.0, 2.0]), collect=0), r"^scan: collect is a list of outputs, as in \[loss\] or \[0\], not 0$"),
    ],
)
def test_an_argument_of_another_kind_is_named(call, sentence):
    x, _, y = graph()
    with pytest.raises(TypeError, match=sentence):
        call(x, y)


def test_a_check_of_nothing_does_not_pass():
    _, _, y = graph()
    with pytest.raises(ValueError, match=r"there is nothing to differentiate Value\(data=0.761594.* by; see that xs names Values of its graph"):
        gradcheck(y, [])
    with pytest.raises(ValueError, match="there is nothing to differentiate"):
        gradcheck(y, {})
    with pytest.raises(ValueError, match="there is nothing to differentiate"):
        gradcheck(lambda: tanh(Value(3.0)), [])


@pytest.mark.parametrize("broken", [None, "a", [1]])
def test_a_value_whose_number_was_overwritten_can_be_looked_at(broken):
    x = Value(0.5, "x")
    x.data = broken
    assert repr(x) == f"Value(data={broken!r}, grad=–, label='x')"
    x.data, x.grad = 0.5, broken
    assert repr(x) == f"Value(data=0.5, grad={'–' if broken is None else repr(broken)}, label='x')"


def test_dot_text_is_not_written_under_the_name_of_a_picture(tmp_path):
    _, _, y = graph()
    with pytest.raises(ValueError, match=r"save writes DOT text, no picture, .*a.svg' is the name of one: write save_svg\("):
        draw(y).save(tmp_path / "a.svg")
    with pytest.raises(ValueError, match=r"write render\(outfile='.*a.PNG'\), which needs the program dot$"):
        draw(y).save(tmp_path / "a.PNG")
    assert not any(tmp_path.iterdir())
    assert draw(y).save(str(tmp_path / "a.gv")) == str(tmp_path / "a.gv")
    assert (tmp_path / "a.gv").read_text().startswith("digraph {")
    draw(y).save_svg(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text().startswith("<svg")


def test_what_is_no_fraction_says_what_it_can_be_read_as():
    _, _, y = graph()
    with pytest.raises(ValueError, match=r'is no fraction; reevaluate\(y, "mpmath"\) and reevaluate\(y, float\) have one$'):
        reevaluate(y)
    with pytest.raises(ValueError, match=r"nan is no number in fractions$"):
        reevaluate(Value(float("nan")) * y)


def test_the_name_of_a_function_alone_is_told_apart_from_a_misspelt_name():
    with pytest.raises(ExpressionError, match=r"'tanh' is a function: write tanh\(\.\.\.\) with its arguments$"):
        parse("tanh + 1", {})
    with pytest.raises(ExpressionError, match=r"'tan' has no value: .*; did you mean 'tanh'"):
        parse("tan + 1", {})


USES = {
    "mul": lambda x: x * 2, "div": lambda x: 2 / x, "neg": lambda x: -x, "pow": lambda x: x**2, "lt": lambda x: x < 2,
    "tanh": tanh, "relu": relu, "leaky_relu": leaky_relu, "maximum": lambda x: maximum(x, 2),
    "dot": lambda x: dot([x, Value(1.0)], [1.0, 2.0]), "softmax": lambda x: softmax([Value(1.0), x]),
}  # fmt: skip


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize(("broken", "remedy"), [("1.5", r"write float\('1.5'\) if"), (None, "give an int, a float or a Value"), ([1], "a Value is one scalar: take")])
def test_arithmetic_names_the_value_whose_number_was_overwritten(use, broken, remedy):
    x = Value(0.5, "x")
    x.data = broken
    with pytest.raises(TypeError, match=rf"^'x' has \.data: a number was expected, not {re.escape(repr(broken))} of type .*; {remedy}") as told:
        use(x)
    assert told.value.__suppress_context__


def test_what_is_wrong_beside_a_sound_value_keeps_its_own_message():
    with pytest.raises(TypeError, match=r"^mul: a number was expected, not 'a' of type str"):
        Value(0.5, "x") * "a"
