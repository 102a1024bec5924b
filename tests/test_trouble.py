"""anomaly names the first NaN or infinity and its line; precision_report shows where digits go."""

import asyncio
import math
import threading

import pytest

import engine.value
from engine import (
    Value,
    dot,
    exp,
    expm1,
    gradient,
    log,
    maximum,
    relu,
    sigmoid,
    softmax,
    sqrt,
    tanh,
)
from engine.errors import Anomaly, DomainError, StaleGraph
from engine.source import NAMES
from engine.trust.precision import kept, precision_report
from engine.trust.systems import many_digits
from engine.trust.trouble import anomaly
from nn import MLP, SGD, losses


INF, NAN = math.inf, math.nan


@pytest.fixture(autouse=True)
def nothing_stays():
    """After every test the two names that `anomaly` changes mean what they meant."""
    before = NAMES["tick"], engine.value.tick, Value.__dict__["backward"]
    yield
    assert (NAMES["tick"], engine.value.tick, Value.__dict__["backward"]) == before


def line_of(marker):
    """The number of the line of this file that ends with the comment `marker`."""
    with open(__file__) as f:
        return next(k for k, line in enumerate(f, 1) if line.rstrip().endswith(f"# {marker}"))


# ---- forward ------------------------------------------------------------------------------------


def test_the_first_infinity_is_named_with_its_line():
    def f(a, b):
        c = a * b
        d = c * a  # overflows
        return d - d

    with pytest.raises(Anomaly) as found, anomaly():
        f(Value(1e200, "a"), Value(3.0, "b"))
    assert str(found.value).splitlines() == [
        "mul(a=3e+200, a=1e+200) = inf is not finite",
        "  y = a*b",
        f'  made in File "{__file__}", line {line_of("overflows")}: d = c * a  # overflows',
    ]
    assert found.value.node.data == INF
    assert found.value.line == str(found.value).splitlines()[-1].removeprefix("  made in ")
    assert isinstance(found.value, RuntimeError)


@pytest.mark.parametrize(
    ("f", "says"),
    [
        (lambda x: x + x, "add(x=1e+308, x=1e+308) = inf"),
        (lambda x: 10 * x, "mul(a=10.0, x=1e+308) = inf"),
        (lambda x: x / 1e-10, "div(x=1e+308, b=1e-10) = inf"),
        (lambda x: dot([x, x], [1.0, 1.0]), "dot(w=[1e+308, 1e+308], x=[1.0, 1.0]) = inf"),
        (lambda x: (x - INF).tanh() + NAN, "sub(x=1e+308, b=inf) = -inf"),
        (lambda x: maximum(x, NAN), "maximum(x=1e+308, b=nan) = nan"),
        (lambda x: losses.sse([x], [0.0]), "sse(o=[1e+308], t=[0.0]) = inf"),
        (lambda x: 1e308 + x, "add(a=1e+308, x=1e+308) = inf"),
    ],
)
def test_every_kind_of_recording_is_watched(f, says):
    with anomaly(), pytest.raises(Anomaly) as found:
        f(Value(1e308, "x"))
    assert says in str(found.value)


def test_what_a_leaf_is_given_is_told_by_the_operation_that_spreads_it():
    with anomaly():
        x = Value(NAN, "x")  # given
        y = Value(2.0, "y")
        with pytest.raises(Anomaly) as found:
            tanh(y * x)
    assert "mul(y=2.0, x=nan) = nan is not finite" in str(found.value)
    assert f'x was nan before, made in File "{__file__}", line {line_of("given")}' in str(found.value)


def test_infinities_that_lead_to_finite_numbers_pass():
    x = Value(INF)
    with anomaly():
        assert (1 / x).data == 0.0
        assert tanh(x).data == 1.0
        assert relu(Value(-INF)).data == 0.0


def test_what_python_refuses_is_refused_as_ever():
    with anomaly(), pytest.raises(DomainError, match=r"log\(x=-1.0\): outside the domain"):
        log(Value(-1.0, "x"))
    with anomaly(), pytest.raises(OverflowError):
        exp(Value(1000.0))


def test_lines_of_models_are_those_of_the_caller():
    model = MLP(2, [2, 1], seed=0)
    model.parameters()[0].data = 1e308
    with pytest.raises(Anomaly) as found, anomaly():
        model([1e10, 1.0])  # called
    assert "net_h1 = " not in str(found.value)  # the label comes after the recording
    assert "net(w=[1e+308, " in str(found.value)
    assert f"line {line_of('called')}: model([1e10, 1.0])" in str(found.value)


def test_a_graph_of_derivatives_is_watched():
    x = Value(0.0, "x")
    y = sqrt(x) * 2
    with pytest.raises(Anomaly, match=r"div\(.*\) = inf is not finite"), anomaly():
        gradient(y, [x])


# ---- backward -----------------------------------------------------------------------------------


