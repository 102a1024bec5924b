"""A graph in other numbers: floats to the bit, fractions exactly, many digits against mpmath's own functions."""

import math
import sys
import threading
from fractions import Fraction

import mpmath
import pytest
from graphs import random_graph
from oracles import bits

import engine.trust.systems
from engine import (
    Leaves,
    Value,
    dot,
    exp,
    expm1,
    hypot,
    log,
    maximum,
    minimum,
    sigmoid,
    sin,
    softmax,
    softplus,
    sqrt,
    tanh,
    where,
)
from engine.graph import topological
from engine.ieee import value_and_partials
from engine.ops import TABLE
from engine.trust.reevaluate import reevaluate
from engine.trust.steps import COMPLEX, complex_digits
from engine.trust.systems import FLOAT, Refused, many_digits
from nn import MLP, losses


INF, NAN = math.inf, math.nan


def grads(root):
    root.backward()
    return {n: n.grad for n in topological(root)}


# ---- floats -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_in_floats_every_bit_is_that_of_the_recording_and_of_backward(seed):
    root = random_graph(seed)
    again = reevaluate(root, float)
    for n, g in grads(root).items():
        assert bits(again.values[n]) == bits(n.data)
        assert bits(again.gradients[n]) == bits(g)


@pytest.mark.parametrize("loss", ["sse", "half_sse", "bce", "bce_with_logits", "cross_entropy", "hinge"])
def test_the_rows_of_the_losses_in_floats(loss):
    output = "softmax" if loss == "cross_entropy" else "sigmoid" if loss == "bce" else "tanh"
    model = MLP(3, [4, 2], activation="relu", output=output, seed=5)
    E = losses.LOSSES[loss](model([0.3, -1.2, 0.8]), [1, -1] if loss == "hinge" else [1, 0])
    again = reevaluate(E, float)
    assert {n: bits(g) for n, g in grads(E).items()} == {n: bits(g) for n, g in again.gradients.items()}


# ---- fractions ----------------------------------------------------------------------------------


def rational(x, y, z):
    """A function that plain Fractions can compute as well as Values: the arithmetic is Python's own."""
    u = (x * y - 3) ** 3 / (z * z + 1)
    return u * abs(x - z) + (u - y) / (2 + x * x) - x**-2


def test_fractions_are_those_of_exact_arithmetic():
    numbers = [Fraction(3, 4), Fraction(-5, 2), Fraction(7, 8)]
    xs = [Value(float(q)) for q in numbers]
    again = reevaluate(rational(*xs), Fraction)
    assert again.value == rational(*numbers)
    assert type(again.value) is Fraction
    h = Fraction(1, 10**9)
    for k, x in enumerate(xs):
        beside = [[q + s * h * (i == k) for i, q in enumerate(numbers)] for s in (-1, 1)]
        quotient = (rational(*beside[1]) - rational(*beside[0])) / (2 * h)
        assert abs(again.gradients[x] - quotient) < h  # exact but for the h^2 of the quotient


def test_an_exact_gradient_by_hand():
    o, t = [Value(0.25), Value(0.5)], [1.0, 0.125]
    E = losses.sse(o, t)
    again = reevaluate(E)
    assert again.value == Fraction(9, 16) + Fraction(9, 64)
    assert [again.gradients[p] for p in o] == [Fraction(-3, 2), Fraction(3, 4)]
    w, x, b = Leaves([Value(0.5), Value(-0.25)]), [Value(3.0), Value(2.0)], Value(0.75)
    unit = maximum(dot(w, x) + b, 1.0) ** 2
    again = reevaluate(unit)
    assert again.value == Fraction(49, 16)
    assert [again.gradients[p] for p in (*w, *x, b)] == [Fraction(n, 8) for n in (84, 56, 14, -7, 28)]


def test_a_tenth_is_the_binary_fraction_that_it_is():
    x = Value(0.1, "x")
    assert reevaluate(x + 0.2).value == Fraction(0.1) + Fraction(0.2) != Fraction(3, 10)
    assert reevaluate(x * 3, at={x: "1/10"}).value == Fraction(3, 10)


def test_functions_are_exact_where_their_values_are_rational():
    x, y = Value(3.0), Value(4.0)
    assert reevaluate(hypot(x, y)).value == 5
    assert reevaluate(sqrt(Value(2.25))).value == Fraction(3, 2)
    z = Value(0.0)
    for f, y, d in [(sigmoid, Fraction(1, 2), Fraction(1, 4)), (tanh, 0, 1), (exp, 1, 1), (expm1, 0, 1), (sin, 0, 1)]:
        again = reevaluate(f(z))
        assert (again.value, again.gradients[z]) == (y, d), f


