"""The blanks of my_engine.py: rows of the table, the record of a node, the chain rule, a numerical slope."""

from __future__ import annotations

from engine.learn.cutting import Blank, Volume


HEADER = '''\
"""Your engine. `python -m engine.learn` says what is missing next; write it here and run that again.

A row is a formula over symbols: a and b are the arguments, y is the result. Nothing in a row knows what
arrives from above: the chain rule is written once, in `Value.backward`.

    y        the value                 dy/da, dy/db    the local derivative by each argument
    written  the form that the notes print, and the form that loses no digits
    where    where(condition, this, that)
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

from engine.formula import function, symbol, where, written
from engine.learn.todo import TODO, NotYet, value_and_partials
from engine.ops import Row


ready = {ready}  # lesson 0: write 1 instead of 0, save, and run the same command again


TABLE = {{}}  # your table
Row = partial(Row, table=TABLE)

a, b, y = map(symbol, "aby")
exp, log, tanh, sigmoid, absolute, power = map(function, ("exp", "log", "tanh", "sigmoid", "absolute", "power"))
e = exp(-absolute(a))  # in (0, 1], however large a is

#   name        y                       dy/da                   dy/db
{rows}
'''


def _cell(lesson: int, row: str, cell: int, write: str, question: str, rule: str, hole: str) -> Blank:
    key = f"row {row}, {('y', 'dy/da', 'dy/db')[cell]}"
    return Blank(key, lesson, write, (question, rule, hole), row=row, cell=cell)


