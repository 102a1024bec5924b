"""Expressions in micrograd's spelling: `from micrograd.engine import Value` changed to `from engine import Value`.

The gradients are compared with those of HIPS autograd, an independent engine, or with exact numbers.
"""

import math
import random

import autograd
import autograd.numpy as anp
import pytest

from engine import Value


def relu(z):
    return z.relu() if isinstance(z, Value) else anp.maximum(z, 0.0)


def reused(x):
    """A node with several users, one of which is a relu of a square."""
    z = 3 * x + 1 - x
    q = relu(z) + z * x
    h = relu(z * z)
    return h + q + q * x


def every_operator(a, b):
    """Both sides of every operator, in-place sums, subtraction, division, negation and whole powers."""
    c = a + b
    d = a * b + b**3
    c += c + 2
    c += 1 + c + (-a)
    d += d * 3 + relu(b + a)
    d += 2 * d + relu(b - a)
    e = c - d
    f = e**2
    g = f / 4.0
    g += 7.0 / f
    return g - 5 + (1 - g) * 0.125 - -a


def logistic(w, x):
    """A sigmoid spelled with a power, as micrograd has no exp."""
    s = w * x - 0.5
    return (s**2 + 1) ** -1 + (s / 2) ** 3 * s


@pytest.mark.parametrize(
    ("f", "at"),
    [
        (reused, [-4.0]),
        (reused, [2.5]),
        (every_operator, [-4.0, 2.0]),
        (every_operator, [1.75, -0.6]),
        (logistic, [0.7, -1.3]),
    ],
)
def test_gradients_are_those_of_autograd(f, at):
    leaves = [Value(x) for x in at]
    y = f(*leaves)
    y.backward()
    value = f(*at)
    slopes = autograd.grad(f, argnum=tuple(range(len(at))))(*at)
    assert y.data == pytest.approx(value, rel=1e-14)
    assert [v.grad for v in leaves] == pytest.approx([float(d) for d in slopes], rel=1e-12)


def test_an_exact_example():
    x = Value(-4.0)
    y = reused(x)
    y.backward()
    # z = -7: relu(z) = 0, q = zx = 28, h = 49, y = 49 + 28 - 112; dz/dx = 2, dq/dx = 2x + z = -15
    assert y.data == -35.0
    assert x.grad == 2 * -7 * 2 + -15 + (-15 * -4 + 28)


@pytest.mark.parametrize("x", [2.0, -1.5, 0.25])
def test_powers_and_numbers_on_the_left(x):
    for f, slope in [
        (lambda v: v**3, 3 * x**2),
        (lambda v: v**-1, -(x**-2)),
        (lambda v: 2 - v, -1.0),
        (lambda v: 2 / v, -2 / x**2),
        (lambda v: 2**v, math.log(2) * 2**x),
        (lambda v: 3 + v * 2, 2.0),
        (lambda v: -v, -1.0),
    ]:
        v = Value(x)
        f(v).backward()
        assert v.grad == pytest.approx(slope, rel=1e-15)


def test_prev_and_op():
    a, b = Value(2.0), Value(3.0)
    assert (a + b)._prev == {a, b}
    assert (a * a)._prev == {a}
    assert (a * 2)._prev == {a}
    assert a._prev == set()
    assert [a._op, (a + b)._op, (a * b)._op, (a - b)._op, (a / b)._op, (a**2)._op, a.relu()._op] == [
        "",
        "+",
        "*",
        "-",
        "/",
        "**",
        "relu",
    ]


def trace(root):
    """Nodes and edges as micrograd's notebook collects them."""
    nodes, edges = set(), set()

    def build(v):
        if v not in nodes:
            nodes.add(v)
            for child in v._prev:
                edges.add((child, v))
                build(child)

    build(root)
    return nodes, edges


def test_a_trace_as_in_its_notebook():
    a, b = Value(1.0), Value(-2.0)
    y = (a * b + a).relu()
    nodes, edges = trace(y)
    assert len(nodes) == 5
    assert len(edges) == 5
    assert {(p.data, q._op) for p, q in edges} == {(1.0, "*"), (-2.0, "*"), (-2.0, "+"), (1.0, "+"), (-1.0, "relu")}


def test_training_by_hand_with_gradients_set_to_zero():
    """The loop of its notebook: two neurons, gradients set to the int 0 before each pass."""
    r = random.Random(3)
    rows = [([2.0, 3.0], 1.0), ([-1.0, 0.5], -1.0), ([0.5, -1.5], -1.0)]
    w = [Value(r.uniform(-1, 1)) for _ in range(5)]

    def forward(p, x):
        h = relu(p[0] * x[0] + p[1] * x[1] + p[2])
        return p[3] * h + p[4]

    def loss(p):
        return sum((forward(p, x) - t) ** 2 for x, t in rows) * (1.0 / len(rows))

    plain = [v.data for v in w]
    first = loss(w).data
    for _ in range(20):
        for p in w:
            p.grad = 0
        E = loss(w)
        E.backward()
        slopes = autograd.grad(loss)(anp.array(plain))
        assert [p.grad for p in w] == pytest.approx(list(slopes), rel=1e-10, abs=1e-12)
        for p in w:
            p.data -= 0.05 * p.grad
        plain = [x - 0.05 * d for x, d in zip(plain, slopes, strict=True)]
    assert loss(w).data < 0.8 * first


def test_an_expression_of_a_neuron():
    xs, ws = [Value(2.0), Value(0.0)], [Value(-3.0), Value(1.0)]
    n = sum((wi * xi for wi, xi in zip(ws, xs, strict=True)), Value(6.5))
    o = n.tanh()
    o.backward()
    t = 1 - math.tanh(0.5) ** 2
    assert [v.grad for v in (*xs, *ws)] == pytest.approx([-3 * t, t, 2 * t, 0.0], rel=1e-15)
    assert repr(xs[1]).startswith("Value(data=0, grad=")
