"""Training steps as compiled programs: forward, loss, gradients and update of a batch, recorded once.

The step is a graph like any other: `gradient` gives dE/dw as nodes, and w - lr dE/dw is a node for each
weight. Compiled, it is scanned over the rows with the weights as its state. Same rows, same order, same
digits as recording every step anew.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from typing import Any, TypeAlias

from engine import Role, Value, gradient
from engine.program import Program, Scan, collector_at_rest, compile  # noqa: A004
from nn.losses import LOSSES, Loss
from nn.modules import MLP, Layer
from nn.optim import SGD


Row: TypeAlias = tuple[Sequence[float], Any]
Objective: TypeAlias = Callable[[list[Row]], Value]  # E of a batch of rows, as a graph
OnTheGraph: TypeAlias = Callable[[Sequence[int], int], object]  # (rows, updates before): the step of a batch
Note: TypeAlias = Callable[[Sequence[int], float, float, "array[float]", "array[float]"], object]
"""(rows, loss before, loss after, gradient, numbers after): one number for every parameter; velocities follow weights."""
WORTH = 300_000  # weights times updates, from which compiling takes less time than it saves
SEEN = 100_000  # held-out rows times weights, from which they are judged by compiled code
LONG_SOURCE = 3_000  # weights, above which Python takes long to read the source of a step


def compiled_steps(
    model: Any,
    rows: Sequence[Row],
    loss: str | Loss,
    objective: Objective,
    optimiser: SGD,
    backend: str,
    strict: bool,
    updates: int,
    gradients: bool = False,
) -> CompiledSteps | None:
    """Steps of `optimiser` down `objective` on `backend`; None if steps on the graph are the better choice.

    "auto" chooses the graph for short trainings, and for models and losses that are not of this package:
    they may decide in Python what to compute, and a recorded step keeps what was decided.
    """
    weights = len(optimiser.parameters)
    if backend == "auto":
        native = find_spec("llvmlite") is not None
        if not is_own(model, loss) or weights * updates < WORTH or (not native and weights > LONG_SOURCE):
            return None
    return CompiledSteps(model, rows, objective, optimiser, backend, strict, gradients)


def is_own(model: Any, loss: str | Loss) -> bool:
    """Whether model and loss are of this package: what they compute is then the same for every row."""
    return type(model) in (MLP, Layer) and (loss in LOSSES or loss in LOSSES.values())


class CompiledSteps:
    """Runs batches of rows; programs are built when the first batch of their size comes.

    With `gradients` each step can also be looked at: `one_by_one` tells its gradient and its new numbers.
    """

    def __init__(
        self, model: Any, rows: Sequence[Row], objective: Objective, optimiser: SGD, backend: str, strict: bool,
        gradients: bool = False,
    ) -> None:  # fmt: skip
        self.model, self.objective, self.optimiser = model, objective, optimiser
        self.backend, self.strict = backend, strict
        x, t = rows[0]
        self.inputs = len(x)
        self.targets = len(t) if hasattr(t, "__len__") else len(model(x))
        self.width = self.inputs + self.targets
        self.data = array("d", [number for row in rows for number in self._numbers(row)])
        self.gradients = gradients
        self.steps: dict[int, _Step] = {}  # by the size of their batch
        self._judge: tuple[list[Value], Scan] | None = None  # the weights, and the machine for the loss and outputs of a row

    def run(
        self,
        indices: Sequence[int],
        size: int,
        update: OnTheGraph,
        progress: Callable[[int], object] | None = None,
    ) -> list[float]:
        """One update for every `size` of the row numbers `indices`; returns the loss of each before its update.

        The last batch may be smaller. `update` does the step of one batch on the graph: it is called for
        the step that the graph refuses, after all steps before it, so that the error is the graph's own.
        `progress` is told now and then how many steps were done since.
        """
        whole = len(indices) // size * size
        losses = self._steps(indices[:whole], size, update, progress, 0) if whole else []
        rest = len(indices) - whole
        return losses + (self._steps(indices[whole:], rest, update, progress, len(losses)) if rest else [])

    def seen(self, rows: Sequence[Row]) -> list[tuple[float, tuple[float, ...]]] | None:
        """The loss and the outputs of every row; None if they are too few to compile for, or the graph refuses one."""
        if len(rows) * len(self.optimiser.parameters) < SEEN:
            return None
        if self._judge is None:
            with collector_at_rest():
                self._judge = self._judging(rows[0])
        weights, judge = self._judge
        flat = array("d", [number for row in rows for number in self._numbers(row)])
        try:
            losses, *outputs = judge(flat, array("d", [w.data for w in weights]))
        except ArithmeticError:
            return None
        return list(zip(losses, zip(*outputs, strict=True), strict=True))

    def _judging(self, row: Row) -> tuple[list[Value], Scan]:
        numbers = self._numbers(row)
        x, t = [Value(v) for v in numbers[: self.inputs]], [Value(v) for v in numbers[self.inputs :]]
        batch: list[Any] = [(x, t)]
        E, outputs = self.objective(batch), list(self.model(x))
        below = reached(E)
        weights = [w for w in self.optimiser.parameters if w in below]
        program = compile([E, *outputs, *weights], [*x, *t, *weights], backend=self.backend, strict=self.strict)
        n = 1 + len(outputs)
        fed = {len(numbers) + k: n + k for k in range(len(weights))}
        return weights, program.scanner(fed, range(n))

    def one_by_one(self, batches: Sequence[Sequence[int]], update: OnTheGraph, note: Note) -> None:
        """One update for each of `batches`; `note` gets what it did, and the model what was noted.

        An interrupt leaves the model with the weights of the last update that was noted.
        """
        step: _Step | None = None
        state = array("d")
        try:
            for k, batch in enumerate(batches):
                if step is None or step.size != len(batch):
                    if step is not None:
                        step.keep(state)
                    other = self.step(len(batch))
                    step, state = other, other.state()  # both or, if an interrupt comes, neither
                rows, order = self._visited(batch, len(batch))
                new = array("d", state)
                try:
                    (before,) = step.scan(rows, new, order, None)
                except ArithmeticError:
                    before = math.nan
                if not math.isfinite(before) or not step.finite(new):
                    step.keep(state)
                    update(batch, k)
                    raise ArithmeticError(f"update {k} of an epoch is finite on the graph and not on {self.backend}")
                note(batch, before, self._after(step, rows, order, new), step.gradient(new), step.numbers(new))
                state = new
        finally:
            if step is not None:
                step.keep(state)

    def _after(self, step: _Step, rows: Any, order: Sequence[int], state: array[float]) -> float:
        """The loss of a batch at a state; NaN where it has no value."""
        try:
            return step.scan(rows, array("d", state), order, None)[0]  # what it does to the copy is of no interest
        except ArithmeticError:
            return math.nan

    def slopes(self, indices: Iterable[int]) -> Iterator[array[float]]:
        """The gradient of the loss of each of these rows by itself at the present weights."""
        step = self.step(1)
        state = step.state()
        for i in indices:
            looked = array("d", state)
            step.scan(self.data, looked, array("q", [i]), None)
            yield step.gradient(looked)

    def losses(self, indices: Sequence[int]) -> array[float]:
        """The loss of each of these rows by itself at the present weights; NaN where it has no value."""
        step = self.step(1)
        state = step.state()
        state[0] = 0.0  # with a learning rate of 0 a step only looks
        looked = array("d", state)
        try:
            found = step.scan(self.data, looked, array("q", indices), None)
        except ArithmeticError:
            found = []
        n = len(step.weights)
        if len(found) == len(indices) and looked[1 : n + 1] == state[1 : n + 1]:
            return array("d", found)
        return array("d", [self._after(step, self.data, [i], state) for i in indices])  # row by row

    def step(self, size: int) -> _Step:
        """The program for batches of this size."""
        if size not in self.steps:
            with collector_at_rest():
                self.steps[size] = _Step(self, size)
        return self.steps[size]

    def _steps(self, indices: Sequence[int], size: int, update: OnTheGraph, progress: Any, first: int) -> list[float]:
        step = self.step(size)
        rows, order = self._visited(indices, size)
        start, done = step.state(), 0

        def count(k: int) -> None:
            nonlocal done
            done += k
            if progress is not None:
                progress(k)

        def on_the_graph(k: int) -> None:
            update(indices[k * size : (k + 1) * size], first + k)

        state = array("d", start)
        try:
            losses = step.scan(rows, state, order, count)
        except ArithmeticError:
            step.keep(state)
            on_the_graph(done)
            raise
        except BaseException:  # an interrupt: what was done is kept
            step.keep(state)
            raise
        refused = len(order)
        if not math.isfinite(sum(losses)):  # one cheap look at all of them
            refused = next((k for k, E in enumerate(losses) if not math.isfinite(E)), refused)
        if refused < len(order) or not step.finite(state):
            self._refuse(step, rows, order, start, refused, on_the_graph)
        step.keep(state)
        return losses

    def _refuse(
        self, step: _Step, rows: Any, order: Sequence[int], start: Any, most: int, update: Callable[[int], object]
    ) -> None:
        """Repeat the steps before the first one that leaves a weight infinite or NaN, and do that one on the graph."""

        def after(k: int) -> array[float]:
            state = array("d", start)
            step.scan(rows, state, order[:k], None)
            return state

        first = bisect_left(range(1, most + 1), True, key=lambda k: not step.finite(after(k)))
        step.keep(after(first))
        update(first)

    def _visited(self, indices: Sequence[int], size: int) -> tuple[array[float], array[int]]:
        """The rows of batches side by side, and their order; rows alone need no copy."""
        if size == 1:
            return self.data, array("q", indices)
        rows = array("d")
        for k in indices:
            rows += self.data[k * self.width : (k + 1) * self.width]
        return rows, array("q", range(len(indices) // size))

    def _numbers(self, row: Row) -> list[float]:
        """A row as its inputs and targets; a class index as one number per class."""
        x, t = row
        if not hasattr(t, "__len__"):
            t = [float(k == t) for k in range(self.targets)]
        return [*map(float, x), *map(float, t)]


class _Step:
    """The step of a batch of one size as a program: its state is lr, the weights, their velocities and gradients."""

    def __init__(self, steps: CompiledSteps, size: int) -> None:
        self.optimiser, self.size = steps.optimiser, size
        n = steps.inputs
        batch: list[Any] = []
        columns: list[Value] = []
        for k in range(size):
            numbers = steps.data[k * steps.width : (k + 1) * steps.width]
            x = [Value(v, Role("x", f"x{i}")) for i, v in enumerate(numbers[:n], 1)]
            t = [Value(v, Role("t", f"o{i}")) for i, v in enumerate(numbers[n:], 1)]
            batch.append((x, t))
            columns += [*x, *t]
        E = steps.objective(batch)
        below = reached(E)
        self.weights = [w for w in self.optimiser.parameters if w in below]
        eta = Value(self.optimiser.lr, "eta")
        slopes = gradient(E, self.weights)
        velocities, new, moved = _moved(self.optimiser, slopes, eta, self.weights)
        kept = slopes if steps.gradients else []
        held = [eta, *self.weights, *velocities, *(Value(0.0) for _ in kept)]
        self.program: Program = compile(
            [E, eta, *new, *moved, *kept], [*columns, *held], backend=steps.backend, strict=steps.strict
        )
        self.rows = self.program.scanner({len(columns) + k: 1 + k for k in range(len(held))}, [0])
        self.width = len(held)
        self.all = len(self.weights) == len(self.optimiser.parameters)

    def scan(self, rows: Any, state: Any, order: Sequence[int] | None, progress: Any) -> list[float]:
        """The losses of the steps; the state is changed in place."""
        (losses,) = self.rows(rows, state, order=order, progress=progress)
        return losses.tolist()

    def state(self) -> array[float]:
        """The present numbers of the optimiser and its weights."""
        velocity = self.optimiser._velocity if self.optimiser.momentum else None
        state = array("d", [self.optimiser.lr, *(w.data for w in self.weights)])
        if velocity is not None:
            state.extend(velocity.get(w, -0.0) for w in self.weights)  # -0.0 + g is g in every bit
        state.extend([0.0] * (self.width - len(state)))
        return state

    def gradient(self, state: array[float]) -> array[float]:
        """dE/dw of every parameter in the step that led to this state; NaN for one that E does not depend on."""
        found = state[self.width - len(self.weights) :]
        return found if self.all else self._of_all(found, [math.nan] * len(self.optimiser.parameters))

    def numbers(self, state: array[float]) -> array[float]:
        """Every parameter after the step that led to this state, then its velocity if there is momentum."""
        n = len(self.weights)
        held = 2 if self.optimiser.momentum else 1
        if self.all:
            return state[1 : held * n + 1]
        found = self._of_all(state[1 : n + 1], [p.data for p in self.optimiser.parameters])
        if self.optimiser.momentum:
            known = self.optimiser._velocity
            found += self._of_all(state[n + 1 : 2 * n + 1], [known.get(p, -0.0) for p in self.optimiser.parameters])
        return found

    def _of_all(self, numbers: array[float], others: list[float]) -> array[float]:
        """One number for every parameter, from those of the weights that E depends on and from the others'."""
        known = dict(zip(self.weights, numbers, strict=True))
        return array("d", [known.get(p, x) for p, x in zip(self.optimiser.parameters, others, strict=True)])

    def keep(self, state: array[float]) -> None:
        """Give the weights and velocities their new numbers."""
        n = len(self.weights)
        for w, x in zip(self.weights, state[1 : n + 1], strict=True):
            w.data = x
        if self.optimiser.momentum:
            self.optimiser._velocity |= dict(zip(self.weights, state[n + 1 : 2 * n + 1], strict=True))

    def finite(self, state: array[float]) -> bool:
        """Whether every weight is a finite number; one that is not stays so."""
        weights = state[1 : len(self.weights) + 1]
        return math.isfinite(sum(weights)) or all(map(math.isfinite, weights))


def _moved(
    optimiser: SGD, slopes: list[Value], eta: Value, weights: list[Value]
) -> tuple[list[Value], list[Value], list[Value]]:
    """The velocities as leaves, and the weights and velocities after a step: the formulas of `SGD`, as nodes."""
    decay, momentum = optimiser.weight_decay, optimiser.momentum
    velocities = [Value(0.0, Role("v", *w.label[1:]) if isinstance(w.label, Role) else None) for w in weights]
    new, moved = [], []
    for w, v, g in zip(weights, velocities, slopes, strict=True):
        slope = g + decay * w if decay else g
        if momentum:
            running = momentum * v + slope
            moved.append(running)
            slope = slope + momentum * running if optimiser.nesterov else running
        new.append(w - eta * slope)
        if w.label is not None:
            new[-1].label = f"{w.label}'"
    return (velocities if momentum else []), new, moved


def reached(E: Value) -> set[Value]:
    """The leaves that E depends on."""
    found, stack = {E}, [E]
    while stack:
        for p in stack.pop().args:
            if isinstance(p, Value) and p not in found:
                found.add(p)
                stack.append(p)
    return found
