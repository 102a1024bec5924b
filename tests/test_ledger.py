"""The 13/20 network and what is printed of it in the notes, number by number, by equation id.

LEC are the slides on stochastic backpropagation, S63 the Swarthmore derivation, SX the notes on saddle points and
symmetry, ESL Hastie's book.
"""

import math
from fractions import Fraction

import pytest
from ledgers import (
    EIGHT,
    ETA,
    LN2,
    LN3,
    WEIGHTS,
    T,
    X,
    error,
    exactly,
    gradients,
    network,
    numbers,
    set_all,
    shown,
    step,
)

from engine import Value, sigmoid, tanh
from nn import MLP, SGD, fit, losses, predict


def nodes(root):
    """The labelled nodes below `root` by their names: net_h1, o_h1, w_o1,h1, ..."""
    found, stack = {root}, [root]
    for v in stack:
        for a in v.args:
            if isinstance(a, Value) and a not in found:
                found.add(a)
                stack.append(a)
    return {str(v.label): v for v in found if v.label is not None}


# ---- the 13/20 network


def test_LEC_3_4_SX_1_3_forward():
    node = nodes(error(network()))
    net = {"h1": LN3, "h2": -LN2, "o1": -math.log(4), "o2": math.log(9)}
    o = {"h1": Fraction(3, 4), "h2": Fraction(1, 3), "o1": Fraction(1, 5), "o2": Fraction(9, 10)}
    slope = {"h1": Fraction(3, 16), "h2": Fraction(2, 9), "o1": Fraction(4, 25), "o2": Fraction(9, 100)}
    for j in net:
        assert node[f"net_{j}"].data == exactly(net[j])
        assert node[f"o_{j}"].data == exactly(float(o[j]))
        assert node[f"o_{j}"].partials == (exactly(float(slope[j])),)
        assert slope[j] == o[j] * (1 - o[j])  # S63-j, in fractions


def test_LEC_2_S63_f_error_is_13_20():
    E = error(network())
    assert E.data == exactly(13 / 20)
    assert str(E.label) == "E"
    assert Fraction(4, 5) ** 2 + Fraction(1, 10) ** 2 == Fraction(13, 20)


def test_LEC_5_S63_k_ESL_14_output_layer():
    node = nodes(error(network()))
    by_output = {"o1": Fraction(-8, 5), "o2": Fraction(-1, 5)}
    by_net = {"o1": Fraction(-32, 125), "o2": Fraction(-9, 500)}
    delta = {"o1": Fraction(16, 125), "o2": Fraction(9, 1000)}
    for j in by_output:
        assert node[f"o_{j}"].grad == exactly(float(by_output[j]))
        assert node[f"net_{j}"].grad == exactly(float(by_net[j]))
        assert delta[j] == Fraction(-1, 2) * by_net[j]  # S63: delta = -1/2 dE/dnet; ESL: delta = dE/dnet


def test_LEC_12_S63_r_s_t_ESL_15_hidden_layer():
    node = nodes(error(network()))
    terms = {
        "h1": (128 * LN2 / 125, -9 * LN3 / 125),
        "h2": (-96 * LN2 / 125, 27 * LN3 / 500),
    }
    table = {
        "h1": ((0.709783, -0.079100), 0.630683, 0.118253, -0.059126),
        "h2": ((-0.532337, 0.059325), -0.473012, -0.105114, 0.052557),
    }
    for j, (via_o1, via_o2) in terms.items():
        for k, via in (("o1", via_o1), ("o2", via_o2)):
            assert node[f"w_{k},{j}"].data * node[f"net_{k}"].grad == exactly(via)
        assert via_o1 * via_o2 < 0  # the outputs disagree about this unit
        assert node[f"o_{j}"].grad == exactly(via_o1 + via_o2)
        (printed, slope, by_net, delta) = table[j]
        assert (via_o1, via_o2) == (shown(printed[0]), shown(printed[1]))
        assert node[f"o_{j}"].grad == shown(slope)
        assert node[f"net_{j}"].grad == shown(by_net)
        assert -node[f"net_{j}"].grad / 2 == shown(delta)
