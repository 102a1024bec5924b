"""A network as the notes have it: weights, one sample, and the graph of its error with every node by its name.

It is read from a graph whose nodes carry roles, as nn records it, or is the 13/20 network. The equations of the
notes presume an activation and a loss; `like` gives the same weights those.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

from engine import functions
from engine.derivatives import gradient
from engine.graph import topological
from engine.label import Role
from engine.value import Value


Matrix: TypeAlias = tuple[tuple[float, ...], ...]

PLAIN: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {  # f and f' in plain arithmetic
    "sigmoid": (lambda n: 1 / (1 + math.exp(-n)), lambda n: math.exp(-abs(n)) / (1 + math.exp(-abs(n))) ** 2),
    "tanh": (math.tanh, lambda n: 1 / math.cosh(n) ** 2),
    "linear": (lambda n: n, lambda n: 1.0),
    "relu": (lambda n: max(0.0, n), lambda n: float(n > 0)),
}


@dataclass(frozen=True)
class Net:
    """Weights w_ji and biases by layer, one activation for the hidden units and one for the outputs, a sample, a loss.

    >>> net = Net(x=(3.0, -2.0), t=(1.0,), W=(((0.5, 0.25),), ((-1.0,),)), b=(None, None))
    >>> net["net_h1"].data, net.slope("o_o1") == -2 * (1 - net["o_o1"].data)
    (1.0, True)
    """

    x: tuple[float, ...]
    t: tuple[float, ...]
    W: tuple[Matrix, ...]
    b: tuple[tuple[float, ...] | None, ...]
    hidden: str = "sigmoid"
    output: str = "sigmoid"
    loss: str = "sse"

    def like(self, hidden: str, output: str, loss: str = "sse") -> Net:
        """The same weights and the same sample under other activations and another loss."""
        return replace(self, hidden=hidden, output=output, loss=loss)

    @cached_property
    def single(self) -> Net:
        """The first output alone."""
        top = None if self.b[-1] is None else self.b[-1][:1]
        return replace(self, t=self.t[:1], W=(*self.W[:-1], self.W[-1][:1]), b=(*self.b[:-1], top))

    @cached_property
    def deeper(self) -> Net:
        """The same with one more hidden layer before the outputs, of as many units."""
        m = len(self.W[-1][0])
        more = tuple(tuple(0.5 if i == j else 0.25 * (-1) ** (i + j) for i in range(m)) for j in range(m))
        return replace(self, W=(*self.W[:-1], more, self.W[-1]), b=(*self.b[:-1], None, self.b[-1]))

    def moved(self, numbers: Sequence[float]) -> Net:
        """The same with other numbers for its weights and biases, in the order of `names`."""
        new = dict(zip(self.names, numbers, strict=True))
        W = tuple(tuple(tuple(new[f"w_{j},{i}"] for i in below) for j in here) for here, below in self._places())
        b = tuple(
            None if old is None else tuple(new[f"b_{j}"] for j in here)
            for old, (here, _) in zip(self.b, self._places(), strict=True)
        )
        return replace(self, W=W, b=b)

    # ---- who is there

    @cached_property
    def units(self) -> list[list[str]]:
        """The names of the units, layer by layer, inputs first: x1.. h1.. (h2_1.. when deeper) o1.."""
        layers = len(self.W)
        found = [[f"x{i + 1}" for i in range(len(self.x))]]
        for depth, layer in enumerate(self.W, 1):
            prefix = "o" if depth == layers else "h" if layers == 2 else f"h{depth}_"
            found.append([f"{prefix}{j + 1}" for j in range(len(layer))])
        return found

    @property
    def inputs(self) -> list[str]:
        return self.units[0]

    @property
    def last_hidden(self) -> list[str]:
        return self.units[-2]

    @property
    def outputs(self) -> list[str]:
        return self.units[-1]

    @cached_property
    def names(self) -> list[str]:
        """The weights w_ji and biases b_j of every layer."""
        found = []
        for (here, below), b in zip(self._places(), self.b, strict=True):
            found += [f"w_{j},{i}" for j in here for i in below] + [f"b_{j}" for j in here if b is not None]
        return found

    def _places(self) -> list[tuple[list[str], list[str]]]:
        return list(zip(self.units[1:], self.units, strict=False))

    # ---- its graph

    @cached_property
    def nodes(self) -> dict[str, Value]:
        """Every node by its name; recorded once."""
        return self.recorded()

    def recorded(self, shift: Callable[[str, Value], Any] | None = None) -> dict[str, Value]:
        """A recording of its own; `shift` may put something in the place of a weight or bias."""
        shift = shift or (lambda name, leaf: leaf)
        found: dict[str, Value] = {}
        for i, v in zip(self.inputs, self.x, strict=True):
            found[i] = found[f"o_{i}"] = Value(v, Role("x", i))
        for (here, below), W, b in zip(self._places(), self.W, self.b, strict=True):
            f = self.output if here is self.outputs else self.hidden
            nets = []
            for k, (j, row) in enumerate(zip(here, W, strict=True)):
                terms = []
                for i, number in zip(below, row, strict=True):
                    w = found[f"w_{j},{i}"] = Value(number, Role("w", j, i))
                    terms.append(shift(f"w_{j},{i}", w) * found[f"o_{i}"])
                if b is not None:
                    bias = found[f"b_{j}"] = Value(b[k], Role("b", j))
                    terms.append(shift(f"b_{j}", bias))
                net = terms[0]
                for term in terms[1:]:
                    net = net + term
                net.label = Role("net", j)
                found[f"net_{j}"] = net
                nets.append(net)
            outs = functions.softmax(nets) if f == "softmax" else [activated(f, net) for net in nets]
            for j, o in zip(here, outs, strict=True):
                o.label = Role("o", j)
                found[f"o_{j}"] = o
        for j, t in zip(self.outputs, self.t, strict=True):
            found[f"t_{j}"] = Value(t, Role("t", j))
        found["E"] = self._error([(found[f"o_{j}"], found[f"t_{j}"]) for j in self.outputs])
        found["E"].label = Role("E")
        return found

    def _error(self, pairs: list[tuple[Value, Value]]) -> Value:
        one: Callable[[Value, Value], Value] = squared if self.loss == "sse" else surprise
        E = one(*pairs[0])
        for o, t in pairs[1:]:
            E = E + one(o, t)
        return E

    def __getitem__(self, name: str) -> Value:
        return self.nodes[name]

    def number(self, name: str) -> float:
        """What a node holds."""
        return float(self.nodes[name].data)

    @cached_property
    def slopes(self) -> dict[str, float]:
        """The derivative of E by every node, as the engine's backward pass has it."""
        E = self.nodes["E"]
        names = [name for name, n in self.nodes.items() if n is not E]
        return {"E": 1.0} | dict(zip(names, (float(g.data) for g in gradient(E, [self.nodes[n] for n in names])), strict=True))

    def slope(self, name: str) -> float:
        """The derivative of E by a node."""
        return self.slopes[name]

    def slope_of(self, root: Value, name: str) -> float:
        """The derivative of another root by a node."""
        return float(gradient(root, [self.nodes[name]])[0].data)

    def f_prime(self, j: str) -> float:
        """f'(net_j) in plain arithmetic, by the unit's own activation."""
        return PLAIN[self.output if j in self.outputs else self.hidden][1](self.number(f"net_{j}"))

    def terms(self, loss: str = "sse") -> list[Value]:
        """The error of each output alone, as nodes of the same graph."""
        one: Callable[[Value, Value], Value] = squared if loss == "sse" else surprise
        return [one(self[f"o_{j}"], self[f"t_{j}"]) for j in self.outputs]

    def gradient(self) -> list[float]:
        """dE/dw for everything in `names`."""
        return [self.slopes[name] for name in self.names]

    def numbers(self) -> list[float]:
        """What the weights and biases in `names` hold."""
        return [self.number(name) for name in self.names]

    def along(self, direction: Sequence[float]) -> float:
        """d/da of E(w + a d) at a = 0, by a graph with `a` as its one variable."""
        a = Value(0.0, "a")
        step = dict(zip(self.names, direction, strict=True))
        graph = self.recorded(lambda name, leaf: leaf + a * step[name])
        return float(gradient(graph["E"], [a])[0].data)


