"""Explanations of the 13/20 network: every number and every formula of it, as one does them by hand."""

from __future__ import annotations

import re
import textwrap

import pytest
from explained import EXACT, NOTES, close, find, gradients, said, squeezed, worked_example

from engine import Role, Value, no_grad
from engine.graph import topological
from engine.why import explain
from nn import MLP, losses


# ---- the worked example, to be done by hand -----------------------------------------------------


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
