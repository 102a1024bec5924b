"""The logistic function s by a table, and s(-a) with it: only where `strict=False` allows other digits than Python's.

An entry has the series of s about a point x, for the numbers a within 1/128 of it: with r = a - x, six terms of
it make s(x + r). Those of s(-x - r) are the same but for the first and for their signs. Near a are
2,048 points, 64 to a unit; the last bits of 64 a say which. Few operations wait for one another, and no
division: a chain of them takes half the time of e^a, a sum and a quotient. At most 2 ulp off.

An ulp of s is an ever larger part of 1 - s: beyond 12 the quotient rounds as Python's does, and so that is used.
"""

from __future__ import annotations

from array import array
from decimal import Context, Decimal, localcontext
from functools import cache
from math import factorial
from typing import TYPE_CHECKING

from engine.program.exponential import SHIFT
from engine.program.plan import address


if TYPE_CHECKING:
    from engine.program.lowering import Lowering

PARTS = 64  # points to a unit
POINTS = 2048
LIMIT = 12.0  # |a| up to which the table is used: an ulp of s is there 2e-11 of 1 - s
WIDTH = 8  # numbers to an entry: six of s, the first of s(-a), and one that fills the line of the cache
DIGITS = Context(prec=40)


@cache
def table() -> tuple[int, array[float]]:
    """The address of the entries, and the buffer that holds them."""
    with localcontext(DIGITS):
        step, power, points = (1 / Decimal(PARTS)).exp(), (Decimal(-(POINTS // 2)) / PARTS).exp(), []
        for _ in range(POINTS):
            points.append(_entry(power))
            power *= step
    half = POINTS // 2  # the entries of negative points come last, as whole numbers of two's complement do
    numbers = [x for entry in (*points[half:], *points[:half]) for x in entry]
    buffer = array("d", bytes(8 * (len(numbers) + WIDTH)))
    skipped = -address(buffer) % 64 // 8
    buffer[skipped : skipped + len(numbers)] = array("d", numbers)
    return address(buffer) + 8 * skipped, buffer


def _entry(power: Decimal) -> list[float]:
    """The series of s(x + r) = e^x e^r / (1 + e^x e^r) in r, and s(-x); `power` is e^x."""
    above = [power / factorial(k) for k in range(7)]
    series: list[Decimal] = []
    for k in range(7):
        series.append((above[k] - sum(above[i] * series[k - i] for i in range(1, k + 1))) / (1 + power))
    c, square = [*map(float, series)], (0.5 / PARTS) ** 2
    c[4] += 1.5 * square * c[6]  # the seventh term, spread over the others as evenly as can be
    c[2] -= 9 / 16 * square * square * c[6]
    return [*c[:6], float(1 / (1 + power)), 0.0]


def both(low: Lowering, a: str, entries: str) -> tuple[str, str, str]:
    """The registers of s(a) and s(-a), and of whether a is where the table is right; `entries` points to it."""

    def op(name: str, p: str, q: str) -> str:
        return low.emit(f"{name} double {p}, {q}")

    def fma(p: str, q: str, r: str) -> str:
        return op("fadd contract", op("fmul contract", p, q), r)

    def entry(k: int) -> str:
        return low.emit(f"load double, ptr {low.emit(f'getelementptr double, ptr {first}, i64 {k}')}")

    shifted = fma(a, low.number(PARTS), low.number(SHIFT))
    r = fma(op("fsub", shifted, low.number(SHIFT)), low.number(-1 / PARTS), a)
    place = low.emit(f"and i64 {low.emit(f'bitcast double {shifted} to i64')}, {POINTS - 1}")
    first = low.emit(f"getelementptr double, ptr {entries}, i64 {low.emit(f'mul i64 {place}, {WIDTH}')}")
    square, slope = op("fmul", r, r), entry(1)
    upper = fma(fma(entry(5), r, entry(4)), square, fma(entry(3), r, entry(2)))
    s = fma(upper, square, fma(slope, r, entry(0)))
    other = fma(low.emit(f"fneg double {r}"), fma(upper, r, slope), entry(6))
    return s, other, low.emit(f"fcmp ole double {low.intrinsic('fabs', a)}, {low.number(LIMIT)}")
