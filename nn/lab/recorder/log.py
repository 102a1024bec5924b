"""What is kept of every update, and what is computed again.

Rows, losses and learning rate are kept of every update, some 40 bytes each. Gradient and weights of before
and after, the whole of an update, are kept of every first, second, fourth, ... one, as the memory allows.
The whole of any other follows from the nearest one before it: the same steps on the same rows have the same
bits, and their losses are compared with the recorded ones on the way.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple

from nn.compiled import is_own
from nn.history import Update
from nn.lab.recorder.replay import Again, weights_of
from nn.numbers import counted, integer
from nn.optim import SGD


class Whole(NamedTuple):
    """One update with all its numbers: an array each, parameter by parameter; after the weights the velocities."""

    old: array[float]
    gradient: array[float]  # NaN for a parameter that no pass has reached
    new: array[float]
    losses: tuple[array[float], array[float]] | None = None  # of every row, before and after


class Log(Sequence[Update]):
    """The updates of one training, in order; made by a Recorder."""

    def __init__(
        self, model: Any, rows: Sequence[Any], loss: Any, optimiser: SGD, backend: str, strict: bool,
        every: int, megabytes: float,
    ) -> None:  # fmt: skip
        self.model, self.rows, self.loss = model, rows, loss
        self.parameters: list[Any] = optimiser.parameters
        self.names = [name for name, _ in model.named_parameters()] if model is not None else []
        self.sgd: dict[str, Any] = {
            "momentum": optimiser.momentum, "weight_decay": optimiser.weight_decay, "nesterov": optimiser.nesterov
        }  # fmt: skip
        self.backend, self.strict = backend, strict
        self.every, self.megabytes = every, megabytes
        self.last = 0, array("d")  # the number of updates, and the numbers after them: one store, so never one without the other
        self._at: int | None = None  # how many of them the model has; None for all
        self.lrs, self.firsts = array("d"), array("q")  # of each epoch: its lr, its first update
        self.indices, self.ends = array("q"), array("q")  # the rows of all updates, and where those of each one end
        self.before, self.after = array("d"), array("d")
        self.wholes: dict[int, Whole] = {}
        self.marks: dict[int, array[float]] = {}  # before which updates the weights were set from outside, and to what
        self._again: dict[str, Again] = {}

    # ---- writing

    def begin_epoch(self, lr: float, numbers: array[float]) -> None:
        """From here on updates have this rate; `numbers` are the present ones, which a callback may have changed."""
        del self.lrs[len(self.firsts) :]
        self.lrs.append(lr)
        self.firsts.append(self.made)
        if numbers.tobytes() != self.now.tobytes() or not self.marks:
            self.marks[self.made] = numbers
            self.last = self.made, numbers

    def note(
        self, batch: Sequence[int], before: float, after: float, gradient: array[float], new: array[float],
        losses: tuple[array[float], array[float]] | None = None,
    ) -> None:  # fmt: skip
        """Add an update: it counts from the last line on, so an interrupt leaves it out or in."""
        k = self.made
        for column in (self.ends, self.before, self.after):
            del column[k:]
        del self.indices[self.ends[-1] if k else 0 :]
        self.indices.extend(batch)
        self.ends.append(len(self.indices))
        self.before.append(before)
        self.after.append(after)
        if k % self.every == 0:
            self.wholes[k] = Whole(self.now, gradient, new, losses)
            while self.bytes > 1e6 * self.megabytes and len(self.wholes) > 1:
                self.every *= 2
                self.wholes = {step: w for step, w in self.wholes.items() if step % self.every == 0}
        self.last = k + 1, new

    @property
    def made(self) -> int:
        """The number of updates."""
        return self.last[0]

    @property
    def now(self) -> array[float]:
        """The weights and velocities after the last update."""
        return self.last[1]

    @property
    def at(self) -> int:
        """How many updates the model has: all, unless some were undone."""
        return self.made if self._at is None else self._at

    @property
    def bytes(self) -> int:
        """What the whole updates take, those that follow each other having a state in common."""
        if not self.wholes:
            return 0
        w = next(iter(self.wholes.values()))
        states = 1 if self.every == 1 else 2
        losses = 0 if w.losses is None else 2 * len(w.losses[0])
        return 8 * len(self.wholes) * (states * len(w.new) + len(w.gradient) + losses)

    @property
    def kept(self) -> str:
        """In words."""
        told = f"{counted(self.made, 'update')}: rows, losses and learning rate of each"
        if len(self.wholes) == self.made:
            return f"{told}, gradient and weights of each ({self.bytes / 1e6:.3g} MB)"
        some = f"of every {self.every:,}th ({len(self.wholes):,}, {self.bytes / 1e6:.3g} MB)" if self.wholes else "of none"
        return f"{told}, gradient and weights {some}; those of the others are computed again when asked for"

    # ---- reading

    def __len__(self) -> int:
        return self.made

    def __getitem__(self, k: Any) -> Any:
        if isinstance(k, slice):
            return [self[i] for i in range(*k.indices(self.made))]
        if (step := integer(k)) is None:
            raise TypeError(f"updates are numbered, and {k!r} is no number of one")
        step += self.made if step < 0 else 0
        if not 0 <= step < self.made:
            raise IndexError(f"of {counted(self.made, 'update')}, 0 to {self.made - 1}, {k} is none")
        e = self.epoch(step)
        return Update(step, e, tuple(self.batch(step)), self.lrs[e], self.before[step], self.after[step], self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Log({self.kept})"

    def check(self, step: Any, end: int | None = None) -> int:
        """`step` as the number of an update; ValueError if there is none of that number."""
        last = self.made - 1 if end is None else end
        if (k := integer(step)) is None or not 0 <= k <= last:
            there = f"updates 0 to {self.made - 1}" if self.made else "no update"
            raise ValueError(f"step {step!r}: this history has {there}" + f", and {self.made} is the end" * (end is not None))
        return k

    def epoch(self, step: int) -> int:
        """The epoch of an update."""
        return bisect_right(self.firsts, step) - 1

    def batch(self, step: int) -> list[int]:
        """The rows of an update."""
        return list(self.indices[self.ends[step - 1] if step else 0 : self.ends[step]])

    def again(self, backend: str | None = None) -> Again:
        """The means to make steps again: the backend asked for, or the fastest that has the same bits."""
        if self.model is None:
            raise ValueError("the log is of a model or a loss of your own: History.load(path, model=..., loss=...)")
        if backend is None:
            fast = self.backend == "graph" and is_own(self.model, self.loss) and find_spec("llvmlite") is not None
            backend = "native" if fast else self.backend
        if backend not in self._again:
            self._again[backend] = Again(self, backend)
        return self._again[backend]

    def state(self, step: int) -> array[float]:
        """The weights and velocities before an update; `made` is the end."""
        if step == self.made and step not in self.marks:
            return self.now
        base, numbers = self.base(step)
        if base == step:
            return numbers
        again = self.again()
        with again.borrowed():
            return again.run(base, step, numbers)

    def base(self, step: int) -> tuple[int, array[float]]:
        """The last update, up to `step`, before which the numbers are known, and these."""
        for k in range(step, 0, -1):
            if k in self.marks:
                return k, self.marks[k]
            if k in self.wholes:
                return k, self.wholes[k].old
            if k - 1 in self.wholes:
                return k, self.wholes[k - 1].new
        return 0, self.marks[0]

    def whole(self, step: int) -> Whole:
        """All numbers of an update, kept or computed again."""
        step = self.check(step)
        if step in self.wholes:
            return self.wholes[step]
        old = self.state(step)
        again = self.again()
        with again.borrowed():
            return again.once(step, old)

    def losses(self, step: int) -> tuple[array[float], array[float]]:
        """The loss of every row before and after an update; NaN where it has no value."""
        w = self.whole(step)
        if w.losses is not None:
            return w.losses
        again = self.again()
        with again.borrowed():
            return again.losses(w.old), again.losses(w.new)

    def go_to(self, step: int, discard: bool = False) -> None:
        """Give the model the weights of before `step`."""
        if self.model is None:
            raise ValueError("the log came without a model: History.load(path, model=...) gives it one")
        step = self.check(step, self.made)
        n = len(self.parameters)
        present, expected = weights_of(self.parameters), self.state(self.at)[:n]
        if not discard and present.tobytes() != expected.tobytes():
            k = next(k for k in range(n) if present[k : k + 1].tobytes() != expected[k : k + 1].tobytes())
            raise ValueError(
                f"{self.names[k]} is {present[k]!r}, and {expected[k]!r} after {self.at} updates: the model was changed "
                "since, and its weights would be lost; discard=True gives them up"
            )
        for p, w in zip(self.parameters, self.state(step)[:n], strict=True):
            p.data = w
        self._at = step

    def __getstate__(self) -> dict[str, Any]:
        """A log without its programs, which are built again."""
        return self.__dict__ | {"_again": {}}
