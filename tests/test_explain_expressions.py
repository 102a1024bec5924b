"""Explanations of any expression: a user's own functions, sums and their terms, paths."""

from __future__ import annotations

import math
import random
import re
import textwrap

import pytest
from explained import EXACT, NOTES, close, find, gradients, said, slope_of, squeezed, worked_example

import engine
from engine import Role, Value, sqrt, tanh
from engine.formula import Formula, formula, symbol
from engine.graph import topological
from engine.ops import Row
from engine.recording import record
from engine.why import contributions, explain, top_paths
from nn import MLP, losses


# ---- any expression -----------------------------------------------------------------------------


def test_a_plain_expression_has_a_factor_for_each_node():
    w, x, b = Value(0.5, "w"), Value(1.0, "x"), Value(0.1, "b")
    y = tanh(w * x + b)
    assert said(explain(w, y)) == textwrap.dedent("""\
        dy/dw = 0.711578                                                          leaf
          with   v3 = w·x = 0.500000
                 v4 = v3 + b = 0.600000
                 y = tanh(v4) = 0.537050
          = dy/dv4          ×  dv4/dv3   ×  dv3/dw                               LEC-5
          = (1 - y²)        ×  1         ×  x
          = (1 - 0.53705²)  ×  1         ×  1
          = 0.711578        ×  1.000000  ×  1.000000  =  0.711578
          check  central difference, h = 1e-6: 0.711578, off by ...""")


def test_where_ways_part_each_has_its_row():
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    d, e = a * b, b + 4
    d.label, e.label = "d", "e"
    text = squeezed(explain(b, d * e))
    assert "= dd/db × dy/dd + de/db × dy/de LEC-12" in text
    assert "via d a = 2.000000 × 1.000000 = +2.000000" in text
    assert "via e 1 = 1.000000 × -6.000000 = -6.000000" in text
    assert "sum = -4.000000" in text


def test_formulas_are_worked_out_where_they_are_constant():
    x = Value(3.0, "x")
    assert "via v1 3·x² = 27.000000" in squeezed(explain(x, x**3 + 2 * x))
    assert "  = 2·x\n  = 2·3\n  = 6.000000\n" in slope_of(lambda x: x**2, 3.0)
    assert "  = 2(-0.5)\n" in slope_of(lambda x: x**2, -0.5)
    assert "  = 1/4\n" in slope_of(lambda x: x / 4, 3.0)
    assert "  = 1 - y²\n  = 1 - (-0.462117)²\n" in slope_of(tanh, -0.5)


def test_many_uses_are_given_largest_first_and_the_rest_is_counted():
    x = Value(2.0, "x")
    weights = [Value((-1) ** i * float(i), f"w{i}") for i in range(1, 12)]
    y = sum((w * x for w in weights[1:]), weights[0] * x)
    text = explain(x, y).text()
    assert re.findall(r"via v\d+ +(w\d+)", text) == ["w11", "w10", "w9", "w8", "w7", "w6"]
    assert "and 5 more =  -3.000000" in text  # -1 + 2 - 3 + 4 - 5
    assert "sum =  -6.000000" in text


def test_a_weight_on_two_samples_has_a_term_for_each():
    model = MLP(2, [2, 1], output="sigmoid", seed=5)
    L = (losses.sse(model([1.0, 2.0]), [1]) + losses.sse(model([-1.0, 0.5]), [0])) / 2
    w = find(L, "w_o1,h1")
    w_grad = gradients(L)[w]
    text = explain(w, L).text()
    assert close(explain(w, L).total, w_grad)
    assert "via net_o1^(1)  o_h1^(1) =" in text
    assert "via net_o1^(2)  o_h1^(2) =" in text
    assert r"_{\text{via}\ {net_{o_1}}^{(2)}:" in explain(w, L).latex()


def test_the_error_of_several_samples_has_its_plain_name_and_theirs_have_numbers():
    model = MLP(2, [2, 1], output="sigmoid", seed=5)
    L = (losses.sse(model([1.0, 2.0]), [1]) + losses.sse(model([-1.0, 0.5]), [0])) / 2
    L.label = Role("E")
    text = explain(find(L, "w_o1,h1"), L).text()
    assert text.startswith("dE/dw_o1,h1 = ")
    assert "paths  via E^(" in text
    assert "E^(3)" not in text


def test_a_row_of_ones_own_is_explained_without_more_code(table):
    a, y = symbol("a"), symbol("y")
    row = Row("gentle", a / (1 + a * a), (1 - y * (2 * a)) / (1 + a * a), text="gentle({})")
    x = Value(0.5, "x")
    e = explain(x, record(row, x))
    assert close(e.total, 0.48)
    assert "= (1 - y(2·x))/(1 + x²)\n" in e.text()
    assert "with   y = x/(1 + x²) = 0.400000" in e.text()


