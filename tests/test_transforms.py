"""grad, value_and_grad, jacobian, hessian, hvp, jvp and classify: functions made from functions, and what they refuse."""

import contextlib
import gc
import importlib
import math
import re
import threading
from typing import NamedTuple

import numpy
import pytest
from oracles import bits

import engine
import nn.losses  # noqa: F401  its rows join the table
from engine import Value, dot, exp, gradient, logsumexp, sin, softmax, sqrt, tanh
from engine.critical import CriticalPoint, classify
from engine.errors import PoleError
from engine.transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad
from nn import MLP


def D(f, x):
    return grad(f)(x)


# ---- functions made from functions


def test_nested_derivatives_are_not_confused():
    assert D(lambda x: x * D(lambda y: x + y, 1), 1) == 1
    assert D(lambda x: D(lambda y: x * y, 1.0), 2.0) == 1
    assert D(lambda x: x * D(lambda y: x * y * y, 3.0), 5.0) == 60  # d(6 x^2)
    assert D(lambda x: D(lambda y: D(lambda z: x * y * z * z, 1.0), 2.0), 3.0) == 2
    x = Value(3.0)
    assert D(lambda y: x * y, x).data == 3.0  # and not 6: x is no argument there
    assert D(lambda x: jvp(lambda y: x * y * y, (2.0,), (1.0,))[1], 5.0) == 4.0
    assert D(lambda x: hvp(lambda y: x**2 * y**3, (2.0,), (1.0,)), 5.0) == 120.0
    assert D(lambda x: hessian(lambda y: x**2 * y**3)(2.0), 5.0) == 120.0


def test_every_order_by_nesting():
    f, x = (lambda x: x**7 / 7), 1.5
    for k, factor in enumerate([1, 6, 30, 120, 360, 720, 720]):
        f = grad(f)
        assert f(x) == pytest.approx(factor * x ** (6 - k), rel=1e-14)
    assert grad(f)(x) == 0.0


def test_numbers_give_floats_and_values_give_values():
    f = lambda x, y: x * x * y
    assert [type(g) for g in grad(f, (0, 1))(2.0, 3)] == [float, float]
    x, y = Value(2.0, "x"), Value(3.0)
    dx, dy = grad(f, (0, 1))(x, y)
    assert (dx.data, dy.data) == (12.0, 4.0)
    assert gradient(dx, [x, y])[1].data == 4.0
    assert grad(f)(x, 3.0).data == 12.0
    assert [type(g) for g in grad(f, (0, 1))(x, 3.0)] == [Value, Value]
    assert type(grad(lambda x: x + 1)(x)) is Value
    assert (x.grad, y.grad) == (None, None)


def test_what_rests_on_other_values_stays_alive():
    """A loss of a slope, as for differential equations, keeps its gradient by the weights."""
    w = Value(0.5, "w")
    slope = grad(lambda x: tanh(w * x))(2.0)
    assert slope.data == pytest.approx(0.5 * (1 - math.tanh(1) ** 2))
    (slope**2).backward()
    t = math.tanh(1.0)
    assert w.grad == pytest.approx(2 * slope.data * (1 - t * t) * (1 - 2 * 0.5 * 2 * t), rel=1e-14)
    value, slope = value_and_grad(lambda x: w * w + 3 * x)(2.0)
    assert (type(value), slope) == (Value, 3.0)
    assert grad(lambda x: x * Value(3.0) + MLP(1, [2, 1], seed=0)([x])[0] * 0)(2.0) == 3.0


def test_structures_come_back():
    class Point(NamedTuple):
        x: float
        y: float

    f = lambda p, q, scale=1.0: scale * (p[0] * p[1][0] ** 2 + p[1][1] * q)
    assert grad(f)([2.0, (3.0, 5.0)], 7.0) == [9.0, (12.0, 7.0)]
    assert grad(f, (1, 0))([2.0, (3.0, 5.0)], 7.0, scale=2.0) == (10.0, [18.0, (24.0, 14.0)])
    assert grad(f, [1])([2.0, (3.0, 5.0)], 7.0) == (5.0,)
    assert grad(f, -1)([2.0, (3.0, 5.0)], 7.0) == 5.0
    assert grad(lambda p: p.x * p.y)(Point(2.0, 3.0)) == Point(3.0, 2.0)
    assert grad(lambda p: Value(1.0))([]) == []
    assert value_and_grad(f, 1)([2.0, (3.0, 5.0)], 7.0) == (53.0, 5.0)
    assert grad(lambda s, x: x * len(s), 1)("abc", 2.0) == 3.0  # what is not differentiated by may be anything


