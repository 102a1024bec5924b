"""S0-n: the slides item by item, each claim in our own words, with the check that computes it and what runs it at length."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from engine.derivatives import gradient
from engine.graph import topological
from engine.learn.ledger import derivation, errata, slides
from engine.learn.ledger.entry import Check, Entry, Side, below, equal
from engine.learn.ledger.network import PLAIN, Net
from engine.learn.ledger.slides import notes, stepped, weights
from engine.value import Value


ERRATA = {e.id: e for e in errata.ENTRIES}


def misprint(key: str, says: str, of: str, shown: str = "") -> Entry:
    """An item that an erratum corrects: its counter-example and its exact form."""
    return replace(ERRATA[of], id=key, says=says, shown=shown)


def both(*checks: Check) -> Check:
    """Several checks as one."""
    return lambda n: (side for check in checks for side in check(n))


def true_gradient(n: Net) -> Iterator[Side]:
    """Two samples: the slope of the sum of their errors along a direction is the sum of the single gradients along it."""
    one = notes(n)
    other = replace(one, x=tuple(-v for v in n.x))
    d = {name: (-1.0) ** k / (k + 1) for k, name in enumerate(one.names)}
    a = Value(0.0, "a")
    first, second = (m.recorded(lambda name, leaf: leaf + a * d[name])["E"] for m in (one, other))
    terms = [g * d[name] for m in (one, other) for g, name in zip(m.gradient(), one.names, strict=True)]
    yield equal(gradient(first + second, [a])[0].data, math.fsum(terms), sum(map(abs, terms)))


def repeated(n: Net) -> Iterator[Side]:
    """Ten copies of a sample: ten gradients make one step of the batch, or ten steps, which come further."""
    start = notes(n)
    batch, single = stepped(start, 1e-3), start
    for _ in range(10):
        single = stepped(single, 1e-3)
    yield below(single.number("E"), batch.number("E"))


def any_activation(n: Net) -> Iterator[Side]:
    """One rule for every activation: only f' is another."""
    for f in ("sigmoid", "tanh", "linear"):
        m = n.like(f, f)
        for j, i in weights(m, -1):
            error = m.t[m.outputs.index(j)] - m.number(f"o_{j}")
            yield equal(m.slope(f"w_{j},{i}"), -2 * error * PLAIN[f][1](m.number(f"net_{j}")) * m.number(f"o_{i}"))


def two_cases(n: Net) -> Iterator[Side]:
    """Every weight leads to an output or to a hidden unit, and there is no third case."""
    hidden = sum(len(weights(n, layer)) for layer in range(len(n.W) - 1))
    yield equal(hidden + len(weights(n, -1)), sum(name[0] == "w" for name in n.names))


def inputs_of_nodes(n: Net) -> Iterator[Side]:
    for layer in range(len(n.W)):
        for j, i in weights(n, layer):
            yield equal(n.slope_of(n[f"net_{j}"], f"w_{j},{i}"), n.number(f"o_{i}"))


def from_the_output(n: Net) -> Iterator[Side]:
    """The slope from what the forward pass has left: y (1 - y) of a sigmoid, 1 - y² of tanh."""
    for f in ("sigmoid", "tanh"):
        m = n.like(f, f)
        for j in m.last_hidden:
            y = m.number(f"o_{j}")
            yield equal(m.slope_of(m[f"o_{j}"], f"net_{j}"), y * (1 - y) if f == "sigmoid" else 1 - y * y, 1e-3)


def backwards(n: Net) -> Iterator[Side]:
    """In the order of the pass every node stands after its arguments, so its gradient is whole before it is handed on."""
    order = {v: k for k, v in enumerate(topological(n["E"]))}
    yield from (below(order[p], k) for v, k in order.items() for p in v.args if isinstance(p, Value))
    yield from slides.sums(n)


