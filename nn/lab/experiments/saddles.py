"""Saddle points: where the slope is zero and yet there is a way down."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from engine import Value, classify
from nn import data
from nn.init import generator, normal
from nn.lab.descent import Descent, flat, of_model
from nn.lab.experiments.arguments import checked
from nn.lab.experiments.result import Result
from nn.lab.landscape import critical
from nn.lab.plots import COLOURS, logarithmic, tidy
from nn.losses import sse
from nn.modules import MLP


@checked(offsets=2)
def saddle_points(offsets: Sequence[float] = (1e-1, 1e-2, 1e-4, 1e-8, 1e-12), lr: float = 0.05) -> Result:
    """x^2 - y^2 at 0 and a tanh net with all weights 0 on XOR, by the exact Hessian; and the steps to get away.

    Descent on x^2 - y^2 starts at (1, offset); it is away when |y| > 1. The counter-case is x^2 + y^2.
    """
    x, y, sign = Value(1.0, "x"), Value(0.1, "y"), Value(-1.0, "s")
    descent = Descent(x * x + sign * y * y, [x, y], [sign])
    saddle = classify(lambda p: p[0] ** 2 - p[1] ** 2, [0.0, 0.0])
    bowl = classify(lambda p: p[0] ** 2 + p[1] ** 2, [0.0, 0.0])
    net = classify(_tanh_net, [0.0] * 8 + [0.5])
    told = "a point that the Hessian does not decide" if net.kind == "degenerate" else f"a {net.kind}"
    rows: list[Any] = []
    for offset in offsets:
        path = descent.path([1.0, offset], [[-1.0]], [0] * 600, lr)
        away = next((k for k, (_, v) in enumerate(path) if abs(v) > 1), None)
        if away is None:
            raise ValueError(f"from {offset:g} beside the saddle |y| is not above 1 after 600 steps with lr = {lr:g}: write a larger rate or offset")
        rows.append((offset, away))
    never = all(abs(v) == 0 for _, v in descent.path([1.0, 0.0], [[-1.0]], [0] * 600, lr))
    slower = rows[-1][1] > rows[0][1]
    sentence = (
        f"x^2 - y^2 has a {saddle.kind} at 0 and x^2 + y^2 a {bowl.kind}; a tanh net whose weights are all 0, with b_o = 1/2, "
        f"stands at {told} (eigenvalues {net.eigenvalues[0]:.3g} to {net.eigenvalues[-1]:.3g}). From the saddle descent "
        f"gets away in {rows[0][1]} steps if it starts {rows[0][0]:g} beside it, in {rows[-1][1]} from {rows[-1][0]:g}"
        + (": the nearer, the longer" if slower else "")
        + (", and never from exactly on the ridge." if never else ", and also from the ridge.")
    )

    stuck = _stuck_net()
    spectra = {"x² − y² at 0": saddle, "tanh net, all 0": net, "sigmoid net, stuck": stuck}
    sentence += (
        f" A sigmoid net that training leaves stuck at E = {stuck.value:.3f} has a gradient of {math.hypot(*stuck.gradient):.2g} and "
        f"eigenvalues from {stuck.eigenvalues[0]:.2g} to {stuck.eigenvalues[-1]:.2g}: {stuck.kind}, a flat place and no proved local minimum."
    )

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        left.plot(offsets, [r[1] for r in rows], "o-", color=COLOURS[0])
        logarithmic(left, offsets)
        tidy(left, "distance from the ridge at the start", f"steps until |y| > 1 (η = {lr:g})")
        for k, (name, point) in enumerate(spectra.items()):
            right.plot(range(1, len(point.eigenvalues) + 1), point.eigenvalues, "os^"[k], color=COLOURS[k], label=name)
        right.axhline(0, color="black", linewidth=0.8)
        right.set_yscale("symlog", linthresh=1e-4, linscale=0.6)
        right.set_yticks([-1, -1e-2, -1e-4, 0, 1e-4, 1e-2, 1])
        right.set_ylim(-60, 60)
        tidy(right, "eigenvalue of the Hessian, from the smallest", "its value")
        right.legend(frameon=False, loc="lower right", fontsize=9)

    title = "A saddle holds descent for a while, the longer the nearer it starts"
    numbers = {"saddle": saddle, "bowl": bowl, "net": net, "stuck": stuck, "steps": [r[1] for r in rows], "never": never}
    return Result("saddle_points", title, ("start beside it by", "steps"), rows, sentence, draw, numbers, (9.6, 4.0), cites=("S2-22", "SX-R5"))


def _tanh_net(w: Sequence[Any]) -> Any:
    """SSE on XOR of 2 tanh units with a linear output: w is W (4), b (2), V (2), b_o."""
    total = 0.0
    for (x1, x2), t in ((x, float(x[0] != x[1])) for x, _ in data.XOR()):
        h = [(w[2 * j] * x1 + w[2 * j + 1] * x2 + w[4 + j]).tanh() for j in (0, 1)]
        total = total + sse([w[6] * h[0] + w[7] * h[1] + w[8]], [t])
    return total


def _stuck_net(epochs: int = 4000, lr: float = 1.0) -> Any:
    """The first of the normal starts from which 2 sigmoid units do not learn XOR, classified where training ends."""
    model = MLP(2, [2, 1], activation="sigmoid", output="sigmoid")
    descent, rows = of_model(model, "sse"), flat(data.XOR())
    for seed in range(1000):
        random = generator(seed)
        end, losses = descent.run([normal(random, 2, 2) for _ in range(9)], rows, [0, 1, 2, 3] * epochs, lr)
        if sum(losses[-4:]) > 0.1:
            break
    for p, number in zip(model.parameters(), end, strict=True):
        p.data = number
    return critical(model, data.XOR(), loss="sse")
