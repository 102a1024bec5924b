"""One line of the ledger: what a note says, and the computation of both sides on a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from engine.learn.ledger.network import Net


TOLERANCE = 1e-12  # relative to the larger side


class Side(NamedTuple):
    """Two numbers and how they should stand to each other: "=", "<" or "<="; `scale` is what a cancelling sum was made of."""

    left: float
    relation: str
    right: float
    scale: float = 0.0

    @property
    def off(self) -> float:
        """How far the sides are apart, relative to the larger one."""
        size = max(abs(self.left), abs(self.right), self.scale)
        return abs(self.left - self.right) / size if size else 0.0

    @property
    def holds(self) -> bool:
        """Whether they stand so."""
        if self.relation == "=":
            return self.off <= TOLERANCE
        return self.left < self.right or (self.relation == "<=" and self.left == self.right)


Check: TypeAlias = Callable[[Net], Iterable[Side]]


@dataclass(frozen=True)
class Entry:
    """An id of the ledger: the note's own notation, the check, where it is learned, and what of it is wrong.

    `printed` computes what the note prints where that is not exact: a counter-example. `line` is the line of
    `explain` (its equation id) or, where no derivation has one, the sentence that explains it. `shown` names the
    experiment of the lab that runs the claim at length.
    """

    id: str
    says: str
    check: Check
    lesson: int
    notebook: str
    line: str
    exact: str = ""
    printed: Check | None = None
    shown: str = ""

    @property
    def status(self) -> str:
        """Holds, or erratum."""
        return "erratum" if self.printed else "holds"

    def holds(self, net: Net) -> bool:
        """Whether every pair of sides stands as it should on this network."""
        sides = list(self.check(net))
        return bool(sides) and all(side.holds for side in sides)

    def off(self, net: Net) -> float:
        """The largest relative distance between two sides that should be equal."""
        return max((side.off for side in self.check(net) if side.relation == "="), default=0.0)


def equal(left: float, right: float, scale: float = 0.0) -> Side:
    """Two sides of an equation."""
    return Side(float(left), "=", float(right), scale)


def below(left: float, right: float) -> Side:
    """The left side is smaller."""
    return Side(float(left), "<", float(right))


def at_most(left: float, right: float) -> Side:
    """The left side is not larger."""
    return Side(float(left), "<=", float(right))
