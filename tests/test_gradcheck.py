"""gradcheck finds what is wrong, names it, and is silent about what is not."""

import math
import random
import re

import pytest
from graphs import random_graph

import engine.trust.check
import engine.trust.slopes
from engine import (
    Value,
    absolute,
    dot,
    exp,
    gradient,
    hypot,
    log,
    logsumexp,
    maximum,
    relu,
    sigmoid,
    softplus,
    sqrt,
    tanh,
    where,
)
from engine.errors import StaleGraph
from engine.formula import symbol
from engine.ops import TABLE
from engine.recording import record
from engine.source import NAMES, recorder, recorder_source
from engine.trust.check import gradcheck
from engine.trust.rules import check_row, mend
from nn import MLP, losses


WAYS = {"60 digits": 0, "complex steps": 1, "differences": 2}
SEEDS = range(4)
X = Value(0.5, "x")  # never differentiated in place: every check records its own graph


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    """This way of measuring, and those below it."""
    left = engine.trust.slopes.ways()[WAYS[request.param] :]
    monkeypatch.setattr(engine.trust.slopes, "ways", lambda: left)
    return request.param


@pytest.fixture
def plant(monkeypatch):
    """A partial of a row changed, and with it the functions written from the row, whoever holds them."""

    def plant(name, k, change):
        recorder(name, "f")  # writes all of them, if they are not there yet
        row = TABLE[name]
        partials = list(row.partials)
        partials[k] = change(partials[k])
        monkeypatch.setattr(row, "partials", tuple(partials))
        exec(recorder_source(row), fresh := dict(NAMES))
        for key in [key for key in fresh if re.fullmatch(rf"{name}_[vn]+", key)]:
            monkeypatch.setattr(NAMES[key], "__code__", fresh[key].__code__)

    return plant


def node_of(row, seed):
    """A node of the row over leaves, away from kinks."""
    r = random.Random(f"{row.name} {seed}")
    low, high = (-1.0, 0.9) if row.name in ("hinge", "leaky_relu", "relu") else (0.2, 0.8)
    leaf = lambda: Value(r.uniform(low, high))
    return record(row, *([leaf() for _ in range(3)] if v else leaf() for v in row.vector))


# ---- planted errors -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", TABLE)
def test_no_false_alarm(name, way):
    for seed in SEEDS:
        report = gradcheck(node_of(TABLE[name], seed))
        assert report, report
        assert not report.kinks


@pytest.mark.parametrize(("name", "k"), [(name, k) for name, row in TABLE.items() for k in range(len(row.args))])
def test_an_error_of_one_in_a_million_in_any_partial_is_found_and_named(name, k, way, plant):
    row = TABLE[name]
    sound = [node_of(row, seed)._slopes()[k] for seed in SEEDS]
    moves = [any(d != 0 for d in slopes) for slopes in sound]
    plant(name, k, (lambda f: f * (1 + 1e-6)) if any(moves) else (lambda f: f + 1e-6))
    for seed in SEEDS:
        node = node_of(row, seed)
        report = gradcheck(node)
        if moves[seed] or not any(moves):
            assert not report
            assert report.first.node is node
            assert report.first.symbol[0] == row.args[k]
            assert f"dy/d{row.args[k]}" in str(report)
        if moves[seed]:
            assert "analytic is 1.000001 times the numeric" in str(report)
        elif any(moves):
            assert report


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f: 2 * f, "analytic is 2.000000 times the numeric"),
        (lambda f: -f, "analytic has the wrong sign"),
        (lambda f: -0.5 * f, "analytic is 0.500000 times the numeric, with the wrong sign"),
        (lambda f: 0 * f, "analytic is 0: a term or a factor is missing"),
        (lambda f: f / 0, "analytic is inf, where there is a slope"),
        (lambda f: f * 0 / 0, "analytic is nan, where there is a slope"),
    ],
)
def test_what_would_mend_it(change, says, way, plant):
    plant("tanh", 0, change)
    report = gradcheck(lambda x: tanh(x) * 3, [0.5])
    assert not report
    assert says in str(report)
    assert "analytic" in str(report)
    assert "numeric 0.7864477" in str(report)


def test_a_slope_of_zero_is_told_too(plant):
    plant("relu", 0, lambda f: f + 0.25)
    report = gradcheck(lambda x: relu(x), [-2.0])
    assert "analytic should be 0" in str(report)
    assert "failed: the rule of relu(x=-2.0) disagrees" in repr(report)


