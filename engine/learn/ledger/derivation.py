"""S63: the Swarthmore derivation, line by line."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from engine.derivatives import gradient
from engine.graph import topological
from engine.learn.ledger.entry import Entry, Side, at_most, below, equal
from engine.learn.ledger.network import PLAIN, Net
from engine.learn.ledger.slides import notes, stepped, weights


ALPHA = 0.5  # of S63-c and d; with the 2 absorbed it is twice that
sigma, slope = PLAIN["sigmoid"]


class Path:
    """The two weights of the derivation, w_h from i1 to h1 and w_o from h1 to y1, and the numbers along that path."""

    def __init__(self, net: Net) -> None:
        n = self.n = notes(net)
        self.i, self.h, self.o = n.inputs[0], n.units[1][0], n.outputs[0]
        self.w_o, self.w_h = f"w_{self.o},{n.last_hidden[0]}", f"w_{self.h},{self.i}"
        self.h_last = n.last_hidden[0]
        self.t, self.y = n.t[0], n.number(f"o_{self.o}")
        self.a_h, self.a_i = n.number(f"o_{self.h_last}"), n.x[0]
        self.z = n.number(f"net_{self.o}")
        self.front = -2 * (self.t - self.y)

    def of(self, node: str, name: str) -> float:
        """D node / d name, by a backward pass from that node."""
        return self.n.slope_of(self.n[node], name)

    def term(self, k: int, name: str) -> float:
        """d(t_k - y_k)² / d name; 0 where the weight does not reach that output."""
        if self.n[name] not in topological(self.n[f"o_{self.n.outputs[k]}"]):
            return 0.0
        return float(gradient(self.n.terms()[k], [self.n[name]])[0].data)


def response(n: Net) -> Iterator[Side]:
    """The outputs by plain arithmetic, without any graph."""
    n, a = notes(n), list(n.x)
    for W, b in zip(n.W, n.b, strict=True):
        zero = b or (0.0,) * len(W)
        a = [sigma(math.fsum([*(w * v for w, v in zip(row, a, strict=True)), z])) for row, z in zip(W, zero, strict=True)]
    return (equal(n.number(f"o_{j}"), v) for j, v in zip(n.outputs, a, strict=True))


def depends(n: Net) -> Iterator[Side]:
    """The error depends on w, on x and on t: its derivatives by each."""
    n = notes(n)
    for i in n.inputs:
        terms = [n.number(f"w_{j},{i}") * n.slope(f"net_{j}") for j in n.units[1]]
        yield equal(n.slope(i), math.fsum(terms), sum(map(abs, terms)))
    for j in n.outputs:
        yield equal(n.slope(f"t_{j}"), -n.slope(f"o_{j}"))


def steepest(n: Net) -> Iterator[Side]:
    """Along -∇ε the slope of ε is -|∇ε|², and no other direction of that length is steeper."""
    n = notes(n)
    g = n.gradient()
    size = math.fsum(v * v for v in g)
    yield equal(n.along([-v for v in g]), -size)
    turned = [*g[1:], g[0]]
    yield at_most(-size * (1 + 1e-12), n.along([-v for v in turned]))


def component(n: Net) -> Iterator[Side]:
    """One weight moved alone: what ε loses at first is (∂ε/∂w_i)²."""
    n = notes(n)
    for k, g in enumerate(n.gradient()):
        yield equal(n.along([-g if i == k else 0.0 for i in range(len(n.names))]), -g * g)
    moved = stepped(n, ALPHA)
    yield from (equal(a, w - ALPHA * n.slope(name), 1.0) for a, w, name in zip(moved.numbers(), n.numbers(), n.names, strict=True))


def sigmoids(n: Net) -> Iterator[Side]:
    n = notes(n)
    return (equal(n.number(f"o_{j}"), sigma(n.number(f"net_{j}"))) for j in [*n.last_hidden, *n.outputs])


def squares(n: Net) -> Iterator[Side]:
    n = notes(n)
    yield equal(n.number("E"), sum((t - n.number(f"o_{j}")) ** 2 for t, j in zip(n.t, n.outputs, strict=True)))


def sum_of_terms(which: Callable[[Path], str]) -> Callable[[Net], Iterator[Side]]:
    def check(n: Net) -> Iterator[Side]:
        p = Path(n)
        terms = [p.term(k, which(p)) for k in range(len(p.n.outputs))]
        yield equal(p.n.slope(which(p)), math.fsum(terms), sum(map(abs, terms)))

    return check


def only_y1(n: Net) -> Iterator[Side]:
    p = Path(n)
    yield equal(p.n.slope(p.w_o), p.term(0, p.w_o))
    yield from (equal(p.term(k, p.w_o), 0.0) for k in range(1, len(p.n.outputs)))


def reciprocal(n: Net) -> Iterator[Side]:
    """The six lines of σ', each a number, against the slope on the edge."""
    p = Path(n)
    for j in [*p.n.last_hidden, *p.n.outputs]:
        z = p.n.number(f"net_{j}")
        e, exact = math.exp(-z), p.of(f"o_{j}", f"net_{j}")
        lines = (e / (1 + e) ** 2, (1 / (1 + e)) * (e / (1 + e)), sigma(z) * (e / (1 + e)))
        yield from (equal(line, exact) for line in (*lines, sigma(z) * sigma(-z)))
        yield equal(sigma(z) * (1 - sigma(z)), exact, 1e-3)


