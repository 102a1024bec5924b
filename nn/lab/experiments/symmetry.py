"""Hidden units that start equal stay equal (SX-R1): 2 tanh units and a linear output on XOR."""

from __future__ import annotations

from typing import Any

from nn import data
from nn.init import generator, uniform
from nn.lab.descent import flat, of_model
from nn.lab.experiments.one_neuron import shuffled
from nn.lab.experiments.result import Result
from nn.lab.plots import COLOURS, spread, tidy
from nn.modules import MLP


HALF = [0.5] * 4
STARTS: dict[str, tuple[list[float], list[float]]] = {  # W by unit, then V
    "all 1/2": (HALF, [0.5, 0.5]),
    "all 0": ([0.0] * 4, [0.0, 0.0]),
    "W equal, V not": (HALF, [0.5, -0.4]),
    "W12 a millionth off": ([0.5, 0.5, 0.5 + 1e-6, 0.5], [0.5, 0.5]),
}


def symmetry(epochs: int = 2000, lr: float = 0.1, seed: int = 1) -> Result:
    """W11 and W12 while XOR is learned from equal, zero, half-equal, nearly equal and random weights.

    The random ones are drawn from (-1, 1) by `seed`, W11, W12, W21, W22, V1, V2; the rows come in the order of `fit` with
    seed 0. Another order moves the ends in the third digit: W equal, V not, goes to W11 from 1.70 to 1.74.
    """
    descent, rows = of_model(MLP(2, [2, 1]), "sse"), flat(data.XOR())
    order = shuffled(generator(0), 4, epochs)  # the same for every start
    draws = generator(seed)
    w11, w12, w21, w22, v1, v2 = (uniform(draws, 2, 2) for _ in range(6))
    random = [w11, w21, w12, w22, 0.0, 0.0, v1, v2, 0.0]
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
    return Result("symmetry", title, columns, found, sentence, draw, {r[0]: r[1:] for r in found}, (11.0, 3.4), cites=("X5", "S2-7", "SX-R1"))


def broken_symmetry(epochs: int = 2000, lr: float = 0.05, seed: int = 0) -> Result:
    """Which differences break the symmetry (S2-12): W, V, both or none, of 3 tanh units on XOR; and 3 sigmoid units from 0.

    The spread is the largest difference of the weights of two hidden units from the same input.
    """
    random = generator(seed)
    W, V = ([uniform(random, 2, 3) for _ in range(n)] for n in (6, 3))
    equal, third = [0.4, -0.6] * 3, [0.5] * 3
    starts = {
        "W equal, V equal": ("tanh", equal, third),
        "W equal, V random": ("tanh", equal, V),
        "W random, V equal": ("tanh", W, third),
        "W random, V random": ("tanh", W, V),
        "all 0": ("tanh", [0.0] * 6, [0.0] * 3),
        "all 0, sigmoid": ("sigmoid", [0.0] * 6, [0.0] * 3),
    }
    rows, order = flat(data.XOR()), shuffled(generator(seed), 4, epochs)
    walks = {f: of_model(MLP(2, [3, 1], activation=f), "sse") for f in ("tanh", "sigmoid")}
    found: list[Any] = []
    spreads: dict[str, list[float]] = {}
    for name, (f, w, v) in starts.items():
        path = walks[f].path([*w, 0.0, 0.0, 0.0, *v, 0.0], rows, order, lr)
        spreads[name] = [max(abs(a - b) for i in (0, 1) for a in p[i:6:2] for b in p[i:6:2]) for p in path[::4]]
        moved = max(abs(a - b) for a, b in zip(path[0][:12], path[-1][:12], strict=True))
        E = sum(walks[f].at(path[-1], row)[0] for row in rows)
        found.append((name, max(spreads[name]), spreads[name][-1], moved, E))
    learned = [r[0] for r in found if r[4] < 0.01]
    equal_to_the_end = [r[0] for r in found if r[1] == 0]
    still = [r[0] for r in found if r[3] == 0]
    sentence = (
        f"XOR is learned from {'; '.join(learned) or 'none'}: one of W and V different is "
        f"{'enough' if len(learned) == 3 else 'not always enough'}. The units stay equal to the last bit from {'; '.join(equal_to_the_end) or 'none'}; "
        f"no weight but b_o moves from {'; '.join(still) or 'none'}."
    )

    def draw(figure: Any) -> None:
        spread(spreads, figure.add_subplot())

    title = "Either W or V must differ between the units; nothing else breaks the symmetry"
    columns = ("start", "largest spread", "last spread", "moved by", "SSE")
    numbers = {"rows": found, "spreads": spreads}
    return Result("broken_symmetry", title, columns, found, sentence, draw, numbers, (8.4, 4.2), ("S2-7", "S2-12", "SX-R1"))
