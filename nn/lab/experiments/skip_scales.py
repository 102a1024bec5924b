"""How wide the range of usable weight scales is, with and without skip connections (LEC-R4)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from nn import data
from nn.init import generator
from nn.lab.descent import flat, of_model
from nn.lab.experiments.arguments import checked
from nn.lab.experiments.one_neuron import shuffled
from nn.lab.experiments.result import Result
from nn.lab.landscape import mean_error, random_direction, sampled
from nn.lab.plots import COLOURS, tidy
from nn.modules import MLP


GAINS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)


@checked(steps=40, points=3)
def skip_scales(
    gains: Sequence[float] = GAINS, seeds: int = 10, slices: int = 3, depth: int = 16, width: int = 6, steps: int = 8000,
    lr: float = 0.05, points: int = 31,
) -> Result:  # fmt: skip
    """Two moons (40 rows), `depth` hidden tanh layers of `width` units, Glorot weights times a gain, with SGD.

    For every gain: nets that end with SSE below 0.1 per row, and the strict grid minima of the slices of the first
    `slices` of them along two random directions, normalised unit by unit, as in Li and others, NeurIPS 2018.
    """
    if slices > seeds:
        raise ValueError(f"slices is {slices}; write a number up to seeds, {seeds}: a slice goes through a net")
    gains = sorted(gains)
    rows = [(x, (1.0 if t else 0.0,)) for x, t in data.moons(40, seed=0)]
    trained: dict[bool, list[int]] = {False: [], True: []}
    minima: dict[bool, list[list[int]]] = {False: [], True: []}
    for skip in (False, True):
        model = MLP(2, [width] * depth + [1], output="sigmoid", skip=skip)
        descent, E = of_model(model, "sse"), mean_error(model, rows, "sse")
        for gain in gains:
            right, found = 0, []
            for seed in range(seeds):
                start = [gain * p.data for p in MLP(2, [width] * depth + [1], skip=skip, seed=seed).parameters()]
                order = shuffled(generator(seed), len(rows), -(-steps // len(rows)))[:steps]
                end, losses = descent.run(start, flat(rows), order, lr)
                right += sum(losses[-len(rows) :]) / len(rows) < 0.1
                if seed < slices:
                    for p, number in zip(model.parameters(), end, strict=True):
                        p.data = number
                    u, v = (random_direction(model, k) for k in (0, 1))
                    found.append(len(sampled(E, end, u, v, points).minima()))
            trained[skip].append(right)
            minima[skip].append(found)
    usable = {skip: [g for g, n in zip(gains, of, strict=True) if n > seeds / 2] for skip, of in trained.items()}
    means = {skip: [sum(m) / len(m) for m in of] for skip, of in minima.items()}
    alike = all(0.3 < (a + 1) / (b + 1) < 3 for a, b in zip(means[False], means[True], strict=True))
    more = all(a < b for of in means.values() for a, b in pairwise(of))
    width_of = {skip: f"from {g[0]:g} to {g[-1]:g}" if g else "nowhere" for skip, g in usable.items()}
    sentence = (
        f"More than half of the nets are trained {width_of[False]} without skip connections, with them at gains {width_of[True]}. "
        f"At equal gain the slices have on average {', '.join(f'{m:.0f}' for m in means[False])} grid minima without and "
        f"{', '.join(f'{m:.0f}' for m in means[True])} with: "
        + (f"much alike{', and more with every gain' * more}" if alike else "they differ too")
        + ("; what differs is the gain at which a net can be used." if alike and usable[False] != usable[True] else ".")
    )

    if usable[True]:
        k = gains.index(usable[True][0])
        last = len(gains) - 1
        sentence += (
            f" The picture can be made to differ: with skip at gain {gains[k]:g} a slice has on average {means[True][k]:.0f} grid minima, without at "
            f"gain {gains[last]:g} it has {means[False][last]:.0f}."
        )

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        for k, (skip, name) in enumerate(((False, "without skip"), (True, "with skip"))):
            left.plot(gains, trained[skip], ["o--", "s-"][k], color=COLOURS[k], linewidth=2, label=name)
            right.plot(gains, means[skip], ["o--", "s-"][k], color=COLOURS[k], linewidth=2, label=name)
        tidy(left, "gain: Glorot weights times", f"nets trained, of {seeds}")
        tidy(right, "gain: Glorot weights times", f"grid minima of a slice (mean of {slices})")
        left.set_ylim(-0.3, seeds * 1.25)
        left.legend(frameon=False, loc="upper left", ncols=2)

    table = [
        (f"{g:g}", trained[False][k], trained[True][k], ",".join(map(str, minima[False][k])), ",".join(map(str, minima[True][k])))
        for k, g in enumerate(gains)
    ]
    title = "Skip connections open a window of usable weight scales"
    columns = ("gain", "trained: plain", "skip", "minima: plain", "skip ")
    numbers = {"trained": trained, "minima": minima, "usable": usable}
    return Result("skip_scales", title, columns, table, sentence, draw, numbers, (9.6, 4.0), ("X8", "LEC-R4"))
