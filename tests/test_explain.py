"""Explanations: every number and formula of the 13/20 network, sums over terms and paths, what must not happen."""

from __future__ import annotations

import itertools
import math
import os
import random
import re
import subprocess
import sys
import textwrap
from fractions import Fraction
from math import log

import pytest

import engine
from engine import Role, Value, hypot, logsumexp, maximum, no_grad, relu, sigmoid, softmax, sqrt, tanh, where
from engine.errors import StaleGraph
from engine.formula import Formula, formula, symbol
from engine.graph import topological
from engine.ops import Row
from engine.recording import record
from engine.why import Contributions, Explanation, contributions, explain, top_paths
from nn import MLP, losses


NOTES = ("LEC", "S63", "SX", "ESL", None)
WEIGHTS = (-log(3), -log(9), log(2), log(4), -log(16), log(8), log(81), -log(27))


def worked_example(loss=losses.sse, x=(3, -2), **options):
    """The 13/20 network on its sample: the loss, with a way to its nodes by label."""
    model = MLP(2, [2, 2], activation="sigmoid", output="sigmoid", bias=False, **options)
    for p, w in zip(model.parameters(), WEIGHTS, strict=True):
        p.data = w
    return loss(model(list(x)), [1, 1])


def find(root: Value, label: str) -> Value:
    return next(n for n in topological(root) if str(n.label) == label)


def close(a: float, b: float, rel: float = 1e-12) -> bool:
    return math.isclose(a, b, rel_tol=rel, abs_tol=1e-300)


def said(text: str) -> str:
    """Text with what depends on rounding noise left out."""
    return re.sub(r"off by \S+", "off by ...", str(text))


def squeezed(text: str) -> str:
    return " ".join(str(text).split())


def slope_of(f, x: float) -> str:
    """The explanation of f's slope at x, as text."""
    v = Value(x, "x")
    return explain(v, f(v)).text()


def gradients(root: Value) -> dict[Value, float]:
    root.backward()
    return {n: n.grad for n in topological(root)}


# ---- the worked example, to be done by hand -----------------------------------------------------


EXACT = {  # LEC-R5, computed in exact arithmetic
    "w_o1,h1": Fraction(-24, 125),
    "w_o1,h2": Fraction(-32, 375),
    "w_o2,h1": Fraction(-27, 2000),
    "w_o2,h2": Fraction(-3, 500),
    "w_h1,x1": 72 * log(2) / 125 - 81 * log(3) / 2000,
    "w_h1,x2": -(48 * log(2) / 125 - 27 * log(3) / 1000),
    "w_h2,x1": 9 * log(3) / 250 - 64 * log(2) / 125,
    "w_h2,x2": -2 / 3 * (9 * log(3) / 250 - 64 * log(2) / 125),
    "net_o1": Fraction(-32, 125),
    "net_o2": Fraction(-9, 500),
    "o_o1": Fraction(-8, 5),
    "o_o2": Fraction(-1, 5),
    "o_h1": 128 * log(2) / 125 - 9 * log(3) / 125,
    "o_h2": 27 * log(3) / 500 - 96 * log(2) / 125,
    "net_h1": Fraction(3, 16) * (128 * log(2) / 125 - 9 * log(3) / 125),
    "net_h2": Fraction(2, 9) * (27 * log(3) / 500 - 96 * log(2) / 125),
    "E": 1,
}


@pytest.mark.parametrize("label", EXACT)
@pytest.mark.parametrize("expand", [False, True])
def test_every_gradient_of_the_worked_example_is_exact(label, expand):
    E = worked_example(expand=expand)
    for notes in NOTES:
        e = explain(find(E, label), E, notes)
        assert close(e.total, float(EXACT[label]))
        assert f"{float(EXACT[label]):.6f}" in e.text() or label == "E"


def test_output_weight_in_the_words_of_LEC():
    E = worked_example()
    assert said(explain(find(E, "w_o1,h1"), E, "LEC", eta=0.5)) == textwrap.dedent("""\
        dE/dw_o1,h1 = -0.192000                                                   output weight
          with   E = Σ_k (t_k - o_k)² = 0.650000                                        LEC-2
          = dE/do_o1         ×  do_o1/dnet_o1   ×  dnet_o1/dw_o1,h1                     LEC-5
          = -2(t_o1 - o_o1)  ×  f'(net_o1)      ×  o_h1                                 LEC-6 *
          = -2(t_o1 - o_o1)  ×  o_o1(1 - o_o1)  ×  o_h1                                 LEC-7
          = -2(1 - 0.2)      ×  0.2(1 - 0.2)    ×  0.75
          = -1.600000        ×  0.160000        ×  0.750000  =  -0.192000
          S63    δ_1 = y_1(1 - y_1)(t_1 - y_1) = 0.128000                               S63-k
                 dE/dnet_o1 = -2 δ_1 = -0.256000
          step   w - η dE/dw = -2.772589 - 0.5 × -0.192000 = -2.676589   (α = 2 η = 1)  S63-l
          check  central difference, h = 1e-6: -0.192000, off by ...
          *      the slide prints -(t - o): the 2 of d(t - o)²/do is absorbed into η""")


