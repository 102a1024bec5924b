"""Explanations at kinks and in saturation, as text, LaTeX and Markdown; what must not happen."""

from __future__ import annotations

import itertools
import math
import os
import re
import subprocess
import sys
import textwrap

import pytest
from explained import NOTES, close, find, gradients, slope_of, squeezed, worked_example

import engine
from engine import Value, hypot, logsumexp, maximum, relu, sigmoid, softmax, sqrt, tanh, where
from engine.errors import StaleGraph
from engine.graph import topological
from engine.why import Contributions, Explanation, contributions, explain, top_paths
from nn import MLP, losses


# ---- kinks, saturation, odd numbers -------------------------------------------------------------


def test_at_a_kink_the_convention_is_told():
    x = Value(0.0, "x")
    text = explain(x, relu(x) * 2).text()
    assert "at x = 0 the slope of v1 = 0 if x <= 0 else x is set by convention: dy/da = 0 at a = 0" in text
    assert "a kink: the slope is 0 from the left and 2.000000 from the right" in text
    a, b = Value(1.5, "a"), Value(1.5, "b")
    assert "one half each at a tie" in squeezed(explain(a, maximum(a, b)))
    assert "both partials are 0 at (0, 0)" in squeezed(slope_of(lambda x: hypot(x, Value(0.0, "u")), 0.0))
    assert "dy/da = +inf at a = 0" in squeezed(slope_of(sqrt, 0.0))
    assert "no difference can be taken: beside 0 the root is not finite" in slope_of(sqrt, 0.0)
    assert "only the chosen branch has a gradient" in squeezed(slope_of(lambda x: where(x < 0, -x, x), -1.0))


def test_a_slope_that_passes_through_zero_is_no_kink():
    for f in (lambda x: x**2, lambda x: x**3, lambda x: x * x, engine.sin, lambda x: hypot(x, 3.0)):
        text = slope_of(f, 0.0)
        assert "kink" not in text
        assert "convention" not in text
        assert "off by" in text


def test_numbers_are_not_told_to_be_themselves():
    told = squeezed(slope_of(lambda x: x**0.5, 0.0))
    assert "at x = 0 the slope of" in told
    x = Value(0.0, "x")
    assert "at x = 0 the slope of" in squeezed(explain(x, x**x))
    text = squeezed(slope_of(lambda x: x**0, 0.0))
    assert "at b = 0 dy/da = 0" in text
    assert "as it stands" not in text


@pytest.mark.parametrize("x", [1e-300, -1e-300, 0.5])
def test_beside_a_kink_nothing_is_said(x):
    assert "convention" not in slope_of(lambda x: relu(x) + abs(x) + maximum(x, Value(2.0)) + x**2, x)


def test_a_kink_further_up_is_told_as_well():
    E = losses.sse(MLP(1, [2, 2], activation="relu", init=0.0)([1.0]), [1, 0])
    text = explain(find(E, "w_h1,x1"), E).text()
    assert "at net_h1 = 0" in text


def test_digits_that_the_shown_form_loses_are_told():
    x = Value(37.0, "x")
    e = explain(x, sigmoid(x))
    assert close(e.total, 8.533047625744066e-17)
    told = "as it stands y(1 - y) gives 0 here, its digits are lost; what is computed, y·sigmoid(-x), gives 8.53305e-17"
    assert told in squeezed(e)
    assert "lost" not in slope_of(sigmoid, -37.0)
    assert "lost" not in slope_of(sigmoid, 3.0)
    assert "as it stands 1 - y² gives 0 here" in slope_of(tanh, 20.0)


def test_a_saturated_unit_is_told():
    model = MLP(1, [1, 1], activation="sigmoid", init=9.0)
    E = losses.sse(model([1.0]), [1])
    text = squeezed(explain(find(E, "w_h1,x1"), E))
    assert "f' = o_h1(1 - o_h1) is 0.000123379 here, at net = 0 it is 0.25: next to nothing passes (LEC-9)" in text


@pytest.mark.parametrize("loss", [losses.sse, losses.bce, losses.mse])
def test_nothing_odd_is_told_of_the_worked_example(loss):
    E = worked_example(loss)
    for n in topological(E):
        text = explain(n, E).text()
        assert not any(word in text for word in ("saturated", "lost", "convention", "kink"))


def test_no_number_breaks_the_text():
    for x in (math.inf, -math.inf, math.nan, 1e308, 5e-324, 0.0):
        v = Value(x, "v")
        for e in (explain(v, v * 2 + v), explain(v, where(v > 0, v, -v))):
            assert e.text()
            assert e.latex()
            assert e._repr_markdown_()


# ---- text, LaTeX, Markdown ----------------------------------------------------------------------


