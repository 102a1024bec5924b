"""Slices of the error surface around a model: along random directions, along chosen weights, or in a path's own plane.

    >>> from nn import MLP, data
    >>> model = MLP(2, [2, 1], seed=0)
    >>> surface = plane(model, data.XOR(), loss="sse", first="w_h1,x1", second="w_o1,h1", points=5)
    >>> surface
    Surface(5 x 5, w_h1,x1 by w_o1,h1, E 0.250 to 1.514)
"""

from __future__ import annotations

import copy
import math
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from engine import Leaves, Value, classify, compile  # noqa: A004
from nn.given import network, rows_by_keyword, rows_for
from nn.init import generator
from nn.lab.descent import of_model
from nn.losses import Loss, loss_function
from nn.modules import MLP
from nn.numbers import at_least_zero, counted, integer, number, whole


Direction = Sequence[float]


@dataclass(frozen=True, repr=False)
class Surface:
    """Mean E at `centre + a first + b second`: `E[i][j]` at `a[j]`, `b[i]`."""

    a: list[float]
    b: list[float]
    E: list[list[float]]
    centre: list[float]
    first: list[float]
    second: list[float]
    names: tuple[str, str] = ("a", "b")

    @property
    def flat(self) -> bool:
        """Whether E is the same everywhere, but for rounding."""
        low, high = min(map(min, self.E)), max(map(max, self.E))
        return high - low <= 1e-9 * max(abs(low), abs(high)) < math.inf

    def minima(self) -> list[tuple[int, int]]:
        """The inner points (i, j) of the grid that lie strictly below all eight neighbours."""
        near = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
        inner = ((i, j) for i in range(1, len(self.b) - 1) for j in range(1, len(self.a) - 1))
        return [(i, j) for i, j in inner if all(self.E[i][j] < self.E[i + p][j + q] for p, q in near)]

    def project(self, weights: Sequence[float]) -> tuple[float, float]:
        """The (a, b) of the point of the plane that is nearest to these weights."""
        if not hasattr(weights, "__len__") or len(weights) != len(self.centre):
            raise ValueError(f"the plane is that of {counted(len(self.centre), 'weight')}, and {weights!r:.60} is no list of so many")
        d = [w - c for w, c in zip(weights, self.centre, strict=True)]
        uu, uv, vv = _dot(self.first, self.first), _dot(self.first, self.second), _dot(self.second, self.second)
        du, dv = _dot(d, self.first), _dot(d, self.second)
        det = uu * vv - uv * uv
        if det <= 1e-12 * uu * vv:
            raise ValueError("the two directions are parallel, so they span no plane; choose another one")
        return (du * vv - dv * uv) / det, (dv * uu - du * uv) / det

    def __repr__(self) -> str:
        low, high = min(map(min, self.E)), max(map(max, self.E))
        return f"Surface({len(self.a)} x {len(self.b)}, {self.names[0]} by {self.names[1]}, E {low:.3f} to {high:.3f})"


def mean_error(model: MLP, rows: Iterable[Any], loss: str | Loss) -> Callable[[Sequence[float]], float]:
    """The mean loss over the rows as a function of all weights, compiled; inf where a loss leaves the floats.

    >>> from nn import data
    >>> model = MLP(2, [2, 1], init=0.5)
    >>> round(mean_error(model, data.XOR(), "sse")([0.0] * 9), 6)
    0.5
    """
    pairs = _pairs(model, rows)
    x, t = [Value(v) for v in pairs[0][0]], [Value(v) for v in pairs[0][1]]
    weights, total = model.parameters(), Value(0.0)
    program = compile([total + loss_function(loss)(model(x), t), *weights], [*x, *t, total, *weights])
    n = len(x) + len(t)
    scan = program.scanner({n + k: k for k in range(1 + len(weights))}, [])
    numbers = array("d", [v for x_, t_ in pairs for v in (*x_, *t_)])

    def E(at: Sequence[float]) -> float:
        state = array("d", [0.0, *at])
        try:
            scan(numbers, state)
        except ArithmeticError:
            return math.inf
        return state[0] / len(pairs)

    return E


def random_direction(model: MLP, seed: int) -> list[float]:
    """A normal direction, each unit's weights scaled to the length of the model's, biases 0.

    Filter normalisation: Li and others, NeurIPS 2018, section 4; a filter here is what leads into one unit.
    """
    random = generator(seed)
    found: dict[Value, float] = {}
    for layer in network(model).layers:
        for unit in layer.weight:
            d = [random.gauss(0.0, 1.0) for _ in unit]
            scale = math.hypot(*(w.data for w in unit)) / math.hypot(*d)
            found |= {w: scale * v for w, v in zip(unit, d, strict=True)}
    return [found.get(p, 0.0) for p in model.parameters()]


