"""no_grad: models compute on plain floats, and record nothing."""

from __future__ import annotations

from contextlib import ContextDecorator
from contextvars import ContextVar, Token


_recording: ContextVar[bool] = ContextVar("recording", default=True)


class no_grad(ContextDecorator):
    """Inside it a model called on numbers returns floats and makes no nodes; it also decorates functions.

    It acts on calls of `nn` models only: an expression written with Values is recorded as ever. It
    nests, ends with an exception too, and is separate for each thread.

    >>> with no_grad():
    ...     recording()
    False
    """

    def __init__(self) -> None:
        self._tokens: list[Token[bool]] = []

    def __repr__(self) -> str:
        return "no_grad()"

    def __enter__(self) -> no_grad:
        self._tokens.append(_recording.set(False))
        return self

    def __exit__(self, *exc: object) -> None:
        _recording.reset(self._tokens.pop())

    def _recreate_cm(self) -> no_grad:  # a decorated function may run in several threads at once
        return no_grad()


def recording() -> bool:
    """Whether calls of models record a graph; False inside `no_grad`."""
    return _recording.get()
