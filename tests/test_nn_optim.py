"""SGD, its momentum, weight decay and schedules: PyTorch's formulas, its own numbers, and steps that are whole."""

import copy
import math
import random
import re
import sys

import numpy as np
import pytest

from engine import Value
from nn import MLP, SGD, Diverged, losses, optim
from nn.optim import SCHEDULES, cosine, linear, schedule_function, step


VARIANTS = [
    {},
    {"momentum": 0.9},
    {"momentum": 0.9, "nesterov": True},
    {"weight_decay": 0.3},
    {"momentum": 0.5, "weight_decay": 0.3},
    {"momentum": 0.5, "nesterov": True, "weight_decay": 0.3},
]


def name(variant):
    return ", ".join(f"{k}={v}" for k, v in variant.items()) or "plain"


def valley(a, b):
    """A curved valley with its lowest point at (1, 1)."""
    return (1 - a) ** 2 + 5 * (b - a * a) ** 2


def walk(steps=60, epochs=12, schedule=None, **variant):
    a, b = Value(-0.8), Value(1.3)
    sgd = SGD([a, b], lr=0.01, **variant)
    factor = schedule_function(schedule)
    for epoch in range(epochs):
        sgd.lr = 0.01 * factor(epoch, epochs)
        for _ in range(steps // epochs):
            sgd.zero_grad()
            valley(a, b).backward()
            sgd.step()
    return a.data, b.data


def given(values, gradients):
    ps = [Value(v) for v in values]
    for p, g in zip(ps, gradients, strict=True):
        p.grad = g
    return ps


# ---- PyTorch's numbers


TORCH = [  # where torch.optim.SGD of PyTorch 2.13.0 is after 60 steps of lr = 0.01 in the valley
    (-0.31075728954298065, 0.23110920258639334),
    (0.9952159730712776, 1.0329096427581475),
    (1.0429345605524822, 1.0910820243275265),
    (-0.1559680303303714, 0.1295508989014528),
    (0.5047281822753393, 0.20706771556595704),
    (0.5052982953695191, 0.20785099469898438),
]


@pytest.mark.parametrize(("variant", "end"), list(zip(VARIANTS, TORCH, strict=True)), ids=map(name, VARIANTS))
def test_steps_are_those_of_pytorch(variant, end):
    assert walk(**variant) == pytest.approx(end, rel=1e-11)


@pytest.mark.parametrize(
    ("schedule", "end"),
    [
        ("step", (0.365344884285565, 0.06850530529084496)),  # StepLR(10, 0.1)
        ("linear", (-0.25152949195940133, 0.1874178229866579)),  # LinearLR(1.0, 0.0, 12)
        ("cosine", (-0.25267535758473186, 0.1880358973406402)),  # CosineAnnealingLR(12)
    ],
)
def test_schedules_are_those_of_pytorch(schedule, end):
    assert walk(schedule=schedule, momentum=0.5) == pytest.approx(end, rel=1e-11)


# ---- the formulas written out


@pytest.mark.parametrize("variant", VARIANTS, ids=name)
def test_hundreds_of_steps_follow_the_formulas(variant):
    momentum, decay, nesterov = (variant.get(k, 0) for k in ("momentum", "weight_decay", "nesterov"))
    generator = random.Random(3)
    w = np.array([generator.gauss(0, 1) for _ in range(7)])
    ps = [Value(x) for x in w]
    sgd = SGD(ps, lr=0.03, **variant)
    v = None
    for _ in range(300):
        gradients = [generator.gauss(0, 1) for _ in range(7)]
        for p, slope in zip(ps, gradients, strict=True):
            p.grad = slope
        sgd.step()
        g = np.array(gradients) + decay * w
        v = g if v is None else momentum * v + g
        w = w - 0.03 * (g + momentum * v if nesterov else v)
        np.testing.assert_allclose([p.data for p in ps], w, rtol=1e-12, atol=1e-14)


def test_the_first_step_of_momentum_is_along_the_gradient():
    (p,) = given([2.0], [3.0])
    sgd = SGD([p], lr=0.5, momentum=0.9)
    sgd.step()
    assert p.data == 0.5
    sgd.step()
    assert p.data == 0.5 - 0.5 * (0.9 * 3.0 + 3.0)


def test_nesterov_looks_ahead_by_momentum_times_the_running_sum():
    (p,) = given([2.0], [3.0])
    SGD([p], lr=0.5, momentum=0.25, nesterov=True).step()
    assert p.data == 2.0 - 0.5 * (3.0 + 0.25 * 3.0)


def test_weight_decay_pulls_without_any_gradient():
    (p,) = given([2.0], [0.0])
    SGD([p], lr=0.5, weight_decay=0.125).step()
    assert p.data == 2.0 - 0.5 * 0.125 * 2.0


def test_a_step_makes_no_nodes_and_keeps_leaves_leaves():
    model = MLP(2, [3, 1], output="sigmoid", seed=1)
    ps = model.parameters()
    sgd = SGD(ps, lr=0.1, momentum=0.9)
    for _ in range(3):
        sgd.zero_grad()
        losses.sse(model([0.3, -0.7]), [1.0]).backward()
        sgd.step()
    assert model.parameters() == ps
    assert all(p.op is None and type(p.data) is float for p in ps)


def test_all_deltas_are_taken_from_the_old_weights():
    a, b = Value(2.0), Value(3.0)
    sgd = SGD([a, b], lr=0.1)
    (a * b).backward()
    sgd.step()
    assert (a.data, b.data) == (2.0 - 0.1 * 3.0, 3.0 - 0.1 * 2.0)


# ---- what is left alone


def test_parameters_that_no_pass_has_reached_stay_as_they_are():
    for variant in VARIANTS:
        a, b, c = given([1.0, 2.0, 3.0], [0.5, None, -0.25])
        sgd = SGD([a, b, c], lr=0.1, **variant)
        sgd.step()
        assert b.data == 2.0
        assert a.data < 1.0
        moved = c.data
        b.grad = 4.0  # now it is reached, and its running sum begins
        sgd.step()
        first = 4.0 + variant.get("weight_decay", 0.0) * 2.0
        ahead = variant["momentum"] * first if variant.get("nesterov") else 0.0
        assert b.data == pytest.approx(2.0 - 0.1 * (first + ahead), rel=1e-15)
        assert c.data != moved


def test_what_is_not_reached_in_one_step_keeps_its_running_sum():
    """And a gradient of zero is one: the running sum still moves."""
    a, b, c = given([1.0, 1.0, 1.0], [2.0, 2.0, 2.0])
    sgd = SGD([a, b, c], lr=0.5, momentum=0.5)
    sgd.step()
    a.grad, b.grad = None, 0.0
    sgd.step()
    a.grad = b.grad = c.grad = 1.0
    sgd.step()
    assert a.data == 1.0 - 0.5 * (2.0 + (0.5 * 2.0 + 1.0))
    assert b.data == 1.0 - 0.5 * (2.0 + 0.5 * 2.0 + (0.5 * 0.5 * 2.0 + 1.0))
    assert c.data == 1.0 - 0.5 * (2.0 + (0.5 * 2.0 + 2.0) + (0.5 * 3.0 + 1.0))


def test_no_gradient_at_all_changes_nothing():
    ps = given([1.0, 2.0], [None, None])
    SGD(ps, lr=0.1, momentum=0.9, weight_decay=0.5).step()
    assert [p.data for p in ps] == [1.0, 2.0]


def test_lr_zero_moves_nothing():
    ps = given([1.0, -0.0], [3.0, -4.0])
    SGD(ps, lr=0.0).step()
    assert [p.data for p in ps] == [1.0, 0.0]


def test_zero_grad_forgets_the_gradients_not_the_running_sum():
    (p,) = given([1.0], [2.0])
    sgd = SGD([p], lr=0.1, momentum=0.5)
    sgd.step()
    sgd.zero_grad()
    assert p.grad is None
    p.grad = 0.0
    sgd.step()
    assert p.data == pytest.approx(1.0 - 0.1 * 2.0 - 0.1 * 0.5 * 2.0, rel=1e-15)


@pytest.mark.parametrize("variant", VARIANTS, ids=name)
@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan, 1e308])
def test_diverged_changes_nothing(variant, bad):
    ps = given([1.0, 2.0, 3.0], [0.5, 0.25, -0.5])
    sgd = SGD(ps, lr=100.0, **variant)
    sgd.step()
    before, velocity = [p.data for p in ps], dict(sgd._velocity)
    ps[1].grad = bad
    expected = r"a step of lr=100 takes a parameter from .* nothing was changed; try a smaller lr"
    with pytest.raises(Diverged, match=expected):
        sgd.step()
    assert [p.data for p in ps] == before
    assert sgd._velocity == velocity


