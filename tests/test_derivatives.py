"""Derivatives of any order against 50-digit arithmetic, what they cost, and at other numbers than those recorded."""

import math
import random

import mpmath as mp
import pytest
from oracles import bits, exact, lines

import engine
import nn.losses  # noqa: F401  its rows join the table
from engine import Value, dot, exp, gradient, logsumexp, maximum, relu, sin, softmax, where
from engine.errors import StaleGraph
from engine.functions import function
from engine.graph import topological
from engine.ops import TABLE
from engine.transforms import grad, jvp


def D(f, x):
    return grad(f)(x)


def near(found, true, tolerance):
    """Whether numbers agree relative to the largest of them."""
    scale = max(1e-300, *(abs(t) for t in true))
    return all(abs(mp.mpf(g) - t) <= tolerance * scale for g, t in zip(found, true, strict=True))


def sizes(y, order):
    """How many nodes the derivatives of y have, up to an order."""
    (x,) = (v for v in topological(y) if v.op is None)
    found = []
    for _ in range(order):
        (y,) = gradient(y, [x])
        found.append(len(topological(y)))
    return found


# ---- every row, third order


def line(row, seed):
    """A point well inside the domain of a row, and a direction."""
    r = random.Random(f"{row.name} {seed}")
    low, high = (0.15, 0.85) if row.domain or seed % 2 else (-2.0, 2.0)
    shape = [3 if v else None for v in row.vector]
    return (
        [[r.uniform(*span) for _ in range(n)] if n else r.uniform(*span) for n in shape]
        for span in [(low, high), (-1.0, 1.0)]
    )


def along(point, direction, t):
    """The point, moved."""
    return [
        [p + v * t for p, v in zip(ps, vs, strict=True)] if isinstance(ps, list) else ps + vs * t
        for ps, vs in zip(point, direction, strict=True)
    ]


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("seed", range(6))
def test_third_derivatives_of_every_row_along_a_line(name, seed):
    """The third derivative of t -> y(p + t v) holds every third derivative of a row, mixed ones too."""
    row = TABLE[name]
    point, direction = line(row, seed)
    f = lambda t: function(name)(*along(point, direction, t))
    found = D(lambda t: D(lambda t: D(f, t), t), 0.0)
    with mp.workdps(120):
        f = lambda t: exact(row.value, dict(zip(row.args, along(point, direction, t), strict=True)))
        h = mp.mpf(10) ** -30
        true = (f(2 * h) - 2 * f(h) + 2 * f(-h) - f(-2 * h)) / (2 * h**3)
    assert abs(found - true) <= 1e-9 * abs(true) + 1e-25, (point, direction, found, true)


# ---- random graphs, orders one to four


SMOOTH = ["exp", "sin", "cos", "tanh", "sigmoid", "softplus", "log1p", "sqrt", "reciprocal", "cube"]


def program(seed, length=14):
    """A straight-line program of one input, as (operation, argument, argument)."""
    r = random.Random(seed)
    ops = [*SMOOTH, "add", "mul", "sub", "mul", "div", "pow"]
    return [(r.choice(ops), r.randrange(k + 1), r.randrange(k + 1)) for k in range(length)]


def run(steps, x, m):
    """The program in the numbers of `m`, each step between -1 and 1 so that domains are kept."""
    known = [x]
    for op, i, j in steps:
        a, b = known[i], known[j]
        if op in ("log1p", "sqrt"):
            y = getattr(m, op)(a * a + 0.5)
        elif op in SMOOTH[:6]:
            y = getattr(m, op)(a)
        else:
            y = {
                "reciprocal": lambda a, b: 1 / (a * a + 1),
                "cube": lambda a, b: a**3,
                "add": lambda a, b: a + b,
                "sub": lambda a, b: a - 0.3 * b,
                "mul": lambda a, b: a * b,
                "div": lambda a, b: a / (b * b + 0.7),
                "pow": lambda a, b: (a * a + 0.4) ** b,
            }[op](a, b)
        known.append(m.sin(y))
    return known[-1]


