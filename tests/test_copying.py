"""Copies and pickles: whole graphs, the same identities, numbers, gradients and labels, at any depth."""

import copy
import io
import itertools
import math
import pickle
import random
import sys
import threading

import pytest
from oracles import bits
from work import calls

from engine import Leaves, Role, Value, dot, gradient, logsumexp, softmax, sqrt, where
from engine.copying import _copying
from engine.graph import leaves, topological


PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)
COPIERS = {"deepcopy": copy.deepcopy} | {
    f"pickle {p}": lambda x, p=p: pickle.loads(pickle.dumps(x, protocol=p)) for p in PROTOCOLS
}
copiers = pytest.mark.parametrize("copied", COPIERS.values(), ids=COPIERS)


def graph():
    a, b = Value(0.5, "a"), Value(-1.5, Role("w", "h1", "x2"))
    s = (a * b).tanh()
    s.label = "s"
    x = [a, s, 2.0, b]
    y = dot(x, [s, b, a, 3]) + softmax([s, a, 1.0])[0] - 4 / logsumexp([a, b]) + where(a < b, a, s) * a**2
    y.backward(seed=0.7)
    return y


def like(n, m):
    """Whether two graphs are the same, node by node, in every bit."""
    ns, ms = topological(n), topological(m)
    assert len(ns) == len(ms)
    twin = dict(zip(ns, ms, strict=True))
    for p, q in twin.items():
        assert p is not q
        assert (p.op, p.label) == (q.op, q.label)
        assert bits(p.data) == bits(q.data)
        assert (p.grad is None) == (q.grad is None)
        assert p.grad is None or bits(p.grad) == bits(q.grad)
        assert [twin.get(r, r) if isinstance(r, Value) else bits(r) for r in p.args] == [
            r if isinstance(r, Value) else bits(r) for r in q.args
        ]
        assert [d if d is None else bits(d) for d in p.partials] == [d if d is None else bits(d) for d in q.partials]
    return True


@copiers
def test_a_graph_is_copied_whole(copied):
    y = graph()
    z = copied(y)
    assert like(y, z)
    before = [n.grad for n in topological(y)]
    z.backward(seed=1.4)
    assert [n.grad for n in topological(z)] == [2 * g for g in before]
    assert [n.grad for n in topological(y)] == before
    for leaf in leaves(z):
        leaf.data *= 2
    z.recompute()
    assert y.data != z.data
    assert [n.grad for n in topological(y)] == before


@copiers
def test_a_copy_can_be_differentiated_and_copied_again(copied):
    y = graph()
    z = copied(copied(y))
    assert like(y, z)
    assert [bits(d.data) for d in gradient(z, list(leaves(z)))] == [bits(d.data) for d in gradient(y, list(leaves(y)))]


@copiers
@pytest.mark.parametrize("grad", [None, 0.0, -0.0, math.nan, 3.5])
def test_a_leaf(copied, grad):
    v = Value(-0.0, "v")
    v.grad = grad
    w = copied(v)
    assert like(v, w)
    assert w.label == "v"
    assert copied(Value(math.nan)).label is None


@copiers
def test_nodes_that_share_stay_together_in_any_order(copied):
    a = Value(0.5, "a")
    s = a * a
    t = s.tanh()
    y, z = t * s + a, t - 2
    nodes = [a, s, t, y, z]
    for order in itertools.permutations(nodes):
        copies = copied(list(order))
        twin = dict(zip(order, copies, strict=True))
        assert like(y, twin[y])
        assert like(z, twin[z])
        assert twin[y].args[0].args == (twin[t], twin[s])
        assert twin[z].args[0] is twin[t]
        assert twin[s].args == (twin[a], twin[a])


@copiers
def test_a_model_and_its_loss_stay_together(copied):
    model = {"w": Leaves([Value(0.3, "w1"), Value(-0.2, "w2")]), "b": Value(0.1, "b"), "name": "unit"}
    h = (dot(model["w"], [1.0, 2.0]) + model["b"]).sigmoid()
    loss = (h - 1) ** 2
    loss.backward()
    for pack in (lambda: (model, loss), lambda: (loss, model), lambda: {"h": h, "loss": loss, "model": model}):
        packed = copied(pack())
        m, e = (
            (packed["model"], packed["loss"])
            if isinstance(packed, dict)
            else sorted(packed, key=lambda p: isinstance(p, Value))
        )
        assert type(m["w"]) is Leaves
        assert like(loss, e)
        assert set(leaves(e)) == {*m["w"], m["b"]}
        m["b"].data = 0.7
        e.recompute()
        assert e.data != loss.data
        assert h.data == pytest.approx(1 / (1 + math.exp(0.0)), rel=1e-12)
        if isinstance(packed, dict):
            assert e.args[0].args[0] is packed["h"]


