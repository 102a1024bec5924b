"""Slips in my_nn.py: each a change of what the shipped source says in one blank, with the sentence that names it."""

from __future__ import annotations

from engine.learn.judging import Slip
from nn.learn.blanks import EXACT


FORWARD = "o = [net(w, into).sigmoid() for w in weights]"
BCE = "where(zero, 0, -t / o) + where(one, 0, (1 - t) / (1 - o))"
WEIGHTED = "s += d_o * w_o"
ADDED = "return [o_j + i_j for o_j, i_j in zip(o, into, strict=True)]"

SLIPS = (
    Slip("net", "s + w_i * x_i", "s + w_i + x_i", "weights and inputs multiply (LEC-4); yours are added"),
    Slip("net", "s + w_i * x_i", "w_i * x_i", "only the last term is left: add to s"),
    Slip("net", "w[0] * x[0]", "0.0", "the first term is missing"),
    Slip("net", "s if b is None else s + b", "s", "the bias is left out"),
    Slip("net", "strict=True", "strict=False", "zip stops at the shorter list without a word: strict=True",
         "karpathy/micrograd: Neuron(3)([1, 2]) is silently cut short"),
    Slip("forward", FORWARD, "o = [net(w, into) for w in weights]", "the activation is missing: o_j = f(net_j)"),
    Slip("forward", FORWARD, "o = [net(w, into).tanh() for w in weights]", "that is tanh; these units are sigmoids"),
    Slip("forward", FORWARD, "o = [net(w, into).sigmoid() if weights is not layers[-1] else net(w, into) for w in weights]",
         "the activation of the last layer is missing"),
    Slip("forward", FORWARD, "o = [net(w, into).sigmoid() for w in zip(*weights)]", "the weights are read with their indices swapped"),
    Slip("forward", FORWARD, "o = [net(w, into).sigmoid().sigmoid() for w in weights]", "the sigmoid is taken twice"),
    Slip("row sse, E", "(t - o) * (t - o)", "(t - o)", "the square is missing"),
    Slip("row sse, E", "total(", "0.5 * total(", "that is half of it: this E has no 1/2"),
    Slip("row sse, E", "(t - o) * (t - o)", "(t + o) * (t - o)", "one sign: (t - o)(t - o)"),
    Slip("row sse, dE/do", "-2 * (t - o)", "-(t - o)", "the 2 of d(t - o)^2/do is dropped, as in LEC-6"),
    Slip("row sse, dE/do", "-2 * (t - o)", "2 * (t - o)", "the sign: o stands behind the minus, so a -1 comes out"),
    Slip("row sse, dE/do", "-2 * (t - o)", "-2 * (t - o) / 2.0 * 2.0 * (t - o)", "the power was not lowered: 2 (t - o), not its square"),
    Slip("row bce, dE/do", BCE, "t / o + (1 - t) / (1 - o)", "the minus of -t/o is missing"),
    Slip("row bce, dE/do", BCE, "(1 - t) / (1 - o)", "the first term, -t/o, is missing"),
    Slip("row bce, dE/do", BCE, "-t / o", "the second term, (1 - t)/(1 - o), is missing"),
    Slip("row bce, dE/do", BCE, "-t / o - (1 - t) / (1 - o)", "the sign of the second term: ln(1 - o) has a minus inside"),
    Slip("row bce, dE/do", "where(one, 0, (1 - t) / (1 - o))", "(1 - t) / (1 - o)", "0/0 where t = o = 1: say 0 there, with where(one, 0, ...)"),
    Slip("row bce, dE/do", "where(zero, 0, -t / o)", "-t / o", "0/0 where t = o = 0: say 0 there, with where(zero, 0, ...)"),
    Slip("row bce, dE/do", BCE, "where(one, -1 / o, 1 / (1 - o))", "that takes t for 1 or 0 alone; between, both terms count, each by its t"),
    Slip("row bce, dE/do", BCE, "o - t", "that is dE/dnet behind a sigmoid; the row wants dE/do"),
    Slip("row bce, dE/do", BCE, "-2 * (t - o)", "that is the slope of the sum of squares"),
    Slip("delta_o", "(t - y)", "(y - t)", "the sign: S63 has t - y, so that w + alpha delta a is a step down"),
    Slip("delta_o", "y * (1 - y) *", "-2 * y * (1 - y) *", "that is dE/dnet = -2 delta; S63's delta has no -2 (ESL-14 keeps it)"),
    Slip("delta_o", "y * (1 - y) *", "2 * y * (1 - y) *", "S63's delta has no 2"),
    Slip("delta_o", "y * (1 - y) *", "", "the slope y(1 - y) is missing"),
    Slip("delta_o", "(1 - y)", "y", "the slope is y(1 - y), not y y"),
    Slip("delta_o", "y * (1 - y) *", "(1 - y * y) *", "that is the slope of tanh"),
    Slip("delta_h", WEIGHTED, "s = d_o * w_o", "only the last output is in your sum: each adds its part"),
    Slip("delta_h", WEIGHTED, "s += d_o", "the weights are missing from the sum"),
    Slip("delta_h", WEIGHTED, "s += w_o", "the deltas of the outputs are missing from the sum"),
    Slip("delta_h", WEIGHTED, "s += abs(d_o * w_o)", "the terms of the sum were added without their signs"),
    Slip("delta_h", WEIGHTED, "s -= d_o * w_o", "the sign of the sum is turned"),
    Slip("delta_h", "a * (1 - a) *", "", "the slope a(1 - a) of the hidden unit is missing"),
    Slip("delta_h", "a * (1 - a) *", "a *", "the factor 1 - a is missing"),
    Slip("delta_h", "a * (1 - a) *", "(1 - a) *", "the factor a is missing"),
    Slip("delta_h", "a * (1 - a) *", "(1 - a * a) *", "that is the slope of tanh"),
    *(Slip(f"dE/dw_{w}", number, f"-({number})", "the sign is turned: count the minus signs along the path") for w, number in EXACT.items()),
    *(Slip(f"dE/dw_{w}", number, f"({number}) / 2", "the 2 of d(t - o)^2/do is dropped, or the sum was averaged over two outputs")
      for w, number in EXACT.items()),
    Slip("sgd_step", "-= eta", "+= eta", "that is a step up: the gradient points where E grows"),
    Slip("sgd_step", "eta * p.grad", "p.grad", "eta is missing, or doubled: with dE/dw itself the factor is eta (S63-d)"),
    Slip("sgd_step", "p.data -= eta", "p.data = -eta", "the weight itself is lost: w - eta dE/dw"),
    Slip("sgd_step", "weights:", "weights[:1]:", "only the first weight moves"),
    Slip("sgd_step", "p.data -=", "p -=", "no weight has moved: the new number belongs in p.data (p = ... only names another thing p)"),
    Slip("epoch", "random.shuffle(order)\n", "", "the order is always the same: shuffle it"),
    Slip("epoch", "for k in order:\n    E(rows[k])", "for _ in order:\n    E(random.choice(rows))",
         "each row is drawn anew, so some come twice and some not at all: shuffle them"),
    Slip("epoch", "random.shuffle(order)", "Random(0).shuffle(order)", "a new generator each time draws the same order: use `random`"),
    Slip("epoch", "    sgd_step(weights, eta)", "sgd_step(weights, eta)", "one step after all rows: that is the full gradient's way, not LEC-1"),
    Slip("xavier", "uniform(-r, r)", "uniform(0, r)", "the draw is one-sided: from -r to r"),
    Slip("xavier", "(nin + nout)", "(2 * nin)", "nout is left out of r"),
    Slip("xavier", "6.0 / (nin + nout)", "6.0 / 5", "a number is typed in: r depends on nin and nout"),
    Slip("xavier", "math.sqrt(6.0 / (nin + nout))", "6.0 / (nin + nout)", "the root is missing from r"),
    Slip("xavier", "random.uniform(-r, r)", "r", "nothing is drawn: all weights are equal, and equal units stay equal (SX-R1)"),
    Slip("xavier", "random.uniform(-r, r)", "Random(0).uniform(-r, r)", "a new generator each time gives the same number: use `random`"),
    Slip("added", ADDED, "return list(o)", "nothing is added"),
    Slip("added", ADDED, "return [o_j + getattr(i_j, 'data', i_j) for o_j, i_j in zip(o, into, strict=True)]",
         "the number was added, not the node: i_j.data has no history, so no gradient passes"),
    Slip("added", ADDED, "return [o_j * i_j for o_j, i_j in zip(o, into, strict=True)]", "what came in is added, not multiplied"),
    Slip("added", ADDED, "return [o_j + into[0] for o_j in o]", "the first input is added to every unit: each has its own"),
    Slip("added", "len(o) != len(into)", "len(o) < len(into)", "more units than inputs cannot be added either"),
    Slip("added", "len(o) != len(into)", "len(o) > len(into)", "fewer units than inputs cannot be added either"),
)  # fmt: skip
