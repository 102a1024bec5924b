"""Stochastic against full-batch descent on one sigmoid neuron: two weights, so the error surface is the real one."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import pairwise
from random import Random
from statistics import median
from typing import Any

from nn.init import generator
from nn.lab.descent import Descent, flat, of_model
from nn.lab.experiments.arguments import checked
from nn.lab.experiments.result import Result
from nn.lab.landscape import critical, descents, mean_error, plane
from nn.lab.plots import COLOURS, logarithmic, surface, tidy
from nn.modules import MLP


X, T = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0), (0.0, 0.0, 1.0, 0.0, 1.0, 1.0)
ROWS = flat(((x,), (t,)) for x, t in zip(X, T, strict=True))
START = [-1.0, 0.5]


def neuron() -> tuple[Descent, Descent]:
    """Descent on SSE of one sample, and on the sum over all six."""
    model = MLP(1, [1], output="sigmoid")
    return of_model(model, "sse"), of_model(model, "sse", len(ROWS))


@checked()
def single_gradients() -> Result:
    """The gradients of single samples and their sum, the true one (LEC-R1): some of them point uphill."""
    one, whole = neuron()
    every = [g for row in ROWS for g in row]
    E, full = whole.at(START, every)
    each = [one.at(START, row)[1] for row in ROWS]
    total = [math.fsum(column) for column in zip(*each, strict=True)]
    gap = max(abs(a - b) for a, b in zip(total, full, strict=True))
    cosines = [sum(map(float.__mul__, g, full)) / (math.hypot(*g) * math.hypot(*full)) for g in each]
    rises = [whole.at([w - 1e-3 * s for w, s in zip(START, g, strict=True)], every)[0] > E for g in each]
    uphill = [k for k, up in enumerate(rises, 1) if up]
    sentence = (
        f"The six gradients sum to the true one (off by {gap:.1g}), but a small step along that of "
        + (f"sample {' or '.join(map(str, uphill))} raises" if uphill else "no sample raises")
        + f" the error of all, which is {E:.6f} at the start: one sample's new weights may be worse for others."
    )

    def draw(figure: Any) -> None:
        ax = figure.add_subplot()
        ax.bar(range(1, 7), cosines, color=[COLOURS[c < 0] for c in cosines])
        ax.axhline(0, color="black", linewidth=0.8)
        tidy(ax, "sample", "cosine with the true gradient")

    rows = list(zip(range(1, 7), X, T, cosines, ["rises" if up else "falls" for up in rises], strict=True))
    numbers = {"E0": E, "gap": gap, "cosines": cosines, "uphill": uphill}
    title = "Single samples disagree with the true gradient; some point uphill"
    return Result("single_gradients", title, ("sample", "x", "t", "cosine", "E of all"), rows, sentence, draw, numbers, cites=("X4", "LEC-R1"))


@checked(rates=2)
def small_steps(rates: Sequence[float] = (0.4, 0.2, 0.1, 0.05, 0.025, 0.0125)) -> Result:
    """An epoch of single steps against one step on the sum (LEC-R1, S63-c): the difference is O(eta^2)."""
    one, whole = neuron()
    every, gaps = [number for row in ROWS for number in row], []
    rates = sorted(rates, reverse=True)
    for eta in rates:
        epoch, _ = one.run(START, ROWS, range(6), eta)
        batch, _ = whole.run(START, [every], [0], eta)
        gaps.append(math.dist(epoch, batch))
    seen(gaps, rates)
    ratios = [math.nan, *(a / b for a, b in pairwise(gaps))]
    quadratic = abs(math.log2(ratios[-1]) / math.log2(rates[-2] / rates[-1]) - 2) < 0.05
    sentence = (
        f"From eta = {rates[-2]:g} to {rates[-1]:g} the difference shrinks {ratios[-1]:.2f} times: it is "
        f"{'' if quadratic else 'not '}of the order of eta squared, "
        + ("so small steps do follow the average." if quadratic else "so these steps are not small enough yet.")
    )

    def draw(figure: Any) -> None:
        ax = figure.add_subplot()
        ax.loglog(rates, gaps, "o-", color=COLOURS[0], label="measured")
        ax.loglog(rates, [gaps[-1] * (r / rates[-1]) ** 2 for r in rates], "--", color=COLOURS[1], label="slope 2")
        logarithmic(ax, rates)
        tidy(ax, "learning rate η", "distance: epoch of SGD to batch step")
        ax.legend(frameon=False)

    rows = [(r, g, "" if math.isnan(q) else f"{q:.2f}") for r, g, q in zip(rates, gaps, ratios, strict=True)]
    title = "Half the step, a quarter of the difference: small steps average"
    numbers = {"gaps": gaps, "ratios": ratios[1:]}
    return Result("small_steps", title, ("eta", "distance", "ratio"), rows, sentence, draw, numbers, cites=("X4", "S0-4", "LEC-R1"))


def seen(gaps: Sequence[float], rates: Sequence[float]) -> None:
    """ValueError if a difference is lost in rounding: nothing can be said of its order then."""
    for gap, eta in zip(gaps, rates, strict=True):
        if gap == 0:
            raise ValueError(f"with eta = {eta:g} both ends are the same in floats: write larger rates")


def minimum() -> tuple[list[float], float]:
    """The weights at the minimum of the six samples, and the error there."""
    _, whole = neuron()
    every = [number for row in ROWS for number in row]
    weights, _ = whole.run(START, [every], [0] * 5000, 0.5)
    return weights, whole.at(weights, every)[0]


@checked()
def redundant_data(
    copies: Sequence[int] = (1, 10, 100), rates: Sequence[float] = (0.2, 0.5, 1.0), eta: float = 0.5, seeds: int = 41
) -> Result:
    """Sample gradients until E <= 1.05 E* (LEC-R2): every sample there many times, with `eta`; then once, with all `rates`.

    Of SGD the median over `seeds` orders; the full batch takes the mean over the copies, which is that over one.
    """
    one, whole = neuron()
    every = [number for row in ROWS for number in row]
    goal = 1.05 * minimum()[1]

    def first(path: list[list[float]], rate: float) -> int:
        found = next((k for k, w in enumerate(path) if whole.at(w, every)[0] <= goal), None)
        if found is None:
            raise ValueError(f"with eta = {rate:g} E is not within 5 % of its minimum after {len(path) - 1} steps: write another rate")
        return found

    def batch(rate: float) -> int:
        return first(whole.path(START, [every], [0] * 200, rate), rate)

    def stochastic(n: int, rate: float) -> int:
        found = []
        for seed in range(seeds):
            order = shuffled(generator(seed), 6 * n, -(-300 // (6 * n)))
            found.append(first(one.path(START, ROWS, [k % 6 for k in order[:300]], rate), rate))
        return int(median(found))

    rows = [(n, eta, batch(eta) * 6 * n, stochastic(n, eta)) for n in sorted(copies)]
    once = [(1, rate, batch(rate) * 6, stochastic(1, rate)) for rate in dict.fromkeys((eta, *rates))]
    alone, last = once[0 if rows[0][0] > 1 else 1 :], rows[-1]
    least = min(r[3] / r[2] for r in once)
    sentence = (
        f"With every sample {last[0]} times SGD is {'faster' if last[3] < last[2] else 'not faster'}: {last[3]} sample gradients instead of "
        f"{last[2]:,}. With every sample once it needs "
        + ", ".join(f"{r[3]} instead of {r[2]} (eta = {r[1]:g})" for r in sorted(once, key=lambda r: r[1]))
        + (": hardly fewer. What it saves is repetition." if least > 0.75 else ": fewer too.")
    )

    def draw(figure: Any) -> None:
        ax = figure.add_subplot()
        ax.loglog(sorted(copies), [r[2] for r in rows], "o-", color=COLOURS[0], label="full batch")
        ax.loglog(sorted(copies), [r[3] for r in rows], "s-", color=COLOURS[1], label="SGD, median")
        logarithmic(ax, copies)
        tidy(ax, f"copies of every sample (η = {eta:g})", "sample gradients until E ≤ 1.05 E*")
        ax.legend(frameon=False)

    title = "SGD is faster where the data repeat themselves"
    columns = ("copies", "eta", "full batch", "SGD")
    numbers = {"rows": rows, "alone": alone, "goal": goal}
    return Result("redundant_data", title, columns, rows + alone, sentence, draw, numbers, cites=("X4", "S0-7", "LEC-R2"))


@checked()
def two_walks(eta: float = 0.5, large: float = 3.0, epochs: int = 40, seed: int = 0) -> Result:
    """SGD and the full batch from one start, on the real surface of two weights (LEC-R1): both reach the same basin.

    The counter-case is a `large` rate: the noise of single samples then keeps SGD far above the minimum.
    """
    if large <= eta:
        raise ValueError(f"large is {large:g}; write a rate above eta, {eta:g}")
    model = MLP(1, [1], output="sigmoid")
    for p, number in zip(model.parameters(), START, strict=True):
        p.data = number
    samples = [((x,), (t,)) for x, t in zip(X, T, strict=True)]
    E, (best, least) = mean_error(model, samples, "sse"), minimum()
    found = {rate: descents(model, samples, loss="sse", lr=rate, epochs=epochs, seed=seed) for rate in (eta, large)}
    rows: list[Any] = []
    for rate, paths in found.items():
        for name, path in paths.items():
            ends = [6 * E(w) - least for w in path[-len(path) // 4 :]]
            length = sum(math.dist(p, q) for p, q in pairwise(path))
            rows.append((name, rate, len(path) - 1, length, sum(ends) / len(ends)))
    kind = critical(_at(model, best), samples, loss="sse")
    sgd, batch, wild, jumping = rows
    sentence = (
        f"With eta = {eta:g} SGD walks {sgd[3]:.1f} and the full batch {batch[3]:.1f} {'to' if batch[4] < 0.05 * least else 'towards'} the {kind.kind} at ({best[0]:.4f}, {best[1]:.4f}); "
        f"at the end SGD hovers {sgd[4]:.2g} above it, the full batch {batch[4]:.2g}. With eta = {large:g} it is {wild[4]:.2g} and "
        f"{jumping[4]:.2g}: "
        + ("single samples keep SGD above the minimum, and the higher the larger its steps." if wild[4] > sgd[4] > batch[4]
           else "here larger steps do not keep SGD higher up.")
    )  # fmt: skip

    def draw(figure: Any) -> None:
        slice_ = plane(_at(model, [0.5, 0.0]), samples, loss="sse", first="w_o1,x1", second="b_o1", points=61, reach=2.5)
        moved = replace(slice_, a=[0.5 + a for a in slice_.a], centre=[0.0, 0.0])
        for ax, (rate, paths) in zip(figure.subplots(1, 2), found.items(), strict=True):
            surface(moved, paths, ax=ax)
            ax.plot(*best, "*", color="white", markeredgecolor="black", markersize=11)
            ax.set_title(f"η = {rate:g} (star: the minimum, dots: the ends)", fontsize=9)
            ax.set_xlabel("weight w")
            ax.set_ylabel("bias b")

    title = "One surface, two walks: SGD zigzags where the full batch glides"
    columns = ("walk", "eta", "updates", "length", "mean E - E* at the end")
    numbers = {"rows": rows, "kind": kind}
    return Result("two_walks", title, columns, rows, sentence, draw, numbers, (9.6, 4.2), ("X4", "LEC-R1", "LEC-R2"))


def _at(model: MLP, weights: Sequence[float]) -> MLP:
    """A copy of the model at these weights."""
    moved = deepcopy(model)
    for p, number in zip(moved.parameters(), weights, strict=True):
        p.data = number
    return moved


@checked(rates=2, steps=6)
def smaller_steps(rates: Sequence[float] = (1.0, 0.5, 0.25, 0.125, 0.0625), steps: int = 60_000, seed: int = 0) -> Result:
    """How far above the minimum SGD on samples drawn at random hovers when it starts there (LEC-R2): in proportion to eta."""
    one, whole = neuron()
    every = [number for row in ROWS for number in row]
    best, least = minimum()
    random, rows = generator(seed), []
    for eta in rates:
        path = one.path(best, ROWS, [random.randrange(6) for _ in range(steps)], eta)[::6]
        excess = sum(whole.at(w, every)[0] - least for w in path) / len(path)
        rows.append((eta, excess, excess / eta))
    shares = [r[2] for r in rows]
    even = max(shares) < 1.25 * min(shares)
    sentence = (
        f"SGD that starts at the minimum does not stay there: it hovers {rows[0][1]:.4f} above it with eta = {rates[0]:g}, "
        f"{rows[-1][1]:.4f} with {rates[-1]:g}; the height is {'' if even else 'not '}in proportion to eta."
    )

    def draw(figure: Any) -> None:
        ax = figure.add_subplot()
        ax.loglog(rates, [r[1] for r in rows], "o-", color=COLOURS[0], label="measured")
        ax.loglog(rates, [shares[-1] * r for r in rates], "--", color=COLOURS[1], label="slope 1")
        logarithmic(ax, rates)
        tidy(ax, "learning rate η", "mean excess E − E*")
        ax.legend(frameon=False)

    title = "Smaller steps end closer to the minimum"
    numbers = {"shares": shares, "minimum": best, "least": least, "excess": [r[1] for r in rows]}
    return Result("smaller_steps", title, ("eta", "mean excess", "excess/eta"), rows, sentence, draw, numbers, cites=("X4", "S0-7", "LEC-R2"))


def shuffled(random: Random, n: int, epochs: int) -> array[int]:
    """Row numbers for `epochs` epochs, each in an order of its own: those that `fit` takes."""
    found = array("q")
    for _ in range(epochs):
        order = list(range(n))
        random.shuffle(order)
        found.extend(order)
    return found
