"""The functions of the engine: rows of the table, called on numbers or Values.

On plain floats they give a float; on Values they record a node. Both raise where `math` raises.

    >>> from engine import Value
    >>> round(tanh(0.5), 6), tanh(Value(0.5))
    (0.462117, Value(data=0.462117, grad=–, op='tanh'))
"""

from __future__ import annotations

from collections.abc import Sequence
from inspect import Parameter, Signature
from typing import Any, Protocol, TypeAlias, overload

from engine.errors import short
from engine.ops import TABLE
from engine.recording import group, record
from engine.source import recorder
from engine.value import Leaves, Number, Value
from engine.whole import counted


Scalar: TypeAlias = Value | Number


class Unary(Protocol):
    """A function of one number."""

    @overload
    def __call__(self, a: Value) -> Value: ...
    @overload
    def __call__(self, a: Number) -> float: ...


class Binary(Protocol):
    """A function of two numbers."""

    @overload
    def __call__(self, a: Value, b: Scalar) -> Value: ...
    @overload
    def __call__(self, a: Scalar, b: Value) -> Value: ...
    @overload
    def __call__(self, a: Number, b: Number) -> float: ...


def function(name: str) -> Any:
    """The row `name` as a function, with its formulas as documentation.

    >>> print(function("sqrt").__doc__)
    y = sqrt(a)
    dy/da = 1/(2*y)
    defined for a >= 0
    dy/da = +inf at a = 0
    """
    row = TABLE[name]

    def call(*args: Any) -> Any:
        return record(row, *args)

    if len(row.args) == 1 and not row.vector[0]:
        make = recorder(name, "v")

        def call(a: Any) -> Any:  # type: ignore[misc]
            return make(a) if a.__class__ is Value else record(row, a)

    lines = [f"y = {row.value}", *(f"dy/d{s} = {f}" for s, f in zip(row.args, row.partials, strict=True))]
    lines += [f"defined for {row.domain}"] * bool(row.domain) + [row.convention] * bool(row.convention)
    call.__name__ = call.__qualname__ = name
    call.__module__ = __name__
    call.__doc__ = "\n".join(lines)
    call.__signature__ = Signature([Parameter(s, Parameter.POSITIONAL_ONLY) for s in row.args])  # type: ignore[attr-defined]
    return call


exp: Unary = function("exp")
log: Unary = function("log")
log1p: Unary = function("log1p")
expm1: Unary = function("expm1")
sqrt: Unary = function("sqrt")
sin: Unary = function("sin")
cos: Unary = function("cos")
tanh: Unary = function("tanh")
sigmoid: Unary = function("sigmoid")
softplus: Unary = function("softplus")
relu: Unary = function("relu")
absolute: Unary = function("absolute")
hypot: Binary = function("hypot")
maximum: Binary = function("maximum")
minimum: Binary = function("minimum")


@overload
def leaky_relu(a: Value, slope: Scalar = ...) -> Value: ...
@overload
def leaky_relu(a: Number, slope: Number = ...) -> float: ...
def leaky_relu(a: Any, slope: Any = 0.01) -> Any:
    """A where a > 0, slope * a elsewhere; at 0 its derivative is the slope.

    >>> leaky_relu(-2.0)
    -0.02
    """
    return record(TABLE["leaky_relu"], a, slope)


def where(condition: Any, a: Scalar, b: Scalar) -> Any:
    """`a` if the condition holds, `b` otherwise; only the chosen one has a gradient.

    Write the condition with Values (`x < y`), and it is decided anew whenever the graph is evaluated.

    >>> x = Value(-3.0)
    >>> where(x < 0, -x, x).data
    3.0
    """
    return record(TABLE["where"], condition, a, b)


def dot(w: Sequence[Scalar], x: Sequence[Scalar]) -> Any:
    """sum_k w_k x_k as one node, added from left to right. Raises ValueError for unequal lengths.

    >>> w = [Value(2.0), Value(-1.0)]
    >>> y = dot(w, [3.0, 4.0]); y.backward()
    >>> y.data, [v.grad for v in w]
    (2.0, [3.0, 4.0])
    """
    return record(TABLE["dot"], w, x)


def logsumexp(x: Sequence[Scalar]) -> Any:
    """Ln sum_k e^(x_k), without overflow.

    >>> round(logsumexp([1000.0, 1000.0]), 6)
    1000.693147
    """
    return record(TABLE["logsumexp"], x)


def softmax(x: Sequence[Scalar]) -> list[Any]:
    """e^(x_i) / sum_k e^(x_k) for every i, one node each (ESL 11.6); they sum to 1.

    >>> [round(p, 6) for p in softmax([0.0, 1.0])]
    [0.268941, 0.731059]
    """
    x, live = group(x, "softmax")
    if not live:
        return [record(TABLE["softmax"], a, x) for a in x]
    return [recorder("softmax", "vv" if a.__class__ is Value else "nv")(a, x) for a in x]


def affine(
    weights: Sequence[Sequence[Scalar]], x: Sequence[Scalar], biases: Sequence[Scalar] | None = None
) -> list[Any]:
    """net_j = sum_i w_ji x_i + b_j for every unit j, one node each, the bias last (LEC-4).

    `weights` holds one sequence per unit, as long as `x`; without `biases` the nodes are plain `dot`s.
    Raises ValueError for unequal lengths.

    >>> affine([[1.0, 2.0], [3.0, 4.0]], [10.0, 1.0], [0.5, -0.5])
    [12.5, 33.5]
    """
    xs, live = group(x, "affine")
    numbers = [v.data for v in xs] if live else xs
    offsets: Sequence[Any] = [None] * len(weights) if biases is None else biases
    if len(offsets) != len(weights):
        raise ValueError(f"affine: {counted(len(offsets), 'bias', 'biases')} for {counted(len(weights), 'unit')}; give one for each, or none")
    row, kinds = (TABLE["dot"], "vv") if biases is None else (TABLE["net"], "vvv")
    make = recorder(row.name, kinds if live else kinds.replace("vv", "vn", 1))
    plain = recorder(row.name, "f")
    nodes = []
    for w, b in zip(weights, offsets, strict=True):
        try:
            given = len(w)
        except TypeError:
            raise TypeError(f"affine: each unit has a sequence of weights, as in [[w1, w2]] for one unit, not {short(w)}") from None
        if given != len(xs):
            raise ValueError(f"affine: a unit with {counted(given, 'weight')} cannot take {counted(len(xs), 'input')}")
        args = (w, xs) if b is None else (w, xs, b)
        if w.__class__ is Leaves and b.__class__ is Value:
            nodes.append(make(w, xs, b, None, numbers))
        elif w.__class__ is Leaves and b is None:
            nodes.append(make(w, xs, None, numbers))
        elif not live and {*map(type, w), type(b)} <= FLOATS:
            nodes.append(plain(*args))
        else:
            nodes.append(record(row, *args))
    return nodes


FLOATS = {float, type(None)}
