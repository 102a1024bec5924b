"""The flight recorder asked: why an update was made, whom it helped and harmed, and what cannot be asked."""

import math

import pytest
from recorded import BACKENDS, SETTINGS, moons, net, train, weights

from engine import Value, explain, no_grad
from nn import MLP, History, data, fit, losses
from nn.lab.recorder import Harm, Recorder


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
    with pytest.raises(IndexError, match="of 36 updates, 0 to 35, 36 is none"):
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
    with pytest.raises((TypeError, ValueError), match=message):
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
