"""One step of gradient descent on the graph: E of some rows, its gradient, the update; and what is told if there is none.

A step is made wholly or not at all: when E, a gradient or a weight would not be a finite number, the
weights stay what they were, and the error names the update, the row, the node and something to try.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from engine import Role, Value, anomaly
from nn.losses import Loss
from nn.optim import SGD, Diverged


Update: TypeAlias = Callable[[Sequence[int], int], float]  # (rows, updates before it in this epoch) -> E before it
LARGE = 100.0  # inputs of this size are worth a word when training runs away


def objective(model: Any, loss_of: Loss, batch: Sequence[Any]) -> Any:
    """E of some rows (x, t): the loss of the row, or the mean of the losses."""
    losses = [loss_of(model(x), t) for x, t in batch]
    if losses[0].__class__ is not Value:
        raise TypeError(f"the loss gave {losses[0]!r}, not a Value: compute it from the outputs as they are, by the functions of the engine")
    if len(losses) == 1:
        return losses[0]
    total = losses[0]
    for E in losses[1:]:
        total = total + E
    mean = total / len(losses)
    mean.label = Role("E")
    return mean


def update(
    model: Any, rows: Sequence[Any], loss_of: Loss, optimiser: SGD, epoch: int, first: int,
    indices: Sequence[int], k: int = 0,
) -> float:  # fmt: skip
    """Update `first + k`: w - lr dE/dw for all weights at once, E over the rows `indices`; returns E before it."""
    batch = [rows[i] for i in indices]
    try:
        E = objective(model, loss_of, batch)
        if not math.isfinite(E.data):
            raise Diverged(f"E is {E.data}")
        optimiser.zero_grad()
        E.backward()
        optimiser.step()
    except ArithmeticError as error:
        place = f"update {first + k} (epoch {epoch}, row{'s' * (len(indices) > 1)} {', '.join(map(str, indices))})"
        node = f"; {found}" if (found := _first_node(lambda: objective(model, loss_of, batch), optimiser)) else ""
        what = error.args[0] if isinstance(error, Diverged) else error
        error.args = (f"{place}: {what}{node}; no weight was changed; {_advice(error, optimiser, batch, first + k)}",)
        raise
    return float(E.data)


def _first_node(E: Callable[[], Value], optimiser: SGD) -> str:
    """The first node that is infinite or NaN, or gets such a gradient; nothing if there is none or it was told."""
    optimiser.zero_grad()
    try:
        with anomaly():
            E().backward()
    except ArithmeticError:  # an operation that has no value: its own error names it
        return ""
    except RuntimeError as found:  # Anomaly
        return str(found).splitlines()[0]
    finally:
        optimiser.zero_grad()
    return ""


def _advice(error: ArithmeticError, optimiser: SGD, batch: Sequence[Any], step: int) -> str:
    """Something to try, by what is likely to be the cause."""
    lost = str(error).split("(")[0]
    if lost in ("bce", "cross_entropy"):
        return f"try output='linear' with the loss {lost}_with_logits, which meets no ln 0"
    largest = max((abs(v) for x, _ in batch for v in x), default=0.0)
    if largest >= LARGE:
        return f"an input is {largest:g}: try nn.data.standardise, or a smaller lr"
    if step == 0 or optimiser.lr == 0:
        return "try smaller initial weights (init=)"
    if optimiser.momentum >= 1:
        return f"try a momentum below 1, as 0.9: with {optimiser.momentum:g} no gradient is ever forgotten"
    return f"try a smaller lr, as {optimiser.lr / 10:.3g}"
