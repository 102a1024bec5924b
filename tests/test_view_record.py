"""The record under all views, and its collapsing: every number against another way to get it."""

from __future__ import annotations

import math
import random

import pytest

from engine import Role, Value, softmax, sqrt, tanh, where
from engine.errors import StaleGraph
from engine.view.groups import grouped
from engine.view.record import record
from nn import MLP, losses


pytestmark = pytest.mark.filterwarnings("ignore::engine.errors.GradientReplaced")


def inputs(*numbers: float) -> list[Value]:
    return [Value(v, Role("x", f"x{i}")) for i, v in enumerate(numbers, 1)]


def network(*sizes: int, loss=losses.sse, seed: int = 0, **options: object) -> Value:
    model = MLP(sizes[0], list(sizes[1:]), seed=seed, **options)
    rng = random.Random(seed)
    targets = [rng.random() for _ in range(sizes[-1])]
    return loss(model(inputs(*(rng.uniform(-1, 1) for _ in range(sizes[0])))), targets)


def random_graph(rng: random.Random, size: int) -> Value:
    steps = [
        lambda a, b: a * b,
        lambda a, b: a - 0.3 * b,
        lambda a, b: (a + b).tanh(),
        lambda a, b: a / (b * b + 1),
    ]
    nodes = [Value(rng.uniform(0.5, 1.5), f"x{i}") for i in range(rng.randint(1, 4))]
    for _ in range(size):
        nodes.append(rng.choice(steps)(rng.choice(nodes), rng.choice(nodes)))
    return nodes[-1]


def named(r, name):
    return next(n for n in r.nodes if n.name == name)


# ---- nodes and edges


def test_fields_of_a_small_graph():
    x, w = Value(3.0, "x"), Value(-2.0, "w")
    y = (w * x - 1) ** 2
    y.backward()
    r = record(y)
    assert [(n.id, n.name, n.op, n.kind, n.data, n.grad, n.args) for n in r.nodes] == [
        ("n0", "x", None, "leaf", 3.0, 28.0, ()),
        ("n1", "w", None, "leaf", -2.0, -42.0, ()),
        ("n2", "", "mul", "result", -6.0, -14.0, ("n1", "n0")),
        ("n3", "", "sub", "result", -7.0, -14.0, ("n2", 1.0)),
        ("n4", "", "pow", "result", 49.0, 1.0, ("n3", 2.0)),
    ]
    assert [(e.source, e.target, e.position, e.partial, e.flow) for e in r.edges] == [
        ("n1", "n2", 0, 3.0, -42.0),
        ("n0", "n2", 1, -2.0, 28.0),
        ("n2", "n3", 0, 1.0, -14.0),
        ("n3", "n4", 0, -14.0, -14.0),
    ]
    assert r.roots == ("n4",)
    assert r.backward


@pytest.mark.parametrize("make", [lambda a: a * a, lambda a: a + a, lambda a: a / a], ids=["mul", "add", "div"])
def test_one_edge_per_use(make):
    a = Value(1.7, "a")
    y = make(a) * 5
    y.backward()
    r = record(y)
    uses = [e for e in r.edges if e.source == "n0"]
    assert [e.position for e in uses] == [0, 1]
    assert sum(e.flow for e in uses) == pytest.approx(a.grad, rel=1e-15)


def test_flows_of_200_random_graphs_add_up_to_the_gradients_of_backward():
    rng = random.Random(7)
    for _ in range(200):
        y = random_graph(rng, rng.randint(1, 40))
        y.backward()
        r = record(y)
        for n, v in zip(r.nodes, r.values, strict=True):
            flows = [e.flow for e in r.edges if e.source == n.id]
            assert n.grad == v.grad
            assert n.id in r.roots or math.isclose(math.fsum(flows), n.grad, rel_tol=1e-12, abs_tol=1e-13)


def test_gradient_is_the_sum_over_all_paths():
    rng = random.Random(3)
    for _ in range(50):
        y = random_graph(rng, 7)
        y.backward()
        r = record(y)
        into = {n.id: [e for e in r.edges if e.target == n.id] for n in r.nodes}
        products: dict[str, list[float]] = {n.id: [] for n in r.nodes}
        walks = [(r.roots[0], 1.0)]
        while walks:  # every path from the root down, one by one
            node, product = walks.pop()
            products[node].append(product)
            walks += [(e.source, product * e.partial) for e in into[node]]
        for n in r.nodes:
            assert n.grad == pytest.approx(math.fsum(products[n.id]), rel=1e-12, abs=1e-13)


def test_gradients_are_of_this_root_whatever_passes_were_run():
    x = Value(0.5, "x")
    y = x * x
    z = 4 * y
    z.backward(seed=3.0)
    y_record, z_record = record(y), record(z)
    assert named(y_record, "x").grad == 1.0
    assert named(z_record, "x").grad == 4.0
    assert x.grad == 12.0