def test_hidden_weight_in_the_words_of_LEC():
    E = worked_example()
    assert said(explain(find(E, "w_h1,x1"), E, "LEC", eta=0.5)) == textwrap.dedent("""\
        dE/dw_h1,x1 = 0.354759                                                  hidden weight
          = dE/do_h1  ×  do_h1/dnet_h1   ×  dnet_h1/dw_h1,x1                           LEC-5
          = dE/do_h1  ×  f'(net_h1)      ×  o_x1                                       LEC-11
          = dE/do_h1  ×  o_h1(1 - o_h1)  ×  o_x1                                       LEC-7
              dE/do_h1 = Σ_k w_k,h1 × dE/dnet_k                                        LEC-12
                k=o1  -2.772589 × -0.256000 = +0.709783
                k=o2   4.394449 × -0.018000 = -0.079100
                                        sum = +0.630683
          = 0.630683  ×  0.75(1 - 0.75)  ×  3
          = 0.630683  ×  0.187500        ×  3.000000  =  0.354759
          S63    δ_h1 = a_h1(1 - a_h1) Σ_o δ_o w_(h1→o)                                S63-t
                      = 0.187500 × (0.128 × -2.772589 + 0.009 × 4.394449) = 0.187500 × -0.315341 = -0.059126
                 dE/dw_h1,x1 = -2 δ_h1 a_i1 = 0.354759                                 S63-s
          step   w - η dE/dw = -1.098612 - 0.5 × 0.354759 = -1.275992   (α = 2 η = 1)  S63-u
          paths  via o1 +0.399253, via o2 -0.044494 (they disagree)
          check  central difference, h = 1e-6: 0.354759, off by ...""")


@pytest.mark.parametrize(
    ("notes", "label", "lines"),
    [
        ("S63", "w_o1,h1", [
            "∂ε/∂w_(h1→1) = -0.192000",
            "= -2(t_1 - y_1) × y_1(1 - y_1) × a_h1 S63-5",
            "δ_1 = y_1(1 - y_1)(t_1 - y_1) = 0.128000 S63-k",
            "∂ε/∂z_1 = -2 δ_1 = -0.256000",
            "w' = w + α δ_1 a_h1 = -2.772589 + 1 × 0.128 × 0.75 = -2.676589 (α = 2 η = 1) S63-l",
        ]),
        ("S63", "w_h1,x1", [
            "∂ε/∂w_(i1→h1) = -2(t_1 - y_1) y_1(1 - y_1) w_(h1→1) a_h1(1 - a_h1) a_i1 S63-r"
            " + -2(t_2 - y_2) y_2(1 - y_2) w_(h1→2) a_h1(1 - a_h1) a_i1 = 0.399253 - 0.044494 = 0.354759",
            "δ_h1 = a_h1(1 - a_h1) Σ_o δ_o w_(h1→o) S63-t = 0.187500 × (0.128 × -2.772589 + 0.009 × 4.394449)"
            " = 0.187500 × -0.315341 = -0.059126",
            "∂ε/∂w_(i1→h1) = -2 δ_h1 a_i1 = 0.354759 S63-s",
            "w' = w + α δ_h1 a_i1 = -1.098612 + 1 × -0.059126 × 3 = -1.275992 (α = 2 η = 1) S63-u",
        ]),
        ("ESL", "w_o1,h1", [
            "= -2(y_1 - f_1) × g'(T_1) × z_1 ESL-12",
            "δ_1 = -2(y_1 - f_1) g'(T_1) = -0.256000 ESL-12",
            "∂R/∂β_11 = δ_1 z_1 = -0.192000 ESL-14",
            "δ_k keeps the -2: it is ∂R/∂T_k, which is -2 times the δ of S63",
        ]),
        ("ESL", "w_h1,x1", [
            "s_1 = σ'(α_1·x) Σ_k β_k1 δ_k = 0.187500 × 0.630683 = 0.118253 ESL-15",
            "∂R/∂α_11 = s_1 x_1 = 0.354759 ESL-14",
            "α_11 leads from x_1 to z_1: its indices are (to, from)",
        ]),
        ("SX", "w_h1,x2", ["∂L/∂W_21 = -0.236506", "W_21 leads from x_2 to h_1: its indices are (from, to)"]),
        ("ESL", "w_h1,x2", ["∂R/∂α_12 = s_1 x_2 = -0.236506", "α_12 leads from x_2 to z_1"]),
        ("ESL", "w_o2,h1", ["∂R/∂β_21 = δ_2 z_1 = -0.013500"]),
        (None, "w_h1,x1", ["= dE/do_h1 × o_h1(1 - o_h1) × x1", "dE/do_h1 = Σ_k w_k,h1 × dE/dnet_k"]),
    ],
)  # fmt: skip
def test_the_other_notes_say_it_in_their_words(notes, label, lines):
    E = worked_example()
    text = squeezed(explain(find(E, label), E, notes, eta=0.5))
    for line in lines:
        assert line in text


def test_SX_moves_the_minus_into_the_derivative_of_tanh():
    model = MLP(2, [2, 1], activation="tanh", output="linear", bias=False)
    for p, w in zip(model.parameters(), (0.3, 0.0, -0.7, 0.0, 0.5, -1.2), strict=True):
        p.data = w
    L = losses.sse(model([2, 1]), [1])
    first, second = (explain(find(L, w), L, "SX") for w in ("w_h1,x1", "w_h2,x1"))
    assert round(first.total, 6) == 0.470989
    assert round(second.total, 6) == -0.343368
    assert "∂L/∂W_11 = 2 V_1 (t - o) x_1 (h_1² - 1) = 0.470989" in first.text()
    assert "∂L/∂W_12 = 2 V_2 (t - o) x_1 (h_2² - 1) = -0.343368" in second.text()
    assert "L = (t - o)² = 0.109526" in explain(find(L, "w_o1,h1"), L, "SX").text()


def test_SX_numbers_with_biases_from_a_30_digit_computation():
    model = MLP(2, [2, 1], activation="tanh", output="linear")
    for p, w in zip(model.parameters(), (0.4, 0.2, -0.3, 0.7, 0.1, -0.2, 0.6, -0.8, 0.05), strict=True):
        p.data = w
    L = losses.sse(model([0.5, -1]), [1])
    known = {
        "w_h1,x1": -0.15727447604484923,
        "w_h2,x1": 0.082344634431932187,
        "w_o1,h1": -0.052775023847691651,
        "b_o1": -0.52950823427601442,
    }
    for label, g in known.items():
        assert close(explain(find(L, label), L, "SX").total, g)


