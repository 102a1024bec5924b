"""What a schedule is made of: loops over families of steps, and single steps."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from engine.program.fit import Affine
from engine.program.tape import Operand


class Each(NamedTuple):
    """A loop over the members of a family of plain numbers; `leaves` are the operands it reads, member by member."""

    family: int
    members: list[int]
    leaves: list[list[Operand]]
    sources: list[list[int]]  # their addresses; of constants nothing
    target: list[int]
    n: int  # members in an inner loop


class Together(NamedTuple):
    """Loops of equal counts as one, which computes a member of each in turn; they do not need one another."""

    parts: list[Each]

    @property
    def first(self) -> Each:
        """The one that the others joined."""
        return self.parts[0]


class Sums(NamedTuple):
    """A loop over a family of sums: for each vector the address base + outer * member + inner * term."""

    family: int
    members: list[int]
    vectors: dict[str, Affine]
    columns: set[str]  # the vectors that are columns of the row
    flats: dict[str, list[Operand]]
    target: list[int]
    terms: int


class Single(NamedTuple):
    """One step by itself."""

    place: int


Task: TypeAlias = Together | Sums | Single
