"""The Recorder: what of a training is kept, and how much memory that may take."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

from nn.compiled import CompiledSteps
from nn.history import History
from nn.lab.recorder.log import Log
from nn.lab.recorder.replay import losses, numbers_of, watch
from nn.losses import loss_function
from nn.numbers import at_least_zero, flag, whole
from nn.optim import SGD


class Recorder:
    """Give it to `fit(record=...)` to choose what is kept; `history` is that of its latest training.

    Gradient and weights are kept of every `every`-th update, `all_losses` adds the loss of all rows before
    and after it. Above `megabytes` every second of these is dropped, again and again; `history.kept` says
    what is left. What is dropped is computed again when it is asked for, bit for bit. The history is whole
    after an interrupt and after Diverged too.

    >>> from nn import MLP, data, fit
    >>> recorder = Recorder(every=10)
    >>> _ = fit(MLP(2, [3, 1], output="sigmoid"), data.XOR(), loss="bce", lr=0.5, epochs=25, record=recorder)
    >>> print(recorder.history.kept)
    100 updates: rows, losses and learning rate of each, gradient and weights of every 10th (10, 0.00312 MB);
    those of the others are computed again when asked for
    """

    every: int
    all_losses: bool
    megabytes: float
    history: History

    def __init__(self, every: int = 1, all_losses: bool = False, megabytes: float = 100.0) -> None:
        self.every, self.all_losses = whole("every", every), flag("all_losses", all_losses)
        self.megabytes = at_least_zero("megabytes", megabytes)
        self.history = History()

    def begin(
        self, history: History, model: Any, rows: Sequence[Any], loss: Any, optimiser: SGD,
        compiled: CompiledSteps | None, strict: bool,
    ) -> None:  # fmt: skip
        """A training begins; `history` gets a log."""
        if compiled is None:
            backend = "graph"
        else:
            fastest = "python" if find_spec("llvmlite") is None else "native"
            backend = fastest if compiled.backend == "auto" else compiled.backend
        history.log = Log(model, rows, loss, optimiser, backend, strict, self.every, self.megabytes)
        self.history = history
        self._optimiser, self._compiled, self._loss_of = optimiser, compiled, loss_function(loss)

    def run(
        self, batches: Sequence[Sequence[int]], step: Callable[[Sequence[int], int], float], progress: Callable[[], object]
    ) -> list[float]:
        """One update for each of `batches`, and a note of each; returns the losses before them."""
        log, optimiser = self.history._log, self._optimiser
        first = log.made
        log.begin_epoch(optimiser.lr, numbers_of(optimiser))

        def note(batch: Sequence[int], before: float, after: float, gradient: array[float], new: array[float]) -> None:
            all_of_them = None
            if self.all_losses and log.made % log.every == 0:
                all_of_them = self._losses(log.now), self._losses(new)
            log.note(batch, before, after, gradient, new, all_of_them)
            progress()

        try:
            watch(log.model, log.rows, self._loss_of, optimiser, self._compiled, batches, step, note)
        except BaseException:  # wherever it came, the model has the updates that the log has, and no other
            log.wholes.pop(log.made, None)
            for p, w in zip(log.parameters, log.now, strict=False):
                p.data = w
            raise
        return list(log.before[first:])

    def _losses(self, numbers: array[float]) -> array[float]:
        log = self.history._log
        for p, w in zip(log.parameters, numbers, strict=False):
            p.data = w
        return losses(log.model, log.rows, self._loss_of, self._compiled, range(len(log.rows)))

    def __repr__(self) -> str:
        return f"Recorder(every={self.every}, all_losses={self.all_losses}, megabytes={self.megabytes:g})"


RECORDS = ("losses", "updates")


def recorder_of(record: Any) -> Recorder:
    """The Recorder that `record` names or is."""
    if isinstance(record, Recorder):
        return record
    if record not in RECORDS:
        raise ValueError(f"unknown record {record!r}; choose from None, {', '.join(RECORDS)}, or give a Recorder")
    return Recorder(megabytes=0.0) if record == "losses" else Recorder()
