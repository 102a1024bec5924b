"""The page of a gradient graph, as far as it can be seen without a browser: its data, its bytes, its sizes."""

from __future__ import annotations

import base64
import copy
import html
import json
import math
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from graphs import random_graph

import engine
from engine import Role, Value, explore, maximum, sqrt, where
from engine.errors import StaleGraph
from engine.formula import symbol
from engine.ops import TABLE, Row
from engine.view import GraphTooLarge
from engine.view.explore import embedded, number
from engine.view.javascript import javascript, script, supported
from engine.view.record import record
from nn import MLP, losses


ROOT = Path(engine.__file__).parents[1]
HOSTILE = ["</script><script>boom()</script>", "<img src=x onerror=boom()>", "a\"b'c`d", "{x|y}", "two\nlines"]
HOSTILE += ["caf\N{LATIN SMALL LETTER E WITH ACUTE} \N{CAT FACE}", "u\u2028v\u2029w", "<!--", "]]>", "\ud800", "${graph}", "$graph"]


def network(*sizes: int, loss=losses.sse, **options: object) -> Value:
    model = MLP(sizes[0], list(sizes[1:]), seed=3, **options)
    rng = random.Random(5)
    x = [Value(rng.uniform(-1, 1), Role("x", f"x{i + 1}")) for i in range(sizes[0])]
    E = loss(model(x), [rng.random() for _ in range(sizes[-1])])
    E.backward()
    return E


def page_json(page: str) -> dict:
    """The data as a browser finds it: everything up to the next end tag."""
    found = re.search(r'<script type="application/json" id="graph">(.*?)</script', page, re.DOTALL)
    return json.loads(found[1])


# ---- the data


def test_the_page_holds_the_record_column_by_column():
    root = random_graph(3)
    root.backward()
    seen, data = record(root), page_json(explore(root).html)
    nodes = data["nodes"]
    assert [float(d) for d in nodes["data"]] == [n.data for n in seen.nodes]
    assert nodes["op"] == [n.op for n in seen.nodes]
    for n, v, groups, partials in zip(seen.nodes, seen.values, nodes["args"], nodes["partials"], strict=True):
        flat = [a for g in groups for a in g]
        assert [f"n{a}" if isinstance(a, int) else float(a) for a in flat] == list(n.args)
        assert [None if d is None else float(d) for d in partials] == list(v.partials)
        assert [len(g) for g in groups] == [len(g) for g in v._groups()]
    assert data["root"] == len(seen.nodes) - 1
    assert data["backward"] is True
    assert set(data["rows"]) == {n.op for n in seen.nodes} - {None}


def test_gradients_are_not_in_the_page_since_they_follow():
    nodes = explore(network(2, 3, 1)).data["nodes"]
    assert set(nodes) == {"name", "op", "sign", "unit", "data", "args", "partials"}