@pytest.mark.parametrize(
    ("f", "says"),
    [
        (lambda x: tanh(x) * 2, r"tanh\(x=0.5\): tanh\(1/2\) is no fraction"),
        (lambda x: x**0.5, r"pow\(x=0.5, b=0.5\): power\(1/2, 1/2\) is no fraction"),
        (lambda x: sqrt(x), r"sqrt\(x=0.5\): sqrt\(1/2\) is no fraction"),
        (lambda x: softmax([x, 1.0])[0], r"softmax\(x=0.5, x=\[0.5, 1.0\]\): exp\(-1/2\) is no fraction"),
    ],
)
def test_what_is_no_fraction_is_told_with_its_node(f, says):
    with pytest.raises(ValueError, match=says):
        reevaluate(f(Value(0.5, "x")))


def test_nothing_overflows_in_fractions():
    y = Value(2.0) * 1e308
    assert math.isinf(y.data)
    assert reevaluate(y).value == 2 * int(1e308)


def test_a_branch_that_is_not_chosen_may_have_no_value():
    x = Value(-0.5, "x")
    y = where(x < 0, x * x, exp(x))
    again = reevaluate(y)
    assert (again.value, again.gradients[x]) == (Fraction(1, 4), -1)
    with pytest.raises(ValueError, match=r"exp\(x=-0.5\): exp\(-1/2\) is no fraction"):
        again.values[y.args[2]]
    assert y.args[2] not in again.values
    E = losses.cross_entropy([Value(0.5), Value(0.25)], [0, 0])
    assert reevaluate(E).value == 0  # t = 0 stops ln o


def test_a_partial_without_a_value_is_told():
    x = Value(0.5)
    y = x**0.5 * 0
    with pytest.raises(ValueError, match="no fraction"):
        reevaluate(y)
    z = Value(2.0, "z")
    power = Value(2.0, "p")
    again = reevaluate(z**power)
    assert again.gradients[z] == 4
    with pytest.raises(ValueError, match=r"pow\(z=2.0, p=2.0\): log\(2\) is no fraction"):
        again.gradients[power]
    with pytest.raises(ValueError, match=r"pow\(z=2.0, p=2.0\): log\(2\) is no fraction"):
        again.partials(again.root)


def test_whole_powers_of_sensible_size_only():
    assert reevaluate(Value(0.5) ** -3).value == 8
    assert reevaluate(Value(1.0) ** 1e6).value == 1
    with pytest.raises(ValueError, match="no fraction"):
        reevaluate(Value(0.5) ** 1e6)


# ---- many digits --------------------------------------------------------------------------------


SMOOTH = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "sqrt": mpmath.sqrt,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tanh": mpmath.tanh,
    "sigmoid": lambda a: 1 / (1 + mpmath.exp(-a)),
    "softplus": lambda a: mpmath.log(1 + mpmath.exp(a)),
    "hypot": mpmath.hypot,
    "pow": mpmath.power,
    "div": lambda a, b: a / b,
    "logsumexp": lambda *x: mpmath.log(mpmath.fsum(map(mpmath.exp, x))),
}


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("shown", [False, True])
def test_values_and_gradients_in_fifty_digits(name, shown):
    row = TABLE[name]
    count = 3 if row.vector[0] else len(row.args)
    for point in [(0.7, 1.3, 0.2), (1e-3, 0.5, 2.0), (2.5, 3.0, -1.0)]:
        xs = [Value(x) for x in point[:count]]
        f = engine.functions.function(name)
        y = xs[0] ** xs[1] if name == "pow" else xs[0] / xs[1] if name == "div" else f(xs) if row.vector[0] else f(*xs)
        again = reevaluate(y, mpmath.mpf, shown=shown)
        with mpmath.workdps(70):
            true = SMOOTH[name](*map(mpmath.mpf, point[:count]))
            assert abs(again.value / true - 1) < mpmath.mpf(10) ** -48
            for k, x in enumerate(xs):
                order = tuple(int(i == k) for i in range(count))
                d = mpmath.diff(SMOOTH[name], point[:count], order)
                assert abs(again.gradients[x] / d - 1) < mpmath.mpf(10) ** -25