class Digits:
    """The engine's functions on many-digit numbers."""

    exp, sin, cos, tanh, log1p, sqrt = mp.exp, mp.sin, mp.cos, mp.tanh, mp.log1p, mp.sqrt
    sigmoid = staticmethod(lambda x: 1 / (1 + mp.exp(-x)))
    softplus = staticmethod(lambda x: mp.log(1 + mp.exp(x)))


@pytest.mark.parametrize("seed", range(25))
def test_derivatives_of_random_graphs_up_to_order_four(seed):
    steps = program(seed)
    x = y = Value(0.3 + 0.02 * seed)
    y = run(steps, x, engine)
    found = []
    for _ in range(4):
        y = gradient(y, [x])[0] if x in topological(y) else Value(0.0)
        found.append(y.data)
    with mp.workdps(60):
        coefficients = mp.taylor(lambda t: run(steps, t, Digits), mp.mpf(x.data), 4)
        true = [c * math.factorial(k) for k, c in enumerate(coefficients)][1:]
    assert near(found, true, 1e-10), (found, true)


@pytest.mark.parametrize("seed", range(25))
def test_second_pass_has_the_bits_of_backward(seed):
    """A derivative is a graph like any other: backward and gradient agree on it too."""
    x = Value(0.25 + 0.01 * seed)
    (d,) = gradient(run(program(seed), x, engine), [x])
    (second,) = gradient(d, [x])
    d.backward()
    assert bits(second.data) == bits(x.grad)


# ---- what derivatives cost


@pytest.mark.parametrize(
    ("expression", "at_most"),
    [
        ("1 / x", [4, 9, 20, 46, 89]),
        ("tanh(tanh(tanh(x)))", [23, 50, 90, 180, 340]),
        ("x**5", [3, 4, 4, 3, 1]),
        ("softplus(x)", [2, 5, 8, 11, 17]),
        ("x**x", [16, 40, 100, 200, 360]),
    ],
)
def test_derivatives_of_high_order_stay_small(expression, at_most):
    found = sizes(eval(expression, vars(engine), {"x": Value(0.7)}), 5)
    assert all(n <= m for n, m in zip(found, at_most, strict=True)), found


def test_a_partial_is_read_once_whoever_needs_it():
    x = Value(0.5)
    s = engine.sigmoid(-x)
    (d,) = gradient(engine.sigmoid(x) + s, [x])
    assert sum(n.op is TABLE["sigmoid"] for n in topological(d)) == 2  # both were there before
    xs = [Value(0.1 * k) for k in range(12)]
    gs = gradient(dot(softmax(xs), [0.5 * k for k in range(12)]), xs)
    ops = [n.op.name for n in topological(*gs) if n.op]
    assert ops.count("exp") == ops.count("sub") == 12
    assert ops.count("largest") == ops.count("total") == 1


def test_signed_zeros_are_not_taken_for_each_other():
    x = Value(-1.0)
    y = engine.leaky_relu(x, 0.0) * -2 + engine.leaky_relu(x, -0.0) * 3
    (d,) = gradient(y, [x])
    y.backward()
    assert bits(d.data) == bits(x.grad) == bits(-0.0)


def test_partials_with_ones_and_zeros_in_them():
    """Targets of 0 and 1 make factors of exactly 0 and 1, which leave no nodes; d2E/dx2 = o (1 - o) whatever the target."""
    row = function("bce_with_logits")
    for t in (0.0, 1.0, 0.25):
        found = D(lambda x, t=t: D(lambda x: row([x], [t]), x), 0.4)
        o = 1 / (1 + math.exp(-0.4))
        assert found == pytest.approx(o * (1 - o), rel=1e-14)
        assert D(lambda x, t=t: row([x], [t]), 0.4) == pytest.approx(o - t, rel=1e-14)


