"""Rows of one's own: wrong ones never enter the table, right ones are accepted by every reader."""

import copy
import math
import pickle
import random
import subprocess
import sys

import pytest

import engine
from engine import Value, cos, dot, exp, gradient, log, maximum, sigmoid, sin, sqrt, tanh, where
from engine.errors import DomainError, RangeError
from engine.formula import LATEX, TEXT, Formula, Notation, latex, symbol, text, total
from engine.ieee import FLOATS, value_and_partials
from engine.ops import TABLE
from engine.recording import record
from engine.source import MACHINE, NAMES
from engine.trust.check import gradcheck
from engine.trust.precision import precision_report
from engine.trust.primitive import _OWN, forget, primitive
from engine.trust.reevaluate import reevaluate
from engine.trust.trouble import anomaly


PLACES = [TABLE, TEXT, LATEX, FLOATS, MACHINE, NAMES]


@pytest.fixture(autouse=True)
def forgotten():
    """Whatever a test adds is gone afterwards, without a trace."""
    keys = [set(p) for p in PLACES]
    yield
    forget(*_OWN)
    for place, before in zip(PLACES, keys, strict=True):
        new = [key for key in place if key not in before]
        if place is NAMES:  # functions written meanwhile from the engine's rows may stay
            new = [key for key in new if not any(key.startswith(f"{row}_") for row in TABLE)]
        assert not new


def swish_row(name="swish"):
    return primitive(name, lambda a: a * sigmoid(a), lambda y, a: y + sigmoid(a) * (1 - y))


# ---- what a row of one's own can do -------------------------------------------------------------


def test_it_is_a_function_of_numbers_and_values():
    swish = swish_row()
    x = Value(0.7, "x")
    y = swish(x) * 3
    y.backward(seed=2.0)
    s = 1 / (1 + math.exp(-0.7))
    assert swish(0.7) == pytest.approx(0.7 * s, rel=1e-15)
    assert type(swish(1)) is float
    assert y.data == pytest.approx(2.1 * s, rel=1e-15)
    assert x.grad == pytest.approx(6 * (s + 0.7 * s * (1 - s)), rel=1e-14)
    assert swish.__name__ == "swish"
    assert swish.__doc__ == "y = a*sigmoid(a)\ndy/da = y + sigmoid(a)*(1 - y)"


def test_higher_derivatives_work_at_once():
    cube = primitive("cube", lambda a: a**3, lambda a: 3 * a * a)
    x = Value(1.5)
    y = cube(x)
    for wanted in (6.75, 9.0, 6.0):
        (y,) = gradient(y, [x])
        assert y.data == pytest.approx(wanted, rel=1e-14)
    assert gradcheck(lambda x: cube(sin(x)) * x, [0.8], order=2)


def test_rows_of_two_three_and_many_arguments():
    pinball = primitive(
        "pinball", lambda a, b: where(a > 0, b * a, (b - 1) * a), lambda a, b: where(a > 0, b, b - 1), lambda a, b: a
    )
    blend = primitive(
        "blend", lambda a, b, c: a * c + b * (1 - c), lambda a, b, c: c, lambda c, b, a: 1 - a, lambda a, b, c: a - b
    )
    norm = primitive("norm", lambda w: total(w * w) ** 0.5, lambda y, w: w / y, args=("*w",))
    weighted = primitive(
        "weighted",
        lambda w, x, b: dot(w, x) * b,
        lambda w, x, b: b * x,
        lambda w, x, b: b * w,
        lambda w, x, b: dot(w, x),
        args=("*w", "*x", "b"),
    )
    p, q, r = Value(-0.5), Value(0.25), Value(2.0)
    y = pinball(p, 0.3) + blend(p, q, r) * norm([p, q, r]) + weighted([p, q], [r, 3.0], p)
    assert gradcheck(y, order=2), gradcheck(y, order=2)
    n = math.sqrt(0.25 + 0.0625 + 4)
    assert y.data == pytest.approx(0.35 + (-1.0 - 0.25) * n + (-1 + 0.75) * -0.5, rel=1e-15)
    with pytest.raises(ValueError, match="different lengths, 1 and 2"):
        weighted([p, q], [r], p)


