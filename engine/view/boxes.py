"""The boxes of a picture: what stands in them, as rows of cells, whoever draws them.

A Value is `name | op` over `data | grad`; a leaf has a grey head. A collapsed unit is a table of its
members, results first; a collapsed layer is a heat-map of its parameters' gradients, a row per unit.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import NamedTuple

from engine.view.groups import Group
from engine.view.marks import FAINT, GROUP, INK, LEAF, RULE, WHITE, Marks, largest_magnitude, operation, sign, visible
from engine.view.record import Node


LONGEST_NAME = 32  # characters of a name in a cell; the whole name is in the box's title
MOST_TILES = 32  # in a row or a column of a heat-map
TILES = 12  # in a row of one that can be broken into rows


class Cell(NamedTuple):
    """One run of text on one background, across `span` columns."""

    text: str
    fill: str = WHITE
    span: int = 1
    bold: bool = False
    color: str = INK
    left: bool = False  # aligned to the left instead of centred


Tile = tuple[str, str]  # a sign and its background


class Box(NamedTuple):
    """A table of cells, and under it rows of tiles."""

    id: str
    title: str  # the whole story in a sentence, for screen readers and tooltips
    rows: tuple[tuple[Cell, ...], ...]
    tiles: tuple[tuple[Tile, ...], ...] = ()
    border: str = RULE
    weight: float = 1.0  # of the border


def node_box(n: Node, marks: Marks, show: Collection[str]) -> Box:
    """The box of a single Value, or of a constant."""
    if n.kind == "constant":
        return Box(n.id, f"constant {marks.number(n.data)}", ((Cell(marks.number(n.data), color=FAINT),),))
    name = visible(n.name, LONGEST_NAME)
    op = "" if n.op is None else operation(n.op, n.args, marks.precision)
    if n.op is None:
        heads = [Cell(name or "leaf", LEAF, bold=bool(name))]
    else:
        heads = [Cell(name, bold=True)] * bool(name) + [Cell(op, color=FAINT)] * bool(op)
    cells = [Cell(f"data {marks.number(n.data)}")] * ("data" in show)
    cells += [Cell(f"grad {marks.signed(n.grad)}", marks.tint(n.grad))] * ("grad" in show)
    return Box(n.id, sentence(n, marks), squared([heads, cells]))


def group_box(group: Group, marks: Marks, show: Collection[str], most: int) -> Box:
    """The box of a unit, a layer, or the parameters of one: at most `most` members are listed."""
    results = results_of(group)
    leaves = leaves_of(group)
    listed, counted = results + leaves, list[Node]()
    if len(listed) > most:
        listed, counted = (results, leaves) if len(results) <= most else ([], listed)
    columns = [c for c in ("data", "grad") if c in show] if listed else []
    rows = [[Cell(group.title, GROUP, bold=True, left=True), *(Cell(c, GROUP, color=FAINT) for c in columns)]]
    rows += [member_row(n, marks, columns) for n in listed]
    drawn = bool(counted) and "grad" in show and all(n.grad is not None for n in counted)
    tiles = heat_map(counted, marks) if drawn else ()
    if counted and not (listed and tiles):
        rows += [[Cell(text, color=FAINT)] for text in summary(group, marks, show)]
    told = [sentence(n, marks) for n in listed or results[:1]] + summary(group, marks, show)
    return Box(group.id, "; ".join([group.title, *told]), squared(rows), tiles)


def results_of(group: Group) -> list[Node]:
    """The results in a group that have a name or are used outside: unit by unit, the last of each first."""
    units: dict[object, list[Node]] = {}
    outputs = {n.id for n in group.outputs}
    for n in group.members:
        if n.op is not None and (n.name or n.id in outputs):
            units.setdefault(n.scope, []).insert(0, n)
    return [n for unit in units.values() for n in unit]


def leaves_of(group: Group) -> list[Node]:
    """The leaves in a group; constants are not told one by one."""
    return [n for n in group.members if n.op is None and n.kind != "constant"]


def member_row(n: Node, marks: Marks, columns: list[str]) -> list[Cell]:
    """A member of a group in its table."""
    name = Cell(visible(n.name, LONGEST_NAME) or n.op or "leaf", LEAF if n.op is None else WHITE, left=True)
    cells = {"data": Cell(marks.number(n.data)), "grad": Cell(marks.signed(n.grad), marks.tint(n.grad))}
    return [name, *(cells[c] for c in columns)]


def heat_map(nodes: list[Node], marks: Marks) -> tuple[tuple[Tile, ...], ...]:
    """The gradients of the parameters among `nodes`, a row per unit, else of all of them; none if too many.

    Shades are relative to the largest of these gradients, not to the largest of the picture.
    """
    marks = replace(marks, grad=largest_magnitude(n.grad for n in nodes))
    units: dict[str, list[Node]] = {}
    for n in nodes:
        if n.kind in ("w", "b") and n.scope is not None:
            units.setdefault(n.scope.unit, []).append(n)
    rows = list(units.values()) or [nodes]
    if len(rows) == 1:
        rows = [rows[0][k : k + TILES] for k in range(0, len(rows[0]), TILES)]
    if max(len(rows), *map(len, rows)) > MOST_TILES:
        return ()
    return tuple(tuple((sign(n.grad), marks.tint(n.grad)) for n in row if n.grad is not None) for row in rows)


def summary(group: Group, marks: Marks, show: Collection[str]) -> list[str]:
    """A group in numbers: what is in it, and the range of the gradients of its leaves."""
    results = [n for n in group.outputs if n.op is not None]
    leaves = leaves_of(group)
    what = "parameters" if all(n.kind in ("w", "b") for n in leaves) else "leaves"
    lines = [f"{len(results)} outputs"] * (len(results) > 1) + [f"{len(leaves)} {what}"] * bool(leaves)
    grads = [n.grad for n in leaves or results if n.grad is not None]
    return [*lines, f"grad {marks.range(grads)}"] if grads and "grad" in show else lines


def sentence(n: Node, marks: Marks) -> str:
    """A node in words: name, operation, data and gradient."""
    what = " = ".join(filter(None, (visible(n.name), n.op))) or "leaf"
    grad = "not computed" if n.grad is None else marks.signed(n.grad)
    return f"{what}, data {marks.number(n.data)}, grad {grad}"


def squared(rows: list[list[Cell]]) -> tuple[tuple[Cell, ...], ...]:
    """The rows as a table without holes: the last cell of a short row spans the rest; empty rows go."""
    width = max(map(len, rows))
    return tuple([tuple(row) if len(row) == width else spanned(row, width) for row in rows if row])


def spanned(row: list[Cell], width: int) -> tuple[Cell, ...]:
    """The row with its last cell as wide as what is missing."""
    return (*row[:-1], row[-1]._replace(span=width + 1 - len(row)))
