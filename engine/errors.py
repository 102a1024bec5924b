"""What can go wrong, as exceptions that say what happened, with the numbers, and what to write instead.

    MathError                      an operation has no value at its arguments
      DomainError   (ValueError)             log(-1), sqrt(-1), (-8)**(1/3)
      PoleError     (ZeroDivisionError)      1/0, 0**-1
      RangeError    (OverflowError)          exp(1000), 1e200**3
    StaleGraph      (ValueError)             a leaf was changed after the graph was recorded
    Anomaly         (RuntimeError)           a NaN or an infinity appeared inside of anomaly()
    GradientReplaced (UserWarning)           a pass replaced a gradient that another root had left

Each is also the built-in exception that plain floats raise there, so `except ZeroDivisionError` works.
"""

from __future__ import annotations

import warnings
from typing import Any

from engine.ops import Row


class MathError(ArithmeticError):
    """An operation has no value at its arguments."""


class DomainError(MathError, ValueError):
    """The arguments lie outside the domain of the operation."""


class PoleError(MathError, ZeroDivisionError):
    """The operation divides by zero."""


class RangeError(MathError, OverflowError):
    """The value is too large for a float."""


class StaleGraph(ValueError):
    """The numbers recorded in a graph no longer follow from its leaves."""


class Anomaly(RuntimeError):
    """A NaN or an infinity appeared inside of `anomaly()`; `node` is where, `line` the source that made the node."""

    def __init__(self, message: str, node: Any, line: str) -> None:
        super().__init__(message)
        self.node, self.line = node, line


class GradientReplaced(UserWarning):
    """A backward pass replaced a gradient that a pass from another root had left."""

    def __init__(self, label: object = None) -> None:
        whose = "" if label is None else f" of {label}"
        super().__init__(
            f"backward() replaced the gradient{whose} that a pass from another root had left, where PyTorch would have "
            "added: call zero_grad() first to say that this is meant, or backward(accumulate=True) to add"
        )


told_once: set[str] = set()


def warn_replaced(label: object) -> None:
    """Tell the caller of a pass, once, that it replaced the gradient of a leaf of that label."""
    if "replaced" not in told_once:
        told_once.add("replaced")
        warnings.warn(GradientReplaced(label), stacklevel=3)


def math_error(row: Row, refusal: Exception, operands: list[str], pole: bool) -> MathError:
    """The error for `row` at `operands`, of the same kind as the `refusal` of Python's arithmetic."""
    kind: type[MathError] = PoleError if pole or isinstance(refusal, ZeroDivisionError) else DomainError
    if isinstance(refusal, OverflowError):
        kind = RangeError
    reason = {PoleError: "division by zero", DomainError: "outside the domain", RangeError: "too large for a float"}
    needs = f"; {row.name} needs {row.domain}" if row.domain else ""
    if kind is RangeError and row.name == "pow":  # a and b are where pow has a value: there is no float for it
        needs = "; the largest is 1.8e308"
    return kind(f"{row.name}({', '.join(operands)}): {reason[kind]}{needs}")


def not_a_number(x: Any, where: str) -> TypeError:
    """The error for something that is not a number where one is needed."""
    if isinstance(x, str):
        remedy = f"write float({x!r}) if the text is a number"
    elif getattr(x, "shape", ()) or isinstance(x, list | tuple):
        remedy = "a Value is one scalar: take the elements one by one, as in [v * x for x in array]"
    elif "complex" in type(x).__name__:
        remedy = "only real numbers have a place here: take x.real, x.imag or abs(x)"
    else:
        remedy = "give an int, a float or a Value"
    return TypeError(f"{where}: a number was expected, not {short(x)} of type {type(x).__name__}; {remedy}")


def digits(x: Any) -> str:
    """Six digits of a number; of anything else that stands in its place, what it is."""
    try:
        return f"{x:.6g}"
    except (TypeError, ValueError):
        return short(x)


def short(x: Any, width: int = 60) -> str:
    """The repr of `x` on one line, cut where it gets long."""
    s = " ".join(repr(x).split())
    return s if len(s) <= width else s[: width - 3] + "..."
