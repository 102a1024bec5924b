"""A network as units and weights, and the paths of a gradient highlighted: every number is that of the graph."""

import math
import re
import shutil

import pytest
from graphs import random_graph

from engine import Role, Value, draw, explain, tanh, top_paths
from engine.view.draw import GraphTooLarge
from engine.view.highlight import carried, wanted
from engine.view.marks import FOCUS, MINUS, NEGATIVE, NEUTRAL, POSITIVE, RULE_FAINT
from engine.view.record import record
from nn import MLP, Layer, losses


WEIGHTS = [-math.log(3), -math.log(9), math.log(2), math.log(4), -math.log(16), math.log(8), math.log(81), -math.log(27)]
ENGINES = ["builtin", pytest.param("dot", marks=pytest.mark.skipif(not shutil.which("dot"), reason="there is no program dot"))]
pytestmark = pytest.mark.filterwarnings("ignore::engine.errors.GradientReplaced")


def worked_example(inputs=(3, -2), backward=True, **options):
    """The network of the notes with sigmoid units and no biases, its weights by name, and the error."""
    model = MLP(2, [2, 2], activation="sigmoid", output="sigmoid", bias=False, **options)
    for p, number in zip(model.parameters(), WEIGHTS, strict=True):
        p.data = number
    E = losses.sse(model(list(inputs)), [1, 1])
    if backward:
        E.backward()
    return model, dict(model.named_parameters()), E


def number(text):
    return float(text.replace(MINUS, "-").split()[-1])


def table(box):
    """What stands in the box of a unit: {name: (data, grad)}."""
    return {row[0].text: tuple(cell.text for cell in row[1:]) for row in box.rows[1:]}


def by_name(picture):
    return {b.rows[0][0].text.split()[0]: b for b in picture.boxes}


# ---- a model


def test_a_model_is_drawn_with_every_weight_and_its_gradient():
    model, w, _ = worked_example()
    picture = draw(model).picture
    assert picture.title == "MLP(2, [2, 2], activation='sigmoid', output='sigmoid', bias=False)"
    boxes = {b.id: b.rows[0][0].text for b in picture.boxes}
    assert list(boxes.values()) == ["x1", "x2", "h1", "h2", "o1", "o2"]
    drawn = {f"w_{boxes[n.target]},{boxes[n.source]}": n for n in picture.lines}
    assert drawn.keys() == w.keys()
    for name, p in w.items():
        data, grad = drawn[name].label.split("\n")
        assert number(data) == pytest.approx(p.data, rel=1e-3)
        assert number(grad) == pytest.approx(p.grad, rel=1e-3)
        assert drawn[name].dashed is (p.data < 0)
        assert drawn[name].color == (NEGATIVE if p.data < 0 else POSITIVE)
    sizes = sorted(drawn, key=lambda name: abs(w[name].data))
    assert [drawn[name].width for name in sizes] == sorted(n.width for n in picture.lines)


def test_a_model_before_backward_shows_weights_and_no_gradient():
    model, _, _ = worked_example(backward=False)
    assert not any("grad" in n.label for n in draw(model).picture.lines)
    assert not any("grad" in c.text for c in draw(model).picture.legend)


def test_biases_stand_in_their_units_with_the_delta_after_a_backward_pass():
    model = MLP(2, [3, 1], seed=1)
    E = losses.sse(model([0.5, -0.25]), [0.75])
    E.backward()
    nets = {str(v.label): v.grad for v in record(E).values if v.label is not None}
    boxes = by_name(draw(model).picture)
    for j in ("h1", "h2", "h3"):
        data, grad = table(boxes[j])[f"b_{j}"]
        assert data == "0"
        assert number(grad) == pytest.approx(nets[f"net_{j}"], rel=1e-3)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_two_weights_of_the_figure_are_highlighted_whatever_draws(engine):
    model, w, E = worked_example()
    for drawing in (
        draw(model, highlight=[w["w_o1,h1"], w["w_h1,x1"]], engine=engine),
        draw(E, collapse="network", highlight=[w["w_o1,h1"], w["w_h1,x1"]], engine=engine),
    ):
        marked = [n for n in drawing.picture.lines if n.color == FOCUS]
        assert [n.label.split("\n")[0] for n in marked] == [f"w_h1,x1 {MINUS}1.099", f"w_o1,h1 {MINUS}2.773"]
        assert all(n.width >= 3 and n.dashed for n in marked)
        assert f"w_o1,h1 {MINUS}2.773" in drawing.svg
        assert drawing.svg.count(FOCUS) >= 2


