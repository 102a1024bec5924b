"""The backward pass: sums over uses, passes that repeat, seeds, accumulation, depth, interrupts."""

import itertools
import math
import sys
import warnings

import pytest
from oracles import bits, lines

import engine.value
from engine import Leaves, Value, dot, gradient, sqrt, where
from engine.errors import GradientReplaced
from engine.graph import below, topological


def grads(*nodes):
    return [n.grad for n in nodes]


# ---- shared nodes


def test_a_node_used_twice_gets_both_contributions():
    a = Value(3.0)
    b = a + a
    c = b + b
    c.backward(seed=0.5)
    assert grads(a, b, c) == [2.0, 1.0, 0.5]
    x = Value(-1.5)
    (x * x).backward(seed=3.0)
    assert x.grad == -9.0
    (x - x).backward()
    assert x.grad == 0.0
    (x / x).backward()
    assert x.grad == 0.0


def test_a_diamond():
    a = Value(2.0)
    left, right = a * 2, a + 3
    y = left * right
    y.backward(seed=10.0)
    assert grads(left, right, a) == [50.0, 40.0, 140.0]


def test_several_consumers_in_any_order_give_the_same_gradients():
    def run(order):
        x = Value(0.75)
        s = x * x
        uses = [lambda: s * 3, lambda: s.tanh(), lambda: 1 / s, lambda: s - x, lambda: dot([s, x], [x, s])]
        made = {k: uses[k]() for k in order}
        y = made[0] + made[1] * made[2] + made[3] * made[4]
        y.backward(seed=0.7)
        return x.grad

    one, x = run(range(5)), 0.75  # of 3x^2 + tanh(x^2)/x^2 + (x^2 - x) 2x^3
    t = math.tanh(x * x)
    slope = 6 * x + 2 * (1 - t * t) / x - 2 * t / x**3 + (2 * x - 1) * 2 * x**3 + (x * x - x) * 6 * x * x
    assert one == pytest.approx(0.7 * slope, rel=1e-14)
    for order in itertools.permutations(range(5)):
        assert run(order) == pytest.approx(one, rel=1e-14)


def test_a_node_is_passed_on_only_when_it_is_whole():
    x, a = Value(1.0), Value(2.0)
    y = x * (x * a) + x * x * a + x * (x * a)
    y.backward()
    assert grads(x, a) == [12.0, 3.0]
    a, b = Value(2.0), Value(3.0)
    c = a + b
    d = a * b
    y = (c + d) + c * d
    y.backward()
    assert (y.data, grads(c, d, a, b)) == (41.0, [7.0, 6.0, 25.0, 19.0])


def test_2_to_the_60_paths_at_once():
    x = Value(1.0)
    y = x
    for _ in range(60):
        y = y + y
    assert lines(lambda: y.backward(seed=0.5)) < 60 * 40
    assert x.grad == 2.0**59
    assert gradient(y, [x])[0].data == y.data == 2.0**60


# ---- passes that repeat


def test_a_second_pass_gives_the_same_again():
    a, b, d = Value(3.0), Value(2.0), Value(-1.0)
    e = (a + b) * d
    y = e**3 + e
    y.backward(seed=0.7)
    first = [bits(n.grad) for n in topological(y)]
    for _ in range(3):
        y.backward(seed=0.7)
        assert [bits(n.grad) for n in topological(y)] == first
    y.backward(seed=1.4)
    assert grads(a) == [pytest.approx(2 * 0.7 * -76.0)]


@pytest.mark.parametrize("zero", [None, 0, 0.0, 17.5])
def test_gradients_set_by_hand_are_replaced(zero):
    a = Value(1.5)
    s = a * a
    y = s * 3 + s
    y.backward()
    for chosen in ([a], [s], [y], [a, s], [a, s, y]):
        for n in chosen:
            n.grad = zero
        y.backward()
        assert grads(a, s, y) == [12.0, 4.0, 1.0]


def test_two_roots_over_one_inner_node():
    a = Value(2.0)
    s = a * a
    y, z = s * 3, s * 5
    y.backward()
    assert grads(a, s) == [12.0, 3.0]
    z.backward()
    assert grads(a, s, y, z) == [20.0, 5.0, 1.0, 1.0]
    y.backward(seed=2.0)
    assert grads(a, s, y, z) == [24.0, 6.0, 2.0, 1.0]


def test_accumulate_adds_in_the_leaves_alone():
    a, b = Value(2.0), Value(5.0)
    s = a * a
    y, z = s * 3 + b, s * 5
    y.backward(accumulate=True)
    assert grads(a, b, s) == [12.0, 1.0, 3.0]
    z.backward(accumulate=True)
    assert grads(a, b, s) == [32.0, 1.0, 5.0]
    y.backward(seed=0.5, accumulate=True)
    assert grads(a, b, s, y) == [38.0, 1.5, 1.5, 0.5]
    y.backward()
    assert grads(a, b) == [12.0, 1.0]


