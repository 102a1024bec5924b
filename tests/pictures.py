"""Graphs to be drawn, and the texts that a picture shows."""

from __future__ import annotations

import random
import shutil
from xml.etree import ElementTree

import pytest

from engine import Role, Value
from nn import MLP, losses


DOT = shutil.which("dot")
needs_dot = pytest.mark.skipif(DOT is None, reason="the program dot of Graphviz is not installed")
SVG = "{http://www.w3.org/2000/svg}"


def neuron() -> Value:
    x1, x2 = Value(2.0, "x1"), Value(0.5, "x2")
    w1, w2, b = Value(-0.3, "w1"), Value(1.0, "w2"), Value(0.2, "b")
    net = x1 * w1 + x2 * w2 + b
    net.label = "n"
    o = net.tanh()
    o.label = "o"
    loss = (o - Value(1.0, "t")) ** 2
    loss.label = "loss"
    loss.backward()
    return loss


def network(*sizes: int, **options: object) -> Value:
    model = MLP(sizes[0], list(sizes[1:]), seed=3, **options)
    rng = random.Random(5)
    x = [Value(rng.uniform(-1, 1), Role("x", f"x{i + 1}")) for i in range(sizes[0])]
    E = losses.sse(model(x), [rng.random() for _ in range(sizes[-1])])
    E.backward()
    return E


def texts(svg: str) -> list[str]:
    return ["".join(t.itertext()) for t in ElementTree.fromstring(svg).iter(f"{SVG}text")]
