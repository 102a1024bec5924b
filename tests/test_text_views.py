"""The graph as text: golden pictures, each use once, nodes written out once, any depth and any label."""

from __future__ import annotations

import math
import random
import re
import textwrap

import pytest

from engine import Role, Value, relu, tanh, where
from engine.errors import StaleGraph
from engine.graph import topological
from engine.view.text import listing, tree
from engine.why import explain
from nn import MLP, losses


def expression() -> tuple[Value, Value, Value]:
    w, x = Value(0.5, "w"), Value(3.0, "x")
    return tanh(w * x + w), w, x


def picture(text: str) -> str:
    return textwrap.dedent(text).strip("\n")


def test_a_tree_before_and_after_backward():
    y, *_ = expression()
    assert str(tree(y)) == picture("""
                             data  grad   partial
        y = tanh(v3)     0.964028     –
        └─ v3 = v2 + w   2.000000     –  0.070651
           ├─ v2 = w*x   1.500000     –  1.000000
           │  ├─ w       0.500000     –  3.000000
           │  └─ x       3.000000     –  0.500000
           └─ w (above)                  1.000000""")
    y.backward()
    assert str(tree(y)) == picture("""
                             data       grad   partial
        y = tanh(v3)     0.964028  +1.000000
        └─ v3 = v2 + w   2.000000  +0.070651  0.070651
           ├─ v2 = w*x   1.500000  +0.070651  1.000000
           │  ├─ w       0.500000  +0.282603  3.000000
           │  └─ x       3.000000  +0.035325  0.500000
           └─ w (above)                       1.000000""")


def test_a_listing_has_formulas_numbers_and_locals_in_order():
    y, *_ = expression()
    y.backward()
    assert str(listing(y)) == picture("""
                          data       grad  partials
        w             0.500000  +0.282603
        x             3.000000  +0.035325
        v2 = w*x      1.500000  +0.070651  3, 0.5
        v3 = v2 + w   2.000000  +0.070651  1, 1
        y = tanh(v3)  0.964028  +1.000000  0.070651""")


def test_both_in_ascii():
    y, *_ = expression()
    assert str(tree(y, ascii=True)) == picture("""
                             data  grad   partial
        y = tanh(v3)     0.964028     -
        `- v3 = v2 + w   2.000000     -  0.070651
           |- v2 = w*x   1.500000     -  1.000000
           |  |- w       0.500000     -  3.000000
           |  `- x       3.000000     -  0.500000
           `- w (above)                  1.000000""")
    assert str(listing(y, ascii=True)).isascii()


def test_the_worked_example_as_a_tree_of_two_levels():
    model = MLP(2, [2, 2], activation="sigmoid", output="sigmoid", bias=False)
    weights = (
        -math.log(3),
        -math.log(9),
        math.log(2),
        math.log(4),
        -math.log(16),
        math.log(8),
        math.log(81),
        -math.log(27),
    )
    for p, w in zip(model.parameters(), weights, strict=True):
        p.data = w
    E = losses.sse(model([3, -2]), [1, 1])
    E.backward()
    assert str(tree(E, depth=2)) == picture("""
                                                                 data       grad    partial
        E = sse(o_o1, o_o2; 1, 1)                            0.650000  +1.000000
        ├─ o_o1 = sigmoid(net_o1)                            0.200000  -1.600000  -1.600000
        │  └─ net_o1 = dot(w_o1,h1, w_o1,h2; o_h1, o_h2) …  -1.386294  -0.256000   0.160000
        └─ o_o2 = sigmoid(net_o2)                            0.900000  -0.200000  -0.200000
           └─ net_o2 = dot(w_o2,h1, w_o2,h2; o_h1, o_h2) …   2.197225  -0.018000   0.090000""")
    lines = str(listing(E)).splitlines()
    assert len(lines) == 1 + len(topological(E))
    assert lines[-1].split() == ["E", "=", "sse(o_o1,", "o_o2;", "1,", "1)", "0.650000", "+1.000000", "-1.6,", "-0.2"]
    assert "net_h1 = dot(w_h1,x1, w_h1,x2; 3, -2)" in lines[9]


def test_depth_counts_levels_below_the_root():
    y, *_ = expression()
    for depth, rows in enumerate([1, 2, 4, 6, 6]):
        text = str(tree(y, depth=depth))
        assert len(text.splitlines()) == 1 + rows
        assert text.count("…") == {0: 1, 1: 1, 2: 1}.get(depth, 0)


def test_what_is_cut_off_is_written_out_where_it_comes_again_higher_up():
    x = Value(0.5, "x")
    shared = x * 2
    shared.label = "shared"
    y = shared.tanh().exp() + shared
    assert str(tree(y, depth=3)).count("shared = x*2 …") == 1  # four levels down, cut off at three
    assert str(tree(y, depth=3)).count("shared = x*2 ") == 2
    assert str(tree(y, depth=3)).count("shared (above)") == 0


def test_a_square_has_two_branches():
    x = Value(3.0, "x")
    assert len(str(tree(x * x)).splitlines()) == 4
    assert "y = x*x  9.000000     –  3, 3" in str(listing(x * x))


