"""What a check is: a probe of the learner's code that gives facts, each with the formula that it should follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple


class Fact(NamedTuple):
    """Something that a probe found: its name, a number or a text, the formula of the number, how near is right."""

    name: str
    value: Any
    formula: str = ""
    near: float = 1e-12


class Check(NamedTuple):
    """A probe with what is told when it fails: `title`, equations, what is `given`, the blanks that it `needs`.

    The first of `needs` is the blank that the check is about.
    """

    lesson: int
    name: str
    title: str
    eq: tuple[str, ...]
    needs: tuple[str, ...]
    given: str
    probe: Callable[[Any], Iterable[Fact]]
    slow: bool = False  # not run again for every slip
    explain: Callable[[float], str] | None = None  # what a number that no slip gives may come from


class Lesson(NamedTuple):
    """A lesson: one idea."""

    number: int
    title: str
    eq: tuple[str, ...]


def check(
    lesson: int, title: str, eq: str, needs: str, book: list[Check], slow: bool = False, explain: Callable[[float], str] | None = None
) -> Callable[[Callable[[Any], Iterable[Fact]]], Callable[[Any], Iterable[Fact]]]:
    """Make a probe a check of `book`; its docstring is what is given. `eq` and `needs` are lists with `;` between."""

    def keep(probe: Callable[[Any], Iterable[Fact]]) -> Callable[[Any], Iterable[Fact]]:
        given = "\n".join(line.strip() for line in (probe.__doc__ or "").strip().splitlines())
        book.append(Check(lesson, probe.__name__, title, listed(eq), listed(needs), given, probe, slow, explain))
        return probe

    return keep


def listed(text: str) -> tuple[str, ...]:
    """The items of a list with `;` between."""
    return tuple(p.strip() for p in text.split(";") if p.strip())
