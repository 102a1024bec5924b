"""Recording: a node from a row and its arguments, with care for what is not a finite number.

The functions written from the rows (see `engine.source`) do the work. Here their arguments are
checked, what Python's arithmetic refuses is told or read again in IEEE 754, and a graph is compared
with what recording it once more would give.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping
from typing import Any

from engine.errors import StaleGraph, math_error, not_a_number, short
from engine.formula import Formula, Itself, fold, formula, rebuild
from engine.graph import topological
from engine.ieee import value_and_partials
from engine.ops import TABLE, Row
from engine.source import NAMES, recorder
from engine.value import CONSTANT, Leaves, Steep, Value, fill, node, number
from engine.whole import counted


def group(xs: Any, where: str) -> tuple[tuple[Any, ...], bool]:
    """A vector argument as a tuple, and whether it is live: all Values, or all floats.

    A number among Values is carried by a leaf that `args` shows as the number.
    """
    try:
        xs = xs if xs.__class__ is Leaves else tuple(xs)
    except TypeError:
        raise TypeError(f"{where}: a sequence of numbers or Values was expected, not {short(xs)}") from None
    if not xs:
        raise ValueError(f"{where}: an empty sequence has no value; give at least one number")
    kinds = {*map(type, xs)}
    if len(kinds) == 1 and (float in kinds or Value in kinds):
        return xs, Value in kinds
    if Value not in kinds:
        return tuple(number(p, where) for p in xs), False
    return tuple(p if p.__class__ is Value else Value(number(p, where), CONSTANT) for p in xs), True


def record(row: Row, *args: Any) -> Any:
    """The node of `row` over `args`: numbers, Values, and sequences of them for vectors.

    Without Values it is a float, with the symbols of a formula a formula. Raises what Python's arithmetic
    raises there, unless the row is a quiet one.

    >>> record(TABLE["mul"], Value(2.0), 3).data, record(TABLE["mul"], 2, 3)
    (6.0, 6.0)
    """
    if row.quiet:
        return quietly(row, *args)
    name = row.name
    if len(args) != len(row.args):
        raise TypeError(f"{name} takes {counted(len(row.args), 'argument')} ({', '.join(row.args)}), not {len(args)}")
    try:
        if not row.flat:
            args, kinds = _grouped(row, args)
        else:
            kinds = "".join("nv"[p.__class__ is Value] for p in args)
            args = tuple(p if p.__class__ is Value else number(p, name) for p in args)
    except TypeError:
        if any(p.__class__ is Formula for p in args):
            return _of_symbols(row, args)
        raise
    if "v" not in kinds:
        try:
            return float(recorder(name, "f")(*args))
        except (ArithmeticError, ValueError) as refusal:
            raise _refused(row, refusal, args) from None
    if not row.flat:
        return recorder(name, kinds)(*args)
    return recorder(name, "v")(*args) if kinds[0] == "v" else recorder(name, "n")(*reversed(args))


def _grouped(row: Row, args: Any) -> tuple[tuple[Any, ...], str]:
    """The arguments of a row with vectors, checked, and the kind of each; one pass, as every loss comes by."""
    checked, kinds, sizes = [], "", set()
    for p, is_vector in zip(args, row.vector, strict=True):
        g, live = group(p if is_vector else (p,), row.name)
        checked.append(g if is_vector else g[0])
        kinds += "nv"[live]
        if is_vector:
            sizes.add(len(g))
    if len(sizes) > 1:
        raise ValueError(f"{row.name}: its vectors have different lengths, {' and '.join(map(str, sorted(sizes)))}")
    return tuple(checked), kinds


def _of_symbols(row: Row, args: Any) -> Formula:
    """The operation over symbols; of a row with vectors its formula, which says what is summed."""
    operands = [*map(formula, args)]
    if not any(row.vector):
        return Formula(row.name, *operands)
    meanings = dict(zip(row.args, operands, strict=True))
    return fold(row.value, Itself(row.value, meanings), rebuild)  # type: ignore[no-any-return]


def quietly(row: Row, *args: Any) -> Any:
    """`record` as IEEE 754 has it: where Python's floats raise, there is an infinity or a NaN.

    The node is of the row's quiet twin, so that it stays so at other numbers, in copies and in programs.

    >>> x = Value(4.0)
    >>> y = quietly(TABLE["log"], x)
    >>> x.data = 0.0
    >>> y.recompute().data
    -inf
    """
    try:
        n = record(TABLE[row.name], *args)
    except ArithmeticError:
        groups = [group(p, row.name)[0] if v else p for p, v in zip(args, row.vector, strict=True)]
        return by_ieee(row.quietly, *groups)
    if n.__class__ is Value:
        n.op = row.quietly
    return n


def careful(row: Row, refusal: Exception, *args: Any) -> Value:
    """A node whose recording was refused: the value by Python's rules, or the error; the partials by IEEE 754's."""
    if isinstance(refusal, TypeError):
        try:
            check_data(*(v for p in args for v in (p if isinstance(p, tuple) else (p,)) if v.__class__ is Value))
        except TypeError as reason:
            raise reason from None
        raise refusal
    try:
        recorder(row.name, "f")(*_numbers(args))
    except (ArithmeticError, ValueError) as reason:
        raise _refused(row, reason, args) from None
    return by_ieee(row, *args)  # type: ignore[no-any-return]


def by_ieee(row: Row, *args: Any) -> Any:
    """The node of `row` over checked arguments in numbers that never raise; a float without Values."""
    y, partials = value_and_partials(row, dict(zip(row.args, _numbers(args, list), strict=True)))
    groups = [p if v else (p,) for p, v in zip(args, row.vector, strict=True)]
    slopes = []
    for g, d in zip(groups, partials, strict=True):
        d = d if isinstance(d, list) else [d] * len(g)
        slopes.append(tuple(map(steepened, d)) if any(p.__class__ is Value for p in g) else None)
    return fill(node(), row, y, groups, slopes) if any(slopes) else y


def renewed(n: Value, instead: Mapping[Any, Value] | None = None) -> Value:
    """A fresh recording of node `n` at the present numbers of its arguments, or over others `instead`."""
    row: Any = n.op
    check_data(*n._values())
    groups = n._groups() if instead is None else [[instead.get(p, p) for p in g] for g in n._groups()]
    args = [g if v else g[0] for g, v in zip(groups, row.vector, strict=True)]
    return record(row, *args)  # type: ignore[no-any-return]


def steepened(d: float) -> float:
    """A partial that is infinite or NaN, in the form that an adjoint of zero passes as zero."""
    return d if math.isfinite(d) else Steep(d)


def _numbers(args: Any, vector: type = tuple) -> list[Any]:
    return [
        p.data if p.__class__ is Value else vector(q.data if q.__class__ is Value else q for q in p)
        if isinstance(p, tuple)
        else p
        for p in args
    ]


def _refused(row: Row, refusal: Exception, args: Any) -> Exception:
    operands = []
    for s, p in zip(row.args, args, strict=True):
        data = _numbers([p])[0]
        name = str(p.label) if p.__class__ is Value and p.label is not None else s
        operands.append(f"{name}={short(data)}")
    pole = row.name == "pow" and _numbers(args)[0] == 0
    return math_error(row, refusal, operands, pole)


# ---- noticing a change --------------------------------------------------------------------------


def check_fresh(*roots: Value) -> None:
    """Raise StaleGraph, naming the leaf, unless every recorded number still follows from the leaves.

    Every node is evaluated once more and compared in every bit, so the cost is that of recording.

    >>> w = Value(2.0, "w")
    >>> y = w * 3
    >>> w.data = 5.0
    >>> check_fresh(y)
    Traceback (most recent call last):
    ...
    engine.errors.StaleGraph: 'w' was changed to 5.0 after the graph was recorded: its user 'mul' holds 6.0 and would
    now be 15.0. Call recompute() on the root to evaluate the graph again.
    """
    nodes = topological(*roots)
    for n in nodes:
        if n.op is None:
            check_data(n)
            continue
        fresh = renewed(n)
        if _bits(n) != _bits(fresh):
            changed = {p: "a leaf" if p.label is None else repr(str(p.label)) for p in n._values() if p.op is None}
            if _by_hand(n, fresh, nodes):
                changed = {}
            now = ", ".join(f"{p.data!r}" for p in changed)
            what = " or ".join(dict.fromkeys(changed.values())) + f" was changed to {now}"
            raise StaleGraph(
                f"{what if changed else 'an inner node was changed by hand'} after the graph was recorded: "
                f"{'its user ' if changed else ''}{n.op.name!r} holds "
                f"{n.data!r} and would now be {fresh.data!r}. Call recompute() on the root to evaluate the graph again."
            )


def check_data(*nodes: Value) -> None:
    """TypeError for a node whose `.data` was set to what is not a real number: assignments are not looked at."""
    for n in nodes:
        if n.data.__class__ is not float and not isinstance(n.data, int | float):
            whose = "a Value" if n.label is None or n.label is CONSTANT else repr(str(n.label))
            raise not_a_number(n.data, f"{whose} has .data")


def _by_hand(n: Value, fresh: Value, nodes: Iterable[Value]) -> bool:
    """Whether a user of `n` was recorded when `n` was still what follows from its arguments."""
    users = (u for u in nodes if n in u._values())
    return any(renewed(u).data != u.data and renewed(u, {n: fresh}).data == u.data for u in users)


def _bits(n: Value) -> Any:
    """Data and partials of a node, comparable in every bit (a NaN is like itself)."""
    slopes = [d for s in n._slopes() if s is not None for d in s]
    return struct.pack(f"<{1 + len(slopes)}d", n.data, *slopes)


NAMES.update(careful=careful, check_data=check_data, steepened=steepened)