def output(right: Callable[[Path], float]) -> Callable[[Net], Iterator[Side]]:
    """The derivative by w_o, against a line of its derivation."""

    def check(n: Net) -> Iterator[Side]:
        p = Path(n)
        yield equal(p.n.slope(p.w_o), right(p))

    return check


def hidden(right: Callable[[Path], float]) -> Callable[[Net], Iterator[Side]]:
    """The share of y1 in the derivative by w_h, against a line of its derivation; one hidden layer."""

    def check(n: Net) -> Iterator[Side]:
        p = Path(shallow(n))
        yield equal(p.term(0, p.w_h), right(p))

    return check


def shallow(n: Net) -> Net:
    """With one hidden layer, as the derivation has it: the first, and the outputs as far as they fit."""
    if len(n.W) == 2:
        return n
    m = len(n.W[0])
    top = tuple(tuple((row * m)[:m]) for row in n.W[-1])
    return Net(n.x, n.t, (n.W[0], top), (n.b[0], n.b[-1]), n.hidden, n.output)


def expanded(p: Path) -> float:
    """∂ Σ_i w_i a_i / ∂w_o, the sum over all that feed y1."""
    return math.fsum(p.of(f"net_{p.o}", f"w_{p.o},{i}") * float(f"w_{p.o},{i}" == p.w_o) for i in p.n.last_hidden)


def deltas(n: Net) -> dict[str, float]:
    """δ of every unit, from the forward pass: -1/2 dE/dnet."""
    n = notes(n)
    found = {}
    for j, t in zip(n.outputs, n.t, strict=True):
        y = n.number(f"o_{j}")
        found[j] = y * (1 - y) * (t - y)
    for here, above in zip(reversed(n.units[1:-1]), reversed(n.units[2:]), strict=True):
        for h in here:
            a = n.number(f"o_{h}")
            found[h] = a * (1 - a) * math.fsum(found[o] * n.number(f"w_{o},{h}") for o in above)
    return found


def output_deltas(n: Net) -> Iterator[Side]:
    n, d = notes(n), deltas(n)
    return (equal(-2 * d[j], n.slope(f"net_{j}"), 1e-6) for j in n.outputs)


def mixed_deltas(n: Net) -> Iterator[Side]:
    """As printed: y of the first unit before, t and y of another behind."""
    n = notes(n)
    y1, last = n.number(f"o_{n.outputs[0]}"), n.outputs[-1]
    yield equal(y1 * (1 - y1) * (n.t[-1] - n.number(f"o_{last}")), n.slope(f"net_{n.outputs[0]}"))


def absorbed(layer: int, factor: float) -> Callable[[Net], Iterator[Side]]:
    """The step w + factor α δ a against w - α ∂ε/∂w, for the weights into a layer."""

    def check(n: Net) -> Iterator[Side]:
        n, d = notes(n), deltas(n)
        for j, i in weights(n, layer):
            w = n.number(f"w_{j},{i}")
            step = factor * ALPHA * d[j] * n.number(f"o_{i}")
            yield equal(w - ALPHA * n.slope(f"w_{j},{i}") - w, step, max(abs(w), abs(step)) or 1.0)

    return check