def test_the_first_wrong_rule_is_named_not_its_users(plant):
    plant("sigmoid", 0, lambda f: f * 1.001)
    x = Value(0.3, "x")
    inner = (x * 2).sigmoid()
    inner.label = "inner"
    outer = (inner * 3 - 1).sigmoid()
    report = gradcheck(outer * outer)
    assert report.first.node is inner
    assert "the rule of inner = sigmoid(a=0.6) disagrees" in str(report)
    assert [f.node for f in report.findings if f.verdict == "differs"] == [inner, outer]
    assert [line.verdict for line in report.lines] == ["differs"]


def test_a_wrong_chain_rule_is_found_where_every_rule_is_right(monkeypatch):
    backward = Value.backward

    def forgetful(self, *args):
        backward(self, *args)
        for p in self._values():
            p.grad = 1.0  # as if the last use replaced the others

    monkeypatch.setattr(Value, "backward", forgetful)
    report = gradcheck(lambda x: x * x, [3.0])
    assert report.first is None
    assert not report
    assert repr(report) == "<gradcheck failed: the gradient by x disagrees>"
    assert "analytic is 0.166667 times the numeric" in str(report)


def test_a_partial_that_is_not_its_formula_is_found():
    x = Value(2.0, "x")
    y = x * 3
    y._da = 4.0
    (finding,) = engine.trust.rules.check_node(y)
    assert finding.verdict == "differs"
    assert finding.remark == "the partial recorded on the edge is not what its formula gives, 3.0"


def test_a_wrong_second_derivative_is_found(monkeypatch, way):
    monkeypatch.setattr(engine.trust.check, "gradient_of", lambda y, xs: [3 * x for x in xs])
    report = gradcheck(lambda x: x**3, [2.0], order=2)
    assert not report
    first, second = report.lines
    assert first.verdict == "agrees"
    assert second.verdict == "differs"
    assert second.numeric == pytest.approx(12, rel=1e-4)


# ---- sound graphs -------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "leaky_relu", "softplus"])
@pytest.mark.parametrize("loss", ["sse", "half_sse", "mse", "bce", "bce_with_logits", "cross_entropy", "hinge"])
def test_networks_pass(activation, loss):
    output = {"bce": "sigmoid", "cross_entropy": "softmax"}.get(loss, "linear")
    model = MLP(2, [3, 2], activation=activation, output=output, seed=11)
    E = losses.LOSSES[loss](model([0.4, -0.7]), [1, -1] if loss == "hinge" else [1, 0])
    report = gradcheck(E, model.parameters())
    assert report, report
    assert len(report.lines) == 17
    assert all(line.numeric == pytest.approx(line.analytic, rel=1e-9, abs=1e-15) for line in report.lines)


@pytest.mark.parametrize("seed", range(40))
def test_random_graphs_raise_no_false_alarm(seed, way):
    root = random_graph(seed)
    report = gradcheck(root, order=1 + (seed % 8 == 0))
    assert report, report
    assert {line.verdict for line in report.lines} <= {"agrees", "kink", "rounding"}


