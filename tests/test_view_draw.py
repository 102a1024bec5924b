"""Pictures: what stands in them, their size, focus and folding, and that no name can break them."""

from __future__ import annotations

import math
import re
import sys
from xml.etree import ElementTree

import pytest
from pictures import SVG, needs_dot, network, neuron, texts

from engine import Role, Value
from engine.view import GraphTooLarge, draw, draw_dot
from engine.view.marks import (
    BLUES,
    BROKEN,
    FOCUS,
    NEGATIVE,
    NEUTRAL,
    POSITIVE,
    number,
    visible,
)
from engine.view.record import record
from nn import MLP


pytestmark = pytest.mark.filterwarnings("ignore::engine.errors.GradientReplaced")


def box_texts(svg: str, box: str) -> list[str]:
    (group,) = [g for g in ElementTree.fromstring(svg).iter(f"{SVG}g") if g.get("id") == box]
    return ["".join(t.itertext()) for t in group.iter(f"{SVG}text")]


# ---- what a picture says


def test_a_box_says_name_operation_data_and_gradient():
    loss = neuron()
    svg = draw(loss, engine="builtin").svg
    o = 1 - math.tanh(0.1) ** 2
    assert box_texts(svg, "n0") == ["x1", "data 2", f"grad +{-0.3 * 2 * (math.tanh(0.1) - 1) * o:.4g}"]
    assert box_texts(svg, "n12") == ["loss", "**2", f"data {loss.data:.4g}", "grad +1"]
    assert box_texts(svg, "n5")[0] == "×"
    assert box_texts(svg, "n5")[2].startswith("grad −1.7")


def test_an_arrow_says_its_local_partial_and_its_whole_story():
    x = Value(3.0, "x")
    y = x * x
    z = -2 * y
    z.backward()
    svg = draw(z, engine="builtin").svg
    assert texts(svg).count("+3") == 2
    names = [g.get("aria-label") for g in ElementTree.fromstring(svg).iter(f"{SVG}g") if g.get("aria-label")]
    assert names.count("x to n1, local +3, flow −6") == 2
    assert "n1 to n2, local −2, flow −2" in names


def test_the_pen_tells_sign_and_size_of_the_flow():
    x, y = Value(4.0, "x"), Value(1.0, "y")
    z = x * 0.25 - 4 * y
    z.backward()
    lines = {n.title: n for n in draw(z).picture.lines}
    up, down = lines["x to n2, local +0.25, flow +0.25"], lines["y to n3, local +4, flow −4"]
    assert (up.color, up.width, up.dashed) == (POSITIVE, 1.38, False)  # 0.5 + 3.5 * sqrt(0.25 / 4)
    assert (down.color, down.width, down.dashed) == (NEGATIVE, 4.0, True)


def test_before_backward_the_picture_says_so_and_shows_no_zeros():
    x = Value(2.0, "x")
    svg = draw(x * x + 3 * x, engine="builtin").svg
    assert any("backward() not run yet" in t for t in texts(svg))
    assert [t for t in texts(svg) if t.startswith("grad")] == ["grad –"] * 4
    assert all(n.color == NEUTRAL for n in draw(x * x).picture.lines)


def test_the_legend_is_in_every_picture():
    for root in (neuron(), network(2, 3, 3, 2), network(2, 2, 1)):
        said = texts(draw(root, engine="builtin").svg)
        assert {"positive", "negative, dashed", "arrow width: gradient flowing back"} <= set(said)


def test_the_legend_explains_what_occurs_and_no_more():
    def said(root: Value, **options: object) -> set[str]:
        return {c.text.partition(":")[0] for c in draw(root, **options).picture.legend} - {"+", "−", "positive"}

    common = {"negative, dashed", "arrow width"}
    assert said(neuron()) == common | {"on arrows"}
    assert said(neuron(), show="data") == common
    assert said(network(4, 8, 3), collapse="layer") == common | {"flow", "squares"}


