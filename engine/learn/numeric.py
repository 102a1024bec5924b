"""Lesson 6, on my_engine.py: a numerical slope, which every derivative can be held against."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

from engine.learn.checks import Check, Fact, check


CHECKS: list[Check] = []
verify = partial(check, 6, book=CHECKS)
Facts = Iterator[Fact]

NUMERIC = "numeric_grad; numeric_grad, h"


@verify("central beats one-sided", "", NUMERIC)
def central(m: Any) -> Facts:
    """f(x) = x**3    x = 2    h = 0.01    (f(x + h) - f(x))/h = 12.0601"""
    yield Fact("numeric_grad(f, 2, h)", m.numeric_grad(lambda x: x**3, 2.0, 0.01), "(12.0601 + 11.9401) / 2", near=1e-6)


@verify("the step grows with x", "", "numeric_grad, h; numeric_grad")
def step_follows_x(m: Any) -> Facts:
    """f(x) = x**2    x = 3e7    f'(x) = 6e7"""
    yield Fact("numeric_grad(f, 3e7)", m.numeric_grad(lambda x: x * x, 3e7), "60000000", near=1e-6)
    yield Fact("numeric_grad(f, -3e7)", m.numeric_grad(lambda x: x * x, -3e7), "-60000000", near=1e-6)


@verify("the step stays away from 0", "", "numeric_grad, h; numeric_grad")
def step_near_zero(m: Any) -> Facts:
    """f(x) = exp(x)    x = 0    f'(0) = 1"""
    yield Fact("numeric_grad(exp, 0)", m.numeric_grad(math.exp, 0.0), "1", near=1e-6)


@verify("a kink is told", "", NUMERIC)
def kink(m: Any) -> Facts:
    """f(x) = |x - 2|    x = 2: the slope is -1 before it and 1 after it"""
    for name, x, left, right in (("f, 2", 2.0, -1.0, 1.0), ("-f, 2", 2.0, 1.0, -1.0), ("|x - 500|, 500", 500.0, -1.0, 1.0), ("slope 1, then 1.5; 2", 2.0, 1.0, 1.5)):
        try:
            found = f"{m.numeric_grad(lambda u, x=x, left=left, right=right: (left if u < x else right) * (u - x), x):g}"
        except ValueError:
            found = "ValueError"
        yield Fact(f"numeric_grad({name})", found, "ValueError, as there is no slope at a kink")


@verify("a smooth minimum is no kink", "", NUMERIC)
def no_kink(m: Any) -> Facts:
    """f(x) = (x - 1)**2 + 3    x = 1    f'(1) = 0"""
    yield Fact("numeric_grad(f, 1)", round(m.numeric_grad(lambda x: (x - 1) ** 2 + 3, 1.0), 4) + 0.0, "0")
