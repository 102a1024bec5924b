"""The steps of a log, made again on its model: one, some, or all of them."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import ref

from engine import recording
from nn.compiled import CompiledSteps
from nn.history import Epoch, History
from nn.losses import loss_function
from nn.optim import SGD
from nn.step import objective, update


if TYPE_CHECKING:
    from nn.lab.recorder.log import Log, Whole


class Again:
    """The model, rows and loss of a log on one backend; the model's own weights are borrowed for the while."""

    def __init__(self, log: Log, backend: str) -> None:
        if backend not in ("graph", "python", "native"):
            raise ValueError(f"unknown backend {backend!r}; choose from graph, python, native")
        self._log, self.backend = ref(log), backend  # it lives in the log: no cycle, so machine code goes in order
        self.loss_of = loss_function(log.loss)
        self.optimiser = SGD(log.parameters, 0.0, **log.sgd)
        self.compiled: CompiledSteps | None = None
        if backend != "graph":
            E = partial(objective, log.model, self.loss_of)
            self.compiled = CompiledSteps(log.model, log.rows, E, self.optimiser, backend, log.strict, gradients=True)

    @property
    def log(self) -> Log:
        """The log whose steps these are."""
        log = self._log()
        if log is None:
            raise ReferenceError("the log of these steps is gone")
        return log

    @contextmanager
    def borrowed(self) -> Iterator[None]:
        """Inside, the weights are ours to change; afterwards they and their gradients are as before."""
        if not recording():
            raise ValueError("a history records graphs, and no_grad forbids it: ask outside of no_grad")
        kept = [(p, p.data, p.grad) for p in self.log.parameters]
        try:
            yield
        finally:
            for p, w, g in kept:
                p.data, p.grad = w, g

    def set(self, numbers: array[float]) -> None:
        """Give the model these weights, and the optimiser these velocities."""
        n = len(self.log.parameters)
        for p, w in zip(self.log.parameters, numbers, strict=False):
            p.data = w
        self.optimiser._velocity = dict(zip(self.log.parameters, numbers[n:], strict=False))

    def run(self, start: int, stop: int, numbers: array[float]) -> array[float]:
        """The numbers before update `stop`, from those before update `start`; the losses must be the recorded ones."""
        log = self.log
        self.set(numbers)
        k = start
        while k < stop:
            if k in log.marks and k > start:
                self.set(log.marks[k])
            e = log.epoch(k)
            end = min([stop, *(f for f in log.firsts if f > k)])
            self.optimiser.lr = log.lrs[e]
            step = partial(update, log.model, log.rows, self.loss_of, self.optimiser, e, k)
            if self.compiled is None:
                losses = [step(log.batch(i), i - k) for i in range(k, end)]
            else:
                size = len(log.batch(k))
                end = next((i for i in range(k, end) if len(log.batch(i)) != size), end)
                first = log.ends[k - 1] if k else 0
                losses = self.compiled.run(log.indices[first : log.ends[end - 1]], size, step)
            for i, E in zip(range(k, end), losses, strict=True):
                self.same(i, E)
            k = end
        return numbers_of(self.optimiser)

    def same(self, step: int, E: float) -> None:
        """Raise ValueError if an update does not begin with the loss that was recorded."""
        recorded = self.log.before[step]
        if recorded != E and not (not self.log.strict and math.isclose(E, recorded, rel_tol=1e-6)):
            raise ValueError(
                f"update {step} cannot be computed again: its loss was {recorded!r} and is now {E!r}; the model, the loss "
                "or the rows have changed since, or draw random numbers"
            )

    def once(self, step: int, old: array[float]) -> Whole:
        """One update with all its numbers."""
        from nn.lab.recorder.log import Whole

        found: list[Whole] = []
        self.set(old)
        self.optimiser.lr = self.log.lrs[self.log.epoch(step)]

        def note(batch: Any, before: float, after: float, gradient: array[float], new: array[float]) -> None:
            self.same(step, before)
            found.append(Whole(old, gradient, new))

        self.watch([self.log.batch(step)], step, note)
        return found[0]

    def watch(self, batches: Sequence[Sequence[int]], first: int, note: Callable[..., object]) -> None:
        """Updates from the present numbers on, with a note after each."""
        log = self.log
        step = partial(update, log.model, log.rows, self.loss_of, self.optimiser, log.epoch(first), first)
        watch(log.model, log.rows, self.loss_of, self.optimiser, self.compiled, batches, step, note)

    def losses(self, numbers: array[float], indices: Iterable[int] | None = None) -> array[float]:
        """The loss of every row, or of some, at these weights; NaN where it has no value."""
        for p, w in zip(self.log.parameters, numbers, strict=False):
            p.data = w
        indices = list(range(len(self.log.rows)) if indices is None else indices)
        return losses(self.log.model, self.log.rows, self.loss_of, self.compiled, indices)

    def gradients(self, numbers: array[float], indices: Iterable[int]) -> Iterator[array[float]]:
        """The gradient of the loss of each of these rows at these weights, 0 where it does not reach."""
        self.set(numbers)
        if self.compiled is not None:
            for g in self.compiled.slopes(indices):
                yield array("d", [x if x == x else 0.0 for x in g]) if not math.isfinite(sum(g)) else g
            return
        for i in indices:
            self.optimiser.zero_grad()
            objective(self.log.model, self.loss_of, [self.log.rows[i]]).backward()
            yield array("d", [p.grad or 0.0 for p in self.log.parameters])


