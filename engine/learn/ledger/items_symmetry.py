"""S2-n: the question on symmetry item by item, each claim in our own words, with the check that computes it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from engine.graph import topological
from engine.learn.ledger import symmetry
from engine.learn.ledger.derivation import shallow
from engine.learn.ledger.entry import Entry, Side, at_most, below, equal
from engine.learn.ledger.items_slides import both, misprint, true_gradient
from engine.learn.ledger.network import PLAIN, Net
from engine.learn.ledger.slides import stepped


SX = {e.id: e for e in symmetry.ENTRIES}


def line(key: str, says: str, of: str, shown: str = "") -> Entry:
    """An item that is an equation of the note, in other words."""
    e = SX[of]
    return Entry(key, says, e.check, e.lesson, e.notebook, f"{of}: {e.line}", e.exact, e.printed, shown)


def classes(n: Net) -> Iterator[Side]:
    """K shares of softmax add up to 1, and so do the slopes of each to 0; K sigmoids are K answers of their own."""
    m = shallow(n).like("sigmoid", "softmax")
    yield equal(math.fsum(m.number(f"o_{k}") for k in m.outputs), 1.0)
    for k in m.outputs:
        slopes = [m.slope_of(m[f"o_{k}"], f"net_{other}") for other in m.outputs]
        yield equal(math.fsum(slopes), 0.0, 1.0)
    alone = shallow(n).like("sigmoid", "sigmoid")
    for k in alone.outputs:
        for other in alone.outputs:
            reached = alone[f"net_{other}"] in topological(alone[f"o_{k}"])
            yield equal(reached, k == other)
        yield equal(alone.slope_of(alone[f"o_{k}"], f"net_{k}"), PLAIN["sigmoid"][1](alone.number(f"net_{k}")))


def zero_start(n: Net) -> Iterator[Side]:
    """All weights 0: after a step they are 0 still, and only the bias of the output has moved."""
    n = symmetry.answer(n)
    zero = n.moved([0.0] * len(n.names))
    after = stepped(zero, 0.1)
    yield from (equal(after.number(name), 0.0) for name in n.names if name[0] == "w")


def levels(n: Net) -> Iterator[Side]:
    """Ten levels for each of n weights: every further weight makes the grid ten times as large."""
    k = len(n.names)
    yield equal(math.log10(math.prod([10] * k)), k)
    yield equal(math.prod([10] * (k + 1)) / math.prod([10] * k), 10.0)


def marks(n: Net) -> Iterator[Side]:
    """25 trials of two numbers: a grid tries 5 values of each, draws try 25."""
    grid = [(a / 4, b / 4) for a in range(5) for b in range(5)]
    drawn = [((0.618034 * k) % 1, (0.754878 * k) % 1) for k in range(25)]
    yield equal(len(grid), len(drawn))
    yield from (below(len({p[axis] for p in grid}), len({p[axis] for p in drawn})) for axis in (0, 1))


def wider(n: Net) -> Iterator[Side]:
    """One more hidden unit with V = 0 leaves E as it is: the least error of a wider net is no larger."""
    n = symmetry.answer(n)
    b = None if n.b[0] is None else (*n.b[0], 0.3)
    more = replace(n, W=((*n.W[0], tuple(0.5 for _ in n.x)), ((*n.W[1][0], 0.0),)), b=(b, n.b[1]))
    yield equal(more.number("E"), n.number("E"))
    step = more.slope(f"w_{n.outputs[0]},h{len(n.W[0]) + 1}")
    yield below(0.0, abs(step))


def fitted(n: Net) -> Iterator[Side]:
    """Steps on one sample bring its error towards 0, whatever becomes of another one."""
    m = symmetry.answer(n)
    first = m.number("E")
    for _ in range(200):
        m = stepped(m, 0.01)
    yield at_most(m.number("E"), 0.9 * first)


ENTRIES = (
    line("S2-1", "would not all Z_m become the same feature?", "SX-R1", "symmetry"),
    Entry("S2-2", "K classes: K units, one target 1 and the others 0", classes, 7, "04", "a softmax output, or K sigmoids"),
    line("S2-3", "Z_m = σ(α_0m + α_m · X)", "SX-1"),
    line("S2-4", "T_k = β_0k + β_k · Z", "SX-2"),
    line("S2-5", "f_k(X) = g_k(T): g sees the whole vector", "SX-3"),
    line("S2-6", "the figure of the network, inputs to outputs", "SX-2"),
    Entry("S2-7", "different random starts break the symmetry", both(symmetry.equal_units, zero_start), 12, "06", "SX-R1", shown="symmetry"),
    line("S2-8", "n inputs, n hidden units, h = tanh(xW + b_h), o = hV + b_o, L = (t - o)²", "SX-4"),
    Entry("S2-9", "the update of W_11 and its derivative", both(SX["SX-5"].check, SX["SX-6"].check), 10, "06", "SX-6"),
    Entry("S2-10", "the same of W_12, with V_2 and h_2", both(SX["SX-7"].check, SX["SX-8"].check), 10, "06", "SX-8"),
    misprint("S2-11", "the update depends on the old value, h and V", "ERR-12"),
    Entry("S2-12", "random W and V make the updates differ; one of the two is enough", symmetry.equal_units, 12, "06", "SX-R1", shown="broken_symmetry"),
    Entry("S2-13", "dL/dW_12 = dL/dh_2 dh_2/dW_12, as the note has it by now", SX["SX-7"].check, 10, "06", "SX-7"),
    line("S2-14", "solutions vary with the start", "SX-R3", "many_starts"),
    misprint("S2-15", "the loss has many local minima, and descent ends in one", "ERR-10", "many_starts"),
    Entry("S2-16", "single samples or small batches help to escape; a batch of all is the full gradient",
          both(symmetry.helped, true_gradient), 12, "07", "SX-R4", shown="local_minimum"),
    line("S2-17", "several starts are common practice", "SX-R3", "restarts"),
    Entry("S2-18", "hyperparameters: a grid, or better random draws", marks, 12, "06", "SX-R3", shown="grid_or_random"),
    Entry("S2-19", "a grid over the weights grows like k^n", levels, 12, "06", "SX-R3", shown="grid_over_weights"),
    Entry("S2-20", "minima of large nets are alike, those of small ones are not", wider, 12, "06", "a unit with V = 0 adds no path", shown="wider_nets"),
    Entry("S2-21", "the least training error is hard to find, and overfits", fitted, 12, "07", "E of one sample says nothing of another", shown="overfitting"),
    misprint("S2-22", "saddle points are the larger problem, credited to Choromanska", "ERR-11", "saddle_points"),
)  # fmt: skip