def activated(f: str, net: Value) -> Value:
    """f(net) as a node; a linear unit is a node of its own, net * 1."""
    made: Value = net * 1.0 if f == "linear" else getattr(functions, f)(net)
    return made


def squared(o: Value, t: Value) -> Value:
    """(t - o)^2."""
    E: Value = (t - o) * (t - o)
    return E


def surprise(o: Value, t: Value) -> Value:
    """-(t ln o + (1 - t) ln(1 - o))."""
    E: Value = -(t * functions.log(o) + (1.0 - t) * functions.log(1.0 - o))
    return E


LN2, LN3 = math.log(2), math.log(3)
THIRTEEN_TWENTIETHS = Net(  # 2-2-2, sigmoid, no biases: every activation is a fraction, and E = 13/20
    x=(3.0, -2.0),
    t=(1.0, 1.0),
    W=(((-LN3, -2 * LN3), (LN2, 2 * LN2)), ((-4 * LN2, 3 * LN2), (4 * LN3, -3 * LN3))),
    b=(None, None),
)


def read(root: object) -> Net:
    """The network in the graph of an error recorded by nn, or one that is a `Net` already.

    Raises TypeError for other things, ValueError for a graph that has no network with a hidden layer in it.

    >>> read(THIRTEEN_TWENTIETHS["E"]).x
    (3.0, -2.0)
    >>> read(Value(2.0, "a") * 3)
    Traceback (most recent call last):
    ...
    ValueError: the ledger reads a network with a hidden layer from its error E; this graph has no units h1, o1 in it:
    write E = losses.sse(model(x), t)
    """
    if isinstance(root, Net):
        return root
    if not isinstance(root, Value):
        raise TypeError(f"the ledger takes the error E of a network, one Value, not {root!r:.60}")
    roles = {n: n.label for n in topological(root) if isinstance(n.label, Role)}
    weights = {(r.unit, r.source): float(n.data) for n, r in roles.items() if r.kind == "w"}
    biases = {r.unit: float(n.data) for n, r in roles.items() if r.kind == "b"}
    layers = _layers({j for j, _ in weights})
    if len(layers) < 2:
        raise ValueError(
            "the ledger reads a network with a hidden layer from its error E; this graph has no units h1, o1 in it: "
            "write E = losses.sse(model(x), t)"
        )
    below = sorted({i for j, i in weights if j in layers[0]}, key=_number)
    units = [below, *layers]
    W = tuple(
        tuple(tuple(weights[j, i] for i in lower) for j in here) for here, lower in zip(units[1:], units, strict=False)
    )
    b = tuple(tuple(biases[j] for j in here) if here[0] in biases else None for here in layers)
    hidden, output = (_activation(roles, here[0]) for here in (layers[0], layers[-1]))
    return Net(_inputs(roles, layers[0][0], below), _targets(root, roles, layers[-1]), W, b, hidden, output)


