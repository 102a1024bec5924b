"""Collapsing a record: the nodes of a unit, or of a layer, become one group.

A group with one output is a function, and the derivative of its output with respect to each of its
inputs is a number: the sum over all paths inside, found by an adjoint pass inside the group. A group
with several outputs has a Jacobian instead, and no single number stands for that: such a group carries
flows, which add up exactly, and never a local derivative.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import NamedTuple

from engine.value import Value
from engine.view.record import Edge, Node, Record
from engine.view.scopes import Scope


class Group(NamedTuple):
    """Nodes drawn as one box: a single node under its own id, several as g0, g1, ..."""

    id: str
    title: str  # "" for a single node
    members: tuple[Node, ...]  # in topological order
    outputs: tuple[Node, ...]  # members that are used outside, or are roots


class Arrow(NamedTuple):
    """The uses of one group by another as one arrow; between single nodes, one arrow per use."""

    source: str
    target: str
    edges: tuple[Edge, ...]
    local: float | None  # d target / d source, exact; None where there are several outputs
    flow: float | None  # what these uses add to the gradient of the source's one output, summed


@dataclass(frozen=True, slots=True)
class Grouping:
    """A record seen in groups, in topological order."""

    groups: tuple[Group, ...]
    arrows: tuple[Arrow, ...]


LOOP = ""  # where the keys of others have their layer
Key = tuple[str, ...]  # what the nodes of a group share: one string for a single node, else more


def grouped(record: Record, collapse: str | None) -> Grouping:
    """The record collapsed per "unit", per "layer", or (None) not at all.

    Units and layers are those told by roles, each call for itself. A leaf that one group alone uses
    goes inside it, inputs excepted; parameters used by several calls stay outside, together. Where
    groups would use each other in a circle (the units of a softmax layer do), they are taken apart:
    first the o from the rest of its unit, then, if that is not enough, node by node.
    """
    if collapse is None:
        return one_by_one(record)
    keys: list[Key] = [(n.id,) for n in record.nodes]
    index = {n.id: i for i, n in enumerate(record.nodes)}
    for i, n in enumerate(record.nodes):
        if n.op is not None and n.scope is not None:
            keys[i] = (*place(n.scope, collapse), str(n.scope.call))
    for apart in ("o", None):
        circles = in_circles(keys, used_keys(record, keys, index))
        for i, n in enumerate(record.nodes):
            if keys[i] in circles and apart in (n.kind, None):
                keys[i] = (n.id,)
    if any(len(k) > 1 for k in keys):
        place_leaves(record, keys, index, collapse)
    return quotient(record, keys)


def one_by_one(record: Record) -> Grouping:
    """The record with each node as its own group, and each use as an arrow with its own partial and flow."""
    groups = (Group(n.id, "", (n,), (n,)) for n in record.nodes)
    return Grouping(tuple(groups), tuple(Arrow(e.source, e.target, (e,), e.partial, e.flow) for e in record.edges))


def folded(record: Record, loops: Mapping[Value, str]) -> Grouping:
    """The record with the nodes of each loop of a program as one group, and with its leaves layer by layer."""
    keys: list[Key] = [(n.id,) for n in record.nodes]
    for i, v in enumerate(record.values):
        if v is not None and v in loops:
            keys[i] = LOOP, loops[v]
    place_leaves(record, keys, {n.id: i for i, n in enumerate(record.nodes)}, "layer")
    return quotient(record, keys)


def place(scope: Scope, collapse: str) -> Key:
    """The layer, or the layer and the unit, by which nodes are grouped."""
    return (scope.layer,) if collapse == "layer" else (scope.layer, scope.unit)


def place_leaves(record: Record, keys: list[Key], index: dict[str, int], collapse: str) -> None:
    """Move each leaf into the one group that uses it, and the shared leaves of a unit together."""
    users: list[set[Key]] = [set() for _ in keys]
    for e in record.edges:
        users[index[e.source]].add(keys[index[e.target]])
    for i, n in enumerate(record.nodes):
        if n.op is None and users[i]:
            user = min(users[i])
            if n.kind != "x" and len(users[i]) == 1 and len(user) > 1:
                keys[i] = user
            elif n.scope is not None and (collapse == "layer" or n.kind in ("w", "b")):
                keys[i] = (*place(n.scope, collapse), "leaves")


def used_keys(record: Record, keys: list[Key], index: dict[str, int]) -> dict[tuple[Key, Key], None]:
    """The pairs (key, key of a user), each once, in the order in which they are met."""
    pairs = ((keys[index[e.source]], keys[index[e.target]]) for e in record.edges)
    return {pair: None for pair in pairs if pair[0] != pair[1]}


def in_circles(keys: list[Key], pairs: Iterable[tuple[Key, Key]]) -> set[Key]:
    """The groups that use each other in a circle, and those between two circles."""
    back = [(target, source) for source, target in pairs]
    return {*keys} - {*topological_keys(keys, pairs)} - {*topological_keys(keys, back)}


def topological_keys(keys: Iterable[Key], pairs: Iterable[tuple[Key, Key]]) -> list[Key]:
    """The keys, used before users and otherwise as given; those in a circle, or after one, are left out."""
    users: dict[Key, list[Key]] = {k: [] for k in keys}
    rank = {k: i for i, k in enumerate(users)}
    waiting = dict.fromkeys(users, 0)
    for source, target in pairs:
        users[source].append(target)
        waiting[target] += 1
    ready = [(rank[k], k) for k, n in waiting.items() if not n]
    ordered = []
    while ready:
        _, k = heappop(ready)
        ordered.append(k)
        for user in users[k]:
            waiting[user] -= 1
            if not waiting[user]:
                heappush(ready, (rank[user], user))
    return ordered


def quotient(record: Record, keys: list[Key]) -> Grouping:
    """The grouping in which nodes of equal key are one group, an exact number on every arrow that has one."""
    index = {n.id: i for i, n in enumerate(record.nodes)}
    members: dict[Key, list[Node]] = {k: [] for k in topological_keys(keys, used_keys(record, keys, index))}
    for n, k in zip(record.nodes, keys, strict=True):
        members[k].append(n)
    inner: dict[Key, list[Edge]] = {k: [] for k in members}
    outer: dict[tuple[Key, Key, int], list[Edge]] = {}
    used = set(record.roots)
    for number, e in enumerate(record.edges):
        source, target = keys[index[e.source]], keys[index[e.target]]
        if source == target:
            inner[source].append(e)
        else:
            used.add(e.source)
            alone = len(members[source]) == len(members[target]) == 1
            outer.setdefault((source, target, number if alone else -1), []).append(e)
    groups: dict[Key, Group] = {}
    for k, nodes in members.items():
        name, title = (nodes[0].id, "") if len(nodes) == 1 else (f"g{len(groups)}", title_of(k, members))
        groups[k] = Group(name, title, tuple(nodes), tuple(n for n in nodes if n.id in used))
    reach = {k: reaches(g, inner[k]) for k, g in groups.items()}
    arrows = []
    for (source, target, _), edges in outer.items():
        exact = len(groups[source].outputs) == 1
        local = total(product(e.partial, reach[target].get(e.target)) for e in edges) if exact else None
        flow = total(e.flow for e in edges) if exact else None
        arrows.append(Arrow(groups[source].id, groups[target].id, tuple(edges), local, flow))
    return Grouping(tuple(groups.values()), tuple(arrows))


def reaches(group: Group, edges: list[Edge]) -> dict[str, float]:
    """For each member of a group with one output, d output / d member; empty for more outputs."""
    if len(group.outputs) != 1:
        return {}
    reach = {n.id: 0.0 for n in group.members}
    reach[group.outputs[0].id] = 1.0
    for e in reversed(edges):
        if e.partial is not None:
            reach[e.source] += e.partial * reach[e.target]
    return reach


def product(partial: float | None, reach: float | None) -> float | None:
    """The share of one edge in a group's derivative; None for a constant, or if there is no derivative."""
    return None if partial is None or reach is None else partial * reach


