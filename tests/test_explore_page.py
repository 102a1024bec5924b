"""The page in a browser: its numbers are the engine's, in every state, and hand and keyboard reach every one of them."""

from __future__ import annotations

import math

import pytest
from pages import GRAPHS, cells, floats, middle, near, network, number, same
from pictures import neuron

from engine import Value, contributions, sqrt, top_paths
from engine.trust.reevaluate import reevaluate
from engine.view.record import record


pytestmark = pytest.mark.filterwarnings("ignore::engine.errors.GradientReplaced")


# ---- the numbers


@pytest.mark.parametrize("name", GRAPHS)
def test_the_numbers_of_the_page_are_the_engines(visit, name):
    root = GRAPHS[name]()
    seen, page = record(root), visit(root)
    gradients = floats(page, "final")
    assert all(map(same, gradients, [n.grad for n in seen.nodes]))
    assert floats(page, "nodes.map(n => n.data)") == [n.data for n in seen.nodes]
    for i, v in enumerate(seen.values):
        paths = top_paths(v, root, k=6)
        assert page.evaluate(f"String(countPaths({i}))") == str(paths.count)
        assert floats(page, f"topPaths({i}, 6).map(p => p.product)") == pytest.approx([p.product for p in paths], rel=1e-14, abs=0)
        assert floats(page, f"outOf[{i}].map(flow)") == [t.product for t in contributions(v, root)]


@pytest.mark.parametrize("name", GRAPHS)
def test_every_state_of_the_stepper_is_an_adjoint_pass_cut_short(visit, name):
    root = GRAPHS[name]()
    seen, page = record(root), visit(root)
    place = {id(v): i for i, v in enumerate(seen.values)}
    found = [0.0] * len(place)
    found[place[id(root)]] = 1.0
    states = [list(found)]
    for i in reversed(range(len(place))):
        v = seen.values[i]
        for a, d in zip(v.args, v.partials, strict=True):
            if d is not None:
                found[place[id(a)]] += d * found[i]
        if v.op is not None:
            states.append(list(found))
    assert page.evaluate("order.length") == len(states) - 1
    steps = page.evaluate("Array.from({length: order.length + 1}, (_, s) => [...gradients(s)].map(String))")
    assert [[float(x) for x in state] for state in steps] == states


@pytest.mark.parametrize("name", GRAPHS)
def test_what_if_equals_the_engines_own_recomputation(visit, name):
    root = GRAPHS[name]()
    seen, page = record(root), visit(root)
    for i, v in enumerate(seen.values):
        if v.op is not None:
            continue
        for other in (v.data * 1.25 + 0.1, v.data - 0.5, 0.0):
            exact = reevaluate(root, float, at={v: other}).values
            page.evaluate(f"whatIf({i}, {other!r})")
            cone = page.evaluate("[...changed.keys()]")
            values = floats(page, "changed.values()")
            assert sorted(cone) == cone
            assert cone[-1] == len(seen.nodes) - 1
            for j, x in zip(cone, values, strict=True):
                assert same(x, exact[seen.values[j]]) or x == pytest.approx(exact[seen.values[j]], rel=1e-12, abs=1e-15)
            outside = set(range(len(seen.nodes))) - set(cone)
            assert all(exact[seen.values[j]] == seen.nodes[j].data for j in outside)


# ---- hand and keyboard


def check_sum(page, seen, i, digits=4):
    """The panel shows node i, and the products in its table add up to the gradient shown."""
    rows = cells(page, "#uses")
    assert page.evaluate("chosen") == i
    products = [number(r[3]) for r in rows]
    exact = seen.nodes[i].grad
    assert near(products[-1], exact)
    if math.isfinite(exact):
        largest = max(map(abs, products[:-1]), default=0.0)
        assert sum(products[:-1]) == pytest.approx(exact, rel=2e-3, abs=len(products) * 1e-3 * largest)


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
@pytest.mark.parametrize("graph", ["neuron", "expressions", "tanh bce"])
def test_every_node_is_reached_and_its_products_sum_to_its_gradient(visit, graph, way):
    root = GRAPHS[graph]()
    seen, page = record(root), visit(root, collapse=None)
    if way == "keyboard":
        page.evaluate("svg.focus()")
    for k in range(len(seen.nodes)):
        if way == "mouse":
            page.mouse.click(*middle(page, k))
        else:
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
        check_sum(page, seen, page.evaluate(f"boxes[{k}].members[0]"))


