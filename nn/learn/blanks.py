"""The blanks of my_nn.py: a net, two errors, deltas, eight numbers by hand, a step, initial weights, a skip."""

from __future__ import annotations

from engine.learn.cutting import Blank, Volume


HEADER = '''\
"""Your networks, on your engine. `python -m engine.learn` says what is missing next.

    h1, h2  hidden units    o1, o2  outputs    w_ji  the weight to unit j from i
The network of lessons 9 and 10: x = (3, -2), t = (1, 1), sigmoid units, E = sum_k (t_k - o_k)^2,
    w_h1 = (-ln 3, -ln 9), w_h2 = (ln 2, ln 4), w_o1 = (-ln 16, ln 8), w_o2 = (ln 81, -ln 27)
so that h = (3/4, 1/3) and o = (1/5, 9/10).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from engine.formula import function, symbol, total, where, written
from engine.learn.todo import TODO, NotYet
from my_engine import TABLE, Row, Value, record


o, t = symbol("o", vector=True), symbol("t", vector=True)  # outputs and targets; total(...) sums over them
log, log1p = map(function, ("log", "log1p"))
zero, one = t.equals(0), t.equals(1)

#   name        E                       dE/do_k                 dE/dt_k
{rows}

# lesson 9: dE/dw of the weights into the outputs, as numbers or sums of numbers
dw_o1_h1 = {dw_o1_h1}
dw_o1_h2 = {dw_o1_h2}
dw_o2_h1 = {dw_o2_h1}
dw_o2_h2 = {dw_o2_h2}

# lesson 10: dE/dw of the weights into the hidden units; math.log is there
dw_h1_x1 = {dw_h1_x1}
dw_h1_x2 = {dw_h1_x2}
dw_h2_x1 = {dw_h2_x1}
dw_h2_x2 = {dw_h2_x2}

# lesson 10, the note on symmetry: x_1 = 2, two hidden units h = tanh(net), o = V_1 h_1 + V_2 h_2, L = (t - o)^2, t = 1,
# W_11 = 0.3 and W_12 = -0.7 from x_1 to h_1 and h_2, V = (0.5, -1.2): h = (0.537050, -0.885352), o = 1.330947
dL_dW11 = {dL_dW11}
dL_dW12 = {dL_dW12}

# lesson 12: of 2-2-1 networks on XOR 27 in 100 starts end in failure
best_of_five = {best_of_five}
# lesson 12: one sigmoid unit, one weight, data (10, 0.1) and five times (1, 0.9); dE/dw is 0 at three weights:
#     w = -0.068955, E'' = 13.94      w = 0.295707, E'' = -6.04      w = 2.197225, E'' = 0.081
barrier = {barrier}

# lesson 13: the largest slope of a sigmoid is 1/4
at_most_left = {at_most_left}
'''

EXACT = {  # LEC-6 with its 2, and LEC-11 with LEC-12, in exact numbers
    "o1,h1": "-24 / 125",
    "o1,h2": "-32 / 375",
    "o2,h1": "-27 / 2000",
    "o2,h2": "-3 / 500",
    "h1,x1": "72 * math.log(2) / 125 - 81 * math.log(3) / 2000",
    "h1,x2": "-48 * math.log(2) / 125 + 27 * math.log(3) / 1000",
    "h2,x1": "9 * math.log(3) / 250 - 64 * math.log(2) / 125",
    "h2,x2": "-3 * math.log(3) / 125 + 128 * math.log(2) / 375",
}


SX = {  # SX-6 and SX-8 on the numbers of the header
    "W11": "2 * 0.5 * (1 - 1.330947) * 2 * (0.537050**2 - 1)",
    "W12": "2 * -1.2 * (1 - 1.330947) * 2 * (0.885352**2 - 1)",
}


def _number(name: str, lesson: int, write: str, question: str, rule: str, solution: str, hole: str) -> Blank:
    return Blank(name, lesson, write, (question, rule, hole), name=name, number=solution)


