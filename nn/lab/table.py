"""Rows of cells as aligned text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def aligned(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """The rows under their column names: numbers to the right, text to the left; floats in six digits.

    >>> print(aligned(("name", "E"), [("first", 0.25), ("second", 10)]))
    name       E
    first   0.25
    second    10
    """
    lines = [list(columns), *([cell(x) for x in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    texts = [any(isinstance(row[k], str) for row in rows) for k in range(len(columns))]
    shown = ((c.ljust(w) if t else c.rjust(w) for c, w, t in zip(line, widths, texts, strict=True)) for line in lines)
    return "\n".join("  ".join(line).rstrip() for line in shown)


def cell(x: Any) -> str:
    """One cell as text: nothing for None, a function by its name."""
    return "" if x is None else f"{x:.6g}" if isinstance(x, float) else getattr(x, "__name__", str(x))