PRINTED = [0.354759, -0.236506, -0.315341, 0.210228, -0.192000, -0.085333, -0.013500, -0.006000]


@pytest.mark.parametrize("expand", [False, True])
def test_LEC_6_11_S63_5_s_all_eight_gradients(expand):
    model = MLP(2, [2, 2], activation="sigmoid", output="sigmoid", bias=False, expand=expand)
    set_all(model, WEIGHTS)
    error(model)
    assert gradients(model) == {name: exactly(g) for name, g in EIGHT.items()}
    assert list(gradients(model).values()) == [shown(g) for g in PRINTED]


def test_S63_5_output_gradients_in_fractions():
    h = {"h1": Fraction(3, 4), "h2": Fraction(1, 3)}
    y = {"o1": Fraction(1, 5), "o2": Fraction(9, 10)}
    found = {f"w_{o},{i}": -2 * (1 - y[o]) * y[o] * (1 - y[o]) * h[i] for o in y for i in h}
    exact = [Fraction(-24, 125), Fraction(-32, 375), Fraction(-27, 2000), Fraction(-3, 500)]
    assert list(found.values()) == exact
    model = network()
    error(model)
    assert [p.grad for p in model.parameters()[4:]] == [exactly(float(g)) for g in exact]


def test_LEC_5_three_factors_multiply_to_the_gradient():
    node = nodes(error(network()))
    o, net, w = node["o_o1"], node["net_o1"], node["w_o1,h1"]
    assert w.grad == o.grad * o.partials[0] * net.partials[net.args.index(w)]
    assert net.partials[net.args.index(w)] == node["o_h1"].data


def test_S63_c_d_S63_l_u_step():
    model = network()
    step(model)
    new = [-1.275992, -2.078972, 0.850818, 1.281181, -2.676589, 2.122108, 4.401199, -3.292837]
    assert numbers(model.parameters()) == [shown(w) for w in new]
    assert numbers(model.parameters()) == [
        exactly(w - ETA * g) for w, g in zip(WEIGHTS, EIGHT.values(), strict=True)
    ]
    node = nodes(error(model))
    after = {
        "net_h1": 0.329968, "net_h2": -0.009908, "o_h1": 0.581752, "o_h2": 0.497523,
        "net_o1": -0.501312, "net_o2": 0.922142, "o_o1": 0.377232, "o_o2": 0.715478, "E": 0.468792,
    }  # fmt: skip
    assert {name: node[name].data for name in after} == {name: shown(v) for name, v in after.items()}


def test_LEC_R1_one_output_got_worse_while_E_fell():
    model = network()
    before = predict(model, X)
    assert step(model) > losses.sse(predict(model, X), T)
    assert predict(model, X)[1] < before[1] < 1.0


def test_LEC_1_sequence_of_errors():
    model = network()
    E = [step(model) for _ in range(101)]
    printed = {0: 0.65, 1: 0.468792, 2: 0.442203, 3: 0.423175, 5: 0.370397, 10: 0.153503, 20: 0.052157, 100: 0.006221}
    assert {n: E[n] for n in printed} == {n: shown(e) for n, e in printed.items()}


@pytest.mark.parametrize(
    ("eta", "after", "change", "predicted"),
    [
        (0.05, 0.631160, -0.018840, -0.018489),
        (0.1, 0.611718, -0.038282, -0.036979),
        (0.25, 0.551942, -0.098058, -0.092447),
        (0.5, 0.468792, -0.181208, -0.184894),
        (1.0, 0.529901, -0.120099, -0.369789),
        (2.0, 0.859833, +0.209833, -0.739578),
    ],
)
def test_LEC_R2_use_a_smaller_learning_step(eta, after, change, predicted):
    model = network()
    E = step(model, eta)
    assert error(model).data == shown(after)
    assert error(model).data - E == shown(change)
    assert -eta * math.fsum(g * g for g in EIGHT.values()) == shown(predicted)


