"""`diagnose`: what a wrong derivative says about the slip that made it.

A cause is named only if exactly one entry of the catalogue gives the number. Otherwise the ratio to the
right value is told, with the factors of the graph that are near it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from textwrap import wrap

from engine.learn.answers import Answer, read
from engine.learn.mistakes import Case, Slip, named, slips
from engine.value import Value


EXACT = 1e-9  # relative, for a number with all its digits
ROUNDED = 5e-3  # the most that a rounded number may be off; catalogued mistakes lie further apart


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """The right derivative, the learner's number, and the slip that explains it, if exactly one does."""

    node: str
    expected: float
    yours: float
    right: bool
    slip: Slip | None
    factors: tuple[tuple[str, float], ...]

    @property
    def cause(self) -> str:
        """The sentence about the mistake; empty where there is none, or none that is certain."""
        return self.slip.cause if self.slip else ""

    @property
    def ratio(self) -> float:
        """Yours / expected; NaN where the right derivative is 0."""
        return self.yours / self.expected if self.expected else math.nan

    def __str__(self) -> str:
        if self.right:
            return f"right: {self.node} = {self.expected:.6g}"
        lines = [self.node, f"  expected  {self.expected:.6g}", f"  yours     {self.yours:.6g}"]
        if self.slip:
            head, text = "cause", self.cause
        elif math.isnan(self.ratio):
            head, text = "note", "the right derivative is 0: a factor on every path is 0"
        else:
            near = ", ".join(f"{name} = {v:.6g}" for name, v in self.factors)
            head, text = "ratio", f"yours/expected = {self.ratio:.6f}; nearest factors: {near}"
        return "\n".join([*lines, *wrap(text, 78, initial_indent=f"  {head:10}", subsequent_indent=" " * 12)])

    def __repr__(self) -> str:
        return str(self)


def diagnose(answer: object, of: Value, root: Value, eta: float = 0.5) -> Diagnosis:
    """What `answer`, given for d root / d of, says: right, or which slip made it.

    The answer is a number, a fraction, a formula as text ("1/3", "-2*(1 - 0.2)", names of nodes) or a
    function of the node's number. A rounded number is taken as such. Raises ValueError for text that is
    no formula and for NaN, TypeError for other things, and as `explain` does for nodes.

    >>> from engine import Value
    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> L = a * b * 0.7
    >>> diagnose("-2.1", of=a, root=L)
    right: d root/d a = -2.1
    >>> diagnose(-3, of=a, root=L).cause
    'only the local derivative: what arrives from above is not multiplied in'
    """
    case = Case(of, root, eta)
    names = {str(n.label): n.data for n in case.cone.nodes if n.label is not None}
    given = read(answer, of.data, names)
    expected = case.right
    head = f"d {named(root) if root.label is not None else 'root'}/d {named(of)}"
    if same(given, expected):
        return Diagnosis(head, expected, given.value, True, None, ())
    found = [s for s in slips(of, root, eta) if same(given, s.value)]
    factors = () if len(found) == 1 or not expected else nearest(case, given.value / expected)
    return Diagnosis(head, expected, given.value, False, found[0] if len(found) == 1 else None, factors)


def same(given: Answer, value: float) -> bool:
    """Whether the answer is this number, within its own rounding."""
    allowed = max(EXACT * abs(value), min(given.rounding * (1 + 1e-9), ROUNDED * abs(value)))
    return abs(given.value - value) <= (allowed if value else 1e-15)


def nearest(case: Case, ratio: float) -> tuple[tuple[str, float], ...]:
    """The three numbers among the local derivatives, and 1 over them, that are nearest to the ratio."""
    candidates: dict[float, str] = {2.0: "2", 0.5: "1/2", -1.0: "-1"}
    for e in case.edges:
        if e.partial and math.isfinite(1 / e.partial):
            said = f"d {named(e.user)}/d {named(e.arg)}"
            candidates.setdefault(e.partial, said)
            candidates.setdefault(1 / e.partial, f"1/({said})")
    near = sorted(candidates, key=lambda v: (abs(v - ratio), v))[:3]
    return tuple((candidates[v], v) for v in near)