def booth(x, y):
    return (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2


def rosenbrock(x, y):
    return 100 * (y - x**2) ** 2 + (1 - x) ** 2


@pytest.mark.parametrize(
    ("f", "xs", "gradient", "hessian"),
    [
        (booth, [2.5, -1.0], [-17, -28], [10, 8, 8, 10]),
        (rosenbrock, [-1.2, 1.0], [-215.6, -88.0], [1330, 480, 480, 200]),
        (lambda w: w[0] * w[1] * w[2], [[2.0, 3.0, 5.0]], [15, 10, 6], [0, 5, 3, 5, 0, 2, 3, 2, 0]),
    ],
)
def test_first_and_second_derivatives_beside_those_by_hand(f, xs, gradient, hessian, way):
    report = gradcheck(f, xs, order=2)
    assert report, report
    n = len(gradient)
    for line, true in zip(report.lines, gradient + hessian, strict=True):
        assert line.analytic == pytest.approx(true, rel=1e-12, abs=1e-12)
        assert line.numeric == pytest.approx(true, rel=1e-4, abs=1e-3 if way == "differences" else 1e-4)
    assert len(report.lines) == n + n * n


def test_a_minimum_where_all_gradients_cancel():
    assert gradcheck(booth, [1.0, 3.0], order=2)
    assert gradcheck(lambda x, y: (x - y) * (x - y) + (y - x) * 1e-3, [0.1 + 0.2, 0.3])


def test_saturated_rules_are_judged_by_their_own_size():
    for x in (-500.0, -40.0, 20.0, 40.0):
        report = gradcheck(lambda x: tanh(x) + sigmoid(x) + softplus(x), [x])
        assert report, report


def test_a_slope_that_floats_lose_is_not_a_wrong_rule(plant):
    plant("sigmoid", 0, lambda f: TABLE["sigmoid"].partials[0].args[0])  # y(1 - y), as it is printed
    report = gradcheck(lambda x: sigmoid(x), [30.0])
    assert report
    assert report.first is None
    (line,) = report.lines
    assert (line.verdict, "precision_report" in line.remark) == ("rounding", True)


def test_saturation_hides_no_wrong_rule(plant):
    plant("sigmoid", 0, lambda f: 2 * f)
    report = gradcheck(sigmoid, [40.0])
    assert report.first.remark == "analytic is 2.000000 times the numeric"


def test_a_wrong_rule_on_a_path_without_weight_is_found(plant):
    plant("tanh", 0, lambda f: 2 * f)
    report = gradcheck(lambda x: tanh(x) * 0 + x, [0.5])
    assert not report
    assert [line.verdict for line in report.lines] == ["agrees"]
    assert report.first.node.op.name == "tanh"


def test_gradients_that_cancel_to_a_rounding_error_agree():
    (line,) = gradcheck(lambda x: x * 0.7 + x * 0.1 - x * 0.8, [1.0]).lines
    assert line.analytic != line.numeric
    assert line.verdict == "agrees"


@pytest.mark.parametrize("far", [1e4, 1e8, -1e12])
def test_rounding_far_from_zero_is_neither_kink_nor_hidden_dependence(far, way):
    (line,) = gradcheck(lambda x: ((x + far) - far) * 3 + tanh(x), [0.5]).lines
    assert line.verdict == "agrees", line


def test_an_input_that_is_not_used_has_a_gradient_of_zero():
    report = gradcheck(lambda x, y: x * x, [3.0, 2.0], order=2)
    assert report
    assert [(line.name, line.analytic) for line in report.lines] == [("x", 6.0), ("y", 0.0), ("x, x", 2.0)]


def test_what_floats_lose_on_the_way_is_not_a_wrong_rule():
    report = gradcheck(lambda x: ((x + 1) - 1) ** 3, [1e-10])
    assert report
    assert report.lines[0].verdict == "rounding"


# ---- kinks and edges ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "xs", "left", "right"),
    [
        (relu, [0.0], 0, 1),
        (absolute, [0.0], -1, 1),
        (lambda x: x.leaky_relu(0.125), [0.0], 0.125, 1),
        (lambda x, y: maximum(x, y), [2.0, 2.0], 0, 1),
        (lambda x: where(x < 1, x * x, 3 * x - 2), [1.0], 2, 3),
        (lambda x: hypot(x, 0.0), [0.0], -1, 1),
        (lambda x: losses.hinge([x], [1]), [1.0], -1, 0),
        (lambda x: relu(x - 0.3), [0.3], 0, 1),
    ],
)
def test_at_kinks_it_says_kink(f, xs, left, right, way):
    report = gradcheck(f, xs)
    assert report
    line = report.lines[0]
    assert line.verdict == "kink"
    found = [float(x) for x in re.search(r"slope (\S+) on the left, (\S+) on the right", line.remark).groups()]
    assert found == pytest.approx([left, right], abs=1e-5)
    assert "kink" in str(report)


def test_a_kink_is_named_with_its_node(way):
    report = gradcheck(lambda x: relu(x * 2) * 3 + x, [0.0])
    (kink,) = report.kinks
    assert len(gradcheck(lambda x: relu(x * 2) * 3 + x, [0.0], order=2).lines) == 1  # no slope, no curvature
    assert kink.node.op.name == "relu"
    assert "1 at kinks" in repr(report)
    assert "at relu(a=0.0): dy/da = 0 if a <= 0 else 1\n    kink: slope 0 on the left, " in str(report)