def _number(unit: str) -> int:
    return int(unit.lstrip("xho").split("_")[-1])


def _layers(units: set[str]) -> list[list[str]]:
    depth: dict[int, list[str]] = {}
    for j in units:
        level = 10**6 if j[0] == "o" else int(j[1:].split("_")[0]) if "_" in j else 0
        depth.setdefault(level, []).append(j)
    return [sorted(here, key=_number) for _, here in sorted(depth.items())]


def _activation(roles: dict[Value, Role], unit: str) -> str:
    """The activation of a unit; an output that a loss saw through is that of a softmax or of a sigmoid."""
    ops = [n.op.name for n, r in roles.items() if r.kind == "o" and r.unit == unit and n.op is not None]
    return "sigmoid" if not ops else ops[0] if ops[0] in PLAIN or ops[0] == "softmax" else "linear"


def _inputs(roles: dict[Value, Role], unit: str, below: list[str]) -> tuple[float, ...]:
    """The numbers that the weights of the first unit are multiplied with: their own local derivatives."""
    mine = {r: n for n, r in roles.items() if r.unit == unit}
    net = mine.get(Role("net", unit)) or mine[Role("o", unit)]  # a linear unit has one node for both
    return tuple(float(g.data) for g in gradient(net, [mine[Role("w", unit, i)] for i in below]))


def _targets(root: Value, roles: dict[Value, Role], outputs: list[str]) -> tuple[float, ...]:
    named = {r.unit: float(n.data) for n, r in roles.items() if r.kind == "t"}
    if named:
        return tuple(named[j] for j in outputs)
    for n in reversed(topological(root)):
        groups = [list(g) for g in n._groups()] if n.op is not None else []
        if len(groups) == 2 and len(groups[0]) == len(groups[1]) == len(outputs):
            return tuple(float(p.data if isinstance(p, Value) else p) for p in groups[1])
    raise ValueError("the ledger finds no targets in this graph: write E = losses.sse(model(x), t)")
