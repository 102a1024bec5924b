"""Figures of training: `ax=None` in, the Axes out; needs the extra `plots`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from numbers import Real
from reprlib import repr as short
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from engine import no_grad
from nn.given import network, rows_for
from nn.history import Epoch, History
from nn.lab.boundary import decision_boundary, response
from nn.lab.canvas import BLUE, COLOURS, GREY, ORANGE, axes, figure, logarithmic, tidy
from nn.numbers import number, plain, whole


if TYPE_CHECKING:
    from nn.lab.landscape import Surface

__all__ = ["BLUE", "COLOURS", "GREY", "ORANGE", "Live", "axes", "decision_boundary", "figure", "gradient_sizes", "live", "logarithmic",
           "loss_curves", "response", "saturation", "spread", "surface", "tidy", "trajectories"]  # fmt: skip


def loss_curves(history: History, ax: Any = None, *, held_out: bool = True) -> Any:
    """The loss of every epoch, training and held-out, and the held-out accuracy on a second axis.

    With `held_out=False` the rows of the second loss are those of the training, taken after each epoch.

    >>> from nn import MLP, data, fit
    >>> history = fit(MLP(2, [3, 1]), data.XOR(), loss="sse", lr=0.1, epochs=3)
    >>> loss_curves(history).get_xlabel()
    'epoch'
    """
    if not isinstance(history, History):
        raise TypeError(f"the loss curves are those of a history, as fit returns it, not of {history!r}")
    if not history.epochs:
        raise ValueError("the history has no epochs, so there is no curve to draw; train first")
    ax = axes(ax)
    number = [e.epoch for e in history.epochs]  # as the history counts them, from 0
    ax.plot(number, history.loss, color=BLUE, linewidth=2, label="training loss", marker="o" * (len(number) == 1))
    second, measured = ("held-out loss", "held-out accuracy") if held_out else ("loss after the epoch", "training accuracy")
    losses = [e.validation_loss for e in history.epochs]
    if None not in losses:
        ax.plot(number, losses, color=ORANGE, linewidth=2, linestyle="--", label=second)
    ax.set_xlabel("epoch")
    ax.set_ylabel("mean loss per sample")
    ax.set_ylim(bottom=0)
    ax.margins(x=0.02)
    ax.spines[["top", "right"]].set_visible(False)
    lines = ax.get_lines()
    if None not in history.accuracy and history.accuracy:
        right = ax.twinx()
        right.plot(number, history.accuracy, color=GREY, linewidth=1.5, linestyle=":", label=measured)
        right.set_ylim(0, 1.02)
        right.set_ylabel(measured)
        right.spines[["top", "left"]].set_visible(False)
        lines = [*lines, *right.get_lines()]
    ax.legend(lines, [line.get_label() for line in lines], frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    ax.xaxis.get_major_locator().set_params(integer=True)
    return ax


def gradient_sizes(sizes: Sequence[Sequence[float]], ax: Any = None, stride: int = 1, limits: tuple[float, float] | None = None) -> Any:
    """A heat map of log10 of |dE/dw| by step and layer: one row of `sizes` every `stride` steps; 0 and what is not finite stay white.

    `limits` are the lowest and the highest logarithm of the colours: give several maps the same to compare them.
    """
    sizes = plain(sizes)
    if not isinstance(sizes, Sequence) or not all(map(_numbers, sizes)) or len({len(row) for row in sizes}) != 1:
        raise ValueError("gradient sizes are one row for each step, with one number for each layer; give at least one")
    ax, stride = axes(ax), whole("stride", stride)
    logs = [[math.log10(row[k]) if 0 < row[k] < math.inf else math.nan for row in sizes] for k in range(len(sizes[0]))]
    low, high = _ends(limits)
    extent = (0, stride * len(sizes), 0.5, len(logs) + 0.5)
    shown = ax.imshow(logs, aspect="auto", interpolation="nearest", cmap="cividis", origin="lower", extent=extent, vmin=low, vmax=high)
    ax.set_yticks(range(1, len(logs) + 1))
    white = "" if all(0 < v < math.inf for row in sizes for v in row) else " (white: 0 or not finite)"
    ax.get_figure().colorbar(shown, ax=ax, label=f"log10 of mean |dE/dw|{white}")
    tidy(ax, "step", "layer, from the inputs")
    ax.grid(visible=False)
    return ax


def _lines(paths: Any) -> dict[str, Sequence[float]]:
    """Names and the numbers of each, one at least; TypeError or ValueError for anything else."""
    if not isinstance(paths, Mapping):
        raise TypeError(f'lines are a dict of names and numbers, as {{"W11": [0.5, 0.4]}}, not {short(paths)}')
    found = {name: plain(numbers) for name, numbers in paths.items()}
    for name, numbers in found.items() or [("the dict", paths)]:
        if not _numbers(numbers):
            raise ValueError(f"there is no line to draw: {name} is {short(numbers)}; give one number or more")
    return found


def _ends(limits: Any) -> tuple[Any, Any]:
    """The lowest and the highest number, both None where they are not given."""
    found = (None, None) if limits is None else plain(limits)
    if not isinstance(found, Sequence) or len(found) != 2 or (limits is not None and not _numbers(found)):
        raise ValueError(f"limits are the lowest and the highest, as (0.0, 1.0), not {short(limits)}")
    return found[0], found[1]


def _numbers(x: Any) -> bool:
    """Whether `x` is a sequence of numbers, one or more."""
    return isinstance(x, Sequence) and bool(x) and all(isinstance(v, Real) for v in x)


def trajectories(paths: Mapping[str, Sequence[float]], ax: Any = None, stride: int = 1) -> Any:
    """Weights over training, one line for each name, a number every `stride` steps; raises ValueError for none at all.

    >>> trajectories({"W11": [0.5, 0.4], "W12": [0.5, 0.7]}).get_xlabel()
    'step'
    """
    paths, stride, ax = _lines(paths), whole("stride", stride), axes(ax)
    for k, (name, numbers) in enumerate(paths.items()):
        steps = range(0, stride * len(numbers), stride)
        ax.plot(steps, numbers, ("-", "--", ":", "-.")[k % 4], color=COLOURS[k % 6], linewidth=2, label=name, marker="o" * (len(numbers) == 1))
    ax.legend(frameon=False)
    return tidy(ax, "step", "weight")


def spread(paths: Mapping[str, Sequence[float]], ax: Any = None, stride: int = 1, unit: str = "epoch") -> Any:
    """How far units that started alike are apart, by epoch or step.

    Over more than a decade, or with zeros, the scale is logarithmic, with a place for exactly 0.

    >>> spread({"equal": [0.0, 0.0], "unequal": [0.5, 0.9]}).get_ylabel()
    'largest difference of two units'
    """
    paths, stride, ax = _lines(paths), whole("stride", stride), axes(ax)
    positive = [v for numbers in paths.values() for v in numbers if v > 0]
    least = 10.0 ** math.floor(math.log10(min(positive, default=1e-3)))
    for k, (name, numbers) in enumerate(paths.items()):
        style = ("-", "--", ":", "-.")[k % 4]
        ax.plot(range(0, stride * len(numbers), stride), numbers, style, color=COLOURS[k % 6], linewidth=2, label=name, marker="o" * (len(numbers) == 1))
    if max(positive, default=1.0) > 10 * min(positive, default=1.0) or any(0 in numbers for numbers in paths.values()):
        ax.set_yscale("symlog", linthresh=least, linscale=0.5)
        ax.set_ylim(bottom=-0.3 * least)
    else:
        ax.set_ylim(bottom=0)
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return tidy(ax, unit, "largest difference of two units")


def saturation(model: Any, rows: Iterable[Any], ax: Any = None, share: float = 0.05) -> Any:
    """For every sigmoid and tanh unit the share of rows at which its slope is below `share` of its largest.

    Raises ValueError for a model without such units, or without rows.
    """
    xs: list[Sequence[Any]] = [x for x, _ in rows_for(network(model), rows)]
    slopes: dict[str, Callable[[float], float]] = {"sigmoid": lambda o: 4 * o * (1 - o), "tanh": lambda o: 1 - o * o}
    if not any(layer.activation in slopes for layer in model.layers):
        raise ValueError("saturation is counted for sigmoid and tanh units, and the model has none")
    ax, names, counts, share = axes(ax), [], [], number(share, "share")
    with no_grad():
        for layer in model.layers:
            before, xs = xs, [layer(x) for x in xs]
            if layer.activation in slopes:
                f = slopes[layer.activation]
                for j, unit in enumerate(layer.neurons):
                    outs = [o[j] - (x[j] if layer.skip else 0.0) for o, x in zip(xs, before, strict=True)]
                    names.append(unit.o_label.unit)
                    counts.append(100 * sum(f(o) < share for o in outs) / len(outs))
    bars = ax.bar(names, counts, color=COLOURS[0])
    ax.bar_label(bars, ["" if n else "0" for n in counts], padding=2)  # a bar of no height is told, not left blank
    ax.set_ylim(0, 100)
    return tidy(ax, "unit", f"rows below {100 * share:g} % of the steepest slope (%)")


def live(show: Callable[[Any], object] | None = None, per_second: float = 5.0) -> Live:
    """A callback for `fit` that draws the loss curve while it trains, at most `per_second` times a second.

    Epochs in between are drawn with the next, the last ones when the training is over. `show` gets the Figure; by default
    it stands in the notebook's cell, in place of the one before. Raises ValueError for a rate that is none, ImportError
    without `show` where there is no notebook.
    """
    return Live(show, per_second)


class Live:
    """The callback that `live` makes."""

    def __init__(self, show: Callable[[Any], object] | None, per_second: float) -> None:
        if not isinstance(plain(per_second), int | float) or not 0 < per_second < math.inf:
            raise ValueError(f"per_second is {per_second!r}; write how many pictures a second, a number above 0")
        if show is not None and not callable(show):
            raise TypeError(f"show is {short(show)}; write live(), or live(show) with a function of the Figure")
        if show is None and find_spec("IPython") is None:  # told before the training, not in it
            raise ImportError("a live curve stands in the cell of a notebook, and IPython is not installed; write live(show) with a function of the Figure")
        self._show, self._pause = show or self._in_the_cell, 1 / per_second
        self._history, self._drawn, self._last = History(), 0, -math.inf
        self._place: Any = None

    def __call__(self, epoch: Epoch) -> None:
        """One more epoch."""
        self._history.epochs.append(epoch)
        if monotonic() - self._last >= self._pause:
            self._draw()

    def finish(self) -> None:
        """The training is over: draw what was not drawn yet."""
        if self._drawn < len(self._history.epochs):
            sleep(max(0.0, self._pause - (monotonic() - self._last)))
            self._draw()

    def _draw(self) -> None:
        self._last, self._drawn = monotonic(), len(self._history.epochs)
        self._show(loss_curves(self._history).get_figure())

    def _in_the_cell(self, figure: Any) -> None:
        cell: Any = import_module("IPython.display")
        figure.savefig(png := BytesIO(), format="png")
        image = cell.Image(png.getvalue())
        if self._place is None:
            self._place = cell.display(image, display_id=True)
        else:
            self._place.update(image)


def surface(
    slice: Surface,  # noqa: A002
    paths: Mapping[str, Sequence[Sequence[float]]] | None = None,
    ax: Any = None,
    limits: tuple[float, float] | None = None,
) -> Any:
    """A slice of the error surface as filled contours, and paths of all weights, projected onto its plane.

    `limits` are the lowest and the highest E that are coloured: give several slices the same to compare them.
    """
    if not hasattr(slice, "E"):
        raise TypeError(f"a surface is drawn, as landscape.plane returns it, not {slice!r}")
    ax = axes(ax)
    finite = [[v if math.isfinite(v) else math.nan for v in row] for row in slice.E]
    if slice.flat and limits is None:  # one colour: levels between numbers that differ by rounding are a pattern of nothing
        E = slice.E[0][0]
        around = abs(E) / 2 or 1.0
        drawn = ax.contourf(slice.a, slice.b, finite, levels=[E - around, E + around], cmap="cividis")
        bar = ax.get_figure().colorbar(drawn, ax=ax, label="mean error E, the same everywhere")
        bar.set_ticks([E], labels=[f"{E:.6g}"])
    else:
        low, high = _ends(limits)
        levels = 24 if low is None else [low + (high - low) * k / 24 for k in range(25)]
        drawn = ax.contourf(slice.a, slice.b, finite, levels=levels, cmap="cividis")
        ax.get_figure().colorbar(drawn, ax=ax, label="mean error E").formatter.set_useOffset(False)
    if paths is not None and not isinstance(paths, Mapping):
        raise TypeError(f"paths are a dict of names and lists of weights, as descents returns it, not {short(paths)}")
    for k, (name, path) in enumerate((paths or {}).items()):
        points = [slice.project(w) for w in path]
        line = ("-", "--", ":")[k % 3]
        ax.plot(*zip(*points, strict=True), line, color=("white", COLOURS[5], COLOURS[3])[k % 3], linewidth=1.6, label=name)
        ax.plot(*points[-1], "o", color="white", markeredgecolor="black", markersize=5)
    if paths:
        ax.legend(facecolor="#555555", labelcolor="white", framealpha=0.9)
    tidy(ax, f"along {slice.names[0]}", f"along {slice.names[1]}")
    ax.set_xlim(slice.a[0], slice.a[-1])
    ax.set_ylim(slice.b[0], slice.b[-1])
    ax.grid(visible=False)
    return ax