def test_the_step_is_taken_only_with_eta_and_is_that_of_the_notes():
    E = worked_example()
    after = (-1.275992, -2.078972, 0.850818, 1.281181, -2.676589, 2.122108, 4.401199, -3.292837)
    for p, w in zip([n for n in topological(E) if n.op is None], after, strict=True):
        for notes in NOTES:
            assert f"= {w:.6f}" in explain(p, E, notes, eta=0.5).text()
            assert "step" not in explain(p, E, notes).text()
    assert "step" not in explain(find(E, "o_h1"), E, eta=0.5).text()


def test_bce_of_the_worked_example():
    E = worked_example(losses.bce)
    known = {
        "w_o1,h1": -0.6,
        "w_o1,h2": -4 / 15,
        "w_o2,h1": -0.075,
        "w_o2,h2": -1 / 30,
        "net_o1": -0.8,
        "o_o2": -10 / 9,
    }
    for label, g in known.items():
        assert close(explain(find(E, label), E).total, g)
    for label, g in {"w_h1,x1": 1.000477, "w_h1,x2": -0.666985, "o_h1": 1.778626, "o_h2": -1.333970}.items():
        assert round(explain(find(E, label), E).total, 6) == g
    text = squeezed(explain(find(E, "w_o1,h1"), E))
    assert "E = -Σ_k (t_k·log(o_k) + (1 - t_k)·log(1 - o_k)) = 1.714798 LEC-13" in text
    assert "(-t_o1/o_o1 + (1 - t_o1)/(1 - o_o1)) × f'(net_o1) × o_h1 LEC-14" in text
    assert "dE/do_o1 = -1/o_o1 = -5.000000 (negative: a larger o lowers E) LEC-15" in text
    assert "dE/dnet_o1 = o_o1 - t_o1 = -0.800000 (f' has cancelled)" in text
    assert "the slide prints" not in text
    zero = losses.bce(MLP(1, [1], output="sigmoid")([0.7]), [0])
    assert "= 1/(1 - o_o1) =" in explain(find(zero, "o_o1"), zero).text()


def test_losses_that_differ_by_a_factor_say_so():
    E = {name: worked_example(losses.LOSSES[name]) for name in ("sse", "half_sse", "mse")}
    w = {name: explain(find(e, "w_o1,h1"), e, eta=0.5) for name, e in E.items()}
    assert w["sse"].total == 2 * w["half_sse"].total == 2 * w["mse"].total  # 2 outputs
    assert "LEC-6 *" in w["sse"].text()
    assert "α = 2 η" in w["sse"].text()
    for name in ("half_sse", "mse"):
        assert "LEC-6 *" not in w[name].text()
        assert "α =" not in w[name].text()
    for e in w.values():  # delta is that of S63 whatever the factor
        assert "δ_1 = y_1(1 - y_1)(t_1 - y_1) = 0.128000" in e.text()
    assert "= dE/dSSE × dSSE/do_o1 × do_o1/dnet_o1 × dnet_o1/dw_o1,h1" in squeezed(w["mse"])
    assert "= 1/2 × -2(t_o1 - o_o1)" in squeezed(w["mse"])
    three = losses.mse(MLP(1, [3], output="sigmoid")([0.7]), [1, 0, 1])
    assert "the factor 0.666667 of this loss is absorbed into η" in explain(find(three, "w_o1,x1"), three).text()


def test_softmax_and_cross_entropy_are_seen_through():
    E = losses.cross_entropy(MLP(2, [3, 3], output="softmax", seed=4)([0.5, -1.5]), 1)
    net = find(E, "net_o2")
    e = explain(net, E)
    with no_grad():
        o = MLP(2, [3, 3], output="softmax", seed=4)([0.5, -1.5])
    assert close(e.total, o[1] - 1)
    assert "= o_o2 - t_o2\n" in e.text()
    assert "E = -Σ_k (t_k·log(o_k))" in e.text()
    assert "δ_2 = f_2 - y_2 =" in e.text("ESL")
    hidden = explain(find(E, "w_h1,x1"), E)
    assert len(re.findall(r"k=o\d", hidden.text())) == 3


def test_far_logits_show_no_nan():
    model = MLP(1, [2], output="softmax", init=0.0)
    for p, w in zip(model.parameters(), (900.0, -900.0, 0.0, 0.0), strict=True):
        p.data = w
    E = losses.cross_entropy(model([1.0]), 1)
    text = explain(find(E, "net_o1"), E).text()
    assert "= o_o1 - t_o1\n  = 1 - 0\n  = 1.000000" in text
    assert "nan" not in text


def test_one_output_and_a_mean_have_no_product_of_SX():
    E = losses.mse(MLP(1, [1, 1], activation="tanh", output="linear", seed=1)([0.5]), [1])
    text = explain(find(E, "w_h1,x1"), E, "SX").text()
    assert "∂L/∂W_11 = 2" not in text
    E = losses.half_sse(MLP(1, [1, 1], activation="tanh", output="linear", seed=1)([0.5]), [1])
    assert "∂L/∂W_11 = V_1 (t - o) x_1 (h_1² - 1)" in explain(find(E, "w_h1,x1"), E, "SX").text()


def test_a_linear_unit_is_net_and_output_in_one():
    E = losses.sse(MLP(2, [2, 1], output="linear", seed=1)([0.5, -1.5]), [0.25])
    text = squeezed(explain(find(E, "w_o1,h2"), E))
    assert "= dE/do_o1 × do_o1/dnet_o1 × dnet_o1/dw_o1,h2" in text
    assert "= -2(t_o1 - o_o1) × 1 × o_h2 LEC-8" in text
    assert "dE/do_h2 = w_o1,h2 × dE/dnet_o1" in squeezed(explain(find(E, "w_h2,x1"), E))


