"""Random graphs of many operations, for tests that compare readings of the same graph."""

import random

from engine import (
    Value,
    absolute,
    dot,
    exp,
    expm1,
    hypot,
    leaky_relu,
    log,
    log1p,
    logsumexp,
    maximum,
    minimum,
    relu,
    sigmoid,
    sin,
    softmax,
    softplus,
    sqrt,
    tanh,
    where,
)


ONE = [tanh, sigmoid, softplus, relu, absolute, sin, lambda a: exp(-a * a), lambda a: log(a * a + 1), lambda a: -a]
ONE += [lambda a: sqrt(a * a + 0.5), lambda a: log1p(absolute(a)), lambda a: expm1(tanh(a)), lambda a: a**3 / 9]
TWO = [maximum, minimum, hypot, lambda a, b: a * b / 4, lambda a, b: a - b, lambda a, b: a / (b * b + 1)]
TWO += [lambda a, b: where(a < b, a, b * 0.5), lambda a, b: (absolute(a) + 0.1) ** tanh(b), leaky_relu]
TWO += [lambda a, b: dot([a, b, a], [0.5, b, 1.0]), lambda a, b: logsumexp([a, b, a])]
TWO += [lambda a, b: softmax([a, b])[1]]


def random_graph(seed, size=30):
    """A root over x, y and z, whose numbers stay small."""
    r = random.Random(seed)
    nodes = [Value(r.uniform(-2, 2), s) for s in "xyz"]
    for _ in range(size):
        f = r.choice(ONE + TWO)
        nodes.append(f(r.choice(nodes)) if f in ONE else f(r.choice(nodes), r.choice(nodes)))
    return dot(nodes[-5:], [r.uniform(-1, 1) for _ in range(5)])
