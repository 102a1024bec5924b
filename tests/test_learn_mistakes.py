"""The mistakes catalogue against numbers computed by hand, and what `diagnose` says about answers."""

from __future__ import annotations

import itertools
from fractions import Fraction
from math import isclose, log

import pytest
from graphs import random_graph

from engine import Value, exp
from engine.graph import topological
from engine.learn import diagnose, drill, slips
from nn import MLP, losses


WEIGHTS = (-log(3), -log(9), log(2), log(4), -log(16), log(8), log(81), -log(27))
OUTPUT = {  # of w_o1,h1, where -0.192 is right
    -0.096: "half", 0.192: "sign", -1.2: "no slope", -0.24: "misread", -0.96: "misread", -0.288: "misread",
    -1.152: "misread", -0.297020: "misread", -0.256: "no input", -0.085333: "other input", -0.281245: "net for o",
    -0.0135: "other delta", -0.6: "bce delta", 3.969728: "misread",
}  # fmt: skip
HIDDEN = {  # of w_h1,x1, where 0.354759 is right
    0.177379: "half", -0.354759: "sign", 0.399253: "one term", -0.044494: "one term", 1.892048: "no slope",
    1.419036: "misread", 0.473012: "misread", 0.827771: "misread", 0.412268: "misread", 0.118253: "no input",
    -0.236506: "other input", 0.378198: "transposed", 0.340867: "updated", -0.154125: "no weight",
    2.000954: "no slope beyond", -0.315341: "other delta", 0.443747: "magnitudes",
}  # fmt: skip


@pytest.fixture(scope="module")
def E():
    model = MLP(2, [2, 2], activation="sigmoid", output="sigmoid", bias=False)
    for p, w in zip(model.parameters(), WEIGHTS, strict=True):
        p.data = w
    return losses.sse(model([3, -2]), [1, 1])


def find(root, label):
    return next(n for n in topological(root) if str(n.label) == label)


@pytest.mark.parametrize(
    ("label", "wrong", "key"), [("w_o1,h1", *i) for i in OUTPUT.items()] + [("w_h1,x1", *i) for i in HIDDEN.items()]
)
def test_every_fingerprint_names_its_mistake(E, label, wrong, key):
    d = diagnose(f"{wrong:.6f}", of=find(E, label), root=E)
    assert not d.right
    assert d.slip is not None, d
    assert d.slip.mistake.key == key
    lines = str(d).splitlines()
    assert len(lines) <= 14
    assert max(map(len, lines)) <= 78


@pytest.mark.parametrize("unit", ["o1,h1", "o1,h2", "o2,h1", "o2,h2", "h1,x1", "h1,x2", "h2,x1", "h2,x2"])
def test_all_mistakes_at_a_weight_give_numbers_of_their_own(E, unit):
    w = find(E, f"w_{unit}")
    E.backward()
    values = [w.grad] + [s.value for s in slips(w, E) if s.mistake.key != "delta"]
    assert len(values) >= 16
    for one, other in itertools.combinations(values, 2):
        assert not isclose(one, other, rel_tol=1e-3), (one, other)


def test_a_slip_is_made_from_the_graph_not_remembered():
    model = MLP(2, [2, 2], activation="tanh", output="sigmoid", bias=True, seed=3)
    root = losses.sse(model([0.3, -0.7]), [0.2, 0.9])
    w, k1, k2 = (find(root, f"w_{i}") for i in ("h1,x1", "o1,h1", "o2,h1"))
    h, n1, n2 = (find(root, i) for i in ("o_h1", "net_o1", "net_o2"))
    root.backward()
    slope = 1 - h.data**2
    found = {s.mistake.key: s.value for s in slips(w, root) if s.mistake.key != "one term"}
    total = n1.grad * k1.data + n2.grad * k2.data
    assert isclose(w.grad, total * slope * 0.3, rel_tol=1e-12)
    assert isclose(found["no slope"], total * 0.3, rel_tol=1e-12)
    assert isclose(found["other input"], total * slope * -0.7, rel_tol=1e-12)
    assert isclose(found["no weight"], (n1.grad + n2.grad) * slope * 0.3, rel_tol=1e-12)
    assert isclose(found["half"], w.grad / 2, rel_tol=1e-12)
    assert [s.value for s in slips(w, root) if s.mistake.key == "one term"] == pytest.approx(
        [n.grad * k.data * slope * 0.3 for n, k in ((n1, k1), (n2, k2))], rel=1e-12
    )


