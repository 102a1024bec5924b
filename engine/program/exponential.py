"""e^a for all lanes at once, at most 2 ulp off: only where `strict=False` allows another libm than Python's.

With n the whole number next to a/ln 2 and r = a - n ln 2, e^a = 2^n e^r, and |r| <= ln(2)/2 needs thirteen
terms of the series. They are added in pairs, and pairs of pairs, so that few need to wait for one another.
2^n is put together from bits, in two factors, so that it reaches the subnormals.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from engine.program.lowering import Lowering

TERMS = 13
PARTS = 128  # of a factor of two, in the table
HIGH = float.fromhex("0x1.62e42fee00000p-1")  # ln 2 in two parts; n times the first is exact
LOW = float.fromhex("0x1.a39ef35793c76p-33")
SHIFT = 1.5 * 2.0**52  # added to a number, it leaves the nearest whole number in the last bits
LARGEST, SMALLEST = 710.0, -746.0  # beyond them e^a is infinite, and zero


def exponential(low: Lowering, a: str) -> str:
    """The instructions for e^a in as many lanes as `low` has. NaN stays NaN."""

    def op(name: str, p: str, q: str) -> str:
        return low.emit(f"{name} {low.type} {p}, {q}")

    def fma(p: str, q: str, r: str) -> str:
        """The sum p q + r, rounded once where the processor can."""
        return op("fadd contract", op("fmul contract", p, q), r)

    if low.lanes == 1:
        return by_table(low, a)
    whole = f"<{low.lanes} x i64>"

    def bits(text: str, p: str, q: int) -> str:
        return low.emit(f"{text} {whole} {p}, splat (i64 {q})")

    shifted = fma(a, low.number(1 / math.log(2)), low.number(SHIFT))
    n = op("fsub", shifted, low.number(SHIFT))
    r = fma(n, low.number(-LOW), fma(n, low.number(-HIGH), a))
    terms = [low.number(1 / math.factorial(k)) for k in range(2, TERMS + 1)]
    power = r
    while len(terms) > 1:
        terms = [fma(power, *reversed(pair)) if len(pair) > 1 else pair[0] for pair in pairs(terms)]
        power = op("fmul", power, power)
    beyond_one = fma(op("fmul", r, r), terms[0], r)  # e^r - 1
    (of_shift,) = struct.unpack("<q", struct.pack("<d", SHIFT))
    exponent = bits("sub", low.emit(f"bitcast {low.type} {shifted} to {whole}"), of_shift)
    half = bits("ashr", exponent, 1)
    scales = []
    for part in (half, low.emit(f"sub {whole} {exponent}, {half}")):
        moved = bits("shl", bits("add", part, 1023), 52)
        scales.append(low.emit(f"bitcast {whole} {moved} to {low.type}"))
    found = op("fmul", fma(scales[0], beyond_one, scales[0]), scales[1])
    return within(low, a, found)


def by_table(low: Lowering, a: str) -> str:
    """The same for one number: with n the whole number next to a PARTS/ln 2, 2^(n/PARTS) comes from a table."""

    def op(name: str, p: str, q: str) -> str:
        return low.emit(f"{name} double {p}, {q}")

    def fma(p: str, q: str, r: str) -> str:
        return op("fadd contract", op("fmul contract", p, q), r)

    def bits(name: str, p: str, q: object) -> str:
        return low.emit(f"{name} i64 {p}, {q}")

    shifted = fma(a, low.number(PARTS / math.log(2)), low.number(SHIFT))
    n = op("fsub", shifted, low.number(SHIFT))
    r = fma(n, low.number(-LOW / PARTS), fma(n, low.number(-HIGH / PARTS), a))
    square = op("fmul", r, r)
    upper = fma(r, low.number(1 / 120), low.number(1 / 24))
    beyond_one = fma(square, fma(square, upper, fma(r, low.number(1 / 6), low.number(1 / 2))), r)
    (of_shift,) = struct.unpack("<q", struct.pack("<d", SHIFT))
    whole = bits("sub", low.emit(f"bitcast double {shifted} to i64"), of_shift)
    entry = low.emit(f"getelementptr i64, ptr @powers, i64 {bits('and', whole, PARTS - 1)}")
    exponent = bits("ashr", whole, PARTS.bit_length() - 1)
    half = bits("ashr", exponent, 1)
    scale = bits("add", low.emit(f"load i64, ptr {entry}"), bits("shl", half, 52))
    scale = low.emit(f"bitcast i64 {scale} to double")
    rest = bits("shl", bits("add", bits("sub", exponent, half), 1023), 52)
    found = op("fmul", fma(scale, beyond_one, scale), low.emit(f"bitcast i64 {rest} to double"))
    return within(low, a, found)


def within(low: Lowering, a: str, found: str) -> str:
    """`found` where e^a is neither infinite nor zero."""
    for comparison, limit, end in (("ogt", LARGEST, math.inf), ("olt", SMALLEST, 0.0)):
        beyond = low.emit(f"fcmp {comparison} {low.type} {a}, {low.number(limit)}")
        found = low.emit(f"select {low.truth} {beyond}, {low.type} {low.number(end)}, {low.type} {found}")
    return found


def powers() -> str:
    """The table of 2^(k/PARTS), bit by bit."""
    entries = ", ".join(f"i64 {struct.unpack('<q', struct.pack('<d', 2.0 ** (k / PARTS)))[0]}" for k in range(PARTS))
    return f"@powers = private unnamed_addr constant [{PARTS} x i64] [{entries}]"


def pairs(xs: list[str]) -> list[list[str]]:
    """Two at a time; the last may be alone."""
    return [xs[k : k + 2] for k in range(0, len(xs), 2)]