def test_formulas_are_accepted_as_they_are():
    a, b, y = symbol("a"), symbol("b"), symbol("y")
    gauss = primitive("gauss", exp(-a * a / b), -2 * a / b * y, y * a * a / (b * b))
    x = Value(0.5)
    assert gradient(gauss(x, 2.0), [x])[0].data == pytest.approx(-0.5 * math.exp(-0.125), rel=1e-14)
    constant = primitive("constant_one", lambda a: 1.0, 0)
    assert constant(Value(3.0)).partials == (0.0,)


def test_functions_of_the_engine_read_symbols():
    a, b = symbol("a"), symbol("b")
    w, x = symbol("w", vector=True), symbol("x", vector=True)
    assert repr(maximum(a, 2) + tanh(a * b)) == "maximum(a, 2) + tanh(a*b)"
    assert dot(w, x) is total(w * x)
    assert where(a > b, abs(a), 2**b) is Formula(
        "where", a > b, Formula("absolute", a), Formula("pow", Formula("number", 2.0), b)
    )
    with pytest.raises(TypeError, match=r"a > 0 is neither true nor false before it is read: write where"):
        a if a > 0 else b
    with pytest.raises(TypeError):
        tanh(["a"])


def test_text_and_latex():
    swish = primitive(
        "swish",
        lambda a: a * sigmoid(a),
        lambda y, a: y + sigmoid(a) * (1 - y),
        notation=("swish {}", r"\mathrm{{sw}}({})"),
    )
    assert text(Formula("swish", symbol("a") + 1)) == "swish (a + 1)"
    assert latex(Formula("swish", symbol("a") + 1)) == r"\mathrm{sw}(a + 1)"
    primitive("plus", lambda a, b: a + b - a * b, lambda a, b: 1 - b, lambda a, b: 1 - a, notation="{} (+) {}")
    f = Formula("plus", symbol("a") + 1, symbol("b"))
    assert text(f * 2) == "(a + 1) (+) b*2"
    assert swish(Value(1.0))._op == "swish"
    own = primitive("sq", lambda a: a * a, lambda a: 2 * a, notation=Notation("{}²", 9, (9,)))
    assert text(Formula("sq", symbol("a") * 3)) == "(a*3)²"
    assert own(Value(2.0)).data == 4.0


def test_domain_and_convention_are_told():
    root = primitive("root", lambda a: sqrt(a), lambda y, a: 1 / (2 * y), domain="a >= 0", convention="+inf at a = 0")
    assert root.__doc__.endswith("defined for a >= 0\n+inf at a = 0")
    with pytest.raises(DomainError, match=r"root\(x=-2.0\): outside the domain; root needs a >= 0"):
        root(Value(-2.0, "x"))


def test_nodes_are_copied_and_pickled_by_the_name_of_their_row():
    swish = swish_row()
    x = Value(0.5, "x")
    y = swish(x) * 2
    for again in (copy.deepcopy(y), pickle.loads(pickle.dumps(y))):
        again.backward()
        (leaf,) = (p for p in again.args[0].args)
        assert again.data == y.data
        assert leaf.grad == pytest.approx(gradient(y, [x])[0].data, rel=1e-15)
        assert again.args[0].op is TABLE["swish"]
    saved = pickle.dumps(y)
    forget("swish")
    with pytest.raises(LookupError, match="there is no row 'swish': define it with primitive"):
        pickle.loads(saved)


def test_the_function_is_pickled_where_it_has_its_name():
    globals()["picklable"] = f = primitive("picklable", lambda a: 2 * a, 2)
    assert pickle.loads(pickle.dumps(f)) is f


def test_every_reader_of_numbers_knows_it():
    swish = swish_row()
    x = Value(2.0, "x")
    y = swish(x)
    _, (d,) = value_and_partials(TABLE["swish"], {"a": 2.0})
    true = reevaluate(y, "mpmath")
    assert d == pytest.approx(float(true.gradients[x]), rel=1e-15)
    assert reevaluate(y, at={x: 0}).gradients[x] == 0.5
    assert precision_report(y)[x].gradient_digits > 14
    with anomaly():
        swish(x).backward()