def total(terms: Iterable[float | None]) -> float | None:
    """The sum from left to right; None if any term is None."""
    result = None
    for t in terms:
        if t is None:
            return None
        result = t if result is None else result + t
    return result


def title_of(key: Key, keys: Iterable[Key]) -> str:
    """The heading of a group: its unit or layer, and which call of it, if there are several."""
    if key[0] == LOOP:
        return key[1]
    *where, call = key
    words = f"unit {where[1]}" if len(where) == 2 else f"layer {where[0]}"
    if call == "leaves":
        return {"x": "inputs x", "t": "targets t"}.get(where[0], f"{words}: parameters")
    several = any(k[:-1] == key[:-1] and k[-1] not in (call, "leaves") for k in keys)
    if where[0] == "E":
        words = "loss E"
    return f"{words}, call {call}" if several else words


def near(grouping: Grouping, group: Group, hops: int) -> Grouping:
    """The part of a grouping that is at most `hops` arrows away from `group`, in either direction."""
    links: dict[str, list[str]] = {}
    for a in grouping.arrows:
        links.setdefault(a.source, []).append(a.target)
        links.setdefault(a.target, []).append(a.source)
    distance = {group.id: 0}
    found = [group.id]
    for g in found:
        if distance[g] < hops:
            for other in links.get(g, ()):
                if other not in distance:
                    distance[other] = distance[g] + 1
                    found.append(other)
    return Grouping(
        tuple(g for g in grouping.groups if g.id in distance),
        tuple(a for a in grouping.arrows if a.source in distance and a.target in distance),
    )