@rows_by_keyword
def line(
    model: MLP, rows: Iterable[Any], *, loss: str | Loss, direction: str | Direction | int = 0, points: int = 51, reach: float = 1.0
) -> tuple[list[float], list[float]]:
    """The steps a from -reach to reach, and E at the model's weights + a direction (as in `plane`).

    >>> from nn import MLP, data
    >>> steps, E = line(MLP(2, [2, 1], init=0.5), data.XOR(), loss="sse", direction="w_o1,h1", points=3)
    >>> steps, [round(e, 3) for e in E]
    ([-1.0, 0.0, 1.0], [0.5, 0.29, 0.583])
    """
    E, centre = mean_error(model, rows, loss), _weights(model)
    d, steps = _direction(model, direction), _steps(points, reach)
    return steps, [E([w + a * u for w, u in zip(centre, d, strict=True)]) for a in steps]


@rows_by_keyword
def plane(
    model: MLP,
    rows: Iterable[Any],
    *,
    loss: str | Loss,
    first: str | Direction | int = 0,
    second: str | Direction | int = 1,
    points: int = 25,
    reach: float = 1.0,
    centre: Sequence[float] | None = None,
) -> Surface:
    """Mean E on a square of `points` by `points` around the model's weights, or around `centre`.

    A direction is a seed (random, normalised unit by unit), the name of a weight (the exact surface of
    that weight), or one number per parameter. Raises ValueError for a name that no weight has.
    """
    if centre is not None and not isinstance(centre, Iterable):
        raise TypeError(f"centre is {centre!r}; write {counted(len(_weights(model)), 'number')}, one per parameter")
    c = _weights(model) if centre is None else list(centre)
    u, v = _direction(model, first), _direction(model, second)
    if len(c) != len(u):
        raise ValueError(f"centre needs {counted(len(u), 'number')}, one per parameter, not {len(c)}")
    if (isinstance(first, str) or integer(first) is not None) and first == second:
        raise ValueError(f"first and second are both {first!r}, which is one direction; write another for one of them")
    names = _named(first, "a"), _named(second, "b")
    _steps(points, reach)  # refused before the error is compiled
    return sampled(mean_error(model, rows, loss), c, u, v, points, reach, names)


def sampled(
    E: Callable[[Sequence[float]], float], centre: Sequence[float], first: Direction, second: Direction, points: int = 25,
    reach: float = 1.0, names: tuple[str, str] = ("a", "b"),
) -> Surface:  # fmt: skip
    """The surface of any function of all weights, so that one `mean_error` serves many slices.

    >>> sampled(lambda w: w[0] ** 2 + w[1], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0], points=3).E
    [[-1.0, 0.0, 3.0], [0.0, 1.0, 4.0], [1.0, 2.0, 5.0]]
    """
    c, u, v, steps = list(centre), list(first), list(second), _steps(points, reach)
    values = [[E([w + a * p + b * q for w, p, q in zip(c, u, v, strict=True)]) for a in steps] for b in steps]
    return Surface(steps, list(steps), values, c, u, v, names)


@rows_by_keyword
def descents(
    model: MLP, rows: Iterable[Any], *, loss: str | Loss, lr: float, epochs: int, seed: int = 0
) -> dict[str, list[list[float]]]:
    """The weights along "SGD", before every step, and along "full batch", before every epoch; the model stays as it is.

    Both start at the model's weights. SGD takes a step for each row, reshuffled every epoch; the full batch one step on
    the sum of all rows, which a small epoch of SGD approximates (LEC-R1).

    >>> from nn import MLP, data
    >>> paths = descents(MLP(2, [2, 1]), data.XOR(), loss="sse", lr=0.1, epochs=3)
    >>> {name: len(path) for name, path in paths.items()}
    {'SGD': 13, 'full batch': 4}
    """
    pairs = [[*x, *t] for x, t in _pairs(model, rows)]
    descent, random, order = of_model(model, loss), generator(seed), array("q")
    lr = at_least_zero("lr", lr)
    for _ in range(epochs := whole("epochs", epochs)):
        epoch = list(range(len(pairs)))
        random.shuffle(epoch)
        order.extend(epoch)
    batch = [_weights(model)]
    for _ in range(epochs):
        slopes = [descent.at(batch[-1], row)[1] for row in pairs]
        batch.append([w - lr * math.fsum(gs) for w, gs in zip(batch[-1], zip(*slopes, strict=True), strict=True)])
    return {"SGD": descent.path(_weights(model), pairs, order, lr), "full batch": batch}


