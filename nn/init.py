"""Initial weights: one number for a weight from `nin` inputs into one of `nout` units, from a seeded generator.

>>> from random import Random
>>> random = Random(0)
>>> [round(xavier(random, 2, 3), 6) for _ in range(2)]
[0.75459, 0.56515]
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from random import Random
from typing import TypeAlias

from nn.numbers import number, plain, whole


__all__ = ["INITIALISERS", "Initialiser", "constant", "generator", "he", "initialiser", "normal", "uniform", "xavier", "zeros"]

Initialiser: TypeAlias = Callable[[Random, int, int], float]


def uniform(random: Random, nin: int, nout: int) -> float:
    """Uniform in (-1, 1)."""
    return random.uniform(-1.0, 1.0)


def normal(random: Random, nin: int, nout: int) -> float:
    """Normal with mean 0 and standard deviation 1."""
    return random.gauss(0.0, 1.0)


def xavier(random: Random, nin: int, nout: int) -> float:
    """Uniform in (-r, r) with r = sqrt(6 / (nin + nout)): Glorot and Bengio, AISTATS 2010, equation 16."""
    r = math.sqrt(6.0 / (nin + nout))
    return random.uniform(-r, r)


def he(random: Random, nin: int, nout: int) -> float:
    """Normal with standard deviation sqrt(2 / nin), for relu: He and others, ICCV 2015, equation 10."""
    return random.gauss(0.0, math.sqrt(2.0 / nin))


def constant(c: float) -> Initialiser:
    """Every weight is `c`: hidden units stay equal, and symmetry is never broken (SX-R1)."""
    return partial(_constant, number(c, "a weight"))


def _constant(c: float, random: Random, nin: int, nout: int) -> float:
    return c


zeros: Initialiser = constant(0.0)

INITIALISERS: dict[str, Initialiser] = {
    "uniform": uniform,
    "normal": normal,
    "xavier": xavier,
    "he": he,
    "zeros": zeros,
}


def initialiser(which: str | float | Initialiser) -> Initialiser:
    """The initialiser of that name; a number makes every weight that number; a function stays itself.

    >>> initialiser("glorot")
    Traceback (most recent call last):
    ...
    ValueError: unknown init 'glorot'; choose from he, normal, uniform, xavier, zeros, or give a number for every weight
    """
    if callable(which):
        return which
    if isinstance(c := plain(which), int | float) and not isinstance(c, bool) and math.isfinite(c):
        return constant(c)
    if isinstance(which, str) and which in INITIALISERS:
        return INITIALISERS[which]
    names = ", ".join(sorted(INITIALISERS))
    raise ValueError(f"unknown init {which!r}; choose from {names}, or give a number for every weight")


def generator(seed: int) -> Random:
    """A generator of its own for `seed`; refuses a seed that another one equals, or that cannot be repeated.

    >>> generator(7).random() == Random(7).random()
    True
    >>> generator(None)
    Traceback (most recent call last):
    ...
    ValueError: seed must be a whole number >= 0, not None
    """
    return Random(whole("seed", seed, 0))  # Random(None) cannot be repeated, and Random(-1) equals Random(1)
