"""Two histories compared to the first number in which they differ."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from nn.lab.recorder.log import Log


@dataclass(frozen=True)
class Comparison:
    """The first difference: at which update, of what, and both; `same` if there is none in `updates` updates."""

    updates: int
    step: int | None = None
    what: str = ""
    one: Any = None
    other: Any = None

    @property
    def same(self) -> bool:
        """Whether every number of both is the same, bit for bit."""
        return self.step is None

    def __repr__(self) -> str:
        if self.step is None:
            return f"the same {self.updates:,} updates, bit for bit"
        apart = ""
        if isinstance(self.one, float) and isinstance(self.other, float):
            apart = f", {abs(self.one - self.other):.3g} apart"
        return f"the first difference is at update {self.step}: {self.what} {self.one!r} and {self.other!r}{apart}"


def compare(a: Log, b: Log) -> Comparison:
    """Update by update: weights of before, rows, rate, loss, gradient, weights of after, loss of after."""
    n = min(len(a), len(b))
    if a.names != b.names:
        return Comparison(n, 0, "the parameters are", _brief(a.names), _brief(b.names))
    if a.sgd["momentum"] != b.sgd["momentum"]:
        return Comparison(n, 0, "the momentum is", a.sgd["momentum"], b.sgd["momentum"])
    clean = 0  # the last update before which all weights are known to be the same
    for k in range(n):
        found = _shallow(a, b, k)
        if found is None and k in a.wholes and k in b.wholes:
            found = _deep(a, b, k)
            clean = k if found is None else clean
        if found is not None:
            return Comparison(n, *_earliest(a, b, clean, k, found))
    if len(a) != len(b):
        return Comparison(n, n, "one has ended: the number of updates is", len(a), len(b))
    if (found := _of_states(a, b, a.now, b.now, "")) is not None:
        return Comparison(n, *_earliest(a, b, clean, n - 1, found))
    return Comparison(n)


def _earliest(a: Log, b: Log, clean: int, k: int, found: tuple[str, Any, Any]) -> tuple[int, str, Any, Any]:
    """The update that first made weights different, or found them so, if that was before it showed in a loss."""
    if a.model is None or b.model is None:
        return k, *found
    differ = lambda j: _of_states(a, b, a.state(j), b.state(j), "") is not None
    first = clean + bisect_left(range(clean, k + 1), True, key=differ)
    if first > 0 and (made := _deep(a, b, first - 1)) is not None:
        return first - 1, *made
    there = _deep(a, b, first) if first <= k else None  # they were set from outside, or are those of the start
    return first, *(there or found)


def _shallow(a: Log, b: Log, k: int) -> tuple[str, Any, Any] | None:
    pairs = (
        ("the rows are", tuple(a.batch(k)), tuple(b.batch(k))),
        ("the learning rate is", a.lrs[a.epoch(k)], b.lrs[b.epoch(k)]),
        ("the loss before is", a.before[k], b.before[k]),
        ("the loss after is", a.after[k], b.after[k]),
    )
    return next((p for p in pairs if p[1] != p[2] and not (p[1] != p[1] and p[2] != p[2])), None)


def _deep(a: Log, b: Log, k: int) -> tuple[str, Any, Any] | None:
    one, other = a.whole(k), b.whole(k)
    found = _of_states(a, b, one.old, other.old, "old ") or _shallow(a, b, k)
    if found is not None and found[0] != "the loss after is":
        return found
    return (
        _of_states(a, b, one.gradient, other.gradient, "the gradient of ")
        or _of_states(a, b, one.new, other.new, "new ")
        or found
    )


def _of_states(a: Log, b: Log, one: array[float], other: array[float], what: str) -> tuple[str, Any, Any] | None:
    if one.tobytes() == other.tobytes():
        return None
    names = [*a.names, *(f"the velocity of {name}" for name in a.names)]
    if len(one) != len(other):
        return "the number of numbers is", len(one), len(other)
    for name, x, y in zip(names, one, other, strict=False):
        if array("d", [x]).tobytes() != array("d", [y]).tobytes():
            return f"{what}{name} is", x, y
    return None


def _brief(names: list[str]) -> str:
    return f"{len(names)}: {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"