BLANKS = (
    Blank("ready", 0, "1 instead of 0, then save the file", ("Is this the file that you change?", "It is, and the only one.", "___"),
          name="ready", number="1", empty="0"),
    _cell(1, "add", 0, "the sum of the symbols a and b, in place of the first TODO of the row", "What is a number called + made of?",
          "S63-b: a network is a function of its inputs, built from sums and products. A row says one of them.", "a ___ b"),
    _cell(1, "mul", 0, "the product of the symbols a and b, in place of the first TODO", "How does Python write the product of two names?",
          "LEC-4: net_j = sum of o_i w_ji, so a product for every edge of the network.", "a ___ b"),
    Blank("record", 1, "keep the row and the arguments on n: n.op, n.args",
          ("What must y = a*b still know later, to say dy/da?",
           "S63-b: what made the number (op), and from what (args): in order, and a twice in a*a.", "n.op = ___\nn.args = args"),
          function="record", statements=slice(5, 7)),
    _cell(2, "add", 1, "the local derivative d(a + b)/da, a number or a formula of a, b, y", "If a grows by 0.001, how much does a + b grow?",
          "The derivative of a sum by one of its terms is 1.", "___"),
    _cell(2, "add", 2, "d(a + b)/db", "If b grows by 0.001, how much does a + b grow?",
          "The derivative of a sum by one of its terms is 1.", "___"),
    _cell(2, "mul", 1, "the local derivative d(a b)/da, a formula of a, b, y", "If a grows by 0.001, how much does a*b grow? It depends on a neighbour.",
          "LEC-5, last factor: the derivative of a product by one factor is the other one.", "___"),
    _cell(2, "mul", 2, "d(a b)/db", "If b grows by 0.001, how much does a*b grow? It depends on a neighbour.",
          "LEC-5, last factor: the derivative of a product by one factor is the other one.", "___"),
    Blank("Value.backward, start", 3, "forget what an earlier pass left in every node; then self.grad = seed",
          ("What is dE/dE? And what do the nodes hold from the last pass?",
           "LEC-12 is a sum, so every grad starts at 0.0; the root is its own user with gradient seed.",
           "for n in order:\n    n.grad = ___\nself.grad = ___"), function="Value.backward", statements=slice(1, 3)),
    Blank("Value.backward", 3, "walk from self down to the leaves; each use adds its part to p.grad",
          ("b feeds two nodes. What is dL/db when two paths lead to L?",
           "LEC-12: dL/db is the sum over the users n of b: dn/db times dL/dn. LEC-5 along each edge.",
           "for n in ___(order):\n    for p, slope in zip(n.args, n.partials, strict=True):\n        if isinstance(p, Value):\n"
           "            p.grad ___ slope * ___"),
          function="Value.backward", statements=slice(3, 4)),
    Blank("topological", 3, "all Values below root, each once, arguments before what is made from them",
          ("When may a node pass its gradient on? What must have arrived before?",
           "S63-r: every term of the sum must be there first: so users before arguments, each node once. A node is born\n"
           "after its arguments; a loop over a growing list needs no recursion.",
           "found, seen = [root], {root}\nfor n in found:\n    for p in n.args:\n        if isinstance(p, Value) and p not in ___:\n"
           "            seen.add(p)\n            found.append(p)\nreturn sorted(found, key=lambda n: n.___)"),
          function="topological"),
    _cell(4, "sub", 1, "d(a - b)/da", "If a grows by 0.001, how much does a - b grow?", "A difference is a sum with -b.", "___"),
    _cell(4, "sub", 2, "d(a - b)/db", "If b grows, does a - b grow?", "A difference is a sum with -b.", "___"),
    _cell(4, "div", 1, "d(a/b)/da", "a/b is a times what?", "The derivative of a product by one factor is the other one.", "1 / ___"),
    _cell(4, "div", 2, "d(a/b)/db; it may use y", "a/b = a b**-1. What is the derivative of b**-1, and its sign?",
          "d(a/b)/db = -a/b**2, which is -y/b. LEC-15: with a = 1 it is -1/y of cross-entropy.", "-___ / b"),
    _cell(4, "neg", 1, "d(-a)/da", "If a grows by 0.001, how much does -a grow?", "It goes down as fast as a goes up.", "-___"),
    _cell(4, "pow", 1, "d(a**b)/da, with b a constant", "What is the slope of x**3 at 2?",
          "The exponent comes down, and is one less afterwards. S63-h: d(t - y)**2 gives the 2.",
          "written((s := b * a ** ___), where(b.equals(0), where(a.equals(0), 0, s), s))"),
    _cell(4, "exp", 1, "d(exp a)/da; it may use y", "Which function is its own slope?", "LEC-7 starts from it: (e**n)' = e**n.", "___"),
    _cell(4, "log", 1, "d(log a)/da", "log undoes exp: how steep is it where exp is steep?",
          "LEC-13 to 16: d(ln y)/dy = 1/y, so dE/dy = -t/y + (1 - t)/(1 - y).", "1 / ___"),
    _cell(5, "sigmoid", 0, "1/(1 + exp(-a)), so that exp never gets a large number",
          "exp(710) is too large for a float. How can e = exp(-|a|), which is at most 1, do the work?",
          "S63-e: 1/(1 + e**-z). For a < 0 it is the same as e**a/(1 + e**a).",
          "written(1 / (1 + exp(-a)), where(a >= 0, ___, ___) / (1 + e))"),
    _cell(5, "sigmoid", 1, "d sigmoid(a)/da from the output y alone", "How steep is the sigmoid where it is nearly 1?",
          "S63-j, LEC-8: f' = (1 - y) y, six lines in the notes.", "written(y * (1 - ___), y * sigmoid(-a))"),
    _cell(5, "tanh", 1, "d tanh(a)/da from the output y alone", "How steep is tanh where it is nearly 1, or nearly -1?",
          "SX-6 has it as h**2 - 1 with a minus before it: f' = 1 - y**2.",
          "written(1 - ___ * ___, 4 * sigmoid(2 * a) * sigmoid(-(2 * a)))"),
    Blank("numeric_grad, h", 6, "a step for x when h is None: it grows with |x|, but not below 1e-6",
          ("What is 1e9 + 1e-8 in a float?", "The step must change x in its middle digits: 1e-6 times |x|, and 1e-6 near 0.",
           "if h is None:\n    h = 1e-6 * max(1.0, ___)"), function="numeric_grad", statements=slice(0, 1)),
    Blank("numeric_grad", 6, "the slopes right and left of x; ValueError if they disagree; else their mean",
          ("One step to the right gives a slope that is off by h f''/2. And one to the left?",
           "The mean of both is the central difference: the errors of first order cancel, off by h**2.",
           "right = (f(x + h) - f(x)) / h\nleft = (___ - ___) / h\nif abs(right - left) > 0.1 * max(1.0, abs(right), abs(left)):\n"
           "    raise ValueError(___)\nreturn (right + left) / ___"), function="numeric_grad", statements=slice(1, 5)),
)  # fmt: skip

ROWS = ("add", "sub", "mul", "div", "neg", "pow", "exp", "log", "tanh", "sigmoid")
ENGINE = Volume("my_engine.py", HEADER, {"engine.ops": ROWS}, {"engine.learn.plain": ()}, BLANKS)
