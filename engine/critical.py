"""Critical points: where the gradient vanishes, the signs of the Hessian's eigenvalues say what is there.

>>> print(classify(lambda x: x[0] ** 2 - x[1] ** 2, [0.0, 0.0]))
saddle: eigenvalues -2 to 2, |gradient| 0
"""

from __future__ import annotations

import importlib
import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from engine.calls import Call, checked
from engine.errors import short
from engine.transforms import second_order
from engine.value import Value


class CriticalPoint(NamedTuple):
    """What `classify` found: the kind of the point, f and its gradient there, the eigenvalues from the smallest up."""

    kind: str
    value: float
    gradient: list[float]
    eigenvalues: list[float]

    def __str__(self) -> str:
        span = [f"{e:.4g}" for e in self.eigenvalues]
        spread = f"eigenvalues {span[0]} to {span[-1]}" if len(span) > 1 else f"eigenvalue {span[0]}"
        return f"{self.kind}: {spread}, |gradient| {math.hypot(*self.gradient):.4g}"

    def _repr_html_(self) -> str:
        caption = f"{self.kind}: f = {self.value:.6g}, |gradient| {math.hypot(*self.gradient):.4g}"
        display: Any = importlib.import_module("engine.view.display")
        return display.report_html(caption, ["eigenvalues"], [[f"{e:.6g}"] for e in self.eigenvalues])  # type: ignore[no-any-return]


def classify(f: Callable[..., Any], x: Any, tolerance: float = 1e-6) -> CriticalPoint:
    """What is at `x`, by the exact gradient and the eigenvalues of the exact Hessian, which NumPy computes.

        not stationary   the gradient is longer than tolerance * max(1, |f|)
        plateau          all eigenvalues are about zero
        minimum          all are positive          maximum      all are negative
        saddle           some are positive, some negative
        degenerate       of one sign or about zero: the second derivatives do not tell

    About zero is an eigenvalue below tolerance * max(1, the largest of all). Raises ValueError where a
    derivative is not finite, ImportError without NumPy.

    Newton's method steps to the critical point of the parabola that fits here, which may be of any kind:

    >>> def rosenbrock(x):
    ...     return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
    >>> from engine.transforms import grad, hessian
    >>> x = [-1.2, 1.0]
    >>> for _ in range(6):
    ...     (a, b), (_, d) = hessian(rosenbrock)(x)
    ...     p, q = grad(rosenbrock)(x)
    ...     x = [x[0] - (d * p - b * q) / (a * d - b * b), x[1] - (a * q - b * p) / (a * d - b * b)]
    >>> classify(rosenbrock, x).kind, [round(v, 6) for v in x]
    ('minimum', [1.0, 1.0])
    """
    checked(f, "classify", form="(f, x)")
    if not isinstance(tolerance, int | float) or not 0 < tolerance < 1:
        raise ValueError(f"classify: the tolerance is a number between 0 and 1, not {short(tolerance)}")
    value, first, second = second_order(Call("classify", f, 0, [x]))
    (y,), slopes, *rows = ([v.data if v.__class__ is Value else v for v in part] for part in ([value], first, *second))
    if not slopes:
        raise ValueError(f"classify: {short(x)} holds no number that could move")
    if not all(map(math.isfinite, itertools.chain([y], slopes, *rows))):
        found = f"f is {y}, its gradient {slopes}, its Hessian {rows}"
        raise ValueError(f"classify: not everything is finite at {short(x)}: {found}")
    eigenvalues = _numpy().linalg.eigvalsh(rows).tolist()
    zero = tolerance * max(1.0, *map(abs, eigenvalues))
    if math.hypot(*slopes) > tolerance * max(1.0, abs(y)):
        kind = "not stationary"
    else:
        kind = _kind({(e > zero) - (e < -zero) for e in eigenvalues})
    return CriticalPoint(kind, y, slopes, eigenvalues)


def _kind(signs: set[int]) -> str:
    """By the signs of the eigenvalues, 0 for those that are about zero."""
    if signs == {0}:
        return "plateau"
    if signs >= {1, -1}:
        return "saddle"
    if 0 in signs:
        return "degenerate"
    return "minimum" if 1 in signs else "maximum"


def _numpy() -> Any:
    try:
        return importlib.import_module("numpy")
    except ImportError:
        raise ImportError("classify takes eigenvalues from NumPy, which is not installed: pip install numpy") from None
