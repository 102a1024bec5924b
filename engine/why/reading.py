"""A formula of a row at one place of a graph: with the names and the numbers that its symbols have there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from engine.formula import REDUCTIONS, Formula, Itself, each, fold, rebuild
from engine.ieee import evaluate
from engine.why.notation import Label


class Reading(NamedTuple):
    """A formula, what its symbols are called, and their numbers (a list for a vector).

    A name that is a float is a constant of the expression. Of a vector, `names` and `element` tell the
    element that is meant and `running` names any of them, in a sum. `known` are parts of the formula
    that have a name and a number of their own.
    """

    formula: Formula
    names: Mapping[str, Label | float]
    numbers: Mapping[str, Any]
    element: int = 0
    running: Mapping[str, Label] = {}
    known: Mapping[Formula, tuple[Label | float, float]] = {}

    def at(self, s: str) -> float:
        """The number of a symbol."""
        x = self.numbers[s]
        return float(x[self.element] if x.__class__ is list else x)

    def number(self, f: Formula) -> float:
        """The number of a formula over the same symbols."""
        y = evaluate(f, self.numbers, {g: number for g, (_, number) in self.known.items()})
        return float(y[self.element] if y.__class__ is list else y)

    @property
    def shown(self) -> float:
        """The number of this formula in the form that is shown."""
        return self.number(shown_form(self.formula))

    @property
    def operands(self) -> list[tuple[Label | float, float]]:
        """What the arguments of the row are called, and their numbers."""
        return [(name, self.at(s)) for s, name in self.names.items() if s != "y"]

    def of(self, f: Formula, **names: float) -> Reading:
        """Another formula over the same symbols, of which some are taken as constants."""
        return self._replace(formula=f, names={**self.names, **names})


def shown_form(f: Formula) -> Formula:
    """The formula as the notes print it: of every `written` the first form."""
    return fold(f, Itself(f), rebuild, shown=True)  # type: ignore[no-any-return]


def reductions(f: Formula) -> list[Formula]:
    """The sums and maxima in a formula, inner ones first."""
    return [g for g in reversed(each(f)) if g.op in REDUCTIONS]