def test_a_factor_of_two_is_no_factor_of_one():
    """Targets that add up to 2: dE/dx = 2 softmax - t, and d2E/dx2 = 2 s (1 - s)."""
    E = lambda x: function("cross_entropy_with_logits")([x, 0.0], [0.5, 1.5])
    s = 1 / (1 + math.exp(-0.4))
    assert D(E, 0.4) == pytest.approx(2 * s - 0.5, rel=1e-14)
    assert D(lambda x: D(E, x), 0.4) == pytest.approx(2 * s * (1 - s), rel=1e-13)


def test_names_are_given_to_what_was_made_alone():
    a, b = Value(2.0, "a"), Value(3.0)
    y = a * b
    y.label = "E"
    assert gradient(y, [a]) == [b]
    assert b.label is None

    def E(x):
        y = sin(x) * x
        y.label = "E"
        return y

    assert grad(E)(a).label == "dE/da"


def horner(n):
    w, x = Value(0.75), Value(-0.5)
    y = x
    for _ in range(n):
        y = y * w + x
    return y, [w, x]


def test_work_and_nodes_grow_with_the_graph():
    def cost(n):
        y, xs = horner(n)
        gs = []
        return lines(lambda: gs.extend(gradient(y, xs))), len(topological(*gs))

    cost(10)  # what is made at the first use
    (small, few), (large, many) = cost(250), cost(2000)
    assert large == pytest.approx(8 * small, rel=0.02)
    assert many / few == pytest.approx(8, rel=0.01)
    assert many <= 6100  # 1.5 for each of the graph's


def test_a_chain_longer_than_any_stack():
    x = Value(0.5)
    y = x
    for _ in range(20_000):
        y = y.sin()
    (d,) = gradient(y, [x])
    y.backward()
    assert bits(d.data) == bits(x.grad)
    assert jvp(lambda x: [y * x], (2.0,), (3.0,))[1][0].data == 3 * y.data


# ---- at other numbers


def choices(a, b, c):
    """Every kind of choice, among smooth operations."""
    m = maximum(a * b, c) + engine.minimum(a, b * c)
    k = where(a < c, sin(a * b), exp(c) * b) + relu(b - a) + abs(a * c - 0.1) + engine.leaky_relu(c - b, 0.1)
    return logsumexp([a * b, c, b * c]) * m + k * softmax([a, b, c * c])[1] + engine.hypot(a, b - 2) * k


def test_derivatives_are_right_at_other_numbers_too():
    """Recorded at one place, evaluated again at others: the same bits as recorded there."""
    r = random.Random(5)
    xs = [Value(r.uniform(-1, 1)) for _ in "abc"]
    first = gradient(choices(*xs), xs)
    second = [gradient(g, xs) for g in first]
    for _ in range(8):
        for x in xs:
            x.data = r.uniform(-1, 1)
        ys = [Value(x.data) for x in xs]
        fresh = gradient(choices(*ys), ys)
        assert [bits(g.recompute().data) for g in first] == [bits(g.data) for g in fresh]
        again = [gradient(g, ys) for g in fresh]
        assert [bits(g.recompute().data) for row in second for g in row] == [bits(g.data) for row in again for g in row]


def test_a_stale_graph_is_refused_by_all():
    w = Value(2.0, "w")
    y = w * 3
    w.data = 5.0
    with pytest.raises(StaleGraph, match=r"'w' was changed to 5\.0 after the graph was recorded"):
        gradient(y, [w])
    with pytest.raises(StaleGraph, match=r"'w' was changed to 5\.0 after the graph was recorded"):
        grad(lambda x: x * y)(1.0)

    def step(x):
        y = w * x
        w.data -= 0.5
        return y

    with pytest.raises(StaleGraph, match=r"was changed to 4\.5"):
        grad(step)(1.0)
