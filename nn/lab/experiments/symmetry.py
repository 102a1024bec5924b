"""Hidden units that start equal stay equal (SX-R1): 2 tanh units and a linear output on XOR."""

from __future__ import annotations

from typing import Any

from nn import data
from nn.init import generator
from nn.lab.experiments.descent import flat, of_model
from nn.lab.experiments.one_neuron import shuffled
from nn.lab.experiments.result import Result
from nn.lab.plots import COLOURS, tidy
from nn.modules import MLP


HALF = [0.5] * 4
STARTS: dict[str, tuple[list[float], list[float]]] = {  # W by unit, then V
    "all 1/2": (HALF, [0.5, 0.5]),
    "all 0": ([0.0] * 4, [0.0, 0.0]),
    "W equal, V not": (HALF, [0.5, -0.4]),
    "W12 a millionth off": ([0.5, 0.5, 0.5 + 1e-6, 0.5], [0.5, 0.5]),
}


def symmetry(epochs: int = 2000, lr: float = 0.1, seed: int = 1) -> Result:
    """W11 and W12 while XOR is learned from equal, zero, half-equal, nearly equal and random weights."""
    model = MLP(2, [2, 1], seed=seed)
    descent, rows = of_model(model, "sse"), flat(data.XOR())
    order = shuffled(generator(seed), 4, epochs)  # the same for every start
    random = [p.data for p in model.parameters()]
    starts = {name: [*W, 0.0, 0.0, *V, 0.0] for name, (W, V) in STARTS.items()} | {f"random, seed {seed}": random}
    paths = {name: descent.path(w, rows, order, lr) for name, w in starts.items()}
    found: list[Any] = []
    for name, path in paths.items():
        spread = max(max(abs(w[0] - w[2]), abs(w[1] - w[3])) for w in path)
        moved = max(abs(a - b) for k, (a, b) in enumerate(zip(path[0], path[-1], strict=True)) if k in (0, 1, 2, 3, 6, 7))
        E = sum(descent.at(path[-1], row)[0] for row in rows)
        found.append((name, path[-1][0], path[-1][2], spread, moved, E))
    stuck = [r[0] for r in found if r[5] > 0.5]
    solved = [r[0] for r in found if r[5] < 0.01]
    equal = [r[0] for r in found if r[3] == 0]
    sentence = (
        f"Units that start equal stay equal to the last bit in {' and '.join(equal) or 'no run'}. XOR is learned from "
        f"{' and '.join(solved) or 'none of them'}, not from {', '.join(stuck) or 'none'}: "
        + ("being different by a millionth is not yet enough." if found[3][5] > 0.5 else "a millionth is enough.")
    )

    def draw(figure: Any) -> None:
        for ax, (name, path), row in zip(figure.subplots(1, len(paths), sharey=True), paths.items(), found, strict=True):
            shown = path[::4]  # once an epoch
            ax.plot([w[0] for w in shown], color=COLOURS[0], linewidth=2, label="W11")
            ax.plot([w[2] for w in shown], "--", color=COLOURS[1], linewidth=2, label="W12")
            ax.set_title(f"{name}\nSSE {row[5]:.2g}", fontsize=9)
            tidy(ax, "epoch", "weight" if row is found[0] else "")
        ax.legend(frameon=False, fontsize=8)

    title = "Equal hidden units stay one unit; different ones can share the work"
    columns = ("start", "W11", "W12", "largest difference", "W, V moved by", "SSE")
    return Result("symmetry", title, columns, found, sentence, draw, {r[0]: r[1:] for r in found}, (11.0, 3.4))
