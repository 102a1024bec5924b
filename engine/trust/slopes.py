"""The slope of a function of one number, measured on both sides of a point without its derivative.

Three ways, the most accurate first: a step off the real axis, f(x + ih) = f(x) + ih f'(x), in sixty
digits or in floats, where no two like numbers are subtracted; and the difference quotient. All three
look a little to the left and a little to the right, so that a kink shows.

>>> DIFFERENCES.measure(abs, 0.0)[:3], DIFFERENCES.measure(FLOAT.machine["sqrt"], 0.0).kind
(('kink', -1.0, 1.0), 'edge')
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from engine.trust.steps import COMPLEX, complex_digits
from engine.trust.systems import FLOAT, Refused, System


Function = Callable[[Any], Any]  # of a number of some system, whose value is another, or Refused


class Slopes(NamedTuple):
    """The slopes on the left and on the right, None where the function has no value, and what they tell.

    `smooth` if they are one, `kink` if they differ, `edge` if there is one side only, `nowhere` if there
    is none. `far` is the slope farther off on the only side; `noise` bounds the rounding errors.
    """

    kind: str
    left: Any = None
    right: Any = None
    far: Any = None
    noise: Any = 0.0

    @property
    def number(self) -> Any:
        """The slope: between both sides, or that of the only side; None if there is none."""
        if self.left is None or self.right is None:
            return self.right if self.left is None else self.left
        return (self.left + self.right) / 2

    @property
    def sides(self) -> str:
        """Both slopes in words."""
        left, right = float(self.left) + 0.0, float(self.right) + 0.0  # -0.0 is written 0
        return f"slope {left:.9g} on the left, {right:.9g} on the right"


class Way(NamedTuple):
    """A way to measure slopes: how far it looks beside x, relative to x, and the relative errors to reckon with."""

    name: str
    system: System
    step: float  # off the real axis; 0 for a difference quotient
    near: float
    far: float
    rounding: float  # of the numbers that f gives
    error: float  # of the slope that is found
    second: tuple[float, float, float, float]  # the same four for a difference quotient of slopes

    def measure(self, f: Function, x: Any, magnitude: float = 0.0) -> Slopes:
        """The slopes of `f` at `x`; `magnitude` is the size of the numbers that are rounded inside of `f`.

        A quotient is best taken over a distance by the scale of 1, but `x` may be closer to an edge.
        """
        place = self.system.number(x)
        scale = abs(place) or abs(self.system.number(1))
        if self.step or scale >= 1:
            return self._beside(f, place, scale, magnitude)
        slopes = self._beside(f, place, abs(self.system.number(1)), magnitude)
        return slopes if slopes.kind in ("smooth", "kink") else self._beside(f, place, scale, magnitude)

    def at(self, f: Function, x: Any) -> Any:
        """The slope at `x` itself, Refused if there is none."""
        place = self.system.number(x)
        scale = abs(place) or abs(self.system.number(1))
        if self.step:
            found = self._slope(f, place, 0, scale)
        else:
            found = Slopes("", *self._pair(f, place, self.near, scale)).number
        return Refused("no slope") if found is None else found

    def _beside(self, f: Function, x: Any, scale: Any, magnitude: float) -> Slopes:
        left, right = self._pair(f, x, self.near, scale)
        if left is None or right is None:
            side = -1 if right is None else 1
            far = self._slope(f, x, side * self.far * scale, scale)
            return Slopes("nowhere" if left is right else "edge", left, right, far)
        size = max(abs(_part(f(x), "real")), magnitude) / scale
        steepness, gap = max(abs(left), abs(right)), abs(left - right)
        noise = 0.0 if self.step else 4 * self.rounding / self.near * (size + steepness)
        small = max(8 * noise, 100 * self.rounding * size, self.error * steepness)
        if gap > small or not self.step:
            far_left, far_right = self._pair(f, x, self.far, scale)
            if far_left is None or far_right is None:
                return Slopes("smooth" if gap <= small else "kink", left, right, noise=noise)
            if gap > max(small, abs(far_left - far_right) / 10):  # of a smooth f it shrinks with the distance
                return Slopes("kink", left, right, noise=noise)
            if not self.step:  # the error of a central quotient shrinks with the square of the distance
                noise += abs(far_left + far_right - left - right) * (self.near / self.far) ** 2
        return Slopes("smooth", left, right, noise=noise)

    def _pair(self, f: Function, x: Any, off: float, scale: Any) -> tuple[Any, Any]:
        return self._slope(f, x, -off * scale, scale), self._slope(f, x, off * scale, scale)

    def _slope(self, f: Function, x: Any, off: Any, scale: Any) -> Any:
        """The slope beside `x`, None where `f` has no finite value or slope."""
        if self.step:
            h = self.step * scale
            found = _part(f(x + off + self.system.number(1j) * h), "imag") / h
        else:
            found = (_part(f(x + off), "real") - _part(f(x), "real")) / _part((x + off) - x, "real")
        return found if found - found == 0 else None


def _part(z: Any, which: str) -> Any:
    return float("nan") if z.__class__ is Refused else getattr(z, which)


STEPS = Way("a complex step", COMPLEX, 1e-20, 1e-9, 1e-6, 1e-15, 1e-9, (1e-5, 1e-3, 1e-15, 1e-6))
DIFFERENCES = Way("central differences", FLOAT, 0.0, 1e-6, 1e-4, 1e-15, 2e-7, (1e-4, 1e-2, 1e-8, 1e-4))


def ways() -> tuple[Way, ...]:
    """The ways there are, the most accurate first; the first of them needs mpmath."""
    try:
        system = complex_digits(60)
    except ImportError:
        return STEPS, DIFFERENCES
    second = (1e-20, 1e-15, 1e-59, 1e-12)
    return Way("a complex step in 60 digits", system, 1e-60, 1e-30, 1e-20, 1e-59, 1e-12, second), STEPS, DIFFERENCES


def measure(f: Callable[[System], Function], x: float, magnitude: float = 0.0) -> tuple[Slopes, Way]:
    """The slopes at `x` in the first way that finds any; `f` gives the function in a system."""
    for way in ways():
        slopes = way.measure(f(way.system), x, magnitude)
        if slopes.kind != "nowhere":
            break
    return slopes, way


def measure_second(f: Callable[[System], Callable[[Any, Any], Any]], x: float, y: float) -> tuple[Slopes, Way]:
    """The same for d2 f / dx dy: the difference quotient, over y, of the slopes over x.

    >>> measure_second(lambda system: lambda p, q: p * p * q, 3.0, 5.0)[0].kind
    'smooth'
    """
    for way in ways():
        slopes, quotient = _second(way, f(way.system), x, y)
        if slopes.kind != "nowhere":
            break
    return slopes, quotient


def _second(way: Way, f: Callable[[Any, Any], Any], x: float, y: float) -> tuple[Slopes, Way]:
    near, far, rounding, error = way.second
    name = f"differences of {way.name}"
    quotient = way._replace(name=name, step=0.0, near=near, far=far, rounding=rounding, error=error)
    return quotient.measure(lambda q: way.at(lambda p: f(p, q), x), y), quotient