def test_a_row_that_comes_later_is_written_in_its_own_notation(table):
    a, b = symbol("a"), symbol("b")
    Row("mean", (a + b) / 2, 0.5, 0.5, text="<{}, {}>", latex=r"\langle {}, {}\rangle")
    Row("halfway", Formula("mean", a, formula(1.0)), 0.5, text="halfway({})")
    x = Value(3.0, "x")
    e = explain(x, record(table["halfway"], x))
    assert "y = <x, 1> = 2.000000" in e.text()
    assert r"y &= \langle x, 1\rangle = 2.000000" in e.latex()


def test_the_formula_shown_is_the_one_in_the_table(monkeypatch):
    y = symbol("y")
    monkeypatch.setattr(engine.ops.TABLE["sigmoid"], "partials", (y - y * y,))
    E = worked_example()
    assert "(o_o1 - o_o1²)" in explain(find(E, "w_o1,h1"), E).text()
    assert "y_1(1 - y_1)" not in explain(find(E, "w_o1,h1"), E).text()


# ---- sums ---------------------------------------------------------------------------------------


def random_net(seed: int):
    rng = random.Random(seed)
    depth = 1 + seed % 5
    loss = (losses.sse, losses.bce)[seed % 2]
    sizes = [rng.randint(1, 3) for _ in range(depth)]
    hidden = [("sigmoid", "tanh", "relu")[(seed + k) % 3] for k in range(depth - 1)]
    output = "sigmoid" if loss is losses.bce else rng.choice(["sigmoid", "tanh", "linear"])
    options = {"activation": hidden, "output": output, "init": "normal", "seed": seed}
    x = [rng.uniform(-2, 2) for _ in range(rng.randint(1, 3))]
    t = [rng.random() for _ in range(sizes[-1])]
    return [loss(MLP(len(x), sizes, **options, expand=expand)(x), t) for expand in (False, True)]


@pytest.mark.parametrize("seed", range(50))
def test_totals_terms_and_paths_agree_for_every_weight(seed):
    E, expanded = random_net(seed)
    grads = gradients(E)
    others = {str(n.label): n for n in topological(expanded)}
    for w in (n for n in grads if n.op is None):
        e = explain(w, E, NOTES[seed % 5], paths=1000)
        assert e.total == grads[w]
        scale = sum(abs(p.product) for p in e.paths) or 1.0
        assert abs(sum(t.product for t in e.terms) - grads[w]) <= 1e-12 * abs(grads[w])
        assert abs(sum(p.product for p in e.paths) - grads[w]) <= 1e-12 * scale
        assert len(e.paths) == e.paths.count
        assert f"{e.total:.6f}"[:6] in e.text() or abs(e.total) < 1e-3
        other = explain(others[str(w.label)], expanded)
        assert close(other.total, grads[w], 1e-10) or abs(other.total) < 1e-12
        assert other.paths.count == e.paths.count


@pytest.mark.parametrize("seed", range(0, 50, 7))
def test_the_printed_check_is_an_independent_forward_pass(seed):
    E, _ = random_net(seed)
    leaves = [n for n in topological(E) if n.op is None]
    for w in leaves:
        line = re.search(r"central difference, h = (\S+): (\S+), off by (\S+)", explain(w, E).text())
        if line is None:  # at a kink of relu, with the bias that starts at zero
            assert "kink" in explain(w, E).text()
            continue
        h, held = float(line[1]), w.data
        w.data = held + h
        above = E.recompute().data
        w.data = held - h
        below = E.recompute().data
        w.data = held
        E.recompute()
        slope = (above - below) / (2 * h)
        assert math.isclose(float(line[2]), slope, rel_tol=1e-5, abs_tol=1e-6)
        assert float(line[3]) < 1e-6 * max(1.0, abs(slope))


def random_graph(rng: random.Random, size: int) -> tuple[Value, Value]:
    x = Value(rng.uniform(0.5, 1.5), "x")
    nodes = [x, Value(rng.uniform(-1.5, -0.5), "z")]
    for _ in range(size):
        a, b = rng.choice(nodes), rng.choice(nodes)
        nodes.append(rng.choice([lambda a, b: a * b, lambda a, b: a - 0.3 * b, lambda a, b: a + b + a])(a, b))
    return x, sum(nodes[2:], nodes[0] * 1.0)


def every_path(node: Value, root: Value) -> list[float]:
    """All path products, by following every edge from the root down: the naive way."""
    if root is node:
        return [1.0]
    pairs = zip(root.args, root.partials, strict=True)
    return [d * p for a, d in pairs if isinstance(a, Value) for p in every_path(node, a)]