def test_an_explanation_marks_the_weights_through_which_it_runs():
    _, w, E = worked_example()
    drawing = draw(E, collapse="network", highlight=explain(w["w_h1,x1"], E))
    marked = {n.title.split(" ")[0] for n in drawing.picture.lines if n.color == FOCUS}
    assert marked == {"w_h1,x1", "w_o1,h1", "w_o2,h1"}


# ---- a graph as its network


def test_the_graph_of_one_call_has_every_number_of_its_units():
    _, _, E = worked_example()
    seen = {str(v.label): n for n, v in zip(record(E).nodes, record(E).values, strict=True) if v.label is not None}
    boxes = by_name(draw(E, collapse="network", precision=6).picture)
    assert boxes.keys() == {"x1", "x2", "h1", "h2", "o1", "o2", "E"}
    for j in ("h1", "h2", "o1", "o2"):
        assert boxes[j].rows[0][0].text == f"{j}   sigmoid"
        told = table(boxes[j])
        assert list(told) == [f"o_{j}", f"net_{j}"]
        for name, (data, grad) in told.items():
            assert number(data) == pytest.approx(seen[name].data, rel=1e-5)
            assert number(grad) == pytest.approx(seen[name].grad, rel=1e-5)
    assert table(boxes["x1"])["x1"] == ("3", "–")  # a plain number: read off d net / d w
    assert number(table(boxes["o1"])["net_o1"][1]) == -0.256  # S63-k: -2 delta_1


@pytest.mark.parametrize("expand", [False, True])
@pytest.mark.parametrize("live", [False, True])
def test_inputs_are_told_whether_or_not_they_are_nodes(expand, live):
    inputs = [Value(3, Role("x", "x1")), Value(-2, Role("x", "x2"))] if live else (3, -2)
    _, _, E = worked_example(inputs, expand=expand)
    boxes = by_name(draw(E, collapse="network").picture)
    assert table(boxes["x1"])["x1"][0] == "3"
    assert table(boxes["x2"])["x2"][0] == f"{MINUS}2"
    assert (table(boxes["x1"])["x1"][1] != "–") is live


@pytest.mark.parametrize("live", [False, True])
def test_skip_connections_are_arrows_without_a_weight(live):
    model = MLP(2, [2, 2, 1], seed=1, skip=True)
    inputs = [Value(0.5, Role("x", "x1")), Value(-1.0, Role("x", "x2"))] if live else [0.5, -1.0]
    E = losses.sse(model(inputs), [1.0])
    E.backward()
    for drawing in (draw(model), draw(E, collapse="network")):
        boxes = {b.id: b.rows[0][0].text.split()[0] for b in drawing.picture.boxes}
        skips = {(boxes[n.source], boxes[n.target]) for n in drawing.picture.lines if "skip" in n.title}
        assert skips == {("x1", "h1_1"), ("x2", "h1_2"), ("h1_1", "h2_1"), ("h1_2", "h2_2")}
    assert by_name(drawing.picture)["h1_2"].rows[0][0].text == "h1_2   tanh + x2"


def test_before_backward_the_network_says_so():
    _, _, E = worked_example(backward=False)
    picture = draw(E, collapse="network").picture
    assert any("backward() not run" in c.text for c in picture.legend)
    assert not any("grad" in n.label for n in picture.lines)


def test_wide_layers_leave_out_their_middle_but_never_what_is_highlighted():
    model = MLP(64, [32, 10], seed=0)
    w = next(p for name, p in model.named_parameters() if name == "w_h20,x30")
    texts = [b.rows[0][0].text for b in draw(model, highlight=w).picture.boxes]
    assert {"x1", "x6", "x63", "x64", "h32", "o10", "x30", "h20"} <= set(texts)
    assert {"\N{VERTICAL ELLIPSIS} 55 more", "\N{VERTICAL ELLIPSIS} 23 more"} <= set(texts)
    assert "x31" not in texts
    assert len(draw(model, collapse=None).picture.boxes) == 64 + 32 + 10
    with pytest.raises(GraphTooLarge, match="106 boxes"):
        draw(model, collapse=None, limit=50)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("sizes", [(20, 16, 11), (64, 32, 10), (30, 20, 20, 12)])
def test_the_units_of_wide_layers_stand_in_their_order(engine, sizes):
    drawn = draw(MLP(sizes[0], list(sizes[1:]), seed=0), engine=engine)
    heights = {}
    for part in drawn.svg.split('<g id="')[1:]:
        identity, _, rest = part.partition('"')
        if found := re.search(r"<text[^>]* y=\"(-?[\d.]+)\"", rest):
            heights[identity] = float(found[1])
    assert len(drawn.picture.lines) > 150
    assert sum(map(len, drawn.picture.columns)) == len(drawn.picture.boxes)
    for column in drawn.picture.columns:
        placed = [heights[identity] for identity in column]
        assert placed == sorted(placed)
        assert len(set(placed)) == len(placed) >= 9


