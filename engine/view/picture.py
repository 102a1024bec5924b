"""What a picture says, whoever draws it: boxes, arrows and a legend; no positions yet.

An arrow is one use of a Value, labelled with its local partial d result / d argument; its colour, dash
and width tell what flows back along it. A group's arrow is labelled with its exact derivative; where
several outputs leave none, with the range of the flows.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.view.boxes import LONGEST_NAME, Box, Cell, group_box, node_box
from engine.view.groups import Arrow, Grouping
from engine.view.marks import (
    BLUES,
    BROKEN,
    FAINT,
    FOCUS,
    INK,
    MINUS,
    NEUTRAL,
    ORANGES,
    PAPER,
    RULE_FAINT,
    WARNING,
    Marks,
    largest_magnitude,
    visible,
)
from engine.view.record import Record
from engine.whole import counted


MOST_LABELS = 60  # arrows that are still labelled
ROWS = 44  # of text that the units of one layer share, if their members are to be listed


class Line(NamedTuple):
    """An arrow from box to box."""

    source: str
    target: str
    title: str
    label: str  # one line or two
    color: str
    width: float
    dashed: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything to be drawn, and one sentence that says what it is."""

    title: str
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    legend: tuple[Cell, ...]
    columns: tuple[tuple[str, ...], ...] = ()  # boxes that stand under one another, in this order