def test_deeper_layers_refer_to_the_next_one():
    E = losses.sse(MLP(2, [2, 3, 2], activation="tanh", seed=3)([0.5, -1.5]), [0.25, 1])
    text = squeezed(explain(find(E, "w[h1_2,x1]"), E))
    assert "dE/do[h1_2] = Σ_k w[k,h1_2] × dE/dnet_k LEC-12 k=h2_1" in text
    assert "δ[h1_2] = (1 - a[h1_2]²) Σ_k δ_k w_(h1_2→k) S63-v" in text
    assert "via h2_1→o1" in text


def test_an_activation_in_several_steps_is_one_factor():
    E = worked_example()
    net, w = find(E, "net_o1"), find(E, "w_o1,h1")
    o = (net * 0.5).tanh()
    o.label = Role("o", "o1")
    L = (1 - o) ** 2
    e = explain(w, L)
    text = squeezed(e)
    assert "do_o1/dnet_o1 × dnet_o1/dw_o1,h1" in text
    assert "× f'(net_o1) × o_h1" in text
    assert "× (1 - o_o1²)·0.5 × o_h1" in text
    assert close(e.total, -2 * (1 - o.data) * (1 - o.data**2) * 0.5 * 0.75)


def test_biases_inputs_and_targets():
    x, t = Value(0.5, Role("x", "x1")), Value(0.25, "goal")
    E = losses.sse(MLP(1, [2, 1], activation="sigmoid", seed=2)([x]), [t])
    for n, g in gradients(E).items():
        assert explain(n, E).total == g
    assert "do_h1/dnet_h1 × dnet_h1/db_h1" in squeezed(explain(find(E, "b_h1"), E))
    assert "= Σ_k w_k,x1 × dE/dnet_k" in explain(x, E).text()
    assert "input" in explain(x, E).text().splitlines()[0]
    assert "2(goal - o_o1)" in explain(t, E).text()
    assert "LEC-6" not in explain(t, E).text()


# ---- any expression -----------------------------------------------------------------------------


def test_a_plain_expression_has_a_factor_for_each_node():
    w, x, b = Value(0.5, "w"), Value(1.0, "x"), Value(0.1, "b")
    y = tanh(w * x + b)
    assert said(explain(w, y)) == textwrap.dedent("""\
        dy/dw = 0.711578                                                          leaf
          with   v3 = w·x = 0.500000
                 v4 = v3 + b = 0.600000
                 y = tanh(v4) = 0.537050
          = dy/dv4          ×  dv4/dv3   ×  dv3/dw                               LEC-5
          = (1 - y²)        ×  1         ×  x
          = (1 - 0.53705²)  ×  1         ×  1
          = 0.711578        ×  1.000000  ×  1.000000  =  0.711578
          check  central difference, h = 1e-6: 0.711578, off by ...""")


def test_where_ways_part_each_has_its_row():
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    d, e = a * b, b + 4
    d.label, e.label = "d", "e"
    text = squeezed(explain(b, d * e))
    assert "= dd/db × dy/dd + de/db × dy/de LEC-12" in text
    assert "via d a = 2.000000 × 1.000000 = +2.000000" in text
    assert "via e 1 = 1.000000 × -6.000000 = -6.000000" in text
    assert "sum = -4.000000" in text


def test_formulas_are_worked_out_where_they_are_constant():
    x = Value(3.0, "x")
    assert "via v1 3·x² = 27.000000" in squeezed(explain(x, x**3 + 2 * x))
    assert "  = 2·x\n  = 2·3\n  = 6.000000\n" in slope_of(lambda x: x**2, 3.0)
    assert "  = 2(-0.5)\n" in slope_of(lambda x: x**2, -0.5)
    assert "  = 1/4\n" in slope_of(lambda x: x / 4, 3.0)
    assert "  = 1 - y²\n  = 1 - (-0.462117)²\n" in slope_of(tanh, -0.5)


def test_many_uses_are_given_largest_first_and_the_rest_is_counted():
    x = Value(2.0, "x")
    weights = [Value((-1) ** i * float(i), f"w{i}") for i in range(1, 12)]
    y = sum((w * x for w in weights[1:]), weights[0] * x)
    text = explain(x, y).text()
    assert re.findall(r"via v\d+ +(w\d+)", text) == ["w11", "w10", "w9", "w8", "w7", "w6"]
    assert "and 5 more =  -3.000000" in text  # -1 + 2 - 3 + 4 - 5
    assert "sum =  -6.000000" in text


def test_a_weight_on_two_samples_has_a_term_for_each():
    model = MLP(2, [2, 1], output="sigmoid", seed=5)
    L = (losses.sse(model([1.0, 2.0]), [1]) + losses.sse(model([-1.0, 0.5]), [0])) / 2
    w = find(L, "w_o1,h1")
    w_grad = gradients(L)[w]
    text = explain(w, L).text()
    assert close(explain(w, L).total, w_grad)
    assert "via net_o1^(1)  o_h1^(1) =" in text
    assert "via net_o1^(2)  o_h1^(2) =" in text
    assert r"_{\text{via}\ {net_{o_1}}^{(2)}:" in explain(w, L).latex()


def test_the_error_of_several_samples_has_its_plain_name_and_theirs_have_numbers():
    model = MLP(2, [2, 1], output="sigmoid", seed=5)
    L = (losses.sse(model([1.0, 2.0]), [1]) + losses.sse(model([-1.0, 0.5]), [0])) / 2
    L.label = Role("E")
    text = explain(find(L, "w_o1,h1"), L).text()
    assert text.startswith("dE/dw_o1,h1 = ")
    assert "paths  via E^(" in text
    assert "E^(3)" not in text


def test_a_row_of_ones_own_is_explained_without_more_code(table):
    a, y = symbol("a"), symbol("y")
    row = Row("gentle", a / (1 + a * a), (1 - y * (2 * a)) / (1 + a * a), text="gentle({})")
    x = Value(0.5, "x")
    e = explain(x, record(row, x))
    assert close(e.total, 0.48)
    assert "= (1 - y(2·x))/(1 + x²)\n" in e.text()
    assert "with   y = x/(1 + x²) = 0.400000" in e.text()


