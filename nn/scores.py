"""How good a model is: what it says of a sample, the share of rows it tells right, its mean loss.

    >>> from nn import MLP, data, fit
    >>> model = MLP(2, [3, 1], output="sigmoid", seed=0)
    >>> _ = fit(model, data.XOR(), loss="bce", lr=0.5, epochs=300, seed=0)
    >>> accuracy(model, data.XOR())
    1.0
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from engine import no_grad
from nn.given import rows_for
from nn.losses import LOSSES, Loss
from nn.numbers import number


OF_NETS = (LOSSES["hinge"], LOSSES["bce_with_logits"], LOSSES["cross_entropy_with_logits"])  # 0 leans to no answer
NO_IS_NEGATIVE = (LOSSES["hinge"], LOSSES["bce_with_logits"])  # outputs say no below 0; elsewhere below one half


def predict(model: Any, x: Sequence[Any]) -> list[float]:
    """The outputs for one sample as plain floats; no graph is made."""
    if not callable(model):
        raise TypeError(f"a model is asked, such as MLP(2, [3, 1]), not {model!r}")
    with no_grad():
        return list(model(x))


def accuracy(model: Any, rows: Iterable[Any], boundary: float = 0.5) -> float:
    """The share of rows told right.

    A class index is right if its output is the largest (of one output: if it lies on the index's side
    of `boundary`); targets of several numbers, if every output lies on its target's side.
    """
    rows, boundary = rows_for(model, rows), number(boundary, "boundary")
    return sum(_right(predict(model, x), t, boundary) for x, t in rows) / len(rows)


def _right(o: Sequence[float], t: Any, boundary: float) -> bool:
    if isinstance(t, int):
        return (o[0] > boundary) == bool(t) if len(o) == 1 else max(range(len(o)), key=o.__getitem__) == t
    return all((o_k > boundary) == (t_k > boundary) for o_k, t_k in zip(o, t, strict=True))


def blind_loss(train: Iterable[Any], rows: Iterable[Any], loss_of: Loss, nout: int) -> float:
    """The mean loss on `rows` of one answer to all of them: the mean target of `train`, or nets of 0.

    A model that does no better is of no use. It is inf where the answer rules out a row.

    >>> from nn import data
    >>> round(blind_loss(data.XOR(), data.XOR(), LOSSES["bce"], 1), 6)       # ln 2
    0.693147
    """
    coded = [[float(k == t) for k in range(nout)] if isinstance(t, int) else t for _, t in train]
    answer = [0.0 if loss_of in OF_NETS else sum(column) / len(coded) for column in zip(*coded, strict=True)]
    try:
        errors = [float(loss_of(answer, t)) for _, t in rows]
    except ArithmeticError:
        return math.inf
    return sum(errors) / len(errors)


def scores(model: Any, rows: list[Any], loss_of: Loss, compiled: Any = None) -> tuple[float, float | None]:
    """The mean loss of held-out rows, and their accuracy if the targets are classes or labels; the same digits if compiled."""
    targets = {u for _, t in rows for u in ((0.0,) if isinstance(t, int) else t)}
    signed = -1.0 in targets or loss_of in NO_IS_NEGATIVE
    labels, boundary = targets <= {-1.0, 0.0, 1.0}, 0.0 if signed else 0.5
    seen = None if compiled is None else compiled.seen(rows)
    if seen is None:
        return _mean_loss(model, rows, loss_of), accuracy(model, rows, boundary) if labels else None
    total = 0.0
    for E, _ in seen:
        total += E
    right = sum(_right(o, t, boundary) for (_, o), (_, t) in zip(seen, rows, strict=True)) if labels else 0
    return total / len(rows), right / len(rows) if labels else None


def _mean_loss(model: Any, rows: list[Any], loss_of: Loss) -> float:
    """By the same nodes as in training: cross_entropy sees through the softmax here too, and meets no ln 0."""
    total = 0.0
    for x, t in rows:
        total += loss_of(model(x), t).data
    return total / len(rows)