def test_copy_copy_is_one_node_over_the_same_arguments():
    a = Value(2.0, "a")
    y = a * 3
    y.backward()
    z = copy.copy(y)
    assert z is not y
    assert (z.args, z.partials, z.data, z.grad, z.op) == (y.args, y.partials, 6.0, 1.0, y.op)
    assert z.args[0] is a
    z.backward(seed=5.0)
    assert (a.grad, y.grad, z.grad) == (15.0, 1.0, 5.0)
    b = copy.copy(a)
    b.data = 7.0
    assert (a.data, b.label, b.op) == (2.0, "a", None)
    assert topological(z + y)[:-1] == [a, y, z]  # a copy is younger than what it was made of


@copiers
def test_infinite_partials_stay_what_they_were(copied):
    x = Value(0.0, "x")
    y = 0 * sqrt(x)
    z = copied(y)
    z.backward()
    (leaf,) = leaves(z)
    assert leaf.grad == 0.0
    u, big = Value(0.0), Value(math.inf)
    v = where(False, u * big, u)  # 0 * inf: a product has no slope that is infinite by itself
    w = copied(v)
    for root in (v, w):
        root.backward()
        assert [bits(n.grad) for n in leaves(root)] == ["nan", bits(0.0)]


@copiers
def test_a_derivative_graph(copied):
    x = Value(0.0, "x")
    y = sqrt(x) + x**3 * 2
    y.label = "y"
    (d,) = gradient(y, [x])
    e = copied(d)
    assert like(d, e)
    assert e.label == "dy/dx"
    assert bits(e.recompute().data) == bits(math.inf)


def test_what_is_copied_is_as_it_is_now():
    y = graph()
    kept = pickle.Pickler(io.BytesIO())
    kept.dump(y)  # a pickler that is kept holds what it pickled
    memo = {}
    copy.deepcopy(y, memo)
    y.backward(seed=9.0)
    y.label = "later"
    for copied in COPIERS.values():
        assert like(y, copied(y))


def test_several_copies_at_once_in_threads():
    y = graph()
    results = []

    def work():
        for k in range(20):
            copied = copy.deepcopy if k % 2 else lambda x: pickle.loads(pickle.dumps(x))
            one, two = copied([y, y.args[0]])
            results.append(like(y, one) and one.args[0] is two)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    finally:
        sys.setswitchinterval(interval)
    assert results == [True] * 80


def test_nothing_is_kept_after_copying():
    y = graph()
    copy.deepcopy([y, y.args[0]])
    pickle.loads(pickle.dumps(y))
    assert len(_copying.frozen) == 0


@copiers
def test_labels_of_any_kind_come_along(copied):
    a = Value(1.0, {"unit": [1, 2]})
    y = a * 2
    y.label = ("net", 3)
    z = copied(y)
    assert z.label == ("net", 3)
    assert z.args[0].label == {"unit": [1, 2]}
    assert z.args[0].label is not a.label


def test_a_chain_of_100_000_nodes_is_copied_and_pickled():
    x = Value(0.5, "x")
    y = x
    for _ in range(100_000):
        y = y + x
    y.backward(seed=0.5)
    for copied in (copy.deepcopy, COPIERS["pickle 5"]):
        z = copied(y)
        assert z.data == y.data
        nodes = topological(z)
        assert len(nodes) == 100_001
        assert nodes[0].grad == x.grad == 50000.5
        nodes[0].data = 1.0
        assert z.recompute().data == 100_001.0


def test_a_history_of_nodes_is_copied_in_linear_time():
    def history(n):
        x = Value(0.5)
        nodes = [x]
        for _ in range(n):
            nodes.append(nodes[-1] * 0.99 + x)
        return nodes

    def work(nodes):
        copies = []
        steps = calls(lambda: copies.extend(copy.deepcopy(nodes)))
        assert copies[-1].args[0].args[0] is copies[-2]
        return steps

    assert work(history(800)) < 9 * work(history(100))
    shuffled = history(300)
    random.Random(0).shuffle(shuffled)
    assert [n.data for n in copy.deepcopy(shuffled)] == [n.data for n in shuffled]