def test_several_roots_give_the_gradient_of_their_sum():
    x = Value(2.0, "x")
    a, b = x * x, 7 * x
    a.backward()
    b.backward()
    r = record([a, b, a])
    assert named(r, "x").grad == 11.0
    assert r.roots == ("n1", "n2")


def test_before_backward_there_are_no_gradients():
    x = Value(2.0, "x")
    r = record(x * x)
    assert not r.backward
    assert {n.grad for n in r.nodes} == {None}
    assert [(e.partial, e.flow) for e in r.edges] == [(2.0, None), (2.0, None)]


def test_recording_changes_nothing():
    E = network(2, 3, 1)
    E.backward(seed=2.0)
    values = record(E).values
    before = [(v.data, v.grad, v.label, v.op, v.args, v.partials) for v in values]
    record(E, names={"loss": E}, constants=True)
    grouped(record(E), "unit")
    assert [(v.data, v.grad, v.label, v.op, v.args, v.partials) for v in values] == before


def test_constants_become_nodes_and_leave_the_other_ids_alone():
    x = Value(3.0, "x")
    y = (2 * x + 2) ** 2
    y.backward()
    plain, full = record(y), record(y, constants=True)
    assert [n.id for n in full.nodes] == ["n0", "c0", "n1", "c1", "n2", "c2", "n3"]
    assert next(n for n in full.nodes if n.id == "n2").args == ("n1", "c1")
    assert [(n.kind, n.data, n.grad) for n in full.nodes if n.id.startswith("c")] == [("constant", 2.0, None)] * 3
    assert [(e.partial, e.flow) for e in full.edges if e.source == "c0"] == [(None, None)]
    assert [(n.id, n.grad) for n in full.nodes if n.kind != "constant"] == [(n.id, n.grad) for n in plain.nodes]


def test_a_zero_gradient_stops_an_infinite_partial():
    x, gate = Value(0.0, "x"), Value(0.0, "gate")
    y = sqrt(x) * gate + 3 * x
    y.backward()
    r = record(y)
    assert named(r, "x").grad == x.grad == 3.0
    assert any(math.isinf(e.partial) and e.flow == 0 for e in r.edges)


def test_where_backward_gives_nan_the_record_does_too():
    a, b, gate = Value(1.0, "a"), Value(math.inf, "b"), Value(0.0, "gate")
    y = where(gate > 1, a * b, 2 * a)
    y.backward()
    assert math.isnan(a.grad)
    assert math.isnan(named(record(y), "a").grad)


def test_an_infinite_partial_among_many_arguments():
    x, gate = Value(0.0, "x"), Value(1.0, "gate")
    y = where(gate > 0, 3 * x, sqrt(x) + softmax([x, 2.0])[0] + x**0.5)
    y.backward(seed=2.0)
    grads = {n.name: n.grad for n in record(y).nodes if n.name}
    assert grads == {"x": x.grad / 2, "gate": 0.0}


def test_a_chain_of_100_000_nodes():
    y = Value(1.0, "x")
    for _ in range(100_000):
        y = y + 1
    y.backward()
    r = record(y)
    assert len(r.nodes) == 100_001
    assert named(r, "x").grad == 1.0


def test_a_record_is_frozen():
    r = record(Value(1.0, "x") * 2)
    with pytest.raises(AttributeError, match="can't set attribute"):
        r.nodes[0].data = 5.0  # type: ignore[misc]


# ---- names


def test_names_go_before_labels_and_private_ones_do_not_count():
    w = Value(1.5, "old")
    y = w * w
    r = record(y, names={"_": w, "_7": y, "first": w, "second": w, "n": 3})
    assert [n.name for n in r.nodes] == ["first", ""]


def test_find():
    x = Value(1.0, "x")
    y = x * x
    r = record(y)
    assert r.find(x).name == "x"
    with pytest.raises(ValueError, match="not in the graph of the root"):
        r.find(Value(1.0, "x"))


@pytest.mark.parametrize(
    ("root", "message"),
    [
        (3.0, "not 3.0; write draw"),
        ("loss", "not 'loss'"),
        ({"a": 1}, "not {'a': 1}"),
        (None, "not None"),
        ([Value(1.0), 2.0], "item 1 of the list is 2.0"),
    ],
)
def test_what_is_no_value_is_refused(root, message):
    with pytest.raises(TypeError) as error:
        record(root)
    assert message in str(error.value)


def test_an_empty_list_is_refused():
    with pytest.raises(ValueError, match="at least one root"):
        record([])


def test_names_must_be_a_mapping():
    with pytest.raises(TypeError, match=r"locals\(\)"):
        record(Value(1.0), names=["w"])


