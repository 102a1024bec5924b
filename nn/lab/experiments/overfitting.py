"""The global minimum of the training error need not be wanted: noisy data learned by heart (SX-R5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nn import data
from nn.init import generator
from nn.lab.descent import flat, of_model
from nn.lab.experiments.arguments import checked
from nn.lab.experiments.one_neuron import shuffled
from nn.lab.experiments.result import Result
from nn.lab.landscape import mean_error
from nn.lab.plots import COLOURS, tidy
from nn.modules import MLP


@checked(hidden=2, n=2, noise=0)
def overfitting(
    hidden: Sequence[int] = (2, 24), n: int = 40, noise: float = 0.45, epochs: int = 6000, lr: float = 0.1, seed: int = 0
) -> Result:
    """Two noisy moons, `n` rows to train on, 400 held out: the losses of a small and a large tanh net by epoch (S2-21)."""
    train = [(x, (1.0 if t else 0.0,)) for x, t in data.moons(n, noise=noise, seed=seed)]
    held_out = [(x, (1.0 if t else 0.0,)) for x, t in data.moons(400, noise=noise, seed=seed + 1)]
    marks = sorted({min(epochs, round(1.15**k)) for k in range(200)})
    curves: dict[int, tuple[list[float], list[float]]] = {}
    for units in sorted(hidden):
        model = MLP(2, [units, 1], output="sigmoid", seed=seed)
        descent, random = of_model(model, "bce"), generator(seed)
        losses = mean_error(model, train, "bce"), mean_error(model, held_out, "bce")
        w, done = [p.data for p in model.parameters()], 0
        curves[units] = [], []
        for mark in marks:
            w, _ = descent.run(w, flat(train), shuffled(random, n, mark - done), lr)
            done = mark
            for curve, of in zip(curves[units], losses, strict=True):
                curve.append(of(w))
    table = []
    for units, (learned, tested) in curves.items():
        best = min(range(len(marks)), key=tested.__getitem__)
        table.append((units, 4 * units + 1, learned[-1], tested[-1], tested[best], marks[best]))
    small, large = table[0], table[-1]
    by_heart, worse = large[2] < small[2], large[3] > 1.2 * large[4]
    sentence = (
        f"With {large[0]} units the training loss {'falls further' if by_heart else 'does not fall further'}, to {large[2]:.3g} against {small[2]:.3g} with "
        f"{small[0]}; the held-out loss is lowest, {large[4]:.3g}, at epoch {large[5]} and {'climbs' if worse else 'goes'} to {large[3]:.3g} "
        f"({small[3]:.3g} with {small[0]} units): "
        + ("the better minimum of the training error is the worse net." if large[3] > small[3] and by_heart else "here the larger net does no harm.")
    )

    def draw(figure: Any) -> None:
        for ax, (units, curve) in zip(figure.subplots(1, len(curves), sharey=True), curves.items(), strict=True):
            for k, (name, of) in enumerate(zip(("training", "held out"), curve, strict=True)):
                ax.loglog(marks, of, ["-", "--"][k], color=COLOURS[k], linewidth=2, label=name)
            ax.set_title(f"{units} hidden units", fontsize=9)
            tidy(ax, "epoch", "mean BCE" if ax.get_subplotspec().is_first_col() else "")
        ax.legend(frameon=False, loc="lower left")

    title = "Noise learned by heart: the training loss falls, the held-out loss climbs"
    columns = ("units", "weights", "training", "held out", "its best", "at epoch")
    numbers = {"rows": table, "curves": curves, "epochs": marks}
    return Result("overfitting", title, columns, table, sentence, draw, numbers, (9.6, 4.0), ("S2-21", "SX-R5"))
