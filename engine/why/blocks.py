"""The pieces of an explanation, their words already in text or in LaTeX, before they are put on a page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Head:
    """What is explained, the result, and what kind of node it is."""

    slope: str
    total: str
    kind: str


@dataclass(frozen=True)
class Line:
    """An equation, its sides in order, and an `aside`; `tag` stands before it, its id at the margin."""

    sides: tuple[str, ...]
    equation: str = ""
    tag: str = ""
    aside: str = ""


@dataclass(frozen=True)
class Rows:
    """Readings of one product, factor by factor: formulas, each with an equation id; then the numbers.

    `total` is the result, `lead` the sum that the first factor is, if it is one.
    """

    formulas: tuple[tuple[tuple[str, ...], str], ...]
    inserted: tuple[str, ...]
    values: tuple[str, ...]
    total: str
    lead: Addends | None


@dataclass(frozen=True)
class Addends:
    """A sum over uses: what it is, and for each use a label, its partial in symbols, two numbers, their product."""

    slope: str
    formula: str
    equation: str
    terms: tuple[tuple[str, str, str, str, str], ...]
    rest: tuple[str, str] | None
    total: str


@dataclass(frozen=True)
class Prose:
    """A sentence, with what it is about before it."""

    tag: str
    sentence: str


Block = Head | Line | Rows | Addends | Prose
