"""The flight recorder: every number of every update, on every backend, undone, repeated, compared, interrupted."""

import math
import sys
from array import array
from random import Random

import pytest
from apart import apart
from recorded import BACKENDS, SETTINGS, Own, bits, moons, net, train, weights

from engine import Value
from nn import MLP, SGD, Diverged, History, Module, data, fit, losses
from nn.lab.recorder import Log, Recorder


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
            try:
                signal.setitimer(signal.ITIMER_REAL, random.uniform(0.001, 0.1))
                train(model, record=recorder, backend=backend, epochs=60, momentum=0.5)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)  # it may ring at this very moment
        except KeyboardInterrupt:
            interrupted += 1
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