def by_w_o(n: Net) -> Iterator[Side]:
    """As printed: the terms differentiated by w_o where ∂ε/∂w_h is meant."""
    p = Path(shallow(n))
    yield equal(p.n.slope(p.w_h), math.fsum(p.term(k, p.w_o) for k in range(len(p.n.outputs))))


def sum_of_paths(n: Net) -> Iterator[Side]:
    p = Path(shallow(n))
    a, terms = p.n.number(f"o_{p.h}"), []
    for o, t in zip(p.n.outputs, p.n.t, strict=True):
        y = p.n.number(f"o_{o}")
        terms.append(-2 * (t - y) * y * (1 - y) * p.n.number(f"w_{o},{p.h}") * a * (1 - a) * p.a_i)
    yield equal(p.n.slope(p.w_h), math.fsum(terms), sum(map(abs, terms)))


def with_deltas(n: Net) -> Iterator[Side]:
    p = Path(shallow(n))
    d, a = deltas(p.n), p.n.number(f"o_{p.h}")
    terms = [d[o] * p.n.number(f"w_{o},{p.h}") * a * (1 - a) * p.a_i for o in p.n.outputs]
    yield equal(p.n.slope(p.w_h), -2 * math.fsum(terms), 2 * sum(map(abs, terms)))


def hidden_deltas(n: Net) -> Iterator[Side]:
    n, d = notes(n), deltas(n)
    scale = max(map(abs, d.values()))
    return (equal(-2 * d[j], n.slope(f"net_{j}"), scale) for layer in n.units[1:-1] for j in layer)


def recursion(n: Net) -> Iterator[Side]:
    n = notes(n).deeper
    yield below(2, len(n.W))
    yield from hidden_deltas(n)


def dy(p: Path) -> float:
    """y1 (1 - y1)."""
    return p.y * (1 - p.y)


def w_o(p: Path) -> float:
    return p.n.number(p.w_o)


def fh(p: Path) -> float:
    """a_h1 (1 - a_h1)."""
    return p.a_h * (1 - p.a_h)