def test_boxes_of_a_layer_are_equally_wide():
    graph = draw(network(4, 8, 3), engine="builtin")
    groups = {g.get("id"): g for g in ElementTree.fromstring(graph.svg).iter(f"{SVG}g")}
    units = [b.id for b in graph.picture.boxes if b.rows[0][0].text.startswith("unit h")]
    assert len({groups[u].find(f"{SVG}rect").get("width") for u in units}) == 1


def test_every_gradient_has_its_sign_printed():
    for root in (neuron(), network(2, 2, 2)):
        grads = [t.split()[1] for t in texts(draw(root, engine="builtin").svg) if re.match("grad .", t)]
        assert len(grads) > 10
        assert all(re.match("[+−]|0$", g) for g in grads)


def test_show_and_precision():
    loss = neuron()
    assert box_texts(draw(loss, show=("data",), precision=2, engine="builtin").svg, "n8") == ["n", "+", "data 0.1"]
    only = draw(loss, show="grad", precision=2, engine="builtin").svg
    assert box_texts(only, "n0") == ["x1", "grad +0.53"]
    assert not any(re.fullmatch("[+−][0-9.]+", t) for t in texts(only))


def test_names_and_constants():
    w = Value(0.5)
    y = 3 * w
    y.backward()
    svg = draw(y, names={"weight": w}, engine="builtin").svg
    assert box_texts(svg, "n0")[0] == "weight"
    assert box_texts(svg, "n1")[0] == "3×"
    assert 'id="c0"' not in svg
    full = draw(y, constants=True, engine="builtin").svg
    assert box_texts(full, "c0") == ["3"]
    assert box_texts(full, "n1")[0] == "×"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1e-300, "1e−300"),
        (-1234567.0, "−1.235e6"),
        (float("inf"), "inf"),
        (float("-inf"), "−inf"),
        (float("nan"), "nan"),
        (5e-324, "4.941e−324"),
        (100000.0, "1e5"),
        (None, "–"),
    ],
)
def test_numbers(value, text):
    assert number(value) == text


def test_signed_numbers():
    assert [number(v, 3, signed=True) for v in (0.5, -0.5, 0.0, math.inf, math.nan)] == [
        "+0.5",
        "−0.5",
        "0",
        "+inf",
        "nan",
    ]


def test_what_is_not_finite_is_marked():
    a, b = Value(math.inf, "a"), Value(2.0, "b")
    y = a * b
    y.backward()
    picture = draw(y).picture
    fills = {c.text: c.fill for box in picture.boxes for row in box.rows for c in row}
    assert fills["grad +inf"] == BROKEN
    assert fills["grad +2"] in BLUES
    assert "not finite" in {c.text for c in picture.legend}
    draw(y, engine="builtin").svg.encode()


# ---- size, focus, collapse


def test_too_many_boxes_are_refused_with_advice():
    y = Value(1.0, "x")
    for _ in range(600):
        y = y * 1.01
    with pytest.raises(GraphTooLarge, match=r"601 boxes, more than limit=500: .*collapse=.*focus=.*limit=None"):
        draw(y)
    with pytest.raises(GraphTooLarge, match="601 boxes"):
        draw(iter([y]), collapse=None)
    assert len(draw(y, limit=None).picture.boxes) == 601
    assert issubclass(GraphTooLarge, ValueError)


@pytest.mark.parametrize("collapse", ["auto", None])
def test_a_graph_that_is_too_large_is_counted_and_not_read(collapse, monkeypatch):
    monkeypatch.setattr(sys.modules["engine.view.draw"], "record", lambda *_, **__: pytest.fail("it was read"))
    x = Value(1.0, "x")
    with pytest.raises(GraphTooLarge, match="the drawing would have 2 boxes, more than limit=1"):
        draw(x * 2, limit=1, collapse=collapse)