@pytest.mark.parametrize(
    ("x", "written"),
    [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity"), (-0.0, "-0"), (0.0, 0), (3.0, 3), (0.1, 0.1)],
)
def test_numbers_that_json_lacks_are_words_of_javascript(x, written):
    assert number(x) == written
    assert type(number(x)) is type(written)
    again = float(number(x))
    assert again == x or (math.isnan(again) and math.isnan(x))
    assert math.copysign(1, again) == math.copysign(1, x) or math.isnan(x)


def test_infinite_partials_that_end_at_zero_are_marked():
    x = Value(0.0, "x")
    y = sqrt(x) * 0
    y.backward()
    assert x.grad == 0
    assert explore(y).data["steep"] == [[1, 0]]


def test_before_backward_the_page_says_so():
    x = Value(2.0, "x")
    assert explore(x * x).data["backward"] is False


def test_what_is_chosen_first():
    w = Value(0.5, "w")
    wx = w * 3
    y = wx + 1
    assert [explore(y, select=v).data["select"] for v in (w, wx, y)] == [0, 1, 2]
    assert explore(y).data["select"] is None
    with pytest.raises(ValueError, match="not in the graph"):
        explore(y, select=Value(1.0))


def test_names_go_before_labels():
    a = Value(2.0, "label")
    assert explore(a * 3, names={"a": a}).data["nodes"]["name"][0] == "a"


@pytest.mark.parametrize(("sizes", "folded"), [((2, 2, 1), False), ((3, 3, 1), True)])
def test_units_are_folded_above_forty_nodes(sizes, folded):
    root = network(*sizes, expand=True)
    assert (len(record(root).nodes) > 40) is folded
    assert explore(root).data["folded"] is folded
    assert explore(root, collapse="unit").data["folded"] is True
    open_page = explore(root, collapse=None).data
    assert open_page["folded"] is False
    assert open_page["units"] == [f"unit h{k + 1}" for k in range(sizes[1])] + ["unit o1"]


# ---- what is refused


def test_what_is_refused():
    x = Value(2.0, "x")
    y = x * x
    with pytest.raises(TypeError, match="a view needs a Value"):
        explore(3)
    with pytest.raises(TypeError, match="one root, not 2"):
        explore([y, x])
    with pytest.raises(ValueError, match="'layer'"):
        explore(y, collapse="layer")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.view.explore.record", lambda *_, **__: pytest.fail("read before it was counted"))
        with pytest.raises(GraphTooLarge, match="2 nodes"):
            explore(Value(1.0) * 2, limit=1)
    with pytest.raises(GraphTooLarge, match=r"2 nodes, more than limit=1.*limit=None"):
        explore(y, limit=1)
    x.data = 5.0
    with pytest.raises(StaleGraph):
        explore(y)


# ---- labels


@pytest.mark.parametrize("label", HOSTILE)
def test_no_label_leaves_its_place(label):
    a = Value(2.0, label)
    y = a * 3
    y.label = label
    y.backward()
    plain = explore(Value(2.0, "a") * 3).html
    for view in (explore(y), explore(y, title=label), explore(y, names={label: a})):
        page = view.html
        assert page.count("<script") == plain.count("<script") == 2
        assert page.count("</script") == 2
        assert "<img" not in page
        assert page_json(page) == view.data
        outer = view._repr_html_()
        assert outer.count("<iframe") == outer.count("<img") == outer.count("</iframe>") == 1
        assert "<script" not in outer
        view.html.encode()  # no lone surrogate is left


def test_json_inside_a_script_element_has_no_markup():
    data = {"a": "</script><!--&", "b": ["<", ">"]}
    assert not set(embedded(data)) & set("<>&")
    assert json.loads(embedded(data)) == data


# ---- what a notebook gets


def test_the_page_is_an_iframe_with_a_picture_inside():
    view = explore(network(2, 2, 1), title="a 'title' & more")
    outer = view._repr_html_()
    found = re.fullmatch(r"<iframe srcdoc='([^']*)' sandbox=\"allow-scripts\" title=\"([^\"]*)\" style=\"[^\"]*\">(.*)</iframe>", outer, re.DOTALL)
    assert html.unescape(found[1]) == view.html
    assert html.unescape(found[2]) == "a 'title' & more"
    image = re.fullmatch(r'<img alt="([^"]*)" src="data:image/svg\+xml;base64,([^"]*)" style="[^"]*">', found[3])
    assert html.unescape(image[1]) == "a 'title' & more"
    svg = base64.b64decode(image[2]).decode()
    assert svg == view.svg
    assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"


def test_the_page_names_no_other_place():
    page = explore(network(2, 2, 1)).html
    addresses = set(re.findall(r"https?://[^\s\"']+|src=|href=|@import|url\(", page))
    assert addresses == {"http://www.w3.org/2000/svg"}


def test_repr_and_files(tmp_path, monkeypatch):
    w = Value(0.5, "w")
    y = w * 3
    view = explore(y, title="t")
    assert repr(view) == "<explorer: t>"
    path = view.save(tmp_path / "page.html")
    assert path.read_bytes() == view.html.encode()
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    kept = view.open()
    assert opened == [kept.as_uri()]
    assert kept.read_text("utf-8") == view.html
    kept.unlink()


@pytest.mark.parametrize(
    ("sizes", "collapse", "page", "cell"),
    [
        ((3, 3, 1), None, 70_000, 150_000),
        ((3, 3, 1), "auto", 70_000, 150_000),
        ((3, 8, 7, 1), "auto", 90_000, 400_000),
        ((2, 24, 24, 1), "auto", 250_000, 400_000),
    ],
)
def test_sizes(sizes, collapse, page, cell):
    view = explore(network(*sizes, expand=True), collapse=collapse)
    assert len(view.html.encode()) <= page
    assert len(view._repr_html_().encode()) <= cell


PROGRAM = """
import hashlib, random
from engine import Value, Role, explore, maximum
from nn import MLP, losses
x = [Value(0.3, Role("x", "x1")), Value(-0.7, Role("x", "x2"))]
E = losses.bce(MLP(2, [3, 2], output="softmax", seed=1, expand=True)(x), [0.0, 1.0])
E.backward()
w = Value(2.0, "w")
y = maximum(w * w, w + 1)
print(hashlib.sha256((explore(E)._repr_html_() + explore(y)._repr_html_()).encode()).hexdigest())
"""


def test_the_same_bytes_under_five_hash_seeds():
    def run(seed: int) -> str:
        env = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)}
        return subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, check=True).stdout

    assert len({run(seed) for seed in range(5)}) == 1


def test_the_graph_is_not_touched():
    root = network(3, 4, 2, expand=True)
    kept = copy.deepcopy(root)
    view = explore(root, select=root)
    view.html, view.svg, view._repr_html_()
    for before, after in zip(record(kept).nodes, record(root).nodes, strict=True):
        assert before == after
    for v, w in zip(record(kept).values, record(root).values, strict=True):
        assert (v.data, v.grad, v.op, v.partials, v.label) == (w.data, w.grad, w.op, w.partials, w.label)


# ---- rows as JavaScript


def test_every_row_of_the_table_is_one_that_a_page_can_compute():
    assert [name for name, row in TABLE.items() if not supported(row)] == []
    assert script([TABLE["relu"], TABLE["where"]]).count("function row_") == 2


def test_a_condition_that_is_a_number_is_compared_with_zero():
    assert "c !== 0 ? a : b" in javascript(TABLE["where"])  # a NaN is true in Python, and false in JavaScript
    assert "!== 0" not in javascript(TABLE["relu"])


def test_arguments_never_collide_with_words_of_javascript(table):
    t0, i, var = map(symbol, ("t0", "i", "var"))
    Row("clash", t0 * i + var, i, t0, 1, args=("t0", "i", "var"))
    assert "function row_clash(t0_, i_, var_)" in javascript(table["clash"])


def test_where_and_maximum_keep_their_arguments_apart():
    a, b = Value(1.0, "a"), Value(2.0, "b")
    args = explore(where(a, maximum(a, b), b)).data["nodes"]["args"]
    assert args == [[], [], [[0], [1]], [[0], [2], [1]]]


@pytest.mark.parametrize(
    "argument", [{"height": '1;" onload="boom()'}, {"height": 0}, {"height": True}, {"limit": "all"}, {"limit": -1}, {"title": 3}]
)
def test_arguments_that_would_break_the_page_are_refused(argument):
    ((name, value),) = argument.items()
    with pytest.raises((TypeError, ValueError), match=f"{name} must be .*, not {re.escape(repr(value))}"):
        explore(Value(1.0) * 2, **argument)
