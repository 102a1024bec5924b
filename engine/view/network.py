"""A network as textbooks draw it: a box for each unit, an arrow for each weight.

What is connected to what is read off the roles w_ji and b_j, so anything with named parameters of such
roles can be drawn, and so can the graph of one call: then the boxes have net_j and o_j as well, and beside
each the gradient, dE/dnet_j, of which the deltas of the notes are multiples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.errors import short
from engine.label import Role
from engine.value import Value
from engine.view.boxes import Box, Cell, member_row, node_box, sentence, squared
from engine.view.marks import (
    BLUES,
    FAINT,
    FOCUS,
    GROUP,
    INK,
    MINUS,
    NEUTRAL,
    ORANGES,
    WARNING,
    Marks,
    largest_magnitude,
    visible,
)
from engine.view.picture import Line, Picture, title as titled, word
from engine.view.record import Node, Record
from engine.view.scopes import layer_of
from engine.whole import counted


MOST_ABREAST = 12  # units of a layer that are all drawn
ENDS = (6, 2)  # of a wider layer: so many first and last ones
MOST_LABELLED = 40  # weights that are still written on their arrows


class Weight(NamedTuple):
    """A weight between two units, or (without a node) the 1 of a skip connection."""

    source: str
    unit: str
    node: Node | None
    value: Value | None


@dataclass
class Network:
    """Units with what is told of each, and the weights between them."""

    title: str
    units: dict[str, list[Node]] = field(default_factory=dict)
    weights: list[Weight] = field(default_factory=list)
    activations: dict[str, str] = field(default_factory=dict)
    root: Node | None = None
    depth: dict[str, int] = field(default_factory=dict)  # of every unit's layer, the inputs' 0
    backward: bool = True  # whether there are gradients, or none are expected

    def add(self, role: Role, node: Node, value: Value | None) -> None:
        """A parameter, to the unit of its role."""
        if role.kind == "w":
            self.weights.append(Weight(role.source, role.unit, node, value))
        else:
            self.units.setdefault(role.unit, []).append(node)


def network_of_model(model: Any) -> Network:
    """The network that the roles of a model's parameters tell of; TypeError for parameters without such roles."""
    found = Network(visible(repr(model)))
    for name, v in model.named_parameters():
        role = v.label if isinstance(v, Value) else None
        if not isinstance(role, Role) or role.kind not in ("w", "b") or not role.unit:
            raise TypeError(f"a network is drawn by the roles w_ji and b_j of its parameters, and {name!r} has none: {short(v)}")
        node = Node(name, str(role), None, role.kind, v.data, v.grad, None, ())
        found.add(role, node, v)
    if not found.weights:
        raise ValueError(f"{found.title} has no weights, so there is nothing to draw")
    found.weights += [Weight(source, unit, None, None) for source, unit in getattr(model, "skips", ())]
    return in_order(found)


def network_of_graph(seen: Record) -> Network:
    """The network whose one call is in a graph; ValueError if there is none, or if there are several calls."""
    found = Network(titled(seen), backward=seen.backward)
    found.root = next(n for n in seen.nodes if n.id == seen.roots[0])
    nodes = {n.id: n for n in seen.nodes}
    role = {n.id: v.label for n, v in zip(seen.nodes, seen.values, strict=True) if v is not None and isinstance(v.label, Role)}
    calls = Counter((r.kind, r.unit) for i, r in role.items() if r.kind in ("net", "o"))
    if len(seen.roots) > 1 or max(calls.values(), default=0) > 1:
        raise ValueError("collapse='network' draws one call of a network under one root: draw(model) shows the weights alone")
    inputs: dict[str, float] = {}
    for e in seen.edges:  # d net_j / d w_ji is the input o_i, whether or not that is a node
        r = role.get(e.source)
        if r is not None and r.kind == "w" and e.partial is not None:
            inputs.setdefault(r.source, e.partial)
    for n, v in zip(seen.nodes, seen.values, strict=True):
        r = role.get(n.id)
        if r is not None and r.kind in ("w", "b", "net", "o", "x"):
            found.add(r, n, v)
            if r.kind == "o" and n.op is not None:
                found.activations[r.unit] = "linear" if ("net", r.unit) not in calls else n.op
    for i, r in role.items():
        if r.kind == "o" and nodes[i].op == "add" and ("net", r.unit) in calls:  # o_j = f(net_j) + o_i
            args = [a for a in nodes[i].args if isinstance(a, str)]
            f = next((nodes[a].op for a in args if a not in role or role[a].kind == "net"), None)
            source = next((role[a].unit for a in args if a in role and role[a].kind in ("x", "o")), "")
            if not source:  # a plain number: input j comes to unit j
                abreast = list(dict.fromkeys(w.unit for w in found.weights if layer_of(role[i]) == layer_of(Role("o", w.unit))))
                source = [w.source for w in found.weights if w.unit == r.unit][abreast.index(r.unit)]
            found.weights.append(Weight(source, r.unit, None, None))
            found.activations[r.unit] = f"{f or 'net'} + {visible(source, 12)}"
    if not found.weights:
        raise ValueError("collapse='network' needs a graph whose weights have roles w_ji, as those of nn have")
    for source, data in inputs.items():
        if source not in found.units:
            found.units[source] = [Node(source, source, None, "x", data, None, None, ())]
    for told in found.units.values():  # o_j first, its bias last
        told.sort(key=lambda n: ("o", "net", "x", "b").index(n.kind))
    return in_order(found)


