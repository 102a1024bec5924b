"""One call of a function on fresh Values: its arguments taken apart, what it returns, and what it must not do.

>>> call = Call("grad", lambda x: x * x, 0, [3.0])
>>> call.xs, call.output().data
([Value(data=3, grad=–)], 9.0)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from engine.derivatives import Edges, Number, Reader, depending, recorded
from engine.errors import short
from engine.graph import topological
from engine.recording import check_fresh
from engine.value import Value, number, tick
from engine.whole import integer


Function: TypeAlias = Callable[..., Any]
Argnums: TypeAlias = int | Sequence[int]


class Call:
    """`f` called on fresh Values, in place of the arguments that are differentiated by.

    A number is replaced by a leaf, a Value v by 1*v: other uses of v inside `f` are no uses of the argument.
    `xs` are the fresh Values, `result` is what `f` returned; ValueError if it changed what it was given.
    """

    def __init__(
        self, name: str, f: Function, argnums: Argnums, args: Sequence[Any], kwargs: Mapping[str, Any] | None = None
    ) -> None:
        self.name, self.single = name, integer(argnums) is not None
        self.begun = tick()
        numbers = _positions(name, argnums, len(args))
        self.arguments = [args[k] for k in numbers]
        fresh = [_fresh(f"{name}: argument {k}", args[k]) for k in numbers]
        self.xs = [x for group in fresh for x in group]
        self.live = any(x.op is not None for x in self.xs)  # whether the results are Values in any case
        self.velocities: list[Number] = []
        given = list(args)
        for k, group in zip(numbers, fresh, strict=True):
            given[k] = assembled(args[k], iter(group))
        before = [x.data for x in self.xs]
        handed = [(k, given[k]) for k in numbers]
        self.result = f(*given, **(kwargs or {}))
        self._check_unchanged(handed, before)

    def _check_unchanged(self, handed: Sequence[tuple[int, Any]], before: Sequence[float]) -> None:
        xs = iter(zip(self.xs, before, strict=True))
        for (k, now), argument in zip(handed, self.arguments, strict=True):
            expected = [(place, *next(xs)) for place in places(argument)]
            if [(place, id(x)) for place, x in parts(now)] != [(place, id(x)) for place, x, _ in expected]:
                raise ValueError(
                    f"{self.name}: the function changed its argument {k}; let it work on a copy, such as list(x)"
                )
            for place, x, was in expected:
                if x.data is not was:
                    raise ValueError(
                        f"{self.name}: the function set .data of its argument {k}{place} from {was!r} to {x.data!r}, "
                        "and the derivative would belong to neither; let it compute a new Value"
                    )

    def output(self) -> Value:
        """The result, which must be one Value."""
        if isinstance(self.result, list | tuple):
            raise TypeError(
                f"{self.name}: the function must return one Value, not {short(self.result)}; return one of them or "
                "their sum, or ask for jacobian(f)"
            )
        return self.outputs()[0]

    def outputs(self) -> list[Value]:
        """The Values in the result; TypeError for anything else in it."""
        for place, y in parts(self.result):
            if y.__class__ is not Value:
                raise TypeError(f"{self.name}: the function returned {_refused(y)}" + f" (at {place})" * bool(place))
        ys = [y for _, y in parts(self.result)]
        check_fresh(*ys)
        return ys

    def edges(self, ys: Sequence[Value]) -> Edges:
        """How the partials below `ys` are read: as numbers, if the call's own numbers are all they rest on."""
        nodes = topological(*ys)
        return Reader(nodes).edges if self.live or self._older(nodes) else recorded

    def _older(self, nodes: Sequence[Value]) -> list[Value]:
        """The leaves among `nodes` that were there before the call."""
        return [n for n in nodes if n.op is None and n._born < self.begun]

    def plain(self, found: Sequence[Number]) -> list[Number]:
        """What was `found` as floats where nothing is lost by it, as Values elsewhere."""
        if self.live:
            return [g if g.__class__ is Value else Value(g) for g in found]
        nodes = topological(*(g for g in found if g.__class__ is Value))
        live = depending(nodes, self._older(nodes))
        return [g if g.__class__ is not Value or g in live else g.data for g in found]

    def formed(self, found: Sequence[Number]) -> list[Any]:
        """A number for each of `xs` in the forms of the arguments, one for each of them."""
        items = iter(found)
        return [assembled(x, items) for x in self.arguments]

    def chosen(self, each: list[Any]) -> Any:
        """One for each argument as the caller chose them: a tuple, or the only one."""
        return each[0] if self.single else tuple(each)


