"""fit, accuracy, predict: trajectories beside an independent trainer, and what the history tells."""

import io
import re
import sys

import numpy as np
import pytest
from numpy_twin import Twin, orders, train
from tasks import TASKS, iris, moons, numbers, xor

from engine import Value, no_grad, recording
from nn import MLP, SGD, Epoch, History, Layer, Update, accuracy, data, fit, losses, predict
from nn.lab.plots import loss_curves


pytestmark = pytest.mark.usefixtures("global_random_untouched")


def beside_numpy(task, slower=1.0, **options):
    """Train a network by `fit` and its twin by NumPy, and compare weights and losses."""
    make, rows, loss, lr, epochs = TASKS[task]
    lr *= slower
    model, rows = make(), rows()
    twin = Twin(model)
    history = fit(model, rows, loss=loss, lr=lr, epochs=epochs, **options)
    means = train(twin, list(rows), loss, lr, epochs, **options)
    np.testing.assert_allclose(numbers(model), twin.flat(), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(history.loss, means, rtol=1e-12)


# ---- trajectories


@pytest.mark.parametrize("task", TASKS)
def test_sample_by_sample(task):
    beside_numpy(task, seed=5)


@pytest.mark.parametrize("order", ["shuffled", "given", "with_replacement"])
@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_orders_and_batches(order, batch_size):
    """60 rows: 7 in a batch leave one of 4 at the end, 1000 make one batch of all."""
    beside_numpy("moons", order=order, batch_size=batch_size, seed=6)


@pytest.mark.parametrize(
    "options",
    [
        {"momentum": 0.8},
        {"momentum": 0.8, "nesterov": True, "weight_decay": 0.01},
        {"weight_decay": 0.01, "batch_size": 16},
        {"schedule": "cosine"},
        {"schedule": "linear", "momentum": 0.5},
        {"schedule": "step"},
    ],
    ids=str,
)
def test_options_of_the_optimiser(options):
    slower = 1.0 - options.get("momentum", 0.0)  # the running sum makes the steps longer by that much
    beside_numpy("moons", slower, seed=7, **options)
    beside_numpy("XOR", slower, seed=7, **options)


def test_expanded_layers_train_to_the_same_bits():
    compact, expanded = xor(), xor(expand=True)
    for model in (compact, expanded):
        fit(model, data.XOR(), loss="bce", lr=0.3, epochs=30)
    assert numbers(compact) == numbers(expanded)


def test_fit_is_the_loop_that_one_would_write():
    """Bit for bit."""
    rows, model, other = moons(), MLP(2, [4, 2], output="softmax"), MLP(2, [4, 2], output="softmax")
    fit(model, rows, loss="cross_entropy", lr=0.1, epochs=3, seed=9, momentum=0.5)
    sgd = SGD(other.parameters(), lr=0.1, momentum=0.5)
    for _, indices in zip(range(3), orders(len(rows), "shuffled", 9), strict=False):
        for i in indices:
            x, t = rows[i]
            sgd.zero_grad()
            losses.cross_entropy(other(x), t).backward()
            sgd.step()
    assert numbers(model) == numbers(other)


def test_a_batch_of_all_is_gradient_descent_on_the_mean():
    rows, model = list(moons()), MLP(2, [3, 2], output="softmax", seed=4)
    twin = Twin(model)
    parts = [twin.backward(x, t, "cross_entropy")[1] for x, t in rows]
    mean = np.concatenate([np.mean(gs, axis=0).ravel() for gs in zip(*parts, strict=True)])
    before = numbers(model)
    fit(model, rows, loss="cross_entropy", lr=0.4, epochs=1, batch_size=60)
    np.testing.assert_allclose(numbers(model), before - 0.4 * mean, rtol=1e-12)


def test_the_seed_decides_every_bit():
    def trained(seed, order):
        model = MLP(2, [4, 2], output="softmax", seed=1)
        history = fit(model, moons(), loss="cross_entropy", lr=0.1, epochs=2, seed=seed, order=order, record="losses")
        return [w.hex() for w in numbers(model)], history

    for order, differs in (("shuffled", True), ("with_replacement", True), ("given", False)):
        assert trained(3, order) == trained(3, order)
        assert (trained(3, order)[0] != trained(4, order)[0]) is differs


def test_every_row_is_used_once_an_epoch_and_in_another_order_in_the_next():
    rows = list(data.XOR()) * 5
    history = fit(xor(), rows, loss="bce", lr=0.1, epochs=3, record="losses", batch_size=3)
    epochs = [[i for u in history.updates if u.epoch == e for i in u.rows] for e in range(3)]
    assert [sorted(rows) for rows in epochs] == [list(range(20))] * 3
    assert len({tuple(rows) for rows in epochs}) == 3
    assert [len(u.rows) for u in history.updates] == [3, 3, 3, 3, 3, 3, 2] * 3


def test_rows_may_be_an_iterator_of_lists_arrays_and_ints():
    expected = xor()
    fit(expected, data.XOR(), loss="bce", lr=0.3, epochs=5)
    for rows in (
        ((x, t) for x, t in data.XOR()),
        [[[int(v) for v in x], [int(u) for u in t]] for x, t in data.XOR()],
        list(zip(np.array([x for x, _ in data.XOR()]), np.array([t for _, t in data.XOR()]), strict=True)),
    ):
        model = xor()
        fit(model, rows, loss="bce", lr=0.3, epochs=5)
        assert numbers(model) == numbers(expected)
    models = [MLP(2, [2], output="softmax") for _ in range(2)]
    for model, rows in zip(models, (moons(), [(np.array(x), np.int64(t)) for x, t in moons()]), strict=True):
        fit(model, rows, loss="cross_entropy", lr=0.3, epochs=1)
    assert numbers(models[0]) == numbers(models[1])


def test_a_function_is_a_loss():
    by_name, by_function, own = xor(), xor(), xor()
    fit(by_name, data.XOR(), loss="sse", lr=0.3, epochs=5)
    fit(by_function, data.XOR(), loss=losses.sse, lr=0.3, epochs=5)
    fit(own, data.XOR(), loss=lambda o, t: (t[0] - o[0]) * (t[0] - o[0]), lr=0.3, epochs=5)
    assert numbers(by_name) == numbers(by_function) == numbers(own)


def test_a_layer_can_be_trained_too():
    layer = Layer(2, 1, "sigmoid", seed=1)
    twin = MLP(2, [1], output="sigmoid", seed=1)
    for model in (layer, twin):
        fit(model, data.OR(), loss="bce", lr=0.5, epochs=20)
    assert numbers(layer) == numbers(twin)


# ---- the history


def test_losses_before_and_after_each_update():
    make, rows, loss, lr, _ = TASKS["moons"]
    model, rows = make(), list(rows())
    twin = Twin(model)
    history = fit(model, rows, loss=loss, lr=lr, epochs=2, batch_size=8, record="losses", seed=3)
    k = 0
    for epoch, indices in zip(range(2), orders(60, "shuffled", 3), strict=False):
        befores = []
        for start in range(0, 60, 8):
            batch = indices[start : start + 8]
            before = np.mean([twin.loss(*rows[i], loss) for i in batch])
            train(twin, [rows[i] for i in batch], loss, lr, 1, batch_size=8, order="given")
            after = np.mean([twin.loss(*rows[i], loss) for i in batch])
            update = history.updates[k]
            assert (update.epoch, update.rows) == (epoch, tuple(batch))
            assert (update.before, update.after) == (pytest.approx(before, rel=1e-11), pytest.approx(after, rel=1e-11))
            befores += [before] * len(batch)
            k += 1
        assert history.epochs[epoch].loss == pytest.approx(np.mean(befores), rel=1e-11)
    assert len(history.updates) == k == 16


def test_after_is_before_of_the_next_update_of_the_same_row():
    model = MLP(2, [3, 2], output="softmax", seed=2)
    history = fit(model, [((0.5, -1.0), 1)], loss="cross_entropy", lr=2.0, epochs=30, record="losses")
    assert [u.after for u in history.updates[:-1]] == [u.before for u in history.updates[1:]]  # bit for bit
    assert all(u.after < u.before for u in history.updates)


def test_without_record_no_updates_are_kept():
    assert fit(xor(), data.XOR(), loss="bce", lr=0.3, epochs=2).updates == []


def test_epochs_are_numbered_and_tell_their_lr():
    history = fit(xor(), data.XOR(), loss="bce", lr=0.4, epochs=4, schedule="linear")
    assert [e.epoch for e in history.epochs] == [0, 1, 2, 3]
    assert [e.lr for e in history.epochs] == pytest.approx([0.4, 0.3, 0.2, 0.1], rel=1e-15)
    assert history.loss == [e.loss for e in history.epochs]
    assert history.accuracy == [None] * 4
    assert {e.validation_loss for e in history.epochs} == {None}


def test_a_schedule_of_ones_own():
    asked = []

    def factor(*at):
        asked.append(at)
        return 1 / (1 + at[0])

    history = fit(xor(), data.XOR(), loss="bce", lr=0.4, epochs=3, schedule=factor)
    assert asked == [(0, 3), (1, 3), (2, 3)]
    assert [e.lr for e in history.epochs] == [0.4, 0.2, pytest.approx(0.4 / 3, rel=1e-15)]


def test_validation_is_measured_after_each_epoch_and_changes_nothing():
    train_rows, test_rows = iris()
    model, other = (MLP(4, [5, 3], output="softmax", seed=6) for _ in range(2))
    twin, seen = Twin(model), []

    def look(epoch):
        now = Twin(model)
        right = [np.argmax(now.forward(x)[1][-1]) == t for x, t in test_rows]
        seen.append((np.mean([now.loss(x, t, "cross_entropy") for x, t in test_rows]), np.mean(right)))

    history = fit(
        model, train_rows, loss="cross_entropy", lr=0.05, epochs=3, validation=test_rows, callbacks=[look]
    )  # fmt: skip
    assert [(e.validation_loss, e.accuracy) for e in history.epochs] == [pytest.approx(s, rel=1e-12) for s in seen]
    assert history.accuracy == [e.accuracy for e in history.epochs]
    fit(other, train_rows, loss="cross_entropy", lr=0.05, epochs=3)
    assert numbers(other) == numbers(model)
    assert twin.flat().tolist() != numbers(model)


def test_validation_where_the_softmax_underflows():
    """A held-out row whose class has probability 0 in floats has a finite loss nevertheless."""
    model = MLP(1, [2], output="softmax", init=1000.0, bias=False)
    model.parameters()[0].data = -1000.0
    wrong = [((1.0,), 0)]
    assert predict(model, (1.0,)) == [0.0, 1.0]
    history = fit(model, wrong, loss="cross_entropy", lr=0.0, epochs=1, validation=wrong, record="losses")
    assert history.epochs[0].validation_loss == 2000.0
    assert history.accuracy == [0.0]
    assert (history.updates[0].before, history.updates[0].after) == (2000.0, 2000.0)


@pytest.mark.parametrize(
    ("loss", "output", "targets", "expected"),
    [  # one unit whose output is its input: -2, 0.3, 0.7, 2
        ("sse", "linear", [(0.0,), (0.0,), (1.0,), (1.0,)], 1.0),
        ("sse", "linear", [(0.0,), (1.0,), (1.0,), (1.0,)], 0.75),
        ("sse", "linear", [(-1.0,), (1.0,), (1.0,), (-1.0,)], 0.75),
        ("hinge", "linear", [(-1.0,), (1.0,), (1.0,), (1.0,)], 1.0),
        ("hinge", "linear", [(1.0,), (1.0,), (1.0,), (1.0,)], 0.75),
        ("bce_with_logits", "linear", [(0.0,), (1.0,), (1.0,), (1.0,)], 1.0),
        (losses.bce_with_logits, "linear", [(0.0,), (1.0,), (1.0,), (0.0,)], 0.75),
        ("bce", "sigmoid", [(0.0,), (1.0,), (1.0,), (0.0,)], 0.75),
        ("sse", "linear", [(0.0,), (0.25,), (1.0,), (1.0,)], None),
        ("sse", "linear", [(0.0,), (2.0,), (1.0,), (1.0,)], None),
    ],
)
def test_accuracy_on_held_out_rows(loss, output, targets, expected):
    model = MLP(1, [1], output=output, bias=False, init=1.0)
    rows = [((x,), t) for x, t in zip((-2.0, 0.3, 0.7, 2.0), targets, strict=True)]
    harmless = [((0.0,), (1.0,))]
    history = fit(model, harmless, loss=loss, lr=0.0, epochs=1, validation=rows)
    assert history.accuracy == [expected]


def test_accuracy_of_labels_needs_all_of_a_row():
    model = MLP(2, [2], bias=False, init="zeros")
    model.parameters()[0].data = model.parameters()[3].data = 1.0  # outputs are the inputs
    rows = [((0.2, 0.9), (0.0, 1.0)), ((0.6, 0.9), (0.0, 1.0)), ((0.6, 0.9), (1, 1)), ((0.6, 0.4), [1, 1])]
    assert accuracy(model, rows) == 0.5
    assert accuracy(model, rows, boundary=0.3) == 0.75
    assert accuracy(model, [(np.array(x), np.array(t)) for x, t in rows]) == 0.5


def test_accuracy_of_classes():
    model = MLP(2, [2], bias=False, init="zeros")
    model.parameters()[0].data = model.parameters()[3].data = 1.0
    rows = [((0.2, 0.3), 1), ((-5.0, -6.0), 0), ((0.4, 0.1), 1)]
    assert accuracy(model, rows) == pytest.approx(2 / 3)
    assert accuracy(model, iter([(x, np.int64(t)) for x, t in rows])) == pytest.approx(2 / 3)
    assert accuracy(model, [((0.5, 0.5), 0)]) == 1.0  # the first of equals
    one = MLP(1, [1], bias=False, init=1.0)
    assert accuracy(one, [((0.6,), 1), ((0.4,), 0), ((0.4,), 1), ((0.5,), 0)]) == 0.75
    assert accuracy(one, [((0.4,), 1)], boundary=0.0) == 1.0


def test_accuracy_on_nothing():
    with pytest.raises(ValueError, match="there are no rows; at least one pair"):
        accuracy(xor(), [])


def test_representation():
    assert repr(History()) == "History(0 epochs)"
    history = History([Epoch(0, 0.1, 1.23456), Epoch(1, 0.1, 0.5)])
    assert repr(history) == "History(2 epochs, loss 1.235 -> 0.500)"
    history.epochs.append(Epoch(2, 0.1, 0.25, 0.3, 0.9666))
    assert repr(history) == "History(3 epochs, loss 1.235 -> 0.250, accuracy 0.967)"
    assert Update(3, 1, (2,), 0.1, 0.5, 0.25, None) == Update(3, 1, (2,), 0.1, 0.5, 0.25, object())


def test_loss_curves_draw_the_history():
    def drawn(axes):
        return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in axes.get_lines()}

    epochs = [Epoch(0, 0.1, 1.25, 1.5, 0.25), Epoch(1, 0.1, 0.5, 0.75, 0.75)]
    axes = loss_curves(History(epochs))
    assert drawn(axes) == {"training loss": ([0, 1], [1.25, 0.5]), "held-out loss": ([0, 1], [1.5, 0.75])}
    left, right = axes.figure.axes
    assert left is axes
    assert drawn(right) == {"held-out accuracy": ([0, 1], [0.25, 0.75])}
    assert right.get_ylim()[1] >= 1.0
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [*drawn(axes), *drawn(right)]
    same = loss_curves(History(epochs), held_out=False)  # nothing was held out: nothing is called so
    assert [text.get_text() for text in same.get_legend().get_texts()] == ["training loss", "loss after the epoch", "training accuracy"]
    assert same.figure.axes[1].get_ylabel() == "training accuracy"
    plain = loss_curves(History([Epoch(0, 0.1, 1.25), Epoch(1, 0.1, 0.5)]))
    assert drawn(plain) == {"training loss": ([0, 1], [1.25, 0.5])}
    assert len(plain.figure.axes) == 1
    assert loss_curves(History(epochs[:1]), plain) is plain
    assert len(plain.get_lines()) == 3


