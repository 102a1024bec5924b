"""Which unit of a network, and which call of it, a node belongs to; told by roles and by the graph.

Roles name a unit, not a call of it: the same unit used on two samples gives two nodes net_h1. Which
net belongs to which o is read off the edges, so every call is a scope of its own.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from engine.label import Role
from engine.value import Value


class Scope(NamedTuple):
    """A call of a unit: `h2_3` is unit 3 of layer `h2`; calls count from 1, parameters have call 0."""

    layer: str
    unit: str
    call: int


def scopes(order: list[Value]) -> list[Scope | None]:
    """The scope of each node of a topological order; None where no role tells."""
    index = {id(v): i for i, v in enumerate(order)}
    users: list[list[int]] = [[] for _ in order]
    for i, v in enumerate(order):
        for a in v._values():
            users[index[id(a)]].append(i)
    found: list[Scope | None] = [None] * len(order)
    calls: dict[tuple[str, str], int] = {}
    for i in range(len(order) - 1, -1, -1):  # users first
        found[i] = scope_of(order[i], [found[u] for u in users[i]], calls)
    return renumbered(found)


def scope_of(v: Value, used_in: list[Scope | None], calls: dict[tuple[str, str], int]) -> Scope | None:
    """The scope of a node whose users have scopes; `calls` counts the calls of each unit so far."""
    if isinstance(v.label, Role):
        layer, unit = layer_of(v.label), v.label.unit or v.label.kind
        if v.op is None:
            return Scope(layer, unit, 0)
        if v.label.kind != "o":  # an o is the last node of its call; anything else may feed a later one
            for s in used_in:
                if s is not None and (s.layer, s.unit) == (layer, unit):
                    return s
        calls[layer, unit] = calls.get((layer, unit), 0) + 1
        return Scope(layer, unit, calls[layer, unit])
    if v.op is not None and v.label is None and len(set(used_in)) == 1:
        return used_in[0]  # a nameless step on the way to one unit
    return None


def layer_of(role: Role) -> str:
    """The layer in a unit's name: h of h1, h2 of h2_3, o of o; inputs, targets and losses by kind.

    >>> [layer_of(Role("net", u, None)) for u in ("h1", "h2_3", "o")], layer_of(Role("t", "o1", None))
    (['h', 'h2', 'o'], 't')
    """
    if role.kind in ("x", "t", "E"):
        return role.kind
    return re.sub(r"_?\d+$", "", role.unit) or role.unit


def renumbered(found: list[Scope | None]) -> list[Scope | None]:
    """The calls of each unit counted in the order in which they were made."""
    seen: dict[tuple[str, str], dict[int, int]] = {}
    for s in found:
        if s is not None and s.call:
            numbers = seen.setdefault(s[:2], {})
            numbers.setdefault(s.call, len(numbers) + 1)
    return [s if s is None or not s.call else Scope(s.layer, s.unit, seen[s[:2]][s.call]) for s in found]
