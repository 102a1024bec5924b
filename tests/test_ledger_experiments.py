"""Experiments that the notes invite, X1 to X9, number by number."""

import copy
import itertools
import math
import random

import pytest
from ledgers import (
    EIGHT,
    LN2,
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

from engine import Value, gradient, sigmoid
from nn import MLP, SGD, data, fit, losses, predict


# ---- X1: saturation


def test_LEC_7_9_X1_slopes_of_the_sigmoid():
    table = {0: 0.25, 2: 0.104994, 4: 0.0176627, 5: 6.648e-3, 6: 0.00246651, 10: 4.53958e-5}
    for z, slope in table.items():
        for n in (float(z), -float(z)):
            v = Value(n)
            sigmoid(v).backward(-3.0)
            assert v.grad / -3.0 == pytest.approx(slope, rel=6e-5)
            assert v.grad / -3.0 == exactly(math.exp(-abs(n)) / (1 + math.exp(-abs(n))) ** 2)


def test_errata_LEC_9_saturation_is_where_net_is_large_and_the_output_near_0_or_1():
    for n in (-40.0, -10.0, 10.0, 40.0):
        v = Value(n)
        y = sigmoid(v)
        y.backward()
        assert 0.0 <= y.data <= 1.0  # never large
        assert v.grad < 1e-4
        assert min(y.data, 1.0 - y.data) < 1e-4


def test_errata_LEC_7_X1_stored_activation_loses_its_slope_above_36():
    for n in (36.74, 37.0, 40.0, 700.0):
        v = Value(n)
        a = sigmoid(v)
        a.backward()
        assert a.data * (1 - a.data) == 0.0  # as printed, in floats
        assert v.grad == pytest.approx(math.exp(-n), rel=1e-15)
    v = Value(37.0)
    sigmoid(v).backward()
    assert v.grad == pytest.approx(8.533048e-17, rel=1e-7)
    a = sigmoid(-37.0)
    assert a * (1 - a) == pytest.approx(8.533048e-17, rel=1e-7)  # on this side it is right


def test_X1_sigmoid_never_overflows():
    with pytest.raises(OverflowError):
        1 / (1 + math.exp(710))
    assert (sigmoid(-710.0), sigmoid(710.0)) == (pytest.approx(4.476286e-309, rel=1e-6), 1.0)
    assert sigmoid(-1e308) == 0.0


# ---- X2: the vanishing gradient


def chain(depth, weight=1.0, activation="sigmoid"):
    model = MLP(1, [1] * depth, activation=activation, output=activation, bias=False, init=weight)
    error(model, [1.0], [1.0])
    return [abs(p.grad) for p in model.parameters()]


@pytest.mark.parametrize(
    ("depth", "first"),
    [(1, 1.057542e-1), (2, 2.803072e-2), (3, 6.505558e-3), (5, 3.313287e-4), (8, 3.760879e-6), (10, 1.898954e-7)],
)
def test_LEC_10_X2_gradient_of_the_first_weight(depth, first):
    found = chain(depth)
    assert found[0] == pytest.approx(first, rel=3e-7)
    assert found[-1] == pytest.approx(0.1, abs=0.006)  # the last layer's stays
    assert found[0] / found[-1] <= 0.25 ** (depth - 1) / 0.5  # a slope of at most 1/4 a layer, outputs from 1/2 on
    assert found == sorted(found)


def test_LEC_10_X2_larger_weights_make_it_worse_and_tanh_better():
    assert chain(10, 4.0)[0] == pytest.approx(5.9e-14, rel=0.01)
    assert chain(10, activation="tanh")[0] == pytest.approx(5.3e-2, rel=0.01)


def test_LEC_10_X2_in_layers_of_several_units():
    def medians(activation):
        ratios = []
        for seed in range(9):
            model = MLP(2, [4] * 6 + [1], activation=activation, output="sigmoid", seed=seed)
            error(model, (0.8, -0.6), [1.0])
            size = [sorted(abs(w.grad) for row in layer.weight for w in row) for layer in model.layers]
            ratios.append(size[-1][len(size[-1]) // 2] / size[0][len(size[0]) // 2])
        return sorted(ratios)[4]

    assert medians("sigmoid") > 1_000
    assert medians("tanh") < 50


# ---- X3: two losses


@pytest.mark.parametrize(
    ("net", "by_sse", "by_bce"),
    [(-10.0, -0.000091, -0.999955), (-5.0, -0.013207, -0.993307), (-2.0, -0.184956, -0.880797), (0.0, -0.25, -0.5)],
)
def test_LEC_13_X3_slopes_at_a_wrong_unit(net, by_sse, by_bce):
    for loss, slope in ((losses.sse, by_sse), (losses.bce, by_bce)):
        n = Value(net)
        loss([sigmoid(n)], [1.0]).backward()
        assert n.grad == shown(slope)


def test_LEC_13_X3_sse_is_steepest_at_minus_ln_2():
    n = Value(-LN2)
    E = losses.sse([sigmoid(n)], [1.0])
    (slope,) = gradient(E, [n])
    (bend,) = gradient(slope, [n])
    assert slope.data == exactly(-8 / 27)
    assert bend.data == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize(("start", "by_sse", "by_bce"), [(-2.0, 43, 12), (-5.0, 119, 16), (-8.0, 1542, 19)])
def test_LEC_13_X3_steps_until_nine_tenths(start, by_sse, by_bce):
    for loss, steps in ((losses.sse, by_sse), (losses.bce, by_bce)):
        n, taken = Value(start), 0
        sgd = SGD([n], lr=1.0)
        while (y := sigmoid(n)).data < 0.9 and taken <= steps:
            sgd.zero_grad()
            loss([y], [1.0]).backward()
            sgd.step()
            taken += 1
        assert taken == steps


# ---- X4: stochastic and full gradients


SIX = [((x,), (t,)) for x, t in zip((-2.0, -1.0, -0.5, 0.5, 1.0, 2.0), (0.0, 0.0, 1.0, 0.0, 1.0, 1.0), strict=True)]


def neuron(w=-1.0, b=0.5):
    model = MLP(1, [1], output="sigmoid")
    set_all(model, [w, b])
    return model


def total(model, rows):
    """E over all rows, as one graph."""
    E = losses.sse(model(rows[0][0]), rows[0][1])
    for x, t in rows[1:]:
        E = E + losses.sse(model(x), t)
    return E


def per_sample(model, rows):
    found = []
    for x, t in rows:
        error(model, x, t)
        found.append(list(gradients(model).values()))
    return found


def test_LEC_R1_X4a_sum_of_sample_gradients_is_the_full_gradient():
    for model, rows in (
        (neuron(), SIX),
        (MLP(2, [3, 2], activation="tanh", output="sigmoid", seed=4), data.XOR().rows[:2]),
    ):
        rows = [(x, (*t, 0.25)[: model.nout]) for x, t in rows]
        parts = per_sample(model, rows)
        model.zero_grad()
        E = total(model, rows)
        E.backward()
        full = list(gradients(model).values())
        assert full == pytest.approx([math.fsum(g) for g in zip(*parts, strict=True)], rel=1e-13, abs=1e-16)
    assert total(neuron(), SIX).data == shown(2.900679)


def test_LEC_R1_X4a_some_patterns_get_worse():
    parts = per_sample(neuron(), SIX)
    full = [math.fsum(g) for g in zip(*parts, strict=True)]
    cosines = [(g[0] * full[0] + g[1] * full[1]) / math.hypot(*g) / math.hypot(*full) for g in parts]
    assert cosines == [pytest.approx(c, abs=6e-4) for c in (0.887, 0.695, -0.432, -0.462, 0.719, 0.902)]
    for k, (x, t) in enumerate(SIX):
        for eta in (1e-3, 0.1, 1.0):
            model = neuron()
            step(model, eta, x, t)
            if k in (2, 3):  # a step on one of these raises E however small it is
                assert total(model, SIX).data > total(neuron(), SIX).data


def test_LEC_R1_X4b_small_steps_average_to_the_true_gradient():
    parts = per_sample(neuron(), SIX)
    full = [math.fsum(g) for g in zip(*parts, strict=True)]
    gaps = []
    for eta in (0.4, 0.2, 0.1, 0.05, 0.025, 0.0125):
        model = neuron()
        fit(model, SIX, loss="sse", lr=eta, epochs=1, order="given")
        batch = [w - eta * g for w, g in zip((-1.0, 0.5), full, strict=True)]
        gaps.append(math.dist(numbers(model.parameters()), batch))
    assert gaps == [pytest.approx(g, rel=5e-3) for g in (3.95e-2, 1.08e-2, 2.79e-3, 7.07e-4, 1.78e-4, 4.46e-5)]
    ratios = [a / b for a, b in itertools.pairwise(gaps)]
    assert ratios == [pytest.approx(r, abs=6e-3) for r in (3.66, 3.88, 3.95, 3.98, 3.99)]
    assert all(3.9 <= r <= 4.1 for r in ratios[2:])


def test_LEC_R2_X4c_sgd_needs_no_more_gradients_on_repeated_data():
    needed = []
    for repeats in (1, 10):
        rows = SIX * repeats
        by_batch, model = 0, neuron()
        while total(model, SIX).data > 1.05 * 0.947680 and by_batch < 100 * len(rows):
            fit(model, rows, loss="sse", lr=6.0, epochs=1, batch_size=len(rows), order="given")
            by_batch += len(rows)
        by_sgd, model = 0, neuron()
        generator = random.Random(0)
        while total(model, SIX).data > 1.05 * 0.947680 and by_sgd < 1000:
            step(model, 1.0, *generator.choice(rows))
            by_sgd += 1
        needed.append((by_batch, by_sgd))
    assert needed[1][0] == 10 * needed[0][0]
    assert needed[1][1] < needed[1][0] / 2


def test_LEC_R2_X4d_the_floor_of_the_noise_is_proportional_to_eta():
    excess = []
    for eta in (0.5, 0.125):
        model, energies = neuron(1.032790, 0.0), []

        def measure(epoch, model=model, energies=energies):
            energies.append(sum(losses.sse(predict(model, x), t) for x, t in SIX) - 0.947680)

        fit(model, SIX, loss="sse", lr=eta, epochs=1000, order="with_replacement", callbacks=[measure])
        excess.append(sum(energies) / len(energies) / eta)
    assert excess[0] == pytest.approx(excess[1], rel=0.15)
    assert all(0.06 < e < 0.08 for e in excess)


# ---- X5: symmetry


def xor_network(W, V, expand=False, **options):
    model = MLP(2, [2, 1], activation="tanh", init="zeros", expand=expand, **options)
    for p, w in zip(model.parameters(), [*W, 0.0, 0.0, *V, 0.0], strict=True):
        p.data = w
    return model


def spread(model):
    first, second = model.layers[0].neurons
    return max(abs(a.data - b.data) for a, b in zip((*first.w, first.b), (*second.w, second.b), strict=True))


@pytest.mark.parametrize("expand", [False, True])
def test_SX_R1_X5_equal_units_stay_equal_in_every_bit(expand):
    model = xor_network([0.5] * 4, [0.5] * 2, expand)
    spreads = []
    fit(model, data.XOR(), loss="sse", lr=0.1, epochs=2000, callbacks=[lambda e: spreads.append(spread(model))])
    assert set(spreads) == {0.0}
    V1, V2 = model.layers[1].neurons[0].w
    assert V1.data.hex() == V2.data.hex()
    assert V1.data != 0.5
    assert sum(losses.sse(predict(model, x), t) for x, t in data.XOR()) == pytest.approx(1.0, abs=0.05)


def test_SX_R1_X5_all_zero_moves_only_the_bias_of_the_output():
    model = xor_network([0.0] * 4, [0.0] * 2)
    fit(model, data.XOR(), loss="sse", lr=0.1, epochs=100)
    *others, bias = model.parameters()
    assert numbers(others) == [0.0] * 8
    assert bias.data == pytest.approx(0.5, abs=0.12)


def test_SX_R1_X5_zero_sigmoid_units_move_but_stay_equal():
    model = MLP(2, [2, 1], activation="sigmoid", init="zeros")
    fit(model, data.XOR(), loss="sse", lr=0.1, epochs=50)
    assert spread(model) == 0.0
    assert model.layers[0].neurons[0].w[0].data != 0.0
    assert model.layers[1].neurons[0].w[0].data != 0.0


@pytest.mark.parametrize(("W", "V"), [([0.5] * 4, (0.5, -0.4)), ((0.5, 0.3, -0.4, 0.6), (0.5, 0.5))], ids=["V", "W"])
def test_SX_R1_X5_either_side_breaks_the_symmetry(W, V):
    model = xor_network(W, V)
    fit(model, data.XOR(), loss="sse", lr=0.1, epochs=2000, order="given")
    assert spread(model) > 0.3
    assert sum(losses.sse(predict(model, x), t) for x, t in data.XOR()) < 1e-6


def test_SX_R1_X5_a_millionth_of_difference_is_not_yet_useful():
    model = xor_network([0.5, 0.5, 0.5 + 1e-6, 0.5], [0.5] * 2)
    fit(model, data.XOR(), loss="sse", lr=0.1, epochs=500, order="given")
    assert 0.0 < spread(model) < 3e-4
    assert sum(losses.sse(predict(model, x), t) for x, t in data.XOR()) > 0.9


# ---- X7: a true local minimum, and the escape


SEVEN = [((10.0,), (0.1,)), *[((1.0,), (0.9,))] * 5]


def one_weight(w):
    return MLP(1, [1], output="sigmoid", bias=False, init=w)


@pytest.mark.parametrize(
    ("w", "E", "bend"),
    [(-0.068955, 0.925231, 13.94), (0.295707, 1.256876, -6.04), (2.197225, 0.810000, 0.081)],
    ids=["local minimum", "barrier", "global minimum"],
)
def test_LEC_R3_X7_stationary_points(w, E, bend):
    def at(w):
        model = one_weight(w)
        energy = total(model, SEVEN)
        (slope,) = gradient(energy, model.parameters())
        (curvature,) = gradient(slope, model.parameters())
        return energy.data, slope.data, curvature.data

    energy, _, curvature = at(w)
    assert energy == shown(E)
    assert curvature == pytest.approx(bend, abs=6e-3 if abs(bend) > 1 else 6e-4)
    below, above = at(w - 1e-6)[1], at(w + 1e-6)[1]
    assert (below < 0 < above) if bend > 0 else (above < 0 < below)


def test_LEC_R3_X7_sgd_escapes_where_the_full_batch_stays():
    model = one_weight(-0.5)
    fit(model, SEVEN, loss="sse", lr=6 * 0.1, epochs=300, batch_size=6, order="given")
    assert model.parameters()[0].data == pytest.approx(-0.068955, abs=1e-6)
    escaped = 0
    for seed in range(8):
        model = one_weight(-0.5)
        fit(model, SEVEN, loss="sse", lr=0.1, epochs=300, order="with_replacement", seed=seed)
        escaped += model.parameters()[0].data > 0.295707
    assert escaped >= 6
    model = one_weight(-0.5)
    fit(model, SEVEN, loss="sse", lr=0.02, epochs=300, order="with_replacement", seed=0)
    assert model.parameters()[0].data < 0.0  # a small step does not


# ---- X9: the curve of a gradient check


def test_LEC_5_X9_central_differences_approach_with_slope_2():
    def energy(w):
        model = network()
        model.parameters()[0].data = w
        return losses.sse(predict(model, X), T)

    right, w = EIGHT["w_h1,x1"], WEIGHTS[0]
    errors = [abs((energy(w + h) - energy(w - h)) / (2 * h) - right) for h in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)]
    assert errors[:4] == [pytest.approx(e, rel=0.05) for e in (2.0e-3, 1.9e-5, 1.9e-7, 1.9e-9)]
    assert errors[4] < 1e-10
    forward = min(abs((energy(w + h) - energy(w)) / h - right) for h in (10.0**-k for k in range(1, 13)))
    assert forward > 1e-9


def test_a_copy_of_the_network_keeps_its_numbers_and_goes_its_own_way():
    model = network()
    other = copy.deepcopy(model)
    step(other)
    assert numbers(model.parameters()) == WEIGHTS
    assert list(dict(other.named_parameters())) == list(EIGHT)