@pytest.mark.parametrize("seed", range(30))
def test_paths_are_counted_and_ranked_as_by_brute_force(seed):
    x, y = random_graph(random.Random(seed), 7)
    products = sorted(every_path(x, y), key=abs, reverse=True)
    paths = top_paths(x, y, k=12)
    assert paths.count == len(products)
    assert len(paths) == min(12, len(products))
    for p, size in zip(paths, map(abs, products), strict=False):
        assert close(abs(p.product), size)
        assert p.nodes[0] is x
        assert p.nodes[-1] is y
        assert close(math.prod(p.factors), p.product)
        for e, here, there in zip(p.edges, p.nodes[:-1], p.nodes[1:], strict=True):
            assert (e.arg, e.user) == (here, there)
            assert there.args[e.position] is here
    every = top_paths(x, y, k=len(products))
    assert close(sum(p.product for p in every), gradients(y)[x], 1e-10)


def test_paths_of_equal_size_are_told_apart_by_their_edges():
    x = Value(3.0, "x")
    paths = top_paths(x, x * x)
    assert paths.count == len(paths) == 2
    assert [p.edges[0].position for p in paths] == [0, 1]


def test_a_million_paths_are_not_enumerated():
    E = losses.sse(MLP(2, [16] * 6 + [1], seed=1)([1.0, -0.5]), [1])
    w = find(E, "w[h1_1,x1]")
    paths = top_paths(w, E)
    assert paths.count == 16**5 == 1_048_576
    assert len(paths) == 8
    sizes = [abs(p.product) for p in paths]
    assert sizes == sorted(sizes, reverse=True)
    best = max(  # of the last layers, by hand: the best way on from a unit of layer 5
        abs(find(E, f"w[h6_{k},h5_1]").data * find(E, f"w[o1,h6_{k}]").data * (1 - find(E, f"o[h6_{k}]").data ** 2))
        for k in range(1, 17)
    )
    onward = top_paths(find(E, "o[h5_1]"), E, k=1)[0]
    assert close(abs(onward.product), best * abs(gradients(E)[find(E, "o_o1")]))
    assert "1,048,576 paths from w[h1_1,x1] to E, the 8 largest" in repr(paths)


def test_counts_stay_exact_beyond_all_floats():
    x = y = Value(1e-200, "x")
    for _ in range(2000):
        y = y * 0.5 + y * 0.5
    assert top_paths(x, y, k=1).count == 2**2000
    assert "about 10^602 paths" in repr(top_paths(x, y, k=1))


def test_contributions_have_a_row_for_each_use():
    E = worked_example()
    h1 = find(E, "o_h1")
    rows = contributions(h1, E)
    assert [str(r.user.label) for r in rows] == ["net_o1", "net_o2"]
    assert [r.position for r in rows] == [2, 2]
    assert [round(r.partial, 6) for r in rows] == [-2.772589, 4.394449]
    assert [round(r.gradient, 6) for r in rows] == [-0.256, -0.018]
    assert [round(r.product, 6) for r in rows] == [0.709783, -0.0791]
    assert rows.total == rows[0].product + rows[1].product
    assert repr(rows) == textwrap.dedent("""\
        dE/do_h1 = 0.630683, 2 uses
          user      partial ×  dE/duser =   product
          net_o1  -2.772589 × -0.256000 = +0.709783
          net_o2   4.394449 × -0.018000 = -0.079100
          sum                             +0.630683""")
    assert "| net\\_o1 | -2.772589 | × | -0.256000 | = | +0.709783 |" in rows._repr_markdown_()


def test_the_root_has_no_uses_and_one_empty_path():
    x = Value(2.0, "x")
    y = x * 3
    assert len(contributions(y, y)) == 0
    assert contributions(y, y).total == explain(y, y).total == 1.0
    (path,) = top_paths(y, y)
    assert (path.nodes, path.factors, path.product) == ((y,), (), 1.0)
    assert "the root itself" in explain(y, y).text()


def test_numbers_come_from_the_partials_and_not_from_grad():
    E = worked_example()
    other = E * 3
    other.backward()  # leaves three times the gradients behind
    assert close(explain(find(E, "w_o1,h1"), E).total, -0.192)
    assert close(contributions(find(E, "o_h1"), E).total, float(EXACT["o_h1"]))


def test_an_adjoint_of_zero_stops_an_infinite_partial():
    x = Value(0.0, "x")
    y = sqrt(x) * 0.0 + x * 3
    assert explain(x, y).total == 3.0
    assert sum(t.product for t in contributions(x, y)) == 3.0
    assert sum(p.product for p in top_paths(x, y)) == 3.0
