"""fit: stochastic gradient descent, one sample at a time, and the history it leaves.

    >>> from nn import MLP, data
    >>> model = MLP(2, [3, 1], output="sigmoid", seed=0)
    >>> history = fit(model, data.XOR(), loss="bce", lr=0.5, epochs=300, seed=0)
    >>> history
    History(300 epochs, loss 0.841 -> 0.006)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, TypeAlias

from engine import recording
from nn.dataset import Dataset, as_pairs, check_rows, same_columns
from nn.given import functions, rows_by_keyword
from nn.history import Epoch, History
from nn.init import generator
from nn.losses import LOSSES, Loss, loss_function
from nn.modules import Module
from nn.numbers import at_least_zero, number, whole
from nn.optim import SGD, Schedule, schedule_function
from nn.progress import bar
from nn.scores import scores as scores_of
from nn.step import objective, update


if TYPE_CHECKING:
    from nn.lab.recorder import Recorder


ORDERS = ("shuffled", "given", "with_replacement")
BACKENDS = ("auto", "graph", "python", "native")
INDEX_LOSSES = ("cross_entropy", "cross_entropy_with_logits")  # whose target may be a class index

Callback: TypeAlias = Callable[[Epoch], object]


@rows_by_keyword
def fit(
    model: Module,
    rows: Iterable[Any],
    *,
    loss: str | Loss,
    lr: float,
    epochs: int,
    batch_size: int = 1,
    order: str = "shuffled",
    backend: str = "auto",
    strict: bool = True,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    schedule: str | Schedule | None = None,
    validation: Iterable[Any] | None = None,
    record: str | Recorder | None = None,
    callbacks: Sequence[Callback] = (),
    progress: bool | None = None,
    seed: int = 0,
) -> History:
    """Train `model` on `rows` of (x, t), one update per row, or per `batch_size` rows by their mean loss.

    Every update is one graph: the outputs, E, the backward pass, w - lr dE/dw for all weights at once
    (LEC-1, S63-c). `loss` is a name of `nn.losses.LOSSES` or a function of outputs and targets; `momentum`, `nesterov`
    and `weight_decay` are those of `SGD`; `schedule` multiplies `lr` by a factor that changes with the epoch: "constant",
    "step", "linear", "cosine", or a function of (epoch, epochs). Rows of `validation` are measured after every epoch.
    `order` is "shuffled" anew each epoch, "given", or "with_replacement"; `seed` decides
    it. A callback gets each `Epoch`, and ends the training by returning True; its `finish()`, if it has one,
    is called when the training is over. `progress` shows a bar (by default on a terminal).

    `record="updates"` keeps every update: rows, losses, gradients, old and new weights, for `history.why`
    and its sisters; a `Recorder` says how much of it, and has the history of a training that was
    interrupted. `record="losses"` keeps rows and losses; the rest is computed again when asked for.

    `backend` is "graph", where every step is recorded anew, or a step that is recorded once and compiled:
    "python", or "native" (the extra `native`); "auto" chooses. The numbers are the same, bit for bit,
    unless `strict` is False.

    Rows are checked before the first step. Raises ValueError for what is not accepted, and Diverged, with
    the weights of before that step, when the loss or a weight is no longer finite.

    >>> from nn import MLP, data
    >>> fit(MLP(2, [3, 1], output="sigmoid", seed=0), data.XOR(), loss="bce", lr=0.5, epochs=300)
    History(300 epochs, loss 0.841 -> 0.006)
    """
    if not recording():
        raise ValueError("fit records graphs, and no_grad forbids it: call fit outside of no_grad")
    if not isinstance(model, Module):
        raise TypeError(f"fit trains a model, such as MLP(2, [3, 1]), not {model!r}")
    loss_of = loss_function(loss)
    optimiser = SGD(model.parameters(), lr, momentum, weight_decay, nesterov)
    rate, factor = optimiser.lr, schedule_function(schedule)
    epochs, batch_size = whole("epochs", epochs), whole("batch_size", batch_size)
    _one_of("order", order, ORDERS)
    _one_of("backend", backend, BACKENDS)
    recorder, told = _recorder(record), functions(callbacks)
    checked = _checked(model, rows, loss_of)
    held_out = None if validation is None else _checked(model, validation, loss_of)
    if isinstance(rows, Dataset) and isinstance(validation, Dataset):
        same_columns(rows, validation)
    random, history = generator(seed), History()
    steps = -(-len(checked) // batch_size)
    compiled = None
    if backend != "graph":
        from nn.compiled import compiled_steps  # imported when used

        E = partial(objective, model, loss_of)
        updates, watched = epochs * steps, recorder is not None
        compiled = compiled_steps(model, checked, loss, E, optimiser, backend, strict, updates, watched)
    if recorder is not None:
        recorder.begin(history, model, checked, loss, optimiser, compiled, strict)
    with bar(progress, epochs * steps, "updates") as shown:
        for epoch in range(epochs):
            optimiser.lr = at_least_zero("lr times the schedule's factor", rate * number(factor(epoch, epochs), "the schedule's factor"))
            batches = list(_batches(len(checked), batch_size, order, random))
            step = partial(update, model, checked, loss_of, optimiser, epoch, epoch * steps)
            if recorder is not None:
                losses = recorder.run(batches, step, shown.update)
            elif compiled is not None:
                losses = compiled.run([i for batch in batches for i in batch], batch_size, step, shown.update)
            else:
                losses = _run(batches, step, shown.update)
            total = 0.0
            for before, batch in zip(losses, batches, strict=True):
                total += before * len(batch)
            scores = (None, None) if held_out is None else scores_of(model, held_out, loss_of, compiled)
            history.epochs.append(Epoch(epoch, optimiser.lr, total / len(checked), *scores))
            shown.set_postfix_str(_told(history.epochs[-1]), refresh=False)
            wishes = [callback(history.epochs[-1]) for callback in told]  # each is called, whatever another wishes
            if True in wishes:
                break
    optimiser.zero_grad()
    for callback in told:
        getattr(callback, "finish", lambda: None)()
    return history


def _run(batches: Iterable[Sequence[int]], step: Callable[[Sequence[int], int], float], progress: Any) -> list[float]:
    """One update for each of `batches`; returns the loss of each before it."""
    losses = []
    for k, batch in enumerate(batches):
        losses.append(step(batch, k))
        progress()
    return losses


def _recorder(record: Any) -> Recorder | None:
    if record is None:
        return None
    from nn.lab.recorder import recorder_of  # imported when used

    return recorder_of(record)


def _batches(n: int, size: int, order: str, random: Random) -> Iterator[list[int]]:
    """The indices of one epoch, `size` at a time; the last batch may be smaller."""
    if order == "with_replacement":
        indices = [random.randrange(n) for _ in range(n)]
    else:
        indices = list(range(n))
        if order == "shuffled":
            random.shuffle(indices)
    for k in range(0, n, size):
        yield indices[k : k + size]


def _checked(model: Any, rows: Iterable[Any], loss_of: Loss) -> list[Any]:
    """The rows as floats, or the error that names the row that does not fit the model or the loss."""
    nin, nout = getattr(model, "nin", None), getattr(model, "nout", None)
    rows = as_pairs(rows)
    by_index = not hasattr(rows[0][1], "__len__")
    name = next((name for name, f in LOSSES.items() if f is loss_of), None)  # None for a user's own
    output = getattr(model, "output", "linear")
    if name is not None and name.endswith("_with_logits") and output != "linear":
        raise ValueError(
            f"loss {name!r} takes nets, and the model's output is {output!r}: give it output='linear', or take "
            f"{name.removesuffix('_with_logits')!r}"
        )
    if by_index and name not in (*INDEX_LOSSES, None):
        raise ValueError(
            f"loss {name!r} needs one number per output as a target, and row 0 has {rows[0][1]!r}: "
            "call one_hot() on the data set, or write t as (t,)"
        )
    checked = check_rows(rows, nin, None if by_index else nout, nout if by_index else None)
    if name is not None:  # a target that the loss refuses is told now, not in the middle of an epoch
        for i, (_, t) in enumerate(checked):
            try:
                loss_of([0.5] * (len(t) if isinstance(t, tuple) else nout or 0), t)
            except ValueError as error:
                raise ValueError(f"row {i}: {error}") from None
    return checked


def _one_of(name: str, x: Any, accepted: Sequence[Any]) -> None:
    if x not in accepted:
        raise ValueError(f"unknown {name} {x!r}; choose from {', '.join(map(str, accepted))}")


def _told(e: Epoch) -> str:
    told = f"loss {e.loss:.4f}"
    return told if e.accuracy is None else f"{told}, held-out accuracy {e.accuracy:.3f}"
