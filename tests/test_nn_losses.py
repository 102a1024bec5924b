"""Losses: their numbers and slopes, PyTorch's for the same, the edges, and the targets they refuse."""

import math
import re

import numpy as np
import pytest

from engine import Value, gradient, sigmoid, softmax
from nn import losses
from nn.losses import LOSSES, loss_function
from nn.numbers import counted


INF = math.inf


def slopes(loss, outputs, targets, seed=1.0):
    """E, and dE/do for every output."""
    o = [Value(v) for v in outputs]
    E = loss(o, targets)
    E.backward(seed)
    return E.data, [v.grad for v in o]


def close(x):
    return pytest.approx(x, rel=1e-13, abs=1e-300)


# ---- values and slopes, worked by hand


@pytest.mark.parametrize(
    ("name", "o", "t", "E", "by_o"),
    [
        ("sse", [0.5, -2.0], [1.0, 1.0], 9.25, [-1.0, -6.0]),
        ("half_sse", [0.5, -2.0], [1.0, 1.0], 4.625, [-0.5, -3.0]),
        ("mse", [0.5, -2.0], [1.0, 1.0], 4.625, [-0.5, -3.0]),
        ("mse", [0.5, -2.0, 1.0, 0.0], [1.0, 1.0, 1.0, -1.0], 2.5625, [-0.25, -1.5, 0.0, 0.5]),
        ("bce", [0.25, 0.75], [1.0, 0.0], 2 * math.log(4.0), [-4.0, 4.0]),
        ("bce", [0.25], [0.5], -0.5 * (math.log(0.25) + math.log(0.75)), [-2.0 + 2.0 / 3.0]),
        ("bce_with_logits", [0.0, math.log(3.0)], [1.0, 0.0], math.log(2.0) + math.log(4.0), [-0.5, 0.75]),
        ("cross_entropy", [0.25, 0.5, 0.25], [0.0, 1.0, 0.0], math.log(2.0), [0.0, -2.0, 0.0]),
        ("cross_entropy", [0.25, 0.5, 0.25], 2, math.log(4.0), [0.0, 0.0, -4.0]),
        ("cross_entropy_with_logits", [0.0, math.log(3.0)], 0, math.log(4.0), [-0.75, 0.75]),
        ("cross_entropy_with_logits", [0.0, math.log(3.0)], [1, 2], math.log(4.0) + 2 * math.log(4 / 3), [-0.25, 0.25]),
        ("hinge", [0.25, -3.0, 2.0, -0.5], [1, -1, 1, 1], 2.25, [-1.0, 0.0, 0.0, -1.0]),
    ],
)
def test_numbers(name, o, t, E, by_o):
    seed = -1.75
    found, grad = slopes(LOSSES[name], o, t, seed)
    assert found == close(E)
    assert grad == [close(seed * d) for d in by_o]
    plain = LOSSES[name](o, t)
    assert (plain, type(plain)) == (found, float)


NETS, SOFT = [0.3, -1.2, 2.1], [0.25, 1.0, 0.0]


@pytest.mark.parametrize(
    ("name", "f", "t", "E", "by_net"),
    [
        ("mse", "sigmoid", SOFT, 0.4965339211903524, [0.05287511326698306, -0.09114419098917681, 0.057727380979887444]),
        ("bce", "sigmoid", SOFT, 4.458157234986313, [0.32444251681165903, -0.7685247834990176, 0.890903178804387]),
        ("bce_with_logits", "", SOFT, 4.458157234986313,
         [0.32444251681165903, -0.7685247834990176, 0.8909031788043871]),
        ("cross_entropy", "softmax", 2, 0.18413828522873368,
         [0.13749904804222726, 0.030680184609918816, -0.16817923265214596]),
        ("cross_entropy_with_logits", "", SOFT, 3.9801728565359173,
         [-0.07812618994721593, -0.9616497692376015, 1.0397759591848175]),
    ],
)  # fmt: skip
def test_numbers_are_those_of_pytorch(name, f, t, E, by_net):
    """PyTorch 2.13.0: mse_loss, binary_cross_entropy, ..._with_logits with reduction="sum", cross_entropy."""
    nets = [Value(n) for n in NETS]
    outputs = {"sigmoid": lambda: [sigmoid(n) for n in nets], "softmax": lambda: softmax(nets), "": lambda: nets}[f]()
    found = LOSSES[name](outputs, t)
    found.backward(2.0)
    assert found.data == close(E)
    assert [n.grad for n in nets] == [close(2.0 * g) for g in by_net]