def test_a_row_that_comes_later_is_written_in_its_own_notation(table):
    a, b = symbol("a"), symbol("b")
    Row("mean", (a + b) / 2, 0.5, 0.5, text="<{}, {}>", latex=r"\langle {}, {}\rangle")
    Row("halfway", Formula("mean", a, formula(1.0)), 0.5, text="halfway({})")
    x = Value(3.0, "x")
    e = explain(x, record(table["halfway"], x))
    assert "y = <x, 1> = 2.000000" in e.text()
    assert r"y &= \langle x, 1\rangle = 2.000000" in e.latex()


def test_the_formula_shown_is_the_one_in_the_table(monkeypatch):
    y = symbol("y")
    monkeypatch.setattr(engine.ops.TABLE["sigmoid"], "partials", (y - y * y,))
    E = worked_example()
    assert "(o_o1 - o_o1²)" in explain(find(E, "w_o1,h1"), E).text()
    assert "y_1(1 - y_1)" not in explain(find(E, "w_o1,h1"), E).text()


# ---- sums ---------------------------------------------------------------------------------------


def random_net(seed: int):
    rng = random.Random(seed)
    depth = 1 + seed % 5
    loss = (losses.sse, losses.bce)[seed % 2]
    sizes = [rng.randint(1, 3) for _ in range(depth)]
    hidden = [("sigmoid", "tanh", "relu")[(seed + k) % 3] for k in range(depth - 1)]
    output = "sigmoid" if loss is losses.bce else rng.choice(["sigmoid", "tanh", "linear"])
    options = {"activation": hidden, "output": output, "init": "normal", "seed": seed}
    x = [rng.uniform(-2, 2) for _ in range(rng.randint(1, 3))]
    t = [rng.random() for _ in range(sizes[-1])]
    return [loss(MLP(len(x), sizes, **options, expand=expand)(x), t) for expand in (False, True)]


@pytest.mark.parametrize("seed", range(50))
def test_totals_terms_and_paths_agree_for_every_weight(seed):
    E, expanded = random_net(seed)
    grads = gradients(E)
    others = {str(n.label): n for n in topological(expanded)}
    for w in (n for n in grads if n.op is None):
        e = explain(w, E, NOTES[seed % 5], paths=1000)
        assert e.total == grads[w]
        scale = sum(abs(p.product) for p in e.paths) or 1.0
        assert abs(sum(t.product for t in e.terms) - grads[w]) <= 1e-12 * abs(grads[w])
        assert abs(sum(p.product for p in e.paths) - grads[w]) <= 1e-12 * scale
        assert len(e.paths) == e.paths.count
        assert f"{e.total:.6f}"[:6] in e.text() or abs(e.total) < 1e-3
        other = explain(others[str(w.label)], expanded)
        assert close(other.total, grads[w], 1e-10) or abs(other.total) < 1e-12
        assert other.paths.count == e.paths.count


@pytest.mark.parametrize("seed", range(0, 50, 7))
def test_the_printed_check_is_an_independent_forward_pass(seed):
    E, _ = random_net(seed)
    leaves = [n for n in topological(E) if n.op is None]
    for w in leaves:
        line = re.search(r"central difference, h = (\S+): (\S+), off by (\S+)", explain(w, E).text())
        if line is None:  # at a kink of relu, with the bias that starts at zero
            assert "kink" in explain(w, E).text()
            continue
        h, held = float(line[1]), w.data
        w.data = held + h
        above = E.recompute().data
        w.data = held - h
        below = E.recompute().data
        w.data = held
        E.recompute()
        slope = (above - below) / (2 * h)
        assert math.isclose(float(line[2]), slope, rel_tol=1e-5, abs_tol=1e-6)
        assert float(line[3]) < 1e-6 * max(1.0, abs(slope))


def random_graph(rng: random.Random, size: int) -> tuple[Value, Value]:
    x = Value(rng.uniform(0.5, 1.5), "x")
    nodes = [x, Value(rng.uniform(-1.5, -0.5), "z")]
    for _ in range(size):
        a, b = rng.choice(nodes), rng.choice(nodes)
        nodes.append(rng.choice([lambda a, b: a * b, lambda a, b: a - 0.3 * b, lambda a, b: a + b + a])(a, b))
    return x, sum(nodes[2:], nodes[0] * 1.0)


def every_path(node: Value, root: Value) -> list[float]:
    """All path products, by following every edge from the root down: the naive way."""
    if root is node:
        return [1.0]
    pairs = zip(root.args, root.partials, strict=True)
    return [d * p for a, d in pairs if isinstance(a, Value) for p in every_path(node, a)]


@pytest.mark.parametrize("seed", range(30))
def test_paths_are_counted_and_ranked_as_by_brute_force(seed):
    x, y = random_graph(random.Random(seed), 7)
    products = sorted(every_path(x, y), key=abs, reverse=True)
    paths = top_paths(x, y, k=12)
    assert paths.count == len(products)
    assert len(paths) == min(12, len(products))
    for p, size in zip(paths, map(abs, products), strict=False):
        assert close(abs(p.product), size)
        assert p.nodes[0] is x
        assert p.nodes[-1] is y
        assert close(math.prod(p.factors), p.product)
        for e, here, there in zip(p.edges, p.nodes[:-1], p.nodes[1:], strict=True):
            assert (e.arg, e.user) == (here, there)
            assert there.args[e.position] is here
    every = top_paths(x, y, k=len(products))
    assert close(sum(p.product for p in every), gradients(y)[x], 1e-10)


def test_paths_of_equal_size_are_told_apart_by_their_edges():
    x = Value(3.0, "x")
    paths = top_paths(x, x * x)
    assert paths.count == len(paths) == 2
    assert [p.edges[0].position for p in paths] == [0, 1]