def test_what_the_result_does_not_depend_on_has_slope_zero():
    w = Value(4.0)
    assert grad(lambda x, y: x * 2, (0, 1))(1.0, 5.0) == (2.0, 0.0)
    assert grad(lambda x: Value(3.0))(1.0) == 0.0
    assert grad(lambda x: w)(1.0) == 0.0
    assert hessian(lambda x: 3 * x[0] + w)([1.0, 2.0]) == [[0.0, 0.0], [0.0, 0.0]]
    assert hvp(lambda x: 3 * x[0] + w, ([1.0, 2.0],), ([1.0, 1.0],)) == [0.0, 0.0]
    assert jvp(lambda x: [Value(2.0), x], (1.0,), (5.0,)) == ([2.0, 1.0], [0.0, 5.0])
    assert grad(lambda x: x < 3)(1.0) == 0.0


def vector(x):
    return [x[0] * sin(x[1]), exp(x[2] * x[0]), x[1] / x[2], x[0] + 0 * x[1]]


POINT, VELOCITY = [0.7, -1.2, 0.4], [1.5, -0.25, 2.0]


def test_jacobians_have_the_form_of_output_and_argument():
    x, y, z = POINT
    J = jacobian(vector)(POINT)
    rows = [[math.sin(y), x * math.cos(y), 0.0], [z * math.exp(z * x), 0.0, x * math.exp(z * x)]]
    rows += [[0.0, 1 / z, -y / z**2], [1.0, 0.0, 0.0]]
    assert all(row == pytest.approx(true, rel=1e-14) for row, true in zip(J, rows, strict=True))
    assert jacobian(lambda x: x * x)(3.0) == 6.0
    assert jacobian(lambda x: [x, (x * x, 2 * x)])(3.0) == [1.0, (6.0, 2.0)]
    assert jacobian(lambda x, y: [x * y[0], y[1]], (0, 1))(2.0, [3.0, 4.0]) == ([3.0, 0.0], [[2.0, 0.0], [0.0, 1.0]])
    assert jacobian(lambda x: [[x[0][0], x[1][0]]])([[1.0], [2.0]]) == [[[[1.0], [0.0]], [[0.0], [1.0]]]]
    assert jacobian(lambda x: [])(1.0) == []
    assert type(jacobian(vector)([Value(v) for v in POINT])[2][0]) is Value


def test_jacobians_and_hessians_against_hips_autograd():
    autograd = importlib.import_module("autograd")
    np = importlib.import_module("autograd.numpy")
    J = numpy.array(jacobian(vector)(POINT))
    theirs = autograd.jacobian(lambda x: np.array([x[0] * np.sin(x[1]), np.exp(x[2] * x[0]), x[1] / x[2], x[0]]))
    assert J.shape == (4, 3)
    assert numpy.allclose(J, theirs(numpy.array(POINT)), rtol=1e-14, atol=0)
    f = lambda x, e: e.tanh(x[0] * x[1]) * e.exp(x[2]) + e.sin(x[0] - x[2]) ** 2
    H = numpy.array(hessian(lambda x: f(x, engine))(POINT))
    assert numpy.allclose(H, autograd.hessian(lambda x: f(x, np))(numpy.array(POINT)), rtol=1e-13, atol=0)


def test_a_jacobian_along_a_velocity():
    values, slopes = jvp(vector, (POINT,), (VELOCITY,))
    J = jacobian(vector)(POINT)
    assert values == [v.data for v in vector([Value(x) for x in POINT])]
    assert slopes == pytest.approx([sum(j * v for j, v in zip(row, VELOCITY, strict=True)) for row in J], rel=1e-14)
    xs, vs = [Value(x) for x in POINT], [Value(v) for v in VELOCITY]
    outputs, tangents = jvp(vector, (xs,), (vs,))
    assert [bits(t.data) for t in tangents] == [bits(t) for t in slopes]
    assert [type(y) for y in outputs] == [Value] * 4
    assert [g.data for g in gradient(tangents[0], vs[:2])] == pytest.approx(J[0][:2], rel=1e-14)
    assert jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 10.0)) == (6.0, 23.0)
    assert jvp(lambda x: {0: 1}[0] * x, [2.0], [1.0]) == (2.0, 1.0)
    assert jvp(lambda x: x * x, (3.0,), (Value(2.0),))[1].data == 12.0


