"""The flight recorder: every number of every update, on every backend, and what can be asked, undone, repeated, saved."""

import hashlib
import importlib.util
import json
import math
import sys
from array import array
from dataclasses import replace
from random import Random

import pytest
from apart import apart

from engine import Value, explain, no_grad
from nn import MLP, SGD, Diverged, History, Layer, Module, data, fit, losses
from nn.lab.lines import is_sealed, opened, sealed
from nn.lab.recorder import Harm, Log, Recorder


NATIVE = pytest.param("native", marks=pytest.mark.skipif(importlib.util.find_spec("llvmlite") is None, reason="no llvmlite"))
BACKENDS = ["graph", "python", NATIVE]
PLAIN = {"loss": "cross_entropy", "lr": 0.1, "epochs": 2}
SETTINGS = {
    "plain": {},
    "batches": {"batch_size": 4},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.5, "nesterov": True, "weight_decay": 0.01, "schedule": "cosine"},
    "replacement": {"order": "with_replacement", "weight_decay": 0.1},
    "all": {"batch_size": 3, "momentum": 0.9, "nesterov": True, "order": "with_replacement", "schedule": "linear"},
}


def moons(n=18):
    return list(data.moons(n, seed=1))


def net(seed=2, **kwargs):
    return MLP(2, [3, 2], output="softmax", seed=seed, **kwargs)


def train(model=None, rows=None, record="updates", **options):
    return fit(model or net(), rows or moons(), record=record, **(PLAIN | options))


def bits(numbers):
    return [None if x is None else float(x).hex() for x in numbers]


def weights(model):
    return bits(p.data for p in model.parameters())


