"""What a run over many rows does with inputs and outputs, and the buffers that hold their numbers."""

from __future__ import annotations

import ctypes
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

from engine.errors import short
from engine.whole import counted


class Plan(NamedTuple):
    """Which inputs a row holds, which ones the state, and where outputs go.

    `columns` and `state` list positions of inputs; `feedback` has for each of the state's the position
    of the output that becomes its next number, `collect` the positions of outputs to keep for each row.
    """

    columns: tuple[int, ...]
    state: tuple[int, ...] = ()
    feedback: tuple[int, ...] = ()
    collect: tuple[int, ...] = ()


@dataclass(frozen=True)
class Run:
    """The buffers of one run of `n` visits, checked: float64, the order int64, one column of results after another.

    `done` holds one number: of how many visits the state has the outcome.
    """

    rows: Any  # a memoryview of float64, as is the state
    state: Any
    order: array[int] | None
    collected: array[float]
    n: int
    done: deque[int] = field(default_factory=lambda: deque([0], 1))

    def keep(self, new: array[float], visits: int) -> None:
        """The state after so many visits: an interrupt, which comes between calls, finds both as they were or both new."""
        state, done = self.state, self.done
        state[:] = new
        done[0] = visits


class Runner(Protocol):
    """A backend's machine for one plan."""

    def __call__(self, run: Run, start: int, stop: int) -> int:
        """Do rows `start` to `stop`, and tell `run.done`; returns `stop`, or the row that needs a look before it is done."""
        ...


def view(buffer: Any, what: str, width: int, writable: bool = False) -> Any:
    """`buffer` as a flat view of float64, without a copy; the error says what is wrong with it and what to give."""
    wanted = f"scan: {what} must be a contiguous buffer of float64, as array.array('d', ...) or a NumPy array is"
    try:
        m = memoryview(buffer)
    except TypeError:
        raise TypeError(f"{wanted}, not {short(buffer)}") from None
    if m.format not in ("d", "<d", "=d", "@d"):
        raise TypeError(f"{wanted}; this one holds {m.format!r}: numpy.asarray({what}, dtype=float) converts it")
    if not m.c_contiguous:
        raise ValueError(f"{wanted}; this one has strides {m.strides}: numpy.ascontiguousarray({what}) copies it")
    if writable and m.readonly:
        raise ValueError(f"scan: {what} is changed in place, and this buffer is read-only")
    n = m.nbytes // 8
    if (m.ndim > 1 and m.shape and m.shape[-1] != width) or (width and n % width) or (not width and n):
        raise ValueError(f"scan: {what} must have {counted(width, 'number')} a row, and this buffer has the shape {m.shape}")
    return m.cast("B").cast("d") if n else memoryview(array("d"))


def visits(order: Sequence[int] | None, rows: int) -> array[int] | None:
    """The rows to visit, in order, as an array of int64 of our own: nobody can change it after this look at it."""
    if order is None:
        return None
    try:
        found = array("q", order if isinstance(order, array) else iter(order))
    except (TypeError, OverflowError):
        raise TypeError(f"scan: order must list row numbers, not {short(order)}") from None
    if found and not (min(found) >= 0 and max(found) < rows):
        raise ValueError(f"scan: order must list rows from 0 to {rows - 1}, and has {min(found)} to {max(found)}")
    return found


def apart(rows: memoryview, state: memoryview) -> None:
    """Raise ValueError if the state lies inside the rows: it is written while they are read."""
    a, b = address(rows), address(state)
    if rows.nbytes and state.nbytes and a < b + state.nbytes and b < a + rows.nbytes:
        raise ValueError("scan: rows and state share memory; give the state a buffer of its own")


class _Buffer(ctypes.Structure):  # CPython's Py_buffer
    _fields_ = (
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.py_object),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    )


def address(m: Any) -> int:
    """Where a buffer lies, writable or not; whoever uses it holds the buffer meanwhile."""
    if isinstance(m, array):
        return m.buffer_info()[0]
    b = _Buffer()
    ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(m), ctypes.byref(b), 0)
    try:
        return b.buf or 0
    finally:
        ctypes.pythonapi.PyBuffer_Release(ctypes.byref(b))


def python_runner(function: Callable[..., tuple[float, ...]], plan: Plan) -> Runner:
    """Rows one after another through a Python function of all inputs."""
    place = {k: i for i, k in enumerate((*plan.columns, *plan.state))}
    pick = _picker([place[k] for k in range(len(place))])
    feed = _picker(plan.feedback)
    width = len(plan.columns)

    def go(run: Run, start: int, stop: int) -> int:
        for r in range(start, stop):
            k = r if run.order is None else run.order[r]
            try:
                found = function(*pick([*run.rows[k * width : (k + 1) * width], *run.state]))
            except (ArithmeticError, ValueError):
                return r
            for j, p in enumerate(plan.collect):
                run.collected[j * run.n + r] = found[p]
            run.keep(array("d", feed(found)), r + 1)
        return stop

    return go


def _picker(places: Sequence[int]) -> Callable[[Sequence[float]], Sequence[float]]:
    """The numbers at several places, as fast as Python can."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda numbers: [numbers[p] for p in places]


def store(plan: Plan, run: Run, r: int, found: Sequence[float]) -> None:
    """Put the outputs of row `r` where the plan wants them; the row is done."""
    for j, p in enumerate(plan.collect):
        run.collected[j * run.n + r] = found[p]
    run.keep(array("d", [found[p] for p in plan.feedback]), r + 1)