SAID = "explain, line by line"
ENTRIES = (
    Entry("S0-1", "stochastic descent takes the gradient of one sample for that of all", true_gradient, 11, "05", "LEC-R1"),
    Entry("S0-2", "the true gradient is the change of the error over all samples", true_gradient, 11, "05", "LEC-R1", shown="single_gradients"),
    Entry("S0-3", "the common form: one pattern, its error alone, an update", derivation.component, 11, "05", "LEC-1", shown="two_walks"),
    Entry("S0-4", "a step may be worse for other patterns; small steps average", slides.averages, 11, "05", "LEC-R1", shown="other_patterns"),
    misprint("S0-5", "an update on every example instead of updating every weight until the end", "ERR-16"),
    misprint("S0-6", "∇w_i ≅ η (t - o) x_i", "ERR-1"),
    Entry("S0-7", "learning is faster on much data", repeated, 11, "05", "LEC-R2", shown="redundant_data"),
    Entry("S0-8", "with several minima single steps may not get stuck", slides.escapes, 12, "07", "LEC-R3", shown="double_well"),
    Entry("S0-9", "the lecture pauses: the rule so far is that of a linear unit", slides.linear_slope, 11, "05", "LEC-8"),
    Entry("S0-10", "from here on for any activation f", any_activation, 9, "04", "explain: LEC-6"),
    Entry("S0-11", "E of one input; a weight leads to an output node or to a hidden one", two_cases, 9, "04", "the heading of explain"),
    Entry("S0-12", "for an output node the situation is simple", slides.output_weights, 9, "04", "explain: LEC-6"),
    Entry("S0-13", "always the chain rule", both(slides.chain, slides.sums), 9, "04", "explain: LEC-5"),
    misprint("S0-14", "the multi-label error, called MSE", "ERR-3"),
    Entry("S0-15", "o_j = f(net_j)", slides.activations, 7, "04", "the value of each node o_j, in every derivation"),
    Entry("S0-16", "net_j = Σ_i o_i w_ji, the weight to j from i", slides.nets, 7, "04", "the value of each node net_j"),
    Entry("S0-17", "a derivative of three factors", slides.chain, 9, "04", "explain: LEC-5"),
    misprint("S0-18", "-(t_j - o_j) f'(net_j) o_i", "ERR-2"),
    Entry("S0-19", "o_i is the input to node j: dnet_j/dw_ji = o_i", inputs_of_nodes, 9, "04", "explain: LEC-5, last factor"),
    Entry("S0-20", "the same formulas beside the figure", slides.chain, 9, "04", "explain: LEC-5"),
    Entry("S0-21", "sigmoid: f' = e^-n/(1 + e^-n)² = (1 - a) a", slides.sigmoid_slope, 5, "02", "explain: LEC-7"),
    Entry("S0-22", "linear: f' = 1", slides.linear_slope, 5, "02", "explain: LEC-8"),
    Entry("S0-23", "after the forward pass f' is at hand", from_the_output, 5, "02", "the factor y (1 - y)"),
    misprint("S0-24", "a node saturates where its output is large", "ERR-4", "saturation"),
    Entry("S0-25", "earlier layers learn slower: the gradient vanishes", slides.quarter, 13, "08", "LEC-10", shown="vanishing_gradient"),
    Entry("S0-26", "of a hidden node no target is known", slides.sums, 10, "04", "explain: LEC-12"),
    Entry("S0-27", "hidden: dE/dw_ji = dE/do_j f'(net_j) o_i", slides.hidden_weights, 10, "04", "explain: LEC-11"),
    Entry("S0-28", "dE/do_j = Σ_k w_kj dE/dnet_k, at any depth", slides.sums, 10, "04", "explain: LEC-12"),
    Entry("S0-29", "cross-entropy: dE/dy = -t/y + (1 - t)/(1 - y)", slides.bce_slope, 8, "02", "explain: LEC-14", shown="sse_or_bce"),
    Entry("S0-30", "t = 1: -1/y, below 0, so y is raised", slides.bce_one, 8, "02", "explain: LEC-15"),
    Entry("S0-31", "t = 0: 1/(1 - y), above 0, so y is lowered", slides.bce_zero, 8, "02", "explain: LEC-16"),
    misprint("S0-32", "error landscapes of VGG-56 and VGG-110", "ERR-8", "skip_connections"),
    Entry("S0-33", "descent along the gradient is the standard rule; Hebb's, the perceptron's and LMS are older", derivation.steepest, 11, "05", "S63-c"),
    misprint("S0-34", "descent finds a local minimum", "ERR-9", "saddle_points"),
    Entry("S0-35", "stochastic descent can leave a local minimum", slides.escapes, 12, "07", "LEC-R3", shown="local_minimum"),
    Entry("S0-36", "the chain rule, backwards, layer by layer", backwards, 3, "01", "explain: LEC-12"),
    Entry("S0-37", "be able to compute gradient descent by hand", slides.by_hand, 9, "04", SAID),
    Entry("S0-38", "figures: a node with its inputs, the curves of the activations", both(slides.nets, slides.activations), 7, "04", "draw(E)"),
)  # fmt: skip