# ---- what is kept


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_number_of_every_update_is_that_of_the_loop_one_would_write(backend, settings):
    options = SETTINGS[settings]
    rows = moons()
    history = train(backend=backend, **options)
    model = net()
    names = [name for name, _ in model.named_parameters()]
    sgd = SGD(model.parameters(), 0.1, **{k: options[k] for k in ("momentum", "nesterov", "weight_decay") if k in options})

    def E(batch):
        total = losses.cross_entropy(model(rows[batch[0]][0]), rows[batch[0]][1])
        for i in batch[1:]:
            total = total + losses.cross_entropy(model(rows[i][0]), rows[i][1])
        return total / len(batch) if len(batch) > 1 else total

    assert len(history.updates) == 2 * -(-len(rows) // options.get("batch_size", 1))
    for k, u in enumerate(history.updates):
        assert u.step == k
        sgd.lr = u.lr
        before = E(u.rows)
        sgd.zero_grad()
        before.backward()
        old, gradient = [p.data for p in model.parameters()], [p.grad for p in model.parameters()]
        sgd.step()
        new = [p.data for p in model.parameters()]
        assert (u.before, u.after) == (before.data, E(u.rows).data)
        assert list(u.old) == list(u.new) == list(u.gradient) == names
        assert bits(u.old.values()) == bits(old)
        assert bits(u.gradient.values()) == bits(gradient)
        assert bits(u.new.values()) == bits(new)
        assert bits(u.delta.values()) == bits(b - a for a, b in zip(old, new, strict=True))


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_log_and_the_training_are_the_same_on_every_backend_and_without_a_log(backend, settings):
    on_graph, on_backend, unwatched = net(), net(), net()
    a = train(on_graph, backend="graph", **SETTINGS[settings])
    b = train(on_backend, backend=backend, **SETTINGS[settings])
    assert b.log.backend == backend
    assert a.compare(b).same
    assert repr(a.compare(b)) == f"the same {len(a.updates)} updates, bit for bit"
    train(unwatched, backend="graph", record=None, **SETTINGS[settings])
    assert weights(on_graph) == weights(on_backend) == weights(unwatched)
    assert a.epochs == b.epochs


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("recorder", [Recorder(every=7), Recorder(megabytes=0.0005), Recorder(megabytes=0.0)])
def test_what_is_dropped_is_computed_again_bit_for_bit(backend, recorder):
    options = SETTINGS["nesterov"] | {"backend": backend}
    full, model = train(**options), net()
    thin = train(model, record=recorder, **options)
    end = weights(model)
    assert len(thin.log.wholes) < len(full.log.wholes) == 36
    assert thin.log.bytes <= max(1e6 * recorder.megabytes, 8 * 5 * len(end))
    for k in (35, 0, 6, 7, 8, 17, 18, 19):
        one, other = full.updates[k], thin.updates[k]
        assert one == other
        for part in ("old", "gradient", "new"):
            assert bits(getattr(one, part).values()) == bits(getattr(other, part).values())
    assert weights(model) == end
    assert {p.grad for p in model.parameters()} == {None}


def test_what_is_kept_is_stated():
    assert train().kept == "36 updates: rows, losses and learning rate of each, gradient and weights of each (0.00979 MB)"
    assert "of every 64th (1, " in train(record="losses").kept
    assert "computed again when asked for" in train(record=Recorder(every=5)).kept


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_losses_of_all_rows(backend):
    rows = moons()
    told = train(record=Recorder(every=2, all_losses=True), backend=backend)
    asked = train(backend=backend)
    model = net()
    for k in (0, 6, 7, 35):
        before, after = asked.updates[k].losses
        assert (before, after) == told.updates[k].losses
        for numbers, found in ((asked.updates[k].old, before), (asked.updates[k].new, after)):
            for p, w in zip(model.parameters(), numbers.values(), strict=True):
                p.data = w
            assert found == [losses.cross_entropy(model(x), t).data for x, t in rows]
        assert [before[i] for i in told.updates[k].rows] == [told.updates[k].before]
    assert told.log.wholes[6].losses is not None


def test_a_callback_that_changes_weights_is_part_of_the_log():
    for recorder in ("updates", "losses", Recorder(every=4)):
        model = net()

        def halve(epoch, model=model):
            for p in model.parameters():
                p.data /= 2

        history = train(model, record=recorder, callbacks=[halve])
        assert history.compare(history.replay()).same
        n = len(moons())
        after, before = history.updates[n - 1].new, history.updates[n].old
        assert [2 * w for w in before.values()] == list(after.values())


class Own(Module):
    """A model that decides in Python which parameters it uses."""

    def __init__(self):
        self.a, self.b, self.c = Value(0.5, "a"), Value(-0.25, "b"), Value(2.0, "c")

    def __call__(self, x):
        return [self.a * x[0] if x[0] > 0 else self.b * x[0] + self.a]


def test_models_losses_and_gradients_that_are_none():
    model, penalised = Own(), []

    def loss(o, t):
        penalised.append(1)
        return losses.sse(o, t) + 0.1 * model.a * model.a

    rows = [((1.5,), (1.0,)), ((-2.0,), (0.5,))]
    history = fit(model, rows, loss=loss, lr=0.05, epochs=3, order="given", momentum=0.5, record=Recorder(every=3))
    assert history.updates[0].gradient["b"] is None
    assert history.updates[1].gradient["b"] is not None
    assert {u.gradient["c"] for u in history.updates} == {None}
    assert history.compare(history.replay()).same
    assert history.why(model.a, 4).total == history.updates[4].gradient["a"]
    with pytest.raises(ValueError, match=r"update 0 did not move b: the loss of its rows does not depend on it"):
        history.why("b", 0)


class Fixed(Module):
    """A model without a parameter."""

    def __call__(self, x):
        return [Value(x[0]) * 2.0]


def test_the_history_of_a_model_without_parameters_is_one(tmp_path):
    for recorder in (Recorder(), Recorder(every=4)):
        history = fit(Fixed(), [((1.0,), (0.5,))], loss="sse", lr=0.1, epochs=6, record=recorder)
        assert history.compare(history.replay()).same
        assert history.harm(step=5).actual == [[0.0]]
        loaded = History.load(history.save(tmp_path / "run.jsonl"), model=Fixed())
        loaded.go_to(0)
        assert (loaded.at, list(loaded.updates)) == (0, list(history.updates))


def test_a_model_that_changes_is_told():
    model, noise = net(), Random(3)
    history = train(model, loss=lambda o, t: losses.cross_entropy(o, t) * (1 + 0.01 * noise.random()), record="losses")
    with pytest.raises(ValueError, match=r"update \d cannot be computed again: its loss was .* draw random numbers"):
        history.updates[9].new
    end = weights(model)
    with pytest.raises(ValueError, match=r"update \d cannot be computed again: its loss was .* draw random numbers"):
        history.go_to(9)
    assert weights(model) == end


# ---- why


@pytest.mark.parametrize("backend", BACKENDS)
def test_why_is_the_explanation_at_the_weights_of_then(backend):
    model, rows = net(), moons()
    history = train(model, rows, backend=backend)
    end = weights(model)
    u = history.updates[17]
    told = history.why("w_o1,h2", 17)
    assert (told.total, told.old, told.new) == (u.gradient["w_o1,h2"], u.old["w_o1,h2"], u.new["w_o1,h2"])
    assert weights(model) == end
    for p, w in zip(model.parameters(), u.old.values(), strict=True):
        p.data = w
    x, t = rows[u.rows[0]]
    w = dict(model.named_parameters())["w_o1,h2"]
    expected = explain(w, losses.cross_entropy(model(x), t), notes="S63", eta=0.1).text(ascii=False)
    assert expected in told.text("S63").replace("\n\n", "\n\n")
    assert f"update 17 (epoch 0, row {u.rows[0]}, η = 0.1): E {u.before:.6g} -> {u.after:.6g}" in str(told)
    assert f"{told.new:.6f}" in str(told).split("step")[1]
    assert "update 17" in told._repr_markdown_()


def test_why_tells_the_step_as_it_was_made():
    history = train(**SETTINGS["nesterov"])
    told = history.why("w_h1,x1", 20)
    g, u = told.total, told.update
    v = history.log.wholes[20].old[len(u.old)]
    lines = told.step
    slope = g + 0.01 * told.old
    assert f"= {slope:.6f}   (weight decay λ)" in lines[0]
    assert f"v = μ v + g = 0.5 × {v:.6f} + {slope:.6f} = {0.5 * v + slope:.6f}   (momentum μ)" in lines[1]
    assert f"= {slope + 0.5 * (0.5 * v + slope):.6f}   (Nesterov)" in lines[2]
    assert lines[3].endswith(f"= {told.new:.6f}")
    assert told.new == pytest.approx(told.old - u.lr * (slope + 0.5 * (0.5 * v + slope)), rel=1e-12)
    assert "w - η dE/dw" not in str(told)
    assert " = 0.5 × 0.000000 + " in history.why("w_h1,x1", 0).step[1]  # a velocity of -0.0


def test_parameters_are_named_or_given():
    model = net()
    history = train(model)
    assert history.why(model.parameters()[1], 3).name == "w_h1,x2"
    with pytest.raises(ValueError, match=r"no parameter is called 'w_11'; did you mean w_h1,x1 or w_o1,h1\?"):
        history.why("w_11", 3)
    assert history.why("w_32", 3).name == "w_h3,x2"
    with pytest.raises(ValueError, match=r"no parameter is called '\?'; did you mean w_h1,x1 or w_h1,x2 or w_h2,x1\?$"):
        history.why("?", 3)
    with pytest.raises(ValueError, match="is not a parameter of this model"):
        history.why(Value(1.0), 3)
    for step in (-1, 36, 1.5, True):
        with pytest.raises(ValueError, match=f"step {step!r}: this history has updates 0 to 35"):
            history.why("w_h1,x1", step)


def test_without_a_record_it_is_told_what_to_write():
    with pytest.raises(ValueError, match=r"fit\(..., record='updates'\) keeps its updates"):
        train(record=None).why("w_h1,x1", 0)


# ---- harm


@pytest.mark.parametrize("settings", ["plain", "all"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_harm_of_an_update(backend, settings):
    rows = moons()
    history = train(backend=backend, **SETTINGS[settings])
    u = history.updates[9]
    harm = history.harm(step=9)
    model = net()
    parameters = model.parameters()

    def at(numbers):
        for p, w in zip(parameters, numbers.values(), strict=True):
            p.data = w
        return [losses.cross_entropy(model(x), t) for x, t in rows]

    new, old = [E.data for E in at(u.new)], at(u.old)
    assert harm.rows == [u.rows]
    assert harm.actual == [[b - a.data for a, b in zip(old, new, strict=True)]]
    for E, slope in zip(old, harm.first_order[0], strict=True):
        model.zero_grad()
        E.backward()
        assert slope == pytest.approx(sum(p.grad * d for p, d in zip(parameters, u.delta.values(), strict=True)), rel=1e-9)
    worst = max((x, j) for j, x in enumerate(harm.actual[0]) if j not in u.rows)
    assert harm.ranked()[-1] == (worst[0], 0, worst[1])
    assert f"row {worst[1]:>5}, class {rows[worst[1]][1]}  {worst[0]:+.4f}" in str(harm)


@pytest.mark.parametrize("backend", BACKENDS)
def test_harm_of_one_row_on_another(backend):
    rows, model = moons(8), net()
    history = train(model, rows, backend=backend, momentum=0.9)
    end = weights(model)
    harm = history.harm(lr=0.01)
    assert weights(model) == end
    start = [p.data for p in model.parameters()]
    for i in range(8):
        model.zero_grad()
        losses.cross_entropy(model(rows[i][0]), rows[i][1]).backward()
        g = [p.grad for p in model.parameters()]
        for j in range(8):
            before = losses.cross_entropy(model(rows[j][0]), rows[j][1])
            model.zero_grad()
            before.backward()
            first = -0.01 * sum(p.grad * d for p, d in zip(model.parameters(), g, strict=True))
            for p, d in zip(model.parameters(), g, strict=True):
                p.data -= 0.01 * d
            after = losses.cross_entropy(model(rows[j][0]), rows[j][1]).data
            for p, w in zip(model.parameters(), start, strict=True):
                p.data = w
            assert harm.actual[i][j] == pytest.approx(after - before.data, rel=1e-7, abs=1e-15)
            assert harm.first_order[i][j] == pytest.approx(first, rel=1e-9, abs=1e-18)
    assert max(harm.actual[i][i] for i in range(8)) < 0  # each helps itself
    assert len(str(harm).splitlines()) in (10, 11)
    assert harm._repr_html_().count("<td") == 64
    assert history.harm(rows=[3, 5], lr=0.01).actual == [harm.actual[3], harm.actual[5]]
    with pytest.raises(ValueError, match="rows are 0 to 7, and 8 is none of them"):
        history.harm(rows=[8])


def test_the_mean_over_classes():
    history = train(rows=moons(30))
    harm = history.harm()
    mine = [harm.actual[i][j] for i in range(30) for j in range(30) if (harm.targets[i], harm.targets[j]) == (0, 1)]
    assert harm.between_classes()[0][1] == pytest.approx(sum(mine) / len(mine), rel=1e-12)
    assert len(str(harm).splitlines()) == 18
    html = harm._repr_html_()
    assert html.startswith(f"<pre>{harm.title}\n")
    assert "mean change" not in html.partition("</pre>")[0]
    assert "<script>" not in html


@pytest.mark.parametrize(("size", "unit"), [(0.5, 1), (0.1, 1), (0.0, 1), (999.0, 1), (1000.0, 0.001), (5e-4, 10_000), (5e-324, 1e300)])
def test_a_table_that_is_multiplied_by_a_power_of_ten_says_so(size, unit):
    harm = Harm("steps", [(0,), (1,)], [0, 1], [1.0, 1.0], [[-size, size / 2], [0.0, size]], [[0.0, 0.0]] * 2)
    told = f", times {unit:g}" if unit != 1 else ""
    caption = f"change of the loss of a row (column) by an update (line){told}: blue helped, orange harmed"
    assert harm._repr_html_().startswith(f"<p>steps</p><table><caption>{caption}</caption>")
    lines = str(harm).splitlines()
    assert lines[:-3] == ["steps", *[f"  change of the loss{told}"] * (unit != 1)]
    tiny = size * unit < 5e-4
    shown = ["0", "0"] if tiny else [f"{-size * unit:+.3f}", f"{size * unit / 2:+.3f}"]
    assert lines[-2].split() == ["on", "0", *shown]
    assert lines[-1].split() == ["on", "1", "0", "0" if tiny else f"{size * unit:+.3f}"]


# ---- undo and redo


@pytest.mark.parametrize("record", ["updates", "losses"])
def test_undo_and_redo_to_any_step(record):
    model = net()
    start = weights(model)
    history = train(model, record=record, momentum=0.9)
    states = [start, *(bits(u.new.values()) for u in train(momentum=0.9).updates)]
    assert weights(model) == states[-1]
    for step in (35, 0, 12, 36, 1):
        history.go_to(step)
        assert weights(model) == states[step]
        assert history.at == step
    history.redo(5)
    assert weights(model) == states[6]
    history.undo()
    assert weights(model) == states[5]
    with pytest.raises(ValueError, match=r"6 updates cannot be undone: 5 of 36 are made; undo\(\) takes at most 5"):
        history.undo(6)
    with pytest.raises(ValueError, match=r"32 updates cannot be made again: 31 of 36 are undone; redo\(\) takes at most 31"):
        history.redo(32)
    assert (weights(model), history.at) == (states[5], 5)
    model.parameters()[4].data = 7.0
    with pytest.raises(ValueError, match=r"w_h3,x1 is 7.0, and .* after 5 updates: the model was changed since"):
        history.redo()
    assert model.parameters()[4].data == 7.0
    history.go_to(2, discard=True)
    assert weights(model) == states[2]


# ---- replay and comparison


@pytest.mark.parametrize("to", BACKENDS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_thousand_steps_are_repeated_bit_for_bit_on_every_backend(backend, to):
    model = MLP(4, [8, 3], output="softmax", seed=0)
    rows = list(data.standardise(*data.split(data.iris(), seed=0))[0])[:100]
    history = fit(model, rows, loss="cross_entropy", lr=0.05, epochs=10, momentum=0.5, backend=backend, record="updates")
    end = weights(model)
    again = history.replay(to)
    assert (len(again.updates), again.log.backend) == (1000, to)
    assert repr(history.compare(again)) == "the same 1,000 updates, bit for bit"
    assert bits(again.updates[999].new.values()) == end == weights(model)
    assert [e.loss for e in again.epochs] == [e.loss for e in history.epochs]


@pytest.mark.parametrize("record", ["updates", "losses", Recorder(every=10)])
def test_the_first_difference_is_found(record):
    model, other = net(), net()
    one = train(model, record=record)
    other.parameters()[7].data = math.nextafter(other.parameters()[7].data, 9.0)
    two = train(other, record=record)
    found = one.compare(two)
    assert (found.step, found.what) == (0, "old b_h2 is")
    assert found.other == math.nextafter(found.one, 9.0)
    rows = moons()
    rows[3] = ((rows[3][0][0] * (1 + 1e-12), rows[3][0][1]), rows[3][1])
    found = one.compare(train(rows=rows, record=record))
    assert found.step == next(u.step for u in one.updates if u.rows == (3,))
    assert re_first(found.what)
    assert one.compare(train(seed=1, record=record)).what == "the rows are"
    assert one.compare(train(lr=0.2, record=record)).what == "the learning rate is"
    longer = one.compare(train(epochs=3, record=record))
    assert (longer.step, longer.one, longer.other) == (36, 36, 54)


def re_first(what):
    return what in ("the loss before is", "the gradient of w_h1,x1 is")


def nudged(epoch, record="updates"):
    """A training in which a callback moves a weight after an epoch."""
    model = net()

    def nudge(state):
        if len(seen := model.__dict__.setdefault("seen", [])) == epoch:
            model.parameters()[1].data += 0.25
        seen.append(state)

    return train(model, record=record, epochs=3, callbacks=[nudge])


@pytest.mark.parametrize("record", ["updates", "losses", Recorder(every=10)])
def test_weights_that_a_callback_has_set_differ_from_the_update_after_it_on(record):
    one, two = (nudged(epoch, record) for epoch in (9, 1))
    for found, difference in ((one.compare(two), 0.25), (two.compare(one), -0.25)):
        assert (found.step, found.what) == (36, "old w_h1,x2 is")
        assert found.other - found.one == pytest.approx(difference, rel=1e-12)
    assert one.updates[36].old["w_h1,x2"] == one.updates[35].new["w_h1,x2"] == two.updates[35].new["w_h1,x2"]
    again = nudged(9, record)
    again.log.begin_epoch(0.1, array("d", [w + 0.5 * (k == 1) for k, w in enumerate(again.log.now)]))  # and then an interrupt
    found = one.compare(again)
    assert (found.step, found.what, found.other - found.one) == (54, "w_h1,x2 is", 0.5)


def test_models_of_other_parameters_are_told_by_their_first_names():
    names = "w_h1,x1, w_h1,x2, w_h2,x1, ..."
    found = train().compare(train(MLP(2, [4, 2], output="softmax", seed=2)))
    assert (found.step, found.what, found.one, found.other) == (0, "the parameters are", f"17: {names}", f"22: {names}")
    one, other = (fit(MLP(2, [1], bias=bias, seed=0), [((1.0, 2.0), (0.5,))], loss="sse", lr=0.1, epochs=1, record="updates") for bias in (False, True))
    assert repr(one.compare(other)).endswith("the parameters are '2: w_o1,x1, w_o1,x2' and '3: w_o1,x1, w_o1,x2, b_o1'")


# ---- interrupts and divergence


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("stop", "inside"), [(1, True), (9, True), (9, False), (40, True), (40, False)])
def test_an_interrupt_leaves_a_log_that_agrees_with_the_model(backend, stop, inside, monkeypatch):
    model, recorder = net(), Recorder(every=4)
    note, seen = Log.note, []

    def interrupted(self, *args):
        seen.append(1)
        if len(seen) == stop and inside:
            raise KeyboardInterrupt
        note(self, *args)
        if len(seen) == stop:
            raise KeyboardInterrupt

    monkeypatch.setattr(Log, "note", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(model, record=recorder, backend=backend, epochs=4, momentum=0.9)
    monkeypatch.setattr(Log, "note", note)
    history = recorder.history
    assert len(history.updates) == stop - inside
    assert weights(model) == bits(history.log.now[: len(weights(model))])
    assert history.compare(history.replay("graph")).same
    history.go_to(0)
    assert weights(model) == weights(net())


def test_an_interrupt_inside_of_a_note_counts_for_nothing():
    history = train(record="updates")
    log = history.log
    log.indices.extend([5, 6])
    log.ends.append(len(log.indices))
    log.before.append(1.0)
    log.note([2], 0.5, 0.25, log.wholes[35].gradient, log.wholes[35].new)
    assert (history.updates[36].rows, history.updates[36].before, len(log.before)) == ((2,), 0.5, 37)


def test_an_interrupt_between_the_numbers_of_an_update_and_its_count_leaves_no_numbers(monkeypatch):
    size, seen = Log.bytes, []

    def interrupted(log):
        seen.append(1)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return size.fget(log)

    monkeypatch.setattr(Log, "bytes", property(interrupted))
    recorder = Recorder(every=4)
    with pytest.raises(KeyboardInterrupt):
        train(record=recorder, backend="python")
    monkeypatch.undo()
    assert (len(recorder.history.updates), list(recorder.history.log.wholes)) == (8, [0, 4])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("record", [None, "updates"])
def test_a_run_that_diverges_names_update_row_node_and_what_to_try(backend, record):
    def run(backend, record):
        model = MLP(1, [4, 1], activation="relu", seed=0, init="normal")
        recorder = Recorder() if record else None
        with pytest.raises(Diverged) as told:
            fit(model, [((3.0,), (1.0,)), ((-2.0,), (0.5,))], loss="sse", lr=40.0, epochs=60, record=recorder, backend=backend)
        return str(told.value), weights(model), recorder

    message, end, recorder = run(backend, record)
    assert (message, end) == run("graph", None)[:2]
    step, row = (int(part) for part in __import__("re").match(r"update (\d+) \(epoch \d+, row (\d)\): ", message).groups())
    assert "is not finite; no weight was changed; try a smaller lr, as 4" in message or "gradient" in message
    assert all(math.isfinite(float.fromhex(w)) for w in end)
    if recorder is not None:
        assert len(recorder.history.updates) == step
        assert bits(recorder.history.updates[-1].new.values()) == end
        assert row in (0, 1)


def test_large_inputs_are_told():
    with pytest.raises(Diverged, match=r"an input is 1e\+200: try nn.data.standardise"):
        fit(MLP(1, [1], seed=0), [((1e200,), (0.0,))], loss="sse", lr=0.1, epochs=1)


# ---- files


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("record", [Recorder(), "losses", Recorder(every=3, all_losses=True)])
def test_a_saved_history_is_the_same(settings, record, tmp_path):
    model = net()
    history = train(model, record=record, validation=moons(6), **SETTINGS[settings])
    path = history.save(tmp_path / "run.jsonl")
    loaded = History.load(path)
    assert loaded.epochs == history.epochs
    assert loaded.kept == history.kept
    assert list(loaded.updates) == list(history.updates)
    assert history.compare(loaded).same
    assert history.compare(loaded.replay("graph")).same
    assert weights(loaded.log.model) == weights(model)
    assert str(loaded.why("w_h1,x1", 7)) == str(history.why("w_h1,x1", 7))
    assert loaded.harm(step=7).actual == history.harm(step=7).actual
    loaded.go_to(0)
    assert weights(loaded.log.model) == weights(net())
    assert loaded.save(tmp_path / "again.jsonl").read_bytes() == path.read_bytes()


def test_a_history_of_ones_own_model_needs_it(tmp_path):
    model, rows = Own(), [((1.5,), (1.0,)), ((-2.0,), (0.5,))]
    history = fit(model, rows, loss=losses.sse, lr=0.05, epochs=3, record="updates")
    path = history.save(tmp_path / "own.jsonl")
    loaded = History.load(path)
    assert loaded.updates[2].new == history.updates[2].new
    with pytest.raises(ValueError, match=r"model or a loss of your own: History.load\(path, model=..., loss=...\)"):
        loaded.why("a", 2)
    assert str(History.load(path, model=Own()).why("a", 2)) == str(history.why("a", 2))
    with pytest.raises(ValueError, match=r"own.jsonl does not fit .*: it is of 3 parameters, a to c, and the model has 2 "):
        History.load(path, model=Layer(1, 1))
    with pytest.raises(TypeError, match="model is 'x'; give the model that was trained"):
        History.load(path, model="x")


def test_a_history_of_ones_own_loss_can_be_read_without_it(tmp_path):
    history = train(loss=lambda o, t: 0.5 * losses.cross_entropy(o, t))
    loaded = History.load(history.save(tmp_path / "own.jsonl"))
    assert list(loaded.updates) == list(history.updates)
    with pytest.raises(ValueError, match=r"model or a loss of your own: History.load\(path, model=..., loss=...\)"):
        loaded.replay()


def test_a_history_from_which_all_weights_but_the_first_were_taken_computes_them_again(tmp_path):
    for backend in ("graph", "python"):
        history = train(momentum=0.5, backend=backend)
        path = history.save(tmp_path / "run.jsonl")
        lines = [json.loads(opened(line)) for line in path.read_bytes().splitlines()]
        thin = [json.dumps({key: x for key, x in line.items() if key not in ("old", "gradient", "new")}) for line in lines]
        path.write_bytes(whole_file(thin))
        loaded = History.load(path)
        assert not loaded.log.wholes
        for k in (35, 0, 7):
            assert loaded.updates[k].new == history.updates[k].new
            assert loaded.updates[k].gradient == history.updates[k].gradient


def test_a_history_is_not_read_as_that_of_another_model_or_loss(tmp_path):
    path = train().save(tmp_path / "run.jsonl")
    with pytest.raises(ValueError, match=r"run.jsonl does not fit .*: it is of MLP\(2, .*activation='tanh'.*, and the model is .*'relu'"):
        History.load(path, model=net(activation="relu"))
    with pytest.raises(ValueError, match=r"its loss is cross_entropy, and the one given is sse: leave out loss="):
        History.load(path, loss="sse")
    with pytest.raises(ValueError, match=r"its loss is cross_entropy, and the one given is another"):
        History.load(path, loss=lambda o, t: o[0])
    again = History.load(path, model=net(seed=5, activation=["tanh"]), loss=losses.cross_entropy)
    assert str(again.why("w_h1,x1", 7)) == str(History.load(path).why("w_h1,x1", 7))


def test_a_run_that_diverged_is_saved_with_its_infinities(tmp_path):
    recorder = Recorder(all_losses=True)
    model = MLP(2, [3, 1], activation="relu", seed=0)
    with pytest.raises(Diverged):
        fit(model, data.XOR(), record=recorder, loss="sse", lr=1e3, epochs=50)
    history = recorder.history
    assert history.log.after[-1] == math.inf
    loaded = History.load(history.save(tmp_path / "run.jsonl"))
    assert loaded.log.after[-1] == math.inf
    assert history.compare(loaded).same
    assert history.compare(loaded.replay("python")).same
    history.harm()  # warns of nothing
    history.epochs.append(replace(history.epochs[-1], loss=math.inf, validation_loss=-math.inf))
    assert History.load(history.save(tmp_path / "run.jsonl")).epochs == history.epochs


def test_runs_of_another_momentum_are_told_by_it():
    assert repr(train().compare(train(momentum=0.5))).startswith("the first difference is at update 0: the momentum is 0.0 and 0.5")


def bare(line):
    return opened(line.encode()).decode() if is_sealed(line.encode()) else line


def whole_file(lines, mark=sealed):
    """The lines with the checksums that they would have."""
    body = b"".join(mark(bare(line)) for line in lines[:-1])
    return body + mark(json.dumps(json.loads(bare(lines[-1])) | {"sha256": hashlib.sha256(body).hexdigest()}))


def edited(k, **changes):
    def edit(lines):
        line = json.loads(bare(lines[k]))
        for key, value in changes.items():
            if value is None:
                del line[key]
            else:
                line[key] = value
        return whole_file([*lines[:k], json.dumps(line), *lines[k + 1 :]])

    return edit


DAMAGES = {
    "empty": lambda lines: b"",
    "cut": lambda lines: "\n".join(lines).encode()[:5000],
    "last line missing": lambda lines: ("\n".join(lines[:-1]) + "\n").encode(),
    "one digit": lambda lines: ("\n".join(lines) + "\n").encode().replace(b"0.1", b"0.2", 1),
    "an update missing": lambda lines: whole_file(lines[:30] + lines[31:]),
    "foreign": lambda lines: b'{"hello": 1}\n',
    "no JSON": lambda lines: b"weights: 1 2 3\n",
    "binary": lambda lines: bytes(range(256)) + b"\n",
    "a list": lambda lines: whole_file(["[1, 2]", *lines[1:]]),
    "format 2": edited(0, format=2),
    "no model size": edited(0, model={"nin": 2}),
    "another model": edited(0, model={"nin": 3, "layers": [2]}),
    "no momentum": edited(0, momentum=None),
    "negative momentum": edited(0, momentum=-1),
    "unknown loss": edited(0, lrs=[0.1]),
    "epochs in no order": edited(0, firsts=[18, 0]),
    "no first weights": edited(0, marks={}),
    "short weights": edited(0, now=[1.0]),
    "text weight": edited(0, now=["1.0"] * 17),
    "row outside": edited(25, rows=[18]),
    "negative row": edited(25, rows=[-1]),
    "no old weights": edited(21, old=None),
    "no row": edited(25, rows=[]),
    "true row": edited(25, rows=[True]),
    "short gradient": edited(25, gradient=[0.0]),
    "null weight": edited(25, new=[None] * 17),
    "text loss": edited(25, before="low"),
    "deep": lambda lines: whole_file(["[" * 100_000, *lines[1:]]),
    "NaN": lambda lines: whole_file([*lines[:25], '{"step": NaN}', *lines[26:]]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_with_a_reason(damage, tmp_path):
    path = train().save(tmp_path / "run.jsonl")
    path.write_bytes(DAMAGES[damage](path.read_text().splitlines()))
    with pytest.raises(ValueError, match=r"run.jsonl is not a history saved by nodegrad: .{8}"):
        History.load(path)


@pytest.mark.parametrize("k", [0, 1, 18, 20, 30, -2, -1])
def test_an_edited_number_is_told_with_its_line(k, tmp_path):
    """First line, rows, epochs, updates, the last line: also where the checksum of the whole is made to fit again."""
    path = train().save(tmp_path / "run.jsonl")
    lines = path.read_text().splitlines(keepends=True)
    place = next(i for i, c in enumerate(lines[k]) if c.isdigit())
    lines[k] = lines[k][:place] + str((int(lines[k][place]) + 1) % 10) + lines[k][place + 1 :]
    which = "the last line" if k == -1 else f"line {k % len(lines) + 1}"
    told = rf"run\.jsonl is not a history saved by nodegrad: {which}: it was changed after it was written: its checksum is another$"
    path.write_text("".join(lines))
    with pytest.raises(ValueError, match=told):
        History.load(path)
    if k != -1:
        body = "".join(lines[:-1]).encode()
        path.write_bytes(body + sealed(json.dumps(json.loads(opened(lines[-1].encode())) | {"sha256": hashlib.sha256(body).hexdigest()})))
        with pytest.raises(ValueError, match=told):
            History.load(path)


def test_lines_that_were_moved_are_told(tmp_path):
    path = train().save(tmp_path / "run.jsonl")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], lines[2], lines[1], *lines[3:]]))
    with pytest.raises(ValueError, match=r"its lines are not all those that were written, or not in their order: the checksum of all is another$"):
        History.load(path)


def test_a_file_from_before_lines_had_checksums_is_read_by_that_of_the_whole(tmp_path):
    history = train()
    path = history.save(tmp_path / "run.jsonl")
    old = whole_file(path.read_text().splitlines(), lambda line: (line + "\n").encode())
    assert b"crc32" not in old
    path.write_bytes(old)
    assert History.load(path).compare(history).same
    path.write_bytes(old.replace(b'"before": 0.', b'"before": 1.', 1))
    with pytest.raises(ValueError, match=r"it was changed after it was written: the checksum of all is another, and its lines have none that would say where$"):
        History.load(path)


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = train().save(tmp_path / "run.jsonl")
    before = path.read_bytes()
    monkeypatch.setattr("os.replace", lambda *args: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        train(lr=0.3).save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["run.jsonl"]


# ---- what is asked for


def test_odd_questions_are_refused():
    history = train()
    with no_grad():
        for ask in (lambda: history.why("w_h1,x1", 3), lambda: history.harm(3), history.harm, history.replay):
            with pytest.raises(ValueError, match="ask outside of no_grad"):
                ask()
    with pytest.raises(ValueError, match="name at least one row"):
        history.harm(rows=[])
    with pytest.raises(ValueError, match="lr must be a number >= 0, not -1"):
        history.harm(lr=-1)
    with pytest.raises(ValueError, match="leave out step, or leave out them"):
        history.harm(3, lr=0.1)
    with pytest.raises(TypeError, match="a history is compared with a history, not None"):
        history.compare(None)
    with pytest.raises(ValueError, match="unknown backend 'gpu'; choose from graph, python, native"):
        history.replay("gpu")
    with pytest.raises(IndexError, match="there are 36 updates, 0 to 35, and no 36"):
        history.updates[36]
    for record in (True, Recorder, "all"):
        with pytest.raises(ValueError, match="choose from None, losses, updates, or give a Recorder"):
            train(record=record)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"every": 0}, "every must be a whole number >= 1, not 0"), ({"every": True}, "every must be"),
     ({"megabytes": -1}, "megabytes must be a number >= 0, not -1"), ({"megabytes": math.nan}, "megabytes must be"),
     ({"all_losses": 1}, "all_losses is True or False, not 1")],
)  # fmt: skip
def test_odd_recorders_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Recorder(**options)


