"""Value: a number that remembers how it was made, and the backward pass.

>>> a, b = Value(2.0, "a"), Value(-3.0, "b")
>>> y = a * b + a
>>> y.backward()
>>> y.data, a.grad, b.grad
(-4.0, -2.0, 2.0)
>>> y.args[0].partials                       # d(a*b)/da and d(a*b)/db, as recorded
(-3.0, 2.0)
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from engine.errors import digits, not_a_number, short, warn_replaced
from engine.graph import born, leaves, topological
from engine.ops import Row
from engine.source import NAMES, recorder


Number: TypeAlias = float  # an int or a NumPy scalar will do

tick = itertools.count().__next__


def _operator(name: str) -> tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]:
    """The operators of a row: for a Value on the left, and for a number before a Value."""
    return recorder(name, "v"), recorder(name, "n")


def _method(name: str) -> Any:
    return recorder(name, "v")


class Steep(float):
    """An infinite partial: an adjoint of exactly zero contributes exactly zero through it, not 0*inf = NaN."""

    __slots__ = ()

    def __mul__(self, adjoint: float) -> float:
        return float(self) * adjoint if adjoint else 0.0


def number(x: Any, where: str) -> float:
    """`x` as a float; TypeError for what is not one real number, with `where` and what to write instead."""
    if x.__class__ is float or x.__class__ is int:
        try:
            return float(x)
        except OverflowError:
            raise TypeError(f"{where}: the int {short(x)} is too large for a float") from None
    if x.__class__ is Value:
        raise TypeError(f"{where}: {x!r} is a Value already; use it as it is, or v.data for its number")
    kind = getattr(getattr(x, "dtype", None), "kind", "f")  # NumPy's letter for what it holds
    if not hasattr(x, "__float__") or getattr(x, "shape", ()) != () or kind not in "biuf":
        raise not_a_number(x, where)
    try:
        value = float(x)
    except (TypeError, ValueError, OverflowError):
        raise not_a_number(x, where) from None
    if value != value and not isinstance(x, float) and x == x:
        raise not_a_number(x, where)
    return value


class Call(type):
    """What `Value(2.0, "a")` does: it makes a leaf. Without an `__init__` a recorder makes a node for less."""

    def __call__(cls, data: Number, label: Any = None) -> Value:
        n = node()
        n.data = number(data, "Value")
        n._a = n._b = n._da = n._db = n.grad = n.op = None
        n.label = label
        n._born = tick()
        return n


Call.__call__.__qualname__ = "Value"  # as errors call it


class Value(metaclass=Call):
    """A number that remembers how it was made.

    `data` is the number, `op` the row of the table that made it (None for a leaf), `args` what it was
    made from, in order and with repeats, `partials` the local derivative on each of those edges, as
    recorded. `grad` is None until a backward pass has reached the node; then it is d root / d node.

    >>> x = Value(0.5, "x")
    >>> y = 3 * x**2
    >>> y
    Value(data=0.75, grad=–, op='mul')
    >>> y.backward(); x
    Value(data=0.5, grad=3, label='x')
    """

    __slots__ = ("_a", "_b", "_born", "_da", "_db", "data", "grad", "label", "op")
    data: float
    grad: float | None
    label: Any
    op: Row | None
    _a: Any  # the arguments and partials of a row of one or two numbers,
    _b: Any  # or in _a a tuple of arguments and in _b of partials for each symbol of the row
    _da: Any
    _db: Any
    _born: int

    if TYPE_CHECKING:  # type checkers look for it here; see Call

        def __init__(self, data: Number, label: Any = None) -> None: ...

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("Value cannot be subclassed: give what you want to attach as a label, Value(x, label=...)")

    # ---- how it was made

    @property
    def args(self) -> tuple[Value | float, ...]:
        """What it was made from, in order and with repeats; constants are plain floats.

        >>> a = Value(2.0)
        >>> (a * a).args == (a, a), (a * 3).args[1]
        (True, 3.0)
        """
        return tuple(p.data if p.__class__ is Value and p.label is CONSTANT else p for g in self._groups() for p in g)

    @property
    def partials(self) -> tuple[float | None, ...]:
        """The local derivative by each argument, as recorded; None for a constant."""
        return tuple(
            None if p.__class__ is not Value or p.label is CONSTANT else float(d)
            for g, s in zip(self._groups(), self._slopes(), strict=True)
            for p, d in zip(g, s or g, strict=True)
        )

    def _groups(self) -> tuple[Any, ...]:
        """One tuple of arguments for each symbol of the row."""
        if self.op is None:
            return ()
        if not self.op.flat:
            return self._a  # type: ignore[no-any-return]
        return ((self._a,), (self._b,))[: len(self.op.args)]

    def _slopes(self) -> tuple[Any, ...]:
        """The partials likewise; None for a group of constants."""
        if self.op is not None and not self.op.flat:
            return self._b  # type: ignore[no-any-return]
        return tuple(d if d is None else (d,) for d in (self._da, self._db))[: len(self._groups())]

    def _values(self) -> Iterator[Value]:
        """The Values among the arguments, with repeats."""
        return (p for g in self._groups() for p in g if p.__class__ is Value and p.label is not CONSTANT)

    # ---- arithmetic: every operator is written from its row

    __add__, _radd = _operator("add")
    __sub__, __rsub__ = _operator("sub")
    __mul__, __rmul__ = _operator("mul")
    __truediv__, __rtruediv__ = _operator("div")
    __pow__, __rpow__ = _operator("pow")
    __lt__, __gt__ = _operator("lt")[0], _operator("gt")[0]
    __le__, __ge__ = _operator("le")[0], _operator("ge")[0]
    __neg__ = _method("neg")
    __abs__ = _method("absolute")

    exp, log, log1p, expm1, sqrt = map(_method, ("exp", "log", "log1p", "expm1", "sqrt"))
    sin, cos, tanh, sigmoid, softplus, relu = map(_method, ("sin", "cos", "tanh", "sigmoid", "softplus", "relu"))

    def leaky_relu(self, slope: Value | Number = 0.01) -> Value:
        """A where a > 0, slope * a elsewhere."""
        return recorder("leaky_relu", "v")(self, slope)  # type: ignore[no-any-return]

    def __radd__(self, other: Number) -> Value:
        return self if other.__class__ is int and other == 0 else self._radd(other)  # sum() starts at 0

    def __pos__(self) -> Value:
        return self

    def __bool__(self) -> bool:
        return self.data != 0

    def __eq__(self, other: object) -> bool:
        if other.__class__ is Value or not hasattr(other, "__float__"):
            return self is other
        raise TypeError(
            f"a Value is compared by identity, so == {short(other)} would always be false: "
            f"write v.data == {short(other)} to compare the number"
        )

    __hash__ = object.__hash__
    __array_ufunc__ = None  # NumPy leaves arithmetic with a Value to Value

    def item(self) -> float:
        """The number alone, without the graph."""
        return self.data

    def __float__(self) -> NoReturn:
        raise TypeError(
            f"a plain number made of {self!r} would drop the gradient: write engine.exp(v) for math.exp(v), "
            "and v.item() where you want the number alone"
        )

    __int__ = __float__

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else repr(self)

    def __repr__(self) -> str:
        grad, op = "–" if self.grad is None else digits(self.grad), f", op={self.op.name!r}" if self.op else ""
        return f"Value(data={digits(self.data)}, grad={grad}{op}" + (")" if self.label is None else f", label={str(self.label)!r})")

    def _repr_html_(self) -> str | None:
        return import_module("engine.view.display").value_html(self)  # type: ignore[no-any-return]

    # ---- micrograd's spelling

    @property
    def _prev(self) -> set[Value]:
        return set(self._values())

    @property
    def _op(self) -> str:
        return "" if self.op is None else self.op.symbol

    # ---- the chain rule

    def backward(self, seed: Number = 1.0, accumulate: bool = False) -> None:
        """Give every node below its gradient: the sum over its uses of partial times the user's gradient.

        `seed` is the gradient of the root itself. A second pass gives the same numbers again; with
        `accumulate` the gradients of the leaves are added to what they were. Equations LEC-5, LEC-12.

        >>> a = Value(3.0)
        >>> b = a * a
        >>> (b + b).backward(seed=0.5); a.grad
        6.0
        """
        seed = number(seed, "backward: seed")
        if self.data.__class__ is not float:
            NAMES["check_data"](*topological(self))
        before: list[tuple[Any, float]] = [(v, v.grad) for v in leaves(self) if v.grad] if accumulate else []
        revisited = self.grad is not None
        nothing = float("-0.0")  # a new object; -0.0 + x is x in every bit
        try:
            order, replaced = _reached(self, nothing)
            if replaced is not None and not accumulate and not revisited:
                warn_replaced(None if replaced.label is CONSTANT else replaced.label)
            self.grad = seed
            for n in order:
                g: Any = n.grad
                if n._da is not None:
                    n._a.grad += n._da * g
                    if n._db is not None:
                        n._b.grad += n._db * g
                elif n._db is not None:
                    n._b.grad += n._db * g
                else:
                    for group, slopes in zip(n._a, n._b):  # noqa: B905
                        if slopes is not None:
                            for p, d in zip(group, slopes):  # noqa: B905
                                p.grad += d * g
            for v, held in before:
                v.grad = held + v.grad
        except BaseException:  # an interrupt, or the warning made an error: no half-made gradient stays behind
            for n in topological(self):
                n.grad = None
            for v, held in before:
                v.grad = held
            raise

    def recompute(self) -> Value:
        """Evaluate the graph again from its leaves, in place; returns the root.

        Raises what recording the expression at the new numbers would raise, and then changes nothing.

        >>> a = Value(2.0)
        >>> y = a * a
        >>> a.data = 3.0
        >>> y.recompute().data
        9.0
        """
        from engine.recording import renewed  # above this file: it makes Values

        done: list[tuple[Value, tuple[Any, ...]]] = []
        try:
            for n in topological(self):
                if n.op is not None:
                    fresh = renewed(n)
                    done.append((n, (n.data, n._b, n._da, n._db)))
                    n.data, n._b, n._da, n._db = fresh.data, fresh._b, fresh._da, fresh._db
        except BaseException:
            for n, recorded in done:
                n.data, n._b, n._da, n._db = recorded
            raise
        return self

    def __copy__(self) -> Value:
        n: Value = object.__new__(Value)
        for s in Value.__slots__:
            setattr(n, s, getattr(self, s))
        n._born = tick()
        return n

    def __reduce_ex__(self, protocol: Any) -> Any:
        from engine.copying import reduced  # above this file: it makes Values

        return reduced(self)


def fill(n: Value, row: Row, data: float, groups: Any, slopes: Any) -> Value:
    """Give a new node its row, its number, its arguments and its partials, a group for each symbol of the row."""
    n.op, n.data, n.grad, n.label = row, data, None, None
    if row.flat:
        n._a, n._b = (*(g[0] for g in groups), None)[:2]
        n._da, n._db = (*(s and s[0] for s in slopes), None)[:2]
    else:
        n._a, n._b, n._da, n._db = tuple(groups), tuple(slopes), None, None
    n._born = tick()  # last, when the node is whole: `anomaly` looks at it then
    return n


class Leaves(tuple[Value, ...]):
    """A tuple known to hold leaves alone, as the weights of a unit do: a pass need not look below them.

    >>> Leaves([Value(1.0), Value(2.0) * 3])
    Traceback (most recent call last):
    ...
    TypeError: Leaves holds Values that nothing made, not Value(data=6, grad=–, op='mul')
    """

    __slots__ = ()

    def __new__(cls, values: Iterable[Value]) -> Leaves:
        if not isinstance(values, Iterable):
            raise TypeError(f"Leaves takes a list of Values, as in Leaves([w, x]), not {short(values)}")
        leaves = super().__new__(cls, values)
        for v in leaves:
            if v.__class__ is not Value or v.op is not None:
                raise TypeError(f"Leaves holds Values that nothing made, not {short(v)}")
        return leaves


CONSTANT = object()  # the label of a constant among Values in one group; `args` shows it as its number


def _reached(root: Value, nothing: float) -> tuple[list[Value], Value | None]:
    """The inner nodes below `root`, users first; and a leaf whose gradient is about to be replaced.

    The gradient of every node that can have one becomes `nothing`, which also marks it as found.
    """
    root.grad = nothing
    order = [root] if root.op is not None else []
    push = order.append
    replaced = None
    for n in order:
        if n._da is not None:
            p = n._a
            g = p.grad
            if g is not nothing:
                p.grad = nothing
                if p.op is not None:
                    push(p)
                elif g:
                    replaced = p
        if n._db is not None:
            p = n._b
            g = p.grad
            if g is not nothing:
                p.grad = nothing
                if p.op is not None:
                    push(p)
                elif g:
                    replaced = p
        elif n._da is None:
            for group, slopes in zip(n._a, n._b):  # noqa: B905
                if group.__class__ is Leaves and slopes is not None:
                    if group[0].grad:
                        replaced = group[0]
                    for p in group:
                        p.grad = nothing
                elif slopes is not None:
                    for p in group:
                        g = p.grad
                        if g is not nothing:
                            p.grad = nothing
                            if p.op is not None:
                                push(p)
                            elif g:
                                replaced = p
    order.sort(key=born, reverse=True)
    return order, replaced


node: Callable[[], Value] = type.__call__.__get__(Value)  # 45 ns; object.__new__(Value) takes 65
NAMES.update(Value=Value, node=node, tick=tick, number=number, Steep=Steep)
