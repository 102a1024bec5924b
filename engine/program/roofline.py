"""How near a program comes to the limit of the machine: its flops and bytes a second beside measured peaks.

The peaks are those of two small kernels in machine code: multiply-and-add on sixteen independent vectors, and
the sum of as many numbers as the program reads and writes over and over, so that they come from the same cache.

>>> r = Roofline(seconds=1e-6, flops=2e9, peak_flops=1e11, bytes=4e9, peak_bytes=8e10)
>>> print(r)
1 us a run: 2 of 100 Gflop/s, 4 of 80 GB/s, 5.0 % of what this machine can do
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from engine.program.lowering import Text
from engine.program.native import MachineCode, native_runner
from engine.program.plan import Run
from engine.program.straight import head, tail


LANES, STRANDS = 8, 16  # numbers in a vector, and vectors that need not wait for one another
ROUNDS = 5
SECONDS = 0.01  # of one round
VECTOR = f"<{LANES} x double>"


class Roofline(NamedTuple):
    """Seconds of one run, what it does in a second, and the most that this machine does."""

    seconds: float
    flops: float
    peak_flops: float
    bytes: float
    peak_bytes: float

    @property
    def fraction(self) -> float:
        """The achieved part of the limit: of arithmetic or of memory, whichever is nearer."""
        return max(self.flops / self.peak_flops, self.bytes / self.peak_bytes)

    def __str__(self) -> str:
        rates = f"{self.flops / 1e9:.3g} of {self.peak_flops / 1e9:.3g} Gflop/s, {self.bytes / 1e9:.3g} of {self.peak_bytes / 1e9:.3g} GB/s"
        return f"{self.seconds * 1e6:.3g} us a run: {rates}, {self.fraction:.1%} of what this machine can do".replace("%", " %")


def best(run: Callable[[int], object]) -> float:
    """Seconds of one of the things that `run(n)` does n times; the best of several rounds."""
    n = 1
    while (seconds := min(_seconds(run, n) for _ in range(ROUNDS))) < SECONDS / 4:  # the best: one may be held up
        n *= 4
    return seconds / n


def _seconds(run: Callable[[int], object], n: int) -> float:
    began = time.perf_counter()
    run(n)
    return time.perf_counter() - began


@cache
def peak_flops() -> float:
    """The most multiplications and additions a second of one core; raises ImportError without llvmlite."""
    steps = [
        f"  %m{k} = fmul contract {VECTOR} %s{k}, splat (double 0.5)\n  %t{k} = fadd contract {VECTOR} %m{k}, splat (double 1.0)\n"
        for k in range(STRANDS)
    ]
    run = _kernel("".join(steps), numbers=LANES)
    return 2.0 * LANES * STRANDS / best(run)


@cache
def peak_bytes(numbers: int) -> float:
    """The most bytes a second that one core reads from so many float64 again and again."""
    whole = max(1, -(-numbers // (LANES * STRANDS)))
    steps = ["  br label %along\nalong:\n  %i = phi i64 [ 0, %read ], [ %next.i, %along ]\n"]
    for k in range(STRANDS):
        steps.append(f"  %u{k} = phi {VECTOR} [ %s{k}, %read ], [ %t{k}, %along ]\n")
    for k in range(STRANDS):
        steps.append(f"  %i{k} = add i64 %i, {k * LANES}\n  %p{k} = getelementptr double, ptr %rows, i64 %i{k}\n")
        steps.append(f"  %x{k} = load {VECTOR}, ptr %p{k}, align 8\n  %t{k} = fadd {VECTOR} %u{k}, %x{k}\n")
    end = whole * LANES * STRANDS
    steps.append(f"  %next.i = add i64 %i, {LANES * STRANDS}\n  %on = icmp ult i64 %next.i, {end}\n")
    steps.append("  br i1 %on, label %along, label %summed\nsummed:\n")
    return 8.0 * end / best(_kernel("".join(steps), end))


def _kernel(body: str, numbers: int) -> Callable[[int], object]:
    """`body`, from the vectors %s to the vectors %t, as often as one likes."""
    carried = "".join(f"  %s{k} = phi {VECTOR} [ zeroinitializer, %entry ], [ %t{k}, %stored ]\n" for k in range(STRANDS))
    ends = [f"  %e{k} = phi {VECTOR} [ zeroinitializer, %entry ], [ %t{k}, %stored ]\n" for k in range(STRANDS)]
    for k in range(STRANDS):
        ends.append(f"  %at{k} = getelementptr double, ptr %state, i64 {k * LANES}\n  store {VECTOR} %e{k}, ptr %at{k}, align 8\n")
    text = head("run", 0, "", carried) + body + "  br label %stored\nstored:" + tail("".join(ends))
    runner = native_runner(MachineCode(Text(text)))
    rows, state = array("d", bytes(8 * numbers)), array("d", bytes(8 * LANES * STRANDS))

    def run(n: int) -> object:
        return runner(Run(memoryview(rows), memoryview(state), None, array("d"), n), 0, n)

    return run