def test_the_same_on_an_expression_without_roles():
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    L = (a * b) * (b + 4)  # by b: 2*1 + 1*(-6) = -4
    assert diagnose(-4, of=b, root=L).right
    assert diagnose(-6, of=b, root=L).slip.mistake.key == "one term"
    assert diagnose(2, of=b, root=L).slip.mistake.key == "one term"
    assert diagnose(4, of=b, root=L).slip.mistake.key == "sign"
    c = Value(1.7, "c")
    assert "not brought down" in diagnose(0.6 * 1.7**2, of=c, root=c**3 * 0.6).cause
    assert "rule of powers" in diagnose(0.6 * 1.7 * 2.718281828459045**0.7, of=c, root=exp(c) * 0.6).cause


def test_answers_in_every_form(E):
    w = find(E, "w_o1,h1")
    forms = ("-0.192", "-24/125", "−2×(1 − 0.2) × 0.2*(1-0.2)*o_h1", Fraction(-24, 125), lambda w: -0.192, "-0.1920")
    for answer in forms:
        assert diagnose(answer, of=w, root=E).right, answer
    assert diagnose("-1.6*0.75", of=w, root=E).slip.mistake.key == "no slope"
    assert not diagnose("-0.2", of=w, root=E).right


def test_an_unknown_number_gets_its_ratio_and_no_cause(E):
    d = diagnose(-0.192 * 1.2345, of=find(E, "w_o1,h1"), root=E)
    assert (d.cause, len(d.factors)) == ("", 3)
    assert "yours/expected = 1.234500" in str(d)
    assert "cause" not in str(d)


def test_two_mistakes_with_one_number_name_no_cause(E):
    w = find(E, "w_h1,x2")  # its input is -2: S63's delta times it, or dE/dnet without it
    net = find(E, "net_h1")
    E.backward()
    assert {s.mistake.key for s in slips(w, E) if isclose(s.value, net.grad, rel_tol=1e-9)} == {"delta", "no input"}
    d = diagnose(net.grad, of=w, root=E)
    assert (d.right, d.cause) == (False, "")
    assert "yours/expected = -0.500000" in str(d)


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (float("nan"), ValueError, "nan"), ("", ValueError, "not a formula"), ("1/0", ValueError, "no value"),
        ("hello", ValueError, "no 'hello' in the graph"), ("__import__('os')", ValueError, "no function"),
        ("9**9**9**9", ValueError, "no value"), ("(" * 400, ValueError, "not a formula"), (True, TypeError, "True"),
        ([1], TypeError, "not \\[1\\]"), (lambda w: w / 0, ValueError, "your function raised ZeroDivisionError"),
        (lambda: 1, ValueError, "called as f"), ("1" * 501, ValueError, "501 characters"), (10**400, ValueError, "large"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_told(E, answer, error, says):
    with pytest.raises(error, match=says):
        diagnose(answer, of=find(E, "w_o1,h1"), root=E)


def test_a_node_outside_the_graph_is_told(E):
    with pytest.raises(ValueError, match="not in the graph"):
        diagnose(1.0, of=Value(1.0, "z"), root=E)


def drilled(root, *answers):
    """The diagnoses and what was told, with the answers given in turn and then Ctrl-D."""
    left, told = iter(answers), []

    def ask(question):
        try:
            return next(left)
        except StopIteration:
            raise EOFError from None

    return drill(root, ask, told.append), "\n".join(told)


def test_a_drill_diagnoses_each_answer_and_asks_again_what_it_cannot_read():
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    found, told = drilled(a * b * 0.7, "oops", "1.4", "-3")
    assert [(d.node, d.right) for d in found] == [("d root/d b", True), ("d root/d a", False)]
    assert found[1].slip.mistake.key == "no upstream"
    assert "no 'oops' in the graph" in told
    assert told.endswith("1 of 2 right")


def test_a_drill_ends_with_the_input(E):
    found, told = drilled(E, "-1/5", "")
    assert [d.node for d in found] == ["d E/d o_o2"]
    assert told.endswith("stopped here\n1 of 1 right")


def test_a_drill_of_the_whole_network_asks_for_every_weight(E):
    E.backward()
    known = [n for n in reversed(topological(E)) if n.op is not None or str(n.label).startswith("w")]
    found, told = drilled(E, *[repr(n.grad) for n in known if n is not E])
    assert len(found) == 16
    assert told.endswith("16 of 16 right")


@pytest.mark.parametrize("seed", range(10))
def test_any_graph_can_be_diagnosed(seed):
    root = random_graph(seed)
    root.backward()
    below = {n for n in topological(root) if n.label in ("x", "y", "z")}
    for n in below:
        assert diagnose(repr(n.grad), of=n, root=root).right
        wrong = str(diagnose(n.grad * 1.37 + 0.11, of=n, root=root))
        assert "expected" in wrong
        assert "yours" in wrong
        assert max(map(len, wrong.splitlines())) <= 78


def test_no_module_takes_the_place_of_a_public_name():
    """A module that is imported later becomes an attribute of its package, over a function of that name."""
    import engine.learn.course

    assert all(not isinstance(getattr(engine.learn, name), type(engine)) for name in engine.learn.__all__)
