"""e^a for all lanes at once, at most 2 ulp off: only where `strict=False` allows another libm than Python's.

With n the whole number next to a/ln 2 and r = a - n ln 2, e^a = 2^n e^r, and |r| <= ln(2)/2 needs thirteen
terms of the series. 2^n is put together from bits, in two factors, so that it reaches the subnormals.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from engine.program.lowering import Lowering

TERMS = 13
HIGH = float.fromhex("0x1.62e42fee00000p-1")  # ln 2 in two parts; n times the first is exact
LOW = float.fromhex("0x1.a39ef35793c76p-33")
SHIFT = 1.5 * 2.0**52  # added to a number, it leaves the nearest whole number in the last bits
LARGEST, SMALLEST = 710.0, -746.0  # beyond them e^a is infinite, and zero


def exponential(low: Lowering, a: str) -> str:
    """The instructions for e^a in as many lanes as `low` has. NaN stays NaN."""

    def op(name: str, p: str, q: str) -> str:
        return low.emit(f"{name} {low.type} {p}, {q}")

    def clamped(comparison: str, p: str, limit: float) -> str:
        beyond = op(f"fcmp {comparison}", p, low.number(limit))
        return low.emit(f"select {low.truth} {beyond}, {low.type} {low.number(limit)}, {low.type} {p}")

    x = clamped("olt", clamped("ogt", a, LARGEST), SMALLEST)
    shifted = op("fadd", op("fmul", x, low.number(1 / math.log(2))), low.number(SHIFT))
    n = op("fsub", shifted, low.number(SHIFT))
    r = op("fsub", op("fsub", x, op("fmul", n, low.number(HIGH))), op("fmul", n, low.number(LOW)))
    series = low.number(1 / math.factorial(TERMS))
    for k in range(TERMS - 1, -1, -1):
        series = op("fadd contract", op("fmul contract", series, r), low.number(1 / math.factorial(k)))
    whole = f"<{low.lanes} x i64>"

    def bits(text: str, p: str, q: int) -> str:
        return low.emit(f"{text} {whole} {p}, splat (i64 {q})")

    (of_shift,) = struct.unpack("<q", struct.pack("<d", SHIFT))
    power = bits("sub", low.emit(f"bitcast {low.type} {shifted} to {whole}"), of_shift)
    half = bits("ashr", power, 1)
    for part in (half, low.emit(f"sub {whole} {power}, {half}")):
        exponent = bits("shl", bits("add", part, 1023), 52)
        series = op("fmul", series, low.emit(f"bitcast {whole} {exponent} to {low.type}"))
    return series
