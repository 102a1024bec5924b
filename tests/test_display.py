"""What a prompt and a notebook show of every object: no address, no script, labels as text, and true numbers."""

import base64
import html
import re
import sys
import warnings

import pytest

from engine import (
    Value,
    anomaly,
    classify,
    compile as compiled,
    contributions,
    draw,
    explain,
    explore,
    gradcheck,
    listing,
    no_grad,
    precision_report,
    record,
    top_paths,
    tree,
)
from engine.learn import diagnose
from engine.ops import TABLE
from engine.trust.reevaluate import reevaluate
from nn import MLP, SGD, History, Layer, Module, Neuron, data, fit, losses
from nn.data import Dataset
from nn.lab.experiments.result import Result
from nn.lab.landscape import Surface


HOSTILE = "<script>boom()</script>|`\"'\n"


def objects():
    x, w = Value(2.0, HOSTILE), Value(-0.5, "w")
    y = (x * w + 1.0).tanh()
    y.backward()
    model = MLP(2, [2, 1], seed=0)
    rows = Dataset(HOSTILE, [((0.5, 1.0), 0), ((0.25, -1.0), 1)], features=(HOSTILE, "b"), classes=("no", HOSTILE))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        history = fit(model, data.XOR(), loss="sse", lr=0.1, epochs=12, seed=0, validation=data.XOR())
    E = losses.sse(model([0.5, 1.0]), [1.0])
    E.backward()
    program = compiled(y, [x, w], backend="python")
    grid = [[1.0, 2.0], [3.0, 4.0]]
    return {
        "leaf": x, "node": y, "constant": y.args[0], "row": TABLE["tanh"], "model": model, "layer": model.layers[0],
        "neuron": model.layers[0].neurons[0], "module": Module(), "dataset": rows, "history": history, "no history": History(),
        "epoch": history.epochs[0], "sgd": SGD(model.parameters(), lr=0.1), "explanation": explain(x, y), "terms": contributions(x, y),
        "paths": top_paths(x, y), "term": contributions(x, y)[0], "drawing": draw(y), "network": draw(model), "page": explore(y),
        "record": record(y), "tree": tree(y), "listing": listing(y), "program": program, "check": gradcheck(y),
        "precision": precision_report(y), "again": reevaluate(y, float), "diagnosis": diagnose(1.0, of=w, root=y),
        "point": classify(lambda v: v[0] * v[0] + v[1] * v[1], [0.0, 0.0]), "anomaly": anomaly(), "no_grad": no_grad(),
        "surface": Surface([0.0, 1.0], [0.0, 1.0], grid, [0.0], [1.0], [2.0], (HOSTILE, "b")),
    }  # fmt: skip


OBJECTS = objects()
SHOWN = ("_repr_html_", "_repr_markdown_", "_repr_latex_", "_repr_mimebundle_")


@pytest.mark.parametrize("name", OBJECTS)
def test_no_address_stands_in_what_is_shown(name):
    shown = OBJECTS[name]
    assert not re.search(r"\bat 0x|object at|0x[0-9a-f]{6}", repr(shown) + str(shown)), repr(shown)
    for way in SHOWN:
        said = getattr(shown, way, lambda: None)()
        assert "object at" not in str(said)


@pytest.mark.parametrize("name", [n for n in OBJECTS if n != "page"])  # the page is a document of its own, in a sandbox
def test_no_label_becomes_markup(name):
    for way in SHOWN[:2]:
        said = getattr(OBJECTS[name], way, lambda: None)() or ""
        assert not re.search(r"(?<!\\)<(script|style|iframe)", said)
        assert not re.search(r"<[^>]*\son\w+=", said.replace("\\<", ""))


def table(html):
    """A table as rows of texts."""
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    return [re.findall(r"<t[dh]>(.*?)</t[dh]>", r) for r in rows]


def test_a_node_shows_what_it_was_made_from_and_what_it_hands_on():
    x, w = Value(2.0, "x"), Value(-0.5, "w")
    product = x * w
    y = product * 3.0
    y.backward()
    assert table(product._repr_html_()) == [
        ["argument", "data", "d node / d argument", "× grad"],
        ["x", "2", "−0.5", "−1.5"],
        ["w", "−0.5", "+2", "+6"],
    ]
    assert "<caption>mul ×, data −1, grad +3</caption>" in product._repr_html_()
    assert table(y._repr_html_())[2] == ["constant", "3", "–", "–"]
    assert x._repr_html_() is None
    z = x * w
    assert table(z._repr_html_())[1] == ["x", "2", "−0.5", "–"]