# ---- callbacks, progress, state


def test_callbacks_see_every_epoch_and_may_end_the_training():
    model, seen, others = xor(), [], []

    def enough(epoch):
        seen.append((epoch, numbers(model)))
        return epoch.epoch == 2

    history = fit(model, data.XOR(), loss="bce", lr=0.3, epochs=10, callbacks=[enough, others.append])
    assert [epoch for epoch, _ in seen] == others == history.epochs
    assert len(history.epochs) == 3
    three = xor()
    fit(three, data.XOR(), loss="bce", lr=0.3, epochs=3)
    assert numbers(three) == numbers(model) == seen[-1][1]


def test_what_a_callback_returns_besides_True_is_ignored():
    history = fit(xor(), data.XOR(), loss="bce", lr=0.3, epochs=3, callbacks=[lambda e: "stop", lambda e: e])
    assert len(history.epochs) == 3


def test_gradients_are_forgotten_afterwards():
    model = xor()
    fit(model, data.XOR(), loss="bce", lr=0.3, epochs=1)
    assert {p.grad for p in model.parameters()} == {None}


def test_training_twice_goes_on():
    """Without momentum, two trainings in the given order are one."""
    once, twice = xor(), xor()
    fit(once, data.XOR(), loss="bce", lr=0.3, epochs=6, order="given")
    for _ in range(2):
        fit(twice, data.XOR(), loss="bce", lr=0.3, epochs=3, order="given")
    assert numbers(once) == numbers(twice)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("ci", "terminal", "progress", "shown"),
    [
        (None, True, None, True),
        (None, False, None, False),
        ("true", True, None, False),
        ("true", False, True, True),
        (None, True, False, False),
    ],
)
def test_progress_bar(monkeypatch, ci, terminal, progress, shown):
    if ci is None:
        monkeypatch.delenv("CI", raising=False)
    else:
        monkeypatch.setenv("CI", ci)
    stream = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    fit(xor(), data.XOR(), loss="bce", lr=0.3, epochs=3, progress=progress, batch_size=3)
    assert bool(stream.getvalue()) is shown
    if shown:
        assert "6/6" in stream.getvalue()  # updates
        assert "updates" in stream.getvalue()
        assert re.search(r"loss \d\.\d{4}", stream.getvalue())


