"""What a step on one pattern does to the others, and how small steps average it out: XOR, 2-2-1, sigmoid (LEC-R1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from nn import data
from nn.init import generator
from nn.lab.descent import flat, of_model
from nn.lab.experiments.arguments import checked
from nn.lab.experiments.one_neuron import seen
from nn.lab.experiments.result import Result
from nn.lab.plots import COLOURS, logarithmic, tidy
from nn.modules import MLP


@checked(rates=2)
def other_patterns(rates: Sequence[float] = (0.4, 0.2, 0.1, 0.05, 0.025), seed: int = 4) -> Result:
    """A step on one of the four patterns: whose error rises (S0-4); an epoch of such steps against one step on the sum.

    Weights are normal. The distance between the two new weight vectors is O(eta^2): its ratios tend to 4 when eta is
    halved. How large it is depends on the start, the ratios do not.
    """
    model, rows = MLP(2, [2, 1], activation="sigmoid", output="sigmoid"), flat(data.XOR())
    one, whole = of_model(model, "sse"), of_model(model, "sse", 4)
    random = generator(seed)
    start, every = [random.gauss(0.0, 1.0) for _ in range(9)], [number for row in rows for number in row]
    before = [one.at(start, row)[0] for row in rows]

    def changes(eta: float) -> list[list[float]]:
        ends = [one.run(start, [row], [0], eta)[0] for row in rows]
        return [[one.at(w, row)[0] - E for row, E in zip(rows, before, strict=True)] for w in ends]

    table, gaps, rates = [], [], sorted(rates, reverse=True)
    for eta in rates:
        epoch, _ = one.run(start, rows, range(4), eta)
        batch, _ = whole.run(start, [every], [0], eta)
        gaps.append(math.dist(epoch, batch))
        table.append(sum(change > 0 for i, line in enumerate(changes(eta)) for j, change in enumerate(line) if i != j))
    seen(gaps, rates)
    ratios = [a / b for a, b in pairwise(gaps)]
    harm = changes(rates[0])
    helped = all(harm[k][k] < 0 for k in range(4))
    harmed = sum(change > 0 for line in harm for change in line)
    sentence = (
        f"A step with eta = {rates[0]:g} {'lowers' if helped else 'does not always lower'} the error of its own pattern, but raises that of "
        f"another in {table[0]} of 12 cases. With eta = {rates[-1]:g} an epoch of such steps ends {gaps[-1]:.1e} from one step on "
        f"the sum, {ratios[-1]:.2f} times nearer than with {rates[-2]:g}: "
        + ("it differs by the square of eta, so small steps average to the true gradient." if abs(ratios[-1] - 4) < 0.2
           else "these steps are not small enough to average to the true gradient.")
    )  # fmt: skip

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        names = [f"({x[0]:.0f}, {x[1]:.0f})" for x, _ in data.XOR()]
        most = max(abs(change) for line in harm for change in line)
        left.imshow(harm, cmap="PuOr_r", vmin=-1.6 * most, vmax=1.6 * most)
        for i, line in enumerate(harm):
            for j, change in enumerate(line):
                left.text(j, i, f"{change:+.3f}".replace("-", "−"), ha="center", va="center", fontsize=9)
        left.set_xticks(range(4), names)
        left.set_yticks(range(4), names)
        tidy(left, f"change of this pattern's error (η = {rates[0]:g})", "after a step on this pattern")
        left.grid(visible=False)
        right.loglog(rates, gaps, "o-", color=COLOURS[0], label="measured")
        right.loglog(rates, [gaps[-1] * (r / rates[-1]) ** 2 for r in rates], "--", color=COLOURS[1], label="slope 2")
        logarithmic(right, rates)
        tidy(right, "learning rate η", "distance: epoch of SGD to batch step")
        right.legend(frameon=False)

    rows_ = list(zip(rates, gaps, ("", *(f"{q:.2f}" for q in ratios)), (f"{n} of 12" for n in table), strict=True))
    title = "A step for one pattern may harm another; small steps average"
    columns = ("eta", "distance", "ratio", "others made worse")
    numbers = {"gaps": gaps, "ratios": ratios, "harm": harm, "harmed": harmed}
    return Result("other_patterns", title, columns, rows_, sentence, draw, numbers, (9.6, 4.2), ("S0-4", "LEC-R1"))