def test_a_velocity_of_zero_stays_zero_through_an_infinite_slope():
    f = lambda x: sqrt(x[0]) + x[1]
    assert jvp(f, ([0.0, 1.0],), ([0.0, 2.0],)) == (1.0, 2.0)
    outputs = jvp(f, ([Value(0.0), Value(1.0)],), ([Value(0.0), Value(2.0)],))
    assert outputs[1].data == 2.0
    assert jvp(f, ([0.0, 1.0],), ([Value(0.0), Value(2.0)],))[1].data == 2.0
    assert jvp(f, ([0.0, 1.0],), ([1.0, 2.0],))[1] == math.inf


def deep(x):
    """A function of several numbers with a full Hessian."""
    net = MLP(4, [6, 5, 1], activation="tanh", seed=3)
    return net(x)[0] * logsumexp(x) + softmax([x[0] * x[1], x[2] / (1 + x[3] ** 2)])[0]


def test_a_hessian_along_a_velocity():
    point, v = [0.5, -0.2, 0.8, 0.1], [1.0, -2.0, 0.5, 0.25]
    H = hessian(deep)(point)
    true = [sum(h * p for h, p in zip(row, v, strict=True)) for row in H]
    assert hvp(deep, (point,), (v,)) == pytest.approx(true, rel=1e-13, abs=1e-15)
    alive = hvp(deep, ([Value(x) for x in point],), (v,))
    assert [g.data for g in alive] == pytest.approx(true, rel=1e-13, abs=1e-15)
    f = lambda a, b: a[0] ** 2 * b + a[1] * b**3
    assert hvp(f, ([2.0, 3.0], 5.0), ([1.0, 0.0], 1.0)) == ([14.0, 75.0], 94.0)


def test_hessians_are_symmetric_in_every_bit():
    point = [0.5, -0.2, 0.8, 0.1]
    H = hessian(deep)(point)
    assert all(bits(H[i][k]) == bits(H[k][i]) for i in range(4) for k in range(4))
    alive = hessian(deep)([Value(x) for x in point])
    assert all(alive[i][k] is alive[k][i] for i in range(4) for k in range(4))
    assert [[bits(g.data) for g in row] for row in alive] == [[bits(g) for g in row] for row in H]
    first = [row[i] for i, row in enumerate(jacobian(grad(deep))([Value(x) for x in point]))]
    assert [g.data for g in first] == pytest.approx([H[i][i] for i in range(4)], rel=1e-12)


def test_hessians_of_several_arguments_are_blocks():
    f = lambda a, b: a[0] * b * a[1] ** 2
    H = hessian(f, (0, 1))([1.0, 2.0], 3.0)
    assert H == (([[0.0, 12.0], [12.0, 6.0]], [4.0, 4.0]), ([4.0, 4.0], 0.0))
    assert hessian(f, 1)([1.0, 2.0], 3.0) == 0.0
    assert hessian(lambda x: x[0][0] ** 2 * x[1][0])([[3.0], [5.0]]) == [[[[10.0], [6.0]]], [[[6.0], [0.0]]]]
    assert hessian(lambda x: x**3)(2.0) == 12.0


def test_grad_has_the_bits_of_backward():
    point = [0.5, -0.2, 0.8, 0.1]
    xs = [Value(x) for x in point]
    y = deep(xs)
    y.backward()
    value, slopes = value_and_grad(deep)(point)
    assert bits(value) == bits(y.data)
    assert [bits(g) for g in slopes] == [bits(x.grad) for x in xs]
    assert [bits(g.data) for g in grad(deep)([Value(x) for x in point])] == [bits(g) for g in slopes]


def test_gradients_that_are_there_already_are_left_alone():
    w = Value(2.0)
    (w * w).backward()
    grad(lambda x: w * x)(3.0)
    hessian(lambda x: w * x * x)(3.0)
    jvp(lambda x: w * x * x, (3.0,), (1.0,))
    assert w.grad == 4.0