def test_an_interrupt_before_a_step_has_its_state_is_an_interrupt(monkeypatch):
    def interrupt(step):
        raise KeyboardInterrupt

    monkeypatch.setattr("nn.compiled._Step.state", interrupt)
    model = MLP(2, [2, 1], seed=0)
    before = [p.data for p in model.parameters()]
    with pytest.raises(KeyboardInterrupt):
        fit(model, data.XOR(), loss="sse", lr=0.1, epochs=1, record="updates", backend="python")
    assert [p.data for p in model.parameters()] == before


def interrupted_at_any_moment(backend):
    import signal

    def ring(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, ring)
    random, start = Random(backend), weights(net())
    train(net(), backend=backend, momentum=0.5)  # programs are built
    interrupted = 0
    for _ in range(25):
        model, recorder = net(), Recorder(megabytes=0.002)
        try:
            signal.setitimer(signal.ITIMER_REAL, random.uniform(0.001, 0.1))
            train(model, record=recorder, backend=backend, epochs=60, momentum=0.5)
        except KeyboardInterrupt:
            interrupted += 1
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        history = recorder.history
        if not history.updates:
            assert weights(model) == start
            continue
        assert weights(model) == bits(history.log.now[: len(start)])
        history.go_to(len(history.updates) // 2)
        assert len(history.log.whole(len(history.updates) - 1).new) == 2 * len(start)
        history.go_to(0)
        assert weights(model) == start
    assert interrupted


@pytest.mark.skipif(sys.platform == "win32", reason="no setitimer")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_real_interrupt_at_any_moment(backend):
    apart(f"import test_lab_recorder; test_lab_recorder.interrupted_at_any_moment({backend!r})")


def test_a_history_can_be_pickled_and_copied():
    import copy
    import pickle

    history = train(record=Recorder(every=5))
    history.why("w_h1,x1", 7)
    for other in (pickle.loads(pickle.dumps(history)), copy.deepcopy(history)):
        assert history.compare(other).same
        assert str(other.why("w_h1,x1", 7)) == str(history.why("w_h1,x1", 7))
        other.undo(3)
    assert (history.at, other.at) == (36, 33)


def test_a_file_of_another_kind_is_told_by_its_last_line(tmp_path):
    (tmp_path / "notes.md").write_text("# notes\nno history\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"notes\.md is not a history saved by nodegrad: the last line is no JSON"):
        History.load(tmp_path / "notes.md")