def test_a_changed_leaf_is_noticed():
    x = Value(1.0, "x")
    y = x * x
    y.backward()
    x.data = 2.0
    with pytest.raises(StaleGraph, match="x"):
        record(y)
    y.recompute()
    assert record(y).nodes[-1].data == 4.0


# ---- scopes


def scopes_of(r):
    return {n.name: tuple(n.scope) for n in r.nodes if n.scope}


def test_scopes_of_a_network():
    found = scopes_of(record(network(2, 2, 1)))
    assert found["net_h1"] == found["o_h1"] == ("h", "h1", 1)
    assert found["w_o1,h2"] == ("o", "o1", 0)
    assert found["x1"] == ("x", "x1", 0)
    assert found["E"] == ("E", "E", 1)


def test_deeper_layers_have_names_of_their_own():
    found = scopes_of(record(network(2, 3, 2, 1)))
    assert found["o[h2_2]"] == ("h2", "h2_2", 1)
    assert found["b[h1_3]"] == ("h1", "h1_3", 0)


def test_nameless_steps_belong_to_the_unit_they_lead_to():
    r = record(network(2, 2, 1, expand=True))
    steps = [n for n in r.nodes if n.op is not None and not n.name]
    assert len(steps) >= 6
    assert {n.scope.unit for n in steps} >= {"h1", "h2", "o1"}


def test_a_nameless_step_may_be_used_twice_in_its_unit():
    x = Value(0.3, Role("x", "x1"))
    step = 2 * x
    o = step * step
    o.label = Role("o", "h1")
    assert [n.scope and n.scope.unit for n in record(o + 0).nodes] == ["x1", "h1", "h1", None]


def test_each_call_of_a_unit_is_a_scope_of_its_own():
    model = MLP(2, [2, 1], seed=1)
    first, second = model(inputs(0.1, 0.2)), model(inputs(0.3, -0.4))
    r = record(losses.sse(first, [1.0]) + losses.sse(second, [0.0]))
    calls = {}
    for n in r.nodes:
        if n.name in ("net_h2", "o_h2"):
            calls.setdefault(n.scope, []).append(n.name)
    assert calls == {("h", "h2", 1): ["net_h2", "o_h2"], ("h", "h2", 2): ["net_h2", "o_h2"]}


def test_a_recurrent_unit_is_called_once_per_step():
    w, h = Value(0.8, Role("w", "h1", "h1")), Value(0.5, "start")
    for _ in range(3):
        net = w * h
        net.label = Role("net", "h1")
        h = tanh(net)
        h.label = Role("o", "h1")
    r = record(h)
    assert [n.scope.call for n in r.nodes if n.op == "tanh"] == [1, 2, 3]
    assert [n.scope.call for n in r.nodes if n.op == "mul"] == [1, 2, 3]
    units = grouped(r, "unit")
    assert [g.title for g in units.groups if g.title] == [f"unit h1, call {k}" for k in (1, 2, 3)]


# ---- groups


def derivative(output: Value, source: Value) -> float:
    """d output / d source by a backward pass from `output`, which the views do not use."""
    output.backward(seed=2.0)
    return source.grad / 2.0


@pytest.mark.parametrize("expand", [False, True])
@pytest.mark.parametrize("sizes", [(2, 2, 1), (3, 4, 3, 2)])
def test_a_unit_with_one_output_shows_the_exact_derivative(sizes, expand):
    E = network(*sizes, expand=expand)
    E.backward()
    r = record(E)
    units = grouped(r, "unit")
    groups = {g.id: g for g in units.groups}
    value = dict(zip((n.id for n in r.nodes), r.values, strict=True))
    assert len(units.groups) == sum(sizes) + 1
    assert all(len(g.outputs) == 1 for g in units.groups)
    for a in units.arrows:
        source, target = groups[a.source].outputs[0], groups[a.target].outputs[0]
        assert a.local == pytest.approx(derivative(value[target.id], value[source.id]), rel=1e-12)
        assert a.flow == pytest.approx(a.local * target.grad, rel=1e-12)
    for g in units.groups:
        leaving = [a.flow for a in units.arrows if a.source == g.id]
        assert not leaving or math.fsum(leaving) == pytest.approx(g.outputs[0].grad, rel=1e-12)


def test_a_derivative_counts_every_path_inside_the_group():
    x = Value(0.7, Role("x", "x1"))
    net = 3 * x
    net.label = Role("net", "h1")
    square = net * net
    o = square * net + square + net
    o.label = Role("o", "h1")
    y = -2 * o
    y.backward()
    (into, out) = grouped(record(y), "unit").arrows
    z = 3 * x.data
    assert into.local == pytest.approx(3 * (3 * z * z + 2 * z + 1), rel=1e-14)
    assert into.flow == pytest.approx(-2 * into.local, rel=1e-14)
    assert out.local == -2


