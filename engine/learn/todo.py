"""What a learner's file and the plain engine import: an empty cell, an empty function, and the reader of a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from engine import ieee
from engine.learn.cutting import TODO, NotYet
from engine.ops import Row
from engine.source import MACHINE, value_source


__all__ = ["TODO", "NotYet", "value_and_partials"]


@lru_cache(maxsize=256)
def function_of(row: Row) -> Callable[..., float]:
    """The row as a function of floats; it raises where Python's arithmetic does."""
    names: dict[str, Any] = dict(MACHINE)
    exec(value_source(row), names)
    return names[f"{row.name}_f"]  # type: ignore[no-any-return]


def value_and_partials(row: Row, args: Mapping[str, Any]) -> tuple[float, list[Any]]:
    """The number of a row at `args`, by Python's rules, and its partials, which never raise.

    >>> from engine.ops import TABLE
    >>> value_and_partials(TABLE["mul"], {"a": 2.0, "b": -3.0})
    (-6.0, [-3.0, 2.0])
    """
    return function_of(row)(*args.values()), ieee.value_and_partials(row, args)[1]
