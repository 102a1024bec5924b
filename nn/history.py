"""What a training leaves: its epochs, and its updates, if a recorder kept them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import Value
from nn.numbers import counted, whole


if TYPE_CHECKING:
    from nn.lab.recorder import Comparison, Harm, Log, Why


@dataclass(frozen=True)
class Epoch:
    """What one pass over the rows left: the mean loss before each update, and how the held-out rows fare after it."""

    epoch: int
    lr: float
    loss: float
    validation_loss: float | None = None
    accuracy: float | None = None


@dataclass(frozen=True)
class Update:
    """One update: the rows it came from, and their loss before it and after it (for a batch, the mean).

    The numbers of the parameters are under their names; of an update of which they were not kept they are
    computed again. A gradient is None where no pass has reached the parameter, which then stays as it is.
    """

    step: int
    epoch: int
    rows: tuple[int, ...]
    lr: float
    before: float
    after: float
    log: Any = field(repr=False, compare=False)

    @property
    def gradient(self) -> dict[str, float | None]:
        """dE/dw of each parameter, at the weights of before the update."""
        return {name: g if g == g else None for name, g in self._named("gradient").items()}

    @property
    def old(self) -> dict[str, float]:
        """Each parameter before the update."""
        return self._named("old")

    @property
    def new(self) -> dict[str, float]:
        """Each parameter after the update."""
        return self._named("new")

    @property
    def delta(self) -> dict[str, float]:
        """How far each parameter was moved: new - old."""
        new = self.new
        return {name: new[name] - w for name, w in self.old.items()}

    @property
    def losses(self) -> tuple[list[float], list[float]]:
        """The loss of every row of the training, before the update and after it."""
        before, after = self.log.losses(self.step)
        return list(before), list(after)

    def _named(self, which: str) -> dict[str, float]:
        numbers = getattr(self.log.whole(self.step), which)
        return dict(zip(self.log.names, numbers, strict=False))  # after the weights come the velocities


@dataclass
class History:
    """The epochs of a training and, with `record=`, its updates: to ask, to undo, to repeat, to save."""

    epochs: list[Epoch] = field(default_factory=list)
    log: Log | None = field(default=None, repr=False, compare=False)

    @property
    def updates(self) -> Sequence[Update]:
        """Every update in order; empty without `record=`."""
        return [] if self.log is None else self.log

    @property
    def loss(self) -> list[float]:
        """The mean loss of each epoch."""
        return [e.loss for e in self.epochs]

    @property
    def accuracy(self) -> list[float | None]:
        """The share of held-out rows told right after each epoch; None without held-out rows, or for regression."""
        return [e.accuracy for e in self.epochs]

    def __repr__(self) -> str:
        if not self.epochs:
            return "History(0 epochs)"
        last = self.epochs[-1]
        told = "" if last.accuracy is None else f", accuracy {last.accuracy:.3f}"
        return f"History({counted(len(self.epochs), 'epoch')}, loss {self.loss[0]:.3f} -> {last.loss:.3f}{told})"

    def _repr_html_(self) -> str | None:
        return import_module("nn.display").history_html(self)  # type: ignore[no-any-return]

    # ---- what the recorder is for; all of it raises ValueError for a training without record=

    @property
    def kept(self) -> str:
        """What of the updates was kept, and what is computed again when asked for."""
        return self._log.kept

    def why(self, parameter: str | Value, step: int, notes: str | None = "LEC") -> Why:
        """Why update `step` moved a parameter as it did: the derivation of its gradient at those weights, and the step.

        A parameter is named as in `model.named_parameters()`, or given itself. `notes` as in `explain`.
        Raises ValueError for a name or a step that there is not.
        """
        from nn.lab.recorder.why import why

        return why(self._log, parameter, step, notes)

    def harm(self, step: int | None = None, rows: Sequence[int] | None = None, lr: float | None = None) -> Harm:
        """Whom an update helped and whom it harmed (LEC-R1): how much it changed the loss of every row.

        With `step`, that update; without, one update on each of `rows` from the present weights, a matrix
        (by default all rows, or as many, evenly spaced, as take less than a second), with the last `lr`.
        """
        from nn.lab.recorder.harm import harm_of_rows, harm_of_step

        if step is None:
            return harm_of_rows(self._log, rows, lr)
        if rows is not None or lr is not None:
            raise ValueError("rows and lr are for updates from the present weights: leave out step, or leave out them")
        return harm_of_step(self._log, step)

    @property
    def at(self) -> int:
        """How many updates have been made to the model: all, unless some were undone."""
        return self._log.at

    def go_to(self, step: int, discard: bool = False) -> None:
        """Give the model the weights it had before update `step`, bit for bit; `len(updates)` is the end.

        Raises ValueError, and changes nothing, if the present weights are of no place in this history,
        unless `discard` gives them up.
        """
        self._log.go_to(step, discard)

    def undo(self, steps: int = 1) -> None:
        """Take back updates, the last one first."""
        if (steps := whole("steps", steps)) > self.at:
            raise ValueError(f"{counted(steps, 'update')} cannot be undone: {self.at} of {self._log.made} are made; undo() takes at most {self.at}")
        self.go_to(self.at - steps)

    def redo(self, steps: int = 1) -> None:
        """Make updates again that were taken back."""
        if (steps := whole("steps", steps)) > (left := self._log.made - self.at):
            raise ValueError(f"{counted(steps, 'update')} cannot be made again: {left} of {self._log.made} are undone; redo() takes at most {left}")
        self.go_to(self.at + steps)

    def replay(self, backend: str | None = None) -> History:
        """The same updates made once more from the first weights, on any backend; the model is left as it is.

        The numbers are those of this history, bit for bit, unless it was trained with `strict=False`:
        `history.compare(history.replay("python"))` tells.
        """
        from nn.lab.recorder.replay import replay

        return replay(self, backend)

    def compare(self, other: History) -> Comparison:
        """The first number in which two histories differ: which update, which loss or parameter, both numbers."""
        from nn.lab.recorder.compare import compare

        if not isinstance(other, History):
            raise TypeError(f"a history is compared with a history, not {other!r}")
        return compare(self._log, other._log)

    def save(self, path: str | PathLike[str]) -> Path:
        """Write all that is kept, and what it takes to compute the rest again, as JSON lines; floats are exact.

        The file is whole or not there. Raises OSError if it cannot be written.
        """
        from nn.lab.recorder.jsonl import save

        return save(self, path)

    @classmethod
    def load(cls, path: str | PathLike[str], model: Any = None, loss: Any = None) -> History:
        """The history saved at `path`. Its model is made anew, unless you give yours; a loss of your own has to be given.

        Raises ValueError, with the reason, for a file that is not a whole history.
        """
        from nn.lab.recorder.jsonl import load

        return load(path, model, loss)

    @property
    def _log(self) -> Log:
        if self.log is None:
            raise ValueError("this training was not recorded: fit(..., record='updates') keeps its updates")
        return self.log
