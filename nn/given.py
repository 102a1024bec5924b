"""What functions are given: a model, rows that fit it, callbacks; of the right kind, or refused with what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from reprlib import repr as short
from typing import Any, ParamSpec, TypeVar

from nn.dataset import Row, as_pairs, check_rows


Given = ParamSpec("Given")
T = TypeVar("T")


def rows_by_keyword(f: Callable[Given, T]) -> Callable[Given, T]:
    """Let `f(model, rows, *, ...)` say what to write to whom who gives inputs and targets apart, or options by position.

    >>> rows_by_keyword(lambda model, rows, *, loss: None)([], [], [])
    Traceback (most recent call last):
    TypeError: <lambda> takes a model and rows, and all else by its name, as loss=; for inputs X and targets T apart write zip(X, T, strict=True)
    """

    @wraps(f)
    def refusing(*args: Given.args, **kwargs: Given.kwargs) -> T:
        if len(args) > 2:
            raise TypeError(
                f"{f.__name__} takes a model and rows, and all else by its name, as loss=; "
                "for inputs X and targets T apart write zip(X, T, strict=True)"
            )
        return f(*args, **kwargs)

    return refusing


def network(model: Any) -> Any:
    """`model`, if it has layers; TypeError for anything else."""
    if not hasattr(model, "layers") or not hasattr(model, "nin"):
        raise TypeError(f"a model is needed, such as MLP(2, [3, 1]), not {short(model)}")
    return model


def rows_for(model: Any, rows: Iterable[Any]) -> list[Row]:
    """The rows, checked against the inputs and outputs of a model; what their targets are, the first of them tells.

    >>> from nn.modules import MLP
    >>> rows_for(MLP(2, [3]), [([0, 1], 2)])
    [((0.0, 1.0), 2)]
    """
    pairs, nin = as_pairs(rows), getattr(model, "nin", None)
    if isinstance(pairs[0][1], int):
        return check_rows(pairs, nin, classes=max(2, getattr(model, "nout", None) or len(model(pairs[0][0]))))
    return check_rows(pairs, nin, getattr(model, "nout", None))


def functions(callbacks: Any) -> list[Callable[[Any], object]]:
    """The callbacks as a list; TypeError, before any work, for what cannot be called."""
    found: list[Any] = list(callbacks) if isinstance(callbacks, Iterable) else [None]
    if not all(map(callable, found)):
        raise TypeError(f"callbacks are a list of functions, as in callbacks=[f], not {short(callbacks)}")
    return found
