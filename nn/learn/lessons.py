"""Lessons 7 to 13, on my_nn.py: a network, two errors, deltas by hand, a step, a draw, a skip."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any

from engine import Value
from engine.learn.answers import read
from engine.learn.checks import Check, Fact, Lesson, check
from engine.learn.diagnosis import diagnose
from nn.losses import sse
from nn.modules import MLP


LESSONS = (
    Lesson(7, "units, layers, a network", ("LEC-3", "LEC-4", "SX-1", "SX-2", "SX-3")),
    Lesson(8, "two errors", ("LEC-2", "S63-f", "LEC-13", "LEC-14")),
    Lesson(9, "output weights by hand", ("LEC-5", "LEC-6", "S63-5", "S63-k")),
    Lesson(10, "hidden weights by hand", ("LEC-11", "LEC-12", "S63-s", "S63-t", "SX-6", "SX-8")),
    Lesson(11, "one sample, one step", ("LEC-1", "S63-c", "S63-d")),
    Lesson(12, "symmetry, restarts, minima", ("SX-R1", "SX-R3", "SX-R5", "LEC-R3")),
    Lesson(13, "depth", ("LEC-9", "LEC-10", "S63-v")),
)
CHECKS: list[Check] = []
lesson = {n.number: partial(check, n.number, book=CHECKS) for n in LESSONS}
Facts = Iterator[Fact]

HIDDEN = ((-math.log(3), -math.log(9)), (math.log(2), math.log(4)))
OUT = ((-math.log(16), math.log(8)), (math.log(81), -math.log(27)))


def network(m: Any) -> list[list[list[Any]]]:
    """The weights of the network whose error is 13/20."""
    return [[[m.Value(w) for w in unit] for unit in layer] for layer in (HIDDEN, OUT)]


# ---- 7


@lesson[7]("net_j, with and without a bias", "LEC-4", "net")
def net_is_a_sum(m: Any) -> Facts:
    """w = (0.5, -2, 4)    x = (3, 4, -1)    b = 10"""
    yield Fact("net(w, x)", m.net([0.5, -2.0, 4.0], [3.0, 4.0, -1.0]), "1.5 - 8 - 4")
    yield Fact("net(w, x, b)", m.net([0.5, -2.0, 4.0], [3.0, 4.0, -1.0], 10.0), "1.5 - 8 - 4 + 10")
    yield Fact("net([3], [0.25], -2)", m.net([3.0], [0.25], -2.0), "0.75 - 2")
    yield Fact("net((1, 2, 3, 4), (4, 3, 2, 0.5))", m.net([1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 0.5]), "4 + 6 + 6 + 2")


@lesson[7]("a sample that is too short is told, or too long", "LEC-4", "net")
def short_sample(m: Any) -> Facts:
    """w = (1, 2, 3)    x = (1, 2)"""
    yield Fact("net(w, x)", refused(m.net, [1.0, 2.0, 3.0], [1.0, 2.0]), "ValueError, as x has 2 numbers for 3 weights")
    yield Fact("net(x, w)", refused(m.net, [1.0, 2.0], [1.0, 2.0, 3.0]), "ValueError, as 3 numbers come to 2 weights")


def refused(f: Callable[..., float], *args: Any) -> str:
    """What f gives, or that it raises ValueError."""
    try:
        return f"{f(*args):g}"
    except ValueError:
        return "ValueError"


@lesson[7]("the outputs of the network", "LEC-3; LEC-4; SX-1", "forward; net")
def outputs(m: Any) -> Facts:
    """x = (3, -2)    h = (3/4, 1/3)"""
    o = m.forward([3.0, -2.0], network(m))
    yield Fact("o_o1", o[0].data, "sigmoid(-ln 4) = 0.2")
    yield Fact("o_o2", o[1].data, "sigmoid(ln 9) = 0.9")
    yield Fact("units", len(o), "2")
    layer = [[m.Value(math.log(2)), m.Value(0.0)], [m.Value(0.0), m.Value(math.log(3))], [m.Value(0.0), m.Value(0.0)]]
    o = m.forward([2.0, -1.0], [layer])
    yield Fact("three units: o_o1", o[0].data, "sigmoid(ln 4) = 0.8")
    yield Fact("three units: o_o2", o[1].data, "sigmoid(-ln 3) = 0.25")
    yield Fact("three units", len(o), "3")


# ---- 8


def error(m: Any, row: str, o: tuple[float, ...], t: tuple[float, ...]) -> tuple[Any, list[Any]]:
    outputs = [m.Value(p) for p in o]
    E = m.error(row, outputs, list(t))
    E.backward()
    return E, outputs


@lesson[8]("E = sum of (t - o)^2", "LEC-2; S63-f", "row sse, E")
def sum_of_squares(m: Any) -> Facts:
    """o = (0.2, 0.9)    t = (1, 1)"""
    yield Fact("E", error(m, "sse", (0.2, 0.9), (1.0, 1.0))[0].data, "0.64 + 0.01")
    yield Fact("E at o = (0.4, 0.7), t = (0.1, 0.9)", error(m, "sse", (0.4, 0.7), (0.1, 0.9))[0].data, "0.09 + 0.04")


@lesson[8]("dE/do of the sum of squares", "S63-i; LEC-6", "row sse, dE/do")
def sum_of_squares_slope(m: Any) -> Facts:
    """o = (0.2, 0.9)    t = (1, 1)"""
    o = error(m, "sse", (0.2, 0.9), (1.0, 1.0))[1]
    yield Fact("dE/do_o1", o[0].grad, "-2 × (1 - 0.2)")
    yield Fact("dE/do_o2", o[1].grad, "-2 × (1 - 0.9)")
    o = error(m, "sse", (0.4, 0.7), (0.1, 0.9))[1]
    yield Fact("dE/do_o1 at o = (0.4, 0.7), t = (0.1, 0.9)", o[0].grad, "-2 × (0.1 - 0.4)")
    yield Fact("dE/do_o2 at o = (0.4, 0.7), t = (0.1, 0.9)", o[1].grad, "-2 × (0.9 - 0.7)")


@lesson[8]("dE/do of cross-entropy, t = 1", "LEC-14; LEC-15", "row bce, dE/do")
def cross_entropy_yes(m: Any) -> Facts:
    """o = (0.2, 0.9)    t = (1, 1)"""
    o = error(m, "bce", (0.2, 0.9), (1.0, 1.0))[1]
    yield Fact("dE/do_o1", o[0].grad, "-1/o = -5")
    yield Fact("dE/do_o2", o[1].grad, "-1/o = -1.1111111111111112")
    yield Fact("dE/do at t = o = 1", error(m, "bce", (1.0,), (1.0,))[1][0].grad, "-1/o = -1")


@lesson[8]("dE/do of cross-entropy, t = 0", "LEC-14; LEC-16", "row bce, dE/do")
def cross_entropy_no(m: Any) -> Facts:
    """o = (0.2, 0.75)    t = (0, 0)"""
    o = error(m, "bce", (0.2, 0.75), (0.0, 0.0))[1]
    yield Fact("dE/do_o1", o[0].grad, "1/(1 - o) = 1.25")
    yield Fact("dE/do_o2", o[1].grad, "1/(1 - o) = 4")
    yield Fact("dE/do at t = o = 0", error(m, "bce", (0.0,), (0.0,))[1][0].grad, "1/(1 - o) = 1")


@lesson[8]("dE/do of cross-entropy, t between 0 and 1", "LEC-14", "row bce, dE/do")
def cross_entropy_perhaps(m: Any) -> Facts:
    """o = (0.2, 0.75)    t = (0.25, 0.5)"""
    o = error(m, "bce", (0.2, 0.75), (0.25, 0.5))[1]
    yield Fact("dE/do_o1", o[0].grad, "-0.25/0.2 + 0.75/0.8 = -0.3125")
    yield Fact("dE/do_o2", o[1].grad, "-0.5/0.75 + 0.5/0.25 = 1.333333333")


# ---- 9 and 10


@lesson[9]("delta of the output units", "S63-k; ESL-14", "delta_o")
def output_deltas(m: Any) -> Facts:
    """y = (0.2, 0.9)    t = (1, 1)    dE/dnet = -2 delta"""
    yield Fact("delta_o(0.2, 1)", m.delta_o(0.2, 1.0), "y(1 - y)(t - y) = 0.2 × 0.8 × 0.8")
    yield Fact("delta_o(0.9, 1)", m.delta_o(0.9, 1.0), "y(1 - y)(t - y) = 0.9 × 0.1 × 0.1")
    yield Fact("delta_o(0.4, 0.1)", m.delta_o(0.4, 0.1), "y(1 - y)(t - y) = 0.4 × 0.6 × (-0.3)")


@lesson[10]("delta of a hidden unit", "S63-t; ESL-15", "delta_h")
def hidden_deltas(m: Any) -> Facts:
    """a = 0.75    w to the outputs = (-3, 4)    delta_o = (0.5, 0.25)"""
    yield Fact("delta_h(a, w, deltas)", m.delta_h(0.75, [-3.0, 4.0], [0.5, 0.25]), "0.75 × 0.25 × (-1.5 + 1)")
    yield Fact("one output", m.delta_h(0.75, [-3.0], [0.5]), "0.75 × 0.25 × (-1.5)")
    yield Fact("a = 0.4, three outputs", m.delta_h(0.4, [1.5, -2.0, 0.5], [0.2, 0.3, -1.0]), "0.4 × 0.6 × (0.3 - 0.6 - 0.5)")
    yield Fact("two weights, one delta", refused(m.delta_h, 0.4, [1.5, -2.0], [0.2]), "ValueError, as a delta is missing")


BY_HAND = {
    "o1,h1": "-2(1 - 0.2) × 0.16 × 0.75",
    "o1,h2": "-2(1 - 0.2) × 0.16 × 1/3",
    "o2,h1": "-2(1 - 0.9) × 0.09 × 0.75",
    "o2,h2": "-2(1 - 0.9) × 0.09 × 1/3",
    "h1,x1": "0.630683 × 0.1875 × 3",
    "h1,x2": "0.630683 × 0.1875 × (-2)",
    "h2,x1": "-0.473012 × 0.222222 × 3",
    "h2,x2": "-0.473012 × 0.222222 × (-2)",
}
GIVEN = {
    "o": "x = (3, -2)   h = (3/4, 1/3)   o = (1/5, 9/10)   t = (1, 1)",
    "h": "dE/do_{0} = Σ_k w_k,{0} × dE/dnet_k\n   k = o1   {1} × -0.256000\n   k = o2   {2} × -0.018000      sum {3}",
}


def cause(weight: str, value: float) -> str:
    """The catalogued slip that gives this number for dE/dw, if exactly one does."""
    model = MLP(2, [2, 2], activation="sigmoid", output="sigmoid", bias=False)
    for p, w in zip(model.parameters(), (*HIDDEN[0], *HIDDEN[1], *OUT[0], *OUT[1]), strict=True):
        p.data = w
    of: Value = dict(model.named_parameters())[f"w_{weight}"]
    return diagnose(value, of=of, root=sse(model([3, -2]), [1, 1])).cause if math.isfinite(value) else ""


def by_hand(weight: str) -> Callable[[Any], Facts]:
    def probe(m: Any) -> Facts:
        answer = read(getattr(m, f"dw_{weight.replace(',', '_')}"), 0.0, {})
        yield Fact(f"dE/dw_{weight}", answer.value, BY_HAND[weight], near=1e-5)

    probe.__name__ = f"by_hand_{weight.replace(',', '_')}"
    k = int(weight[1]) - 1
    sums = ("+0.630683", "-0.473012")
    numbers = (weight[:2], f"{OUT[0][k]:.6f}", f"{OUT[1][k]:.6f}", sums[k])
    probe.__doc__ = GIVEN[weight[0]].format(*numbers)
    return probe


for _weight in BY_HAND:
    _number, _eq = (9, "LEC-5; LEC-6; S63-5") if _weight.startswith("o") else (10, "LEC-11; LEC-12; S63-s")
    lesson[_number](f"dE/dw_{_weight}", _eq, f"dE/dw_{_weight}", explain=partial(cause, _weight))(by_hand(_weight))


def cause_with_tanh(weight: str, value: float) -> str:
    """The catalogued slip that gives this number for dL/dW of the note on symmetry, if exactly one does."""
    model = MLP(1, [2, 1], activation="tanh", output="linear", bias=False)
    for p, w in zip(model.parameters(), (0.3, -0.7, 0.5, -1.2), strict=True):
        p.data = w
    of: Value = dict(model.named_parameters())[f"w_h{weight[-1]},x1"]
    return diagnose(value, of=of, root=sse(model([2.0]), [1.0])).cause if math.isfinite(value) else ""


@lesson[10]("dL/dW_11, with tanh", "SX-4; SX-6", "dL_dW11", explain=partial(cause_with_tanh, "W11"))
def by_hand_with_tanh_1(m: Any) -> Facts:
    """x_1 = 2   h_1 = 0.537050   V_1 = 0.5   o = 1.330947   t = 1"""
    yield Fact("dL/dW_11", m.dL_dW11, "2 × 0.5 × (1 - 1.330947) × 2 × (0.288423 - 1)", near=1e-5)


@lesson[10]("dL/dW_12, with tanh", "SX-4; SX-8", "dL_dW12", explain=partial(cause_with_tanh, "W12"))
def by_hand_with_tanh_2(m: Any) -> Facts:
    """x_1 = 2   h_2 = -0.885352   V_2 = -1.2   o = 1.330947   t = 1"""
    yield Fact("dL/dW_12", m.dL_dW12, "2 × (-1.2) × (1 - 1.330947) × 2 × (0.783848 - 1)", near=1e-5)


# ---- 11


@lesson[11]("one step on the network", "S63-c; S63-d; LEC-1", "sgd_step")
def one_step(m: Any) -> Facts:
    """eta = 1/2    E = 0.65"""
    layers = network(m)
    weights = [w for layer in layers for unit in layer for w in unit]
    m.error("sse", m.forward([3.0, -2.0], layers), [1.0, 1.0]).backward()
    m.sgd_step(weights, 0.5)
    E = m.error("sse", m.forward([3.0, -2.0], layers), [1.0, 1.0])
    yield Fact("w_o1,h1", weights[4].data, "-2.772589 - 0.5 × -0.192 = -2.676588722", near=1e-9)
    yield Fact("E afterwards", E.data, "0.468792", near=1e-12)


ROWS = (1.0, 2.0, 3.0, 4.0, 5.0)


class Walk:
    """A pass over the rows: the order they came in, the weight that each met; and as many steps, one by one."""

    def __init__(self, m: Any, random: Random) -> None:
        self.rows: list[float] = []
        self.met: list[float] = []
        w, v = m.Value(0.5), m.Value(-1.5)

        def E(row: float) -> Any:
            self.rows.append(row)
            self.met.append(w.data)
            return w * row - v * w

        m.epoch(ROWS, [w, v], E, 0.1, random)
        self.after = w.data, v.data
        w.data, v.data = 0.5, -1.5
        for row in self.rows:
            (w * row - v * w).backward()
            m.sgd_step([w, v], 0.1)
        self.steps = w.data, v.data


@lesson[11]("the order of the rows is drawn by random.shuffle", "LEC-1; LEC-R1", "epoch; sgd_step")
def order_is_drawn(m: Any) -> Facts:
    """rows 1 to 5    random = Random(0)"""
    random = Random(0)
    for name, order in (("the order", "3 2 1 5 4"), ("the order of a second pass", "1 3 2 4 5")):
        yield Fact(name, " ".join(f"{r:g}" for r in Walk(m, random).rows), order)
    yield Fact("random.random() after two passes", random.random(), "what it gives after two shuffles")


@lesson[11]("a step after every row", "LEC-1; LEC-R2", "epoch; sgd_step")
def step_after_every_row(m: Any) -> Facts:
    """rows 1 to 5    random = Random(0)"""
    walk = Walk(m, Random(0))
    yield Fact("rows", len(walk.rows), "5")
    yield Fact("weights met", len(set(walk.met)), "5")
    for name, after, steps in zip("wv", walk.after, walk.steps, strict=True):
        yield Fact(f"{name}, less what five steps of yours make of it", after - steps, "0")


# ---- 12


@lesson[12]("the first number drawn", "SX-R1", "xavier")
def first_draw(m: Any) -> Facts:
    """nin = 2    nout = 3    r = sqrt(6/5)"""
    yield Fact("xavier(Random(0), 2, 3)", m.xavier(Random(0), 2, 3), "0.75459", near=1e-12)


@lesson[12]("wide layers get small weights", "SX-R1", "xavier")
def width(m: Any) -> Facts:
    """nin = nout = 50    r = sqrt(6/100)"""
    yield Fact("xavier(Random(0), 50, 50)", m.xavier(Random(0), 50, 50), "0.168732", near=1e-12)


@lesson[12]("two hidden units do not start equal", "SX-R1; SX-6; SX-8", "xavier")
def units_differ(m: Any) -> Facts:
    """random = Random(0)    two draws"""
    random = Random(0)
    found = m.xavier(random, 2, 3) == m.xavier(random, 2, 3)
    yield Fact("W11 and W12", "equal: they stay so for ever" if found else "different", "different")
    yield Fact("random.random() afterwards", random.random(), "the third number drawn")
    for start, words in ((None, "W = V = 1/2"), (m.xavier, "drawn")):
        W11, W12 = trained_on_xor(m, start)
        apart = "equal in every bit" if W11 == W12 else "apart"
        yield Fact(f"W11 and W12 after 5 passes, {words}", apart, "equal in every bit" if start is None else "apart")


XOR = ((0.0, 0.0, 0.0), (0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0))


def trained_on_xor(m: Any, start: Callable[[Random, int, int], float] | None) -> tuple[float, float]:
    """W11 and W12 of two tanh units with a linear output after 5 passes over XOR, from equal weights or drawn ones."""
    random = Random(1)
    W = [[m.Value(start(random, 2, 2) if start else 0.5) for _ in range(2)] for _ in range(2)]
    V = [m.Value(start(random, 2, 1) if start else 0.5) for _ in range(2)]

    def E(row: tuple[float, float, float]) -> Any:
        o = m.net(V, [m.net(unit, row[:2]).tanh() for unit in W])
        return m.error("sse", [o], [row[2]])

    for _ in range(5):
        m.epoch(XOR, [*W[0], *W[1], *V], E, 0.1, random)
    return W[0][0].data, W[1][0].data


@lesson[12]("the best of five starts", "SX-R3", "best_of_five")
def five_starts(m: Any) -> Facts:
    """each start fails with 0.27, whatever the others do"""
    yield Fact("best_of_five", m.best_of_five, "1 - 0.27**5 = 0.998565", near=1e-5)


@lesson[12]("which of three is no minimum", "SX-R5; LEC-R3", "barrier")
def barrier_between_two(m: Any) -> Facts:
    """E'' = 13.94 at -0.068955   -6.04 at 0.295707   0.081 at 2.197225"""
    yield Fact("barrier", m.barrier, "where E'' < 0: w = 0.295707", near=1e-5)


@lesson[12]("several starts, and the best end", "SX-R3", "best")
def best_start(m: Any) -> Facts:
    """starts 3, 1, 2, 4 end with the errors 0.5, 0.3, 0.01, 0.7"""
    yield Fact("best(starts, trained)", m.best([3.0, 1.0, 2.0, 4.0], {3.0: 0.5, 1.0: 0.3, 2.0: 0.01, 4.0: 0.7}.__getitem__), "2")
    yield Fact("other errors", m.best([3.0, 1.0, 2.0, 4.0], {3.0: 0.1, 1.0: 0.7, 2.0: 0.4, 4.0: 0.5}.__getitem__), "3")


# ---- 13


@lesson[13]("what eight layers leave of a gradient", "LEC-9; LEC-10", "at_most_left")
def eight_layers(m: Any) -> Facts:
    """x = 1, t = 1, eight sigmoid units in a row, each with w = 1
    dE/dw of the last: -0.100985    of the first: -0.00000376
    """
    yield Fact("at_most_left", m.at_most_left, "0.25**8", near=1e-5)


@lesson[13]("what came in is added", "LEC-10; S63-v", "added")
def skip_adds(m: Any) -> Facts:
    """one layer, w = (ln 2, 0), (0, 1)    x = (1, 3)    o = f(net) + x"""
    x = [m.Value(1.0), m.Value(3.0)]
    layer = [[m.Value(math.log(2)), m.Value(0.0)], [m.Value(0.0), m.Value(1.0)]]
    o = m.forward(x, [layer], True)
    o[0].backward()
    yield Fact("o_o1", o[0].data, "2 / 3 + 1")
    yield Fact("do_o1/dx_1", x[0].grad, "0.222222 × ln 2 + 1 = 1.154032707", near=1e-9)
    o[1].backward()
    yield Fact("o_o2", o[1].data, "sigmoid(3) + 3 = 3.952574127")
    yield Fact("do_o2/dx_2", x[1].grad, "0.045176660 × 1 + 1 = 1.04517666", near=1e-9)
    yield Fact("units", len(o), "2")
    layers = [[[m.Value(1.0)]] for _ in range(8)]
    m.error("sse", m.forward([1.0], layers, True), [1.0]).backward()
    yield Fact("dE/dw of the first of eight layers", layers[0][0][0].grad, "3.689280719 with shortcuts, -0.00000376 without", near=1e-9)


@lesson[13]("fewer units than inputs", "S63-v", "added")
def fewer_units(m: Any) -> Facts:
    """two inputs, one unit with w = (ln 2, 0)    x = (1, 3)"""
    yield Fact("o_o1", m.forward([1.0, 3.0], [[[m.Value(math.log(2)), m.Value(0.0)]]], True)[0].data, "2 / 3")


@lesson[13]("more units than inputs", "S63-v", "added")
def more_units(m: Any) -> Facts:
    """one input, two units with w = ln 2 and 0    x = 1"""
    o = m.forward([1.0], [[[m.Value(math.log(2))], [m.Value(0.0)]]], True)
    yield Fact("o_o1", o[0].data, "2 / 3")
    yield Fact("units", len(o), "2")