@pytest.mark.parametrize("seed", range(10))
def test_every_use_has_a_line_and_every_node_one_that_is_written_out(seed):
    rng = random.Random(seed)
    nodes = [Value(rng.uniform(0.5, 1.5), f"x{i}") for i in range(3)]
    for _ in range(15):
        a, b = rng.choice(nodes), rng.choice(nodes)
        nodes.append(rng.choice([lambda a, b: a * b, lambda a, b: a - 0.3, lambda a, b: (a + b).tanh()])(a, b))
    y = nodes[-1] + nodes[-2]
    y.backward()
    order = topological(y)
    uses = sum(isinstance(a, Value) for n in order for a in n.args)
    lines = str(tree(y)).splitlines()[1:]
    assert len(lines) == uses + 1
    assert sum("(above)" not in line for line in lines) == len(order)
    grads = [
        float(line.split()[-2 if n.op else -1])
        for n, line in zip(order, str(listing(y)).splitlines()[1:], strict=True)
        if n.op is None
    ]
    assert grads == [pytest.approx(n.grad, abs=1e-6) for n in order if n.op is None]


def test_gradients_are_those_of_this_root():
    x = Value(2.0, "x")
    y = x * 3
    z = y * y
    z.backward()
    y.backward()
    assert re.search(r"\nx +2.000000 +\+3.000000", str(listing(y)))
    assert re.search(r"\nx +2.000000 +\+36.000000", str(listing(z)))


def test_names_are_those_of_explanations():
    y, w, _ = expression()
    names = re.findall(r"\b(v\d+)\b", str(listing(y)))
    assert set(re.findall(r"\b(v\d+)\b", str(explain(w, y)))) <= set(names)
    v2 = Value(1.0, "v2")  # a label that looks like a number in the order
    assert re.findall(r"(\w+) = ", str(listing((v2 * 3).tanh() * 2))) == ["u1", "u2", "y"]


def test_the_forms_of_operations():
    x, z = Value(3.0, "x"), Value(-1.5, "a b")
    text = str(listing(where(x < z, x, -z) ** -2.5 * (x - (z - 1)) / relu(x) + abs(z)))
    for form in (
        "v2 = x < (a b)",
        "v3 = -(a b)",
        "v4 = x if v2 else v3",
        "v5 = v4**(-2.5)",
        "= (a b) - 1",
        "= relu(x)",
        "= |a b|",
    ):
        assert form in text


def test_wide_vectors_are_abridged():
    E = losses.cross_entropy(MLP(4, [8, 3], output="softmax", seed=1)([5.1, 3.5, 1.4, 0.2]), 0)
    text = str(listing(E))
    assert "net_o1 = net(w_o1,h1, …, w_o1,h8; o_h1, …, o_h8; b_o1)" in text
    assert "net_h1 = net(w_h1,x1, …, w_h1,x4; 5.1, …, 0.2; b_h1)" in text
    assert "5.1, 3.5, …, 1" in text
    assert max(map(len, text.splitlines())) <= 110


def chain(length: int) -> Value:
    y = Value(0.5, "x")
    for k in range(length):
        y = y * 1.001 if k % 2 else y.sin()
    return y


def test_a_chain_of_100_000_nodes_is_walked_without_recursion():
    lines = str(tree(chain(100_000))).splitlines()
    assert len(lines) == 100_002
    assert max(map(len, lines)) < 200
    assert len(str(tree(chain(20_000), depth=3)).splitlines()) == 5
    assert str(listing(chain(20_000))).count("\n") == 20_001


@pytest.mark.parametrize("view", [tree, listing])
def test_views_refuse_with_a_sentence(view):
    x = Value(2.0, "x")
    y = x * 3
    with pytest.raises(TypeError, match=r"a view in text has one root, a Value, not 3\.0"):
        view(3.0)
    with pytest.raises(TypeError, match=r"not \[Value"):
        view([y])
    x.data = 5.0
    with pytest.raises(StaleGraph, match="'x' was changed"):
        view(y)


@pytest.mark.parametrize("depth", [-1, 1.5, True, "2"])
def test_a_depth_that_is_none_is_refused(depth):
    with pytest.raises(ValueError, match="tree: depth must be a whole number >= 0, or None for all levels"):
        tree(Value(1.0) * 2, depth=depth)


@pytest.mark.parametrize("label", ["a\nb", "\x1b[31m", "x" * 500, "ünïcode", "", "a|b<c>&d", "└─ w"])
def test_no_label_breaks_a_line(label):
    x = Value(2.0, label)
    y = x * 3 + x
    for text in (str(tree(y)), str(listing(y)), str(tree(y, ascii=True))):
        assert len(text.split("\n")) in (4, 5)
        assert all(line.isprintable() for line in text.split("\n"))
        assert max(map(len, text.split("\n"))) < 120
    assert str(tree(y, ascii=True)).isascii()


def test_views_leave_the_graph_alone_and_show_themselves():
    y, w, x = expression()
    y.backward(seed=0.7)
    before = [(n.data, n.grad, n.partials, n.label) for n in (w, x, y)]
    for view in (tree(y), listing(y)):
        assert isinstance(view, str)
        assert repr(view) == str(view)
        assert "0x" not in view
    assert [(n.data, n.grad, n.partials, n.label) for n in (w, x, y)] == before


def test_roles_and_infinite_numbers_have_their_place():
    x = Value(0.0, Role("x", "x1"))
    y = x.sqrt()
    assert "inf" in str(listing(y))
    assert "E = sqrt(x1)" in str(tree(y))
