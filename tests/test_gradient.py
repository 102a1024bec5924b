"""gradient: derivatives as graphs of Values, to be differentiated, evaluated again, compared with backward."""

import math
import random

import mpmath as mp
import pytest
from oracles import Point, bits, exact, points

import engine
import nn.losses  # its rows join the table
from engine import (
    Value,
    dot,
    exp,
    gradient,
    hypot,
    log,
    logsumexp,
    sigmoid,
    sin,
    softmax,
    sqrt,
    tanh,
    where,
)
from engine.functions import function
from engine.graph import topological
from engine.ops import TABLE


def second(y, xs):
    """The Hessian, row by row."""
    return [[d.data for d in gradient(first, xs)] if depends(first, xs) else None for first in gradient(y, xs)]


def depends(y, xs):
    return all(x in topological(y) for x in xs)


# ---- what it gives


def test_derivatives_are_values_in_the_order_asked_for():
    a, b, c = Value(2.0, "a"), Value(-3.0, "b"), Value(0.5)
    y = a * b + b * b * c
    db, da, again = gradient(y, [b, a, b])
    assert (db.data, da.data, again.data) == (2.0 - 3.0, -3.0, -1.0)
    assert type(da) is Value
    assert gradient(y, []) == []
    assert (a.grad, y.grad) == (None, None)


def test_by_itself_the_derivative_is_one():
    x = Value(3.0)
    y = x * x
    assert [d.data for d in gradient(y, [y, x])] == [1.0, 6.0]
    assert [d.data for d in gradient(x, [x])] == [1.0]


def test_by_an_inner_node():
    x = Value(0.5)
    h = x * 4
    y = h * h + x
    dh, dx = gradient(y, [h, x])
    assert (dh.data, dx.data) == (4.0, 17.0)
    assert gradient(dh, [h])[0].data == 2.0


def test_labels_say_what_a_derivative_is():
    x, w = Value(2.0, "x"), Value(3.0, "w")
    y = (w * x).tanh() * x
    y.label = "E"
    dx, dw = gradient(y, [x, w])
    assert (dx.label, dw.label) == ("dE/dx", "dE/dw")
    y.label = None
    assert gradient(y, [x])[0].label is None


def test_a_derivative_is_evaluated_again_with_its_leaves():
    x = Value(2.0)
    (d,) = gradient(x**3 + sin(x), [x])
    x.data = -1.5
    assert d.recompute().data == pytest.approx(3 * 2.25 + math.cos(-1.5), rel=1e-15)


def test_a_step_of_descent_is_a_graph_like_any_other():
    w = Value(0.75)
    loss = (w * 2 - 1) ** 2
    (d,) = gradient(loss, [w])
    after = w - 0.1 * d
    after.backward()
    assert after.data == pytest.approx(0.75 - 0.1 * 4 * 0.5)
    assert w.grad == pytest.approx(1 - 0.1 * 8)


# ---- what is refused


def test_any_iterable_of_values_will_do():
    x, y = Value(2.0), Value(3.0)
    z = x * y
    for xs in ([x, y], (x, y), {x: 0, y: 0}, iter([x, y])):
        assert [g.data for g in gradient(z, xs)] == [3.0, 2.0]
    with pytest.raises(ValueError, match="not in the graph"):
        gradient(z, iter([x, Value(1.0)]))


def test_a_stranger_is_refused():
    a, b = Value(2.0, "a"), Value(3.0, "b")
    y = a * 2
    with pytest.raises(
        ValueError,
        match=r"^gradient: Value\(data=3, grad=–, label='b'\) is not in the graph of "
        r"Value\(data=4, grad=–, op='mul'\); did you rebuild the expression\?$",
    ):
        gradient(y, [a, b])
    with pytest.raises(ValueError, match=r"^gradient: 2\.0 is not in the graph of"):
        gradient(y, [2.0])
    mixed = dot([a, 3.0], [1.0, b])
    assert [d.data for d in gradient(mixed, [a, b])] == [1.0, 3.0]


def test_what_is_not_a_value_is_refused():
    x = Value(2.0)
    sentence = r"^gradient takes a Value and a list of Values, as in \(y, \[x\]\), not {} and {}$"
    with pytest.raises(TypeError, match=sentence.format("3.0", r"\[Value\(data=2, grad=–\)\]")):
        gradient(3.0, [x])
    with pytest.raises(
        TypeError, match=sentence.format(r"Value\(data=4, grad=–, op='mul'\)", r"Value\(data=2, grad=–\)")
    ):
        gradient(x * 2, x)


# ---- what it makes


def test_an_adjoint_is_one_dot_product():
    """LEC-12: dE/do_j = sum_k w_kj dE/dnet_k."""
    o = Value(0.3, "o")
    ws = [Value(w) for w in (0.5, -1.25, 2.0)]
    nets = [tanh(w * o) for w in ws]
    y = dot(nets, nets)
    (d,) = gradient(y, [o])
    assert d.op is TABLE["dot"].quietly
    assert list(d.args[:3]) == ws[::-1]
    assert len(d.args) == 6
    y.backward()
    assert bits(d.data) == bits(o.grad)