def test_the_first_edge_over_which_a_gradient_is_lost():
    x = Value(0.0, "x")
    with anomaly():
        y = sqrt(x)  # the root
        z = 3 * y + x
        with pytest.raises(Anomaly) as found:
            z.backward(seed=2.0)
    assert str(found.value).splitlines() == [
        "the gradient of x becomes inf in sqrt(x=0.0)",
        "  dy/da = 1/(2*y) is inf here, and the gradient of sqrt is 6.0",
        f'  made in File "{__file__}", line {line_of("the root")}: y = sqrt(x)  # the root',
    ]
    assert found.value.node is y
    assert (x.grad, y.grad) == (INF, 6.0)  # the pass was completed, and may be looked at


def test_infinity_minus_infinity_is_found_where_it_begins():
    x = Value(0.0, "x")
    y = sqrt(x) - sqrt(x)
    y.backward()
    assert math.isnan(x.grad)
    with pytest.raises(Anomaly, match=r"the gradient of x becomes -inf in sqrt\(x=0.0\)") as found, anomaly():
        y.backward()
    assert found.value.line == "a line outside of anomaly()"


def test_a_sum_of_gradients_may_overflow():
    x = Value(1.0, "x")
    y = x * 1e308 + x * 1e308 * 0.9
    with pytest.raises(Anomaly, match="the sum over the uses of x becomes inf, in the gradient of x"), anomaly():
        y.backward()


def test_a_seed_may_be_infinite():
    x = Value(1.0)
    y = x * 2
    with pytest.raises(Anomaly, match=r"the seed is inf, in the gradient of mul\(a=1.0, b=2.0\)"), anomaly():
        y.backward(seed=INF)


def test_a_partial_in_a_vector():
    o = Value(1e-320, "o_1")
    E = losses.cross_entropy([o, Value(0.5, "o_2")], [1.0, 0.0])
    with (
        pytest.raises(Anomaly, match=r"the gradient of o_1 becomes -inf in E = cross_entropy\(o=\[1e-320, 0.5\]"),
        anomaly(),
    ):
        E.backward()


def test_an_adjoint_of_zero_through_an_infinite_partial_is_no_trouble():
    x = Value(0.0)
    with anomaly():
        y = sqrt(x) * 0 + x
        y.backward()
    assert x.grad == 1.0


def test_nor_is_it_blamed_for_the_trouble_of_another():
    x, z = Value(0.0, "x"), Value(0.0, "z")
    y = sqrt(z) + sqrt(x) * 0
    with pytest.raises(Anomaly, match=r"the gradient of z becomes inf in sqrt\(z=0.0\)"), anomaly():
        y.backward()


def test_sound_training_goes_on_as_ever():
    def train():
        model, rows = MLP(2, [3, 1], seed=1), [([0.5, -1.0], [1.0]), ([-0.3, 0.8], [0.0])]
        step = SGD(model.parameters(), lr=0.1)
        for x, t in rows * 3:
            model.zero_grad()
            losses.sse(model(x), t).backward()
            step.step()
        return [p.data for p in model.parameters()]

    plain = train()
    with anomaly():
        assert train() == plain


def test_accumulation_and_seeds_reach_the_pass():
    x = Value(3.0)
    with anomaly():
        y = x * x
        y.backward(2.0)
        y.backward(seed=1.0, accumulate=True)
    assert x.grad == 18.0


# ---- entering and leaving -----------------------------------------------------------------------


def test_outside_of_it_nothing_is_watched_or_changed():
    with pytest.raises(Anomaly), anomaly():
        Value(1e308) * 10
    assert (Value(1e308) * 10).data == INF


def test_it_nests_and_ends_with_the_outermost():
    x, zero = Value(1e308), Value(0.0, "zero")
    with anomaly():
        y = sqrt(zero)  # outer
        with anomaly():
            z = sqrt(zero) * 0 + y  # inner
            with pytest.raises(Anomaly) as found:
                y.backward()
            assert f"line {line_of('outer')}: y = sqrt(zero)" in str(found.value)
        with pytest.raises(Anomaly):
            x * 10
        with pytest.raises(Anomaly) as found:
            (z * INF).backward()
        with pytest.raises(Anomaly) as found:
            z.args[0].args[0].backward()
    assert f"line {line_of('inner')}: z = sqrt(zero) * 0 + y" in str(found.value)
    assert (x * 10).data == INF


def test_it_decorates():
    @anomaly()
    def f(x):
        return x * 10

    assert f(Value(1.0)).data == 10.0
    with pytest.raises(Anomaly):
        f(Value(1e308))


def test_one_object_may_be_entered_again():
    watch = anomaly()
    for _ in range(2):
        with pytest.raises(Anomaly), watch:
            Value(1e308) * 10


def test_it_watches_its_own_thread_only():
    inside, done = threading.Event(), threading.Event()
    found = []

    def other():
        inside.wait(300)
        x = Value(1e308)
        y = x * 10  # no complaint here
        y.backward()
        z = Value(0.0)
        sqrt(z).backward()
        found.append((y.data, x.grad, z.grad))
        with pytest.raises(Anomaly), anomaly():
            x * 10
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with anomaly():
        inside.set()
        assert done.wait(300)
        with pytest.raises(Anomaly):  # still watched, although the other thread has left
            Value(1e308) * 10
    thread.join()
    assert found == [(INF, 10.0, INF)]


