"""Functions made from functions: grad, value_and_grad, jacobian, hessian, hvp, jvp, called as in JAX.

The arguments of `f` are numbers, Values, or lists and tuples of them, nested as one likes; a derivative
has the form of its argument. Numbers give floats; Values give Values, which can be differentiated again.
Where `f` uses Values that were there before, such as weights, the derivative may depend on them. Then it
is a Value for numbers too, and nothing is lost when derivatives are nested; `.data` is its number.

>>> D = grad
>>> D(lambda x: x * D(lambda y: x * y)(2.0))(3.0)                            # the inner one is x
6.0
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.calls import Argnums, Call, Function, as_number, assembled, checked, parts, places
from engine.derivatives import Number, adjoints, sum_of_products, tangents as tangents_of
from engine.errors import short
from engine.value import Value


def grad(f: Function, argnums: Argnums = 0) -> Function:
    """The function that gives df/d(argument): of the argument `argnums`, or a tuple for a tuple of them.

    `f` returns one Value. TypeError for anything else, for what is no argument, and for a number, which
    does not remember how it was made; ValueError if `f` changes its arguments.

    >>> grad(lambda x: x**3)(2.0), grad(grad(lambda x: x**3))(2.0)
    (12.0, 12.0)
    >>> grad(lambda w, x: w[0] * x + w[1], argnums=(0, 1))([3.0, 1.0], 5.0)
    ([5.0, 1.0], 3.0)
    """
    both = _value_and_grad("grad", f, argnums)
    return lambda *args, **kwargs: both(*args, **kwargs)[1]


def value_and_grad(f: Function, argnums: Argnums = 0) -> Function:
    """The function that gives the pair of `f` and its gradient, of one evaluation.

    >>> value_and_grad(lambda x: x * x)(3.0)
    (9.0, 6.0)
    """
    return _value_and_grad("value_and_grad", f, argnums)


def _value_and_grad(name: str, f: Function, argnums: Argnums) -> Function:
    checked(f, name, argnums)

    def call(*args: Any, **kwargs: Any) -> Any:
        c = Call(name, f, argnums, args, kwargs)
        y = c.output()
        return c.plain([y])[0], c.chosen(c.formed(c.plain(adjoints(y, c.xs, c.edges([y])))))

    return call


def jacobian(f: Function, argnums: Argnums = 0) -> Function:
    """The function that gives the derivative of every output by every number of the argument.

    `f` returns Values in lists or tuples. The result has the form of the output, and in each place the
    form of the argument: J[k][i] = dy_k/dx_i. One reverse pass for each output.

    >>> jacobian(lambda x: [x[0] * x[1], x[0] + x[1], x[1]])([2.0, 3.0])
    [[3.0, 2.0], [1.0, 1.0], [0.0, 1.0]]
    """
    checked(f, "jacobian", argnums)

    def call(*args: Any, **kwargs: Any) -> Any:
        c = Call("jacobian", f, argnums, args, kwargs)
        ys = c.outputs()
        edges = c.edges(ys)
        rows = [c.formed(c.plain(adjoints(y, c.xs, edges))) for y in ys]
        return c.chosen([assembled(c.result, iter(column)) for column in _columns(rows, len(c.arguments))])

    return call


def hessian(f: Function, argnums: Argnums = 0) -> Function:
    """The function that gives the second derivatives of one Value: H[i][j] = d2y / dx_i dx_j.

    The result has in each place of the argument the form of the argument; for a tuple of arguments it
    is a tuple of tuples of such blocks. It is symmetric in every bit: each number is computed once.

    >>> hessian(lambda x: x[0] ** 2 * x[1])([3.0, 5.0])
    [[10.0, 6.0], [6.0, 0.0]]
    """
    checked(f, "hessian", argnums)

    def call(*args: Any, **kwargs: Any) -> Any:
        c = Call("hessian", f, argnums, args, kwargs)
        rows = iter([c.formed(row) for row in second_order(c)[2]])
        blocks = []
        for x in c.arguments:
            columns = _columns([next(rows) for _ in parts(x)], len(c.arguments))
            blocks.append(c.chosen([assembled(x, iter(column)) for column in columns]))
        return c.chosen(blocks)

    return call


def _columns(rows: Sequence[Sequence[Any]], count: int) -> list[list[Any]]:
    return [[row[j] for row in rows] for j in range(count)]


def hvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The Hessian of `f` at `primals` times `tangents`, without the Hessian: the gradient of <grad f, tangents>.

    Both are tuples with an entry for each argument of `f`. So is the result; of one argument it is the
    entry alone.

    >>> hvp(lambda x: x[0] ** 2 * x[1], ([3.0, 5.0],), ([1.0, 2.0],))        # [[10, 6], [6, 0]] times [1, 2]
    [22.0, 6.0]
    """
    c = _moving("hvp", f, primals, tangents)
    slope = sum_of_products(list(zip(adjoints(c.output(), c.xs), c.velocities, strict=True)))
    found = adjoints(slope, c.xs, c.edges([slope])) if slope.__class__ is Value else [0.0] * len(c.xs)
    return c.chosen(c.formed(c.plain(found)))


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """The pair of `f` at `primals` and of its derivative along `tangents`, the Jacobian times them.

    Both are tuples with an entry for each argument of `f`. One pass forwards over the recorded graph: on
    floats 2 to 12 times as fast as the gradient of a gradient, on Values 1.4 to 11 times (tests/bench/gradient.py).

    >>> jvp(lambda x, y: [x * y, x + y], (2.0, 3.0), (1.0, 10.0))
    ([6.0, 5.0], [23.0, 11.0])
    """
    c = _moving("jvp", f, primals, tangents)
    ys = c.outputs()
    slopes = tangents_of(ys, dict(zip(c.xs, c.velocities, strict=True)), c.edges(ys))
    values, slopes = (assembled(c.result, iter(c.plain(found))) for found in (ys, slopes))
    return values, slopes


