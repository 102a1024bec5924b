"""The logistic function s by a table, and s(-a) with it: only where `strict=False` allows other digits than Python's.

An entry has s and its derivatives at a point x, for the numbers a within 1/128 of it: with r = a - x, six terms
of the series make s(x + r). Those of s(-x - r) are the same but for the first and for their signs. Near a are
2,048 points, 64 to a unit; the last bits of 64 a say which. Few operations wait for one another, and no
division: a chain of them takes half the time of e^a, a sum and a quotient. At most 2 ulp off.

An ulp of s is an ever larger part of 1 - s: beyond 12 the quotient rounds as Python's does, and so that is used.
"""

from __future__ import annotations

from array import array
from decimal import Context, Decimal
from functools import cache
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
    step, points = DIGITS.exp(1 / Decimal(PARTS)), []
    power = DIGITS.exp(Decimal(-(POINTS // 2)) / PARTS)  # e^x
    for _ in range(POINTS):
        below = DIGITS.add(1, power)
        points.append(_entry(float(DIGITS.divide(power, below)), float(DIGITS.divide(1, below))))
        power = DIGITS.multiply(power, step)
    half = POINTS // 2  # the entries of negative points come last, as whole numbers of two's complement do
    numbers = [x for entry in (*points[half:], *points[:half]) for x in entry]
    buffer = array("d", bytes(8 * (len(numbers) + WIDTH)))
    skipped = -address(buffer) % 64 // 8
    buffer[skipped : skipped + len(numbers)] = array("d", numbers)
    return address(buffer) + 8 * skipped, buffer


def _entry(s: float, other: float) -> list[float]:
    """s, its derivatives over k!, and s(-x), from s' = s (1 - s) term by term."""
    c, d = [s], [other]
    for k in range(6):
        c.append(sum(c[i] * d[k - i] for i in range(k + 1)) / (k + 1))
        d.append(-c[-1])
    square = (0.5 / PARTS) ** 2  # the seventh term, spread over the others as evenly as can be
    c[4] += 1.5 * square * c[6]
    c[2] -= 9 / 16 * square * square * c[6]
    return [*c[:6], other, 0.0]


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