def test_LEC_13_to_16_the_same_network_with_bce():
    model = network()
    E = error(model, loss=losses.bce)
    node = nodes(E)
    assert E.data == exactly(math.log(5) + math.log(10 / 9))
    assert E.data == shown(1.714798)
    assert [node["o_o1"].grad, node["o_o2"].grad] == [exactly(-5.0), exactly(-10 / 9)]
    assert [node["net_o1"].grad, node["net_o2"].grad] == [exactly(-0.8), exactly(-0.1)]
    assert [node["o_h1"].grad, node["o_h2"].grad] == [shown(1.778626), shown(-1.333970)]
    printed = [1.000477, -0.666985, -0.889313, 0.592875, -0.6, -0.266667, -0.075, -0.033333]
    assert list(gradients(model).values()) == [shown(g) for g in printed]
    by_sse = nodes(error(network()))  # o1's signal has grown 3.1 times, o2's 5.6 times: f' has cancelled
    assert node["net_o1"].grad / by_sse["net_o1"].grad == pytest.approx(3.1, abs=0.05)
    assert node["net_o2"].grad / by_sse["net_o2"].grad == pytest.approx(5.6, abs=0.05)


def test_LEC_15_16_bce_pulls_towards_the_target():
    for y in (0.2, 0.5, 0.9):
        for t, slope in ((1.0, -1.0 / y), (0.0, 1.0 / (1.0 - y))):
            o = Value(y)
            losses.bce([o], [t]).backward(-2.0)
            assert o.grad == exactly(-2.0 * slope)
            assert (slope < 0) is (t == 1.0)


# ---- fingerprints: the wrong number names the mistake


H1, H2, Y1, Y2 = 0.75, 1 / 3, 0.2, 0.9
DO1, DO2 = -0.256, -0.018  # dE/dnet of the outputs
V11, V12, V21 = WEIGHTS[4], WEIGHTS[5], WEIGHTS[6]
SUM = V11 * DO1 + V21 * DO2  # dE/do_h1
F_H1 = 0.1875


def slope_of(n):
    return sigmoid(n) * (1.0 - sigmoid(n))


OUTPUT_MISTAKES = {
    "2 dropped": (-0.096, -(1 - Y1) * Y1 * (1 - Y1) * H1),
    "sign": (0.192, 2 * (1 - Y1) * Y1 * (1 - Y1) * H1),
    "f' missing": (-1.2, -2 * (1 - Y1) * H1),
    "f' = y": (-0.24, -2 * (1 - Y1) * Y1 * H1),
    "f' = 1 - y": (-0.96, -2 * (1 - Y1) * (1 - Y1) * H1),
    "f' = y (1 + y)": (-0.288, -2 * (1 - Y1) * Y1 * (1 + Y1) * H1),
    "tanh rule": (-1.152, -2 * (1 - Y1) * (1 - Y1**2) * H1),
    "sigmoid applied twice": (-0.297020, -2 * (1 - Y1) * slope_of(Y1) * H1),
    "input o_i missing": (-0.256, DO1),
    "other hidden unit": (-0.085333, DO1 * H2),
    "net_i instead of o_i": (-0.281245, DO1 * LN3),
    "other output's delta": (-0.0135, DO2 * H1),
    "bce delta": (-0.6, (Y1 - 1) * H1),
    "f' evaluated on net": (3.969728, -2 * (1 - Y1) * -math.log(4) * (1 + math.log(4)) * H1),
}
HIDDEN_MISTAKES = {
    "2 dropped": (0.177379, SUM / 2 * F_H1 * 3),
    "sign": (-0.354759, -SUM * F_H1 * 3),
    "only k = o1 in the sum": (0.399253, V11 * DO1 * F_H1 * 3),
    "only the last output": (-0.044494, V21 * DO2 * F_H1 * 3),
    "f'(h) missing": (1.892048, SUM * 3),
    "f' = h": (1.419036, SUM * H1 * 3),
    "f' = 1 - h": (0.473012, SUM * (1 - H1) * 3),
    "tanh rule": (0.827771, SUM * (1 - H1**2) * 3),
    "sigmoid twice": (0.412268, SUM * slope_of(H1) * 3),
    "input x missing": (0.118253, SUM * F_H1),
    "other input": (-0.236506, SUM * F_H1 * -2),
    "W_o transposed": (0.378198, (V11 * DO1 + V12 * DO2) * F_H1 * 3),
    "output weights updated first": (
        0.340867,
        ((V11 - ETA * DO1 * H1) * DO1 + (V21 - ETA * DO2 * H1) * DO2) * F_H1 * 3,
    ),
    "w missing in the sum": (-0.154125, (DO1 + DO2) * F_H1 * 3),
    "f'(net_k) missing": (2.000954, (V11 * -2 * (1 - Y1) + V21 * -2 * (1 - Y2)) * F_H1 * 3),
    "other hidden unit": (-0.315341, (V12 * DO1 - math.log(27) * DO2) * (2 / 9) * 3),
    "sum of absolute terms": (0.443747, (abs(V11 * DO1) + abs(V21 * DO2)) * F_H1 * 3),
}