@pytest.mark.parametrize("record", [None, "losses"])
@pytest.mark.parametrize("backend", ["graph", "python"])
def test_the_bar_counts_updates_whoever_makes_them(monkeypatch, backend, record):
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())
    fit(xor(), data.XOR(), loss="bce", lr=0.3, epochs=3, progress=True, batch_size=3, backend=backend, record=record)
    assert "6/6" in stream.getvalue()


def test_predict():
    model = MLP(2, [3, 2], seed=1)
    assert predict(model, (0.5, -1.0)) == [o.data for o in model((0.5, -1.0))]
    assert {type(o) for o in predict(model, [0.5, -1.0])} == {float}
    assert recording()


def test_fit_inside_no_grad():
    with pytest.raises(ValueError, match="call fit outside of no_grad"), no_grad():
        fit(xor(), data.XOR(), loss="bce", lr=0.3, epochs=2)


# ---- real data


def test_iris_as_make_demo_trains_it():
    train_rows, test_rows = iris()
    model = MLP(4, [8, 3], output="softmax", seed=0)
    history = fit(model, train_rows, loss="cross_entropy", lr=0.05, epochs=40, validation=test_rows, seed=0)
    assert history.accuracy[-1] >= 0.93
    assert accuracy(model, test_rows) == history.accuracy[-1]
    assert history.loss[-1] < history.loss[0] / 3


