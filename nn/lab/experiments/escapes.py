"""Local minima that stochastic descent may leave, or may not: a real one of a neuron, and a double well."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from engine import Value, classify, sigmoid
from nn.init import generator
from nn.lab.descent import Descent
from nn.lab.experiments.arguments import checked
from nn.lab.experiments.one_neuron import shuffled
from nn.lab.experiments.result import Result
from nn.lab.plots import COLOURS, logarithmic, tidy
from nn.losses import sse


SAMPLES = [[10.0, 0.1], *[[1.0, 0.9]] * 5]
SHOWN = 160  # steps of the double well's animation
BRACKETS = (-0.5, 0.0), (0.2, 0.5), (1.5, 3.0)  # where the slope of E changes its sign


def error(w: Any) -> Any:
    """E of one sigmoid neuron with one weight on a sample (10, 0.1) and five of (1, 0.9)."""
    first, five = sigmoid(10 * w) - 0.1, sigmoid(w) - 0.9
    return first * first + 5 * five * five


@checked()
def local_minimum(
    rates: Sequence[float] = (0.02, 0.05, 0.1, 0.3, 0.5), seeds: int = 100, epochs: int = 300
) -> Result:
    """A true local minimum (LEC-R3): who leaves it, by learning rate and by how samples are drawn; start -1/2.

    The batch cannot settle where eta E'' > 2. With eta = 0.3 it swings without a period between -0.40 and 0.12 and never
    leaves: where it stands after 300 steps hangs on the last bit of the arithmetic, and so do a few of 100 runs of SGD.
    """
    w, x, t = Value(-0.5, "w"), Value(1.0, "x"), Value(0.9, "t")
    one = Descent(sse([sigmoid(w * x)], [t]), [w], [x, t])
    scale = Value(1.0, "k")
    whole = Descent(scale * error(w), [w], [scale])
    points = [_root(whole, low, high) for low, high in BRACKETS]
    kinds = [classify(lambda v: error(v[0]), [p]) for p in points]
    barrier, adrift = points[1], dict[float, float]()
    rows: list[Any] = []
    for eta in rates:
        batch, nudged = (
            [w for (w,) in whole.path([start], [[1.0]], [0] * epochs, eta)] for start in (-0.5, -0.5 + 1e-12)
        )
        late = batch[-100:]
        adrift[eta] = abs(nudged[-1] - batch[-1])
        escaped = [0, 0]
        for seed in range(seeds):
            random = generator(seed)
            orders = shuffled(random, 6, epochs), _drawn(random, 6, 6 * epochs)
            for k, order in enumerate(orders):
                escaped[k] += one.run([-0.5], SAMPLES, order, eta)[0][0] > barrier
        rows.append((eta, batch[-1], f"{min(late):.3f} to {max(late):.3f}", *escaped))
    again = max(1, seeds // 2)
    stays = sum(one.run([points[2]], SAMPLES, shuffled(generator(s), 6, epochs), 0.1)[0][0] < barrier for s in range(again))
    differ = max(rows, key=lambda r: abs(r[4] - r[3]))
    escapes = any(r[3] or r[4] for r in rows)
    jumps = [f"{r[0]:g}" for r in rows if r[1] > barrier]
    wild = [f"{eta:g}" for eta, apart in adrift.items() if apart > 0.01]
    sentence = (
        f"At w = {points[0]:.6f} there is a {kinds[0].kind} with E = {kinds[0].value:.6f} (E'' = {kinds[0].eigenvalues[0]:.2f}), beyond a barrier at {barrier:.6f} one "
        f"with {kinds[2].value:.6f}. "
        + (f"SGD may escape: with eta = {differ[0]:g}, {differ[3]} of {seeds} runs do if the samples are "
           f"reshuffled, {differ[4]} if they are drawn with replacement. " if escapes else "SGD escapes in no run. ")
        + "The full batch jumps out " + (f"{'too, ' * escapes}with eta = {', '.join(jumps)}." if jumps else "with none of these rates.")
        + (f" With eta = {', '.join(wild)} it does not settle: from a start 1e-12 away it ends elsewhere." if wild else "")
        + f" From the deeper minimum SGD leaves in {stays} of {again} runs."
    )  # fmt: skip

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        grid = [-1 + k / 50 for k in range(200)]
        left.plot(grid, [whole.at([v], [1.0])[0] for v in grid], color="black", linewidth=2, label="E")
        left.plot(grid, [one.at([v], SAMPLES[0])[0] for v in grid], "--", color=COLOURS[1], label="E of (10, 0.1)")
        left.plot(grid, [5 * one.at([v], SAMPLES[1])[0] for v in grid], ":", color=COLOURS[0], label="E of the five (1, 0.9)")
        for mark, name, some in (("o", "minima", (0, 2)), ("^", "barrier", (1,))):
            left.plot([points[k] for k in some], [kinds[k].value for k in some], mark, color=COLOURS[2], label=name)
        tidy(left, "weight w", "error")
        left.legend(frameon=False)
        right.plot(rates, [100 * r[3] / seeds for r in rows], "o-", color=COLOURS[0], label="reshuffled each epoch")
        right.plot(rates, [100 * r[4] / seeds for r in rows], "s--", color=COLOURS[1], label="drawn with replacement")
        logarithmic(right, rates)
        tidy(right, "learning rate η", "runs that escape (%)")
        right.set_ylim(-5, 140)
        right.set_yticks(range(0, 101, 20))
        right.legend(frameon=False, loc="upper left")

    title = "SGD may leave a local minimum: it depends on the step and on the drawing"
    columns = ("eta", "batch ends at", f"its last {len(late)} steps", "reshuffled", "with replacement")
    numbers = {"points": points, "kinds": kinds, "rows": rows, "adrift": adrift, "stays": stays}
    return Result("local_minimum", title, columns, rows, sentence, draw, numbers, (9.6, 4.0), cites=("X7", "LEC-R3", "SX-R4"))


@checked(rates=2)
def double_well(
    rates: Sequence[float] = (0.01, 0.05, 0.1, 0.15), noises: Sequence[float] = (2.0, 1.5), seeds: int = 100, steps: int = 2000
) -> Result:
    """Two samples E = (w^2 - 1)^2 + 0.3 w +- c w, start 0.96: the batch stays, SGD may end in the deeper well (LEC-R3)."""
    w, c = Value(0.96, "w"), Value(0.0, "c")
    well = w * w - 1.0
    descent = Descent(well * well + 0.3 * w + c * w, [w], [c])
    rates = sorted(rates)
    rest = descent.run([0.96], [[0.0]], [0] * steps, rates[0])[0][0]
    top, deep = _root(descent, 0.0, 0.3, 0.0), _root(descent, -1.2, -0.9, 0.0)
    rows: list[Any] = []
    for eta in rates:
        ends = []
        for size in noises:
            signs = [_tossed(generator(seed), steps) for seed in range(seeds)]
            ends.append(sum(descent.run([0.96], [[size], [-size]], order, eta)[0][0] < top for order in signs))
        rows.append((eta, descent.run([0.96], [[0.0]], [0] * steps, eta)[0][0], *ends))
    sentence = (
        f"The full batch {'stays' if rest > top else 'ends'} at {rest:.5f} (E = {descent.at([rest], [0.0])[0]:.4f}) {'before' if rest > top else 'beyond'} a barrier at {top:.4f}. SGD ends in the "
        f"deeper well at {deep:.4f} in {', '.join(str(r[2]) for r in rows)} of {seeds} runs with eta = "
        f"{', '.join(f'{r:g}' for r in rates)}: "
        + ("it may, if the steps and the noise are large enough." if rows[0][2] < rows[-1][2]
           else "here larger steps do not help.")
    )

    grid = [-1.4 + k / 100 for k in range(281)]
    samples = [[noises[0]], [-noises[0]]]

    def curves(ax: Any) -> None:
        ax.plot(grid, [descent.at([v], [0.0])[0] for v in grid], color="black", linewidth=2, label="E")
        for k, sample in enumerate(samples):
            label = f"sample {k + 1}, c = {sample[0]:g}"
            ax.plot(grid, [descent.at([v], sample)[0] for v in grid], ["--", ":"][k], color=COLOURS[k], label=label)
        tidy(ax, "weight w", "error")
        ax.legend(frameon=False, loc="upper center")

    def over_time(ax: Any) -> None:
        ax.axhline(top, color="black", linewidth=0.8, linestyle="--")
        tidy(ax, "step", "weight w (dashed: the barrier)")
        ax.set_ylim(-1.5, 1.9)

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        curves(left)
        over_time(right)
        for k, (eta, step) in enumerate(((rates[0], "small steps"), (rates[-1], "large steps"))):
            walk = descent.path([0.96], samples, _tossed(generator(0), 400), eta)
            right.plot([v[0] for v in walk], color=COLOURS[k], linewidth=1, label=f"SGD, {step}, η = {eta:g}")
        right.legend(frameon=False, loc="upper right")

    def animate(figure: Any) -> Iterator[None]:
        """Both walks, on E and over time, from the same start with the same steps."""
        left, right = figure.subplots(1, 2)
        curves(left)
        over_time(right)
        right.set_xlim(0, SHOWN)
        walks = {
            "full batch": descent.path([0.96], [[0.0]], [0] * SHOWN, rates[-1]),
            f"SGD, η = {rates[-1]:g}": descent.path([0.96], samples, _tossed(generator(0), SHOWN), rates[-1]),
        }
        lines, balls = [], []
        for k, name in enumerate(walks):
            lines += right.plot([], [], color=COLOURS[2 + k], linewidth=2 - k, label=name)
            balls += left.plot([], [], "os"[k], color=COLOURS[2 + k], markersize=10 - k, markeredgecolor="white", zorder=3)
        right.legend(frameon=False, loc="upper right")
        for step in range(0, SHOWN + 1, 2):
            for line, ball, walk in zip(lines, balls, walks.values(), strict=True):
                line.set_data(range(step + 1), [w for (w,) in walk[: step + 1]])
                ball.set_data(walk[step], [descent.at(walk[step], [0.0])[0]])
            yield

    title = "Noise carries SGD over a barrier, if the steps are large"
    columns = ("eta", "batch ends at", *(f"SGD across, c = {c:g}" for c in noises))
    numbers = {"rest": rest, "top": top, "deep": deep, "rows": rows}
    return Result("double_well", title, columns, rows, sentence, draw, numbers, (9.6, 4.0), ("S0-8", "LEC-R3"), animate)


def _root(descent: Descent, low: float, high: float, row: float = 1.0) -> float:
    """Where the slope is 0 between `low` and `high`, by bisection to the last bit."""
    sign = descent.at([low], [row])[1][0] > 0
    for _ in range(200):
        middle = (low + high) / 2
        if (descent.at([middle], [row])[1][0] > 0) == sign:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _drawn(random: Random, n: int, steps: int) -> list[int]:
    return [random.randrange(n) for _ in range(steps)]


def _tossed(random: Random, steps: int) -> list[int]:
    """Sample 0 or 1 for every step, by the toss of a coin."""
    return [int(random.random() >= 0.5) for _ in range(steps)]
