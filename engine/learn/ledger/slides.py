"""LEC: the slides on stochastic backpropagation, equation by equation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from engine.learn.ledger.entry import Entry, Side, at_most, below, equal
from engine.learn.ledger.network import PLAIN, Net
from engine.learn.ledger.wells import batch, stochastic


ETA = 0.5


def notes(n: Net) -> Net:
    """Sigmoid units and the sum of squares, as the slides have them."""
    return n.like("sigmoid", "sigmoid")


def delta_rule(n: Net, factor: float) -> Iterator[Side]:
    """-eta dE/dw of a linear unit with the weights of h1, against factor eta (t - o) x."""
    unit = Net(n.x, n.t[:1], (n.W[0][:1], ((1.0,),)), (None, None), "linear", "linear")
    error = n.t[0] - unit.number("o_h1")
    for i, x in zip(n.inputs, n.x, strict=True):
        yield equal(-ETA * unit.slope(f"w_h1,{i}"), factor * ETA * error * x)


def errors(n: Net) -> Iterator[Side]:
    n = notes(n)
    yield equal(n.number("E"), math.fsum((t - n.number(f"o_{j}")) ** 2 for t, j in zip(n.t, n.outputs, strict=True)))


def activations(n: Net) -> Iterator[Side]:
    for f in ("sigmoid", "tanh"):
        m = n.like(f, f)
        for j in [*m.last_hidden, *m.outputs]:
            yield equal(m.number(f"o_{j}"), PLAIN[f][0](m.number(f"net_{j}")))


def nets(n: Net) -> Iterator[Side]:
    for here, under, W, b in zip(n.units[1:], n.units, n.W, n.b, strict=False):
        for k, (j, row) in enumerate(zip(here, W, strict=True)):
            terms = [n.number(f"o_{i}") * w for i, w in zip(under, row, strict=True)] + ([] if b is None else [b[k]])
            yield equal(n.number(f"net_{j}"), math.fsum(terms), sum(map(abs, terms)))


def weights(n: Net, layer: int) -> list[tuple[str, str]]:
    """The (j, i) of the weights into a layer, 0 for the first hidden one, -1 for the outputs."""
    return [(j, i) for j in n.units[1:][layer] for i in n.units[:-1][layer]]


def chain(n: Net) -> Iterator[Side]:
    n = notes(n)
    for layer in range(len(n.W)):
        for j, i in weights(n, layer):
            do_dnet, dnet_dw = n.slope_of(n[f"o_{j}"], f"net_{j}"), n.slope_of(n[f"net_{j}"], f"w_{j},{i}")
            yield equal(n.slope(f"w_{j},{i}"), n.slope(f"o_{j}") * do_dnet * dnet_dw)


def output_weights(n: Net, factor: float = 2.0) -> Iterator[Side]:
    n = notes(n)
    for j, i in weights(n, -1):
        error = n.t[n.outputs.index(j)] - n.number(f"o_{j}")
        yield equal(n.slope(f"w_{j},{i}"), -factor * error * n.f_prime(j) * n.number(f"o_{i}"))


def sigmoid_slope(n: Net) -> Iterator[Side]:
    n = notes(n)
    for j in [*n.last_hidden, *n.outputs]:
        a, slope = n.number(f"o_{j}"), n.slope_of(n[f"o_{j}"], f"net_{j}")
        yield equal(slope, PLAIN["sigmoid"][1](n.number(f"net_{j}")))
        yield equal(slope, (1 - a) * a, 1e-3)


def linear_slope(n: Net) -> Iterator[Side]:
    n = n.like("linear", "linear")
    return (equal(n.slope_of(n[f"o_{j}"], f"net_{j}"), 1.0) for j in n.last_hidden + n.outputs)


def saturates(n: Net) -> Iterator[Side]:
    n = notes(n)
    for j in n.outputs:
        net = n.number(f"net_{j}")
        far = PLAIN["sigmoid"][1](net + math.copysign(10, net))
        yield below(far, n.slope_of(n[f"o_{j}"], f"net_{j}"))
        yield at_most(n.number(f"o_{j}"), 1.0)  # the output is never large


def quarter(n: Net) -> Iterator[Side]:
    n = notes(n).deeper
    for j in (j for layer in n.units[1:] for j in layer):
        yield at_most(abs(n.slope(f"net_{j}")), 0.25 * abs(n.slope(f"o_{j}")) * (1 + 1e-12))


def hidden_weights(n: Net) -> Iterator[Side]:
    n = notes(n)
    for j, i in weights(n, 0):
        yield equal(n.slope(f"w_{j},{i}"), n.slope(f"o_{j}") * n.f_prime(j) * n.number(f"o_{i}"))


def sums(n: Net) -> Iterator[Side]:
    n = notes(n).deeper
    for here, above in zip(n.units[1:], n.units[2:], strict=False):
        for j in here:
            terms = [n.number(f"w_{k},{j}") * n.slope(f"net_{k}") for k in above]
            yield equal(n.slope(f"o_{j}"), math.fsum(terms), sum(map(abs, terms)))


def bce(n: Net, targets: float | None = None) -> Net:
    """The same network under cross-entropy; targets as given where they are probabilities, else a half."""
    t = tuple(targets if targets is not None else v if 0 <= v <= 1 else 0.5 for v in n.t)
    return replace(n.like("sigmoid", "sigmoid", "bce"), t=t)


def bce_error(n: Net) -> Iterator[Side]:
    n = bce(n)
    terms = [(n.number(f"o_{j}"), t) for j, t in zip(n.outputs, n.t, strict=True)]
    yield equal(n.number("E"), -math.fsum(t * math.log(y) + (1 - t) * math.log1p(-y) for y, t in terms))


def bce_slope(n: Net) -> Iterator[Side]:
    n = bce(n)
    for j, t in zip(n.outputs, n.t, strict=True):
        y = n.number(f"o_{j}")
        yield equal(n.slope(f"o_{j}"), -t / y + (1 - t) / (1 - y))
        yield equal(n.slope(f"net_{j}"), y - t, 1.0)  # f' has cancelled


def bce_one(n: Net) -> Iterator[Side]:
    n = bce(n, 1.0)
    for j in n.outputs:
        yield equal(n.slope(f"o_{j}"), -1 / n.number(f"o_{j}"))
        yield below(n.slope(f"o_{j}"), 0.0)


def bce_zero(n: Net) -> Iterator[Side]:
    n = bce(n, 0.0)
    for j in n.outputs:
        yield equal(n.slope(f"o_{j}"), 1 / (1 - n.number(f"o_{j}")))
        yield below(0.0, n.slope(f"o_{j}"))


def averages(n: Net) -> Iterator[Side]:
    """Two samples, one after the other, against one step on both: apart by O(eta^2)."""
    one = notes(n)
    other = replace(one, x=tuple(-v for v in n.x))
    names, gaps = one.names, []
    for eta in (1e-3, 5e-4):
        both = [w - eta * (g + h) for w, g, h in zip(one.numbers(), one.gradient(), other.gradient(), strict=True)]
        first = stepped(one, eta)
        second = stepped(replace(first, x=other.x), eta).numbers()
        gaps.append(math.dist(both, second))
    yield equal(len(names), len(one.gradient()))
    yield at_most(gaps[1], 0.27 * gaps[0])  # half the step, a quarter of the difference
    yield at_most(stepped(one, 1e-4).number("E"), one.number("E"))


def stepped(n: Net, eta: float) -> Net:
    """The network after w - eta dE/dw."""
    return n.moved([w - eta * g for w, g in zip(n.numbers(), n.gradient(), strict=True)])


def smaller(n: Net) -> Iterator[Side]:
    """What E loses is eta |dE/dw|^2 and a remainder that shrinks faster than eta."""
    n = notes(n)
    size, E = math.fsum(g * g for g in n.gradient()), n.number("E")
    missed = [abs(stepped(n, eta).number("E") - E + eta * size) / eta for eta in (1e-2, 1e-3)]
    yield at_most(missed[1], 0.2 * missed[0])


def escapes(n: Net) -> Iterator[Side]:
    yield below(0.9, batch(0.96))  # the full batch stays beside the start
    yield below(stochastic(0.96, 0.1), 0.0)  # single samples carry it over the barrier at 0.0754
    yield below(0.0754, stochastic(0.96, 0.01))  # but not with small steps


def landscape(n: Net) -> Iterator[Side]:
    """A slice E(w + a d): its height at the centre is E, its slope there the gradient along d."""
    d = [(-1.0) ** k / (k + 1) for k in range(len(n.names))]
    terms = [g * u for g, u in zip(notes(n).gradient(), d, strict=True)]
    yield equal(notes(n).along(d), math.fsum(terms), sum(map(abs, terms)))
    yield equal(notes(n).moved(n.numbers()).number("E"), notes(n).number("E"))


def by_hand(n: Net) -> Iterator[Side]:
    """Every weight and bias by multiplying on paper, from the numbers of the forward pass alone."""
    n = notes(n)
    by_net = {j: -2 * (t - n.number(f"o_{j}")) * n.f_prime(j) for j, t in zip(n.outputs, n.t, strict=True)}
    scale = max(map(abs, by_net.values()), default=0.0)
    for here, above in zip(reversed(n.units[1:-1]), reversed(n.units[2:]), strict=True):
        by_net |= {j: math.fsum(n.number(f"w_{k},{j}") * by_net[k] for k in above) * n.f_prime(j) for j in here}
    for name in n.names:
        j, _, i = name[2:].partition(",")
        yield equal(n.slope(name), by_net[j] * (n.number(f"o_{i}") if i else 1.0), 1e-3 * scale)


ENTRIES = (
    Entry("LEC-1", "Δw_i ≅ η (t - o) x_i", lambda n: delta_rule(n, 2.0), 11, "05",
          "the step w - η dE/dw of a linear unit; the factor 2 of (t - o)² belongs to it, or to η",
          "with E = (t - o)²: Δw_i = 2η (t - o) x_i; it is the step, not the gradient", lambda n: delta_rule(n, 1.0)),
    Entry("LEC-2", "E = Σ_j (t_j - o_j)²", errors, 8, "04", "explain: LEC-2"),
    Entry("LEC-3", "o_j = f(net_j)", activations, 7, "04", "the value of each node o_j, in every derivation"),
    Entry("LEC-4", "net_j = Σ_i o_i w_ji", nets, 7, "01", "the value of each node net_j, in every derivation"),
    Entry("LEC-5", "dE/dw_ji = dE/do_j × do_j/dnet_j × dnet_j/dw_ji", chain, 9, "01", "explain: LEC-5"),
    Entry("LEC-6", "dE/dw_ji = -(t_j - o_j) f'(net_j) o_i", output_weights, 9, "04", "explain: LEC-6",
          "dE/dw_ji = -2 (t_j - o_j) f'(net_j) o_i", lambda n: output_weights(n, 1.0)),
    Entry("LEC-7", "sigmoid: f' = e^-n / (1 + e^-n)² = (1 - a) a", sigmoid_slope, 5, "02", "explain: LEC-7"),
    Entry("LEC-8", "linear: f' = 1", linear_slope, 5, "02", "explain: LEC-8"),
    Entry("LEC-9", "a sigmoid saturates far from 0", saturates, 13, "08", "the remark on a saturated unit in explain"),
    Entry("LEC-10", "earlier layers learn slower: every layer multiplies by f' <= 1/4", quarter, 13, "08",
          "the factors f' along the chain, one for each layer"),
    Entry("LEC-11", "hidden: dE/dw_ji = dE/do_j × f'(net_j) × o_i", hidden_weights, 10, "04", "explain: LEC-11"),
    Entry("LEC-12", "dE/do_j = Σ_k w_kj dE/dnet_k", sums, 10, "01", "explain: LEC-12"),
    Entry("LEC-13", "E = -Σ t ln y + (1 - t) ln(1 - y)", bce_error, 8, "02", "explain: LEC-13"),
    Entry("LEC-14", "dE/dy = -t/y + (1 - t)/(1 - y)", bce_slope, 8, "02", "explain: LEC-14"),
    Entry("LEC-15", "t = 1: dE/dy = -1/y", bce_one, 8, "02", "explain: LEC-15"),
    Entry("LEC-16", "t = 0: dE/dy = 1/(1 - y)", bce_zero, 8, "02", "explain: LEC-16"),
    Entry("LEC-R1", "a step for one pattern may be worse for others; small steps average", averages, 11, "05",
          "single gradients add up to the true one, so an epoch of small steps is one step of it, but for O(η²)"),
    Entry("LEC-R2", "use a smaller learning step", smaller, 11, "05",
          "E falls by η |dE/dw|² and a remainder that shrinks with η²"),
    Entry("LEC-R3", "stochastic steps may leave a local minimum", escapes, 12, "07",
          "it follows the error of one sample, whose minimum lies elsewhere; how far depends on η"),
    Entry("LEC-R4", "error landscapes are slices through the weights", landscape, 13, "09",
          "a slice E(w + a d) has the height E and the slope dE/dw · d at its centre"),
    Entry("LEC-R5", "be able to compute gradient descent manually", by_hand, 9, "04", "explain, line by line"),
)  # fmt: skip