SAID = "S63 in explain(w, E, notes='S63')"
ENTRIES = (
    Entry("S63-a", "NN(x) = y", response, 1, "01", "the values of the nodes o_j, in every derivation"),
    Entry("S63-b", "ε = ε(w, x, t)", depends, 1, "01", "explain works for x and t as it does for w"),
    Entry("S63-c", "w' = w - α ∇ε", steepest, 11, "05", "the step line of explain(w, E, eta=...)"),
    Entry("S63-d", "w'_i = w_i - α ∂ε/∂w_i", component, 11, "05", "the step line of explain(w, E, eta=...)"),
    Entry("S63-e", "σ(z) = 1 / (1 + e^-z)", sigmoids, 5, "02", "the value of each node o_j, in every derivation"),
    Entry("S63-f", "ε = Σ_i (t_i - y_i)²", squares, 8, "04", "explain: S63-f"),
    Entry("S63-g", "∂ε/∂w_o = Σ_i ∂/∂w_o (t_i - y_i)²", sum_of_terms(lambda p: p.w_o), 9, "04", SAID),
    Entry("S63-h", "only y_1 depends on w_o", only_y1, 9, "04", "an output that a weight does not reach has no path from it"),
    Entry("S63-i", "-2 (t_1 - y_1) ∂/∂w_o σ(w_o · a_h)", output(lambda p: p.front * p.of(f"o_{p.o}", p.w_o)), 9, "04", SAID),
    Entry("S63-j", "σ' = σ (1 - σ), in six lines", reciprocal, 5, "02", "the factor y (1 - y) of a sigmoid"),
    Entry("S63-1", "-2 (t_1 - y_1) σ(w·a)(1 - σ(w·a)) ∂(w·a)/∂w_o",
          output(lambda p: p.front * sigma(p.z) * (1 - sigma(p.z)) * p.of(f"net_{p.o}", p.w_o)), 9, "04", "explain: S63-1"),
    Entry("S63-2", "-2 (t_1 - y_1) y_1 (1 - y_1) ∂(w·a)/∂w_o",
          output(lambda p: p.front * dy(p) * p.of(f"net_{p.o}", p.w_o)), 9, "04", "the factor y (1 - y), notes='S63'"),
    Entry("S63-3", "... ∂/∂w_o Σ_i w_i a_i", output(lambda p: p.front * dy(p) * expanded(p)), 9, "04", SAID),
    Entry("S63-4", "... ∂/∂w_o w_o a_h1", output(lambda p: p.front * dy(p) * (w_o(p) * p.a_h) / w_o(p)), 9, "04", SAID),
    Entry("S63-5", "∂ε/∂w_o = -2 (t_1 - y_1) y_1 (1 - y_1) a_h1", output(lambda p: p.front * dy(p) * p.a_h), 9, "04", "explain: S63-5"),
    Entry("S63-k", "δ_1 = y_1 (1 - y_1)(t_o - y_o)", output_deltas, 9, "04", "explain: S63-k",
          "δ_o = y_o (1 - y_o)(t_o - y_o), and ∂ε/∂net_o = -2 δ_o", mixed_deltas),
    Entry("S63-l", "w' = w + α δ_o a_i, with the α of w' = w - α ∂ε/∂w", absorbed(-1, 2.0), 11, "05", "explain: S63-l",
          "α here is twice the α of S63-d: the 2 is absorbed", absorbed(-1, 1.0)),
    Entry("S63-m", "∂ε/∂w_h = Σ_i ∂/∂w_o (t_i - y_i)²", sum_of_terms(lambda p: p.w_h), 10, "04", "explain: S63-m",
          "∂/∂w_h in every term", by_w_o),
    Entry("S63-n", "-2 (t_1 - y_1) y_1 (1 - y_1) ∂(w·a)/∂w_h",
          hidden(lambda p: p.front * dy(p) * p.of(f"net_{p.o}", p.w_h)), 10, "04", SAID),
    Entry("S63-o", "... [∂(w_o a_h1)/∂w_h]", hidden(lambda p: p.front * dy(p) * (w_o(p) * p.of(f"o_{p.h}", p.w_h))), 10, "04", SAID),
    Entry("S63-6", "... w_o ∂a_h1/∂w_h", hidden(lambda p: p.front * dy(p) * w_o(p) * p.of(f"o_{p.h}", p.w_h)), 10, "04", SAID),
    Entry("S63-7", "... w_o ∂σ(a_i · w_h)/∂w_h",
          hidden(lambda p: p.front * dy(p) * w_o(p) * slope(p.n.number(f"net_{p.h}")) * p.of(f"net_{p.h}", p.w_h)), 10, "04", SAID),
    Entry("S63-p", "... w_o a_h1 (1 - a_h1) ∂(w_h a_i)/∂w_h",
          hidden(lambda p: p.front * dy(p) * w_o(p) * fh(p) * p.of(f"net_{p.h}", p.w_h)), 10, "04", SAID),
    Entry("S63-q", "... w_o a_h1 (1 - a_h1) a_i1", hidden(lambda p: p.front * dy(p) * w_o(p) * fh(p) * p.a_i), 10, "04", "explain: S63-q"),
    Entry("S63-r", "∂ε/∂w_h = Σ_o -2 (t_o - y_o) y_o (1 - y_o) w_(h→o) a_h (1 - a_h) a_i", sum_of_paths, 10, "01", "explain: S63-r"),
    Entry("S63-s", "= -2 Σ_o δ_o w_(h→o) a_h (1 - a_h) a_i", with_deltas, 10, "04", "explain: S63-s"),
    Entry("S63-t", "δ_h = a_h (1 - a_h) Σ_o δ_o w_(h→o)", hidden_deltas, 10, "04", "explain: S63-t"),
    Entry("S63-u", "w' = w + α δ_h a_i, with the α of w' = w - α ∂ε/∂w", absorbed(0, 2.0), 11, "05", "explain: S63-u",
          "α here is twice the α of S63-d: the 2 is absorbed", absorbed(0, 1.0)),
    Entry("S63-v", "the same for earlier layers, from the next layer's deltas", recursion, 13, "08", "explain: S63-t, layer after layer"),
)  # fmt: skip