@rows_by_keyword
def critical(model: MLP, rows: Iterable[Any], *, loss: str | Loss, tolerance: float = 1e-6) -> Any:
    """What kind of point of the summed error the model's weights are, by the exact Hessian (as `engine.classify`).

    Every weight costs a column of the Hessian, so this is for small models; NumPy takes the eigenvalues.

    >>> from nn import MLP, data
    >>> print(critical(MLP(2, [2, 1], init=0.0), data.XOR(), loss="sse").kind)  # every slope but that of b_o1 is 0
    not stationary
    """
    pairs, twin, loss_of = _pairs(model, rows), copy.deepcopy(model), loss_function(loss)

    def error(weights: Sequence[Any]) -> Any:
        numbers = iter(weights)
        for layer in twin.layers:
            for unit in layer.neurons:
                unit.w = Leaves(next(numbers) for _ in unit.w)
            for unit in layer.neurons:
                unit.b = None if unit.b is None else next(numbers)
        total = None
        for x, t in pairs:
            E = loss_of(twin(x), t)
            total = E if total is None else total + E
        return total

    return classify(error, _weights(model), tolerance)


def path_plane(path: Sequence[Sequence[float]]) -> tuple[list[float], list[float], list[float], float]:
    """The end of a path, its two main directions from there (each as long as the path spreads), and the share they hold.

    Principal components of the points less the last one (NumPy); the share is that of the squared distances.
    Raises ValueError for a path that moves along fewer than two directions.
    """
    try:
        import numpy
    except ImportError:
        raise ImportError("the plane of a path needs NumPy: pip install numpy") from None
    if numpy.ndim(path) != 2 or not len(path):
        raise ValueError(f"a path is a list of points, each with a number for every parameter, not {path!r:.60}")
    moves = numpy.array(path, dtype=float) - numpy.array(path[-1], dtype=float)
    _, sizes, directions = numpy.linalg.svd(moves, full_matrices=False)
    if len(sizes) < 2 or sizes[1] <= 1e-12 * sizes[0]:
        raise ValueError(f"the path of {counted(len(path), 'point')} does not leave a line, so it has no plane of its own")
    spans = [directions[k] * numpy.abs(moves @ directions[k]).max() for k in (0, 1)]
    share = float((sizes[:2] ** 2).sum() / (sizes**2).sum())
    return list(path[-1]), spans[0].tolist(), spans[1].tolist(), share


def _pairs(model: MLP, rows: Iterable[Any]) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
    """The rows, checked, a class index as one number for each class."""
    return [(x, _target(t, model.nout)) for x, t in rows_for(network(model), rows)]


def _weights(model: MLP) -> list[float]:
    return [p.data for p in network(model).parameters()]


def _named(which: str | Direction | int, else_: str) -> str:
    return which if isinstance(which, str) else else_ if integer(which) is None else f"random direction {which}"


def _direction(model: MLP, which: str | Direction | int) -> list[float]:
    names = [name for name, _ in model.named_parameters()]
    if (seed := integer(which)) is not None:
        return random_direction(model, seed)
    if isinstance(which, int) or not hasattr(which, "__len__"):
        raise TypeError(f"a direction is a seed, the name of a weight, or {counted(len(names), 'number')}, not {which!r}")
    if isinstance(which, str):
        if which not in names:
            raise ValueError(f"the model has no weight {which!r}; it has {', '.join(names[:8])}{', ...' * (len(names) > 8)}")
        return [float(name == which) for name in names]
    if len(which) != len(names):
        raise ValueError(f"a direction needs {counted(len(names), 'number')}, one per parameter, not {len(which)}")
    return list(map(float, which))


def _steps(points: int, reach: float) -> list[float]:
    points = whole("points", points, 2)
    if number(reach, "reach") <= 0:
        raise ValueError(f"reach must be a number above 0, not {reach!r}")
    return [reach * (2 * k / (points - 1) - 1) for k in range(points)]


def _target(t: Any, nout: int) -> tuple[float, ...]:
    if isinstance(t, tuple):
        return t
    return (float(t),) if nout == 1 else tuple(float(k == t) for k in range(nout))


def _dot(p: Sequence[float], q: Sequence[float]) -> float:
    return math.fsum(a * b for a, b in zip(p, q, strict=True))