def test_a_model_and_its_parts_show_themselves_as_pictures():
    for shown, title in ((MLP(2, [2, 1]), "MLP(2, [2, 1]"), (Layer(2, 2), "Layer(2, 2"), (Neuron(2), "Neuron(2")):
        html = shown._repr_html_()
        assert html.startswith(f'<img alt="{title}')
        assert 'src="data:image/svg+xml;base64,' in html
    assert Module()._repr_html_() is None


def test_a_history_shows_first_and_last_epochs():
    history = OBJECTS["history"]
    rows = table(history._repr_html_())
    assert rows[0] == ["epoch", "lr", "loss", "validation loss", "accuracy"]
    assert [r[0] for r in rows[1:]] == ["0", "1", "2", "3", "4", "…", "10", "11"]
    for r in rows[1:6]:
        e = history.epochs[int(r[0])]
        assert r[1:] == [f"{v:.6g}" for v in (e.lr, e.loss, e.validation_loss, e.accuracy)]
    assert History()._repr_html_() is None


def test_a_dataset_shows_rows_under_the_names_of_its_features():
    rows = Dataset("few", [((0.5, 1.0), 0), ((0.25, -1.0), 1)], features=("a", "b"), classes=("no", "yes"))
    assert table(rows._repr_html_()) == [["row", "a", "b", "target"], ["0", "0.5", "1", "no"], ["1", "0.25", "-1", "yes"]]
    many = Dataset("many", [((float(k),) * 12, (float(k), -1.0)) for k in range(20)])
    shown = table(many._repr_html_())
    assert [r[0] for r in shown] == ["row", "0", "1", "2", "3", "4", "5", "…", "19"]
    assert shown[-1][-2:] == ["…", "19, -1"]


def test_a_check_shows_every_derivative_and_first_those_that_disagree():
    shown = gradcheck(lambda a, b: a * a.item() * b, [3.0, 0.5])._repr_html_()
    assert "<caption>gradcheck failed: the gradient by a disagrees</caption>" in shown
    head, a, b = table(shown)
    assert head == ["derivative by", "at", "analytic", "numeric", ""]
    assert a[:4] == ["a", "3", "1.5", "3"]
    assert a[4].startswith("differs; analytic is 0.500000 times the numeric; f moves in a way")
    assert b == ["b", "0.5", "9", "9", "agrees"]
    backwards = gradcheck(lambda a, b: a * b * b.item(), [3.0, 0.5])._repr_html_()
    assert [row[0] for row in table(backwards)[1:]] == ["b", "a"]
    kink = gradcheck(lambda x: x.relu(), [0.0])
    assert f"<pre>at {kink.kinks[0]}</pre>" in html.unescape(kink._repr_html_())
    assert "<pre>" not in OBJECTS["check"]._repr_html_()


def test_a_report_is_shown_as_far_as_one_reads_it():
    y = Value(1.0, "x")
    for _ in range(30):
        y = y * 1.1
    report = precision_report(y)
    shown = report._repr_html_()
    assert f"<caption>{repr(report)[1:-1]}</caption>" in shown
    assert len(table(shown)) == 21
    assert shown.endswith("<pre>... and 11 more rows</pre>")
    first = report.nodes[0]
    assert table(shown)[1][:3] == ["mul", f"{first.data:.7g}", f"{first.data_digits:.1f}"]


def test_a_critical_point_shows_its_eigenvalues():
    shown = classify(lambda v: v[0] ** 2 - 3 * v[1] ** 2 + 5, [0.0, 0.0])._repr_html_()
    assert "<caption>saddle: f = 5, |gradient| 0</caption>" in shown
    assert table(shown) == [["eigenvalues"], ["-6"], ["2"]]


def test_an_experiment_shows_its_table_its_sentence_and_where_it_can_its_figure(monkeypatch):
    pytest.importorskip("matplotlib")
    shown = Result("halves", HOSTILE, ("n", "f"), [(2, 0.5), (4, abs)], "<i>It falls.", lambda f: f.subplots().plot([2, 4], [0.5, 0.25]))
    html = shown._repr_html_()
    assert "<script" not in html
    assert "<i>" not in html
    assert "<td>2</td><td>0.5</td></tr><tr><td>4</td><td>abs</td>" in html
    assert "<p>&lt;i&gt;It falls.</p>" in html
    picture = base64.b64decode(re.search(r'src="data:image/png;base64,([^"]+)"', html)[1])
    assert picture.startswith(b"\x89PNG")
    assert repr(shown) == "<experiment halves: <i>It falls.>"
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert shown._repr_html_() == html[: html.index("<img")]
