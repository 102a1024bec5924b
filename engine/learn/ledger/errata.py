"""Where the notes are wrong, or say it so that a careful reader goes wrong: what is printed fails, what is exact holds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from engine.derivatives import gradient
from engine.learn.ledger import derivation, slides, symmetry
from engine.learn.ledger.derivation import absorbed, deltas, shallow
from engine.learn.ledger.entry import Entry, Side, at_most, below, equal
from engine.learn.ledger.network import PLAIN, Net
from engine.learn.ledger.slides import notes, stepped
from engine.learn.ledger.wells import slope as well_slope
from engine.value import Value


def mean(n: Net, printed: bool) -> Iterator[Side]:
    """The mean over the outputs against their sum; with one output both are the same, so a second one is added."""
    n = notes(n)
    squares = [(t - n.number(f"o_{j}")) ** 2 for t, j in zip(n.t, n.outputs, strict=True)]
    both = [*squares, 0.0]
    yield equal(n.number("E"), math.fsum(both) / len(both) if printed else math.fsum(both))


def stored(n: Net, printed: bool) -> Iterator[Side]:
    """The slope of a sigmoid at 37 and at -37, by the stored activation a, and as σ(z) σ(-z)."""
    f, f_prime = PLAIN["sigmoid"]
    for z in (37.0, -37.0):
        a = f(z)
        yield equal(a * (1 - a) if printed else f(z) * f(-z), f_prime(z))


def large_output(n: Net) -> Iterator[Side]:
    yield from (below(1.0, notes(n).number(f"o_{j}")) for j in notes(n).outputs)


def logits(n: Net, printed: bool) -> Iterator[Side]:
    """BCE at t = 0, as -ln(1 - y) and from the net, beside fifty digits: at 40 y rounds to 1 and the logarithm is lost."""
    for net in (2.0, 40.0):
        y, exact = PLAIN["sigmoid"][0](net), float((1 + Decimal(net).exp()).ln())
        direct = math.inf if y == 1.0 else -math.log(1 - y)
        yield equal(direct if printed else max(net, 0.0) - net * 0.0 + math.log1p(math.exp(-abs(net))), exact)


def transposed(n: Net, printed: bool) -> Iterator[Side]:
    """The net of h2 from W read as (to, from) or as (from, to), on units that show the difference."""
    n = notes(Net((0.5, -1.0), (1.0,), (((0.1, 0.2), (0.3, 0.4)), ((1.0, -1.0),)), (None, None)))
    row = [n.W[0][i][1] if printed else n.W[0][1][i] for i in (0, 1)]
    yield equal(n.number("net_h2"), math.fsum(w * x for w, x in zip(row, n.x, strict=True)))


def stationary(n: Net, printed: bool) -> Iterator[Side]:
    """Descent on x² - y² from (1, 0) ends at (0, 0): no slope is left, and yet it is lower beside it."""
    x, y = Value(1.0, "x"), Value(0.0, "y")
    for _ in range(120):
        by_x, by_y = gradient(x * x - y * y, [x, y])
        x, y = Value(x.data - 0.1 * by_x.data, "x"), Value(y.data - 0.1 * by_y.data, "y")
    by_x, by_y = gradient(x * x - y * y, [x, y])
    yield below(math.hypot(by_x.data, by_y.data), 1e-10)
    here, beside = x.data * x.data - y.data * y.data, x.data * x.data - 0.1 * 0.1
    yield at_most(here, beside) if printed else below(beside, here)
    curvature = gradient(by_y, [y])[0].data
    yield at_most(0.0, curvature) if printed else equal(curvature, -2.0)


def plateau(n: Net, printed: bool) -> Iterator[Side]:
    """A place where descent on XOR gets stuck has a slope, and one step along it makes E less: it is no minimum."""
    rows = (((0.0, 0.0), 0.0), ((0.0, 1.0), 1.0), ((1.0, 0.0), 1.0), ((1.0, 1.0), 0.0))
    first = Net((0.0, 0.0), (0.0,), (((6.0, 6.0), (5.0, -5.0)), ((4.0, -4.0),)), ((-3.0, -2.5), (0.0,)))
    nets = [replace(first, x=x, t=(t,)) for x, t in rows]
    total = [math.fsum(g) for g in zip(*(m.gradient() for m in nets), strict=True)]
    E = math.fsum(m.number("E") for m in nets)
    on = [w - 1e-3 * g for w, g in zip(first.numbers(), total, strict=True)]
    after = math.fsum(m.moved(on).number("E") for m in nets)
    yield at_most(math.hypot(*total), 0.0) if printed else below(0.0, math.hypot(*total))
    yield at_most(E, after) if printed else below(after, E)


def features(n: Net, printed: bool) -> Iterator[Side]:
    """P counts what one observation has: the weights into a unit are as many as the inputs, however many rows there are."""
    rows = 1 + len(n.x)
    yield equal(len(n.W[0][0]), rows if printed else len(n.x))


def depends(n: Net, printed: bool) -> Iterator[Side]:
    """The update of W_11 with another x_1, t or o: the note lists only the old value, h and V."""
    n = symmetry.answer(n)
    name = f"w_h1,{n.inputs[0]}"
    for other in (replace(n, t=(n.t[0] + 1.0,)), replace(n, x=(n.x[0] + 1.0, *n.x[1:]))):
        change = abs(other.slope(name) - n.slope(name))
        yield at_most(change, 0.0) if printed else below(0.0, change)


def skip(n: Net, printed: bool) -> Iterator[Side]:
    """A shortcut adds 1 to the slope of a layer: without it a residual layer is a plain one, and that is what is pictured."""
    n = notes(n)
    j = n.last_hidden[0]
    f = n.f_prime(j)
    residual = n[f"o_{j}"] + n[f"net_{j}"]
    yield equal(n.slope_of(residual, f"net_{j}"), f if printed else 1.0 + f)
    yield equal(n.slope_of(n[f"o_{j}"], f"net_{j}"), 1.0 + f if printed else f)


def every_example(n: Net, printed: bool) -> Iterator[Side]:
    """Two samples, two updates: the second one is made at other weights than if both had been waited for."""
    n = notes(n)
    other = replace(n, x=tuple(-v for v in n.x))
    waited = [w - 0.1 * (g + h) for w, g, h in zip(n.numbers(), n.gradient(), other.gradient(), strict=True)]
    first = stepped(n, 0.1)
    apart = math.dist(waited, stepped(replace(first, x=other.x), 0.1).numbers())
    yield at_most(apart, 0.0) if printed else below(0.0, apart)


def credit(n: Net, printed: bool) -> Iterator[Side]:
    """The well with v² beside it: three stationary points, of which the middle one, the barrier, curves down along w alone."""
    for low, high, least in ((-1.5, -0.5, True), (-0.5, 0.5, False), (0.5, 1.5, True)):
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if (well_slope(middle) > 0) != least else (low, middle)
        w, v = Value(low, "w"), Value(0.0, "v")
        slopes = gradient((w * w - 1) ** 2 + 0.3 * w + v * v, [w, v])
        yield below(abs(slopes[0].data), 1e-9)
        along_w, along_v = gradient(slopes[0], [w])[0].data, gradient(slopes[1], [v])[0].data
        yield below(0.0, along_v)
        yield below(0.0, along_w) if least or printed else below(along_w, 0.0)


def half_delta(n: Net, printed: bool) -> Iterator[Side]:
    n, d = notes(shallow(n)), deltas(shallow(n))
    scale = max(map(abs, d.values()))
    yield from (equal(d[j] * (1.0 if printed else -2.0), n.slope(f"net_{j}"), scale) for j in n.outputs)


def direction(n: Net, printed: bool) -> Iterator[Side]:
    """The cosine between the gradient of the output weights and what is left of it without 2, or without f'."""
    n = notes(n)
    pairs = slides.weights(n, -1)
    full = [n.slope(f"w_{j},{i}") for j, i in pairs]
    keep = [g / 2 for g in full] if not printed else [g / n.f_prime(j) for g, (j, _) in zip(full, pairs, strict=True)]
    if len({j for j, _ in pairs}) == 1:
        full, keep = [*full, *(n.slope(f"w_{j},{i}") for j, i in slides.weights(n, 0))], [
            *keep, *(n.slope(f"w_{j},{i}") / (2 if not printed else n.f_prime(j)) for j, i in slides.weights(n, 0))]  # fmt: skip
    cosine = math.fsum(a * b for a, b in zip(full, keep, strict=True)) / math.hypot(*full) / math.hypot(*keep)
    yield equal(cosine, 1.0)


