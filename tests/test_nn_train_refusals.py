"""What ends a training, or cannot begin one: interrupts, divergence, bad input; each is told."""

import math
import re

import pytest
from tasks import numbers, xor

from nn import MLP, Diverged, Neuron, data, fit, losses
from nn.scores import blind_loss


pytestmark = pytest.mark.usefixtures("global_random_untouched")


# ---- interrupts and divergence


def test_an_interrupt_leaves_the_weights_of_the_last_whole_update():
    model, reference, calls = xor(), xor(), []

    def loss(o, t):
        calls.append(t)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return losses.bce(o, t)

    with pytest.raises(KeyboardInterrupt):
        fit(model, data.XOR(), loss=loss, lr=0.3, epochs=5)
    trail = []

    def trailing(o, t):
        trail.append(numbers(reference))
        return losses.bce(o, t)

    fit(reference, data.XOR(), loss=trailing, lr=0.3, epochs=2)
    assert numbers(model) == trail[6]


def test_an_interrupt_in_a_callback():
    model, reference = xor(), xor()

    def stop(epoch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(model, data.XOR(), loss="bce", lr=0.3, epochs=5, callbacks=[stop])
    fit(reference, data.XOR(), loss="bce", lr=0.3, epochs=1)
    assert numbers(model) == numbers(reference)


def test_divergence_is_told_and_keeps_the_weights_of_before_that_step():
    model, trail = MLP(1, [1], seed=0), []

    def loss(o, t):
        trail.append(numbers(model))
        return losses.sse(o, t)

    with pytest.raises(Diverged, match=r"try a smaller lr") as told:
        fit(model, [((3.0,), (1.0,)), ((-2.0,), (0.5,))], loss=loss, lr=1e60, epochs=5, order="given")
    assert numbers(model) == trail[-1]
    assert all(map(math.isfinite, numbers(model)))
    assert re.match(r"update \d \(epoch \d, row \d\): .*; no weight was changed; try a smaller lr, as 1e\+59$", str(told.value))


@pytest.mark.parametrize("backend", ["graph", "python"])
def test_a_momentum_that_grows_is_told_before_the_learning_rate(backend):
    with pytest.raises(Diverged, match=r"update 332 .*; no weight was changed; try a momentum below 1, as 0.9: with 3 no gradient is ever forgotten$"):
        fit(MLP(1, [1], seed=0), [((0.5,), (1.0,))], loss="sse", lr=0.01, epochs=2000, momentum=3.0, backend=backend)


def test_one_answer_for_every_row():
    rows = [((float(k),), k % 3 % 2) for k in range(6)]  # classes 0, 1, 0, 0, 1, 0
    share = 1 / 3
    entropy = -(share * math.log(share) + (1 - share) * math.log(1 - share))
    assert blind_loss(rows, rows, losses.cross_entropy, 2) == pytest.approx(entropy, rel=1e-12)
    assert blind_loss(rows, rows, losses.cross_entropy_with_logits, 2) == pytest.approx(math.log(2), rel=1e-12)
    numbers = [((0.0,), (1.0, 5.0)), ((0.0,), (4.0, -1.0))]
    assert blind_loss(numbers, numbers, losses.half_sse, 2) == (1.5**2 + 3**2) / 2
    assert blind_loss(numbers[:1], numbers, losses.sse, 2) == (3**2 + 6**2) / 2  # the answer is that of the training rows
    assert blind_loss([((0.0,), 0)], [((0.0,), 1)], losses.cross_entropy, 2) == math.inf
    signs = [((0.0,), (1.0,)), ((0.0,), (-1.0,))]
    assert blind_loss(signs, signs, losses.hinge, 1) == 1.0


def test_an_infinite_loss_is_told():
    model = MLP(1, [1], bias=False, init=1e200)
    with pytest.raises(Diverged, match=r"update 0 \(epoch 0, rows 0, 1\): E is inf; ") as told:
        fit(model, [((1.0,), (0.0,)), ((1.0,), (0.0,))], loss="sse", lr=0.1, epochs=2, batch_size=2, order="given")
    assert numbers(model) == [1e200]
    node = r"E is inf; sse\(o=\[1e\+200\], t=\[0.0\]\) = inf is not finite; no weight was changed; try smaller initial weights"
    assert re.search(node, str(told.value))


def test_a_loss_that_is_not_defined_says_where():
    model = MLP(1, [1], output="sigmoid", bias=False, init=1.0)
    rows = [((0.5,), (1.0,)), ((1000.0,), (0.0,))]
    with pytest.raises(ValueError, match=r"bce needs 0 < o < 1") as told:
        fit(model, rows, loss="bce", lr=0.0, epochs=1, order="given")
    assert re.match(r"update 1 \(epoch 0, row 1\): bce\(.*; try output='linear' with the loss bce_with_logits", str(told.value))


# ---- bad input


ROWS = [((0.0, 1.0), (1.0,)), ((1.0, 0.0), (0.0,))]
BAD = {
    "no rows": ({"rows": []}, ValueError, "there are no rows; at least one pair (x, t) is needed"),
    "no sequence": ({"rows": 5}, TypeError, "rows are 5, not a sequence of pairs (x, t)"),
    "no pairs": ({"rows": [1.0, 2.0]}, TypeError, "row 0 is 1.0, not a pair (x, t)"),
    "short sample": ({"rows": [*ROWS, ((1.0,), (1.0,))]}, ValueError, "row 2: x has 1 number, expected 2: (1.0,)"),
    "long sample": ({"rows": [((1.0, 2.0, 3.0), (1.0,))]}, ValueError, "row 0: x has 3 numbers, expected 2"),
    "short target": ({"rows": [*ROWS, ((1.0, 2.0), ())]}, ValueError, "row 2: t has 0 numbers, expected 1"),
    "long target": ({"rows": [*ROWS, ((1.0, 2.0), (1.0, 0.0))]}, ValueError, "row 2: t has 2 numbers, expected 1"),
    "NaN": ({"rows": [*ROWS, ((math.nan, 2.0), (1.0,))]}, ValueError, "row 2: x[0] is nan; write a finite number"),
    "infinity": ({"rows": [((0.0, 2.0), (-math.inf,))]}, ValueError, "row 0: t[0] is -inf; write a finite number"),
    "text": ({"rows": [*ROWS, ((0.0, "a"), (1.0,))]}, TypeError, "row 2: x[1] is 'a' of type str; write a number"),
    "None": ({"rows": [*ROWS, ((0.0, 1.0), None)]}, TypeError, "row 2: t is None, not a sequence of numbers"),
    "index for sse": (
        {"rows": [((0.0, 1.0), 1)]}, ValueError,
        "loss 'sse' needs one number per output as a target, and row 0 has 1: call one_hot() on the data set, or write",
    ),
    "class outside": (
        {"rows": [((0.0, 1.0), 0), ((0.0, 1.0), 1)], "loss": "cross_entropy"}, ValueError,
        "row 1: t is 1, outside the class indices 0..0",
    ),
    "bce target": (
        {"rows": [*ROWS, ((0.0, 1.0), (1.5,))], "loss": "bce"}, ValueError,
        "row 2: bce: targets lie between 0 and 1, not 1.5",
    ),
    "hinge target": ({"rows": ROWS, "loss": "hinge"}, ValueError, "row 1: hinge: targets are -1 or 1, not 0.0"),
    "hinge function": ({"loss": losses.hinge}, ValueError, "row 1: hinge: targets are -1 or 1, not 0.0"),
    "validation": ({"validation": [*ROWS, ((1.0,), (1.0,))]}, ValueError, "row 2: x has 1 number, expected 2"),
    "no validation rows": ({"validation": []}, ValueError, "there are no rows"),
    "validation target": ({"validation": [((0.0, 1.0), (7.0,))], "loss": "bce"}, ValueError, "row 0: bce: targets lie"),
    "no probabilities": (
        {"rows": [((9.0, 9.0), (1.0,))], "loss": "cross_entropy", "model": MLP(2, [1], init=1.0)}, ValueError,
        "cross_entropy: outputs are probabilities, from 0 to 1, not 18: give the model output='softmax'",
    ),
    "unknown loss": ({"loss": "l2"}, ValueError, "unknown loss 'l2'; choose from sse, half_sse, mse, bce"),
    "negative lr": ({"lr": -0.1}, ValueError, "lr must be a number >= 0, not -0.1"),
    "NaN lr": ({"lr": math.nan}, ValueError, "lr must be a number >= 0, not nan"),
    "text lr": ({"lr": "0.1"}, ValueError, "lr must be a number >= 0, not '0.1'"),
    "negative momentum": ({"momentum": -0.9}, ValueError, "momentum must be a number >= 0, not -0.9"),
    "negative decay": ({"weight_decay": -1}, ValueError, "weight_decay must be a number >= 0, not -1"),
    "nesterov": ({"nesterov": True}, ValueError, "nesterov needs momentum > 0"),
    "no epochs": ({"epochs": 0}, ValueError, "epochs must be a whole number >= 1, not 0"),
    "half an epoch": ({"epochs": 1.5}, ValueError, "epochs must be a whole number >= 1, not 1.5"),
    "true epochs": ({"epochs": True}, ValueError, "epochs must be a whole number >= 1, not True"),
    "no batch": ({"batch_size": 0}, ValueError, "batch_size must be a whole number >= 1, not 0"),
    "order": ({"order": "random"}, ValueError, "unknown order 'random'; choose from shuffled, given, with_replacement"),
    "backend": ({"backend": "gpu"}, ValueError, "unknown backend 'gpu'; choose from "),
    "record": ({"record": "all"}, ValueError, "unknown record 'all'; choose from None, losses, updates, or"),
    "schedule": ({"schedule": "warm"}, ValueError, "unknown schedule 'warm'; choose from constant, step, linear"),
    "uphill": (
        {"schedule": lambda epoch, epochs: -1.0}, ValueError,
        "lr times the schedule's factor must be a number >= 0, not -0.1",
    ),
    "seed": ({"seed": None}, ValueError, "seed must be a whole number >= 0, not None"),
    "negative seed": ({"seed": -1}, ValueError, "seed must be a whole number >= 0, not -1"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_and_changes_nothing(case):
    options, kind, message = BAD[case]
    options = {"model": xor(), "rows": ROWS, "loss": "sse", "lr": 0.1, "epochs": 2} | options
    model = options.pop("model")
    before = numbers(model)
    with pytest.raises(kind, match=re.escape(message)):
        fit(model, options.pop("rows"), **options)
    assert numbers(model) == before
    assert {p.grad for p in model.parameters()} == {None}


def test_rows_of_text_name_no_row_twice():
    with pytest.raises(TypeError, match="row 0 is 'ab'"):
        fit(xor(), ["ab", "cd"], loss="sse", lr=0.1, epochs=1)


def test_a_model_that_is_none():
    """A neuron returns a single Value, no list: the loss says so."""
    with pytest.raises(TypeError, match=re.escape("sse: outputs must be a sequence, as a model returns; write [o]")):
        fit(Neuron(2), ROWS, loss="sse", lr=0.1, epochs=1)