def test_diverged_names_the_parameter():
    model = MLP(1, [1], seed=0)
    for p in model.parameters():
        p.grad = 1.0
    model.parameters()[1].grad = math.inf
    with pytest.raises(Diverged, match=re.escape("takes b_o1 from 0 with gradient inf to -inf")):
        SGD(model.parameters(), lr=0.1).step()


def test_large_weights_whose_sum_overflows_are_no_divergence():
    ps = given([1.7e308, 1.7e308], [0.0, 0.0])
    SGD(ps, lr=0.1).step()
    assert [p.data for p in ps] == [1.7e308, 1.7e308]


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_an_interrupt_leaves_a_whole_step_or_none(momentum):
    """Ctrl-C at every line in turn that `step` runs."""
    outcomes = set()
    line = 0
    while True:
        ps = given([1.0, 2.0, 3.0], [1.0, 1.0, 1.0])
        sgd = SGD(ps, lr=0.5, momentum=momentum)
        left = line

        def interrupt(frame, event, arg):
            nonlocal left
            if event == "line" and frame.f_globals.get("__name__") == "nn.optim":
                left -= 1
                if left == -1:
                    raise KeyboardInterrupt
            return interrupt

        old = sys.gettrace()
        sys.settrace(interrupt)
        try:
            sgd.step()
        except KeyboardInterrupt:
            interrupted = True
        else:
            interrupted = False
        finally:
            sys.settrace(old)
        outcomes.add(tuple(p.data for p in ps))
        if not interrupted:
            break
        line += 1
    assert line > 5
    assert outcomes == {(1.0, 2.0, 3.0), (0.5, 1.5, 2.5)}