@pytest.mark.parametrize(
    ("mistakes", "weight"), [(OUTPUT_MISTAKES, "w_o1,h1"), (HIDDEN_MISTAKES, "w_h1,x1")], ids=["output", "hidden"]
)
def test_S63_5_s_fingerprints_of_mistakes(mistakes, weight):
    model = network()
    error(model)
    right = gradients(model)[weight]
    values = [right]
    for name, (printed, value) in mistakes.items():
        assert value == shown(printed), name
        values.append(printed)
    for i, a in enumerate(values):
        for b in values[:i]:
            assert abs(a - b) > 1e-3  # no two of them can be taken for each other


def test_S63_u_deltas_use_the_old_weights():
    """What a program finds that updates the output weights before it computes the hidden deltas."""
    model = network()
    fit(model, [(X, T)], loss="sse", lr=ETA, epochs=1)
    assert model.parameters()[0].data == exactly(WEIGHTS[0] - ETA * EIGHT["w_h1,x1"])
    assert model.parameters()[0].data != pytest.approx(WEIGHTS[0] - ETA * 0.340867, abs=1e-3)


# ---- other worked examples


def test_Mazur_2_2_2():
    model = MLP(2, [2, 2], activation="sigmoid", output="sigmoid")
    set_all(model, [0.15, 0.20, 0.25, 0.30, 0.35, 0.35, 0.40, 0.45, 0.50, 0.55, 0.60, 0.60])
    before = step(model, 0.5, (0.05, 0.10), (0.01, 0.99), losses.half_sse)
    weights = dict(model.named_parameters())
    assert before == pytest.approx(0.298371109, abs=5e-10)
    assert weights["w_o1,h1"].data == pytest.approx(0.358916480, abs=5e-10)
    assert weights["w_h1,x1"].data == pytest.approx(0.149780716, abs=5e-10)


def test_S63_k_t_golden_2_2_2():
    model = MLP(2, [2, 2], activation="sigmoid", output="sigmoid", bias=False)
    set_all(model, [0.3, 0.8, -0.6, 0.1, 0.5, 0.2, -0.9, 1.1])
    x, t = (0.7, -1.3), (1.0, 0.0)
    E = error(model, x, t)
    node = nodes(E)
    golden = {
        "net_h1": -0.83, "net_h2": -0.55, "o_h1": 0.30364507017616587, "o_h2": 0.36586440898919932,
        "net_o1": 0.2249954168859228, "net_o2": 0.12917028672956996,
        "o_o1": 0.55601275914558696, "o_o2": 0.53224774644141833, "E": 0.48041233363348292,
    }  # fmt: skip
    assert {name: node[name].data for name in golden} == {name: exactly(v) for name, v in golden.items()}
    deltas = {
        "o1": 0.10960383168544594, "o2": -0.13250844305048856,
        "h1": 0.036803969073606181, "h2": -0.028731483401858649,
    }  # fmt: skip
    assert {j: -node[f"net_{j}"].grad / 2 for j in deltas} == {j: exactly(d) for j, d in deltas.items()}
    assert list(gradients(model).values()) == [
        exactly(g)
        for g in (
            -0.051525556703048653, 0.09569031959137607, 0.040224076762602109, -0.074701856844832488,
            -0.066561326327407813, -0.080200282205094717, 0.080471070978000155, 0.096960246405491945,
        )
    ]  # fmt: skip