def test_the_digits_asked_for_and_nobody_elses_precision():
    before = mpmath.mp.dps
    y = Value(2.0).sqrt()
    assert str(reevaluate(y, "mpmath", digits=40).value) == "1.41421356237309504880168872420969807857"
    assert str(reevaluate(y, mpmath.mpf, digits=20).value) == "1.4142135623730950488"
    assert mpmath.mp.dps == before


@pytest.mark.parametrize("x", [-700.0, -40.0, -1.0, 0.0, 20.0, 40.0, 355.0, 700.0])
def test_saturated_floats_keep_their_digits_against_many(x):
    for f in (sigmoid, tanh, softplus):
        v = Value(x)
        y = f(v)
        true, floats = reevaluate(y, "mpmath", digits=700), reevaluate(y, float)
        for one, other in [(true.value, floats.value), (true.gradients[v], floats.gradients[v])]:
            assert abs(other - one) <= 1e-13 * abs(one) + 1e-307


def test_the_form_of_the_notes_loses_what_the_computed_one_keeps():
    z = Value(37.0)
    y = sigmoid(z)
    assert reevaluate(y, float, shown=True).gradients[z] == 0.0
    true = reevaluate(y, "mpmath").gradients[z]
    assert float(true) == pytest.approx(8.533047625744066e-17, rel=1e-13, abs=0)
    assert reevaluate(y, float).gradients[z] == pytest.approx(float(true), rel=1e-13, abs=0)
    assert abs(reevaluate(y, "mpmath", shown=True).gradients[z] / true - 1) < 1e-30


def test_without_mpmath_one_sentence_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpmath", None)
    with pytest.raises(ImportError, match="needs mpmath, the extra digits: install it with `python -m pip install mpmath`"):
        reevaluate(Value(1.0), "mpmath", digits=33)


