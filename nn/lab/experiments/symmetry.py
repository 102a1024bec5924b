"""Hidden units that start equal stay equal (SX-R1): 2 tanh units and a linear output on XOR."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nn import data
from nn.init import generator, uniform
from nn.lab.descent import Descent, flat, of_model
from nn.lab.experiments.arguments import checked
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


@checked()
def symmetry(epochs: int = 2000, lr: float = 0.1, seed: int = 1) -> Result:
    """W11 and W12 while XOR is learned from equal, zero, half-equal, nearly equal and random weights.

    The random ones are drawn from (-1, 1) by `seed`, W11, W12, W21, W22, V1, V2; the rows come in the order of `fit` with
    seed 0. Another order moves the ends in the third digit: W equal, V not, goes to W11 from 1.70 to 1.74. Differences are
    taken once an epoch.
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
        spread = max(max(abs(w[0] - w[2]), abs(w[1] - w[3])) for w in path[::4])
        moved = max(abs(a - b) for k, (a, b) in enumerate(zip(path[0], path[-1], strict=True)) if k in (0, 1, 2, 3, 6, 7))
        E = _error(descent, path[-1], rows)
        found.append((name, path[-1][0], path[-1][2], spread, moved, E))
    solved, others = ([r[0] for r in found if (r[5] < 0.01) is learned] for learned in (True, False))
    equal = [r[0] for r in found[:2] if r[3] == 0]  # the others differ in V from the start
    sentence = f"Units that start equal stay equal to the last bit in {' and '.join(equal) or 'no run'}. XOR is learned from "
    if solved:
        sentence += f"{' and '.join(solved)}, not from {', '.join(others)}: " + (
            "a millionth is enough." if found[3][5] < 0.01 else "being different by a millionth is not yet enough."
        )
    else:
        sentence += f"none of them by epoch {epochs:,}."

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


@checked()
def broken_symmetry(epochs: int = 2000, lr: float = 0.05, seed: int = 0, draws: int = 50) -> Result:
    """Which differences break the symmetry (S2-12): W, V, both or none, of 3 tanh units on XOR; and 3 sigmoid units from 0.

    The spread is the largest difference of the weights of two hidden units from the same input. One walk is shown; how far
    apart the units end depends on the draw, so each start is drawn `draws` times, with an order of the rows of its own.
    """
    rows = flat(data.XOR())
    walks = {f: of_model(MLP(2, [3, 1], activation=f), "sse") for f in ("tanh", "sigmoid")}
    found: list[Any] = []
    spreads: dict[str, list[float]] = {}
    orders = [shuffled(generator(seed + k), 4, epochs) for k in range(draws)]
    for name, (f, _) in _starts(seed).items():
        ends = [walks[f].run(_starts(seed + k)[name][1], rows, order, lr)[0] for k, order in enumerate(orders)]
        learned = [_spread(end) for end in ends if _error(walks[f], end, rows) < 0.01]
        path = walks[f].path(_starts(seed)[name][1], rows, orders[0], lr)
        spreads[name] = [_spread(w) for w in path[::4]]
        moved = max(abs(a - b) for a, b in zip(path[0][:12], path[-1][:12], strict=True))
        apart = f"{min(learned):.2f} to {max(learned):.2f}" if learned else "none"
        found.append((name, spreads[name][-1], moved, _error(walks[f], path[-1], rows), len(learned), apart))
    learned_from = {r[0]: r[4] for r in found}
    learns = {name: n for name, n in learned_from.items() if n}
    one, other, both = (learned_from[f"W {W}, V {V}"] for W, V in (("equal", "random"), ("random", "equal"), ("random", "random")))
    equal_to_the_end = [name for name, spread in spreads.items() if not any(spread)]
    still = [r[0] for r in found if r[2] == 0]
    verdict = "as good as both" if min(one, other) >= 0.8 * both else "not as good as both"
    sentence = (
        (f"XOR is learned from {'; '.join(f'{name}, in {n} of {draws} draws' for name, n in learns.items())}: one of W and V different is {verdict}. "
         if learns else f"XOR is learned from none of them by epoch {epochs:,}. ")
        + f"The units stay equal to the last bit from {'; '.join(equal_to_the_end) or 'none'}; no weight but b_o moves from {'; '.join(still) or 'none'}."
    )  # fmt: skip

    def draw(figure: Any) -> None:
        spread({f"{name}{'' if any(of) else ': 0 throughout'}": of for name, of in spreads.items()}, figure.add_subplot())

    title = "Either W or V must differ between the units: those that start equal stay equal"
    columns = ("start", "spread", "W, V moved by", "SSE", f"learned of {draws}", "their spreads")
    numbers = {"rows": found, "spreads": spreads}
    return Result("broken_symmetry", title, columns, found, sentence, draw, numbers, (8.4, 4.2), ("S2-7", "S2-12", "SX-R1"))


def _starts(seed: int) -> dict[str, tuple[str, list[float]]]:
    """The activation and the weights of each start: W by unit, three biases, V, one bias."""
    random = generator(seed)
    W, V = ([uniform(random, 2, 3) for _ in range(n)] for n in (6, 3))
    equal, half, none = [0.4, -0.6] * 3, [0.5] * 3, [0.0] * 3
    return {
        "W equal, V equal": ("tanh", [*equal, *none, *half, 0.0]),
        "W equal, V random": ("tanh", [*equal, *none, *V, 0.0]),
        "W random, V equal": ("tanh", [*W, *none, *half, 0.0]),
        "W random, V random": ("tanh", [*W, *none, *V, 0.0]),
        "all 0": ("tanh", [0.0] * 13),
        "all 0, sigmoid": ("sigmoid", [0.0] * 13),
    }


def _spread(weights: Sequence[float]) -> float:
    """The largest difference of the weights of two of the three hidden units from the same input."""
    return max(abs(a - b) for i in (0, 1) for a in weights[i:6:2] for b in weights[i:6:2])


def _error(descent: Descent, weights: Sequence[float], rows: Sequence[Sequence[float]]) -> float:
    return sum(descent.at(weights, row)[0] for row in rows)
