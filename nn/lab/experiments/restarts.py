"""XOR from many starts: how often training succeeds, and what it costs to try again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

from nn import data
from nn.init import generator, normal, uniform
from nn.lab.descent import flat, of_model
from nn.lab.experiments.arguments import checked
from nn.lab.experiments.result import Result
from nn.lab.plots import COLOURS, tidy
from nn.modules import MLP


@checked()
def restarts(hidden: Sequence[int] = (2, 3, 4), seeds: int = 200, epochs: int = 2000, lr: float = 0.5) -> Result:
    """XOR with H sigmoid units and weights from (-1, 1), once per seed: the share that ends with SSE < 0.1."""
    hidden = sorted(hidden)
    ends = {H: final_errors(H, seeds, epochs, lr, uniform) for H in hidden}
    shares = {H: sum(E < 0.1 for E in found) / seeds for H, found in ends.items()}
    rows: list[Any] = []
    for H, found in ends.items():
        failed = Counter(f"{E:.2f}" for E in found if E >= 0.1).most_common(1)
        s = sorted(found)
        row = (H, f"{100 * shares[H]:.1f} %", s[0], s[seeds // 2], s[-1], failed[0][0] if failed else "-")
        rows.append((*row, f"{100 * (1 - (1 - shares[H]) ** 5):.2f} %"))
    few, many = hidden[0], hidden[-1]
    sentence = (
        f"{100 * shares[few]:.0f} % of {seeds} starts learn XOR with {few} hidden units, {100 * shares[many]:.0f} % with {many}; "
        f"the best of 5 starts with {few} would succeed in {rows[0][-1]} of cases. "
        + (f"None learns it by epoch {epochs:,}." if not any(shares.values())
           else "What the failures are, local minima or flat places, their number does not say; saddle_points looks at one." if min(shares.values()) < 1 else "There were no failures.")
    )

    def draw(figure: Any) -> None:
        for ax, H in zip(figure.subplots(1, len(hidden), sharey=True, squeeze=False)[0], hidden, strict=True):
            ax.hist(ends[H], bins=[k / 20 for k in range(21)], color=COLOURS[0])
            ax.set_title(f"{H} hidden units: {100 * shares[H]:.1f} %", fontsize=9)
            tidy(ax, "final SSE", "starts" if ax.get_subplotspec().is_first_col() else "")

    title = "More hidden units or more starts: both make success likelier"
    columns = ("hidden", "success", "best", "median", "worst", "most failures at", "best of 5")
    return Result("restarts", title, columns, rows, sentence, draw, {"shares": shares, "ends": ends}, (9.6, 3.4), cites=("X6", "S2-17", "SX-R3"))


@checked()
def many_starts(seeds: int = 40, epochs: int = 4000, lr: float = 1.0) -> Result:
    """XOR with 2 sigmoid units and normal weights, biases 0 at the start: where each start ends.

    How many of 40 learn it is a matter of the draw: 28 to 36 over generators and orders of drawing that were tried.
    """
    ends = sorted(final_errors(2, seeds, epochs, lr, normal, bias=False))
    good = [E for E in ends if E < 0.1]
    bad = [E for E in ends if E >= 0.1]
    stuck = f"between {bad[0]:.3f} and {bad[-1]:.3f}" if bad else ""
    if good:
        sentence = f"{len(good)} of {seeds} starts end below {max(good):.4f}" + (
            f", {len(bad)} are stuck {stuck}: solutions do vary wildly with the start." if bad else ": here the start does not matter."
        )
    else:
        sentence = f"None of {seeds} starts learns XOR by epoch {epochs:,}; they end {stuck}."

    def draw(figure: Any) -> None:
        ax = figure.add_subplot()
        ax.semilogy(range(1, seeds + 1), ends, "o", color=COLOURS[0], markersize=4)
        tidy(ax, "start, from best to worst", "final SSE")

    rows = [(name, len(of), *((of[0], of[-1]) if of else ("-", "-"))) for name, of in (("learned", good), ("stuck", bad))]
    title = "The same net, the same data: only the start differs"
    return Result("many_starts", title, ("", "starts", "from", "to"), rows, sentence, draw, {"ends": ends}, cites=("S2-14", "SX-R2"))


@checked(hidden=2, seeds=2)
def wider_nets(hidden: Sequence[int] = (2, 3, 4, 8, 16), seeds: int = 60, epochs: int = 2000, lr: float = 0.5) -> Result:
    """XOR from many starts by the number of hidden units: whether wider nets end more alike."""
    hidden = sorted(hidden)
    ends = {H: sorted(final_errors(H, seeds, epochs, lr, uniform)) for H in hidden}
    rows = [(H, E[0], E[seeds // 2], E[-1], E[-1] - E[0]) for H, E in ends.items()]
    spreads = [r[-1] for r in rows]
    sentence = (
        f"From {seeds} starts the final errors of {hidden[0]} hidden units lie {spreads[0]:.3g} apart, those of {hidden[-1]} "
        f"{spreads[-1]:.3g}: here wider nets end {'more' if spreads[-1] < spreads[0] else 'no more'} alike."
    )

    def draw(figure: Any) -> None:
        ax = figure.add_subplot()
        for k, H in enumerate(hidden):
            ax.semilogy([k + 0.6 * (i / seeds - 0.5) for i in range(seeds)], ends[H], "o", color=COLOURS[k % 6], markersize=3)
        ax.set_xticks(range(len(hidden)), [str(H) for H in hidden])
        tidy(ax, "hidden units (starts from best to worst)", "final SSE")

    title = "Small nets depend on their start, wider ones hardly"
    columns = ("hidden", "best", "median", "worst", "spread")
    return Result("wider_nets", title, columns, rows, sentence, draw, {"spreads": spreads, "ends": ends}, cites=("S2-20", "SX-R5"))


def final_errors(hidden: int, seeds: int, epochs: int, lr: float, draw: Any, bias: bool = True) -> list[float]:
    """SSE over XOR after training from each of `seeds` starts, weights drawn, and biases or 0; rows in given order."""
    model = MLP(2, [hidden, 1], activation="sigmoid", output="sigmoid")
    descent, rows, found = of_model(model, "sse"), flat(data.XOR()), []
    order = [0, 1, 2, 3] * epochs
    for seed in range(seeds):
        random: Random = generator(seed)
        start = [draw(random, 2, hidden) if bias or not name.startswith("b_") else 0.0 for name, _ in model.named_parameters()]
        end, _ = descent.run(start, rows, order, lr)
        found.append(sum(descent.at(end, row)[0] for row in rows))
    return found