@pytest.mark.parametrize(
    ("f", "xs"),
    [
        (sigmoid, [0.0]),
        (softplus, [0.0]),
        (lambda x, y: hypot(x, y), [3.0, 3.0]),
        (lambda x, y: hypot(x, y), [3.0, -3.0]),
        (lambda x, y: logsumexp([x, y]), [1.0, 1.0]),
        (lambda x: absolute(x) ** 3, [0.0]),
        (lambda x: where(x < 1, x * x, 2 * x - 1), [1.0]),
        (lambda x: x**2, [0.0]),
        (lambda x, p: x**p, [1.5, 2.0]),
        (lambda o: losses.cross_entropy_with_logits([o, 2.0], 0), [2.0]),
    ],
)
def test_a_branch_without_a_kink_is_smooth(f, xs, way):
    report = gradcheck(f, xs)
    assert report, report
    assert all(line.verdict == "agrees" for line in report.lines) or "absolute" in str(report)


def test_a_branch_of_python_is_seen_where_it_kinks():
    report = gradcheck(lambda x: x * x if x > 1 else 1.5 * x - 0.5, [1.0])
    assert report
    assert report.lines[0].verdict == "kink"
    found = re.search(r"f branches here: slope (\S+) on the left, (\S+) on the right", str(report)).groups()
    assert [float(x) for x in found] == pytest.approx([1.5, 2.0], abs=1e-5)


def test_the_edge_of_a_domain_is_a_limit(way):
    at_the_end = (lambda x: sqrt(1 - x), 1.0, {"edge"})
    for f, x, verdicts in [(sqrt, 0.0, {"edge"}), (lambda x: x**1.5, 0.0, {"edge", "agrees"}), at_the_end]:
        report = gradcheck(f, [x])
        assert report, report
        assert report.lines[0].verdict in verdicts


def test_a_wrong_number_at_an_edge_is_found(plant):
    plant("sqrt", 0, lambda f: where(TABLE["sqrt"].value.equals(0), 3, f))
    assert not gradcheck(sqrt, [0.0])
    plant("pow", 0, lambda f: f + 1 / symbol("a"))  # infinite at 0, where the slope is 0
    assert not gradcheck(lambda x: x**1.5, [0.0])


def test_where_a_row_has_no_finite_value_nothing_is_judged():
    for name, args in [("div", {"a": 0.0, "b": 0.0}), ("exp", {"a": 800.0}), ("mul", {"a": 1e200, "b": -1e200})]:
        assert {f.verdict for f in check_row(TABLE[name], args)} == {"unjudged"}


@pytest.mark.parametrize(
    ("f", "x"), [(lambda x: x * math.nan, 1.0), (lambda x: x * math.inf, 1.0), (lambda x: x * 2, math.nan)],
    ids=["nan", "inf", "at nan"],
)
def test_a_check_that_compares_nothing_does_not_pass(f, x, way):
    report = gradcheck(f, [x])
    assert not report
    assert repr(report) == "<gradcheck judged nothing: there is no finite slope to compare a derivative with>"


def test_partials_that_nobody_can_judge_do_not_fail():
    report = gradcheck(lambda x, p: x**p, [-2.0, 3.0])
    assert report
    assert [line.verdict for line in report.lines] == ["agrees", "unjudged"]
    assert "passed: 2 derivatives, 1 node, 1 unjudged, by" in repr(report)


# ---- functions ----------------------------------------------------------------------------------


def test_a_dependence_that_the_graph_does_not_show_is_found():
    for f in (lambda x: x * x.item(), lambda x: x * math.exp(x.data), lambda x: Value(x.data) * 2):
        report = gradcheck(f, [1.5])
        assert not report
        assert report.first is None
        assert "f moves in a way that its graph does not show" in str(report)