def test_explanations_pictures_and_checks_know_it():
    erf = primitive("erf_", math.erf, lambda a: 2 / math.sqrt(math.pi) * exp(-a * a))
    swish = swish_row()
    w = Value(0.5, "w")
    y = swish(w * 3) * erf(w)
    y.label = "y"
    told = engine.explain(w, y)
    s = 1 / (1 + math.exp(-1.5))
    slope = 3 * (1.5 * s + s * (1 - 1.5 * s)) * math.erf(0.5) + 1.5 * s * 2 / math.sqrt(math.pi) * math.exp(-0.25)
    assert told.total == pytest.approx(slope, rel=1e-14)
    assert "erf_(w) = 0.520500" in str(told)
    assert "off by" in str(told)
    assert r"v_{3} &= \operatorname{erf\_}(w) = 0.520500" in told.latex()
    for view in (engine.tree(y), engine.listing(y), engine.draw_dot(y).source, engine.explore(y)._repr_html_()):
        assert "swish" in view
        assert "erf_" in view
    report = engine.gradcheck(y, [w], order=2)
    assert report, report
    assert report.nodes > 4


def test_native_programs_know_a_row_of_formulas():
    pytest.importorskip("llvmlite")
    swish, x = swish_row(), Value(0.7, "x")
    y = swish(x)
    f = engine.compile([y, *gradient(y, [x])], [x], backend="native")
    for at in (-2.5, 0.0, 40.0):
        x.data = at
        wanted = swish(x)
        assert list(f(at)) == [wanted.data, gradient(wanted, [x])[0].data]


def test_programs_know_it():
    program = pytest.importorskip("engine.program")
    erf = primitive("erf_", math.erf, lambda a: 2 / math.sqrt(math.pi) * exp(-a * a))
    swish = swish_row()
    x, z = Value(0.7, "x"), Value(-0.4, "z")
    y = swish(x) * erf(z)
    f = program.compile([y, *gradient(y, [x, z])], [x, z], backend="python")
    x2, z2 = Value(0.2), Value(1.1)
    wanted = swish(x2) * erf(z2)
    assert list(f(0.2, 1.1)) == [wanted.data, *(v.data for v in gradient(wanted, [x2, z2]))]


def test_another_function_of_a_name_that_was_forgotten_is_another_program():
    x, found = Value(0.7, "x"), []
    for y in (3.0, -5.0):  # at one place; elsewhere both are the square
        bump = primitive("bump", lambda a, y=y: y if 0.3 < a < 0.3001 else a * a, lambda a: 2 * a)
        found.append(engine.compile([bump(x)], [x], backend="python")(0.30005))
        forget("bump")
    assert found == [[3.0], [-5.0]]


# ---- functions that are Python through and through ----------------------------------------------


def test_a_function_of_floats_with_partials_as_formulas():
    erf = primitive("erf_", math.erf, lambda a: 2 / math.sqrt(math.pi) * exp(-a * a))
    x = Value(0.4, "x")
    y = erf(x)
    (d,) = gradient(y, [x])
    assert (y.data, erf(0.4)) == (math.erf(0.4), math.erf(0.4))
    assert d.data == pytest.approx(2 / math.sqrt(math.pi) * math.exp(-0.16), rel=1e-15)
    assert gradient(d, [x])[0].data == pytest.approx(-0.8 * d.data, rel=1e-14)
    assert gradcheck(y, order=2)
    assert text(TABLE["erf_"].value) == "erf_(a)"
    with pytest.raises(ValueError, match=r"erf_\(x=0.4\): the operation erf_ is not known in 50 digits"):
        reevaluate(y, "mpmath")


def test_a_branch_of_python_is_called_not_read():
    leak = primitive("leak", lambda a: a if a > 0 else 0.1 * a, lambda a: where(a > 0, 1, 0.1))
    assert [leak(x) for x in (-2.0, 2.0)] == [-0.2, 2.0]
    assert leak(Value(-2.0)).partials == (0.1,)


def test_what_it_raises_is_told_like_any_other_refusal():
    def gamma_of_positives(a):
        if a <= 0:
            raise ValueError("not here")
        return math.gamma(a)

    gamma = primitive("gamma_", gamma_of_positives, lambda y, a: y * digamma(a), points=[2.5, 3.5], domain="a > 0")
    with pytest.raises(RangeError, match=r"gamma_\(x=200.0\): too large for a float"):
        gamma(Value(200.0, "x"))
    with pytest.raises(DomainError, match=r"gamma_\(x=-1.0\): outside the domain; gamma_ needs a > 0"):
        gamma(Value(-1.0, "x"))
    assert value_and_partials(TABLE["gamma_"], {"a": 200.0})[0] == math.inf


