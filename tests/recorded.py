"""A small training that is recorded, for the tests of the recorder."""

import importlib.util

import pytest

from engine import Value
from nn import MLP, Module, data, fit


NATIVE = pytest.param("native", marks=pytest.mark.skipif(importlib.util.find_spec("llvmlite") is None, reason="no llvmlite"))
BACKENDS = ["graph", "python", NATIVE]
PLAIN = {"loss": "cross_entropy", "lr": 0.1, "epochs": 2}
SETTINGS = {
    "plain": {},
    "batches": {"batch_size": 4},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.5, "nesterov": True, "weight_decay": 0.01, "schedule": "cosine"},
    "replacement": {"order": "with_replacement", "weight_decay": 0.1},
    "all": {"batch_size": 3, "momentum": 0.9, "nesterov": True, "order": "with_replacement", "schedule": "linear"},
}


def moons(n=18):
    return list(data.moons(n, seed=1))


def net(seed=2, **kwargs):
    return MLP(2, [3, 2], output="softmax", seed=seed, **kwargs)


def train(model=None, rows=None, record="updates", **options):
    return fit(model or net(), rows or moons(), record=record, **(PLAIN | options))


def bits(numbers):
    return [None if x is None else float(x).hex() for x in numbers]


def weights(model):
    return bits(p.data for p in model.parameters())


class Own(Module):
    """A model that decides in Python which parameters it uses."""

    def __init__(self):
        self.a, self.b, self.c = Value(0.5, "a"), Value(-0.25, "b"), Value(2.0, "c")

    def __call__(self, x):
        return [self.a * x[0] if x[0] > 0 else self.b * x[0] + self.a]