def test_threads_do_not_disturb_each_others_digits():
    y = sigmoid(Value(0.3)) * expm1(Value(0.25))
    alone = reevaluate(y, "mpmath", digits=60).value
    found = []

    def read():
        found.extend(str(reevaluate(y, "mpmath", digits=60).value) for _ in range(150))

    threads = [threading.Thread(target=read) for _ in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    finally:
        sys.setswitchinterval(interval)
    assert set(found) == {str(alone)}
    assert len(found) == 600


# ---- complex steps ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
def test_a_step_off_the_real_axis_gives_the_gradient(seed):
    root = random_graph(seed)
    found = grads(root)
    for x in [n for n in found if n.op is None]:
        step = reevaluate(root, complex, at={x: complex(x.data, 1e-30)})
        assert step.value.real == pytest.approx(root.data, rel=1e-13)
        assert step.value.imag / 1e-30 == pytest.approx(found[x], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("system", [COMPLEX, complex_digits(40)])
def test_complex_numbers_have_values_where_the_reals_have(system):
    def value(name, *args):
        y = system.evaluate(TABLE[name].value, dict(zip(TABLE[name].args, map(system.convert, args), strict=True)))
        return y if isinstance(y, Refused) else complex(y)

    assert value("pow", complex(-2, 1e-20), 3.0) == pytest.approx(complex(-8, 12e-20), abs=0, rel=1e-12)
    assert value("pow", complex(-2, 1e-20), 3.0).imag == pytest.approx(12e-20, rel=1e-12, abs=0)
    assert value("pow", 0.0, 1.5) == 0
    outside = [("pow", -8.0, 1 / 3), ("log", -1.0), ("log", 0.0), ("sqrt", -1.0), ("log1p", -1.5), ("div", 1.0, 0.0)]
    for name, *args in outside:
        assert isinstance(value(name, *args), Refused), name
    assert value("absolute", complex(-2, 1e-20)) == complex(2, -1e-20)
    assert value("relu", complex(-1, 1)) == 0
    assert value("log1p", complex(1e-12, 1e-20)).imag == pytest.approx(1e-20, rel=1e-11, abs=0)
    assert value("log1p", complex(1e-12, 1e-20)).real == pytest.approx(1e-12, rel=1e-11, abs=0)
    assert value("expm1", complex(-40.0, 1e-20)).imag == pytest.approx(math.exp(-40) * 1e-20, rel=1e-12, abs=0)
    assert value("expm1", complex(1e-12, 0.0)).real == pytest.approx(1e-12, rel=1e-11, abs=0)


# ---- conventions, in every reader of numbers ----------------------------------------------------


CONVENTIONS = [  # row, arguments, value, partials: NaN where there is none
    ("relu", [0.0], 0, [0]),
    ("relu", [-0.0], 0, [0]),
    ("leaky_relu", [0.0, 0.25], 0, [0.25, 0]),
    ("absolute", [0.0], 0, [0]),
    ("absolute", [-3.0], 3, [-1]),
    ("maximum", [2.0, 2.0], 2, [0.5, 0.5]),
    ("minimum", [2.0, 2.0], 2, [0.5, 0.5]),
    ("maximum", [2.0, 3.0], 3, [0, 1]),
    ("largest", [[1.0, 4.0, 4.0]], 4, [[0, 0.5, 0.5]]),
    ("where", [1.0, 5.0, 7.0], 5, [0, 1, 0]),
    ("where", [0.0, 5.0, 7.0], 7, [0, 0, 1]),
    ("lt", [1.0, 1.0], 0, [0, 0]),
    ("le", [1.0, 1.0], 1, [0, 0]),
    ("hypot", [0.0, 0.0], 0, [0, 0]),
    ("hypot", [0.0, -4.0], 4, [0, -1]),
    ("pow", [0.0, 0.0], 1, [0, -INF]),
    ("pow", [5.0, 0.0], 1, [0, None]),
    ("pow", [0.0, 1.0], 0, [1, 0]),
    ("pow", [0.0, 2.0], 0, [0, 0]),
    ("pow", [0.0, 3.0], 0, [0, 0]),
    ("pow", [-2.0, 3.0], -8, [12, NAN]),
    ("pow", [0.0, 0.5], 0, [INF, 0]),
    ("pow", [0.0, 1.5], 0, [0, 0]),
    ("pow", [0.0, -1.0], INF, [-INF, -INF]),
    ("pow", [-8.0, 1 / 3], NAN, [NAN, NAN]),
    ("sqrt", [0.0], 0, [INF]),
    ("sqrt", [-1.0], NAN, [NAN]),
    ("log", [0.0], -INF, [INF]),
    ("log", [-1.0], NAN, [None]),
    ("log1p", [-1.0], -INF, [INF]),
    ("div", [1.0, 0.0], INF, [INF, -INF]),
    ("div", [0.0, 0.0], NAN, [INF, NAN]),
    ("maximum", [NAN, 1.0], NAN, [None, None]),
    ("minimum", [1.0, NAN], NAN, [None, None]),
    ("relu", [NAN], NAN, [None]),
    ("azmul", [INF, 0.0], 0, [0, 0]),
    ("sqrt", [4.0], 2, [0.25]),
    ("log", [1.0], 0, [1]),
    ("div", [3.0, -0.5], -6, [-2, -12]),
    ("azmul", [3.0, 0.0], 0, [0, 3]),
    ("hinge", [[0.5], [2.0]], 0, [[0], [0]]),
    ("sse", [[0.5, 2.0], [1.0, 2.0]], 0.25, [[-1, 0], [1, 0]]),
]


def readings(row, args):
    """Value and partials of a row by each system that has them; a system that refuses gives None."""
    for system in (FLOAT, engine.trust.systems.FRACTION, many_digits(50)):
        read = [[*map(system.convert, x)] if isinstance(x, list) else system.convert(x) for x in args]
        if any(isinstance(x, Refused) for x in read):  # no fraction is infinite
            continue
        symbols = dict(zip(row.args, read, strict=True))
        y = system.evaluate(row.value, symbols)
        yield system, y, [system.evaluate(f, {**symbols, "y": y}) for f in row.partials]
    yield FLOAT, *value_and_partials(row, dict(zip(row.args, args, strict=True)))


def agrees(system, got, wanted):
    if wanted is None:
        return True
    if isinstance(wanted, list):
        got = got if isinstance(got, list) else [got] * len(wanted)
        return all(agrees(system, p, q) for p, q in zip(got, wanted, strict=True))
    if isinstance(got, Refused):  # fractions alone, and only where there is no finite number
        return system is engine.trust.systems.FRACTION and not math.isfinite(wanted)
    return got == wanted or (wanted != wanted and got != got)


@pytest.mark.parametrize(("name", "args", "value", "partials"), CONVENTIONS, ids=lambda p: str(p))
def test_kinks_and_edges_are_the_same_in_all_numbers(name, args, value, partials):
    for system, y, found in readings(TABLE[name], args):
        assert agrees(system, y, value), (system, y)
        for d, wanted in zip(found, partials, strict=True):
            assert agrees(system, d, wanted), (system, d, wanted)


@pytest.mark.parametrize("number", [float, Fraction, mpmath.mpf])
def test_an_adjoint_of_zero_contributes_zero(number):
    x = Value(0.0)
    assert reevaluate(sqrt(x) * 0, number).gradients[x] == 0
    z = Value(0.0)
    assert reevaluate((z**0.5) * 0, float).gradients[z] == 0


@pytest.mark.parametrize("number", [float, mpmath.mpf])
def test_edges_that_only_infinities_describe(number):
    x = Value(0.0)
    assert reevaluate(sqrt(x) * 3, number).gradients[x] == INF
    y = Value(4.0)
    pole = reevaluate(1 / y, number, at={y: 0})
    assert (pole.value, pole.gradients[y]) == (INF, -INF)
    assert reevaluate(log(y), number, at={y: 0}).value == -INF
    assert reevaluate(y**-1.0, number, at={y: 0}).value == INF
    assert math.isnan(reevaluate(log(y), number, at={y: -1}).value)
    root = reevaluate(y ** (1 / 3), number, at={y: -8}).value
    assert math.isnan(root)
    assert not isinstance(root, complex)
    for f in (maximum, minimum):
        assert math.isnan(reevaluate(f(y, 1.0), number, at={y: NAN}).value)
    with pytest.raises(ValueError, match=r"div\(a=1.0, b=4.0\): div\(1, 0\) has no value in fractions"):
        reevaluate(1 / y, at={y: 0})


# ---- the graph ----------------------------------------------------------------------------------


def test_the_graph_is_not_touched():
    x = Value(0.5, "x")
    y = x * x
    y.backward(seed=3.0)
    before = [(n.data, n.grad, n.partials) for n in (x, y)]
    again = reevaluate(y, at={x: 7})
    assert (again.value, again.gradients[x]) == (49, 14)
    assert [(n.data, n.grad, n.partials) for n in (x, y)] == before


def test_a_changed_leaf_is_read_as_it_is_now():
    x = Value(2.0)
    y = x * 3
    x.data = 5.0
    assert reevaluate(y).value == 15


def test_an_inner_node_may_be_given_a_number():
    x = Value(2.0, "x")
    u = x * x
    y = u * x
    again = reevaluate(y, at={u: Fraction(1, 3)})
    assert again.value == Fraction(2, 3)
    assert again.gradients[x] == Fraction(1, 3)  # u does not move with x any more
    assert again.gradients[u] == 2


def test_depth_is_no_obstacle():
    x = Value(1.0)
    y = x
    for _ in range(20_000):
        y = y + x
    again = reevaluate(y)
    assert (again.value, again.gradients[x]) == (20_001, 20_001)


def test_constants_among_values_of_a_vector():
    x = Value(0.5)
    y = dot([x, 2.0, x], [3.0, x, 0.25])
    again = reevaluate(y)
    assert again.value == Fraction(3, 2) + 1 + Fraction(1, 8)
    assert again.gradients[x] == 3 + 2 + Fraction(1, 4)
    assert again.partials(y) == (3, None, Fraction(1, 4), None, 2, None)
    assert repr(again) == "<reevaluated in fractions: 21/8>"


@pytest.mark.parametrize(
    ("call", "kind", "says"),
    [
        (lambda: reevaluate(2.0), TypeError, "reads the graph of a Value, not 2.0"),
        (lambda: reevaluate(Value(2.0), int), TypeError, r"Fraction, float, complex .* not as <class 'int'>"),
        (lambda: reevaluate(Value(2.0), at={Value(1.0): 2}), ValueError, "is not in the graph"),
        (lambda: reevaluate(Value(2.0), "mpmath", digits=0), ValueError, "digits must be a whole number >= 1, not 0"),
        (lambda: reevaluate(Value(INF)), ValueError, "a leaf: inf is no number in fractions"),
        (lambda: reevaluate(x := Value(1.0), at={x: "one"}), ValueError, "'one' is no number in fractions"),
        (lambda: reevaluate(Value(1.0)).values[Value(2.0)], KeyError, "Value"),
    ],
)
def test_bad_input_is_refused(call, kind, says):
    with pytest.raises(kind, match=says):
        call()
