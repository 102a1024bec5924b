"""anomaly: where the first NaN or infinity comes from.

While nobody is inside of it nothing is slower. On entry two names are given another meaning: `tick`,
which every recording calls last, when its node is whole, and `Value.backward`. The last one to leave
gives both back.

>>> from engine import Value
>>> x = Value(1e200, "x")
>>> with anomaly():
...     y = x * x
Traceback (most recent call last):
...
engine.errors.Anomaly: mul(x=1e+200, x=1e+200) = inf is not finite
  y = a*b
  made in File "<doctest engine.trust.trouble[2]>", line 2: y = x * x
"""

from __future__ import annotations

import linecache
import math
import os
import sys
import threading
from contextlib import ContextDecorator
from contextvars import ContextVar, Token
from types import FrameType
from typing import Any

from engine import value as values
from engine.errors import Anomaly, short
from engine.formula import text
from engine.graph import topological
from engine.naming import called, name
from engine.source import NAMES
from engine.trust.reevaluate import live
from engine.value import Value


Place = tuple[str, int]  # a file and a line


class anomaly(ContextDecorator):
    """Inside it the first NaN or infinity that an operation makes, or a backward pass, raises Anomaly.

    The message has the node, its formula, its arguments' numbers and the line that made the node; the
    line is known of nodes that were recorded inside. What a leaf is given is not looked at, but the
    operation that spreads it is. A backward pass is completed first: gradients may be looked at.

    It watches the thread (or task) that entered it, nests, decorates functions, and ends with an
    exception too. Recording takes about seven times as long, and a note per node is kept until it
    ends, so it is for some steps of a training rather than for all.

    >>> from engine import Value, sqrt
    >>> x = Value(0.0, "x")
    >>> with anomaly():
    ...     (3 * sqrt(x)).backward()
    Traceback (most recent call last):
    ...
    engine.errors.Anomaly: the gradient of x becomes inf in sqrt(x=0.0)
      dy/da = 1/(2*y) is inf here, and the gradient of sqrt is 3.0
      made in File "<doctest engine.trust.trouble.anomaly[2]>", line 2: (3 * sqrt(x)).backward()
    """

    def __init__(self, *given: object) -> None:
        if given:
            raise TypeError(f"anomaly takes nothing, not {short(given[0])}: write `with anomaly():` around the code, or @anomaly() above a function")
        self._tokens: list[Token[dict[int, Place] | None]] = []

    def __repr__(self) -> str:
        return "anomaly()"

    def __enter__(self) -> anomaly:
        outer = _made.get()
        self._tokens.append(_made.set({} if outer is None else outer))
        _watchers.enter()
        return self

    def __exit__(self, *exc: object) -> None:
        _watchers.leave()
        _made.reset(self._tokens.pop())

    def _recreate_cm(self) -> anomaly:  # a decorated function may run in several threads at once
        return anomaly()


_made: ContextVar[dict[int, Place] | None] = ContextVar("made", default=None)  # birth of a node -> where


class _Watchers:
    """How many are inside; the first changes the two names, the last gives them back."""

    def __init__(self) -> None:
        self.inside = 0
        self.lock = threading.Lock()

    def enter(self) -> None:
        with self.lock:
            if self.inside == 0:
                _rename(_tick, _backward)
            self.inside += 1

    def leave(self) -> None:
        with self.lock:
            self.inside -= 1
            if self.inside == 0:
                _rename(tick, backward)


_watchers = _Watchers()
tick, backward = values.tick, Value.backward


def _rename(tick: Any, backward: Any) -> None:
    NAMES["tick"] = tick
    values.tick = tick
    Value.backward = backward  # type: ignore[method-assign]


# ---- forward ------------------------------------------------------------------------------------


def _tick() -> int:
    """`tick`, with a look at the node whose recording ends with it."""
    born = tick()
    made = _made.get()
    if made is not None:
        frame = sys._getframe(1)
        n = frame.f_locals.get("n")
        made[born] = _place(frame)
        if n.__class__ is Value and n.op is not None and not math.isfinite(n.data):
            where = _line(made[born])
            lines = [f"{called(n)} = {n.data} is not finite", f"y = {text(n.op.value)}"]
            for p in n.args:
                if p.__class__ is Value and not math.isfinite(p.data):
                    lines.append(f"{name(p)} was {p.data} before, made in {_line(made.get(p._born))}")
            raise Anomaly("\n  ".join([*lines, f"made in {where}"]), n, where)
    return born


_ENGINE = os.path.dirname(os.path.dirname(__file__))
_INSIDE = ("<row ", _ENGINE + os.sep, os.path.join(os.path.dirname(_ENGINE), "nn") + os.sep)


def _place(frame: FrameType | None) -> Place:
    """The nearest line of code that is neither the engine's nor nn's."""
    while frame is not None:
        if not frame.f_code.co_filename.startswith(_INSIDE):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return "<unknown>", 0


def _line(place: Place | None) -> str:
    if place is None:
        return "a line outside of anomaly()"
    return f'File "{place[0]}", line {place[1]}: {linecache.getline(*place).strip()}'


# ---- backward -----------------------------------------------------------------------------------


def _backward(self: Value, seed: float = 1.0, accumulate: bool = False) -> None:
    backward(self, seed, accumulate)
    if _made.get() is not None:
        _look_at_gradients(self)


_backward.__doc__ = backward.__doc__


def _look_at_gradients(root: Value) -> None:
    """Raise Anomaly for the first edge, users first, over which a gradient stops to be finite."""
    nodes = topological(root)
    if all(n.grad is not None and math.isfinite(n.grad) for n in nodes):
        return
    for n in reversed(nodes):
        g: Any = n.grad
        if not math.isfinite(g):
            what = "the seed is" if n is root else f"the sum over the uses of {name(n)} becomes"
            _raise(n, [f"{what} {g}, in the gradient of {called(n)}"])
        if n.op is None:
            continue
        for s, f, group, slopes in zip(n.op.args, n.op.partials, n._groups(), n._slopes(), strict=True):
            for k, p in enumerate(group):
                d = slopes[k] if live(p) else 0.0
                if not math.isfinite(d * g):
                    _raise(
                        n,
                        [
                            f"the gradient of {name(p)} becomes {d * g} in {called(n)}",
                            f"dy/d{s} = {text(f)} is {float(d)} here, and the gradient of {name(n)} is {g}",
                        ],
                    )


def _raise(n: Value, lines: list[str]) -> None:
    where = _line((_made.get() or {}).get(n._born))
    raise Anomaly("\n  ".join([*lines, f"made in {where}"]), n, where)
