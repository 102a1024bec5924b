"""What the benchmarks print: tables with aligned columns, bars, progress, and a word about a busy machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence


def verdict(bar: str, reached: bool) -> str:
    return f"{bar} {'reached' if reached else 'MISSED'}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Aligned columns under their headings: numbers to the right, words to the left."""
    body = list(rows)
    columns = list(zip(head, *body, strict=True))
    widths = [max(map(len, column)) for column in columns]
    words = [any(c and not c.replace(",", "").replace(".", "").isdigit() for c in column[1:]) for column in columns]

    def line(cells: Sequence[str]) -> str:
        aligned = (c.ljust(w) if is_word else c.rjust(w) for c, w, is_word in zip(cells, widths, words, strict=True))
        return "  ".join(aligned).rstrip()

    return "\n".join([line(head), "  ".join("-" * w for w in widths), *map(line, body)])


def progress(message: str) -> None:
    """One line that the next one overwrites, where someone is looking."""
    if sys.stderr.isatty():
        print(f"\r{message:60}\r", end="", file=sys.stderr, flush=True)


def others() -> float:
    """How many processes beside this one's ran in the last minute, on average; 0 where the system does not tell."""
    return os.getloadavg()[0] - 1.0 if hasattr(os, "getloadavg") else 0.0


def busy() -> str:
    """A warning if the machine had other work."""
    return f"The machine was busy: about {others():.1f} other processes were running; repeat on a quiet one." if others() > 0.5 else ""