def test_weights_are_inside_the_unit_that_uses_them():
    units = grouped(record(network(2, 2, 1)), "unit")
    members = {g.title: {n.name for n in g.members} for g in units.groups if g.title}
    assert members["unit h1"] == {"w_h1,x1", "w_h1,x2", "b_h1", "net_h1", "o_h1"}
    assert [g.members[0].name for g in units.groups if not g.title][:2] == ["x1", "x2"]


def test_a_layer_with_several_outputs_has_flows_and_never_a_derivative():
    E = network(2, 3, 2)
    E.backward()
    r = record(E)
    layers = grouped(r, "layer")
    titles = {g.id: g.title for g in layers.groups}
    (wide,) = [a for a in layers.arrows if (titles[a.source], titles[a.target]) == ("layer h", "layer o")]
    assert (len(wide.edges), wide.local, wide.flow) == (6, None, None)
    for n in r.nodes:
        if n.name.startswith("o_h"):
            assert math.fsum(e.flow for e in wide.edges if e.source == n.id) == pytest.approx(n.grad, rel=1e-12)


def test_a_single_node_that_enters_a_layer_has_a_flow_and_no_derivative():
    E = network(1, 3, 2)
    E.backward()
    r = record(E)
    layers = grouped(r, "layer")
    (into,) = [a for a in layers.arrows if a.source == named(r, "x1").id]
    assert (len(into.edges), into.local) == (3, None)
    assert into.flow == pytest.approx(named(r, "x1").grad, rel=1e-14)


def test_parameters_of_several_calls_stay_outside():
    model = MLP(2, [2, 1], seed=1)
    E = losses.sse(model(inputs(0.1, 0.2)), [1.0]) + losses.sse(model(inputs(0.3, -0.4)), [0.0])
    E.backward()
    units = grouped(record(E), "unit")
    (outside,) = [g for g in units.groups if g.title == "unit h1: parameters"]
    assert [n.name for n in outside.members] == ["w_h1,x1", "w_h1,x2", "b_h1"]
    assert len([g for g in units.groups if g.title.startswith("unit h1, call")]) == 2
    assert all(a.local is None for a in units.arrows if a.source == outside.id)


def test_softmax_units_would_go_in_circles_and_are_taken_apart():
    E = network(2, 2, 3, output="softmax")
    E.backward()
    units = grouped(record(E), "unit")
    outputs = [[n.name for n in g.outputs] for g in units.groups if g.title.startswith("unit o")]
    assert outputs == [["net_o1"], ["net_o2"], ["net_o3"]]
    assert [g.members[0].name for g in units.groups if g.members[0].op == "softmax"] == ["o_o1", "o_o2", "o_o3"]


def test_units_after_a_softmax_layer_stay_whole():
    E = network(2, 2, 2, output="softmax")
    outputs = [v for v in record(E).values if v.op is not None and v.op.name == "softmax"]
    net = outputs[0] - 3 * outputs[1]
    net.label = Role("net", "p1")
    o = tanh(net)
    o.label = Role("o", "p1")
    (last,) = [g for g in grouped(record(o), "unit").groups if g.title == "unit p1"]
    assert [n.name for n in last.members] == ["", "net_p1", "o_p1"]


def test_groups_in_a_circle_fall_back_to_nodes():
    def step(a: Value, unit: str) -> Value:
        n = 2 * a
        n.label = Role("net", unit)
        return n

    x = Value(1.5, "x")
    a = step(x, "h1")
    b = step(a, "h2")
    a_again = a * b  # of unit h1 as well, though h2 lies between
    a_again.label = Role("net", "h1")
    a_again.backward()
    r = record(a_again)
    assert r.nodes[1].scope == ("h", "h1", 1)
    assert r.nodes[-1].scope == ("h", "h1", 1)
    units = grouped(r, "unit")
    assert [g.id for g in units.groups] == [n.id for n in r.nodes]
    assert len(units.arrows) == len(r.edges)


def test_groups_come_in_topological_order():
    for collapse in (None, "unit", "layer"):
        grouping = grouped(record(network(2, 3, 2, 1, expand=True)), collapse)
        rank = {g.id: i for i, g in enumerate(grouping.groups)}
        assert all(rank[a.source] < rank[a.target] for a in grouping.arrows)
        members = [n.id for g in grouping.groups for n in g.members]
        assert len(members) == len(set(members)) == len(record(network(2, 3, 2, 1, expand=True)).nodes)


def test_a_graph_without_roles_does_not_collapse():
    y = random_graph(random.Random(1), 10)
    r = record(y)
    assert [g.id for g in grouped(r, "unit").groups] == [n.id for n in r.nodes]
