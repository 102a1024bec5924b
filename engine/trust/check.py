"""gradcheck: every rule of a graph and its whole gradient beside slopes that know nothing of them.

>>> gradcheck(lambda x, y: (x * y).tanh(), [0.5, 2.0])
<gradcheck passed: 2 derivatives, 2 nodes, by a complex step in 60 digits>
"""

from __future__ import annotations

import inspect
import math
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from engine.calls import Call, as_number, assembled, parts
from engine.derivatives import gradient as gradient_of
from engine.errors import short
from engine.graph import leaves, topological
from engine.naming import name
from engine.recording import check_fresh
from engine.trust.reevaluate import read_nodes, reevaluate
from engine.trust.report import Gradcheck, Line
from engine.trust.rules import check_node, judged, mend, same
from engine.trust.slopes import DIFFERENCES, Function, Slopes, measure, measure_second, ways
from engine.trust.systems import Refused, System
from engine.value import Value, number
from engine.whole import counted, whole


LONG = 60.0  # seconds, from which the time that a check takes is told before
FEW = 20_000  # arguments that a check reads, up to which it takes seconds: the time is not even estimated


def gradcheck(
    f: Any, xs: Sequence[Any] | None = None, *, order: int = 1, gradient: Callable[..., Any] | None = None, nodes: int | None = None
) -> Gradcheck:
    """Check the gradient of `f`, a function of Values or a Value with its graph; the report says what is wrong.

    For a function `xs` are its arguments, numbers or nested lists of them: `f(*xs)` is recorded. For a
    Value they are the nodes to differentiate by, all leaves unless given. With `gradient`, a function
    of the same arguments, `f` may be any function of floats, and only the two are compared.

    The partials of every node are compared with slopes of its value, the gradient with slopes of the
    graph: read again in 60 digits a step off the real axis (in floats without mpmath), by differences
    where an operation is known in floats only. The function itself is called beside `xs` as well, so
    that an `item()` that drops a gradient is noticed. At a kink the slopes on both sides are reported,
    and nothing fails; where no derivative has a slope to be compared with, the check does not pass. `order=2` checks the second derivatives too.

    It takes about half a millisecond a node and, for every input, two evaluations of what depends on it; what will
    take more than a minute says so beforehand. `nodes` limits it to the partials of as many nodes, evenly spread,
    which the report says; the gradient is compared as ever.

    >>> print(gradcheck(lambda x: x * x.item(), [3.0]))
    gradcheck failed: the gradient by x disagrees
    derivative by  at  analytic  numeric
    x               3         3        6  differs
        analytic is 0.500000 times the numeric
        f moves in a way that its graph does not show: item(), .data or a random number hides a dependence
    """
    if order not in (1, 2):
        raise ValueError(f"gradcheck: order is 1 or 2, not {short(order)}")
    nodes = None if nodes is None else whole("gradcheck: nodes", nodes, 1, ", or left out to check every one")
    if f.__class__ is Value:
        return _check_graph(f, _inputs(f, xs), order, None, nodes)
    if not callable(f):
        raise TypeError(f"gradcheck takes a function or a Value, not {short(f)}")
    if xs is None:
        raise TypeError("gradcheck: xs is missing: give the arguments of f, as in gradcheck(f, [1.0, 2.0])")
    calls = _Calls(f, xs)
    if gradient is not None:
        return _check_by_calls(calls, gradient)
    root, inputs = calls.record({})
    again = calls.record({})[0].data
    if root.data != again and root.data == root.data:
        raise ValueError(f"gradcheck: f gave {root.data!r} and then {again!r} for the same arguments; fix its seed")
    return _check_graph(root, [(str(x.label), x) for x in inputs], order, calls, nodes)


def _inputs(root: Value, xs: Any) -> list[tuple[str, Value]]:
    nodes = topological(root)
    if not (xs is None or isinstance(xs, Value | Iterable)):
        raise TypeError(f"gradcheck: of a graph, xs is a list of its Values, as in [w, x], not {short(xs)}")
    xs = list(leaves(root)) if xs is None else [xs] if isinstance(xs, Value) else list(xs)
    known = set(nodes)
    for x in xs:
        if x not in known:
            raise ValueError(f"gradcheck: {short(x)} is not in the graph of {root!r}")
    return [(f"node {nodes.index(x)}" if x.label is None else name(x), x) for x in xs]