def test_a_graph_of_units_is_counted_when_they_are_together():
    x = [Value(0.5), Value(1.0)]
    y = MLP(2, [9, 1])(x)[0]
    boxes = len(draw(y).picture.boxes)
    assert boxes < len(record(y).nodes)
    assert len(draw(y, limit=boxes).picture.boxes) == boxes
    with pytest.raises(GraphTooLarge):
        draw(y, limit=boxes, collapse=None)


def test_focus_draws_the_neighbourhood_even_of_a_very_long_chain():
    x = Value(1.0, "x")
    y, middle = x, x
    for k in range(100_000):
        y = y + 1
        if k == 5000:
            middle = y
    y.backward()
    graph = draw(y, focus=middle, hops=3)
    assert [b.id for b in graph.picture.boxes] == [f"n{k}" for k in range(4998, 5005)]
    (marked,) = [b for b in graph.picture.boxes if b.border == FOCUS]
    assert marked.id == "n5001"
    assert repr(graph) == "<gradient graph: 100,001 nodes, 100,000 edges, 7 boxes shown, root=1e+05>"


def test_focus_must_be_below_the_root():
    x = Value(1.0, "x")
    with pytest.raises(ValueError, match="not in the graph"):
        draw(x * x, focus=Value(1.0))
    with pytest.raises(TypeError, match="focus must be a Value"):
        draw(x * x, focus="x")


@pytest.mark.parametrize(
    ("sizes", "options", "boxes"),
    [
        ((2, 2, 1), {}, None),  # 20 nodes: every one of them
        ((4, 8, 3), {}, 4 + 8 + 3 + 1),  # per unit
        ((4, 8, 3), {"output": "softmax"}, 4 + 8 + 3 + 3 + 1),
        ((3, 8, 7, 1), {"expand": True}, 3 + 8 + 7 + 1 + 1),
        ((2, 24, 24, 1), {}, 5),  # per layer
    ],
)
def test_auto_takes_the_first_view_that_can_be_read(sizes, options, boxes):
    E = network(*sizes, **options)
    assert len(draw(E).picture.boxes) == (boxes or len(record(E).nodes))


def test_a_unit_box_lists_its_members_and_a_layer_box_shows_a_heat_map():
    E = network(2, 2, 1)
    (unit,) = [b for b in draw(E, collapse="unit").picture.boxes if b.rows[0][0].text == "unit h1"]
    assert [row[0].text for row in unit.rows] == ["unit h1", "o_h1", "net_h1", "w_h1,x1", "w_h1,x2", "b_h1"]
    E = network(4, 8, 3)
    (unit,) = [b for b in draw(E, collapse="unit").picture.boxes if b.rows[0][0].text == "unit h1"]
    assert [row[0].text for row in unit.rows] == ["unit h1", "o_h1", "net_h1"]
    assert [len(row) for row in unit.tiles] == [5]
    (layer,) = [b for b in draw(E, collapse="layer").picture.boxes if b.rows[0][0].text == "layer h"]
    assert [len(row) for row in layer.tiles] == [5] * 8
    grads = {n.name: n.grad for n in record(E).nodes}
    signs = ["".join("+" if grads[f"w_h{j},x{i}"] > 0 else "−" for i in range(1, 5)) for j in range(1, 9)]
    assert ["".join(sign for sign, _ in row[:4]) for row in layer.tiles] == signs


def test_a_multi_output_arrow_prints_flows_and_no_derivative():
    E = network(2, 3, 2, output="tanh")
    lines = draw(E, collapse="layer").picture.lines
    (wide,) = [n for n in lines if n.title.startswith("layer h to layer o")]
    flows = [e.flow for e in record(E).edges if e.source in ids(E, "o_h") and e.target in ids(E, "net_o")]
    assert wide.label == f"6 flows\n{number(min(flows), 3, signed=True)} … {number(max(flows), 3, signed=True)}"
    assert "local" not in wide.title