def test_a_million_paths_are_not_enumerated():
    E = losses.sse(MLP(2, [16] * 6 + [1], seed=1)([1.0, -0.5]), [1])
    w = find(E, "w[h1_1,x1]")
    paths = top_paths(w, E)
    assert paths.count == 16**5 == 1_048_576
    assert len(paths) == 8
    sizes = [abs(p.product) for p in paths]
    assert sizes == sorted(sizes, reverse=True)
    best = max(  # of the last layers, by hand: the best way on from a unit of layer 5
        abs(find(E, f"w[h6_{k},h5_1]").data * find(E, f"w[o1,h6_{k}]").data * (1 - find(E, f"o[h6_{k}]").data ** 2))
        for k in range(1, 17)
    )
    onward = top_paths(find(E, "o[h5_1]"), E, k=1)[0]
    assert close(abs(onward.product), best * abs(gradients(E)[find(E, "o_o1")]))
    assert "1,048,576 paths from w[h1_1,x1] to E, the 8 largest" in repr(paths)


def test_counts_stay_exact_beyond_all_floats():
    x = y = Value(1e-200, "x")
    for _ in range(2000):
        y = y * 0.5 + y * 0.5
    assert top_paths(x, y, k=1).count == 2**2000
    assert "about 10^602 paths" in repr(top_paths(x, y, k=1))


def test_contributions_have_a_row_for_each_use():
    E = worked_example()
    h1 = find(E, "o_h1")
    rows = contributions(h1, E)
    assert [str(r.user.label) for r in rows] == ["net_o1", "net_o2"]
    assert [r.position for r in rows] == [2, 2]
    assert [round(r.partial, 6) for r in rows] == [-2.772589, 4.394449]
    assert [round(r.gradient, 6) for r in rows] == [-0.256, -0.018]
    assert [round(r.product, 6) for r in rows] == [0.709783, -0.0791]
    assert rows.total == rows[0].product + rows[1].product
    assert repr(rows) == textwrap.dedent("""\
        dE/do_h1 = 0.630683, 2 uses
          user      partial ×  dE/duser =   product
          net_o1  -2.772589 × -0.256000 = +0.709783
          net_o2   4.394449 × -0.018000 = -0.079100
          sum                             +0.630683""")
    assert "| net\\_o1 | -2.772589 | × | -0.256000 | = | +0.709783 |" in rows._repr_markdown_()


def test_the_root_has_no_uses_and_one_empty_path():
    x = Value(2.0, "x")
    y = x * 3
    assert len(contributions(y, y)) == 0
    assert contributions(y, y).total == explain(y, y).total == 1.0
    (path,) = top_paths(y, y)
    assert (path.nodes, path.factors, path.product) == ((y,), (), 1.0)
    assert "the root itself" in explain(y, y).text()


def test_numbers_come_from_the_partials_and_not_from_grad():
    E = worked_example()
    other = E * 3
    other.backward()  # leaves three times the gradients behind
    assert close(explain(find(E, "w_o1,h1"), E).total, -0.192)
    assert close(contributions(find(E, "o_h1"), E).total, float(EXACT["o_h1"]))


def test_an_adjoint_of_zero_stops_an_infinite_partial():
    x = Value(0.0, "x")
    y = sqrt(x) * 0.0 + x * 3
    assert explain(x, y).total == 3.0
    assert sum(t.product for t in contributions(x, y)) == 3.0
    assert sum(p.product for p in top_paths(x, y)) == 3.0


# ---- kinks, saturation, odd numbers -------------------------------------------------------------


def test_at_a_kink_the_convention_is_told():
    x = Value(0.0, "x")
    text = explain(x, relu(x) * 2).text()
    assert "at x = 0 the slope of v1 = 0 if x <= 0 else x is set by convention: dy/da = 0 at a = 0" in text
    assert "a kink: the slope is 0 from the left and 2.000000 from the right" in text
    a, b = Value(1.5, "a"), Value(1.5, "b")
    assert "one half each at a tie" in squeezed(explain(a, maximum(a, b)))
    assert "both partials are 0 at (0, 0)" in squeezed(slope_of(lambda x: hypot(x, Value(0.0, "u")), 0.0))
    assert "dy/da = +inf at a = 0" in squeezed(slope_of(sqrt, 0.0))
    assert "no difference can be taken: beside 0 the root is not finite" in slope_of(sqrt, 0.0)
    assert "only the chosen branch has a gradient" in squeezed(slope_of(lambda x: where(x < 0, -x, x), -1.0))


def test_a_slope_that_passes_through_zero_is_no_kink():
    for f in (lambda x: x**2, lambda x: x**3, lambda x: x * x, engine.sin, lambda x: hypot(x, 3.0)):
        text = slope_of(f, 0.0)
        assert "kink" not in text
        assert "convention" not in text
        assert "off by" in text


def test_numbers_are_not_told_to_be_themselves():
    told = squeezed(slope_of(lambda x: x**0.5, 0.0))
    assert "at x = 0 the slope of" in told
    x = Value(0.0, "x")
    assert "at x = 0 the slope of" in squeezed(explain(x, x**x))
    text = squeezed(slope_of(lambda x: x**0, 0.0))
    assert "at b = 0 dy/da = 0" in text
    assert "as it stands" not in text


@pytest.mark.parametrize("x", [1e-300, -1e-300, 0.5])
def test_beside_a_kink_nothing_is_said(x):
    assert "convention" not in slope_of(lambda x: relu(x) + abs(x) + maximum(x, Value(2.0)) + x**2, x)


def test_a_kink_further_up_is_told_as_well():
    E = losses.sse(MLP(1, [2, 2], activation="relu", init=0.0)([1.0]), [1, 0])
    text = explain(find(E, "w_h1,x1"), E).text()
    assert "at net_h1 = 0" in text