def wording(n: Net, printed: bool) -> Iterator[Side]:
    return iter([*features(n, printed), *depends(n, printed)])


def turned(n: Net) -> Iterator[Side]:
    """(h² - 1) "corrected" into (1 - h²)."""
    return symmetry.slope(n, 0, -1)


ENTRIES = (
    Entry("ERR-1", "LEC-1: ∇w_i ≅ η (t - o) x_i", lambda n: slides.delta_rule(n, 2.0), 11, "05", "LEC-1",
          "the left side is the step Δw_i; with E = (t - o)² it is 2η (t - o) x_i", lambda n: slides.delta_rule(n, 1.0)),
    Entry("ERR-2", "LEC-6: no 2", slides.output_weights, 9, "04", "explain: the note under LEC-6",
          "-2 (t - o) f' o_i: a gradient check of the printed form fails by exactly 2", lambda n: slides.output_weights(n, 1.0)),
    Entry("ERR-3", "LEC-2: called MSE", lambda n: mean(n, False), 8, "04", "LEC-2",
          "it is a sum over the outputs; a mean would divide by K", lambda n: mean(n, True)),
    Entry("ERR-4", "LEC-9: saturates when the output is large", slides.saturates, 13, "08", "the remark on a saturated unit",
          "when |net| is large; the output is then near 0 or 1", large_output),
    Entry("ERR-5", "S63-k: δ_1 with t_o, y_o", derivation.output_deltas, 9, "04", "explain: S63-k",
          "all indices belong to one unit", derivation.mixed_deltas),
    Entry("ERR-6", "S63-l, u: one α before and after", absorbed(-1, 2.0), 11, "05", "explain: the step line, alpha = 2 eta",
          "the 2 of the gradient has gone into the second α", absorbed(-1, 1.0)),
    Entry("ERR-7", "S63-m, r: ∂/∂w_o inside ∂ε/∂w_h", derivation.sum_of_terms(lambda p: p.w_h), 10, "04", "explain: S63-m",
          "∂/∂w_h, both times", derivation.by_w_o),
    Entry("ERR-8", "LEC-R4: pictures named VGG-56, VGG-110", lambda n: skip(n, False), 13, "09", "LEC-R4",
          "they are residual nets of that depth without their shortcuts", lambda n: skip(n, True)),
    Entry("ERR-9", "slide 149: finds a local minima", lambda n: stationary(n, False), 12, "07", "SX-R5",
          "a stationary point, which may be a minimum or a saddle", lambda n: stationary(n, True)),
    Entry("ERR-10", "XOR gets stuck in local minima", lambda n: plateau(n, False), 12, "07", "SX-R2",
          "on plateaus: in the 2-2-1 net there is a way down from every point", lambda n: plateau(n, True)),
    Entry("ERR-11", "saddles credited to Choromanska", lambda n: credit(n, False), 12, "07", "SX-R5",
          "that paper is on minima of large nets; the saddle argument is Dauphin and others, 2014", lambda n: credit(n, True)),
    Entry("ERR-12", "X_p, p = 1..P observations; the update depends on W, h, V", lambda n: wording(n, False), 12, "06", "SX-5",
          "p counts inputs; the update also depends on x_1, t and o", lambda n: wording(n, True)),
    Entry("ERR-13", "LEC-7, S63-j: a (1 - a) from the stored a", lambda n: stored(n, False), 5, "02", "the remark on lost digits",
          "σ(z) σ(-z): in floats a rounds to 1 from z = 36.74 on", lambda n: stored(n, True)),
    Entry("ERR-14", "LEC-13: for any y", lambda n: logits(n, False), 8, "02", "losses.bce_with_logits",
          "for 0 < y < 1; from the net it is max(n, 0) - n t + ln(1 + e^-|n|)", lambda n: logits(n, True)),
    Entry("ERR-15", "w_ji and W_ij", lambda n: transposed(n, False), 9, "04", "the notations of explain",
          "LEC and ESL write (to, from), SX (from, to), S63 an arrow", lambda n: transposed(n, True)),
    Entry("ERR-16", "slide 15: instead of updating every weight until", lambda n: every_example(n, False), 11, "05", "LEC-1",
          "instead of waiting until all examples are seen", lambda n: every_example(n, True)),
    Entry("ERR-17", "δ of ESL and δ of S63 are one thing", lambda n: half_delta(n, False), 10, "04", "explain: S63-k",
          "δ_ESL = dE/dnet = -2 δ_S63", lambda n: half_delta(n, True)),
    Entry("ERR-18", "SX-6: (h² - 1) should be (1 - h²)", lambda n: symmetry.slope(n, 0), 10, "06", "SX-6",
          "(h² - 1) is right: the -1 of d(t - o)/do sits in it", turned),
    Entry("ERR-19", "if the 2 may be dropped, so may f'", lambda n: direction(n, False), 9, "04", "LEC-6",
          "2 is the same for all weights; f'(net) is not, and the direction changes", lambda n: direction(n, True)),
)  # fmt: skip
