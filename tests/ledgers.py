"""The 13/20 network of the notes: its weights, its eight exact slopes, a step; for the tests of the ledger."""

import math

import pytest

from nn import MLP, SGD, losses


LN2, LN3 = math.log(2), math.log(3)
X, T, ETA = (3.0, -2.0), (1.0, 1.0), 0.5
WEIGHTS = [-LN3, -math.log(9), LN2, math.log(4), -math.log(16), math.log(8), math.log(81), -math.log(27)]


def exactly(x):
    """Equal up to the last digits of a double."""
    return pytest.approx(x, rel=1e-12)


def shown(x):
    """Equal in six digits after the point, as the notes' tables print them."""
    return pytest.approx(x, abs=6e-7, rel=0)


def numbers(values):
    return [v.data for v in values]


def set_all(model, weights):
    for p, w in zip(model.parameters(), weights, strict=True):
        p.data = w


def network():
    """The 13/20 network: two inputs, two sigmoid hidden units, two sigmoid outputs, no biases."""
    model = MLP(2, [2, 2], activation="sigmoid", output="sigmoid", bias=False)
    set_all(model, WEIGHTS)
    return model


def error(model, x=X, t=T, loss=losses.sse):
    model.zero_grad()
    E = loss(model(x), t)
    E.backward()
    return E


def gradients(model):
    return {str(p.label): p.grad for p in model.parameters()}


def step(model, eta=ETA, x=X, t=T, loss=losses.sse):
    E = error(model, x, t, loss)
    SGD(model.parameters(), eta).step()
    return E.data


EIGHT = {
    "w_h1,x1": 72 * LN2 / 125 - 81 * LN3 / 2000,
    "w_h1,x2": -2 / 3 * (72 * LN2 / 125 - 81 * LN3 / 2000),
    "w_h2,x1": 9 * LN3 / 250 - 64 * LN2 / 125,
    "w_h2,x2": -2 / 3 * (9 * LN3 / 250 - 64 * LN2 / 125),
    "w_o1,h1": -24 / 125,
    "w_o1,h2": -32 / 375,
    "w_o2,h1": -27 / 2000,
    "w_o2,h2": -3 / 500,
}
