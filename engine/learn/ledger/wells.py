"""A double well from two samples, E = (w² - 1)² + 0.3 w ± 2 w: two minima, and a barrier at 0.0754 between them."""

from __future__ import annotations

from random import Random


def slope(w: float, c: float = 0.0) -> float:
    """dE/dw of the sample with that c."""
    return 4 * w * (w * w - 1) + 0.3 + c


def height(w: float) -> float:
    """The mean of both samples."""
    return (w * w - 1) ** 2 + 0.3 * w


def batch(start: float, eta: float = 0.05, steps: int = 500) -> float:
    """Where descent on the mean of both samples ends."""
    w = start
    for _ in range(steps):
        w -= eta * slope(w)
    return w


def stochastic(start: float, eta: float, seed: int = 1, steps: int = 2000) -> float:
    """Where it ends with one sample, drawn by a seed, for each step."""
    random, w = Random(seed), start
    for _ in range(steps):
        w -= eta * slope(w, random.choice((2.0, -2.0)))
    return w