def test_digits():
    train_rows, test_rows = data.split(data.digits(), held_out=0.2, seed=0)
    model = MLP(64, [32, 10], output="softmax", seed=0)
    fit(model, train_rows, loss="cross_entropy", lr=0.05, epochs=3, seed=0)
    assert accuracy(model, test_rows) >= 0.94


def test_moons_with_hinge_and_with_labels():
    signed = [(x, (2.0 * t - 1.0,)) for x, t in moons(120)]
    model = MLP(2, [8, 1], seed=1)
    assert fit(model, signed, loss="hinge", lr=0.1, epochs=20, validation=signed).accuracy[-1] >= 0.97
    model = MLP(2, [8, 2], output="sigmoid", seed=1)
    labelled = moons(120).one_hot()
    assert fit(model, labelled, loss="bce", lr=0.2, epochs=20, validation=labelled).accuracy[-1] >= 0.97


def test_the_loss_of_an_epoch_is_no_value():
    history = fit(xor(), data.XOR(), loss="bce", lr=0.3, epochs=2, validation=data.XOR(), record="losses")
    kept = [*history.loss, *(e.validation_loss for e in history.epochs), *(u.after for u in history.updates)]
    assert not any(isinstance(v, Value) for v in kept)
    assert {type(v) for v in kept} == {float}


def test_a_loss_of_nets_refuses_outputs_that_are_squashed_already():
    model = MLP(2, [3, 1], output="sigmoid")
    before = model.state_dict()
    with pytest.raises(ValueError, match=r"'bce_with_logits' takes nets.*output is 'sigmoid'.*or take 'bce'"):
        fit(model, data.XOR(), loss="bce_with_logits", lr=0.1, epochs=1)
    assert model.state_dict() == before


def test_what_is_no_model_is_told():
    with pytest.raises(TypeError, match=r"fit trains a model, such as MLP\(2, \[3, 1\]\), not 3"):
        fit(3, data.XOR(), loss="bce", lr=0.5, epochs=1)