def test_tasks_are_separate():
    async def watched():
        with anomaly():
            await asyncio.sleep(0)
            with pytest.raises(Anomaly):
                Value(1e308) * 10

    async def free():
        await asyncio.sleep(0)
        return (Value(1e308) * 10).data

    async def both():
        return await asyncio.gather(watched(), free(), watched())

    assert asyncio.run(both())[1] == INF


def test_an_interrupt_ends_it_too():
    with pytest.raises(KeyboardInterrupt), anomaly():
        raise KeyboardInterrupt
    assert (Value(1e308) * 10).data == INF


# ---- digits kept --------------------------------------------------------------------------------


def test_digits_are_those_of_the_relative_error():
    true = many_digits(50).number("1.00000001")
    assert kept(1.0, true) == pytest.approx(8, abs=1e-6)
    assert kept(2.0, many_digits(50).number(2)) == INF
    assert kept(-1.0, many_digits(50).number(1)) == 0.0
    assert kept(1e-300, many_digits(50).number(0)) == 0.0
    assert kept(INF, many_digits(50).number("1e400")) == 0.0
    assert kept(INF, many_digits(50).number("inf")) == INF


@pytest.mark.parametrize(
    ("net", "shown"), [(0.0, 16), (8.0, 12.0), (20.0, 7.4), (30.0, 3.2), (37.0, 0.0), (-37.0, 15.5)]
)
def test_the_printed_derivative_of_sigmoid_beside_the_computed_one(net, shown):
    x = Value(net, "net")
    y = sigmoid(x)
    report = precision_report(y)
    (partial,) = report[y].partials
    assert partial.computed > 15
    assert partial.shown >= 15 if shown > 15 else partial.shown == pytest.approx(shown, abs=0.7)
    assert report[x].gradient_digits > 15
    true = 8.533047625744066e-17  # e^-37, to the digits that a float has
    if net == 37.0:
        assert report[x].gradient == pytest.approx(true, rel=1e-15, abs=0)
        assert "y*(1 - y): " in str(report)
        assert ", as shown 0.0" in str(report)


def test_cancellation_is_at_the_top():
    x = Value(1e-9, "x")
    y = (1 + x) - 1
    report = precision_report(y * 3 + tanh(x))
    assert report.nodes[0].data_digits == pytest.approx(7.1, abs=0.1)
    assert report[y].data_digits == pytest.approx(7.1, abs=0.1)
    assert report[x].data_digits == INF
    kept_digits = [k.worst for k in report.nodes]
    assert kept_digits == sorted(kept_digits)


def test_a_loss_in_the_gradient_alone_is_seen():
    x = Value(1e-8, "x")
    y = (x + 1.0) ** 2.5 - (x * 2.5 + 1.0)
    report = precision_report(y)
    assert report[x].data_digits == INF
    assert report[x].gradient_digits < 9  # two terms of 2.5 whose difference is 4e-8


def test_the_table_in_full():
    x = Value(12.0, "x")
    y = tanh(x)
    y.label = "h"
    report = precision_report(y)
    assert str(report).splitlines() == [
        "digits kept  data  digits      gradient  digits  partial, computed and shown",
        "h               1    16.6             1     all  1 - y*y: 15.7, as shown 6.5",
        "x              12     all  1.510054e-10    15.7",
    ]
    assert repr(report) == "<precision of 2 nodes: 15.7 digits kept at worst, at h>"


def test_long_tables_are_cut():
    model = MLP(3, [4, 2], seed=0, output="softmax")
    report = precision_report(losses.cross_entropy(model([0.5, 1.0, -2.0]), 0))
    lines = str(report).splitlines()
    assert len(lines) == 22
    assert lines[-1].startswith(f"... and {len(report.nodes) - 20} more nodes, which keep ")
    assert all(k.worst[0] > 14 for k in report.nodes)


def test_the_shown_form_of_other_rows():
    z = Value(-30.0, "z")
    u = expm1(z)
    (partial,) = precision_report(u + 1)[u].partials
    assert (partial.computed > 15, partial.shown) == (True, pytest.approx(3.8, abs=0.2))
    o = softmax([Value(900.0), Value(880.0)])[0]
    (partial,) = precision_report(o)[o].partials
    assert (partial.computed > 15, partial.shown) == (True, 0.0)  # e^900, as it is printed, is no float


def test_gradients_and_graph_are_left_alone():
    x = Value(2.0, "x")
    y = x.sigmoid()
    y.backward(seed=7.0)
    g = x.grad
    report = precision_report(y)
    assert report[x].gradient == pytest.approx(g / 7)
    assert (x.grad, y.grad) == (g, 7.0)


def test_what_it_cannot_read():
    with pytest.raises(TypeError, match=r"reads the graph of a Value, not 3\.0"):
        precision_report(3.0)
    x = Value(2.0, "x")
    y = x * x
    x.data = 3.0
    with pytest.raises(StaleGraph, match=r"'x' was changed to 3\.0"):
        precision_report(y)


def test_overflow_has_no_digits():
    x = Value(1e200, "x")
    y = x * x
    assert precision_report(y)[y].data_digits == 0.0