def ids(root: Value, prefix: str) -> set[str]:
    return {n.id for n in record(root).nodes if n.name.startswith(prefix)}


@pytest.mark.parametrize(
    "arguments",
    [
        {"collapse": "neuron"},
        {"rankdir": "lr"},
        {"engine": "neato"},
        {"show": ("data", "weight")},
        {"precision": 0},
        {"precision": 2.5},
        {"hops": -1},
        {"limit": "all"},
    ],
)
def test_unknown_arguments_are_refused(arguments):
    (name, value) = next(iter(arguments.items()))
    with pytest.raises(ValueError, match=f"{name} must be .* not ") as error:
        draw(Value(1.0) * 2, **arguments)
    assert repr(value[-1] if isinstance(value, tuple) else value) in str(error.value)


def test_draw_dot_is_draw_and_leaves_the_graph_alone():
    assert draw_dot is draw
    E = network(2, 3, 1)
    before = [(v.data, v.grad, v.label) for v in record(E).values]
    graph = draw_dot(E, format="png", rankdir="TB", collapse="unit")
    assert (graph.format, graph.graph_attr["rankdir"]) == ("png", "TB")
    assert graph.svg
    assert [(v.data, v.grad, v.label) for v in record(E).values] == before


# ---- names that could break a picture

HOSTILE = ["a<b", "{", "w[0]|{x}", "w<1>", r"\n", "\"q\" 'p'", "&amp; &", "größe 重み", "  two  spaces "]
HOSTILE += ["<script>", "]]>", "%s{0}", "<img src=x onerror=alert(1)>"]
SPELLED = {"two\nlines": r"two\nlines", "\x00\x1b": r"\x00\x1b", "\ud800": r"\ud800", "\u202ex": r"\u202ex"}
ELEMENTS = {"svg", "g", "title", "rect", "path", "text", "polygon", "polyline"}


def drawn_names(engine: str) -> list[str]:
    y = Value(1.0)
    for k, name in enumerate([*HOSTILE, *SPELLED]):
        y = y * Value(k + 1.0, name)
    y.backward()
    svg = draw(y, engine=engine, show=()).svg
    assert {e.tag.removeprefix(SVG) for e in ElementTree.fromstring(svg).iter()} <= ELEMENTS
    return [t.replace("\N{NO-BREAK SPACE}", " ") for t in texts(svg)]


@pytest.mark.parametrize("engine", ["builtin", pytest.param("dot", marks=needs_dot)])
def test_hostile_names_are_drawn_as_they_are(engine):
    said = drawn_names(engine)
    assert [name for name in HOSTILE if name not in said] == []
    assert [name for name in SPELLED.values() if name not in said] == []


@pytest.mark.parametrize("engine", ["builtin", pytest.param("dot", marks=needs_dot)])
def test_hostile_names_on_arrows_are_drawn_as_they_are(engine):
    for name in [*HOSTILE, r"\E \N", "&lt;"]:  # dot reads escapes and entities in what is no table
        w = Value(0.5, Role("w", "o1", name))
        svg = draw(weighted(w), collapse="network", highlight=w, engine=engine).svg
        expected = f"{visible(str(w.label), 24)} 0.5".split()
        assert any(t.replace("\N{NO-BREAK SPACE}", " ").split() == expected for t in texts(svg)), name


def weighted(w: Value) -> Value:
    """One unit of one weight."""
    y = Value(3.0, Role("x", w.label.source)) * w
    y.label = Role("net", "o1")
    return y


def test_a_long_name_is_cut_in_the_box_and_whole_in_its_title():
    name = "very" * 30
    x = Value(1.0, name)
    svg = draw(x * 2, engine="builtin").svg
    assert box_texts(svg, "n0")[0] == visible(name, 32) == name[:31] + "…"
    groups = {g.get("id"): g.get("aria-label") for g in ElementTree.fromstring(svg).iter(f"{SVG}g")}
    assert groups["n0"] == f"{name}, data 1, grad not computed"