def test_every_node_of_a_folded_graph_is_in_the_table_of_all(visit):
    root = network(2, 3, 1, expand=True)
    seen, page = record(root), visit(root, collapse="unit")
    for i in range(len(seen.nodes)):
        page.keyboard.press("Escape")
        page.click("#all")
        page.click(f"details tr:nth-child({i + 2}) button")
        check_sum(page, seen, i)


def test_many_uses_are_summed_up(visit):
    x = Value(1.5, "x")
    y = x * 0.5
    for k in range(60):
        y = y + x * ((-1) ** k / (k + 1))
    y.backward()
    seen, page = record(y), visit(y, select=x)
    rows = cells(page, "#uses")
    assert rows[-2][0] == "\N{HORIZONTAL ELLIPSIS} 37 more"
    assert len(rows) == 26
    check_sum(page, seen, 0)


# ---- the backward pass


def shown_gradients(page):
    return page.evaluate("boxes.map(b => b.rows[0].grad.textContent.replace('grad ', ''))")


def test_keys_slider_and_buttons_step(visit):
    root = neuron()
    page = visit(root)
    steps = page.evaluate("order.length")
    at = lambda: page.evaluate("at")
    page.keyboard.press("ArrowRight")
    assert at() == 0
    grads = dict(zip([n.name for n in record(root).nodes], shown_gradients(page), strict=True))
    assert (grads["loss"], grads["o"], grads["w1"]) == ("+1", "\N{EN DASH}", "\N{EN DASH}")
    for expected in (1, 2, 3):
        page.keyboard.press("ArrowRight")
        assert at() == expected
    assert "hands on" in page.inner_text("#say")
    page.keyboard.press("ArrowLeft")
    assert at() == 2
    page.keyboard.press("End")
    assert at() == steps
    assert page.is_visible("#adds")
    page.keyboard.press("Home")
    assert at() == 0
    page.click("#forth")
    page.click("#forth")
    page.click("#back")
    assert at() == 1
    page.fill("#step", "4")
    assert (at(), page.inner_text("#count")) == (4, f"4 of {steps}")
    page.keyboard.press("Escape")
    assert at() == steps
    assert "Choose a box" in page.inner_text("#panel")


def test_a_gradient_grows_and_is_marked_until_it_is_whole(visit):
    x = Value(3.0, "x")
    y = x * x + x
    y.backward()
    page = visit(y)
    seen = []
    for _ in range(3):
        page.keyboard.press("ArrowRight")
        seen.append(shown_gradients(page)[0])
    assert seen == ["\N{EN DASH}", "+1\N{HORIZONTAL ELLIPSIS}", "+7"]


@pytest.mark.parametrize(("kind", "bound"), [("big", 1.75), ("zero", None), ("nan", None), ("end", None)])
def test_a_run_stops_at_the_first_gradient_of_that_kind(visit, kind, bound):
    x, z, u, v = Value(0.5, "x"), Value(0.0, "z"), Value(0.0, "u"), Value(1.0, "v")
    y = sqrt(z) * x * 0.001 + (x * 2) * z + u * u + x + (v * 3 - v * 2.9)  # v's gradient is large, but only on the way
    y.backward()
    seen, page = record(y), visit(y)
    page.select_option("#stop", kind)
    if bound:
        page.fill("#bound", str(bound))
    page.click("#run")
    wanted = {"big": lambda g: abs(g) > bound, "zero": lambda g: g == 0, "nan": lambda g: not math.isfinite(g), "end": lambda g: False}
    users = {n.id: [e.target for e in seen.edges if e.source == n.id] for n in seen.nodes}
    inner = [n.id for n in reversed(seen.nodes) if n.op is not None]
    whole = {n.id: 1 + max(inner.index(u) for u in users[n.id]) for n in seen.nodes if users[n.id]}
    expected = min((whole[n.id] for n in seen.nodes if users[n.id] and wanted[kind](n.grad)), default=len(inner))
    assert page.evaluate("at") == expected
    assert page.locator("#panel .notice").count() == (kind != "end")


# ---- what if


def test_another_number_is_shown_along_the_cone(visit):
    root = neuron()
    (w,) = [v for v in record(root).values if v.label == "w1"]
    page = visit(root, select=w)
    page.fill("#whatif", "0.25")
    exact = reevaluate(root, float, at={w: 0.25})
    rows = {r[0]: r[1:] for r in cells(page, "#whatif + div table")}
    assert near(number(rows["loss"][1]), exact.value, 6)
    assert near(number(rows["loss"][0]), root.data, 6)
    assert set(rows) == {"n", "o", "loss"}
    texts = page.evaluate("boxes.filter(b => b.changed).map(b => b.rows[0].number.textContent)")
    assert len(texts) == page.evaluate("changed.size") == 7
    assert near(number(texts[-1].replace("data ", "")), exact.value)
    page.fill("#whatif", "")
    assert page.evaluate("boxes.some(b => b.changed)") is False