def _fresh(where: str, argument: Any) -> list[Value]:
    found = parts(argument)
    values = [p for _, p in found if p.__class__ is Value]
    if not values:
        return [Value(as_number(p, where + place)) for place, p in found]
    for place, p in found:
        if p.__class__ is not Value:
            raise TypeError(
                f"{where} mixes Values with {short(p)} at {place}: write Value(...) there, or .data of the Values"
            )
    fresh = [v * 1.0 for v in values]
    for x, v in zip(fresh, values, strict=True):
        x.label = v.label
    return fresh


def as_number(p: Any, where: str) -> float:
    """`p` as a float; TypeError, which begins with `where`, for what is no number."""
    if getattr(p, "shape", ()) and hasattr(p, "tolist"):
        raise TypeError(f"{where} is an array: write x.tolist() for a list of its numbers")
    return number(p, where)


def _refused(y: Any) -> str:
    if y is None:
        return "None; does it end with `return`?"
    if hasattr(y, "__float__") and not getattr(y, "shape", ()):
        return (
            f"the number {y!r}, which does not remember how it was made: compute with the engine's functions, exp(x) "
            f"and not math.exp(x), without .data and .item(); if the result is constant, return Value({y!r})"
        )
    return f"{short(y)} of type {type(y).__name__} where a Value was expected"


def checked(f: Any, name: str, argnums: Any = 0, form: str = "(f)(x)") -> None:
    """Raise TypeError or ValueError for no function and for no argnums, in the name of a transform called in that form."""
    if f.__class__ is Value:
        raise TypeError(f"{name} takes a function, {name}{form}, not {f!r}; of a recorded graph take gradient(y, [x])")
    if not callable(f):
        raise TypeError(f"{name} takes a function, {name}{form}, not {short(f)}")
    chosen = argnums if integer(argnums) is None else [argnums]
    if not isinstance(chosen, list | tuple) or any(integer(k) is None for k in chosen):
        point = ", ".join(map(short, argnums)) if isinstance(argnums, list | tuple) else short(argnums)
        raise TypeError(
            f"{name}: argnums is an int or a tuple of ints, as in argnums=(0, 2), not {short(argnums)}; "
            f"the arguments of f go into a call of their own, {name}(f)({point})"
        )
    if not chosen:
        raise ValueError(f"{name}: argnums is empty; name at least one argument")


def _positions(name: str, argnums: Argnums, count: int) -> list[int]:
    """The positions of the arguments that are differentiated by, counted from the left."""
    found = []
    chosen: Any = argnums if integer(argnums) is None else [argnums]
    for k in chosen:
        if not -count <= k < count:
            raise TypeError(
                f"{name}: argnums={argnums} asks for argument {k}, and the function was called with {count} by "
                "position; arguments given by keyword are not differentiated by"
            )
        if k % count in found:
            raise ValueError(f"{name}: argnums={argnums} names argument {k % count} twice")
        found.append(k % count)
    return found


# ---- numbers in lists and tuples, nested as one likes


def parts(x: Any, place: str = "") -> list[tuple[str, Any]]:
    """What is in `x` that is no list or tuple, each with its place.

    >>> parts([1.0, (2.0, 3.0)])
    [('[0]', 1.0), ('[1][0]', 2.0), ('[1][1]', 3.0)]
    """
    if not isinstance(x, list | tuple):
        return [(place, x)]
    return [part for i, p in enumerate(x) for part in parts(p, f"{place}[{i}]")]


def assembled(x: Any, items: Iterator[Any]) -> Any:
    """Lists and tuples of the form of `x`, with the next of `items` in every place.

    >>> assembled([1.0, (2.0, 3.0)], iter("abc"))
    ['a', ('b', 'c')]
    """
    if not isinstance(x, list | tuple):
        return next(items)
    inside = [assembled(p, items) for p in x]
    if hasattr(x, "_make"):  # a named tuple
        return x._make(inside)
    return inside if isinstance(x, list) else tuple(inside)


def places(x: Any) -> list[str]:
    """Where the numbers are: two structures of the same form have the same places."""
    return [place for place, _ in parts(x)]
