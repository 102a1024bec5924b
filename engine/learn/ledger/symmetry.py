"""SX: the question on symmetry; ESL: the book it quotes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from engine.derivatives import gradient
from engine.learn.ledger.derivation import shallow
from engine.learn.ledger.entry import Entry, Side, at_most, below, equal
from engine.learn.ledger.network import PLAIN, Net
from engine.learn.ledger.slides import notes, weights
from engine.learn.ledger.wells import batch, height, stochastic
from engine.value import Value


ALPHA = 0.05


def answer(n: Net) -> Net:
    """Tanh hidden units, one linear output, the square of its error."""
    return shallow(n).like("tanh", "linear").single


def hidden_values(n: Net) -> Iterator[Side]:
    n = notes(shallow(n))
    for j, row, b in zip(n.last_hidden, n.W[0], n.b[0] or (0.0,) * len(n.W[0]), strict=True):
        yield equal(n.number(f"o_{j}"), PLAIN["sigmoid"][0](b + math.fsum(w * x for w, x in zip(row, n.x, strict=True))))


def sums(n: Net) -> Iterator[Side]:
    n = notes(shallow(n))
    z = [n.number(f"o_{j}") for j in n.last_hidden]
    for k, row, b in zip(n.outputs, n.W[1], n.b[1] or (0.0,) * len(n.W[1]), strict=True):
        terms = [b, *(w * v for w, v in zip(row, z, strict=True))]
        yield equal(n.number(f"net_{k}"), math.fsum(terms), sum(map(abs, terms)))


def shares(n: Net) -> Iterator[Side]:
    """G sees the whole vector T: softmax."""
    n = shallow(n).like("sigmoid", "softmax")
    T = {k: n.number(f"net_{k}") for k in n.outputs}
    whole = math.fsum(math.exp(v) for v in T.values())
    for k in n.outputs:
        yield equal(n.number(f"o_{k}"), math.exp(T[k]) / whole)
        g_k = n.number(f"o_{k}")
        for other in n.outputs:
            expected = g_k * (float(k == other) - n.number(f"o_{other}"))
            yield equal(n.slope_of(n[f"o_{k}"], f"net_{other}"), expected, 1e-3)


def responses(n: Net) -> Iterator[Side]:
    n = answer(n)
    h = [math.tanh(n.number(f"net_{j}")) for j in n.last_hidden]
    terms = [v * x for v, x in zip(n.W[1][0], h, strict=True)] + ([] if n.b[1] is None else [n.b[1][0]])
    o = math.fsum(terms)
    yield equal(n.number(f"o_{n.outputs[0]}"), o, sum(map(abs, terms)))
    yield equal(n.number("E"), (n.t[0] - o) ** 2, sum(map(abs, terms)))


def slope(n: Net, unit: int, squared: int = 1) -> Iterator[Side]:
    """∂L/∂W_1j, against 2 V_j (t - o) x_1 (h_j² - 1); `squared` = -1 turns the last factor round."""
    n = answer(n)
    j, o = n.last_hidden[unit], n.outputs[0]
    h, V = n.number(f"o_{j}"), n.number(f"w_{o},{j}")
    right = 2 * V * (n.t[0] - n.number(f"o_{o}")) * n.x[0] * (h * h - 1) * squared
    yield equal(n.slope(f"w_{j},{n.inputs[0]}"), right, 1e-3 * abs(2 * V * (n.t[0] - n.number(f"o_{o}")) * n.x[0]))


def update(n: Net, unit: int) -> Iterator[Side]:
    n = answer(n)
    j, i = n.last_hidden[unit], n.inputs[0]
    name = f"w_{j},{i}"
    moved = n.moved([w - ALPHA * g for w, g in zip(n.numbers(), n.gradient(), strict=True)])
    three = n.slope(f"o_{n.outputs[0]}") * n.slope_of(n[f"o_{n.outputs[0]}"], f"o_{j}") * n.slope_of(n[f"o_{j}"], name)
    yield equal(moved.number(name), n.number(name) - ALPHA * three, abs(n.number(name)) + abs(ALPHA * three))


def equal_units(n: Net) -> Iterator[Side]:
    """Every hidden unit a copy of the first: their gradients are equal in every bit. Other weights V: they differ."""
    n = answer(n)
    m = len(n.W[0])
    W, b = (n.W[0][0],) * m, None if n.b[0] is None else (n.b[0][0],) * m
    same = replace(n, W=(W, ((0.5,) * m,)), b=(b, n.b[1]), t=(n.t[0] + 0.25,))
    i = same.inputs[0]
    for j in same.last_hidden:
        yield at_most(abs(same.slope(f"w_{j},{i}") - same.slope(f"w_h1,{i}")), 0.0)
    if m > 1:
        other = replace(same, W=(W, (tuple(0.5 - 0.9 * (k % 2) for k in range(m)),)))
        yield below(0.0, abs(other.slope(f"w_h2,{i}") - other.slope(f"w_h1,{i}")))


def not_convex(n: Net) -> Iterator[Side]:
    """The hidden units in another order: another point with the same E. Between two minima of the well E is higher."""
    n = answer(n)
    turned = replace(n, W=(n.W[0][::-1], (n.W[1][0][::-1],)), b=(n.b[0] and n.b[0][::-1], n.b[1]))
    yield equal(turned.number("E"), n.number("E"), 1.0)
    yield below(max(height(0.96), height(-1.0356)), height(0.0))


def restarts(n: Net) -> Iterator[Side]:
    """Two starts, two minima; the better of them is what a restart is for."""
    ends = [batch(0.96), batch(-0.5)]
    yield below(height(ends[1]), height(ends[0]))
    yield equal(min(map(height, ends)), height(ends[1]))


def helped(n: Net) -> Iterator[Side]:
    yield below(height(stochastic(0.96, 0.1, seed=2)), height(batch(0.96)))


def saddle(n: Net) -> Iterator[Side]:
    """All weights 0 in tanh units: no weight has a slope, though E is not least there."""
    n = answer(n)
    zero = n.moved([0.0] * len(n.names))
    yield from (at_most(abs(zero.slope(name)), 0.0) for name in zero.names if name[0] == "w")
    x, y = Value(0.0, "x"), Value(0.0, "y")
    slopes = gradient(x * x - y * y, [x, y])
    yield from (equal(g.data, 0.0) for g in slopes)
    yield below(0.0, gradient(slopes[0], [x])[0].data)  # up along x
    yield below(gradient(slopes[1], [y])[0].data, 0.0)  # down along y


def beta(n: Net) -> Iterator[Side]:
    n = notes(shallow(n))
    for k, m in weights(n, -1):
        f = n.number(f"o_{k}")
        d = -2 * (n.t[n.outputs.index(k)] - f) * n.f_prime(k)
        yield equal(n.slope(f"w_{k},{m}"), d * n.number(f"o_{m}"))


def delta_alpha(n: Net, factor: float = 1.0) -> Iterator[Side]:
    """∂R/∂α_ml = s_m x_l and ∂R/∂β_km = δ_k z_m, with δ and s as derivatives by the nets."""
    n = notes(shallow(n))
    for k, m in weights(n, -1):
        yield equal(n.slope(f"w_{k},{m}"), factor * n.slope(f"net_{k}") * n.number(f"o_{m}"))
    for m, i in weights(n, 0):
        yield equal(n.slope(f"w_{m},{i}"), factor * n.slope(f"net_{m}") * n.number(f"o_{i}"))


def backwards(n: Net) -> Iterator[Side]:
    n = notes(shallow(n))
    for m in n.last_hidden:
        terms = [n.f_prime(m) * n.number(f"w_{k},{m}") * n.slope(f"net_{k}") for k in n.outputs]
        yield equal(n.slope(f"net_{m}"), math.fsum(terms), sum(map(abs, terms)))


SX = "explain(w, E, notes='SX')"
ENTRIES = (
    Entry("SX-1", "Z_m = σ(α_0m + α_m · X)", hidden_values, 7, "04", "the values of the hidden nodes, notes='ESL'"),
    Entry("SX-2", "T_k = β_0k + β_k · Z", sums, 7, "04", "the values of the nets of the outputs, notes='ESL'"),
    Entry("SX-3", "f_k(X) = g_k(T)", shares, 7, "04", "a softmax output has one local derivative for each net"),
    Entry("SX-4", "sigmoidal h = tanh(xW + b_h), o = hV + b_o, L = (t - o)²", responses, 7, "06", f"{SX}: SX-4",
          "tanh is sigmoidal in shape, not the sigmoid: f' = 1 - h², not h (1 - h)", lambda n: slope_as_sigmoid(n)),
    Entry("SX-5", "W_11 <- W_11 - α ∂L/∂W_11", lambda n: update(n, 0), 11, "06", f"{SX}, eta=...: SX-5"),
    Entry("SX-6", "∂L/∂W_11 = 2 V_1 (t - o) x_1 (h_1² - 1)", lambda n: slope(n, 0), 10, "06", f"{SX}: SX-6"),
    Entry("SX-7", "W_12 <- W_12 - α ∂L/∂W_12", lambda n: update(n, -1), 11, "06", f"{SX}, eta=...: SX-5 of the other unit"),
    Entry("SX-8", "∂L/∂W_12 = 2 V_2 (t - o) x_1 (h_2² - 1)", lambda n: slope(n, -1), 10, "06", f"{SX}: SX-6 of the other unit"),
    Entry("SX-R1", "random starts break the symmetry", equal_units, 12, "06", "equal units have equal derivations, to the last digit"),
    Entry("SX-R2", "the loss is not convex", not_convex, 12, "06", "hidden units can change places, so every minimum has twins"),
    Entry("SX-R3", "start several times; a grid over the weights is too slow", restarts, 12, "06", "k levels for n weights are k^n errors"),
    Entry("SX-R4", "single examples help to escape", helped, 12, "07", "the noise of single gradients, which a batch has not"),
    Entry("SX-R5", "saddle points are the larger problem", saddle, 12, "07", "every path through a weight of 0 has the product 0"),
    Entry("ESL-12", "∂R/∂β_km = -2 (y_k - f_k) g'_k z_m", beta, 9, "04", "explain(w, E, notes='ESL'): ESL-12"),
    Entry("ESL-14", "∂R/∂β_km = δ_k z_m, ∂R/∂α_ml = s_m x_l", delta_alpha, 10, "04", "explain(w, E, notes='ESL')"),
    Entry("ESL-15", "s_m = σ'(α_m · x) Σ_k β_km δ_k", backwards, 10, "04", "explain(w, E, notes='ESL'): ESL-15"),
)  # fmt: skip


def slope_as_sigmoid(n: Net) -> Iterator[Side]:
    """The slope of a tanh unit by the rule of the sigmoid."""
    n = answer(n)
    j = n.last_hidden[0]
    h = n.number(f"o_{j}")
    yield equal(n.slope_of(n[f"o_{j}"], f"net_{j}"), h * (1 - h))