def test_what_cannot_matter_is_left_out():
    x, c = Value(2.0), Value(3.0)
    y = x * 1 + sin(c) * exp(c)
    (d,) = gradient(y, [x])
    assert d.args == ()
    assert d.data == 1.0
    (d,) = gradient((x + c) * 5, [x])
    assert d.args == ()
    (d,) = gradient(x * c, [x])
    assert d is c  # the partial itself, no product by 1 around it


def test_a_product_by_one_is_its_other_factor():
    nets = [Value(0.5), Value(-2.0)]
    off, on = gradient(nn.losses.bce_with_logits(nets, [0, 1]), nets)
    assert off.args[0].op is TABLE["sigmoid"].quietly  # of (1 - t) sigmoid(x) - t sigmoid(-x) with t = 0
    assert off.data == pytest.approx(1 / (1 + math.exp(-0.5)), rel=1e-15)
    assert on.data == pytest.approx(-1 / (1 + math.exp(-2.0)), rel=1e-15)


@pytest.mark.parametrize("expression", ["relu(x) * 0 + (x < 3)", "where(x > 5, x * x, 3.0)", "relu(-x)"])
def test_a_structural_zero(expression):
    x = Value(2.0)
    (d,) = gradient(eval(expression, vars(engine), {"x": x}), [x])
    assert d.data == 0.0


def test_where_stays_live_in_the_derivative():
    x = Value(2.0)
    y = where(x > 1, x * x * x, -x)
    (d,) = gradient(y, [x])
    assert d.data == 12.0
    x.data = -4.0
    assert d.recompute().data == -1.0


def test_the_graph_of_a_derivative_stays_linear():
    x = Value(0.3)
    y = x
    for _ in range(30):
        y = (y * y + x).sin()
    n = len(topological(y))
    (d,) = gradient(y, [x])
    assert len(topological(d)) < 5 * n
    (dd,) = gradient(d, [x])
    assert len(topological(dd)) < 40 * n


def test_gradients_of_many_leaves_cost_one_pass():
    xs = [Value(0.1 * k) for k in range(2000)]
    y = dot(xs, xs)
    ds = gradient(y, xs)
    assert [d.data for d in ds] == [2 * x.data for x in xs]


# ---- first order, all rows: bits in test_table; here through a function of the row


@pytest.mark.parametrize("name", TABLE)
def test_first_order_through_another_function(name):
    row = TABLE[name]
    seen = 0
    for point in points(row, count=16, seed=2)[-16:]:
        if not mp.isfinite(point.value()) or abs(point.value()) > 100:
            continue
        made = [list(map(Value, p)) if isinstance(p, list) else Value(p) for p in point.args]
        xs = [v for p in made for v in (p if isinstance(p, list) else [p])]
        y = function(name)(*made)
        E = tanh(y * 0.3) + y * y - 0.5 * xs[0]
        E.backward()
        ds = gradient(E, xs)
        assert [bits(d.data) for d in ds] == [bits(x.grad) for x in xs], point
        seen += 1
    assert seen >= 4


# ---- second order


SECOND = [
    "mul",
    "div",
    "pow",
    "log",
    "exp",
    "sqrt",
    "sin",
    "tanh",
    "sigmoid",
    "softplus",
    "hypot",
    "dot",
    "net",
    "logsumexp",
    "softmax",
]
SECOND += ["sse", "bce", "bce_with_logits", "cross_entropy", "cross_entropy_with_logits", "expm1", "log1p", "azmul"]


@pytest.mark.parametrize("name", SECOND)
def test_second_derivatives_against_exact_differences_of_first(name):
    row = TABLE[name]
    r = random.Random(name)
    seen = 0
    for n in (1, 2):
        for _ in range(3):
            low, high = (0.2, 0.9)
            args = [[r.uniform(low, high) for _ in range(n)] if v else r.uniform(low, high) for v in row.vector]
            point = Point(row, args)
            made = [list(map(Value, p)) if isinstance(p, list) else Value(p) for p in args]
            xs = [v for p in made for v in (p if isinstance(p, list) else [p])]
            firsts = gradient(function(name)(*made), xs)
            for place, first in zip(point.places(), firsts, strict=True):
                for other, x in zip(point.places(), xs, strict=True):
                    if x not in topological(first):
                        got = 0.0
                    else:
                        got = gradient(first, [x])[0].data
                        first.backward()
                        assert x.grad == pytest.approx(got, rel=1e-13, abs=1e-15)
                    with mp.workdps(80):
                        h = mp.mpf(10) ** -26
                        ends = [_partial(row, point, place, other, s * h) for s in (1, -1)]
                        true = (ends[0] - ends[1]) / (2 * h)
                    assert abs(mp.mpf(got) - true) <= 1e-13 * (1 + abs(true)) * 20, (point, place, other, got, true)
                    seen += 1
    assert seen >= 6