def test_copies_keep_their_running_sums():
    (p,) = given([1.0], [2.0])
    sgd = SGD([p], lr=0.1, momentum=0.5)
    sgd.step()
    other = copy.deepcopy(sgd)
    for s in (sgd, other):
        s.step()
    assert other.parameters[0] is not p
    assert other.parameters[0].data == p.data == 1.0 - 0.1 * 2.0 - 0.1 * 3.0


# ---- schedules


def test_schedules_written_out():
    for epochs in (1, 7, 30):
        for epoch in range(epochs):
            assert SCHEDULES["constant"](epoch, epochs) == 1.0
            assert step(3, 0.5)(epoch, epochs) == 0.5 ** (epoch // 3)
            assert linear(0.25)(epoch, epochs) == pytest.approx(1.0 - 0.75 * epoch / epochs, rel=1e-15)
            expected = 0.1 + 0.9 * (1 + math.cos(math.pi * epoch / epochs)) / 2
            assert cosine(0.1)(epoch, epochs) == pytest.approx(expected, rel=1e-15)
    assert [schedule_function(None)(e, 9) for e in (0, 8)] == [1.0, 1.0]
    assert schedule_function(math.hypot) is math.hypot


def test_schedule_defaults():
    assert SCHEDULES["step"](9, 40) == 1.0
    assert SCHEDULES["step"](29, 40) == pytest.approx(0.01, rel=1e-15)
    assert SCHEDULES["linear"](30, 40) == 0.25
    assert SCHEDULES["cosine"](20, 40) == pytest.approx(0.5, rel=1e-15)


# ---- bad input


@pytest.mark.parametrize("bad", [-0.1, math.nan, math.inf, "0.1", None, True, 1j, [0.1]])
@pytest.mark.parametrize("option", ["lr", "momentum", "weight_decay"])
def test_options_must_be_numbers_from_zero(option, bad):
    with pytest.raises(ValueError, match=re.escape(f"{option} must be a number >= 0, not {bad!r}")):
        SGD([Value(1.0)], **({"lr": 0.1} | {option: bad}))


def test_numpy_numbers_are_numbers():
    sgd = SGD([Value(1.0)], lr=np.float32(0.5), momentum=np.float64(0.25), weight_decay=np.int64(1))
    assert (sgd.lr, sgd.momentum, sgd.weight_decay) == (0.5, 0.25, 1.0)
    assert type(sgd.lr) is float


def test_nesterov_needs_momentum():
    with pytest.raises(ValueError, match="nesterov needs momentum > 0: it looks ahead"):
        SGD([Value(1.0)], lr=0.1, nesterov=True)


def test_unknown_schedule():
    with pytest.raises(ValueError, match="unknown schedule 'warm'; choose from constant, step, linear, cosine"):
        schedule_function("warm")


def test_diverged_is_an_arithmetic_error():
    assert issubclass(Diverged, ArithmeticError)
    assert optim.Diverged is Diverged


def test_repr():
    assert repr(SGD([Value(1.0), Value(2.0)], lr=0.05, momentum=0.9)) == "SGD(2 parameters, lr=0.05, momentum=0.9)"