def digamma(a):
    """The asymptotic series at a + 12, and the recurrence down to a: for a > 0 to 1e-11."""
    s = a + 12
    shifted = log(s) - 1 / (2 * s) - 1 / (12 * s * s) + 1 / (120 * s**4) - 1 / (252 * s**6)
    for k in range(12):
        shifted = shifted - 1 / (a + k)
    return shifted


# ---- refused ------------------------------------------------------------------------------------


WRONG = {
    "sign": (lambda a: cos(a), [lambda a: sin(a)], "analytic has the wrong sign"),
    "factor": (lambda a: a * a, [lambda a: a], "analytic is 0.500000 times the numeric"),
    "a millionth": (lambda a: exp(a), [lambda y, a: y * (1 + 1e-6)], "analytic is 1.000001 times the numeric"),
    "the other argument": (lambda a, b: a * b, [lambda a, b: a, lambda a, b: b], "dy/da = a disagrees at a="),
    "on one side only": (lambda a: maximum(a, 0.1 * a), [lambda a: where(a > 0, 1, 0.2)], "disagrees at a=-"),
    "far out only": (lambda a: tanh(a), [lambda y, a: where(a > 30, 1, 1 - y * y)], "disagrees at a="),
    "in a vector": (lambda w: total(w * w), [lambda w: 2 * w + 1e-6], r"disagrees at w=\["),
    "opaque": (math.erf, [lambda a: 2 / math.sqrt(math.pi) * exp(-a)], "by central differences"),
    "missing": (lambda a, b: a * exp(b), [lambda a, b: exp(b), 0], "analytic is 0: a term or a factor is missing"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_partial_never_enters_the_table(fault):
    forward, partials, says = WRONG[fault]
    before = [dict(p) for p in PLACES]
    with pytest.raises(ValueError, match=says) as found:
        primitive("wrong_one", forward, *partials, args=("*w",) if fault == "in a vector" else None)
    assert str(found.value).startswith("the row wrong_one was not added: dy/d")
    assert "0x" not in str(found.value)
    assert "wrong_one" not in TABLE
    assert not [key for p, held in zip(PLACES, before, strict=True) for key in p if key not in held and "wrong" in key]
    right = primitive("wrong_one", lambda a: a * a, lambda a: 2 * a)  # the name is free for the right one
    assert right(3.0) == 9.0


def test_points_of_ones_own_are_checked_first():
    forward, partial = (lambda a: where(a > 1000, 2 * a, a)), (lambda a: 1)
    assert primitive("far_bend", forward, partial)(1.0) == 1.0  # not found by chance
    with pytest.raises(ValueError, match=r"disagrees at a=2000\.0"):
        primitive("far_bend_", forward, partial, points=[1.0, 2000.0])
    with pytest.raises(ValueError, match=r"a point has 1 argument, not \[1.0, 2.0\]"):
        primitive("far_bend_", forward, partial, points=[[1.0, 2.0]])


def test_a_row_without_a_value_anywhere_needs_points():
    f = lambda a: sqrt(a - 1000)
    with pytest.raises(ValueError, match=r"dy/da could be judged at 0 random points only; give points="):
        primitive("shifted", f, lambda y, a: 1 / (2 * y))
    points = [1000.5 + k for k in range(5)]
    assert primitive("shifted", f, lambda y, a: 1 / (2 * y), points=points)(1004.0) == 2.0


def test_at_a_kink_any_convention_is_ones_own():
    bend = primitive(
        "bend", lambda a: where(a > 0, a, 0), lambda a: where(a > 0, 1, where(a < 0, 0, 0.5)), points=[0.0]
    )
    assert bend(Value(0.0)).partials == (0.5,)


def test_the_same_definition_again_and_another_one():
    def define():
        return primitive("swish", lambda a: a * sigmoid(a), lambda y, a: y + sigmoid(a) * (1 - y), domain="all")

    def define_opaque(scale):
        return primitive("opaque_one", lambda a: math.floor(a) * 0.0 + scale * a, lambda a: scale)

    first, row = define(), TABLE["swish"]
    assert define()(2.0) == first(2.0)
    assert TABLE["swish"] is row
    with pytest.raises(ValueError, match="there is a row 'swish' already; a new operation needs a new name"):
        primitive("swish", lambda a: a * a, lambda a: 2 * a)
    define_opaque(2.0)
    assert define_opaque(2.0)(3.0) == 6.0
    with pytest.raises(ValueError, match="there is a row 'opaque_one' already"):
        primitive("opaque_one", math.erf, lambda a: 2 / math.sqrt(math.pi) * exp(-a * a))


one, two = (lambda a: a), (lambda a: 1)


BAD = [
    (lambda: primitive("add", one, two), ValueError, "there is a row 'add' already"),
    (lambda: primitive("two words", one, two), ValueError, "must be a Python name, not 'two words'"),
    (lambda: primitive("lambda", one, two), ValueError, "must be a Python name, not 'lambda'"),
    (lambda: primitive(3, one, two), ValueError, "must be a Python name, not 3"),
    (lambda: primitive("power", one, two), ValueError, "'power' is the name of something else"),
    (lambda: primitive("node", math.erf, two), ValueError, "'node' is the name of something else"),
    (lambda: primitive("zip", math.erf, two), ValueError, "has another meaning"),
    (lambda: primitive("t12", math.erf, two), ValueError, "has another meaning"),
    (lambda: primitive("f", one), ValueError, "a partial for each argument"),
    (lambda: primitive("f", one, 1, 1, 1, 1), ValueError, "args= if there are more than three"),
    (lambda: primitive("f", one, two, two), ValueError, "forward cannot be called with the 2 arguments a, b"),
    (
        lambda: primitive("f", lambda a, b: a, two),
        ValueError,
        "forward cannot be called with the 1 argument a: missing",
    ),
    (lambda: primitive("f", one, lambda a, b, c: 1), ValueError, "a partial cannot be called with the 1 argument a"),
    (lambda: primitive("f", one, lambda: 1), ValueError, "a partial cannot be called with the 1 argument a"),
    (lambda: primitive("f", one, "1"), TypeError, "a partial must give a formula, not '1'"),
    (
        lambda: primitive("f", one, lambda a: math.exp(a)),
        TypeError,
        "a partial must give a formula when it is called on symbols",
    ),
    (lambda: primitive("fff", lambda a: "a", two), TypeError, "fff: a number was expected, not 'a'"),
    (
        lambda: primitive("f", lambda a: a.tanh(), two),
        AttributeError,
        "in formulas write functions, as tanh\\(a\\) for a.tanh",
    ),
    (lambda: primitive("f", symbol("q") * 2, 2), ValueError, r"its formulas use \['q'\], which are not among \('a',\)"),
    (lambda: primitive("f", one, 1, args=("n",)), ValueError, "an argument is a letter"),
    (lambda: primitive("f", one, 1, args=("slope",)), ValueError, "an argument is a letter"),
    (
        lambda: primitive("f", lambda w: math.fsum(w), 1, args=("*w",)),
        TypeError,
        "forward over a vector must give a formula",
    ),
    (
        lambda: primitive("f", one, 1, notation="f"),
        ValueError,
        r"the notation 'f' needs a \{\} for each argument, of which it has 1",
    ),
    (lambda: primitive("f", one, 1, notation="{} {1}"), ValueError, "needs a {} for each"),
    (lambda: primitive("f", one, 1, notation=3), ValueError, "needs a {} for each"),
    (lambda: forget("add"), ValueError, "there is no row 'add' of one's own to forget"),
]


@pytest.mark.parametrize(("call", "kind", "says"), BAD, ids=map(str, range(len(BAD))))
def test_bad_definitions_are_one_clear_error(call, kind, says):
    with pytest.raises(kind, match=says):
        call()
    assert "f" not in TABLE


def test_a_definition_is_the_same_in_every_process():
    code = (
        "from engine.trust.primitive import primitive\n"
        "try: primitive('wrong', lambda a: a * a, lambda a: 3 * a)\n"
        "except ValueError as e: print(e)"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
        ).stdout
        for seed in "12"
    }
    assert len(outputs) == 1
    assert "analytic is 1.500000 times the numeric" in outputs.pop()


def test_the_global_random_state_is_left_alone():
    random.seed(5)
    before = random.getstate()
    swish_row()
    assert random.getstate() == before


def test_record_on_numbers_still_refuses_what_is_no_number():
    for bad in (None, "a", [1.0], 1j):
        with pytest.raises(TypeError, match="tanh: a number was expected"):
            record(TABLE["tanh"], bad)