def test_SX_4_5_6_7_8_tanh_hidden_linear_output():
    model = MLP(1, [2, 1], activation="tanh", bias=False)
    set_all(model, [0.3, -0.7, 0.5, -1.2])
    E = error(model, [2.0], [1.0])
    node = nodes(E)
    h1, h2, o = node["o_h1"].data, node["o_h2"].data, node["o_o1"].data
    assert (h1, h2, o, E.data) == (shown(0.537050), shown(-0.885352), shown(1.330947), shown(0.109526))
    w11, w12 = (p.grad for p in model.parameters()[:2])
    assert (w11, w12) == (shown(0.470989), shown(-0.343368))
    assert w11 == exactly(2 * 0.5 * (1 - o) * 2 * (h1**2 - 1))  # SX-6: the -1 of d(t-o)/do sits in h^2 - 1
    assert w12 == exactly(2 * -1.2 * (1 - o) * 2 * (h2**2 - 1))  # SX-8


def test_SX_4_6_golden_with_biases():
    model = MLP(2, [2, 1], activation="tanh")
    set_all(model, [0.4, 0.2, -0.3, 0.7, 0.1, -0.2, 0.6, -0.8, 0.05])
    E = error(model, (0.5, -1.0), [1.0])
    assert numbers(model((0.5, -1.0))) == [exactly(0.73524588286199279)]
    assert E.data == exactly(0.070094742541525644)
    found = gradients(model)
    golden = {
        "w_h1,x1": -0.15727447604484923, "w_h2,x1": 0.082344634431932187,
        "w_o1,h1": -0.052775023847691651, "b_o1": -0.52950823427601442,
    }  # fmt: skip
    assert {name: found[name] for name in golden} == {name: exactly(g) for name, g in golden.items()}


# ---- errata: what is printed fails, what is exact holds


def test_errata_LEC_6_is_off_by_exactly_2():
    node = nodes(error(network()))
    for j, t in (("o1", 1.0), ("o2", 1.0)):
        for i in ("h1", "h2"):
            o_j, o_i = node[f"o_{j}"], node[f"o_{i}"]
            printed = -(t - o_j.data) * o_j.partials[0] * o_i.data
            assert node[f"w_{j},{i}"].grad / printed == exactly(2.0)


def test_errata_LEC_6_is_exact_for_half_sse():
    node = nodes(error(network(), loss=losses.half_sse))
    o_j, o_i = node["o_o1"], node["o_h1"]
    assert node["w_o1,h1"].grad == exactly(-(1.0 - o_j.data) * o_j.partials[0] * o_i.data)


@pytest.mark.parametrize("K", [1, 2, 3, 5])
def test_errata_LEC_2_sse_half_sse_and_mse_are_as_2_to_1_to_2_over_K(K):
    model = MLP(3, [4, K], activation="tanh", output="sigmoid", seed=K)
    x, t = (0.3, -1.2, 0.7), [0.2 + 0.1 * k for k in range(K)]
    sse, half, mse = (
        [error(model, x, t, loss).data, *gradients(model).values()]
        for loss in (losses.sse, losses.half_sse, losses.mse)
    )
    assert sse == [exactly(2 * v) for v in half]
    assert mse == [exactly(2 / K * v) for v in half]