def _by_hand(weight: str) -> Blank:
    j = weight.partition(",")[0]
    out = j.startswith("o")
    question = "Three factors: the error, the slope, the input. Which is which?" if out else f"Which outputs does {j} feed? Each sends its part back."
    rule = ("LEC-6 with its 2: -2 (t - o) f'(net) o_i, and f' = o(1 - o)." if out
            else "LEC-12: dE/do_j = sum_k w_kj dE/dnet_k over both outputs; then times f'(net_j) and x_i (LEC-11).")  # fmt: skip
    solution = EXACT[weight]
    hole = "___" + solution[len(solution) // 2 :].lstrip() if out else solution.replace("math.log", "___")
    return Blank(f"dE/dw_{weight}", 9 if out else 10, f"the number of dE/dw_{weight}, by hand", (question, rule, hole),
                 name=f"dw_{weight.replace(',', '_')}", number=solution)  # fmt: skip


BLANKS = (
    Blank("net", 7, "sum of w_i x_i from left to right, then + b unless b is None",
          ("Which two lists run side by side, and what if one is shorter?",
           "LEC-4: net_j = sum_i o_i w_ji. zip with strict=True tells when a sample is too short.",
           "s = w[0] * ___\nfor w_i, x_i in zip(w[1:], x[1:], strict=True):\n    s = s + ___\nreturn s if b is None else s + ___"),
          function="net"),
    Blank("forward", 7, "o: the outputs of this layer's units for the inputs `into`",
          ("One output for every unit. What does a unit do with what comes in?", "LEC-3: o_j = f(net_j), with f the sigmoid, in every layer.",
           "o = [net(w, ___).___() for w in weights]"), function="forward", inside=1, statements=slice(1, 2)),
    Blank("row sse, E", 8, "the sum over all outputs of (t - o)^2; total(...) is the sum",
          ("What is squared, and what is summed?", "LEC-2, S63-f: E = sum_j (t_j - o_j)^2.", "total((t - o) * ___)"), row="sse", cell=0),
    Blank("row sse, dE/do", 8, "dE/do_k of E = sum_k (t_k - o_k)^2",
          ("Only one term of the sum knows o_k. What does its square bring down?", "S63-i: -2 (t - o). The slide's LEC-6 drops the 2.", "-___ * (t - o)"),
          row="sse", cell=1),
    Blank("row bce, dE/do", 8, "dE/do_k of E = -sum_k t_k ln o_k + (1 - t_k) ln(1 - o_k)",
          ("Two logarithms, two slopes; the second has 1 - o inside.", "LEC-14: dE/dy = -t/y + (1 - t)/(1 - y).",
           "written(-t / ___ + (1 - t) / ___, where(zero, 0, -t / o) + where(one, 0, (1 - t) / (1 - o)))"), row="bce", cell=1),
    Blank("delta_o", 9, "delta of an output unit, as S63 has it: no 2, and (t - y) as it stands",
          ("Which factors of dE/dnet are left without the -2?", "S63-k: delta_o = y(1 - y)(t - y); dE/dnet = -2 delta_o.", "return y * (1 - ___) * (t - ___)"),
          function="delta_o"),
    *map(_by_hand, list(EXACT)[:4]),
    Blank("delta_h", 10, "delta of a hidden unit: its slope times the sum of w_o delta_o",
          ("A hidden unit has no target. Who tells it how wrong it is?", "S63-t: delta_h = a(1 - a) sum_o delta_o w_(h->o), over every output.",
           "s = 0.0\nfor w_o, d_o in zip(w, deltas, strict=True):\n    s += ___\nreturn a * ___ * s"), function="delta_h"),
    *map(_by_hand, list(EXACT)[4:]),
    *(_number(f"dL_d{w}", 10, f"the number of dL/d{w} in the network of the note on symmetry, as the lines above give it",
              "The same path with tanh and a linear output. What is f' now, and where does the minus go?",
              f"SX-{6 if w == 'W11' else 8}: 2 V_j (t - o) x_1 (h_j^2 - 1); the -1 of d(t - o)/do sits in (h_j^2 - 1).",
              number, number.replace("0.5", "___").replace("-1.2", "___")) for w, number in SX.items()),
    Blank("sgd_step", 11, "a step down for every weight: p.data changes by -eta times p.grad",
          ("Which way is down?", "S63-c, S63-d: w' = w - alpha dE/dw. With the 2 absorbed, alpha = 2 eta (S63-l).", "for p in weights:\n    p.data ___ eta * p.grad"),
          function="sgd_step"),
    Blank("epoch", 11, "shuffle the row numbers once with random.shuffle; then for each row in that order: E(row).backward(), and a step",
          ("When is a step made: after each row, or after all?", "LEC-1: update on every example, in an order drawn anew.",
           "order = list(range(len(rows)))\nrandom.___(order)\nfor k in order:\n    E(rows[k]).___()\n    sgd_step(weights, eta)"), function="epoch"),
    Blank("xavier", 12, "uniform in (-r, r) from `random`, with r = sqrt(6 / (nin + nout))",
          ("What do two hidden units with equal weights do for ever?",
           "SX-R1: equal weights get equal gradients and stay equal; a draw breaks it. Glorot and Bengio 2010: r.",
           "r = math.sqrt(6.0 / (___ + ___))\nreturn random.uniform(___, r)"), function="xavier"),
    _number("best_of_five", 12, "the chance that at least one of five starts succeeds",
            "When do five starts fail together?", "SX-R3: they fail together with 0.27 to the power of 5; else the best of them is good.",
            "1 - 0.27**5", "1 - ___"),
    _number("barrier", 12, "the weight that is no minimum: E falls on both sides of it", "What does E'' tell where E' is 0?",
            "SX-R5: E'' above 0 is a minimum, below 0 a top: a barrier between two minima.", "0.295707", "0.___"),
    Blank("best", 12, "of some starts the one whose error after training is the least; trained(start) is that error",
          ("What is to be compared: where a start begins, or where it ends?", "SX-R3: start several times and keep the best end.",
           "return min(starts, key=___)"), function="best"),
    _number("at_most_left", 13, "the largest factor that eight sigmoid layers with w = 1 can leave of a gradient",
            "One layer multiplies by w f'(net). How large can that be, and eight times?",
            "LEC-10: every layer multiplies by f' <= 1/4, so eight of them by no more than (1/4)^8.", "0.25**8", "0.25**___"),
    Blank("added", 13, "o_j + i_j for every unit; where the lengths differ, o alone",
          ("What is do/dx of f(w x) + x where f' is nearly 0?", "LEC-10: slopes multiply and vanish with depth; a sum passes 1 on.",
           "if len(o) != len(into):\n    return ___\nreturn [o_j + ___ for o_j, i_j in zip(o, into, strict=True)]"), function="added"),
)  # fmt: skip

VOLUME = Volume(
    "my_nn.py", HEADER, {"nn.losses": ("sse", "bce")}, {"nn.learn.plain": (), "nn.init": ("xavier",)}, BLANKS
)