def pictured(
    record: Record,
    grouping: Grouping,
    *,
    show: Collection[str],
    precision: int = 4,
    focus: str = "",
    marked: Collection[str] = (),
    carried: Mapping[tuple[str, int], float] | None = None,
) -> Picture:
    """The picture of a grouping of `record`: `show` chooses data, grad and local; `focus` is marked.

    `marked` nodes are highlighted, and of the edges those that carry some of their gradient (`carried`).
    """
    grads = (n.grad for g in grouping.groups for n in g.members if n.id not in record.roots)
    flows = carried.values() if carried else (e.flow for a in grouping.arrows for e in a.edges)
    marks = Marks(precision, largest_magnitude(grads), largest_magnitude(flows))
    names = {g.id: visible(g.title or g.members[0].name, LONGEST_NAME) or g.id for g in grouping.groups}
    abreast = Counter(g.outputs[0].scope[0] for g in grouping.groups if g.title and g.outputs[0].scope)
    most = min(max(ROWS // max(abreast.values(), default=1), 3), 10)
    boxes = []
    for g in grouping.groups:
        box = group_box(g, marks, show, most) if g.title else node_box(g.members[0], marks, show)
        if g.id == focus or any(n.id in marked for n in g.members):
            box = box._replace(border=FOCUS, weight=3.0)
        elif any(n.id in record.roots for n in g.members):
            box = box._replace(border=INK, weight=2.5)
        boxes.append(box)
    labelled = "local" in show and len(grouping.arrows) <= MOST_LABELS
    lines = tuple(line(a, names, marks, labelled) for a in grouping.arrows)
    keys = legend(record.backward, "grad" in show, boxes, lines)
    if carried is not None:
        lines = tuple(highlighted(n, a, marks, carried) for n, a in zip(lines, grouping.arrows, strict=True))
        called = ", ".join(visible(n.name, LONGEST_NAME) or n.id for n in record.nodes if n.id in marked)
        keys = highlight_legend(record, lines, called)
    return Picture(title(record, grouping), tuple(boxes), lines, keys)


def line(a: Arrow, names: dict[str, str], marks: Marks, labelled: bool) -> Line:
    """The arrow of one use, or of all uses of one group by another."""
    flows = [e.flow for e in a.edges if e.flow is not None]
    if a.flow is not None or not flows:
        color, width, dashed = marks.pen(a.flow)
        flow = f"flow {marks.signed(a.flow)}" if flows else ""
    else:  # the flows go to different nodes, so they have no sum: the strongest sets the width
        color, width, dashed = marks.pen(max(flows, key=lambda f: abs(f) if math.isfinite(f) else math.inf))
        if any(f < 0 for f in flows) and any(f > 0 for f in flows):
            color, dashed = NEUTRAL, False
        flow = f"{len(flows)} flows\n{marks.range(flows)}"
    local = "" if a.local is None else marks.signed(a.local)
    story = [f"{names[a.source]} to {names[a.target]}"] + [f"local {local}"] * bool(local) + [flow.replace("\n", " ")] * bool(flow)
    return Line(a.source, a.target, ", ".join(story), (local or flow) if labelled else "", color, width, dashed)


def highlighted(n: Line, a: Arrow, marks: Marks, carried: Mapping[tuple[str, int], float]) -> Line:
    """The arrow as the paths of what is highlighted go through it, with its factor; grey and silent if none does."""
    parts = [carried[e.target, e.position] for e in a.edges if (e.target, e.position) in carried]
    if not parts:
        return n._replace(label="", color=RULE_FAINT, width=0.75, dashed=False)
    part = sum(parts[1:], parts[0])  # a path goes from group to group once, so these have no edge in common
    color, width, dashed = marks.pen(part)
    label = n.label if a.local is None else marks.signed(a.local)
    return Line(n.source, n.target, f"{n.title}, carries {marks.signed(part)}", label, color, max(width, 1.5), dashed)


def highlight_legend(record: Record, lines: Sequence[Line], called: str) -> tuple[Cell, ...]:
    """What the arrows mean where the paths of some nodes are highlighted."""
    root = next((visible(n.name, 12) for n in record.nodes if n.id in record.roots and n.name), "the root")
    cells = [Cell("+", BLUES[3]), word("adds to the gradient"), Cell(MINUS, ORANGES[3]), word("takes from it, dashed")]
    cells.append(word(f"coloured: the paths from {called} to {root}, as wide as what they carry"))
    return (*cells, word("on arrows: d result / d argument")) if any(n.label for n in lines) else tuple(cells)


def legend(backward: bool, grads: bool, boxes: Sequence[Box], lines: Sequence[Line]) -> tuple[Cell, ...]:
    """What colours, dashes, widths and numbers mean, as far as they occur."""
    swatches = [Cell("+", BLUES[3]), Cell(MINUS, ORANGES[3]), Cell("!", BROKEN)]
    words = ["positive", "negative, dashed", "not finite"]
    broken = any(c.fill == BROKEN for b in boxes for row in b.rows for c in row)
    cells = [Cell("backward() not run yet: no gradients", WARNING, bold=True)] * grads
    if backward:
        cells = [c for pair in zip(swatches, map(word, words), strict=True) for c in pair][: 6 if broken else 4]
        cells.append(word("arrow width: gradient flowing back"))
    if any(n.label and "flow" not in n.label for n in lines):
        cells.append(word("on arrows: d result / d argument"))
    if any("flow" in n.label for n in lines):
        cells.append(word("flow: d result / d argument × gradient of the result"))
    if any(b.tiles for b in boxes):
        cells.append(word("squares: gradients of what is not listed, shaded within their box"))
    return tuple(cells)


def word(text: str) -> Cell:
    """A meaning in the legend."""
    return Cell(text, PAPER, color=FAINT, left=True)


def title(record: Record, grouping: Grouping | None = None) -> str:
    """A sentence: how many nodes and edges, and the value of the root."""
    text = f"gradient graph: {counted(len(record.nodes), 'node')}, {counted(len(record.edges), 'edge')}"
    if grouping is not None and len(grouping.groups) != len(record.nodes):
        text += f", {counted(len(grouping.groups), 'box', 'boxes')} shown"
    nodes = [n for n in record.nodes if n.id in record.roots]
    roots = [f"{visible(n.name, LONGEST_NAME) or 'root'}={n.data:.4g}" for n in nodes]
    return ", ".join([text, *roots[:3], *["..."] * (len(roots) > 3)])