def test_errata_LEC_1_the_step_not_the_gradient():
    """Delta w = eta (t - o) x belongs to a linear unit and half_sse; with LEC-2 it is twice that."""
    x, t = (2.0, -3.0), [1.5]
    for loss, factor in ((losses.half_sse, 1.0), (losses.sse, 2.0)):
        model = MLP(2, [1], bias=False)
        set_all(model, [0.5, 0.25])
        o = model(x)[0].data
        step(model, 0.125, x, t, loss)
        delta = [p.data - w for p, w in zip(model.parameters(), (0.5, 0.25), strict=True)]
        assert delta == [exactly(factor * 0.125 * (1.5 - o) * x_i) for x_i in x]


def test_errata_S63_k_delta_is_minus_half_and_indices_belong_to_one_unit():
    model = MLP(2, [2, 2], activation="sigmoid", output="sigmoid", bias=False)
    set_all(model, [0.3, 0.8, -0.6, 0.1, 0.5, 0.2, -0.9, 1.1])
    node = nodes(error(model, (0.7, -1.3), (1.0, 0.0)))
    y1, y2 = node["o_o1"].data, node["o_o2"].data
    assert -2 * y1 * (1 - y1) * (1.0 - y1) == exactly(node["net_o1"].grad)
    mixed = y1 * (1 - y1) * (0.0 - y2)  # as printed, with o = 2 for the second factor
    assert mixed == pytest.approx(-0.1314, abs=5e-5)
    assert mixed != pytest.approx(-node["net_o1"].grad / 2, abs=0.1)


def test_errata_S63_l_u_alpha_is_2_eta():
    """S63-d with alpha, and S63-l with 2 alpha called alpha, give the same weights, bit for bit."""
    eta = 0.375
    model = network()
    node = nodes(error(model))
    absorbed = {}
    for name, w in model.named_parameters():
        j, i = w.label.unit, w.label.source
        delta = -0.5 * node[f"net_{j}"].grad
        below = X[int(i[1]) - 1] if i[0] == "x" else node[f"o_{i}"].data
        absorbed[name] = w.data + 2 * eta * (delta * below)
    SGD(model.parameters(), eta).step()
    assert {name: w.data for name, w in model.named_parameters()} == absorbed


def test_errata_S63_m_derivative_by_w_h_not_by_w_o():
    model = MLP(2, [2, 2], activation="sigmoid", output="sigmoid", bias=False)
    set_all(model, [0.3, 0.8, -0.6, 0.1, 0.5, 0.2, -0.9, 1.1])
    error(model, (0.7, -1.3), (1.0, 0.0))
    g = gradients(model)
    assert (g["w_o1,h1"], g["w_h1,x1"]) == (pytest.approx(-0.06656, abs=5e-6), pytest.approx(-0.05153, abs=5e-6))


def test_errata_ESL_14_delta_is_minus_2_times_that_of_S63():
    node = nodes(error(network()))
    for j, delta in (("o1", 0.128), ("o2", 0.009), ("h1", -0.059126), ("h2", 0.052557)):
        assert node[f"net_{j}"].grad == pytest.approx(-2 * delta, abs=1.2e-6)


def test_errata_SX_4_tanh_is_not_the_sigmoid_but_related_to_it():
    for n in (-1.5, 0.25, 2.0):
        assert tanh(n) == exactly(2 * sigmoid(2 * n) - 1)
        assert abs(tanh(n) - sigmoid(n)) > 0.08


def test_S63_h_only_y1_depends_on_w_o1():
    model = network()
    outputs = model(X)
    outputs[1].backward()
    assert dict(model.named_parameters())["w_o1,h1"].grad is None  # not reached, which is not 0.0
    assert dict(model.named_parameters())["w_h1,x1"].grad is not None


def test_S63_56_the_target_is_a_constant():
    E = error(network())
    assert E.args[2:] == T
    assert E.partials[2:] == (None, None)