def test_threads_do_not_meet():
    found = [[] for _ in range(4)]

    def work(k):
        for i in range(30):
            found[k].append(D(lambda x: x * D(lambda y: x * y**2, 1.0 + k), 2.0 + i))

    threads = [threading.Thread(target=work, args=[k]) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == [[4.0 * (1 + k) * (2.0 + i) for i in range(30)] for k in range(4)]


def test_nothing_is_left_behind():
    gc.collect()
    gc.disable()
    try:
        grad(deep)([0.5, -0.2, 0.8, 0.1])
        hessian(deep)([0.5, -0.2, 0.8, 0.1])
        jvp(vector, ([Value(x) for x in POINT],), (VELOCITY,))
        x = Value(2.0)
        gradient(gradient(x.sin() / x, [x])[0], [x])
        del x
        assert gc.collect() == 0
    finally:
        gc.enable()


# ---- what is refused


W = Value(1.0, "w")


def changes_the_list(x):
    x[0] = x[0] * 2
    return x[0]


def grows_the_list(x):
    x.append(x[0])
    return x[0]


def sets_data(x):
    x[1].data = 7.0
    return x[0] * x[1]


def sets_its_own(x):
    x.data = -1.5
    return x * x


NUMBER = (
    "which does not remember how it was made: compute with the engine's functions, exp(x) and not math.exp(x), without "
    ".data and .item(); if the result is constant, return Value"
)
NO_INT = "argnums is an int or a tuple of ints, as in argnums=(0, 2), not"
BY_POSITION = "by position; arguments given by keyword are not differentiated by"
WHOLE = "the function must return one Value, not"
REFUSED = [
    (lambda: grad(3.0), TypeError, "grad takes a function, grad(f)(x), not 3.0"),
    (
        lambda: hessian(W),
        TypeError,
        "hessian takes a function, hessian(f)(x), not Value(data=1, grad=–, label='w'); of a recorded graph take "
        "gradient(y, [x])",
    ),
    (lambda: jvp(2.0, (2.0,), (1.0,)), TypeError, "jvp takes a function, jvp(f, (x,), (v,)), not 2.0"),
    (lambda: grad(sin, "0"), TypeError, f"grad: {NO_INT} '0'"),
    (lambda: jacobian(sin, True), TypeError, f"jacobian: {NO_INT} True"),
    (lambda: hessian(sin, (0, 1.0)), TypeError, f"hessian: {NO_INT} (0, 1.0)"),
    (lambda: hessian(sin, [1.0, 2]), TypeError, f"hessian: {NO_INT} [1.0, 2]; the arguments of f go into a call of their own, hessian(f)(1.0, 2)"),
    (lambda: jacobian(sin, 0.5), TypeError, "go into a call of their own, jacobian(f)(0.5)"),
    (lambda: grad(sin, ()), ValueError, "grad: argnums is empty; name at least one argument"),
    (
        lambda: grad(sin, 2)(1.0),
        TypeError,
        f"grad: argnums=2 asks for argument 2, and the function was called with 1 {BY_POSITION}",
    ),
    (lambda: grad(sin, -2)(1.0), TypeError, "grad: argnums=-2 asks for argument -2, and the function was called with 1"),
    (lambda: grad(lambda x: x)(x=1.0), TypeError, "argument 0, and the function was called with 0 by position"),
    (
        lambda: value_and_grad(max, (0, -2))(1.0, 2.0),
        ValueError,
        "value_and_grad: argnums=(0, -2) names argument 0 twice",
    ),
    (lambda: grad(lambda x: None)(1.0), TypeError, "grad: the function returned None; does it end with `return`?"),
    (lambda: grad(lambda x: x.data**2)(3.0), TypeError, f"grad: the function returned the number 9.0, {NUMBER}(9.0)"),
    (lambda: hvp(lambda x: 4, (3.0,), (1.0,)), TypeError, f"hvp: the function returned the number 4, {NUMBER}(4)"),
    (lambda: grad(math.exp)(1.0), TypeError, "write engine.exp(v) for math.exp(v)"),
    (
        lambda: grad(lambda x: "x")(1.0),
        TypeError,
        "grad: the function returned 'x' of type str where a Value was expected",
    ),
    (lambda: grad(lambda x: numpy.array([x, x]))(1.0), TypeError, "of type ndarray where a Value was expected"),
    (lambda: grad(lambda x: [x, x])(1.0), TypeError, f"grad: {WHOLE} [Value(data=1, grad=–), Value(data=1, grad=–)]; "),
    (lambda: grad(lambda x: [x])(1.0), TypeError, "; return one of them or their sum, or ask for jacobian(f)"),
    (lambda: hessian(lambda x: (x,))(1.0), TypeError, f"hessian: {WHOLE} (Value(data=1, grad=–),)"),
    (
        lambda: jacobian(lambda x: [x, (x, 3.0)])(1.0),
        TypeError,
        f"jacobian: the function returned the number 3.0, {NUMBER}(3.0) (at [1][1])",
    ),
    (
        lambda: grad(sum)([W, 2.0]),
        TypeError,
        "grad: argument 0 mixes Values with 2.0 at [1]: write Value(...) there, or .data of the Values",
    ),
    (
        lambda: grad(lambda x: x["a"])({"a": 1.0}),
        TypeError,
        "grad: argument 0: a number was expected, not {'a': 1.0} of type dict",
    ),
    (
        lambda: grad(sum)([1.0, ["a"]]),
        TypeError,
        "grad: argument 0[1][0]: a number was expected, not 'a' of type str",
    ),
    (lambda: grad(lambda y, x: x, 1)(1.0, None), TypeError, "grad: argument 1: a number was expected, not None"),
    (
        lambda: grad(sum)(numpy.ones(3)),
        TypeError,
        "grad: argument 0 is an array: write x.tolist() for a list of its numbers",
    ),
    (
        lambda: grad(changes_the_list)([1.0, 2.0]),
        ValueError,
        "grad: the function changed its argument 0; let it work on a copy, such as list(x)",
    ),
    (lambda: jacobian(grows_the_list)([1.0, 2.0]), ValueError, "jacobian: the function changed its argument 0; "),
    (
        lambda: grad(sets_data)([1.0, 2.0]),
        ValueError,
        "grad: the function set .data of its argument 0[1] from 2.0 to 7.0, and the derivative would belong to neither; "
        "let it compute a new Value",
    ),
    (
        lambda: jvp(sets_its_own, (W,), (1.0,)),
        ValueError,
        "jvp: the function set .data of its argument 0 from 1.0 to -1.5",
    ),
    (
        lambda: jvp(sin, 2.0, 1.0),
        TypeError,
        "jvp: primals is a tuple with an entry for each argument, jvp(f, (x,), (v,)), not 2.0",
    ),
    (lambda: hvp(sin, (2.0,), ()), TypeError, "hvp: tangents is a tuple with an entry for each argument, "),
    (lambda: jvp(sin, (2.0,), (1.0, 2.0)), ValueError, "jvp: 1 primals have 2 tangents; give one for each"),
    (
        lambda: hvp(sum, ([2.0, 3.0],), ([1.0],)),
        ValueError,
        "hvp: tangents[0] is [1.0], which has not the form of its primal, [2.0, 3.0]",
    ),
    (lambda: jvp(lambda x: x[0][0], ([[2.0]],), ([1.0],)), ValueError, "not the form of its primal, [[2.0]]"),
    (lambda: jvp(sum, ([2.0],), (["a"],)), TypeError, "jvp: tangents[0][0]: a number was expected, not 'a' of type str"),
]


@pytest.mark.parametrize(("call", "kind", "sentence"), REFUSED)
def test_bad_input_is_one_clear_error(call, kind, sentence):
    with pytest.raises(kind, match=re.escape(sentence)):
        call()


def test_the_callers_own_list_is_never_touched():
    mine = [1.0, 2.0]
    with contextlib.suppress(ValueError):
        grad(changes_the_list)(mine)
    assert mine == [1.0, 2.0]
    assert grad(lambda x: sum(sorted(x)[:1]))(mine) == [1.0, 0.0]


def test_what_the_function_raises_comes_through():
    with pytest.raises(PoleError, match=r"div\(a=1\.0, b=0\.0\)"):
        grad(lambda x: 1 / x)(0.0)
    with pytest.raises(ZeroDivisionError):
        hessian(lambda x: 1 / x[0])([0.0])


# ---- critical points


def test_every_kind_of_critical_point():
    kinds = {
        "minimum": (lambda x: x[0] ** 2 + (x[1] - 1) ** 2 / 2 + x[0] * x[1] / 9 - x[0] / 9, [0.0, 1.0]),
        "maximum": (lambda x: engine.cos(x[0]) * exp(-(x[1] ** 2)), [0.0, 0.0]),
        "saddle": (lambda x: x[0] * x[1] + 3, [0.0, 0.0]),
        "plateau": (lambda x: x[0] ** 4 + x[1] ** 6, [0.0, 0.0]),
        "degenerate": (lambda x: x[0] ** 2 + x[1] ** 4, [0.0, 0.0]),
        "not stationary": (lambda x: x[0] ** 2 + x[1], [0.0, 0.0]),
    }
    for kind, (f, x) in kinds.items():
        assert classify(f, x).kind == kind
    assert classify(lambda x: x[0] ** 2 - x[1] ** 2 + x[2] ** 4, [0.0] * 3).kind == "saddle"  # whatever the third does
    assert classify(lambda x: -(x**2), 0.0) == CriticalPoint("maximum", 0.0, [0.0], [-2.0])
    assert classify(lambda x: -(x[0] ** 2) - x[1] ** 4, [0.0, 0.0]).kind == "degenerate"


def test_what_a_critical_point_says():
    found = classify(lambda x: 3 + x[0][0] ** 2 - 2 * x[1][0] ** 2, [[0.0], [0.0]])
    assert (found.value, found.gradient) == (3.0, [0.0, 0.0])
    assert found.eigenvalues == pytest.approx([-4.0, 2.0])
    assert str(found) == "saddle: eigenvalues -4 to 2, |gradient| 0"
    assert str(classify(lambda x: x * x, 0.0)) == "minimum: eigenvalue 2, |gradient| 0"
    assert str(classify(lambda x: x * x, Value(3.0))) == "not stationary: eigenvalue 2, |gradient| 6"


def test_the_tolerance_is_relative_above_one():
    f = lambda x: 1e6 + x**2
    assert classify(f, 0.4).kind == "minimum"  # 0.8 of 1e6
    assert classify(f, 0.6).kind == "not stationary"
    assert classify(f, 0.4, tolerance=1e-9).kind == "not stationary"
    assert classify(lambda x: 1e9 * x[0] ** 2 + x[1] ** 2, [0.0, 0.0]).kind == "degenerate"
    assert classify(lambda x: 1e9 * x[0] ** 2 + x[1] ** 2, [0.0, 0.0], tolerance=1e-10).kind == "minimum"


def test_a_net_of_zeros_is_a_saddle_for_and_and_degenerate_for_xor():
    """All weights zero, the last bias the mean target: the gradient vanishes, and only AND shows a way down."""

    def loss(targets):
        def E(w):
            hidden = [[tanh(dot(w[j : j + 3], [*x, 1.0])) for j in (0, 3)] for x in [(0, 0), (0, 1), (1, 0), (1, 1)]]
            return sum((t - dot(w[6:], [*h, 1.0])) ** 2 for t, h in zip(targets, hidden, strict=True))

        return E

    land, xor = classify(loss([0, 0, 0, 1]), [0.0] * 8 + [0.25]), classify(loss([0, 1, 1, 0]), [0.0] * 8 + [0.5])
    assert land.gradient == xor.gradient == [0.0] * 9
    assert (land.kind, xor.kind) == ("saddle", "degenerate")
    assert land.eigenvalues[:2] == pytest.approx([-math.sqrt(2), -math.sqrt(2)])


@pytest.mark.parametrize(
    ("call", "kind", "sentence"),
    [
        (lambda: classify(W, 1.0), TypeError, "classify takes a function, classify(f, x), not Value"),
        (lambda: classify(lambda x: [x], 1.0), TypeError, f"classify: {WHOLE} [Value"),
        (lambda: classify(sin, 1.0, 0.0), ValueError, "classify: the tolerance is a number between 0 and 1, not 0.0"),
        (lambda: classify(sin, 1.0, "small"), ValueError, "between 0 and 1, not 'small'"),
        (lambda: classify(sqrt, 0.0), ValueError, "not everything is finite at 0.0: f is 0.0, its gradient [inf]"),
        (lambda: classify(lambda x: Value(1.0), []), ValueError, "classify: [] holds no number that could move"),
    ],
)
def test_bad_questions_about_critical_points(call, kind, sentence):
    with pytest.raises(kind, match=re.escape(sentence)):
        call()


def test_without_numpy_one_sentence(monkeypatch):
    real = importlib.import_module

    def missing(name, *args):
        if name == "numpy":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(importlib, "import_module", missing)
    sentence = "^classify takes eigenvalues from NumPy, which is not installed: pip install numpy$"
    with pytest.raises(ImportError, match=sentence):
        classify(lambda x: x * x, 0.0)
