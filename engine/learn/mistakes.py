"""The catalogue of mistakes: each changes some factors of the chain rule, and the wrong number follows.

Nothing here is a stored number. A mistake looks at the graph between a node and the root, and says which
local derivatives become what; the sum over all paths is then formed again with those. In a network
recorded by nn the roles of the nodes tell units and weights apart. On any other expression only the
mistakes about a node's own uses apply. Two slips that must give the same number are one entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from engine.formula import Formula, each, formula, function, symbol
from engine.ieee import evaluate
from engine.label import Role
from engine.value import Value
from engine.why.cone import Cone, Edge, edges


Place = tuple[Value, int]  # an edge, by its user and the position of the argument there
Wrong = Iterator[tuple[str, float]]  # where the mistake was made, and the number that it gives


class Mistake(NamedTuple):
    """A slip: a `key`, the sentence that names it (with a `{}` for the place), and the numbers it gives."""

    key: str
    cause: str
    wrong: Callable[[Case], Wrong]


class Slip(NamedTuple):
    """A mistake made at one place of one graph, and the number that comes of it."""

    mistake: Mistake
    cause: str
    value: float


class Case:
    """A node and a root with what the mistakes ask for: own uses, activations, loss, neighbours."""

    def __init__(self, node: Value, root: Value, eta: float) -> None:
        self.cone = Cone(node, root, "diagnose")
        self.node, self.root, self.eta = node, root, eta
        self.role = role(node)
        self.edges = [e for n in self.cone.order for e in self.cone.uses[n]]
        self.own = self.cone.uses[node]
        # a weight's own activation leads out of its unit; beyond it the others are passed
        self.active = [e for e in self.edges if role(e.user).kind == "o" and role(e.arg).kind == "net"]
        self.here = [e for e in self.active if role(e.arg).unit == self.role.unit]
        self.beyond = [e for e in self.active if role(e.arg).unit != self.role.unit]
        self.loss = [e for e in self.edges if e.user is root and role(root).kind == "E"]
        self.nets = {role(n).unit: n for n in self.cone.nodes if role(n).kind == "net"}
        outs = [self.cone.uses[e.user] for e in self.here]
        self.ways = outs[0] if outs else []  # how the unit's output is used further on

    @property
    def right(self) -> float:
        """The derivative itself."""
        return self.cone.adjoint[self.node]

    def again(self, changed: Mapping[Place, float]) -> float:
        """The sum over all paths, with some of the local derivatives changed."""
        adjoint = dict.fromkeys(self.cone.uses, 0.0)
        adjoint[self.root] = 1.0
        for n in reversed(self.cone.order):
            for e in edges(n):
                if e.arg in adjoint:
                    adjoint[e.arg] += changed.get((e.user, e.position), e.partial) * adjoint[n]
        return adjoint[self.node]

    def where(self, found: list[Edge], f: Callable[[Edge], float]) -> float:
        """The same with f in place of the local derivative on each of the edges."""
        return self.again({(e.user, e.position): f(e) for e in found})


def role(v: object) -> Role:
    """The role of a node; an empty one if it has none."""
    return v.label if isinstance(v, Value) and isinstance(v.label, Role) else Role("")


# ---- rules that are misremembered ---------------------------------------------------------------


a, b, y = map(symbol, "aby")
log, sigma = function("log"), function("sigmoid")
MISREAD: dict[tuple[str, int], list[tuple[str, Formula]]] = {  # (row, argument): what is written instead
    ("sigmoid", 0): [
        ("y", formula(y)),
        ("1 - y", 1 - y),
        ("y(1 + y)", y * (1 + y)),
        ("1 - y², the rule of tanh", 1 - y * y),
        ("sigmoid(y)(1 - sigmoid(y)), the sigmoid taken twice", sigma(y) * (1 - sigma(y))),
        ("a(1 - a), with the net where its output belongs", a * (1 - a)),
    ],
    ("tanh", 0): [
        ("1 - y", 1 - y),
        ("1 + y²", 1 + y * y),
        ("y(1 - y), the rule of sigmoid", y * (1 - y)),
        ("1 - a², with the net where its output belongs", 1 - a * a),
    ],
    ("mul", 0): [("a, the factor itself", formula(a))],
    ("mul", 1): [("b, the factor itself", formula(b))],
    ("div", 0): [("b", formula(b)), ("-1/b", -1 / b)],
    ("div", 1): [("y/b, without the minus", y / b), ("1/a", 1 / a), ("-1/b²", -1 / (b * b))],
    ("sub", 1): [("+1", formula(1.0))],
    ("pow", 0): [
        ("a**(b - 1), the exponent not brought down", a ** (b - 1)),
        ("b a**b, the exponent not lowered", b * a**b),
        ("(b - 1) a**(b - 1)", (b - 1) * a ** (b - 1)),
    ],
    ("exp", 0): [("a", formula(a)), ("a e**(a - 1), the rule of powers", a * y / function("exp")(1))],
    ("log", 0): [("y", formula(y)), ("a", formula(a))],
    ("sqrt", 0): [("1/y, without the 1/2", 1 / y), ("y/2", y / 2)],
}


def misread(case: Case) -> Wrong:
    """Another formula where the row has its partial: at the node's own uses, or its unit's activation."""
    for e in [*case.own, *case.here]:
        op: Any = e.user.op
        args = (op.args, e.user.args)
        if not any(op.vector):
            numbers = {s: p.data if isinstance(p, Value) else p for s, p in zip(*args, strict=True)}
            for said, f in MISREAD.get((op.name, e.position), []):
                try:
                    wrong = evaluate(f, {**numbers, "y": e.user.data})
                except (ArithmeticError, ValueError):
                    continue
                yield f"the derivative of {op.name} by {op.args[e.position]} is not {said}", case.where([e], lambda _, w=wrong: w)  # type: ignore[misc]


# ---- factors that are missing, doubled, or of the wrong place -----------------------------------


def halved(case: Case) -> Wrong:
    if case.loss and all(two(e) for e in case.loss):
        yield "", case.where(case.loss, lambda e: e.partial / 2)


def two(e: Edge) -> bool:
    """Whether the derivative along an edge has a factor 2, as that of a square has."""
    op: Any = e.user.op
    numbers = [g.args[0] for f in op.partials for g in each(f) if g.op == "number"]
    return any(abs(n) == 2 for n in numbers)


def turned(case: Case) -> Wrong:
    yield "", -case.right


def delta(case: Case) -> Wrong:
    for place, half in halved(case):
        yield place, -half


def no_slope(case: Case) -> Wrong:
    if case.here:
        yield case.here[0].user.op.name, case.where(case.here, lambda e: 1.0)  # type: ignore[union-attr]


def no_slope_beyond(case: Case) -> Wrong:
    if case.beyond:
        yield "", case.where(case.beyond, lambda e: 1.0)


def bce_delta(case: Case) -> Wrong:
    last = [e for e in case.active if any(u.user is case.root for u in case.cone.uses[e.user])]
    if last and all(two(e) for e in case.loss):
        yield "", case.again({(e.user, e.position): e.partial / 2 for e in case.loss} | {(e.user, e.position): 1.0 for e in last})


def no_input(case: Case) -> Wrong:
    if case.own and case.role.kind in ("w", ""):
        yield named(case.own[0].user), case.where(case.own, lambda e: 1.0)


def no_upstream(case: Case) -> Wrong:
    yield "", sum(e.partial for e in case.own)


def inputs(net: Value) -> list[Value | float]:
    """What a net multiplies its weights with."""
    found: list[Any] = list(net._groups())
    return list(found[1]) if len(found) > 1 and len(found[0]) == len(found[1]) else []


def other_input(case: Case) -> Wrong:
    for e in case.own:
        if case.role.kind == "w":
            for k, p in enumerate(inputs(e.user)):
                if k != e.position:
                    yield named(p), case.where([e], lambda _, p=p: number(p))  # type: ignore[misc]


def net_input(case: Case) -> Wrong:
    for e in case.own:
        if case.role.kind == "w" and (net := case.nets.get(case.role.source)) is not None:
            yield named(net), case.where([e], lambda _: net.data)


def other_delta(case: Case) -> Wrong:
    if case.role.kind in ("w", "b"):
        for unit, net in case.nets.items():
            if layer(unit) == layer(case.role.unit) and unit != case.role.unit:
                yield unit, Cone(net, case.root, "diagnose").adjoint[net] * sum(e.partial for e in case.own)


def layer(unit: str) -> str:
    return unit.split("_")[0] if "_" in unit else unit.rstrip("0123456789")


# ---- the sum over the units that follow ---------------------------------------------------------


def only_one(case: Case) -> Wrong:
    ways = case.ways if len(case.ways) > 1 else case.own
    for e in ways if len(ways) > 1 else []:
        rest = [o for o in ways if o is not e]
        yield role(e.user).unit or named(e.user), case.where(rest, lambda o: 0.0)


def no_weight(case: Case) -> Wrong:
    if hidden(case):
        yield "", case.where(case.ways, lambda e: 1.0)


def magnitudes(case: Case) -> Wrong:
    if hidden(case) and len(case.ways) > 1:
        signs = {(e.user, e.position): abs(e.partial) * sign(case.cone.adjoint[e.user]) for e in case.ways}
        yield "", case.again(signs)


def transposed(case: Case) -> Wrong:
    users = [e.user for e in case.ways]
    if hidden(case) and case.ways:
        i = case.ways[0].position - len(inputs(users[0]))
        if len(inputs(users[0])) == len(users) and 0 <= i < len(users):
            weights: Any = users[i]._groups()[0]
            yield "", case.again({(e.user, e.position): number(weights[k]) for k, e in enumerate(case.ways)})


def updated(case: Case) -> Wrong:
    if hidden(case):
        x = case.here[0].user.data
        after = {(e.user, e.position): e.partial - case.eta * case.cone.adjoint[e.user] * x for e in case.ways}
        yield "", case.again(after)


def hidden(case: Case) -> bool:
    """Whether the node belongs to a unit whose output goes into other units."""
    return bool(case.ways) and all(role(e.user).kind == "net" and inputs(e.user) for e in case.ways)


def sign(v: float) -> float:
    return (v > 0) - (v < 0)


def number(p: Value | float) -> float:
    return p.data if isinstance(p, Value) else p


def named(p: Value | float) -> str:
    """What a node is called: its label, or its operation and its number."""
    return str(p.label) if isinstance(p, Value) and isinstance(p.label, (str, Role)) else f"{number(p):.6g}"


CATALOGUE: tuple[Mistake, ...] = (
    Mistake("half", "the 2 of d(t - o)²/do is dropped, or the sum was averaged over two outputs", halved),
    Mistake("sign", "the sign is turned: count the minus signs along the path", turned),
    Mistake("delta", "this is made with S63's delta, which lacks the factor -2 of dE/dnet", delta),
    Mistake("no slope", "the factor f'(net) of your own unit is missing: the slope of {}", no_slope),
    Mistake("misread", "{}", misread),
    Mistake("no slope beyond", "f'(net_k) of the units that follow is missing", no_slope_beyond),
    Mistake("bce delta", "o - t is dE/dnet of cross-entropy, this error is a sum of squares", bce_delta),
    Mistake("no input", "the last factor is missing: what the node is multiplied with in {}", no_input),
    Mistake("no upstream", "only the local derivative: what arrives from above is not multiplied in", no_upstream),
    Mistake("other input", "the last factor is {}, which belongs to the weight beside", other_input),
    Mistake("net for o", "the last factor is {}, before the activation; its output goes into the sum", net_input),
    Mistake("other delta", "dE/dnet is that of the unit beside, {}", other_delta),
    Mistake("one term", "only {} is in your sum; each use adds its part (+= , not =)", only_one),
    Mistake("no weight", "the weights w_k are missing from the sum over the units that follow", no_weight),
    Mistake("magnitudes", "the terms of the sum were added without their signs", magnitudes),
    Mistake("transposed", "the weights of the next layer are read with their indices swapped", transposed),
    Mistake("updated", "the next layer's weights were updated first, the sum needs the old ones", updated),
)


def slips(of: Value, root: Value, eta: float = 0.5) -> list[Slip]:
    """Every catalogued mistake that can be made at `of`, with the number it gives for d root / d of.

    `eta` is the step of a learner who updates before the sum. Slips that give the right number are left out.
    Raises as `explain` does: TypeError for anything but Values, ValueError for a node outside the graph.

    >>> from engine import Value
    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> [(s.mistake.key, s.value) for s in slips(a, a * b * 0.5)][:2]
    [('sign', 1.5), ('misread', 1.0)]
    """
    case = Case(of, root, eta)
    found = [Slip(m, m.cause.format(place), v) for m in CATALOGUE for place, v in m.wrong(case)]
    return [s for s in found if not abs(s.value - case.right) <= 1e-12 * abs(case.right)]