def in_order(found: Network) -> Network:
    """The units from inputs to outputs, as the weights come: sources before those that they lead to."""
    names = dict.fromkeys([n for w in found.weights for n in (w.source, w.unit)] + list(found.units))
    depth = dict.fromkeys(names, 0)
    arrows = dict.fromkeys((w.source, w.unit) for w in found.weights)
    for _ in names:
        deeper = {u: depth[s] + 1 for s, u in arrows if depth[u] <= depth[s]}
        if not deeper:
            break
        depth |= deeper
    else:
        raise ValueError("the units of this network lead to each other in a circle: there are no layers to draw them in")
    found.units = {n: found.units.get(n, []) for n in sorted(names, key=lambda n: depth[n])}
    found.depth = depth
    return found


# ---- its picture


def network_picture(
    net: Network, highlight: Collection[Value], *, show: Collection[str], precision: int, whole: bool, downstream: bool = False
) -> Picture:
    """The picture of a network; of a layer that is too wide the middle is left out, unless `whole`.

    `highlight` marks weights; with `downstream` those also through which the first ones act on the outputs.
    """
    marked = {id(v) for v in highlight}
    known = {id(w.value) for w in net.weights}
    if strange := [v for v in highlight if id(v) not in known]:
        raise ValueError(f"highlight marks weights of this network, and {short(strange[0])} is none of them")
    chosen = [w for w in net.weights if id(w.value) in marked]
    if downstream:
        reached = {w.unit for w in chosen}
        for unit in net.units:  # inputs to outputs
            further = [w for w in net.weights if w.source == unit and unit in reached]
            chosen += further
            reached |= {w.unit for w in further}
    nodes = [n for told in net.units.values() for n in told] + [w.node for w in net.weights if w.node]
    grads = [n.grad for n in nodes if n.grad is not None]
    marks = Marks(precision, largest_magnitude(grads), largest_magnitude(w.node.data for w in net.weights if w.node))
    place = places(net, {n for w in chosen for n in (w.source, w.unit)}, whole)
    shown = [c for c in ("data", "grad") if c in show and (c == "data" or grads)]
    boxes = list(unit_boxes(net, place, marks, shown))
    lines = list(weight_lines(net, place, marks, chosen, bool(grads) and "grad" in show, "local" in show))
    if net.root is not None:
        boxes.append(node_box(net.root, marks, show)._replace(border=INK, weight=2.5))
        sources = {w.source for w in net.weights}
        ends = dict.fromkeys(place[u] for u in net.units if u not in sources)
        lines += [Line(end, net.root.id, f"to {net.root.name or 'the root'}", "", NEUTRAL, 1.0, False) for end in ends]
    layers: dict[int, dict[str, None]] = {}
    for unit in net.units:
        layers.setdefault(net.depth[unit], {})[place[unit]] = None
    columns = tuple(tuple(layer) for layer in layers.values())
    return Picture(net.title, tuple(boxes), tuple(lines), network_legend(net, lines, bool(grads), bool(chosen)), columns)