def test_accumulate_twice_is_exactly_twice():
    w = Leaves([Value(0.3), Value(-0.7)])
    y = dot(w, [1.1, 1.3]).tanh()
    y.backward()
    once = grads(*w)
    y.backward(accumulate=True)
    assert grads(*w) == [2 * g for g in once]
    y.backward(accumulate=True)
    assert grads(*w) == [pytest.approx(3 * g, rel=1e-15) for g in once]


def test_inner_nodes_keep_their_gradients():
    x = Value(0.5)
    h = (x * 3).tanh()
    y = h * h
    y.backward()
    assert h.grad == 2 * h.data
    assert h.args[0].grad == pytest.approx(2 * h.data * (1 - h.data**2))


# ---- roots, seeds, what is not reached


def test_grad_is_none_until_a_pass_reaches_the_node():
    a, b = Value(2.0), Value(3.0)
    other = b * 2
    y = a * 5
    assert grads(a, b, other, y) == [None] * 4
    y.backward()
    assert grads(a, b, other, y) == [5.0, None, None, 1.0]


def test_a_leaf_is_its_own_root():
    a = Value(2.0)
    a.backward()
    assert a.grad == 1.0
    a.backward(seed=-0.25)
    assert a.grad == -0.25
    a.backward(seed=2.0, accumulate=True)
    assert a.grad == 1.75


def test_every_gradient_scales_with_the_seed():
    a, b = Value(0.3), Value(-1.7)
    y = (a * b).tanh() / (a - b) + a**3
    y.backward()
    once = grads(a, b)
    for seed in (2, -4.0, 0.5):
        y.backward(seed=seed)
        assert grads(a, b) == [seed * g for g in once]
    y.backward(seed=0)
    assert grads(a, b, y) == [0.0, 0.0, 0.0]


def test_a_seed_is_a_number():
    y = Value(2.0) * 3
    with pytest.raises(TypeError, match=r"^backward: seed: a number was expected, not 'one' of type str; "):
        y.backward(seed="one")
    with pytest.raises(TypeError, match=r"^backward: seed: Value\(data=1, grad=–\) is a Value already"):
        y.backward(seed=Value(1.0))
    assert grads(y, y.args[0]) == [None, None]


def test_an_adjoint_of_exactly_zero_passes_an_infinite_partial_as_zero():
    x = Value(0.0)
    root = sqrt(x)
    (root * 0).backward()
    assert (x.grad, root.grad) == (0.0, 0.0)
    (where(x > 1, root, x * 3)).backward()
    assert x.grad == 3.0
    (root * 2).backward()
    assert x.grad == float("inf")
    tiny = Value(1e-320)  # 1/tiny is too large to be told from infinity, and nothing raises
    y = 0.0 * (Value(0.0) / tiny)
    y.backward()
    assert tiny.grad == y.args[1].args[0].grad == 0.0
    assert y.args[1].partials == (math.inf, 0.0)


def test_the_pass_is_the_chain_rule_over_recorded_numbers():
    x = Value(3.0)
    y = (x * x) * x
    x.data = 100.0  # the graph is the record of one evaluation
    y.backward()
    assert (y.data, x.grad) == (27.0, 27.0)


def test_zero_signs_are_those_of_the_terms():
    x = Value(2.0)
    (x * -0.0).backward()
    assert bits(x.grad) == bits(-0.0)
    (x * -0.0 + x * 0.0).backward()
    assert bits(x.grad) == bits(0.0)


# ---- the warning


def test_a_replaced_gradient_is_told_once(told):
    told.clear()
    a = Value(2.0, "alpha")
    y, z = a * 3, a * 5
    y.backward()
    with pytest.warns(GradientReplaced) as told_to_user:
        z.backward()
    assert [str(w.message) for w in told_to_user] == [
        "backward() replaced the gradient of alpha that a pass from another root had left, where PyTorch would have "
        "added: call zero_grad() first to say that this is meant, or backward(accumulate=True) to add"
    ]
    assert told_to_user[0].filename == __file__
    assert a.grad == 5.0
    (a * 7).backward()  # silent from now on: a warning would be an error here
    assert a.grad == 7.0


@pytest.mark.parametrize("weights", [Leaves, list])
def test_a_replaced_gradient_is_told_for_vectors_too(told, weights):
    told.clear()
    w = weights([Value(2.0), Value(1.0)])
    dot(w, [1.0, 2.0]).backward()
    with pytest.warns(GradientReplaced, match="replaced the gradient that a pass"):
        dot(w, [3.0, 4.0]).backward()
    assert grads(*w) == [3.0, 4.0]