def watch(
    model: Any, rows: Sequence[Any], loss_of: Any, optimiser: SGD, compiled: CompiledSteps | None,
    batches: Sequence[Sequence[int]], step: Callable[[Sequence[int], int], float], note: Callable[..., object],
) -> None:  # fmt: skip
    """One update for each of `batches`, and `note(batch, before, after, gradient, numbers)` after each.

    Whatever ends it early, the model has the weights of the last update that was noted.
    """
    if compiled is not None:
        compiled.one_by_one(batches, step, note)
        return
    parameters: list[Any] = optimiser.parameters
    noted, velocity = weights_of(parameters), optimiser._velocity
    try:
        for k, batch in enumerate(batches):
            before = step(batch, k)
            gradient = array("d", [math.nan if p.grad is None else p.grad for p in parameters])
            numbers = numbers_of(optimiser)
            after = _after(model, rows, loss_of, batch)
            note(batch, before, after, gradient, numbers)
            noted, velocity = numbers, optimiser._velocity
    finally:
        for p, w in zip(parameters, noted, strict=False):
            p.data = w
        optimiser._velocity = velocity


def _after(model: Any, rows: Sequence[Any], loss_of: Any, batch: Sequence[int]) -> float:
    """The loss of a batch; NaN if it has none, which the next update of these rows will tell."""
    try:
        return float(objective(model, loss_of, [rows[i] for i in batch]).data)
    except ArithmeticError:
        return math.nan


def losses(
    model: Any, rows: Sequence[Any], loss_of: Any, compiled: CompiledSteps | None, indices: Sequence[int]
) -> array[float]:
    """The loss of each of these rows at the present weights; NaN where it has no value."""
    if compiled is not None:
        return compiled.losses(indices)
    return array("d", [_after(model, rows, loss_of, [i]) for i in indices])


def weights_of(parameters: Iterable[Any]) -> array[float]:
    """The numbers of the parameters."""
    return array("d", [p.data for p in parameters])


def numbers_of(optimiser: SGD) -> array[float]:
    """The numbers of the parameters, and with momentum their velocities."""
    found = weights_of(optimiser.parameters)
    if optimiser.momentum:
        found.extend(optimiser._velocity.get(p, -0.0) for p in optimiser.parameters)
    return found


def replay(history: History, backend: str | None = None) -> History:
    """A history of the same updates, made again from the first weights on; see History.replay."""
    from nn.lab.recorder.log import Log

    log = history._log
    again = log.again(backend or log.backend)
    made = Log(log.model, log.rows, log.loss, again.optimiser, again.backend, log.strict, log.every, log.megabytes)
    told = History([], made)
    with again.borrowed():
        for e, first in enumerate(log.firsts):
            stop = log.firsts[e + 1] if e + 1 < len(log.firsts) else log.made
            if first in log.marks:
                again.set(log.marks[first])
            again.optimiser.lr = log.lrs[e]
            made.begin_epoch(log.lrs[e], numbers_of(again.optimiser))
            batches = [log.batch(k) for k in range(first, stop)]
            again.watch(batches, first, made.note)
            n = sum(map(len, batches))
            if n == len(log.rows):  # an epoch that was not interrupted
                total = 0.0
                for k, batch in zip(range(first, stop), batches, strict=True):
                    total += made.before[k] * len(batch)
                told.epochs.append(Epoch(e, log.lrs[e], total / n))
    return told