def test_digits_that_the_shown_form_loses_are_told():
    x = Value(37.0, "x")
    e = explain(x, sigmoid(x))
    assert close(e.total, 8.533047625744066e-17)
    told = "as it stands y(1 - y) gives 0 here, its digits are lost; what is computed, y·sigmoid(-x), gives 8.53305e-17"
    assert told in squeezed(e)
    assert "lost" not in slope_of(sigmoid, -37.0)
    assert "lost" not in slope_of(sigmoid, 3.0)
    assert "as it stands 1 - y² gives 0 here" in slope_of(tanh, 20.0)


def test_a_saturated_unit_is_told():
    model = MLP(1, [1, 1], activation="sigmoid", init=9.0)
    E = losses.sse(model([1.0]), [1])
    text = squeezed(explain(find(E, "w_h1,x1"), E))
    assert "f' = o_h1(1 - o_h1) is 0.000123379 here, at net = 0 it is 0.25: next to nothing passes (LEC-9)" in text


@pytest.mark.parametrize("loss", [losses.sse, losses.bce, losses.mse])
def test_nothing_odd_is_told_of_the_worked_example(loss):
    E = worked_example(loss)
    for n in topological(E):
        text = explain(n, E).text()
        assert not any(word in text for word in ("saturated", "lost", "convention", "kink"))


def test_no_number_breaks_the_text():
    for x in (math.inf, -math.inf, math.nan, 1e308, 5e-324, 0.0):
        v = Value(x, "v")
        for e in (explain(v, v * 2 + v), explain(v, where(v > 0, v, -v))):
            assert e.text()
            assert e.latex()
            assert e._repr_markdown_()


# ---- text, LaTeX, Markdown ----------------------------------------------------------------------


def graphs() -> list[Value]:
    x, y = Value(2.0, "a b$%{\n}<script>|`\\"), Value(0.5, "ünïcode_1")
    z = (
        where(x > y, maximum(x, y) ** y, hypot(x, y)) / (x.softplus() + y.relu())
        - x.log() * abs(y)
        + softmax([x, y])[0]
    )
    deep = MLP(2, [8, 3, 2], activation="relu", output="softmax", expand=True, seed=7)
    two = MLP(2, [2, 1], output="sigmoid", seed=5)
    chain = Value(0.5, "a rather long name for a leaf")
    top = chain
    for _ in range(9):
        top = top.tanh().exp()
    return [
        worked_example(),
        worked_example(losses.bce, expand=True),
        losses.cross_entropy(MLP(4, [8, 3], output="softmax", seed=1)([5.1, 3.5, 1.4, 0.2]), 0),
        losses.sse(deep([0.5, Value(1.0, "x2")]), [1, 0]),
        losses.hinge(MLP(1, [2, 2], output="linear")([0.5]), [1, -1]),
        losses.bce_with_logits(MLP(1, [2])([0.5]), [1, 0]),
        (losses.sse(two([1.0, 2.0]), [1]) + losses.sse(two([-1.0, 0.5]), [0])) / 2,
        z,
        top,
        logsumexp([x, y, 1.0]),
    ]


def balanced(latex: str) -> bool:
    depth = 0
    for sign in re.findall(r"\\[{}]|[{}]", latex):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if depth < 0:
            return False
    begins, ends = (re.findall(rf"\\{word}\{{(\w+)\}}", latex) for word in ("begin", "end"))
    return depth == 0 and sorted(begins) == sorted(ends)


@pytest.mark.parametrize("k", range(len(graphs())))
def test_every_explanation_fits_the_page_and_is_sound_latex(k):
    root = graphs()[k]
    for n, notes in zip(topological(root), itertools.cycle(NOTES), strict=False):
        e = explain(n, root, notes, eta=0.1)
        lines, ascii_lines = e.text().split("\n"), e.text(ascii=True).split("\n")
        assert max(map(len, lines + ascii_lines)) <= 100
        assert all(line.isprintable() for line in lines)
        assert all(line.isascii() for line in ascii_lines)
        latex, markdown = e.latex(), e._repr_markdown_()
        assert balanced(latex)
        assert latex.startswith("\\begin{aligned}\n")
        assert latex.count(r"\left") == latex.count(r"\right")
        assert "<" not in latex
        assert not set(latex) & set("×·Σ→∂²δεηαβγσ…")
        assert e._repr_latex_() == f"$$\n{latex}\n$$"
        assert latex in markdown
        assert "0x" not in "".join(lines) + markdown + repr(e.terms) + repr(e.paths)


def test_latex_of_the_worked_example():
    E = worked_example()
    output, hidden = (explain(find(E, w), E).latex() for w in ("w_o1,h1", "w_h1,x1"))
    for line in (
        r"\frac{dE}{dw_{o_1,h_1}} &= \frac{dE}{do_{o_1}}\times \frac{do_{o_1}}{dnet_{o_1}}\times \frac{dnet_{o_1}}{dw_{o_1,h_1}} && \text{LEC-5}",
        r"&= -2(t_{o_1} - o_{o_1})\times f'(net_{o_1})\times o_{h_1} && \text{LEC-6 *}",
        r"&= \underbrace{-2(1 - 0.2)}_{-1.600000}\times \underbrace{0.2(1 - 0.2)}_{0.160000}\times 0.75 = -0.192000",
    ):
        assert line in output
    for line in (
        r"\frac{dE}{do_{h_1}} &= \sum_k w_{k,h_1}\times \frac{dE}{dnet_k} && \text{LEC-12}",
        r"&= \underbrace{-2.772589\times (-0.256000)}_{k=o_1:\;+0.709783}"
        r" + \underbrace{4.394449\times (-0.018000)}_{k=o_2:\;-0.079100} = 0.630683",
        r"\frac{dE}{dw_{h_1,x_1}} &= 0.630683\times \underbrace{0.75(1 - 0.75)}_{0.187500}\times 3 = 0.354759",
        r"\delta_{h_1} &= a_{h_1}(1 - a_{h_1}) \sum_o \delta_o w_{(h_1\to o)} && \text{S63-t}",
        r"= 0.187500\times (-0.315341) = -0.059126",
        r"\frac{dE}{dw_{h_1,x_1}} &= -2 \delta_{h_1} a_{i_1} = 0.354759 && \text{S63-s}",
    ):
        assert line in hidden


