"""Which class outputs tell, and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def margins(outputs: Sequence[float], side: float) -> list[float]:
    """For each class how far it is ahead of the best of the others, 0 on the border; of one output, of `side`.

    >>> margins([0.5, 0.25, 0.125], side=0.5), margins([0.75], side=0.5)
    ([0.25, -0.25, -0.375], [-0.25, 0.25])
    """
    if len(outputs) == 1:
        return [side - outputs[0], outputs[0] - side]
    return [o - max(p for j, p in enumerate(outputs) if j != k) for k, o in enumerate(outputs)]


def target_class(t: Any, side: float) -> int:
    """The class that a target names: by its index, by the largest of its numbers, or by the side of its one number.

    >>> target_class(2, 0.5), target_class((0.0, 1.0), 0.5), target_class((-1.0,), 0.0)
    (2, 1, 0)
    """
    if isinstance(t, int):
        return t
    return int(t[0] > side) if len(t) == 1 else max(range(len(t)), key=t.__getitem__)
