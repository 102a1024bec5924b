r"""Losses: `loss(outputs, targets)` gives one Value, E, the error on one sample.

Rows of the table like any other: dE/do stands beside E, as the notes print it.

    sse            E = sum_k (t_k - o_k)^2                        LEC-2, S63-f
    half_sse       E = 1/2 sum_k (t_k - o_k)^2                    the form whose gradient is LEC-6 as printed
    mse            E = 1/K sum_k (t_k - o_k)^2
    bce            E = -sum_k t_k ln o_k + (1 - t_k) ln(1 - o_k)  LEC-13; K labels, each on or off by itself
    bce_with_logits  the same from the nets, without ln 0
    cross_entropy  E = -sum_k t_k ln o_k                          K classes of which one is right (softmax outputs)
    cross_entropy_with_logits  the same from the nets
    hinge          E = sum_k max(0, 1 - t_k o_k)                  targets -1 and 1
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import is_
from typing import Any, TypeAlias

from engine import Role, Value
from engine.formula import function, largest, symbol, total, where, written
from engine.functions import function as row_function
from engine.ops import Row
from nn.numbers import counted


__all__ = ["LOSSES", "Loss", "bce", "bce_with_logits", "cross_entropy", "cross_entropy_with_logits", "half_sse", "hinge",
           "loss_function", "mse", "sse"]  # fmt: skip

Loss: TypeAlias = Callable[[Sequence[Any], Any], Any]

ERROR = Role("E")

o, t, x, y = symbol("o", vector=True), symbol("t", vector=True), symbol("x", vector=True), symbol("y")
log, log1p, exp, sigmoid, softplus = map(function, ("log", "log1p", "exp", "sigmoid", "softplus"))
m = largest(x)
share = exp(x - m) / total(exp(x - m))  # softmax, element by element
zero, one = t.equals(0), t.equals(1)

# fmt: off
#    name           E                                    dE/do_k                                dE/dt_k
Row("sse",          total((t - o) * (t - o)),           -2 * (t - o),                           2 * (t - o),          args=("o", "t"))
Row("half_sse",     0.5 * total((t - o) * (t - o)),     -(t - o),                               t - o,                args=("o", "t"))
Row("bce",          written(-total(t * log(o) + (1 - t) * log(1 - o)),
                            -total(where(zero, 0, t * log(o)) + where(one, 0, (1 - t) * log1p(-o)))),
                    written(-t / o + (1 - t) / (1 - o),
                            where(zero, 0, -t / o) + where(one, 0, (1 - t) / (1 - o))),
                                                                                                log(1 - o) - log(o),  args=("o", "t"),
    domain="0 < o < 1 (o = t is allowed)")
Row("bce_with_logits",
                    total((1 - t) * softplus(x) + t * softplus(-x)),
                    written(sigmoid(x) - t, (1 - t) * sigmoid(x) - t * sigmoid(-x)),            -x,                   args=("x", "t"))
Row("cross_entropy",
                    written(-total(t * log(o)), -total(where(zero, 0, t * log(o)))),
                    written(-t / o, where(zero, 0, -t / o)),                                      -log(o),              args=("o", "t"),
    domain="o > 0 where t > 0")
Row("cross_entropy_with_logits",
                    written(-total(t * (x - log(total(exp(x))))), total(t * (m - x + log(total(exp(x - m)))))),
                    written(exp(x) / total(exp(x)) * total(t) - t, share * total(t) - t),       m - x + log(total(exp(x - m))),
                                                                                                                      args=("x", "t"))
Row("hinge",        total(where(t * o >= 1, 0, 1 - t * o)),
                    where(t * o >= 1, 0, -t),                                                   where(t * o >= 1, 0, -o),
                                                                                                                      args=("o", "t"),
    convention="dE/do = 0 at t*o = 1")
# fmt: on
_rows = {
    name: row_function(name)
    for name in ["sse", "half_sse", "bce", "bce_with_logits", "cross_entropy", "cross_entropy_with_logits", "hinge"]
}


def _loss(name: str, outputs: Sequence[Any], targets: Sequence[Any]) -> Any:
    E = _rows[name](outputs, targets)
    if E.__class__ is Value:
        E.label = ERROR
    return E


def _vector(name: str, outputs: Sequence[Any], targets: Any) -> Sequence[Any]:
    """The targets as a sequence as long as the outputs."""
    k = _width(name, outputs)
    targets = targets.tolist() if hasattr(targets, "tolist") else targets
    if not isinstance(targets, list | tuple):
        raise TypeError(f"{name}: targets must be a sequence of {counted(k, 'number')}, not {targets!r}")
    if len(targets) != k:
        raise ValueError(f"{name}: {counted(len(targets), 'target')} for {counted(k, 'output')}: {targets!r}")
    return targets


def _width(name: str, outputs: Any) -> int:
    if not hasattr(outputs, "__len__"):
        raise TypeError(f"{name}: outputs must be a sequence, as a model returns; write [o] for one, not {outputs!r}")
    k: int = len(outputs)
    return k


def sse(outputs: Sequence[Any], targets: Sequence[Any]) -> Any:
    """E = sum_k (t_k - o_k)^2, dE/do_k = -2 (t_k - o_k). LEC-2, S63-f.

    >>> round(sse([0.2, 0.9], [1, 1]), 6)
    0.65
    """
    return _loss("sse", outputs, _vector("sse", outputs, targets))


def half_sse(outputs: Sequence[Any], targets: Sequence[Any]) -> Any:
    """E = 1/2 sum_k (t_k - o_k)^2, dE/do_k = -(t_k - o_k): LEC-6 as the slide prints it.

    >>> round(half_sse([0.2, 0.9], [1, 1]), 6)
    0.325
    """
    return _loss("half_sse", outputs, _vector("half_sse", outputs, targets))


def mse(outputs: Sequence[Any], targets: Sequence[Any]) -> Any:
    """E = 1/K sum_k (t_k - o_k)^2, the mean over the K outputs.

    >>> round(mse([0.2, 0.9], [1, 1]), 6)
    0.325
    """
    sum_of_squares = _loss("sse", outputs, _vector("mse", outputs, targets))
    E = sum_of_squares / len(outputs)
    if E.__class__ is Value:
        sum_of_squares.label, E.label = "SSE", ERROR
    return E


def bce(outputs: Sequence[Any], targets: Sequence[Any]) -> Any:
    """E = -sum_k t_k ln o_k + (1 - t_k) ln(1 - o_k), dE/do_k = -t_k/o_k + (1 - t_k)/(1 - o_k). LEC-13 to 16.

    For K labels, each on or off by itself: sigmoid outputs, targets between 0 and 1.

    >>> round(bce([0.2, 0.9], [1, 1]), 6)
    1.714798
    """
    targets = _between_0_and_1("bce", outputs, targets)
    _probabilities("bce", outputs, "sigmoid")
    return _loss("bce", outputs, targets)


def bce_with_logits(outputs: Sequence[Any], targets: Sequence[Any]) -> Any:
    """`bce` of sigmoid(net_k) from the nets themselves: dE/dnet_k = o_k - t_k, finite however far net_k is.

    >>> round(bce_with_logits([1000.0], [0]), 6), bce_with_logits([1000.0], [1])
    (1000.0, 0.0)
    """
    return _loss("bce_with_logits", outputs, _between_0_and_1("bce_with_logits", outputs, targets))


def cross_entropy(outputs: Sequence[Any], targets: Any) -> Any:
    """E = -sum_k t_k ln o_k for softmax outputs; targets are a class index, or one number per class.

    Outputs that are nodes of one softmax are seen through to their nets, so ln 0 is never met and
    dE/dnet_k = o_k sum(t) - t_k comes without a division (SX, ESL 11.6).

    >>> round(cross_entropy([0.25, 0.5, 0.25], 1), 6)
    0.693147
    """
    targets = _one_hot("cross_entropy", outputs, targets)
    nets = _nets(outputs)
    if nets is not None:
        return cross_entropy_with_logits(nets, targets)
    for o in outputs:
        if (p := o.data if o.__class__ is Value else o) < 0 or p > 1 + 1e-9:  # rounding is no mistake
            raise ValueError(
                f"cross_entropy: outputs are probabilities, from 0 to 1, not {p:g}: give the model output='softmax', "
                "or take cross_entropy_with_logits"
            )
    return _loss("cross_entropy", outputs, targets)


def cross_entropy_with_logits(outputs: Sequence[Any], targets: Any) -> Any:
    """`cross_entropy` of softmax(net) from the nets themselves.

    >>> round(cross_entropy_with_logits([0.0, 1000.0], 0), 6)
    1000.0
    """
    return _loss("cross_entropy_with_logits", outputs, _one_hot("cross_entropy_with_logits", outputs, targets))


def hinge(outputs: Sequence[Any], targets: Sequence[Any]) -> Any:
    """E = sum_k max(0, 1 - t_k o_k), for targets -1 and 1.

    >>> hinge([0.25, -3.0], [1, -1])
    0.75
    """
    targets = _vector("hinge", outputs, targets)
    for u in targets:
        if u.__class__ is not Value and u not in (-1, 1):
            raise ValueError(f"hinge: targets are -1 or 1, not {u!r}")
    return _loss("hinge", outputs, targets)


LOSSES: dict[str, Loss] = {
    f.__name__: f
    for f in (sse, half_sse, mse, bce, bce_with_logits, cross_entropy, cross_entropy_with_logits, hinge)
}


def loss_function(which: str | Loss) -> Loss:
    """The loss of that name; a function stays itself.

    >>> loss_function("l2")
    Traceback (most recent call last):
    ...
    ValueError: unknown loss 'l2'; choose from sse, half_sse, mse, bce, bce_with_logits, cross_entropy,
    cross_entropy_with_logits, hinge
    """
    if callable(which):
        return which
    if not isinstance(which, str) or which not in LOSSES:
        raise ValueError(f"unknown loss {which!r}; choose from {', '.join(LOSSES)}")
    return LOSSES[which]


def _nets(outputs: Sequence[Any]) -> Sequence[Any] | None:
    """The arguments of the softmax that `outputs` are the nodes of, in order; None if they are not."""
    first = outputs[0]
    if first.__class__ is not Value or first.op is None or first.op.name != "softmax":
        return None
    nets = first.args[1:]
    same = all(
        p.__class__ is Value and p.op is first.op and p.args[0] is net and all(map(is_, p.args[1:], nets))
        for p, net in zip(outputs, nets, strict=False)
    )
    return nets if same and len(outputs) == len(nets) else None


def _one_hot(name: str, outputs: Sequence[Any], targets: Any) -> Sequence[Any]:
    k = _width(name, outputs)
    targets = targets.tolist() if hasattr(targets, "tolist") else targets
    if isinstance(targets, int) and not isinstance(targets, bool):
        if not 0 <= targets < k:
            raise ValueError(f"{name}: class {targets} is not one of the {k} classes 0 to {k - 1}")
        return tuple(1.0 if i == targets else 0.0 for i in range(k))
    if not isinstance(targets, list | tuple):
        raise TypeError(f"{name}: the target is a class index (an int) or one number per class, not {targets!r}")
    checked = _vector(name, outputs, targets)
    for u in checked:
        if isinstance(u, int | float) and u < 0:
            raise ValueError(f"{name}: targets are shares of the classes, at least 0, not {u!r}")
    return checked


def _probabilities(name: str, outputs: Sequence[Any], activation: str) -> None:
    """Refuse outputs of which a logarithm would give a loss below 0."""
    for o in outputs:
        number = o.data if o.__class__ is Value else o
        if number < 0 or number > 1:
            raise ValueError(
                f"{name}: outputs are probabilities, between 0 and 1, not {number!r}: give the model "
                f"output={activation!r}, or take {name}_with_logits"
            )


def _between_0_and_1(name: str, outputs: Sequence[Any], targets: Any) -> Sequence[Any]:
    checked = _vector(name, outputs, targets)
    for u in checked:
        if u.__class__ is not Value and not (hasattr(u, "__float__") and 0 <= u <= 1):
            raise ValueError(f"{name}: targets lie between 0 and 1, not {u!r}")
    return checked