def graphs() -> list[Value]:
    x, y = Value(2.0, "a b$%{\n}<script>|`\\"), Value(0.5, "ünïcode_1")
    z = (
        where(x > y, maximum(x, y) ** y, hypot(x, y)) / (x.softplus() + y.relu())
        - x.log() * abs(y)
        + softmax([x, y])[0]
    )
    deep = MLP(2, [8, 3, 2], activation="relu", output="softmax", expand=True, seed=7)
    two = MLP(2, [2, 1], output="sigmoid", seed=5)
    chain = Value(0.5, "a rather long name for a leaf")
    top = chain
    for _ in range(9):
        top = top.tanh().exp()
    return [
        worked_example(),
        worked_example(losses.bce, expand=True),
        losses.cross_entropy(MLP(4, [8, 3], output="softmax", seed=1)([5.1, 3.5, 1.4, 0.2]), 0),
        losses.sse(deep([0.5, Value(1.0, "x2")]), [1, 0]),
        losses.hinge(MLP(1, [2, 2], output="linear")([0.5]), [1, -1]),
        losses.bce_with_logits(MLP(1, [2])([0.5]), [1, 0]),
        (losses.sse(two([1.0, 2.0]), [1]) + losses.sse(two([-1.0, 0.5]), [0])) / 2,
        z,
        top,
        logsumexp([x, y, 1.0]),
    ]


def balanced(latex: str) -> bool:
    depth = 0
    for sign in re.findall(r"\\[{}]|[{}]", latex):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if depth < 0:
            return False
    begins, ends = (re.findall(rf"\\{word}\{{(\w+)\}}", latex) for word in ("begin", "end"))
    return depth == 0 and sorted(begins) == sorted(ends)


@pytest.mark.parametrize("k", range(len(graphs())))
def test_every_explanation_fits_the_page_and_is_sound_latex(k):
    root = graphs()[k]
    for n, notes in zip(topological(root), itertools.cycle(NOTES), strict=False):
        e = explain(n, root, notes, eta=0.1)
        lines, ascii_lines = e.text().split("\n"), e.text(ascii=True).split("\n")
        assert max(map(len, lines + ascii_lines)) <= 100
        assert all(line.isprintable() for line in lines)
        assert all(line.isascii() for line in ascii_lines)
        latex, markdown = e.latex(), e._repr_markdown_()
        assert balanced(latex)
        assert latex.startswith("\\begin{aligned}\n")
        assert latex.count(r"\left") == latex.count(r"\right")
        assert "<" not in latex
        assert not set(latex) & set("×·Σ→∂²δεηαβγσ…")
        assert e._repr_latex_() == f"$$\n{latex}\n$$"
        assert latex in markdown
        assert "0x" not in "".join(lines) + markdown + repr(e.terms) + repr(e.paths)


def test_latex_of_the_worked_example():
    E = worked_example()
    output, hidden = (explain(find(E, w), E).latex() for w in ("w_o1,h1", "w_h1,x1"))
    for line in (
        r"\frac{dE}{dw_{o_1,h_1}} &= \frac{dE}{do_{o_1}}\times \frac{do_{o_1}}{dnet_{o_1}}\times \frac{dnet_{o_1}}{dw_{o_1,h_1}} && \text{LEC-5}",
        r"&= -2(t_{o_1} - o_{o_1})\times f'(net_{o_1})\times o_{h_1} && \text{LEC-6 *}",
        r"&= \underbrace{-2(1 - 0.2)}_{-1.600000}\times \underbrace{0.2(1 - 0.2)}_{0.160000}\times 0.75 = -0.192000",
    ):
        assert line in output
    for line in (
        r"\frac{dE}{do_{h_1}} &= \sum_k w_{k,h_1}\times \frac{dE}{dnet_k} && \text{LEC-12}",
        r"&= \underbrace{-2.772589\times (-0.256000)}_{k=o_1:\;+0.709783}"
        r" + \underbrace{4.394449\times (-0.018000)}_{k=o_2:\;-0.079100} = 0.630683",
        r"\frac{dE}{dw_{h_1,x_1}} &= 0.630683\times \underbrace{0.75(1 - 0.75)}_{0.187500}\times 3 = 0.354759",
        r"\delta_{h_1} &= a_{h_1}(1 - a_{h_1}) \sum_o \delta_o w_{(h_1\to o)} && \text{S63-t}",
        r"= 0.187500\times (-0.315341) = -0.059126",
        r"\frac{dE}{dw_{h_1,x_1}} &= -2 \delta_{h_1} a_{i_1} = 0.354759 && \text{S63-s}",
    ):
        assert line in hidden


def test_notes_can_be_switched_afterwards_and_the_numbers_stay():
    E = worked_example()
    w = find(E, "w_h1,x1")
    e = explain(w, E, "LEC", eta=0.5)
    before = {notes: e.text(notes) for notes in NOTES}
    assert len(set(before.values())) == 5
    assert before["S63"] == str(explain(w, E, "S63", eta=0.5))
    w.data = 7.0
    E.recompute()
    assert {notes: e.text(notes) for notes in NOTES} == before
    assert e.latex("S63") != e.latex("LEC") == e.latex()


