"""The engine in its plainest form against the fast one: every number of a pass, to the last bit."""

from __future__ import annotations

import math
import random

import pytest

import engine
from engine.learn import plain
from engine.ops import TABLE


def grown(seed, Value):
    """An expression of 40 nodes over three leaves, the same for every kind of Value; the leaves, the root."""
    draw = random.Random(seed)
    leaves = [Value(draw.uniform(-2, 2)) for _ in range(3)]
    nodes = list(leaves)
    for _ in range(40):
        a, b = draw.choice(nodes), draw.choice([*nodes, 1.5, -0.75])
        make = draw.choice(["add", "sub", "mul", "tanh", "sigmoid", "neg", "div"])
        if make in ("tanh", "sigmoid"):
            n = getattr(a, make)()
        elif make == "neg":
            n = -a
        elif make == "div":
            n = a / (b * b + 1.25)
        else:
            n = {"add": lambda p, q: p + q, "sub": lambda p, q: q - p, "mul": lambda p, q: p * q}[make](a, b)
        nodes.append(n)
    return leaves, nodes[-1] * nodes[-2] + nodes[-3] * leaves[0] + leaves[1] * 0.5 - leaves[2]


@pytest.mark.parametrize("seed", range(30))
def test_the_plain_pass_gives_every_bit_of_the_fast_one(seed):
    (one, root), (other, fast) = grown(seed, plain.Value), grown(seed, engine.Value)
    root.backward(0.7)
    fast.backward(0.7)
    assert root.data == fast.data
    assert [v.grad for v in one] == [v.grad for v in other]
    assert any(v.grad for v in one)


def test_vectors_are_recorded_flat_as_the_engine_shows_them():
    w, x = [plain.Value(2.0), 3.0], [plain.Value(-1.0), plain.Value(0.5)]
    y = plain.record(TABLE["dot"], w, x)
    y.backward(0.7)
    assert (y.data, y.args) == (-0.5, (*w, *x))
    assert y.partials == (-1.0, None, 2.0, 3.0)
    assert [x[0].grad, x[1].grad, w[0].grad] == [0.7 * 2.0, 0.7 * 3.0, -0.7]


def test_it_raises_where_python_does():
    with pytest.raises(OverflowError):
        plain.Value(710.0).exp()
    with pytest.raises(ValueError, match="math domain"):
        plain.Value(-1.0).log()


def test_a_numerical_slope_and_its_kink():
    assert math.isclose(plain.numeric_grad(lambda x: x**3, 2.0), 12.0, rel_tol=1e-9)
    assert plain.numeric_grad(lambda x: x**3, 2.0, 0.01) == pytest.approx(12.0001, rel=1e-9)
    with pytest.raises(ValueError, match="a kink: the slope is -1 before it and 1 after it"):
        plain.numeric_grad(abs, 0.0)