def places(net: Network, kept: set[str], whole: bool) -> dict[str, str]:
    """The box in which each unit is drawn: its own, or the one for the middle of a layer that is too wide."""
    layers: dict[str, list[str]] = {}
    for name in net.units:
        layers.setdefault(layer_of(Role("o", name)), []).append(name)
    place = {name: f"u{k}" for k, name in enumerate(net.units)}
    for layer, names in layers.items():
        middle = [n for n in names[ENDS[0] : -ENDS[1]] if n not in kept]
        if not whole and len(names) > MOST_ABREAST:
            place |= dict.fromkeys(middle, f"more_{list(layers).index(layer)}")
    return place


def unit_boxes(net: Network, place: dict[str, str], marks: Marks, columns: list[str]) -> Iterable[Box]:
    """A box for each unit: its name and activation, then what is told of it."""
    more = Counter(place.values())
    drawn: set[str] = set()
    for unit, told in net.units.items():
        identity = place[unit]
        if identity in drawn:
            continue
        drawn.add(identity)
        if more[identity] > 1:
            text = f"\N{VERTICAL ELLIPSIS} {more[identity]} more"
            yield Box(identity, f"{counted(more[identity], 'unit')} more of this layer", ((Cell(text, color=FAINT),),))
            continue
        name, f = visible(unit, 24), net.activations.get(unit, "")
        heads = [Cell(c if told else "", GROUP, color=FAINT) for c in columns if told]
        head = [Cell(f"{name}   {f}" if f else name, GROUP, bold=True, left=True), *heads]
        rows = [head, *(member_row(n, marks, columns) for n in told)]
        yield Box(identity, "; ".join([f"unit {name}", *(sentence(n, marks) for n in told)]), squared(rows))


def weight_lines(
    net: Network, place: dict[str, str], marks: Marks, chosen: Sequence[Weight], grads: bool, labels: bool
) -> Iterable[Line]:
    """An arrow for each weight, coloured and as wide as the weight; one for all that are left out."""
    labels = labels and sum(w.node is not None for w in net.weights) <= MOST_LABELLED
    bundles: set[tuple[str, str]] = set()
    for w in net.weights:
        ends = place[w.source], place[w.unit]
        marked = w in chosen
        if any(end.startswith("more") for end in ends):
            if ends not in bundles:
                bundles.add(ends)
                yield Line(*ends, f"weights to units that are left out: {w.unit} and others", "", NEUTRAL, 0.5, False)
            continue
        if w.node is None:
            yield Line(*ends, f"skip connection: {w.source} is added to o of {w.unit}", "+" if labels else "", NEUTRAL, 1.5, False)
            continue
        color, width, dashed = marks.pen(w.node.data)
        name, number = visible(w.node.name, 24), marks.number(w.node.data)
        slope = f"grad {marks.signed(w.node.grad)}" if grads and w.node.grad is not None else ""
        told = [f"{name} {number}" if marked else number, slope]
        label = "\n".join(filter(None, told)) if labels or marked else ""
        if marked:
            color, width = FOCUS, max(width, 3.0)
        yield Line(*ends, ", ".join(filter(None, (f"{name} = {number}", slope))), label, color, width, dashed)


def network_legend(net: Network, lines: Sequence[Line], grads: bool, chosen: bool) -> tuple[Cell, ...]:
    """What the colours, widths and numbers of a network mean."""
    cells = [] if net.backward else [Cell("backward() not run yet: no gradients", WARNING, bold=True)]
    cells += [Cell("+", BLUES[3]), word("positive"), Cell(MINUS, ORANGES[3]), word("negative, dashed")]
    cells.append(word("arrows: weights, as wide as they are large"))
    if grads:
        what = f"d {visible(net.root.name, 12) or 'root'} / d that number" if net.root else "of the latest backward pass"
        kinds = {n.kind for told in net.units.values() for n in told}
        delta = [f"of {k} it is dE/dnet, the unit's delta" for k in ("net", "b") if k in kinds][:1]
        cells.append(word("; ".join([f"grad: {what}", *delta])))
    if chosen:
        cells += [Cell("w", "#f7c6de"), word("highlighted")]
    return tuple(cells)
