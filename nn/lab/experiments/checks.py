"""The gradient check: how near a difference quotient comes to the exact derivative, by the width of its step."""

from __future__ import annotations

import math
from typing import Any

from engine import gradient
from nn.lab.experiments.arguments import checked
from nn.lab.experiments.result import Result
from nn.lab.plots import COLOURS, tidy
from nn.losses import sse
from nn.modules import MLP


LN2, LN3 = math.log(2), math.log(3)
MOST = 300  # powers of ten
WEIGHTS = [-LN3, -math.log(9), LN2, math.log(4), -math.log(16), math.log(8), math.log(81), -math.log(27)]


@checked(powers=3)
def difference_quotients(powers: int = 12) -> Result:
    """|difference quotient - exact| for dE/dw_h1,x1 of the 13/20 network, h = 1e-1, 1e-2, ...: central and forward."""
    if powers > MOST:
        raise ValueError(f"powers is {powers}; write {MOST} or less: steps that are smaller still are 0 in floats")
    model = MLP(2, [2, 2], activation="sigmoid", output="sigmoid", bias=False)
    for p, number in zip(model.parameters(), WEIGHTS, strict=True):
        p.data = number
    w = model.parameters()[0]

    def E() -> Any:
        return sse(model([3.0, -2.0]), [1.0, 1.0])

    def moved(by: float) -> float:
        kept, w.data = w.data, w.data + by
        try:
            return float(E().data)
        finally:
            w.data = kept

    exact = gradient(E(), [w])[0].data
    widths = [10.0**-k for k in range(1, powers + 1)]
    central = [abs((moved(h) - moved(-h)) / (2 * h) - exact) for h in widths]
    forward = [abs((moved(h) - moved(0.0)) / h - exact) for h in widths]
    best = min(range(powers), key=central.__getitem__)
    falls, slow = (math.log10(errors[0] / errors[2]) / 2 for errors in (central, forward))
    sentence = (
        f"Central differences come nearest, {central[best]:.1e}, at h = {widths[best]:.0e}; smaller steps are "
        f"{'worse' if central[-1] > central[best] else 'no worse'} ({central[-1]:.1e} at {widths[-1]:.0e}), for rounding is divided by h. "
        f"Forward differences never get below {min(forward):.1e}. For large h the error falls as h^{falls:.2f} and h^{slow:.2f}."
    )

    def draw(figure: Any) -> None:
        ax = figure.add_subplot()
        ax.loglog(widths, central, "o-", color=COLOURS[0], label="central")
        ax.loglog(widths, forward, "s--", color=COLOURS[1], label="forward")
        tidy(ax, "step h", "|difference quotient − exact derivative|")
        ax.legend(frameon=False)

    rows = list(zip((f"{h:.0e}" for h in widths), central, forward, strict=True))
    title = "A gradient check is best at a middling step"
    numbers = {"central": central, "forward": forward, "orders": (falls, slow)}
    return Result("difference_quotients", title, ("h", "central", "forward"), rows, sentence, draw, numbers, cites=("X9",))
