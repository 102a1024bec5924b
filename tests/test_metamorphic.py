"""What must hold whatever the function: inverse pairs, homogeneous functions, shifts, sums over samples, long runs."""

import contextlib
import gc
import math
import random
import sys

import pytest
from oracles import bits

from engine import (
    Value,
    absolute,
    dot,
    exp,
    expm1,
    gradient,
    hypot,
    log,
    log1p,
    logsumexp,
    maximum,
    relu,
    sigmoid,
    softmax,
    softplus,
    sqrt,
    tanh,
    where,
)
from nn import MLP, losses
from nn.optim import SGD


def slopes(f, xs):
    """f and its gradient, the pass run with a seed that is not 1."""
    vs = [Value(x) for x in xs]
    y = f(*vs)
    y.backward(seed=0.375)
    return y.data, [v.grad / 0.375 for v in vs]


# ---- inverse pairs: f(g(x)) = x, so f'(g(x)) g'(x) = 1 and the second derivative is 0


INVERSES = {
    "log exp": (lambda x: log(exp(x)), 0.1, 3.0),
    "exp log": (lambda x: exp(log(x)), 0.1, 3.0),
    "log1p expm1": (lambda x: log1p(expm1(x)), -0.9, 3.0),
    "expm1 log1p": (lambda x: expm1(log1p(x)), -0.9, 3.0),
    "square root": (lambda x: sqrt(x) ** 2, 0.1, 9.0),
    "root of square": (lambda x: sqrt(x * x), 0.1, 9.0),
    "powers": (lambda x: (x**3.5) ** (1 / 3.5), 0.1, 5.0),
    "reciprocal": (lambda x: 1 / (1 / x), -4.0, -0.1),
    "logit sigmoid": (lambda x: (lambda s: log(s) - log(1 - s))(sigmoid(x)), -3.0, 3.0),
    "atanh tanh": (lambda x: (lambda t: (log1p(t) - log1p(-t)) / 2)(tanh(x)), -1.5, 1.5),
    "inverse of softplus": (lambda x: log(expm1(softplus(x))), -2.0, 4.0),
    "neg neg": (lambda x: -(2 * -x) / 2, -2.0, 4.0),
}


@pytest.mark.parametrize("pair", INVERSES)
def test_an_inverse_undoes_a_slope(pair):
    f, low, high = INVERSES[pair]
    r = random.Random(pair)
    for _ in range(20):
        x = Value(r.uniform(low, high))
        y = f(x)
        assert y.data == pytest.approx(x.data, rel=1e-13)
        (first,) = gradient(y, [x])
        (second,) = gradient(first, [x]) if first.op else [Value(0.0)]
        assert first.data == pytest.approx(1.0, rel=1e-12)
        assert second.data == pytest.approx(0.0, abs=1e-11)


# ---- homogeneous functions: sum_i x_i df/dx_i = p f  (Euler), and the gradient is homogeneous of degree p - 1


HOMOGENEOUS = {
    "product": (lambda x, y, z: x * y * z, 3),
    "cubic": (lambda x, y, z: x**3 - 2 * x * y * z + y * y * z, 3),
    "hypot": (lambda x, y, z: hypot(x, hypot(y, z)), 1),
    "ratio": (lambda x, y, z: (x - y) / (z + x), 0),
    "root": (lambda x, y, z: sqrt(x * x + y * z + z * z), 1),
    "power": (lambda x, y, z: (x * y * z) ** 0.5, 1.5),
    "choices": (lambda x, y, z: maximum(x, y) + absolute(z - x) + relu(y - z) + where(x < y, 2 * z, x), 1),
    "dot": (lambda x, y, z: dot([x, y, z], [z, x, y]), 2),
    "relative": (lambda x, y, z: log(x / y) * tanh(z / x), 0),
    "scale of logsumexp": (lambda x, y, z: z * logsumexp([x / z, y / z, 1.0]), 1),
}


@pytest.mark.parametrize("name", HOMOGENEOUS)
def test_euler(name):
    f, degree = HOMOGENEOUS[name]
    r = random.Random(name)
    for _ in range(20):
        x = [r.uniform(0.3, 3.0) for _ in range(3)]
        y, g = slopes(f, x)
        size = sum(abs(a * b) for a, b in zip(x, g, strict=True)) + abs(y)
        assert abs(sum(a * b for a, b in zip(x, g, strict=True)) - degree * y) <= 1e-13 * size
        _, scaled = slopes(f, [4 * a for a in x])
        assert scaled == pytest.approx([4 ** (degree - 1) * d for d in g], rel=1e-12, abs=1e-13)


