"""The worked network and what is read out of an explanation of it, for the tests of explain."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from math import log

from engine import Value
from engine.graph import topological
from engine.why import explain
from nn import MLP, losses


NOTES = ("LEC", "S63", "SX", "ESL", None)
WEIGHTS = (-log(3), -log(9), log(2), log(4), -log(16), log(8), log(81), -log(27))


def worked_example(loss=losses.sse, x=(3, -2), **options):
    """The 13/20 network on its sample: the loss, with a way to its nodes by label."""
    model = MLP(2, [2, 2], activation="sigmoid", output="sigmoid", bias=False, **options)
    for p, w in zip(model.parameters(), WEIGHTS, strict=True):
        p.data = w
    return loss(model(list(x)), [1, 1])


def find(root: Value, label: str) -> Value:
    return next(n for n in topological(root) if str(n.label) == label)


def close(a: float, b: float, rel: float = 1e-12) -> bool:
    return math.isclose(a, b, rel_tol=rel, abs_tol=1e-300)


def said(text: str) -> str:
    """Text with what depends on rounding noise left out."""
    return re.sub(r"off by \S+", "off by ...", str(text))


def squeezed(text: str) -> str:
    return " ".join(str(text).split())


def slope_of(f, x: float) -> str:
    """The explanation of f's slope at x, as text."""
    v = Value(x, "x")
    return explain(v, f(v)).text()


def gradients(root: Value) -> dict[Value, float]:
    root.backward()
    return {n: n.grad for n in topological(root)}


# ---- the worked example, to be done by hand -----------------------------------------------------


EXACT = {  # LEC-R5, computed in exact arithmetic
    "w_o1,h1": Fraction(-24, 125),
    "w_o1,h2": Fraction(-32, 375),
    "w_o2,h1": Fraction(-27, 2000),
    "w_o2,h2": Fraction(-3, 500),
    "w_h1,x1": 72 * log(2) / 125 - 81 * log(3) / 2000,
    "w_h1,x2": -(48 * log(2) / 125 - 27 * log(3) / 1000),
    "w_h2,x1": 9 * log(3) / 250 - 64 * log(2) / 125,
    "w_h2,x2": -2 / 3 * (9 * log(3) / 250 - 64 * log(2) / 125),
    "net_o1": Fraction(-32, 125),
    "net_o2": Fraction(-9, 500),
    "o_o1": Fraction(-8, 5),
    "o_o2": Fraction(-1, 5),
    "o_h1": 128 * log(2) / 125 - 9 * log(3) / 125,
    "o_h2": 27 * log(3) / 500 - 96 * log(2) / 125,
    "net_h1": Fraction(3, 16) * (128 * log(2) / 125 - 9 * log(3) / 125),
    "net_h2": Fraction(2, 9) * (27 * log(3) / 500 - 96 * log(2) / 125),
    "E": 1,
}