def test_numbers_that_come_later_stay_in_their_boxes(visit):
    inside = """boxes.every(b => b.rows.every(r => r.number.getComputedTextLength() <= (b.split || b.w) - 7
        && r.grad.getComputedTextLength() <= b.w - b.split - 7))"""
    root = neuron()
    (w,) = [v for v in record(root).values if v.label == "w1"]
    page = visit(root, select=w)
    page.fill("#whatif", "0.90001")
    assert page.evaluate(inside)
    page = visit(network(2, 8, 12, 1, expand=True))
    assert page.evaluate("boxes.some(b => b.flat)")
    for step in range(0, page.evaluate("order.length"), 60):
        page.evaluate(f"go({step})")
        assert page.evaluate(inside)


def test_a_long_path_is_told_by_its_names(visit):
    root = network(2, 3, 1, expand=True)
    (w,) = [v for v in record(root).values if str(v.label) == "w_h2,x1"]
    page = visit(root, select=w)
    assert cells(page, "#paths")[0][0] == "w_h2,x1 → net_h2 → o_h2 → o_o1 → E"


# ---- numbers and graphs that could break a page


def test_broken_numbers_are_shown_and_stepped(visit):
    x, z, n = Value(0.0, "x"), Value(-0.0, "z"), Value(math.nan, "n")
    y = sqrt(x) + z * math.inf + n * 0.0
    y.backward()
    seen, page = record(y), visit(y)
    assert all(map(same, floats(page, "final"), [v.grad for v in seen.nodes]))
    assert page.evaluate(f"Object.is(nodes[{seen.find(z).id[1:]}].data, -0)")
    texts = page.evaluate("boxes.map(b => b.rows[0].number.textContent + ' ' + b.rows[0].grad.textContent)")
    assert "data 0 grad +inf" in texts
    assert "data nan grad 0" in texts
    for key in ("Home", "ArrowRight", "ArrowRight", "End"):
        page.keyboard.press(key)
    for k in range(len(seen.nodes)):
        page.mouse.click(*middle(page, k))


def test_an_infinite_partial_hands_nothing_on_from_a_gradient_of_zero(visit):
    x = Value(0.0, "x")
    y = sqrt(x) * 0.0 + x
    y.backward()
    page = visit(y)
    assert floats(page, "final")[0] == x.grad == 1.0
    page.mouse.click(*middle(page, 0))
    assert sorted(r[3] for r in cells(page, "#uses")) == ["= +1", "= +1", "= 0"]


def test_a_graph_of_one_node(visit):
    x = Value(2.5, "x")
    x.backward()
    page = visit(x)
    page.mouse.click(*middle(page, 0))
    assert "d x / d x = +1" in page.inner_text("#panel")
    page.fill("#whatif", "3")
    assert page.evaluate("changed.get(0)") == 3
    for key in ("Escape", "ArrowRight", "Home", "End", "0"):
        page.keyboard.press(key)
    assert page.is_disabled("#forth")


def test_before_backward_there_is_a_notice_and_no_gradient(visit):
    x = Value(2.0, "x")
    page = visit(x * x + x)
    assert "backward() has not been run" in page.inner_text("#panel")
    assert "backward() has not been run" in page.inner_text("#legend")
    assert set(page.evaluate("boxes.map(b => b.rows[0].grad.textContent)")) == {"grad \N{EN DASH}"}
    page.mouse.click(*middle(page, 0))
    assert page.locator("#uses").count() == 0
    assert "backward() has not been run" in page.inner_text("#panel")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("stepping") is False
    page.fill("#whatif", "3")
    assert page.evaluate("changed.get(root)") == 12


def test_arguments_that_stand_twice_have_two_arrows(visit):
    x = Value(3.0, "x")
    y = x * x
    y.backward()
    page = visit(y, select=x)
    assert page.evaluate("arrows.length") == 2
    assert len(set(page.evaluate("arrows.map(a => a.path)"))) == 2
    assert cells(page, "#uses") == [["v1 (×)", "+3", "× +1", "= +3"], ["v1 (×)", "+3", "× +1", "= +3"], ["sum", "", "", "= +6"]]
