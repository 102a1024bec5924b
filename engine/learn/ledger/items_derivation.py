"""S1-n: the derivation item by item, each claim in our own words, with the check that computes it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from engine.derivatives import gradient
from engine.graph import topological
from engine.learn.ledger import derivation
from engine.learn.ledger.derivation import Path, deltas, shallow
from engine.learn.ledger.entry import Check, Entry, Side, below, equal
from engine.learn.ledger.items_slides import any_activation, both, misprint
from engine.learn.ledger.network import Net
from engine.learn.ledger.slides import notes, stepped


S63 = {e.id: e for e in derivation.ENTRIES}


def line(key: str, says: str, of: str) -> Entry:
    """An item that is an equation of the derivation, in other words."""
    e = S63[of]
    return Entry(key, says, e.check, e.lesson, e.notebook, f"{of}: {e.line}", e.exact, e.printed)


def counted(n: Net) -> Iterator[Side]:
    """Weights are the connections; biases are counted apart."""
    sizes = [len(layer) for layer in n.units]
    yield equal(sum(name[0] == "w" for name in n.names), sum(i * j for i, j in pairwise(sizes)))
    yield equal(sum(name[0] == "b" for name in n.names), sum(len(b) for b in n.b if b is not None))


def targets(n: Net) -> Iterator[Side]:
    """No target is reached by a weight, so d(t - y) gives -dy."""
    p = Path(n)
    yield equal(sum(p.n[name] in topological(p.n[f"t_{p.o}"]) for name in p.n.names), 0)
    yield equal(p.n.slope_of(p.n[f"t_{p.o}"] - p.n[f"o_{p.o}"], p.w_o), -p.of(f"o_{p.o}", p.w_o))


def one_over(n: Net) -> Iterator[Side]:
    """[1/f]' = -f'/f², by one division."""
    n = notes(n)
    for j in n.last_hidden:
        f = n[f"o_{j}"]
        yield equal(float(gradient(1 / f, [n[f"net_{j}"]])[0].data), -n.slope_of(f, f"net_{j}") / f.data**2)


def old_weights(n: Net) -> Iterator[Side]:
    """δ_h from the weights before the step is -1/2 dE/dnet_h; from those after it, it is something else."""
    n = notes(shallow(n))
    after = stepped(n, 0.5)
    d = deltas(n)
    scale = max(map(abs, d.values()))
    h = n.last_hidden[0]
    a = n.number(f"o_{h}")
    late = a * (1 - a) * sum(d[o] * after.number(f"w_{o},{h}") for o in n.outputs)
    yield equal(-2 * d[h], n.slope(f"net_{h}"), scale)
    yield below(0.0, abs(late - d[h]))


def path(of: str) -> Check:
    return S63[of].check


ENTRIES = (
    line("S1-1", "a network is a function of its inputs", "S63-a"),
    line("S1-2", "and of its weights", "S63-a"),
    line("S1-3", "its error depends on weights, inputs and targets", "S63-b"),
    line("S1-4", "the gradient is the steepest way up; a step goes against it", "S63-c"),
    line("S1-5", "the update, all weights at once", "S63-c"),
    line("S1-6", "the update, weight by weight", "S63-d"),
    Entry("S1-7", "W counts the connections, without biases", counted, 7, "04", "the names w_ji and b_j of a model"),
    Entry("S1-8", "another activation or error needs its own derivation", any_activation, 9, "04", "explain names f' of each activation"),
    line("S1-9", "the sigmoid", "S63-e"),
    line("S1-10", "the sum of squares over the outputs", "S63-f"),
    line("S1-11", "the figure: w_o from h_1 to y_1, w_h from i_1 to h_1", "S63-q"),
    line("S1-12", "of the sum over outputs by w_o", "S63-g"),
    line("S1-13", "only the term of y_1 is left", "S63-h"),
    Entry("S1-14", "[f(g(x))]' = f'(g(x)) g'(x)", path("S63-n"), 9, "04", "explain: LEC-5"),
    Entry("S1-15", "the square brings down 2 (t - y), and d(t - y) = -dy", both(targets, path("S63-i")), 9, "04", "explain: S63-5"),
    Entry("S1-16", "the target has the derivative 0", targets, 9, "04", "a target is no node of the derivation"),
    Entry("S1-17", "[1/f]' = -f'/f²", one_over, 5, "02", "the rule of division"),
    line("S1-18", "the slope of the sigmoid in six lines", "S63-j"),
    line("S1-19", "line 1: the chain rule at σ(w · a)", "S63-1"),
    line("S1-20", "line 2: the stored activation y_1 in its place", "S63-2"),
    line("S1-21", "line 3: the dot product as a sum", "S63-3"),
    line("S1-22", "line 4: terms without w_o drop out", "S63-4"),
    line("S1-23", "line 5: the derivative by an output weight", "S63-5"),
    Entry("S1-24", "the first factors are the same for all edges into a node: δ", derivation.output_deltas, 9, "04", "explain: S63-k"),
    misprint("S1-25", "δ_1 = y_1 (1 - y_1)(t_o - y_o)", "ERR-5"),
    misprint("S1-26", "w' = w + α δ_o a_i with the 2 absorbed", "ERR-6"),
    misprint("S1-27", "the derivative by w_h, with ∂/∂w_o in the sum", "ERR-7"),
    Entry("S1-28", "a hidden unit has a share in every output; the shares add up", path("S63-m"), 10, "04", "explain: S63-m"),
    line("S1-29", "the share of y_1: the chain rule at y_1", "S63-n"),
    line("S1-30", "line 6: w_o comes out", "S63-6"),
    line("S1-31", "line 7: a_h1 is σ(a_i · w_h)", "S63-7"),
    line("S1-32", "the slope of the hidden unit", "S63-p"),
    line("S1-33", "the whole path from i_1 over h_1 to y_1", "S63-q"),
    line("S1-34", "the sum over all outputs", "S63-r"),
    line("S1-35", "the same with deltas", "S63-s"),
    line("S1-36", "δ of a hidden unit", "S63-t"),
    line("S1-37", "the update of a hidden weight", "S63-u"),
    line("S1-38", "no error term of its own; the same at every depth", "S63-v"),
    Entry("S1-39", "all deltas are made from the old weights", old_weights, 10, "04", "S63-t: w_o as it was before the step"),
)  # fmt: skip