@pytest.mark.parametrize(
    "again",
    [
        lambda a, y: y.backward(),
        lambda a, y: y.backward(seed=3.0),
        lambda a, y: (a * 5).backward(accumulate=True),
        lambda a, y: (setattr(a, "grad", None), (a * 5).backward()),
        lambda a, y: (setattr(a, "grad", 0.0), (a * 5).backward()),
        lambda a, y: (Value(1.0) * 5).backward(),
    ],
    ids=["again", "another seed", "accumulate", "None", "zero", "other leaves"],
)
def test_what_is_meant_gives_no_warning(told, again):
    told.clear()
    a = Value(2.0)
    y = a * 3
    y.backward()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again(a, y)
    assert not told


def test_the_warning_as_an_error_leaves_no_half_made_gradients(told):
    told.clear()
    a = Value(2.0)
    s = a * a
    y, z = s + 1, s * 3
    y.backward()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(GradientReplaced):
            z.backward()
    assert grads(a, s, z) == [None, None, None]
    z.backward()
    assert grads(a, s, z) == [12.0, 3.0, 1.0]


# ---- interrupts


class Interrupt:
    """Raises KeyboardInterrupt at the n-th line that runs in the backward pass, wherever that is."""

    FUNCTIONS = (Value.backward.__code__, engine.value._reached.__code__)

    def __init__(self, n):
        self.left = n

    def __call__(self, frame, event, arg):
        if frame.f_code in self.FUNCTIONS:
            if event == "line":
                self.left -= 1
                if self.left == 0:
                    raise KeyboardInterrupt
            return self
        return None


@pytest.mark.parametrize("accumulate", [False, True])
def test_an_interrupt_anywhere_leaves_no_half_made_gradient(accumulate):
    interrupted = 0
    for n in range(1, 500):
        a, b = Value(2.0), Value(-3.0)
        w = Leaves([Value(0.5), Value(0.25)])
        s = a * b
        y = dot(w, [s, a]) + s * s - 5 / s + dot([s, 2.0], [b, a])
        y.backward(seed=0.5)
        nodes = topological(y)
        before = grads(*nodes)
        trace = sys.gettrace()
        sys.settrace(Interrupt(n))
        try:
            y.backward(seed=2.0, accumulate=accumulate)
        except KeyboardInterrupt:
            interrupted += 1
        else:
            break
        finally:
            sys.settrace(trace)
        after = grads(*nodes)
        y.backward(seed=0.5)
        y.backward(seed=2.0, accumulate=accumulate)
        done = grads(*nodes)
        cleared = [g if accumulate and v.op is None else None for v, g in zip(nodes, before, strict=True)]
        assert after in (cleared, before, done), f"interrupted at line event {n}"
    else:
        pytest.fail("the pass never came to its end")
    assert interrupted > 50


# ---- size


DEPTH = 100_000


@pytest.fixture(scope="module")
def chain():
    x = Value(0.5, "x")
    y = x
    for k in range(DEPTH // 2):
        y = (y + x) * 0.5 if k % 2 else (y * 0.5) + x
    return x, y


def test_a_chain_of_100_000_nodes(chain):
    assert sys.getrecursionlimit() <= 3000
    x, y = chain
    assert len(below(y)) == DEPTH + 1
    y.backward(seed=0.5)
    value = 1.0  # dy/dx of the recurrence, forward
    for k in range(DEPTH // 2):
        value = (value + 1) * 0.5 if k % 2 else value * 0.5 + 1
    assert x.grad == pytest.approx(0.5 * value, rel=1e-12)
    (d,) = gradient(y, [x])
    assert d.data == pytest.approx(value, rel=1e-12)
    x.data = 0.25
    assert y.recompute().data == pytest.approx(value * 0.25, rel=1e-12)
    x.data = 0.5
    y.recompute()


def test_a_wide_sum():
    xs = [Value(k / 7) for k in range(20_000)]
    y = sum(xs)
    y.backward(seed=0.25)
    assert {x.grad for x in xs} == {0.25}
    z = dot(xs, xs)
    z.backward(seed=0.25)
    assert [x.grad for x in xs] == [pytest.approx(k / 14) for k in range(20_000)]


def test_work_grows_with_the_graph_and_not_with_its_paths():
    def work(n):
        xs = [Value(0.1 * k) for k in range(5)]
        y = xs[0]
        for k in range(n):
            y = y * 0.5 + y * xs[k % 5]
        return lines(y.backward)

    small, large = work(250), work(2000)
    assert large == pytest.approx(8 * small, rel=0.02)
    assert large < 40 * 3 * 2000  # lines for each node