def test_a_terminal_without_the_signs_gets_others(monkeypatch):
    E = worked_example()
    e = explain(find(E, "w_h1,x1"), E)
    monkeypatch.setattr(sys, "stdout", type("Latin", (), {"encoding": "latin-1", "write": sys.stdout.write})())
    assert str(e).isascii()
    assert "dE/do_h1 = sum_k w_k,h1 * dE/dnet_k" in str(e)
    assert "Σ" in e.text(ascii=False)


PROGRAM = """
import hashlib
from engine import Value, Role
from engine.why import explain, contributions, top_paths
from engine.graph import topological
from engine.view.text import listing, tree
from nn import MLP, losses
E = losses.sse(MLP(2, [3, 2], seed=3)([Value(0.5, "p"), 1.0]), [1, 0])
said = [str(tree(E)), str(listing(E))]
for n in topological(E):
    e = explain(n, E, eta=0.5)
    said += [e.text(s) + e.latex(s) for s in ("LEC", "S63", "SX", "ESL", None)]
    said += [e._repr_markdown_(), repr(e.terms), e.terms._repr_markdown_(), repr(e.paths), e.paths._repr_markdown_()]
print(hashlib.sha256("".join(said).encode()).hexdigest())
"""


def test_the_same_bytes_under_every_hash_seed():
    digests = set()
    for seed in "01234":
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment, check=True
        )
        digests.add(done.stdout)
    assert len(digests) == 1


# ---- what must not happen -----------------------------------------------------------------------


@pytest.mark.parametrize("function", [explain, contributions, top_paths])
def test_a_stranger_is_named(function):
    w, x = Value(0.5, "w"), Value(3.0, "x")
    y = w * x
    with pytest.raises(ValueError, match=r"label='stranger'\) is not in the graph of .*no derivative"):
        function(Value(1.0, "stranger"), y)
    with pytest.raises(ValueError, match="is not in the graph"):
        function(y, w)  # the wrong way round
    with pytest.raises(TypeError, match=rf"{function.__name__}: a node and a root are Values, not 3.0"):
        function(3.0, y)
    with pytest.raises(TypeError, match=r"are Values, not \[Value"):
        function(w, [y])


@pytest.mark.parametrize("function", [explain, contributions, top_paths])
def test_a_stale_graph_is_refused_and_the_leaf_is_named(function):
    w = Value(0.5, "w")
    y = w * 3
    w.data = 0.75
    with pytest.raises(StaleGraph, match="'w' was changed"):
        function(w, y)
    y.recompute()
    function(w, y)


def test_unknown_wishes_are_refused_with_what_there_is():
    w = Value(0.5, "w")
    y = w * 3
    with pytest.raises(ValueError, match="unknown notes 'lec'; choose from 'LEC', 'S63', 'SX', 'ESL' or None"):
        explain(w, y, notes="lec")
    with pytest.raises(ValueError, match="unknown notes"):
        explain(w, y).text("S64")
    with pytest.raises(ValueError, match="eta must be a finite number, not inf"):
        explain(w, y, eta=math.inf)
    with pytest.raises(TypeError, match="explain: eta"):
        explain(w, y, eta="0.5")
    for k in (0, -1, 2.0, True, "8"):
        with pytest.raises(ValueError, match="whole number >= 1"):
            explain(w, y, paths=k)
        with pytest.raises(ValueError, match="k must be a whole number >= 1"):
            top_paths(w, y, k=k)


def test_explaining_leaves_the_graph_alone():
    E = worked_example()
    E.backward(seed=0.7)
    nodes = topological(E)

    def state():
        return [(n.data, n.grad, n.args, n.partials, n.label, n._born) for n in nodes]

    before = state()
    for n in nodes:
        e = explain(n, E, eta=0.5)
        str(e), e.latex(), e._repr_markdown_(), repr(e.terms), repr(e.paths)
    assert all(
        a[:2] == b[:2] and a[3:] == b[3:] and all(map(lambda p, q: p is q or p == q, a[2], b[2]))
        for a, b in zip(before, state(), strict=True)
    )


def test_a_chain_of_100_000_nodes_is_walked_without_recursion():
    x = y = Value(0.5, "x")
    for k in range(100_000):
        y = y * 1.001 if k % 2 else y.sin()
    e = explain(x, y)
    assert e.paths.count == 1
    assert len(e.paths[0].edges) == 100_000
    assert e.total == gradients(y)[x]
    assert len(e.text()) < 3000
    assert "… 99989 more …" in repr(e.paths)


def test_the_objects_show_themselves():
    E = worked_example()
    e = explain(find(E, "w_h1,x1"), E)
    assert isinstance(e, Explanation)
    assert isinstance(e.terms, Contributions)
    assert repr(e) == str(e) == e.text()
    assert "**dE/dw\\_h1,x1 = 0.354759**" in e._repr_markdown_()
    assert repr(e.paths) == textwrap.dedent("""\
        2 paths from w_h1,x1 to E
          +0.399253  w_h1,x1 → h1 → o1 → E
          -0.044494  w_h1,x1 → h1 → o2 → E""")
    assert "| w\\_h1,x1 → h1 → o2 → E | -0.044494 |" in e.paths._repr_markdown_()