def second_order(c: Call) -> tuple[Number, list[Number], list[list[Number]]]:
    """What a call returns, its gradient, and its Hessian row by row; below the diagonal it is copied from above."""
    y = c.output()
    slopes = adjoints(y, c.xs)
    edges = c.edges([g for g in (y, *slopes) if g.__class__ is Value])
    rows: list[list[Number]] = []
    for i, g in enumerate(slopes):
        right = adjoints(g, c.xs[i:], edges) if g.__class__ is Value else [0.0] * (len(c.xs) - i)
        rows.append([above[i] for above in rows] + right)
    return c.plain([y])[0], c.plain(slopes), [c.plain(row) for row in rows]


def _moving(name: str, f: Any, primals: Any, tangents: Any) -> Call:
    """The call of `f` at `primals`, whose numbers move with the velocities `tangents`."""
    form = "(f, (x,), (v,))"
    checked(f, name, form=form)
    for what, xs in (("primals", primals), ("tangents", tangents)):
        if not isinstance(xs, list | tuple) or not xs:
            wanted = f"a tuple with an entry for each argument, {name}{form}"
            raise TypeError(f"{name}: {what} is {wanted}, not {short(xs)}")
    if len(primals) != len(tangents):
        raise ValueError(f"{name}: {len(primals)} primals have {len(tangents)} tangents; give one for each")
    velocities: list[Number] = []
    for k, (x, v) in enumerate(zip(primals, tangents, strict=True)):
        if places(x) != places(v):
            raise ValueError(f"{name}: tangents[{k}] is {short(v)}, which has not the form of its primal, {short(x)}")
        where = f"{name}: tangents[{k}]"
        velocities += [p if p.__class__ is Value else as_number(p, where + place) for place, p in parts(v)]
    c = Call(name, f, 0 if len(primals) == 1 else tuple(range(len(primals))), primals)
    c.velocities = velocities
    c.live = c.live or Value in map(type, velocities)
    return c
