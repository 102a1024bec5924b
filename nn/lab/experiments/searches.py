"""Searching instead of descending: hyperparameters on a grid or at random, and why nobody searches weights on a grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Any

from nn import data
from nn.init import generator, uniform
from nn.lab.descent import Descent, flat, of_model
from nn.lab.experiments.arguments import checked
from nn.lab.experiments.one_neuron import START, T, X, minimum, neuron
from nn.lab.experiments.result import Result
from nn.lab.landscape import plane
from nn.lab.plots import COLOURS, surface, tidy
from nn.modules import MLP


UNITS = (2, 9)  # hidden units, from and to


@checked(side=2)
def grid_or_random(
    ranges: Sequence[tuple[float, float]] = ((0.01, 10.0), (0.001, 100.0)), side: int = 4, repeats: int = 40, epochs: int = 300
) -> Result:
    """The learning rate and the hidden units of an XOR net, at equal budget: `side`^2 runs on a grid or drawn at random.

    A run ends with its SSE after `epochs` epochs; a search is as good as its best run (S2-18). Every repetition has
    weights and draws of its own. A grid tries `side` learning rates, random search `side`^2 (the argument of Bergstra
    and Bengio, JMLR 13, 2012), so a grid is better or worse as its few rates happen to lie: two ranges show it.
    """
    trained: dict[int, Descent] = {}
    rows, order = flat(data.XOR()), [0, 1, 2, 3] * epochs

    def run(lr: float, hidden: int, seed: int) -> float:
        if hidden not in trained:
            trained[hidden] = of_model(MLP(2, [hidden, 1], activation="sigmoid", output="sigmoid"), "sse")
        random = generator(seed)
        start = [uniform(random, 2, hidden) for _ in range(4 * hidden + 1)]
        end, _ = trained[hidden].run(start, rows, order, lr)
        return sum(trained[hidden].at(end, row)[0] for row in rows)

    part = [k / (side - 1) for k in range(side)]
    table: list[Any] = []
    found: dict[tuple[float, float], tuple[list[float], list[float]]] = {}
    shown: dict[tuple[float, float], tuple[list[Any], list[Any]]] = {}
    for reach in ranges:
        low, high = map(math.log, reach)
        lattice = [(math.exp(low + p * (high - low)), round(UNITS[0] + q * (UNITS[1] - UNITS[0]))) for p in part for q in part]
        best: tuple[list[float], list[float]] = [], []
        for repeat in range(repeats):
            random = generator(repeat)
            draws = [(math.exp(random.uniform(low, high)), random.randint(*UNITS)) for _ in lattice]
            shown.setdefault(reach, (lattice, draws))
            for bests, points in zip(best, (lattice, draws), strict=True):
                bests.append(min(run(lr, hidden, repeat * len(lattice) + k) for k, (lr, hidden) in enumerate(points)))
        found[reach] = best
        wins = sum(r < g for g, r in zip(*best, strict=True))
        table.append((f"{reach[0]:g} to {reach[1]:g}", side * side, median(best[0]), median(best[1]), f"{wins} of {repeats}"))
    verdict = [r < g for _, _, g, r, _ in table]
    sentence = (
        f"With {side * side} runs each, random search finds the better net in "
        + ", ".join(f"{wins} repetitions with rates from {reach}" for reach, _, _, _, wins in table)
        + ": "
        + (
            "it may be better, not must; a grid tries only "
            f"{side} rates, and all depends on where they happen to lie."
            if len(set(verdict)) == 2
            else "here random search is better." if verdict[0] else "here the grid is better."
        )
    )

    def draw(figure: Any) -> None:
        for (reach, best), line in zip(found.items(), figure.subplots(len(ranges), 2, squeeze=False), strict=True):
            left, right = line
            for k, (name, points) in enumerate(zip(("grid", "random"), shown[reach], strict=True)):
                left.plot(*zip(*points, strict=True), "os"[k], color=COLOURS[k], markersize=5)
                right.semilogy(range(1, repeats + 1), sorted(best[k]), "os"[k], color=COLOURS[k], markersize=4, label=name)
            left.set_xscale("log")
            left.set_yticks(range(UNITS[0], UNITS[1] + 1, 2))
            left.set_title(f"what the first repetition tries, rates from {reach[0]:g} to {reach[1]:g}", fontsize=9)
            last = reach == ranges[-1]
            tidy(left, "learning rate η" if last else "", "hidden units")
            tidy(right, "repetition, from best to worst" if last else "", "SSE of the best run")
        figure.axes[1].legend(frameon=False, loc="upper left")

    title = "Grid or random search: which is better depends on where the grid's few rates lie"
    columns = ("rates", "runs", "grid: median SSE", "random: median SSE", "random better")
    numbers = {"best": found, "rows": table}
    return Result("grid_or_random", title, columns, table, sentence, draw, numbers, (9.6, 5.6), ("S2-18", "SX-R3"))


NETS = (("one neuron", 1, (1,)), ("2-2-1 (XOR)", 2, (2, 1)), ("2-10-1", 2, (10, 1)), ("4-8-3 (iris)", 4, (8, 3)), ("64-32-10 (digits)", 64, (32, 10)))


@checked(levels=2, points=2)
def grid_over_weights(levels: int = 10, points: int = 41, reach: float = 4.0) -> Result:
    """What a grid over all weights would cost, `levels`^n, and the one case where it can be run: two weights (S2-19).

    The grid over the two weights of one sigmoid neuron is its exact error surface; descent on the same six samples
    starts at (-1, 1/2).
    """
    _, whole = neuron()
    model = MLP(1, [1], output="sigmoid")
    for p in model.parameters():
        p.data = 0.0
    samples = [((x,), (t,)) for x, t in zip(X, T, strict=True)]
    slice_ = plane(model, samples, loss="sse", first="w_o1,x1", second="b_o1", points=points, reach=reach)
    E, i, j = min((E, i, j) for i, row in enumerate(slice_.E) for j, E in enumerate(row))
    _, least = minimum()
    every = [number for x, t in samples for number in (*x, *t)]
    path = whole.path(START, [every], [0] * 60, 0.5)
    goal = next((k for k, w in enumerate(path) if whole.at(w, every)[0] <= 6 * E), None)
    counts = {name: len(MLP(nin, list(sizes)).parameters()) for name, nin, sizes in NETS}
    table = [(name, n, f"{levels}^{n}", _years(levels, n)) for name, n in counts.items()]
    sentence = (
        f"A grid of {points} x {points} = {points * points:,} points over two weights finds E = {6 * E:.6f} at ({slice_.a[j]:.2f}, {slice_.b[i]:.2f}), "
        f"where the minimum is {least:.6f}; descent is {f'below that after {goal}' if goal is not None else 'above that after 60'} steps. With {levels} levels a weight the nine weights of the "
        f"XOR net take {levels}^{counts['2-2-1 (XOR)']} evaluations, the iris net {levels}^{counts['4-8-3 (iris)']}: exponential in the number of weights."
    )

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
        surface(slice_, {"full batch": path}, ax=left)
        left.plot([slice_.a[j]], [slice_.b[i]], "X", color=COLOURS[5], markeredgecolor="black", markersize=9)
        left.set_title("the grid is the error surface; cross: its best point", fontsize=9)
        left.set_xlabel("weight w")
        left.set_ylabel("bias b")
        names, numbers = list(counts), list(counts.values())
        bars = right.barh(names, [n * math.log10(levels) for n in numbers], color=COLOURS[0])
        right.bar_label(bars, [f" $10^{{{n * math.log10(levels):.0f}}}$" for n in numbers])
        right.set_xscale("log")
        right.set_xlim(1, 40000)
        tidy(right, "evaluations of a grid, as a power of ten", "")

    title = "A grid over weights: exact for two, out of reach for nine"
    numbers = {"E": 6 * E, "least": least, "steps": goal, "counts": counts, "at": (slice_.a[j], slice_.b[i])}
    columns = ("net", "weights", "evaluations", "at 1e9 a second")
    return Result("grid_over_weights", title, columns, table, sentence, draw, numbers, (9.6, 4.2), ("S2-19", "SX-R3"))


def _years(levels: int, n: int) -> str:
    """The time for levels^n evaluations at 10^9 a second."""
    seconds = n * math.log10(levels) - 9
    years = seconds - math.log10(365.25 * 86400)
    return f"{10 ** (years % 1):.1f}e{years // 1:.0f} years" if years >= 1 else f"{10**seconds:.3g} s" if seconds < 5 else f"{10**years:.2g} years"