def _partial(row, point, place, moved, h):
    symbols = point.moved(moved, h)
    i, k = place
    read = exact(row.partials[i], {**symbols, "y": exact(row.value, symbols)})
    return read[k] if isinstance(read, list) else read


def test_hessians_are_symmetric():
    xs = [Value(x) for x in (0.3, -0.8, 1.4)]
    a, b, c = xs
    y = log(hypot(a * b, c) + exp(a - c)) * sigmoid(b) + softmax(xs)[1] / (1 + a * a) + logsumexp([a, b * c])
    H = second(y, xs)
    for i in range(3):
        for k in range(3):
            assert H[i][k] == pytest.approx(H[k][i], rel=1e-12, abs=1e-14)
    assert H[0][0] != pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize(
    ("expression", "x", "value"),
    [
        ("x**3", 2.0, 12.0),
        ("1 / x", 2.0, 0.25),
        ("x * x * x", -1.5, -9.0),
        ("x**x", 1.0, 2.0),
        ("2**x", 0.0, math.log(2) ** 2),
        ("relu(x)", 2.0, 0.0),
        ("absolute(x)", -2.0, 0.0),
        ("maximum(x, 1) ** 2", 2.0, 2.0),
        ("(x - 2) * log(x)", 2.0, 1.0),
        ("x**2", 0.0, 2.0),
        ("x**1", 0.0, 0.0),
        ("sqrt(x)", 4.0, -1 / 32),
        ("sqrt(x)", 0.0, -math.inf),
        ("tanh(x)", 20.0, -8 * math.exp(-40)),
        ("sigmoid(x)", -40.0, math.exp(-40)),
    ],
)
def test_second_derivatives_of_one_variable(expression, x, value):
    x = Value(x)
    (first,) = gradient(eval(expression, vars(engine), {"x": x}), [x])
    got = gradient(first, [x])[0].data if x in topological(first) else 0.0
    assert got == pytest.approx(value, rel=1e-13, abs=0 if value else 1e-300)


def test_the_exponent_zero_has_a_slope_of_its_own():
    a, b = Value(2.0), Value(0.0)
    by_a, by_b = gradient(a**b, [a, b])
    assert (by_a.data, by_b.data) == (0.0, math.log(2))
    assert gradient(by_a, [b])[0].data == gradient(by_b, [a])[0].data == 0.5  # a^(b - 1) (1 + b ln a)


def test_a_third_derivative():
    x = Value(0.7)
    y = sin(x) * x**3
    d = y
    for _ in range(3):
        (d,) = gradient(d, [x])
    s, c = math.sin(0.7), math.cos(0.7)
    assert d.data == pytest.approx(-c * 0.343 - 3 * s * 3 * 0.49 + 3 * c * 6 * 0.7 + 6 * s, rel=1e-13)


# ---- zeros and infinities


@pytest.mark.parametrize("expression", ["0 * sqrt(x)", "Value(0.0) * sqrt(x)", "sqrt(x) * sqrt(x) * 0"])
def test_an_adjoint_of_zero_stays_zero_through_an_infinite_partial(expression):
    x = Value(0.0)
    (d,) = gradient(eval(expression, vars(engine), {"x": x}), [x])
    assert d.data == 0.0


def test_an_adjoint_that_is_not_zero_meets_the_infinity():
    x = Value(0.0)
    (d,) = gradient(3 * sqrt(x), [x])
    assert d.data == math.inf
    (d,) = gradient(-sqrt(x), [x])
    assert d.data == -math.inf


def test_azmul_is_zero_for_an_exact_zero_alone():
    azmul = function("azmul")
    for a, b, y in [
        (math.inf, 0.0, 0.0),
        (-math.inf, -0.0, 0.0),
        (math.nan, 0.0, 0.0),
        (3.0, -0.0, -0.0),
        (math.inf, 2.0, math.inf),
    ]:
        assert bits(azmul(a, b)) == bits(azmul(Value(a), Value(b)).data) == bits(y)
    assert math.isnan(azmul(math.inf, math.nan))
    assert math.isnan(azmul(0.0, math.inf))
    a, b = Value(math.inf), Value(0.0)
    azmul(a, b).backward(seed=2.0)
    assert (a.grad, b.grad) == (0.0, 0.0)
    a, b = Value(3.0), Value(0.0)
    azmul(a, b).backward(seed=2.0)
    assert (a.grad, b.grad) == (0.0, 6.0)


def test_losses_are_differentiated_twice():
    o = [Value(0.7), Value(0.2)]
    y = nn.losses.bce(o, [1.0, 0.0])
    d = gradient(y, o)
    assert [v.data for v in d] == pytest.approx([-1 / 0.7, 1 / 0.8], rel=1e-14)
    assert gradient(d[0], [o[0]])[0].data == pytest.approx(1 / 0.49, rel=1e-14)