def test_layers_neurons_and_strangers():
    assert len(draw(Layer(3, 2)).picture.lines) == 6
    assert len(draw(Layer(3, 2).neurons[0]).picture.lines) == 3

    class Strange:
        def named_parameters(self):
            return [("scale", Value(2.0, "scale"))]

        def __repr__(self):
            return "Strange<b>"

    with pytest.raises(TypeError, match="'scale' has none"):
        draw(Strange())


@pytest.mark.parametrize(
    ("what", "error", "says"),
    [
        (lambda m, w, E: draw(m, highlight=Value(1.0, "stranger")), ValueError, "is none of them"),
        (lambda m, w, E: draw(E, highlight=Value(1.0, "stranger")), ValueError, "not in the graph"),
        (lambda m, w, E: draw(E, highlight="w_h1,x1"), TypeError, "highlight takes a Value, several of them, or explain"),
        (lambda m, w, E: draw(E, highlight=[3.0]), TypeError, "not 3.0 among several"),
        (lambda m, w, E: draw(m, focus=w), ValueError, "a model is drawn as a network"),
        (lambda m, w, E: draw(m, collapse="layer"), ValueError, "are for its graphs"),
        (lambda m, w, E: draw(Value(1.0) * 2, collapse="network"), ValueError, "needs a graph whose weights have roles"),
        (lambda m, w, E: draw(E + losses.sse(m([1, 1]), [0, 0]), collapse="network"), ValueError, "one call of a network"),
    ],
)
def test_what_cannot_be_drawn_is_told(what, error, says):
    model, weights, E = worked_example()
    with pytest.raises(error, match=says):
        what(model, weights["w_h1,x1"], E)


# ---- highlighted paths


@pytest.mark.parametrize("seed", range(20))
def test_what_each_edge_carries_is_the_sum_over_its_paths(seed):
    root = random_graph(seed, size=12)
    seen = record(root)
    for v in [v for v in seen.values if v.op is None]:
        paths = top_paths(v, root, k=5000)
        if paths.count > 5000:
            continue
        expected: dict[object, float] = {}
        place = {id(x): n.id for n, x in zip(seen.nodes, seen.values, strict=True)}
        for p in paths:
            for e in p.edges:
                key = place[id(e.user)], e.position
                expected[key] = expected.get(key, 0.0) + p.product
        found = carried(seen, [seen.find(v)])
        assert found.keys() == expected.keys()
        scale = max(abs(p.product) for p in paths)
        for key, part in found.items():
            assert part == pytest.approx(expected[key], rel=1e-12, abs=1e-13 * scale)


@pytest.mark.parametrize("collapse", [None, "unit"])
def test_the_paths_of_an_explanation_are_painted_with_their_factors(collapse):
    _, w, E = worked_example()
    drawing = draw(E, highlight=explain(w["w_h1,x1"], E), collapse=collapse)
    lines = drawing.picture.lines
    painted = [n for n in lines if n.color != RULE_FAINT]
    assert all(n.label for n in painted)
    assert not any(n.label for n in lines if n.color == RULE_FAINT)
    assert {n.dashed for n in painted} == {False, True}  # via o1 0.399253, via o2 -0.044494: they disagree
    into = [n for n in painted if n.target == drawing.picture.boxes[-1].id]
    assert [(number(n.title), n.dashed, n.color) for n in into] == [(0.3993, False, POSITIVE), (-0.04449, True, NEGATIVE)]
    if collapse is None:
        assert [n.label for n in painted] == ["+3", "+0.1875", f"{MINUS}2.773", "+4.394", "+0.16", "+0.09", f"{MINUS}1.6", f"{MINUS}0.2"]
        (box,) = [b for b in drawing.picture.boxes if b.border == FOCUS]
        assert box.rows[0][0].text == "w_h1,x1"
    assert any("from w_h1,x1 to E" in c.text for c in drawing.picture.legend)


def test_highlighting_works_before_backward_and_changes_nothing():
    _, w, E = worked_example(backward=False)
    drawing = draw(E, highlight=w["w_h1,x1"])
    assert {n.dashed for n in drawing.picture.lines if n.color not in (RULE_FAINT, NEUTRAL)} == {False, True}
    assert E.grad is w["w_h1,x1"].grad is None


def test_a_value_its_explanation_and_its_paths_are_the_same_wish():
    x = Value(0.5, "x")
    y = tanh(x * x)
    assert wanted(x) == wanted(explain(x, y)) == wanted(top_paths(x, y)) == wanted([x]) == (x,)
    assert draw(y, highlight=x).source == draw(y, highlight=explain(x, y)).source