# ---- a graph ------------------------------------------------------------------------------------


def _check_graph(root: Value, inputs: list[tuple[str, Value]], order: int, calls: _Calls | None, most: int | None) -> Gradcheck:
    if not inputs:
        given = "f takes arguments, as in gradcheck(f, [1.0, 2.0])" if calls else "xs names Values of its graph, as in [w, x]"
        raise ValueError(f"gradcheck: there is nothing to differentiate {root!r} by; see that {given}")
    check_fresh(root)
    graph = _Graph(root)
    _tell_if_long(graph, len(inputs) ** order, most)
    lines = []
    for j, (s, x) in enumerate(inputs):
        line, slopes = graph.first(s, x)
        lines.append(line if calls is None else _beside_calls(line, slopes, calls, j, graph.magnitude))
    nodes = graph.nodes
    if order == 2:
        smooth = [pair for pair, line in zip(inputs, lines, strict=True) if line.verdict != "kink"]
        rows = gradient_of(root, [x for _, x in smooth if x in graph.known])
        lines += graph.second([pair for pair in smooth if pair[1] in graph.known], rows)
        nodes = topological(root, *rows)
    computed = [n for n in nodes if n.op is not None]
    chosen = _spread(computed, most)
    return Gradcheck(lines, [finding for n in chosen for finding in check_node(n)], len(chosen), len(computed))


