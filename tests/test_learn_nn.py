"""The plain form of a network beside nn: the same numbers in every weight."""

from __future__ import annotations

import math
from random import Random

import pytest

from engine.learn import diagnose, plain, slips
from engine.learn.blanks import ENGINE
from nn import MLP, losses
from nn.learn.blanks import EXACT
from nn.learn.exercise import drill_of_a_network, network, parts
from nn.learn.lessons import HIDDEN, OUT
from nn.learn.plain import added, delta_h, delta_o, epoch, error, forward, net, sgd_step
from nn.optim import SGD


def both(seed, x, t, row="sse"):
    """A model of nn and its plain twin after a backward pass: the parameters of each, unit by unit."""
    model = MLP(2, [3, 2], activation="sigmoid", output="sigmoid", bias=False, seed=seed)
    layers = [[[plain.Value(p.data) for p in unit] for unit in layer.weight] for layer in model.layers]
    E = losses.LOSSES[row](model(x), t)
    E.backward()
    e = error(row, forward(x, layers), t)
    e.backward()
    return E, e, model.parameters(), [p for layer in layers for unit in layer for p in unit], layers, model


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("row", ["sse", "bce"])
def test_a_plain_network_has_the_gradients_of_nn(seed, row):
    E, e, theirs, mine, _, _ = both(seed, [0.3, -1.2], [0.25, 1.0], row)
    assert math.isclose(E.data, e.data, rel_tol=1e-12)
    assert [p.grad for p in mine] == pytest.approx([p.grad for p in theirs], rel=1e-12)
    assert len({round(p.grad, 9) for p in mine}) == len(mine)


def test_the_deltas_are_minus_half_of_the_gradients_by_the_nets():
    _, _, _, _, layers, model = both(1, [0.3, -1.2], [0.25, 1.0])
    h = model.layers[0]([0.3, -1.2])
    o = model([0.3, -1.2])
    deltas = [delta_o(y.data, t) for y, t in zip(o, [0.25, 1.0], strict=True)]
    for j, unit in enumerate(layers[1]):
        for i, w in enumerate(unit):
            assert math.isclose(w.grad, -2 * deltas[j] * h[i].data, rel_tol=1e-12)
    for j, unit in enumerate(layers[0]):
        onward = [u[j].data for u in layers[1]]
        for x_i, w in zip([0.3, -1.2], unit, strict=True):
            assert math.isclose(w.grad, -2 * delta_h(h[j].data, onward, deltas) * x_i, rel_tol=1e-12)


def test_the_numbers_by_hand_are_the_gradients_of_the_engine():
    model = MLP(2, [2, 2], activation="sigmoid", output="sigmoid", bias=False)
    for p, w in zip(model.parameters(), (*HIDDEN[0], *HIDDEN[1], *OUT[0], *OUT[1]), strict=True):
        p.data = w
    losses.sse(model([3, -2]), [1, 1]).backward()
    for name, p in model.named_parameters():
        assert math.isclose(eval(EXACT[name[2:]], {"math": math}), p.grad, rel_tol=1e-12), name


def test_a_plain_step_is_sgd():
    _, _, theirs, mine, _, _ = both(2, [0.3, -1.2], [0.25, 1.0])
    SGD(theirs, lr=0.3).step()
    sgd_step(mine, 0.3)
    assert [p.data for p in mine] == pytest.approx([p.data for p in theirs], rel=1e-12)


def test_an_epoch_steps_after_every_row_in_a_drawn_order():
    w = plain.Value(2.0)
    seen = []
    epoch([1.0, 3.0, 5.0], [w], lambda row: seen.append(row) or w * row, 0.1, Random(1))
    expected = [1.0, 3.0, 5.0]
    Random(1).shuffle(expected)
    assert seen == expected
    assert math.isclose(w.data, 2.0 - 0.9, rel_tol=1e-12)


def test_a_net_and_a_skip():
    assert net([1.0, 2.0], [3.0, -4.0], 0.25) == -4.75
    with pytest.raises(ValueError, match="zip"):
        net([1.0, 2.0], [3.0])
    assert added([1.0, 2.0], [0.5, -3.0]) == [1.5, -1.0]
    assert added([1.0], [0.5, -3.0]) == [1.0]


def test_the_learners_engine_knows_every_row_that_its_operators_ask_for():
    assert set(ENGINE.tables["engine.ops"]) >= {"add", "sub", "mul", "div", "pow", "neg", "exp", "log", "tanh", "sigmoid"}


@pytest.mark.parametrize("seed", range(3))
def test_a_drill_is_on_clean_numbers_and_names_every_slip(seed):
    E = network(seed)
    for w in (n for n in parts(E) if getattr(n.label, "kind", "") == "w"):
        for s in slips(w, E):
            if s.mistake.key != "delta":
                d = diagnose(repr(s.value), of=w, root=E)
                assert d.slip is not None, (w, s)
                assert d.slip.mistake.key == s.mistake.key


def test_a_drill_of_a_network_asks_for_every_partial():
    E = network(1)
    E.backward()
    answers = iter(repr(n.grad) for n in sorted(parts(E), key=lambda n: -n._born) if n is not E and n.grad is not None)
    said = []
    found = drill_of_a_network(1, lambda question: next(answers, ""), said.append)
    assert found
    assert "answers: " in said[0]
    assert str(found[0]).startswith(("right", "d E"))
