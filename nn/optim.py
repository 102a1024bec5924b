"""Stochastic gradient descent (LEC-1, S63-c), with momentum, weight decay and schedules by PyTorch's formulas."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from reprlib import repr as short
from typing import Any, TypeAlias

from engine import Value
from nn.numbers import at_least_zero, counted, flag, whole


Schedule: TypeAlias = Callable[[int, int], float]  # (epoch, epochs) -> the factor on the learning rate


class Diverged(ArithmeticError):
    """Training ran away: a loss or a weight would have become infinite or NaN. No weight was changed.

    Its arguments are what happened and, if there is any, what to try.
    """

    def __str__(self) -> str:
        return ": ".join(map(str, self.args))


class SGD:
    """w <- w - lr v, where v is the gradient, or with momentum the running sum of gradients.

    With g = dE/dw + weight_decay * w: v = momentum * v + g (at first v = g), and `nesterov` steps along
    g + momentum * v. These are torch.optim.SGD's formulas with dampening 0. Parameters that no pass
    has reached stay as they are. Raises Diverged, and changes nothing, if a weight would not be finite.

    >>> w = Value(2.0)
    >>> sgd = SGD([w], lr=0.1)
    >>> (w * w).backward(); sgd.step(); round(w.data, 6)
    1.6
    """

    def __init__(
        self,
        parameters: Sequence[Value],
        lr: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        self.parameters = list(parameters) if isinstance(parameters, Iterable) else []
        if not (self.parameters or parameters == []) or not all(isinstance(p, Value) for p in self.parameters):
            raise TypeError(f"SGD moves a list of Values, such as model.parameters(), not {short(parameters)}")
        self.lr = at_least_zero("lr", lr)
        self.momentum = at_least_zero("momentum", momentum)
        self.weight_decay = at_least_zero("weight_decay", weight_decay)
        self.nesterov = flag("nesterov", nesterov)
        if nesterov and not momentum:
            raise ValueError("nesterov needs momentum > 0: it looks ahead along the running sum of gradients")
        self._velocity: dict[Value, float] = {}

    def step(self) -> None:
        """Update every parameter, all from the gradients and the weights of before the step."""
        moving: list[Any] = self.parameters
        try:
            new, velocity = self._moved(moving)
        except TypeError:  # a gradient is None: no pass has reached that parameter
            moving = [p for p in moving if p.grad is not None]
            new, velocity = self._moved(moving)
        if not math.isfinite(sum(new)):  # one cheap look at all of them; only then one by one
            for p, w in zip(moving, new, strict=True):
                if not math.isfinite(w):
                    raise Diverged(
                        f"a step of lr={self.lr:g} takes {p.label or 'a parameter'} from {p.data:g} with gradient "
                        f"{p.grad:g} to {w}",
                        "nothing was changed; try a smaller lr",
                    )
        try:
            _set(moving, new)
        except BaseException:  # an interrupt, say: a step is made wholly or not at all
            _set(moving, new)
            raise
        finally:
            self._velocity = velocity

    def _moved(self, moving: list[Any]) -> tuple[list[float], dict[Value, float]]:
        """The new weights, and the new velocities."""
        lr, decay, momentum, velocity = self.lr, self.weight_decay, self.momentum, self._velocity
        if not decay and not momentum:
            return [p.data - lr * p.grad for p in moving], velocity
        slopes = [p.grad + decay * p.data for p in moving] if decay else [p.grad for p in moving]
        if momentum:
            pairs = list(zip(moving, slopes, strict=True))
            velocity = velocity | {p: momentum * velocity[p] + g if p in velocity else g for p, g in pairs}
            slopes = [g + momentum * velocity[p] if self.nesterov else velocity[p] for p, g in pairs]
        return [p.data - lr * v for p, v in zip(moving, slopes, strict=True)], velocity

    def zero_grad(self) -> None:
        """Forget the gradients: until the next backward pass they are None."""
        for p in self.parameters:
            p.grad = None

    def __repr__(self) -> str:
        return f"SGD({counted(len(self.parameters), 'parameter')}, lr={self.lr:g}, momentum={self.momentum:g})"


def _set(parameters: list[Any], new: list[float]) -> None:
    for p, w in zip(parameters, new, strict=True):
        p.data = w


def step(every: int = 10, factor: float = 0.1) -> Schedule:
    """Lr * factor^(epoch // every): torch's StepLR.

    >>> [round(step(2, 0.5)(epoch, 6), 6) for epoch in range(6)]
    [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    """
    every, factor = whole("every", every), at_least_zero("factor", factor)
    return lambda epoch, epochs: factor ** (epoch // every)


def linear(end: float = 0.0) -> Schedule:
    """From lr in a straight line to lr * end after the last epoch: torch's LinearLR with start_factor 1.

    >>> [round(linear()(epoch, 4), 6) for epoch in range(4)]
    [1.0, 0.75, 0.5, 0.25]
    """
    end = at_least_zero("end", end)
    return lambda epoch, epochs: 1.0 + (end - 1.0) * epoch / epochs


def cosine(end: float = 0.0) -> Schedule:
    """From lr along half a cosine to lr * end: torch's CosineAnnealingLR with T_max = epochs.

    >>> [round(cosine()(epoch, 4), 6) for epoch in range(4)]
    [1.0, 0.853553, 0.5, 0.146447]
    """
    end = at_least_zero("end", end)
    return lambda epoch, epochs: end + (1.0 - end) * (1.0 + math.cos(math.pi * epoch / epochs)) / 2.0


SCHEDULES: dict[str, Schedule] = {
    "constant": lambda epoch, epochs: 1.0,
    "step": step(),
    "linear": linear(),
    "cosine": cosine(),
}


def schedule_function(which: str | Schedule | None) -> Schedule:
    """The schedule of that name; None is constant; a function of (epoch, epochs) stays itself.

    >>> schedule_function("warm")
    Traceback (most recent call last):
    ...
    ValueError: unknown schedule 'warm'; choose from constant, step, linear, cosine
    """
    if callable(which):
        return which
    if which is None:
        return SCHEDULES["constant"]
    if not isinstance(which, str) or which not in SCHEDULES:
        raise ValueError(f"unknown schedule {which!r}; choose from {', '.join(SCHEDULES)}")
    return SCHEDULES[which]