def _spread(nodes: list[Value], most: int | None) -> list[Value]:
    """As many of the nodes, evenly spread."""
    if most is None or most >= len(nodes):
        return nodes
    return [nodes[k * len(nodes) // most] for k in range(most)]


def _tell_if_long(graph: _Graph, derivatives: int, most: int | None) -> None:
    """Say how long a check will take, by a sample, if it is more than a minute."""
    if sum(len(g) for n in graph.nodes for g in n._groups()) * (1 + derivatives) <= FEW:
        return
    chosen = _spread([n for n in graph.nodes if n.op is not None], most)
    some, first, system = _spread(chosen, 20), graph.nodes[:200], ways()[0].system
    check = _seconds(lambda: [check_node(n) for n in some]) / max(1, len(some))
    beside = {n: system.number(n.data) + system.number(1e-60j) for n in first if n.op is None}
    read = _seconds(lambda: read_nodes(first, system, beside)) / len(first)
    seconds = check * len(chosen) + read * len(graph.nodes) * (1 + 2 * derivatives)
    if seconds > LONG:
        told = f"{counted(len(chosen), 'node')} and {counted(derivatives, 'derivative')} take about {seconds:,.0f} seconds"
        warnings.warn(f"gradcheck: {told}; fewer xs, or nodes={len(chosen) // 10 or 1}, take less", stacklevel=4)


def _seconds(work: Callable[[], object]) -> float:
    """How long `work` takes, when it is done again: the first time libraries are loaded and rows are read."""
    work()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class _Graph:
    """A recorded graph: its gradient, and its root as a function of any of its nodes, in any numbers."""

    def __init__(self, root: Value) -> None:
        self.root, self.nodes = root, topological(root)
        self.known = set(self.nodes)
        self.gradient, self.sizes = _backward(root), _sizes(root)
        self.magnitude = _total(abs(n.data) * size for n, size in self.sizes.items())  # of what rounding can move
        self._read: dict[System, dict[Value, Any]] = {}

    def first(self, s: str, x: Value) -> tuple[Line, Slopes]:
        """The derivative by `x`, named `s`, beside the slopes of the root along `x`."""
        slopes, way = measure(lambda system: lambda p: self.at(system, {x: p}), x.data, self.magnitude)
        d = self.gradient.get(x, 0.0)
        line = _line(s, x.data, d, slopes, max(way.error, 1e-9), 1e-12 * self.sizes.get(x, 0.0), way.name)
        if line.verdict == "differs" and way.system.digits > 16 and self._only_rounded(x, d, slopes):
            remark = "the rules are right, but floats lose digits on the way: see precision_report"
            return line._replace(verdict="rounding", remark=remark), slopes
        return line, slopes

    def second(self, inputs: list[tuple[str, Value]], rows: Sequence[Value]) -> list[Line]:
        """The second derivatives: backward through each of `rows`, the gradient, beside slopes of slopes."""
        lines = []
        for (s, x), g in zip(inputs, rows, strict=True):
            analytic, sizes = _backward(g), _sizes(g)
            for t, z in inputs:
                f = partial(self._of_two, x, z)
                slopes, way = measure_second(f, x.data, z.data)
                slack = 1e-12 * sizes.get(z, 0.0)
                error = max(way.error, 1e-8)
                lines.append(_line(f"{s}, {t}", None, analytic.get(z, 0.0), slopes, error, slack, way.name))
        return lines

    def _of_two(self, x: Value, z: Value, system: System) -> Callable[[Any, Any], Any]:
        """The root as a function of `x` and `z`; if they are one, each of both moves it."""
        return lambda p, q: self.at(system, {x: p + q - system.number(x.data)} if x is z else {x: p, z: q})

    def at(self, system: System, changed: dict[Value, Any]) -> Any:
        """The root's number in `system`, with other numbers at some nodes."""
        if system not in self._read:
            self._read[system] = read_nodes(self.nodes, system, {})
        if all(n in self.known and self._read[system][n] == p for n, p in changed.items()):
            return self._read[system][self.root]
        above = {n for n in changed if n in self.known}
        for n in self.nodes:
            if n not in above and any(p in above for p in n._values()):
                above.add(n)
        fixed = {n: x for n, x in self._read[system].items() if n not in above}
        return read_nodes([n for n in self.nodes if n in above], system, fixed | changed)[self.root]

    def _only_rounded(self, x: Value, d: float, slopes: Slopes) -> bool:
        """Whether `d` is what the rules give in floats, and right are the same rules in many digits."""
        floats, digits = (reevaluate(self.root, kind, digits=60).gradients[x] for kind in (float, "mpmath"))
        return same(d, floats) and judged(digits, 0.0, slopes, 1e-12) == "agrees"


def _backward(root: Value) -> dict[Value, float]:
    """What `root.backward()` gives every node, which keep the gradients that they have."""
    nodes = topological(root)
    held = [n.grad for n in nodes]
    try:
        for n in nodes:
            n.grad = None
        root.backward()
        return {n: 0.0 if n.grad is None else n.grad for n in nodes}
    finally:
        for n, g in zip(nodes, held, strict=True):
            n.grad = g


def _sizes(root: Value) -> dict[Value, float]:
    """The sum over all paths to a node of the size of what they contribute: rounding errors are relative to it."""
    sizes = {root: 1.0}
    for n in reversed(topological(root)):
        size = sizes.setdefault(n, 0.0)
        for p, d in zip(n.args, n.partials, strict=True):
            if p.__class__ is Value and d is not None:
                term = abs(d) * size if size else 0.0
                sizes[p] = sizes.get(p, 0.0) + (term if math.isfinite(term) else 0.0)
    return sizes


def _total(xs: Iterable[float]) -> float:
    """The sum of what is finite."""
    s = 0.0
    for x in xs:
        s += x if math.isfinite(x) else 0.0
    return s


def _line(s: str, x: float | None, d: float, slopes: Slopes, error: float, slack: float, by: str) -> Line:
    verdict = judged(d, slack, slopes, error)
    n = slopes.number
    remark = mend(d, float(n)) if verdict == "differs" else ""
    if verdict == "kink":
        return Line(s, x, d, None, verdict, by, slopes.sides)
    return Line(s, x, d, None if n is None else float(n), verdict, by, remark)


# ---- a function ---------------------------------------------------------------------------------


class _Calls:
    """A function at its arguments, ready to be called beside them."""

    def __init__(self, f: Callable[..., Any], xs: Sequence[Any]) -> None:
        if not isinstance(xs, list | tuple):
            raise TypeError(f"gradcheck: xs is the sequence of the arguments of f, as in [1.0, 2.0], not {short(xs)}")
        self.f, self.xs = f, xs
        names = [f"x{i}" for i in range(len(xs))]
        try:
            bound = inspect.signature(f).bind(*xs)
            if len(bound.arguments) == len(xs):
                names = list(bound.arguments)
        except TypeError as why:
            raise TypeError(
                f"gradcheck: f cannot be called with {counted(len(xs), 'argument')} ({why}); one that is a list is [[1.0, 2.0]]"
            ) from None
        except ValueError:  # no signature
            pass
        self.numbers: list[float] = []
        self.labels: list[str] = []
        for s, x in zip(names, xs, strict=True):
            for place, p in parts(x):
                self.numbers.append(p.data if p.__class__ is Value else as_number(p, f"gradcheck: {s}{place}"))
                self.labels.append(s + place)

    def record(self, changed: dict[int, float]) -> tuple[Value, list[Value]]:
        """The graph that `f` records over fresh Values, some of them changed, and these Values."""
        call = Call("gradcheck", self.f, tuple(range(len(self.xs))), self._shaped(changed))
        root = call.output()
        for x, s in zip(call.xs, self.labels, strict=True):
            x.label = s
        return root, call.xs

    def number(self, changed: dict[int, float]) -> float:
        """What `f` gives for plain floats."""
        return number(self.f(*self._shaped(changed)), "gradcheck: f")

    def along(self, j: int, call: Callable[[dict[int, float]], Any]) -> Function:
        """The `call` as a function of input `j`."""

        def along(x: float) -> Any:
            try:
                return call({j: x})
            except (ArithmeticError, ValueError) as why:
                return Refused(str(why))

        return along

    def _shaped(self, changed: dict[int, float]) -> list[Any]:
        items = iter([changed.get(j, x) for j, x in enumerate(self.numbers)])
        return [assembled(x, items) for x in self.xs]


def _beside_calls(line: Line, slopes: Slopes, calls: _Calls, j: int, magnitude: float) -> Line:
    """The same line, failed if `f` itself moves otherwise than the graph that it records."""
    f = calls.along(j, lambda changed: calls.record(changed)[0].data)
    by_calls = DIFFERENCES.measure(f, calls.numbers[j], magnitude)
    if slopes.kind == "smooth" and by_calls.kind == "kink":
        return line._replace(verdict="kink", numeric=None, remark=f"f branches here: {by_calls.sides}")
    if slopes.kind != "smooth" or by_calls.kind != "smooth" or line.verdict == "differs":
        return line
    if judged(float(slopes.number), 0.0, by_calls, 1e-5) == "agrees":
        return line
    hidden = "f moves in a way that its graph does not show: item(), .data or a random number hides a dependence"
    numeric = float(by_calls.number)
    remark = f"{mend(line.analytic, numeric)}\n{hidden}"
    return line._replace(numeric=numeric, verdict="differs", by=DIFFERENCES.name, remark=remark)


def _check_by_calls(calls: _Calls, gradient: Callable[..., Any]) -> Gradcheck:
    """The numbers of `gradient` beside central differences of `f`, a function of floats."""
    found = gradient(*calls.xs)
    given = [as_number(p, f"gradcheck: gradient{place}") for place, p in parts(found)]
    if len(given) != len(calls.numbers):
        raise ValueError(
            f"gradcheck: gradient gives {counted(len(given), 'number')} for {counted(len(calls.numbers), 'input')}: {short(found)}"
        )
    lines = []
    for j, (s, x, d) in enumerate(zip(calls.labels, calls.numbers, given, strict=True)):
        slopes = DIFFERENCES.measure(calls.along(j, calls.number), x)
        lines.append(_line(s, x, d, slopes, DIFFERENCES.error, 0.0, DIFFERENCES.name))
    return Gradcheck(lines, [], 0)