@pytest.mark.parametrize("name", LOSSES)
def test_slopes_by_the_targets(name):
    if name == "hinge":
        o, t = [0.25, 0.5, -3.0], [1.0, -1.0, -1.0]
        expected = [-0.25, -0.5, 0.0]  # of max(0, 1 - t o)
    else:
        o, t = [0.25, 0.6, 0.15], [0.3, 0.8, 0.1]
        h = 1e-5
        expected = []
        for k in range(3):
            up, down = ([u + s * h * (i == k) for i, u in enumerate(t)] for s in (1, -1))
            expected.append((LOSSES[name](o, up) - LOSSES[name](o, down)) / (2 * h))
    targets = [Value(u) for u in t]
    LOSSES[name](o, targets).backward(-3.0)
    assert [u.grad for u in targets] == pytest.approx([-3.0 * d for d in expected], rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("name", sorted(LOSSES.keys() - {"hinge"}))
def test_second_derivatives(name):
    """The slope of a slope, against differences of slopes."""
    o, t = [0.25, 0.6, 0.15], [0.3, 0.8, 0.1]
    values = [Value(v) for v in o]
    (slope,) = gradient(LOSSES[name](values, t), [values[1]])
    (bend,) = gradient(slope, [values[1]])
    h = 1e-5
    up, down = (slopes(LOSSES[name], [o[0], o[1] + s * h, o[2]], t)[1][1] for s in (1, -1))
    assert bend.data == pytest.approx((up - down) / (2 * h), rel=1e-8)


def test_what_a_loss_returns_is_labelled():
    for name, loss in LOSSES.items():
        targets = [1, -1] if name == "hinge" else [0.25, 0.75]
        assert str(loss([Value(0.25), Value(0.75)], targets).label) == "E"


def test_targets_may_be_an_array():
    o = [0.25, 0.5, 0.25]
    for name, loss in LOSSES.items():
        t = [1, -1, 1] if name == "hinge" else [0.0, 1.0, 0.0]
        assert loss(o, np.array(t)) == loss(o, tuple(t)) == loss(o, t)
        assert loss(np.array(o), t) == loss(o, t)
    for name in ("cross_entropy", "cross_entropy_with_logits"):
        assert LOSSES[name](o, np.int64(1)) == LOSSES[name](o, 1) == LOSSES[name](o, [0, 1, 0])


# ---- edges


@pytest.mark.parametrize(("o", "t", "E", "slope"), [(0.0, 0.0, 0.0, 1.0), (1.0, 1.0, 0.0, -1.0), (0.0, 0, 0.0, 1.0)])
def test_bce_where_the_output_is_its_target(o, t, E, slope):
    assert slopes(losses.bce, [o], [t]) == (E, [slope])


@pytest.mark.parametrize(("o", "t"), [(0.0, 1.0), (1.0, 0.0), (0.0, 0.5), (1.0, 0.5)])
def test_bce_where_it_is_not_defined(o, t):
    for output in (o, Value(o)):
        with pytest.raises(ArithmeticError, match=r"bce\(.*; bce needs 0 < o < 1"):
            losses.bce([output], [t])


@pytest.mark.parametrize("o", [-0.25, 1.25, 5.0])
@pytest.mark.parametrize("t", [0.0, 1.0])
def test_losses_of_probabilities_refuse_what_is_none(o, t):
    for output in (o, Value(o)):
        with pytest.raises(ValueError, match=r"bce: outputs are probabilities.*output='sigmoid', or take bce_with_logits"):
            losses.bce([output], [t])
        with pytest.raises(ValueError, match=r"cross_entropy: outputs are .*output='softmax', or take cross_entropy_with"):
            losses.cross_entropy([output, 0.5], [t, 1 - t])


@pytest.mark.parametrize("loss", [losses.cross_entropy, losses.cross_entropy_with_logits])
def test_shares_of_classes_are_not_negative(loss):
    with pytest.raises(ValueError, match="targets are shares of the classes, at least 0, not -1"):
        loss([0.25, 0.75], [2, -1])


def test_bce_near_its_edges():
    tiny = 1e-300
    assert slopes(losses.bce, [tiny], [1.0]) == (close(300 * math.log(10)), [close(-1e300)])
    assert slopes(losses.bce, [tiny], [0.0]) == (close(tiny), [close(1.0)])
    near = 1.0 - 2.0**-53
    assert slopes(losses.bce, [near], [0.0]) == (close(53 * math.log(2)), [close(2.0**53)])
    assert slopes(losses.bce, [near], [1.0]) == (close(2.0**-53), [close(-1.0)])


@pytest.mark.parametrize("n", [40.0, 700.0, 1000.0, 1e308])
def test_bce_with_logits_far_out(n):
    for sign in (1.0, -1.0):
        wrong, right = (0.0, 1.0) if sign > 0 else (1.0, 0.0)
        assert slopes(losses.bce_with_logits, [sign * n], [wrong]) == (close(n), [close(sign)])
        faded = math.exp(-n)  # but not cancelled away
        assert slopes(losses.bce_with_logits, [sign * n], [right]) == (close(faded), [close(-sign * faded)])
    assert slopes(losses.bce_with_logits, [n], [0.5]) == (close(n / 2), [close(0.5)])


def test_bce_with_logits_is_bce_of_sigmoids():
    for n in (-8.0, -0.5, 0.0, 3.0):
        for t in (0.0, 0.3, 1.0):
            net = Value(n)
            E = losses.bce([sigmoid(net)], [t])
            E.backward()
            assert slopes(losses.bce_with_logits, [n], [t]) == (
                pytest.approx(E.data, rel=1e-12), [pytest.approx(net.grad, rel=1e-9)]
            )  # fmt: skip


def test_hinge_at_its_kink():
    assert slopes(losses.hinge, [1.0, -1.0], [1, -1]) == (0.0, [0.0, 0.0])
    inside = math.nextafter(1.0, 0.0)
    assert slopes(losses.hinge, [inside], [1])[1] == [-1.0]


def test_infinite_and_missing_outputs_are_not_hidden():
    assert losses.sse([INF], [0.0]) == INF
    assert math.isnan(losses.sse([math.nan, 1.0], [0.0, 1.0]))
    assert losses.sse([1e200], [0.0]) == INF  # as floats multiply
    assert math.isnan(losses.hinge([math.nan], [1]))


# ---- what is refused


@pytest.mark.parametrize("name", LOSSES)
def test_wrong_numbers_of_targets(name):
    for outputs, targets in (([0.5, 0.5], [1]), ([0.5], [1, 1]), ([0.5], [])):
        expected = f"^{name}: {counted(len(targets), 'target')} for {counted(len(outputs), 'output')}: "
        for o in (outputs, [Value(v) for v in outputs]):
            with pytest.raises(ValueError, match=expected):
                LOSSES[name](o, targets)
    with pytest.raises(ValueError, match="cross_entropy: 3 targets for 2 outputs"):
        losses.cross_entropy(softmax([Value(0.5), Value(0.5)]), [1, 0, 0])


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("bad", [1.0, None, "1", {1.0: 2.0}], ids=type)
def test_targets_that_are_no_sequence(name, bad):
    what = "the target is a class index" if "entropy" in name else "targets must be a sequence of 1 number, not"
    with pytest.raises(TypeError, match=f"^{name}: {what}"):
        LOSSES[name]([0.5], bad)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("bad", ["1", None, 1j], ids=type)
def test_targets_that_are_no_numbers(name, bad):
    for outputs in ([0.5], [Value(0.5)]):
        with pytest.raises((TypeError, ValueError), match=re.escape(repr(bad))):
            LOSSES[name](outputs, [bad])


@pytest.mark.parametrize("name", LOSSES)
def test_outputs_must_be_a_sequence(name):
    expected = re.escape(f"{name}: outputs must be a sequence, as a model returns; write [o] for one, not ")
    for bad in (Value(0.5), 0.5, None):
        with pytest.raises(TypeError, match=expected):
            LOSSES[name](bad, [1])


@pytest.mark.parametrize("name", ["bce", "bce_with_logits"])
@pytest.mark.parametrize("bad", [-0.1, 1.1, 2, math.nan, INF])
def test_bce_targets_lie_between_0_and_1(name, bad):
    with pytest.raises(ValueError, match=re.escape(f"{name}: targets lie between 0 and 1, not {bad!r}")):
        LOSSES[name]([0.5, 0.5], [1, bad])


@pytest.mark.parametrize("bad", [0, 0.5, 2, math.nan, "1"])
def test_hinge_targets_are_signs(bad):
    with pytest.raises(ValueError, match=re.escape(f"hinge: targets are -1 or 1, not {bad!r}")):
        losses.hinge([0.5, 0.5], [1, bad])


@pytest.mark.parametrize("name", ["cross_entropy", "cross_entropy_with_logits"])
def test_class_indices(name):
    for bad in (3, -1, 10**20):
        expected = f"{name}: class {bad} is not one of the 3 classes 0 to 2"
        with pytest.raises(ValueError, match=f"^{expected}$"):
            LOSSES[name]([0.25, 0.5, 0.25], bad)
    for bad in (True, 1.0, "1", None):
        expected = f"{name}: the target is a class index (an int) or one number per class, not {bad!r}"
        with pytest.raises(TypeError, match=f"^{re.escape(expected)}$"):
            LOSSES[name]([0.25, 0.5, 0.25], bad)


def test_cross_entropy_of_a_zero_is_refused_where_it_counts():
    assert losses.cross_entropy([0.0, 1.0], 1) == 0.0
    assert slopes(losses.cross_entropy, [0.0, 1.0], [0.0, 1.0]) == (0.0, [0.0, -1.0])
    with pytest.raises(ArithmeticError, match=r"cross_entropy\(.*needs o > 0 where t > 0"):
        losses.cross_entropy([0.0, 1.0], 0)


@pytest.mark.parametrize("bad", [-0.25, 1.25, INF, -1e-300])
def test_cross_entropy_takes_probabilities(bad):
    """What a linear output gives is none, and -log of it would be a wrong number."""
    expected = f"cross_entropy: outputs are probabilities, from 0 to 1, not {bad:g}: give the model output='softmax'"
    for outputs in ([0.5, bad], [Value(0.5), Value(bad)]):
        with pytest.raises(ValueError, match=f"^{re.escape(expected)}, or take cross_entropy_with_logits$"):
            losses.cross_entropy(outputs, 0)
    assert losses.cross_entropy([0.0, 1.0 + 2.0**-52], 1) == pytest.approx(0.0, abs=1e-15)


def test_a_function_stays_itself_and_a_name_finds_it():
    assert loss_function(math.hypot) is math.hypot
    assert list(LOSSES) == [f.__name__ for f in LOSSES.values()]
    for name, f in LOSSES.items():
        assert loss_function(name) is f is getattr(losses, name)


@pytest.mark.parametrize("bad", ["l2", "SSE", None, 3])
def test_unknown_losses(bad):
    with pytest.raises(ValueError, match=re.escape(f"unknown loss {bad!r}; choose from sse, half_sse, mse, bce, ")):
        loss_function(bad)
