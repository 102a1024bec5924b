"""What a model of two inputs tells at every point of their plane: a class, or a number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nn.given import network, rows_for
from nn.lab.canvas import COLOURS, axes, tidy
from nn.numbers import number, whole
from nn.scores import predict


def decision_boundary(model: Any, rows: Iterable[Any], ax: Any = None, points: int = 81, boundary: float | None = None) -> Any:
    """The class that the model tells at every point of the plane, and the rows; for models of two inputs.

    A Dataset gives its own names to the axes and the classes. One output says no below `boundary`: if it is not given,
    1/2, or 0 for tanh and for targets of -1 and 1; write 0 for outputs that are nets (bce_with_logits).
    Raises ValueError for another number of inputs, or without rows.

    >>> from nn import MLP, data
    >>> decision_boundary(MLP(2, [2, 1], output="sigmoid"), data.XOR(), points=5).get_ylabel()
    'input x2'
    """
    plane = _Plane(model, rows, points)
    if not of_classes(plane.rows):
        t = next(t for _, t in plane.rows if not of_classes([((), t)]))
        raise ValueError(f"a decision boundary is that of classes, and {t!r} is a target of another kind; nn.lab.plots.response draws numbers")
    ax, classes = axes(ax), getattr(rows, "classes", ())
    signed = any(-1.0 in t for _, t in plane.rows if not isinstance(t, int))
    side = number(boundary, "boundary") if boundary is not None else 0.0 if signed or model.output == "tanh" else 0.5
    told = [[margins(o, side) for o in line] for line in plane.outputs()]
    for k in range(max(2, model.nout)):
        ahead = [[m[k] for m in line] for line in told]
        if (most := max(map(max, ahead))) > 0:  # between two points of the grid the border is where both are level
            ax.contourf(plane.x1, plane.x2, ahead, levels=[0.0, 2 * most], colors=[COLOURS[k % 6]], alpha=0.25)
    of = [target_class(t, 0.0 if signed else 0.5) for _, t in plane.rows]
    for k in sorted(set(of)):
        mine = [x for (x, _), c in zip(plane.rows, of, strict=True) if c == k]
        name = classes[k] if k < len(classes) and not classes[k].isdecimal() else f"class {classes[k] if k < len(classes) else k}"
        ax.scatter(*zip(*mine, strict=True), s=26, marker="os^Dv*"[k % 6], color=COLOURS[k % 6], edgecolor="white", label=name)
    tidy(ax, *plane.names)
    ax.grid(visible=False)
    ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=6)  # beside the rows, not on them
    return ax


def response(model: Any, rows: Iterable[Any], ax: Any = None, points: int = 81) -> Any:
    """The number that the model tells at every point of the plane, and the rows in the colours of their targets.

    For models of two inputs and one output; a Dataset gives its own names to the axes. Raises ValueError for others, or
    without rows.

    >>> from nn import MLP
    >>> response(MLP(2, [2, 1]), [((0.0, 1.0), (3.5,)), ((2.0, 0.5), (1.25,))], points=5).get_xlabel()
    'input x1'
    """
    plane = _Plane(model, rows, points)
    if model.nout != 1:
        raise ValueError(f"a response is that of one output, and the model has {model.nout}; train one for each target")
    ax, targets = axes(ax), [float(t if isinstance(t, int) else t[0]) for _, t in plane.rows]
    told = [[o[0] for o in line] for line in plane.outputs()]
    low, high = min(*targets, *map(min, told)), max(*targets, *map(max, told))
    high = high if high > low else low + 1.0
    levels = [low + (high - low) * k / 24 for k in range(25)]
    drawn = ax.contourf(plane.x1, plane.x2, told, levels=levels, cmap="cividis")
    ax.scatter(*zip(*(x for x, _ in plane.rows), strict=True), s=30, c=targets, cmap="cividis", vmin=low, vmax=high, edgecolor="white")
    from matplotlib.ticker import MaxNLocator

    ax.get_figure().colorbar(drawn, ax=ax, label="output; in the dots, the target", ticks=MaxNLocator(8))
    tidy(ax, *plane.names)
    ax.grid(visible=False)
    return ax


class _Plane:
    """A grid over two inputs, a quarter wider than the rows on every side."""

    def __init__(self, model: Any, rows: Iterable[Any], points: int) -> None:
        features, scale = getattr(rows, "features", ()), getattr(rows, "scale", ())
        if network(model).nin != 2:
            raise ValueError(f"the plane is that of two inputs, and the model takes {model.nin}; train one on two of them")
        self.model, self.rows = model, rows_for(model, rows)
        points = whole("points", points, 2)
        sides = [[x[k] for x, _ in self.rows] for k in (0, 1)]
        pads = [0.25 * (max(s) - min(s)) or 1.0 for s in sides]
        ends = [(min(s) - pad, max(s) + pad) for s, pad in zip(sides, pads, strict=True)]
        self.x1, self.x2 = ([low + k * (high - low) / (points - 1) for k in range(points)] for low, high in ends)
        self.names = [f"input {name}{', standardised' * bool(scale)}" for name in features or ("x1", "x2")]

    def outputs(self) -> list[list[list[float]]]:
        """What the model tells, line by line."""
        return [[predict(self.model, (a, b)) for a in self.x1] for b in self.x2]


def of_classes(rows: Iterable[Any]) -> bool:
    """Whether all targets are class indices, or numbers that stand for yes and no.

    >>> of_classes([((0.5,), 2)]), of_classes([((0.5,), (-1.0,))]), of_classes([((0.5,), (0.7,))])
    (True, True, False)
    """
    return all(isinstance(t, int) or all(v in (-1.0, 0.0, 1.0) for v in t) for _, t in rows)


def margins(outputs: Sequence[float], side: float) -> list[float]:
    """For each class how far it is ahead of the best of the others, 0 on the border; of one output, of `side`.

    >>> margins([0.5, 0.25, 0.125], side=0.5), margins([0.75], side=0.5)
    ([0.25, -0.25, -0.375], [-0.25, 0.25])
    """
    if len(outputs) == 1:
        return [side - outputs[0], outputs[0] - side]
    return [o - max(p for j, p in enumerate(outputs) if j != k) for k, o in enumerate(outputs)]


def target_class(t: Any, side: float) -> int:
    """The class that a target names: by its index, by the largest of its numbers, or by the side of its one number.

    >>> target_class(2, 0.5), target_class((0.0, 1.0), 0.5), target_class((-1.0,), 0.0)
    (2, 1, 0)
    """
    if isinstance(t, int):
        return t
    return int(t[0] > side) if len(t) == 1 else max(range(len(t)), key=t.__getitem__)