def test_a_network_of_relus_without_biases_is_homogeneous_in_every_layer():
    """For every layer sum_w w dE/dw is the same number: the sum over the outputs of o dE/do."""
    model = MLP(3, [5, 4, 2], activation="relu", bias=False, seed=4)
    o = model([0.7, 1.1, 0.4])
    dot(o, [1.5, -0.75]).backward(seed=2.0)
    wanted = 2 * (1.5 * o[0].data - 0.75 * o[1].data)
    assert wanted != 0
    for layer in model.layers:
        assert sum(w.data * w.grad for w in layer.parameters()) == pytest.approx(wanted, rel=1e-13)


# ---- shifts


def test_softmax_and_logsumexp_do_not_feel_a_shift():
    """By a number or by one of the nodes itself: gradients of the shares add up to 0, those of logsumexp to 1."""
    x = [0.4, -1.2, 2.0]
    weigh = [1.0, -2.0, 0.5]
    plain = slopes(lambda *v: dot(softmax(v), weigh), x)[1]
    assert sum(plain) == pytest.approx(0.0, abs=1e-15)
    assert slopes(lambda *v: dot(softmax([a - 700 for a in v]), weigh), x)[1] == pytest.approx(plain, rel=1e-12)
    assert slopes(lambda *v: dot(softmax([a - v[0] for a in v]), weigh), x)[1] == pytest.approx(plain, rel=1e-13)
    assert sum(slopes(lambda *v: logsumexp(v), x)[1]) == pytest.approx(1.0, rel=1e-15)
    with_node = slopes(lambda *v: v[1] + logsumexp([a - v[1] for a in v]), x)[1]
    assert with_node == pytest.approx(slopes(lambda *v: logsumexp(v), x)[1], rel=1e-13)


# ---- sums over samples


def test_the_gradient_of_a_sum_of_samples_is_the_sum_of_their_gradients():
    model = MLP(2, [4, 2], activation="tanh", output="softmax", seed=5)
    rows = [([0.5, -1.0], 0), ([1.5, 0.3], 1), ([-0.7, 0.9], 1)]
    singly = []
    for x, t in rows:
        losses.cross_entropy(model(x), t).backward()
        singly.append([p.grad for p in model.parameters()])
        model.zero_grad()
    sum(losses.cross_entropy(model(x), t) for x, t in rows).backward()
    wanted = [math.fsum(column) for column in zip(*singly, strict=True)]
    assert [p.grad for p in model.parameters()] == pytest.approx(wanted, rel=1e-13, abs=1e-16)


# ---- long runs


def test_memory_does_not_grow_over_10_000_steps():
    """Training, derivatives of derivatives, operations that fail: as many blocks are held after them as before."""
    model = MLP(2, [2, 1], activation="tanh", seed=0)
    sgd = SGD(model.parameters(), lr=0.01, momentum=0.5)
    x, r = Value(0.3, "x"), random.Random(0)

    def step(k):
        E = losses.sse(model([r.uniform(-1, 1), 0.5]), [0.25])
        sgd.zero_grad()
        E.backward()
        sgd.step()
        if k % 10 == 0:
            (d,) = gradient(tanh(x * x), [x])
            gradient(d, [x])[0].recompute()
            with contextlib.suppress(ValueError):
                log(x - 1)

    def run(steps):
        for k in range(steps):
            step(k)
        gc.collect()
        return sys.getallocatedblocks()

    run(500)
    before = run(500)
    assert run(10_000) - before < 100  # a node that is kept at every tenth step alone would be 1,000


def test_the_same_graph_may_be_walked_10_000_times():
    xs = [Value(0.1 * k) for k in range(1, 5)]
    y = dot(xs, [a.sin() for a in xs]) / xs[0]
    y.backward(seed=0.5)
    first = [bits(a.grad) for a in xs]
    for _ in range(10_000):
        y.backward(seed=0.5)
    assert [bits(a.grad) for a in xs] == first
