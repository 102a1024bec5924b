"""Where the numbers of a family lie: addresses as an affine function of two counters, or as a table.

>>> fit([10, 11, 12, 20, 21, 22], 3)
Affine(base=10, outer=10, inner=1)
>>> fit([10, 11, 12, 20, 21, 23], 3) is None
True
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Affine(NamedTuple):
    """The address base + outer * a + inner * b, for a = 0, 1, ... and b = 0, 1, ... inside."""

    base: int
    outer: int
    inner: int


def run_length(addresses: Sequence[int]) -> int:
    """How many addresses from the first on have equal distances."""
    if len(addresses) < 3:
        return len(addresses)
    stride = addresses[1] - addresses[0]
    for k in range(2, len(addresses)):
        if addresses[k] - addresses[k - 1] != stride:
            return k
    return len(addresses)


def fit(addresses: Sequence[int], n: int) -> Affine | None:
    """The affine function of rows of `n` that gives every one of `addresses`; None if there is none."""
    base = addresses[0]
    inner = addresses[1] - base if n > 1 else 0
    outer = addresses[n] - base if len(addresses) > n else 0
    row = [base + inner * b for b in range(n)]
    for a in range(len(addresses) // n):
        if list(addresses[a * n : (a + 1) * n]) != [x + outer * a for x in row]:
            return None
    return Affine(base, outer, inner)


def rows_of(lists: Sequence[Sequence[int]]) -> int:
    """The length of the rows in which most of the lists are affine, the longest of several.

    >>> rows_of([[0, 0, 0, 1, 1, 1], [4, 5, 6, 4, 5, 6], [0, 1, 2, 3, 4, 5]])
    3
    """
    total = len(lists[0])
    lengths = {n for n in map(run_length, lists) if total % n == 0} | {total}
    return max(lengths, key=lambda n: (sum(fit(addresses, n) is not None for addresses in lists), n))