def test_opaque_functions_beside_a_gradient_of_ones_own():
    by_hand = lambda x, w: [2 * math.erf(x) * math.exp(-x * x) * 2 / math.sqrt(math.pi), [3.0, 2 * w[1]]]
    f = lambda x, w: math.erf(x) ** 2 + 3 * w[0] + w[1] ** 2
    report = gradcheck(f, [0.4, [1.0, -2.0]], gradient=by_hand)
    assert report, report
    assert [line.name for line in report.lines] == ["x", "w[0]", "w[1]"]
    wrong = gradcheck(f, [0.4, [1.0, -2.0]], gradient=lambda x, w: [by_hand(x, w)[0] * (1 + 1e-5), [3.0, 2 * w[1]]])
    assert repr(wrong) == "<gradcheck failed: the gradient by x disagrees>"
    kink = gradcheck(abs, [0.0], gradient=lambda x: 0.0)
    assert [line.verdict for line in kink.lines] == ["kink"]
    steep = gradcheck(math.log, [1e-9], gradient=lambda x: 1 / x)  # a step of 1e-6 would leave the domain
    assert steep, steep


def test_gradients_that_nodes_have_are_kept():
    x = Value(2.0, "x")
    y = x * x
    y.backward(seed=5.0)
    assert gradcheck(y, order=2)
    assert (x.grad, y.grad) == (20.0, 5.0)


def test_inner_nodes_may_be_inputs():
    x = Value(2.0, "x")
    u = x * x
    y = u * x
    report = gradcheck(y, [u, x])
    assert [line.analytic for line in report.lines] == [2.0, 12.0]
    assert report


def test_opaque_rows_are_checked_by_differences(table, monkeypatch):
    from engine.trust.primitive import forget, primitive

    erf = primitive("erf_here", math.erf, lambda a: 2 / math.sqrt(math.pi) * exp(-a * a))
    try:
        report = gradcheck(lambda x: erf(x) * x, [0.5], order=2)
        assert report, report
        assert "central differences" in repr(report)
    finally:
        forget("erf_here")


def test_without_mpmath_steps_in_floats_do(monkeypatch):
    monkeypatch.setattr(engine.trust.slopes, "ways", lambda: (engine.trust.slopes.STEPS, engine.trust.slopes.DIFFERENCES))
    report = gradcheck(lambda x, y: (x * y).tanh(), [0.5, 2.0])
    assert repr(report) == "<gradcheck passed: 2 derivatives, 2 nodes, by a complex step>"


def test_the_report_has_no_addresses_and_is_the_same_twice(plant):
    plant("mul", 1, lambda f: f * 2)
    reports = [gradcheck(lambda x, w: tanh(x * w[0]) + w[1], [0.5, [2.0, 1.0]]) for _ in range(2)]
    assert str(reports[0]) == str(reports[1])
    assert "0x" not in str(reports[0]) + repr(reports[0])
    assert str(reports[0]).splitlines()[:4] == [
        "gradcheck failed: the rule of mul(x=0.5, w[0]=2.0) disagrees",
        "  dy/db = a*2",
        "    analytic 1   numeric 0.5   by a complex step in 60 digits",
        "    analytic is 2.000000 times the numeric",
    ]


def test_a_long_vector_is_measured_at_some_of_its_elements():
    w = [Value(0.01 * k + 0.2) for k in range(50)]
    row = TABLE["dot"]
    found = check_row(row, {"w": [p.data for p in w], "x": [1.0] * 50})
    assert [f.symbol for f in found[:4]] == ["w[0]", "w[4]", "w[8]", "w[12]"]
    assert {f.verdict for f in found} == {"agrees"}
    assert gradcheck(dot(w, [0.5] * 50), w[:2])


def test_ratios_are_readable():
    assert mend(3.0, 1.5) == "analytic is 2.000000 times the numeric"
    assert mend(1e9, 1.0) == "analytic is 1000000000 times the numeric"
    assert mend(1.0000001, 1.0) == "analytic is 1.0000001 times the numeric"


# ---- large graphs -------------------------------------------------------------------------------


def chain(length):
    """A graph of so many nodes, each of one argument, the one in the middle a sine."""
    v = Value(0.4, "x")
    for k in range(length):
        v = v.sin() if k == length // 2 else v.tanh()
    return v


@pytest.mark.parametrize(("most", "measured"), [(1, 1), (7, 7), (30, 30), (99, 30), (None, 30)])
def test_as_many_nodes_as_are_asked_for_are_measured_and_it_is_told(most, measured):
    report = gradcheck(chain(30), nodes=most)
    assert len({f.node for f in report.findings}) == len(report.findings) == report.nodes == measured
    assert f"{measured} of 30 nodes" in repr(report) if measured < 30 else ", 30 nodes," in repr(report)
    depths = [str(f.node.op.name) for f in report.findings]
    assert depths.count("sin") == (measured == 30)  # 15 of 30 is in no sample of 7


