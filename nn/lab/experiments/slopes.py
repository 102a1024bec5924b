"""Slopes that vanish: saturated units, deep chains, and the loss that gives the slope back."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from engine import Value, gradient, sigmoid
from nn.init import Initialiser
from nn.lab.descent import Descent
from nn.lab.experiments.arguments import checked
from nn.lab.experiments.result import Result
from nn.lab.plots import COLOURS, tidy
from nn.losses import loss_function, sse
from nn.modules import MLP


@checked()
def saturation(points: Sequence[float] = (0.0, 2.0, 4.0, 6.0, 10.0, 37.0, -37.0)) -> Result:
    """The slope of the sigmoid far from 0 (LEC-9), as s(z) s(-z) and as the a (1 - a) that floats cannot hold."""
    exact = [_sigmoid_slope(z) for z in points]
    naive = [_naive_slope(z) for z in points]
    low, high = 30.0, 40.0
    while high - low > 1e-9:  # a (1 - a) is 0 from `high` on
        middle = (low + high) / 2
        low, high = (low, middle) if _naive_slope(middle) == 0 else (middle, high)
    lost = [z for z, e, n in zip(points, exact, naive, strict=True) if n == 0 != e]
    sentence = (
        f"The slope falls from {_sigmoid_slope(0.0):.4g} at 0 to {_sigmoid_slope(10.0):.4g} at z = 10. Written a (1 - a), it is "
        f"exactly 0 from z = {high:.2f} on, though the true slope there is {_sigmoid_slope(high):.2g}; "
        + (f"of the points above it loses z = {', '.join(f'{z:g}' for z in lost)}." if lost else "of the points above it loses none.")
    )

    def draw(figure: Any) -> None:
        ax = figure.add_subplot()
        z = [k / 5 for k in range(-225, 226)]
        ax.plot(z, [_sigmoid_slope(v) for v in z], color=COLOURS[0], label="σ(z) σ(−z), the engine's")
        ax.plot(z, [_naive_slope(v) or math.nan for v in z], "--", color=COLOURS[1], label="a (1 − a) in floats")
        ax.axvline(high, color=COLOURS[1], linewidth=1, linestyle=":", label=f"a (1 − a) is 0 from z = {high:.2f} on")
        ax.set_ylim(1e-20, 50)
        ax.set_yscale("log")
        tidy(ax, "net input z", "slope dσ/dz")
        ax.legend(frameon=False, loc="upper left", fontsize=9)

    rows = list(zip(points, exact, naive, strict=True))
    numbers = {"slopes": exact, "naive": naive, "zero_from": high}
    title = "A saturated sigmoid has almost no slope, and a (1 − a) even loses that"
    return Result("saturation", title, ("z", "s(z) s(-z)", "a (1 - a)"), rows, sentence, draw, numbers, cites=("X1", "LEC-7", "LEC-9"))


def _sigmoid_slope(at: float) -> float:
    z = Value(at)
    return gradient(sigmoid(z), [z])[0].data


def _naive_slope(at: float) -> float:
    a = sigmoid(Value(at)).data
    return a * (1 - a)


SHARES = (2, 4, 8, 16)  # depths of the chains whose first slope is compared with the last


@checked(depths=2)
def vanishing_gradient(
    depths: Sequence[int] = (1, 2, 3, 5, 8, 10), seeds: int = 20, init: Callable[[int], Initialiser] | None = None
) -> Result:
    """How the first layer's slope shrinks with depth (LEC-10), and how tanh and skip connections keep it.

    Chains of one unit per layer with x = 1, t = 1; the first slope over the last in chains of x = 1/2; then 6 hidden
    layers of 4 units and a sigmoid output, Glorot weights, x = (0.5, -0.3), t = 1: the median over `seeds` of the mean
    |dE/dw| in a layer. How large those ratios are depends on the draws, which `init` makes from a seed: by default
    NumPy's generator does, which gives 36,068 times for sigmoids; the one of nn.init gives 15,181.
    """
    chains = [(d, *_chain(d, "sigmoid", 1.0), _chain(d, "sigmoid", 4.0)[0], _chain(d, "tanh", 1.0)[0]) for d in sorted(depths)]
    nets = {
        f"{f}{' + skip' * skip}": _layers(f, skip, seeds, init or _drawn_by_numpy) for f in ("sigmoid", "tanh") for skip in (False, True)
    }
    shares = dict(zip(SHARES, chain_ratios(SHARES), strict=True))
    ratios = {name: sizes[-1] / sizes[0] for name, sizes in nets.items()}
    deep, (_, first, last, four, tanh) = chains[-1][0], chains[-1]
    verb = "falls" if first < chains[0][1] else "does not fall"
    sentence = (
        f"The first slope of a sigmoid chain {verb}: {chains[0][1]:.3g} at depth {chains[0][0]}, {first:.3g} at depth {deep}, "
        f"while the last layer keeps {last:.2g}. Weights of 4 make it {'worse' if four < first else 'better'} ({four:.2g}); "
        f"tanh gives {tanh:.2g}. First over last in chains of {', '.join(map(str, shares))}: {', '.join(f'{r:.2g}' for r in shares.values())}. In nets of 6 hidden layers the last layer's slope is "
        + ", ".join(f"{r:{',.0f' if r >= 1000 else '.3g'}} times ({name})" for name, r in ratios.items())
        + " the first one's."
    )

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        for k, look, colour, name in ((1, "o-", 0, "σ, w = 1"), (3, "s--", 4, "σ, w = 4"), (4, "^-", 2, "tanh, w = 1")):  # as on the right
            left.plot([c[0] for c in chains], [c[k] for c in chains], look, color=COLOURS[colour], label=name)
        left.set_yscale("log")
        tidy(left, "depth of the chain (layers)", "|dE/dw| of the first layer")
        left.legend(frameon=False)
        for k, (name, sizes) in enumerate(nets.items()):
            right.plot(range(1, len(sizes) + 1), sizes, "os^D"[k] + "-", color=COLOURS[k], label=name)
        right.set_yscale("log")
        tidy(right, "layer, from the inputs", "mean |dE/dw|, median over seeds")
        right.legend(frameon=False)

    columns = ("depth", "first, w = 1", "last, w = 1", "first, w = 4", "first, tanh")
    title = "Early layers get the smaller slope: sigmoids shrink it layer by layer"
    return Result("vanishing_gradient", title, columns, chains, sentence, draw, {"ratios": ratios, "nets": nets, "shares": shares}, (9.6, 4.0), cites=("X2", "S0-25", "LEC-10"))


def chain_ratios(depths: Sequence[int] = SHARES, x: float = 0.5) -> list[float]:
    """First slope over last slope of a sigmoid chain with w = 1 (LEC-10).

    >>> [float(f"{r:.1e}") for r in chain_ratios((2, 4))]
    [0.19, 0.0092]
    """
    pairs = [_chain(d, "sigmoid", 1.0, x) for d in depths]
    return [first / last for first, last in pairs]


def _chain(depth: int, activation: str, w: float, x: float = 1.0) -> tuple[float, float]:
    """|dE/dw| of the first and the last layer of a chain of single units with t = 1."""
    model = MLP(1, [1] * depth, activation=activation, output=activation, init=w, bias=False)
    slopes = gradient(sse(model([x]), [1.0]), model.parameters())
    return abs(slopes[0].data), abs(slopes[-1].data)


def _drawn_by_numpy(seed: int) -> Initialiser:
    try:
        import numpy
    except ImportError:
        raise ImportError('these draws need numpy: pip install "nodegrad[plots]"; or give init=, as in init=lambda seed: xavier') from None
    draws = numpy.random.default_rng(seed)
    return lambda _, nin, nout: float(draws.uniform(-1.0, 1.0)) * math.sqrt(6.0 / (nin + nout))


def _layers(activation: str, skip: bool, seeds: int, init: Callable[[int], Initialiser]) -> list[float]:
    """The mean |dE/dw| of each layer, as the median over seeds; one sample, x = (0.5, -0.3), t = 1."""
    found = []
    for seed in range(seeds):
        model = MLP(2, [4] * 6 + [1], activation=activation, output="sigmoid", skip=skip, init=init(seed), seed=seed)
        E = sse(model([0.5, -0.3]), [1.0])
        weights = [[w for unit in layer.weight for w in unit] for layer in model.layers]
        found.append([sum(abs(g.data) for g in gradient(E, ws)) / len(ws) for ws in weights])
    return [median(column) for column in zip(*found, strict=True)]


@checked()
def sse_or_bce(nets: Sequence[float] = (-10.0, -5.0, -2.0, 0.0), starts: Sequence[float] = (-2.0, -5.0, -8.0)) -> Result:
    """A sigmoid unit that is wrong and sure of it: dE/dnet under SSE and BCE, t = 1 (LEC-13 to LEC-16).

    Then the steps with eta = 1, on net itself, until o >= 0.9.
    """
    down = {"sse": _on_net("sse"), "bce": _on_net("bce")}
    slopes = {name: [d.at([z], [1.0])[1][0] for z in nets] for name, d in down.items()}
    grid = [k / 1000 for k in range(-4000, 4001)]
    peak = max(grid, key=lambda z: abs(down["sse"].at([z], [1.0])[1][0]))
    steps = {name: [_until(d, z) for z in starts] for name, d in down.items()}
    rows: list[Any] = [("dE/dnet at", z, a, b) for z, a, b in zip(nets, slopes["sse"], slopes["bce"], strict=True)]
    rows += [("steps from", z, *(n if n <= MOST else _told(n) for n in (a, b))) for z, a, b in zip(starts, steps["sse"], steps["bce"], strict=True)]
    faster = all(b < a for a, b in zip(steps["sse"], steps["bce"], strict=True))
    sentence = (
        f"BCE {'needs fewer steps from every start' if faster else 'does not always need fewer steps'}: "
        + ", ".join(f"{_told(b)} instead of {_told(a)} from {z:g}" for z, a, b in zip(starts, *steps.values(), strict=True))
        + f". The slope of SSE is largest at net = {peak:.3f}, and dies out on both sides of it; that of BCE is o - t."
    )

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        z = [k / 20 for k in range(-200, 101)]
        for k, name in enumerate(down):
            left.plot(z, [abs(down[name].at([v], [1.0])[1][0]) for v in z], "-" * (k + 1), color=COLOURS[k], label=name.upper())
            heights = [position + 0.4 * k - 0.2 for position in range(len(starts))]
            bars = right.barh(heights, steps[name], 0.38, color=COLOURS[k], label=name.upper())
            right.bar_label(bars, [f" {_told(n)}" for n in steps[name]])
        tidy(left, "net", "|dE/dnet|, target 1")
        left.legend(frameon=False)
        right.set_xscale("log")
        right.set_xlim(1, 6000)
        right.set_yticks(range(len(starts)), [f"{s:g}" for s in starts])
        tidy(right, "steps until o ≥ 0.9 (η = 1)", "net at the start")

    title = "Where a sigmoid is surely wrong, SSE gives it hardly any slope"
    numbers = {"slopes": slopes, "steps": steps, "peak": peak}
    return Result("sse_or_bce", title, ("", "net", "SSE", "BCE"), rows, sentence, draw, numbers, (9.6, 4.0), cites=("X3", "LEC-13", "LEC-15", "LEC-16"))


def _on_net(loss: str) -> Descent:
    net, t = Value(0.3, "net"), Value(0.4, "t")
    return Descent(loss_function(loss)([sigmoid(net)], [t]), [net], [t])


MOST = 5000  # steps


def _until(descent: Descent, start: float, reached: float = 0.9) -> int:
    """The steps until o is `reached`; one more than MOST if it is not."""
    goal = math.log(reached / (1 - reached))
    path = descent.path([start], [[1.0]], [0] * MOST, lr=1.0)
    return next((k for k, (z,) in enumerate(path) if z >= goal), MOST + 1)


def _told(steps: int) -> str:
    return f"{steps:,}" if steps <= MOST else f"more than {MOST:,}"