def test_notes_can_be_switched_afterwards_and_the_numbers_stay():
    E = worked_example()
    w = find(E, "w_h1,x1")
    e = explain(w, E, "LEC", eta=0.5)
    before = {notes: e.text(notes) for notes in NOTES}
    assert len(set(before.values())) == 5
    assert before["S63"] == str(explain(w, E, "S63", eta=0.5))
    w.data = 7.0
    E.recompute()
    assert {notes: e.text(notes) for notes in NOTES} == before
    assert e.latex("S63") != e.latex("LEC") == e.latex()


def test_a_terminal_without_the_signs_gets_others(monkeypatch):
    E = worked_example()
    e = explain(find(E, "w_h1,x1"), E)
    monkeypatch.setattr(sys, "stdout", type("Latin", (), {"encoding": "latin-1", "write": sys.stdout.write})())
    assert str(e).isascii()
    assert "dE/do_h1 = sum_k w_k,h1 * dE/dnet_k" in str(e)
    assert "Σ" in e.text(ascii=False)


PROGRAM = """
import hashlib
from engine import Value, Role
from engine.why import explain, contributions, top_paths
from engine.graph import topological
from engine.view.text import listing, tree
from nn import MLP, losses
E = losses.sse(MLP(2, [3, 2], seed=3)([Value(0.5, "p"), 1.0]), [1, 0])
said = [str(tree(E)), str(listing(E))]
for n in topological(E):
    e = explain(n, E, eta=0.5)
    said += [e.text(s) + e.latex(s) for s in ("LEC", "S63", "SX", "ESL", None)]
    said += [e._repr_markdown_(), repr(e.terms), e.terms._repr_markdown_(), repr(e.paths), e.paths._repr_markdown_()]
print(hashlib.sha256("".join(said).encode()).hexdigest())
"""


def test_the_same_bytes_under_every_hash_seed():
    digests = set()
    for seed in "01234":
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment, check=True
        )
        digests.add(done.stdout)
    assert len(digests) == 1


# ---- what must not happen -----------------------------------------------------------------------


@pytest.mark.parametrize("function", [explain, contributions, top_paths])
def test_a_stranger_is_named(function):
    w, x = Value(0.5, "w"), Value(3.0, "x")
    y = w * x
    with pytest.raises(ValueError, match=r"label='stranger'\) is not in the graph of .*no derivative"):
        function(Value(1.0, "stranger"), y)
    with pytest.raises(ValueError, match="is not in the graph"):
        function(y, w)  # the wrong way round
    with pytest.raises(TypeError, match=rf"{function.__name__}: a node and a root are Values, not 3.0"):
        function(3.0, y)
    with pytest.raises(TypeError, match=r"are Values, not \[Value"):
        function(w, [y])


@pytest.mark.parametrize("function", [explain, contributions, top_paths])
def test_a_stale_graph_is_refused_and_the_leaf_is_named(function):
    w = Value(0.5, "w")
    y = w * 3
    w.data = 0.75
    with pytest.raises(StaleGraph, match="'w' was changed"):
        function(w, y)
    y.recompute()
    function(w, y)


def test_unknown_wishes_are_refused_with_what_there_is():
    w = Value(0.5, "w")
    y = w * 3
    with pytest.raises(ValueError, match="unknown notes 'lec'; choose from 'LEC', 'S63', 'SX', 'ESL' or None"):
        explain(w, y, notes="lec")
    with pytest.raises(ValueError, match="unknown notes"):
        explain(w, y).text("S64")
    with pytest.raises(ValueError, match="eta must be a finite number, not inf"):
        explain(w, y, eta=math.inf)
    with pytest.raises(TypeError, match="explain: eta"):
        explain(w, y, eta="0.5")
    for k in (0, -1, 2.0, True, "8"):
        with pytest.raises(ValueError, match="whole number, at least 1"):
            explain(w, y, paths=k)
        with pytest.raises(ValueError, match="k must be a whole number, at least 1"):
            top_paths(w, y, k=k)


def test_explaining_leaves_the_graph_alone():
    E = worked_example()
    E.backward(seed=0.7)
    nodes = topological(E)

    def state():
        return [(n.data, n.grad, n.args, n.partials, n.label, n._born) for n in nodes]

    before = state()
    for n in nodes:
        e = explain(n, E, eta=0.5)
        str(e), e.latex(), e._repr_markdown_(), repr(e.terms), repr(e.paths)
    assert all(
        a[:2] == b[:2] and a[3:] == b[3:] and all(map(lambda p, q: p is q or p == q, a[2], b[2]))
        for a, b in zip(before, state(), strict=True)
    )


def test_a_chain_of_100_000_nodes_is_walked_without_recursion():
    x = y = Value(0.5, "x")
    for k in range(100_000):
        y = y * 1.001 if k % 2 else y.sin()
    e = explain(x, y)
    assert e.paths.count == 1
    assert len(e.paths[0].edges) == 100_000
    assert e.total == gradients(y)[x]
    assert len(e.text()) < 3000
    assert "… 99989 more …" in repr(e.paths)


def test_the_objects_show_themselves():
    E = worked_example()
    e = explain(find(E, "w_h1,x1"), E)
    assert isinstance(e, Explanation)
    assert isinstance(e.terms, Contributions)
    assert repr(e) == str(e) == e.text()
    assert "**dE/dw\\_h1,x1 = 0.354759**" in e._repr_markdown_()
    assert repr(e.paths) == textwrap.dedent("""\
        2 paths from w_h1,x1 to E
          +0.399253  w_h1,x1 → h1 → o1 → E
          -0.044494  w_h1,x1 → h1 → o2 → E""")
    assert "| w\\_h1,x1 → h1 → o2 → E | -0.044494 |" in e.paths._repr_markdown_()