def test_a_wrong_rule_that_is_in_no_sample_is_noticed_by_the_whole_gradient(plant):
    plant("sin", 0, lambda f: -f)
    report = gradcheck(chain(30), nodes=7)
    assert (report.ok, report.first) == (False, None)
    assert repr(report) == "<gradcheck failed: the gradient by x disagrees>"
    assert gradcheck(chain(30)).first.row is TABLE["sin"]


def test_a_long_check_says_so_beforehand(monkeypatch):
    monkeypatch.setattr(engine.trust.check, "LONG", -1.0)
    assert gradcheck(chain(30))  # so short that nobody asks how long: it would be told
    monkeypatch.setattr(engine.trust.check, "FEW", 0)
    with pytest.warns(UserWarning, match=r"^gradcheck: 30 nodes and 1 derivative take about \d+ seconds; fewer xs, or nodes=3, take less$"):
        gradcheck(chain(30))
    with pytest.warns(UserWarning, match=r"gradcheck: 2 nodes and 4 derivatives take"):
        gradcheck(lambda x, y: x * y + x, [2.0, 3.0], order=2)


@pytest.mark.parametrize("nodes", [0, -1, 2.0, True, "all"])
def test_how_many_nodes_must_be_a_number_of_them(nodes):
    with pytest.raises(ValueError, match=r"gradcheck: nodes must be a whole number >= 1, or left out to check every one"):
        gradcheck(chain(3), nodes=nodes)


# ---- bad input ----------------------------------------------------------------------------------


def set_data(x):
    y = x * 2
    x.data = 7.0
    return y


def stale():
    x = Value(2.0, "x")
    y = x * x
    x.data = 7.0
    return y


def unsteady():
    source = random.Random(4)
    return lambda x: x * source.random()


@pytest.mark.parametrize(
    ("call", "kind", "says"),
    [
        (lambda: gradcheck(3.0), TypeError, "takes a function or a Value, not 3.0"),
        (lambda: gradcheck(tanh), TypeError, "xs is missing: give the arguments of f"),
        (lambda: gradcheck(tanh, 2.0), TypeError, "xs is the sequence of the arguments of f"),
        (lambda: gradcheck(lambda x: None, [2.0]), TypeError, "the function returned None; does it end with `return`?"),
        (lambda: gradcheck(lambda x: 3.0, [2.0]), TypeError, r"returned the number 3\.0, which does not remember"),
        (lambda: gradcheck(lambda x: [x, x], [2.0]), TypeError, "gradcheck: the function must return one Value, not "),
        (
            lambda: gradcheck(lambda x: x, [1.0, 2.0]),
            TypeError,
            r"cannot be called with 2 arguments .* \[\[1.0, 2.0\]\]",
        ),
        (lambda: gradcheck(lambda x: x, ["one"]), TypeError, "gradcheck: x: a number was expected, not 'one'"),
        (lambda: gradcheck(lambda x: x, [1.0], order=3), ValueError, "order is 1 or 2, not 3"),
        (lambda: gradcheck(lambda x: log(x), [-1.0]), ValueError, r"log\(a=-1.0\): outside the domain"),
        (lambda: gradcheck(set_data, [1.0]), ValueError, "the function set .data of its argument 0 from 1.0 to 7.0"),
        (lambda: gradcheck(stale()), StaleGraph, "'x' was changed to 7.0"),
        (lambda: gradcheck(unsteady(), [1.0]), ValueError, "f gave .* and then .* for the same arguments; fix"),
        (lambda: gradcheck(X * 2, [Value(1.0)]), ValueError, "is not in the graph"),
        (lambda: gradcheck(abs, [1.0], gradient=lambda x: [1.0, 2.0]), ValueError, "gives 2 numbers for 1 input"),
        (lambda: gradcheck(lambda x: "one", [1.0], gradient=lambda x: 1.0), TypeError, "f: a number was expected"),
    ],
)
def test_bad_input_is_one_clear_error(call, kind, says):
    with pytest.raises(kind, match=says):
        call()


def test_arguments_that_are_values_are_not_touched():
    x = Value(2.0, "mine")
    assert gradcheck(lambda p: p * p, [x])
    assert x.grad is None
    assert gradient(x * 3, [x])[0].data == 3.0
