"""Deep networks with and without skip connections: who can be trained, and how the slices look (LEC-R4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nn import data
from nn.init import generator
from nn.lab.descent import flat, of_model
from nn.lab.experiments.arguments import checked
from nn.lab.experiments.one_neuron import shuffled
from nn.lab.experiments.result import Result
from nn.lab.landscape import Surface, plane
from nn.lab.plots import tidy
from nn.modules import MLP


@checked(steps=20, points=3)
def skip_connections(
    seeds: int = 12, slices: int = 4, depth: int = 10, width: int = 4, steps: int = 4000, lr: float = 0.1, points: int = 25
) -> Result:
    """Two moons (20 rows), `depth` hidden tanh layers: how many nets are trained, and the minima of slices through them.

    A net is trained that ends with SSE below 0.1 per row; a slice goes through its weights along two random directions,
    normalised unit by unit.
    """
    if slices > seeds:
        raise ValueError(f"slices is {slices}; write a number up to seeds, {seeds}: a slice goes through a net")
    rows = [(x, (1.0 if t else 0.0,)) for x, t in data.moons(20, seed=0)]
    trained: dict[bool, int] = {}
    surfaces: dict[bool, list[Surface]] = {}
    for skip in (False, True):
        model = MLP(2, [width] * depth + [1], output="sigmoid", skip=skip)
        descent, trained[skip], surfaces[skip] = of_model(model, "sse"), 0, []
        for seed in range(seeds):
            start = [p.data for p in MLP(2, [width] * depth + [1], skip=skip, seed=seed).parameters()]
            order = shuffled(generator(seed), len(rows), -(-steps // len(rows)))[:steps]
            end, losses = descent.run(start, flat(rows), order, lr)
            trained[skip] += sum(losses[-len(rows) :]) / len(rows) < 0.1
            if seed < slices:
                for p, number in zip(model.parameters(), end, strict=True):
                    p.data = number
                surfaces[skip].append(plane(model, rows, loss="sse", points=points))
    minima = {skip: [len(s.minima()) for s in found] for skip, found in surfaces.items()}
    plain, skipped = (sum(minima[s]) / slices for s in (False, True))
    alike = 0.5 < (plain + 1) / (skipped + 1) < 2
    sentence = (
        f"Of {seeds} nets with {depth} hidden layers {trained[False]} {'is' if trained[False] == 1 else 'are'} trained without skip connections, {trained[True]} with "
        f"them. The slices through them have {', '.join(map(str, minima[False]))} grid minima without and "
        f"{', '.join(map(str, minima[True]))} with: "
        + ("much alike, so the picture alone does not explain it." if alike else "here the picture differs too.")
    )

    def draw(figure: Any) -> None:
        high = max(max(map(max, found[0].E)) for found in surfaces.values())
        levels = [high * k / 24 for k in range(25)]
        for ax, skip in zip(figure.subplots(1, 2), (False, True), strict=True):
            s = surfaces[skip][0]
            drawn = ax.contourf(s.a, s.b, s.E, levels=levels, cmap="cividis")
            for i, j in s.minima():
                ax.plot([s.a[j]], [s.b[i]], "o", color="white", markeredgecolor="black", markersize=4)
            ax.set_title(f"{'with' if skip else 'without'} skip: {trained[skip]} of {seeds} trained", fontsize=9)
            tidy(ax, "first random direction", "second random direction")
            figure.colorbar(drawn, ax=ax, label="mean SSE (dots: grid minima)", format="%.2f")

    table: Sequence[Any] = [(("plain", "skip")[s], f"{trained[s]} of {seeds}", ", ".join(map(str, minima[s]))) for s in (False, True)]
    title = f"Skip connections decide whether {depth} layers can be trained"
    numbers = {"trained": trained, "minima": minima}
    return Result("skip_connections", title, ("net", "trained", "minima of slices"), table, sentence, draw, numbers, (9.6, 4.2), cites=("X8", "LEC-R4"))
