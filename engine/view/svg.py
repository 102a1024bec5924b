"""The built-in drawing of a picture: SVG text, from the layered layout, with nothing installed.

Light, opaque, rounded background, so that it reads on a dark page too; one run of text per cell; a
role and a name on everything that means something. The same picture gives the same bytes everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import hypot

from engine.view.boxes import Box, Cell
from engine.view.layout import Point, Size, depths, layout
from engine.view.marks import FAINT, INK, PAPER, RULE, WHITE
from engine.view.picture import Line, Picture


FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
TEXT = 12.0  # font size of cells
SMALL = 11.0  # of labels and the legend
LEADING = 14.0  # height of a line of a label
ROW = 19.0  # height of a row of cells
TILE = 13.0  # width and height of a tile
PAD = 6.0  # between text and the edge of its cell
EVEN = 1.5  # boxes of a layer are made equally wide if they differ by less than this factor
MARGIN = 14.0  # around the drawing
NARROW, WIDE = "ijl.,:;'|!I()[] t/f\"", "mwMW@%+−×…"
LEGEND_WIDTH = 420.0  # a legend is broken into lines at the drawing's width, but not before


def svg_text(picture: Picture, rankdir: str = "LR") -> str:
    """The picture as the text of an SVG document."""
    index = {b.id: i for i, b in enumerate(picture.boxes)}
    edges = [(index[n.source], index[n.target]) for n in picture.lines]
    columns = even([column_widths(b) for b in picture.boxes], depths(len(picture.boxes), edges))
    sizes = [box_size(b, w) for b, w in zip(picture.boxes, columns, strict=True)]
    labels = [label_size(n.label) if n.label else None for n in picture.lines]
    plan = layout(sizes, edges, labels, rankdir)
    keys, keys_width, keys_height = legend(picture.legend, max(plan.width, LEGEND_WIDTH))
    width = max(plan.width, keys_width) + 2 * MARGIN
    height = plan.height + keys_height + 3 * MARGIN
    left = (width - plan.width) / 2
    parts = [
        *head(picture.title, width, height),
        f'<g transform="translate({px(left)} {px(MARGIN)})">',
        *(arrow(f"e{k}", n, r) for k, (n, r) in enumerate(zip(picture.lines, plan.routes, strict=True))),
        *(box(b, w, p) for b, w, p in zip(picture.boxes, columns, plan.centers, strict=True)),
        *(label(n, p) for n, p in zip(picture.lines, plan.labels, strict=True) if p),
        "</g>",
        f'<g transform="translate({px(MARGIN)} {px(plan.height + 2 * MARGIN)})" role="note">',
        *keys,
        "</g>",
        "</svg>\n",
    ]
    return "\n".join(parts)


def head(title: str, width: float, height: float) -> list[str]:
    """The opening of a document of this size: its name and its background."""
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{px(width)}" height="{px(height)}"'
        f' viewBox="0 0 {px(width)} {px(height)}" role="graphics-document" aria-label="{escape(title)}"'
        f' font-family="{FONT}" font-size="{px(TEXT)}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{px(width)}" height="{px(height)}" rx="8" fill="{PAPER}"/>',
    ]


def box(b: Box, columns: Sequence[float], center: Point) -> str:
    """A box around its centre: cells row by row, then tiles, then the border over all."""
    width, height = box_size(b, columns)
    x0, y0 = center[0] - width / 2, center[1] - height / 2
    frame = f'<rect x="{px(x0)}" y="{px(y0)}" width="{px(width)}" height="{px(height)}"'
    parts = [named(b.id, b.title), f'{frame} fill="{WHITE}"/>']
    y = y0
    for row in b.rows:
        x, at = x0, 0
        for cell in row:
            w = sum(columns[at : at + cell.span])
            at += cell.span
            parts.append(cell_text(cell, x, y, w))
            x += w
        y += ROW
    parts += tiles(b, x0 + width / 2, y + PAD)
    lines = "".join(f"M{px(x0)} {px(y0 + ROW * k)}h{px(width)}" for k in range(1, len(b.rows)))
    if lines:
        parts.append(f'<path d="{lines}" stroke="{RULE}" stroke-width="0.5"/>')
    parts.append(f'{frame} rx="2" fill="none" stroke="{b.border}" stroke-width="{px(b.weight)}"/></g>')
    return "".join(parts)


def named(identity: str, name: str) -> str:
    """The opening of something that means something: for scripts its id, for people its name."""
    return f'<g id="{identity}" role="graphics-symbol" aria-label="{escape(name)}"><title>{escape(name)}</title>'


def cell_text(cell: Cell, x: float, y: float, width: float, size: float = TEXT) -> str:
    """One run of text on its background."""
    parts = []
    if cell.fill not in (WHITE, PAPER):
        parts.append(f'<rect x="{px(x)}" y="{px(y)}" width="{px(width)}" height="{px(ROW)}" fill="{cell.fill}"/>')
    place = f'x="{px(x + PAD)}"' if cell.left else f'x="{px(x + width / 2)}" text-anchor="middle"'
    bold = ' font-weight="bold"' if cell.bold else ""
    color = "" if cell.color == INK else f' fill="{cell.color}"'
    scale = "" if size == TEXT else f' font-size="{px(size)}"'
    parts.append(f'<text {place} y="{px(y + ROW - 5.5)}"{bold}{color}{scale} xml:space="preserve">')
    return "".join(parts) + f"{escape(cell.text)}</text>"


def tiles(b: Box, middle: float, top: float) -> list[str]:
    """The heat-map of a box: squares with their sign, centred."""
    parts = []
    for k, row in enumerate(b.tiles):
        for j, (mark, fill) in enumerate(row):
            x, y, side = middle + (j - len(row) / 2) * TILE, top + k * TILE, px(TILE - 1)
            parts.append(
                f'<rect x="{px(x)}" y="{px(y)}" width="{side}" height="{side}" fill="{fill}"/>'
                f'<text x="{px(x + TILE / 2 - 0.5)}" y="{px(y + TILE - 2.5)}" text-anchor="middle">{mark}</text>'
            )
    return parts


def arrow(identity: str, n: Line, route: Sequence[Point]) -> str:
    """A curve that ends in a head; the head points the way the curve ends."""
    (x, y), (x0, y0) = route[-1], route[-2]
    length = hypot(x - x0, y - y0) or 1.0
    dx, dy = (x - x0) / length, (y - y0) / length
    long, half = 5 + n.width, 2.5 + 0.6 * n.width
    bx, by = x - dx * long, y - dy * long
    points = [*route[:-1], (bx, by)]
    path = f"M{px(points[0][0])} {px(points[0][1])}C" + " ".join(f"{px(p[0])} {px(p[1])}" for p in points[1:])
    dash = f' stroke-dasharray="{px(4 + n.width)} {px(2 + n.width)}"' if n.dashed else ""
    tip = f"M{px(x)} {px(y)}L{px(bx - dy * half)} {px(by + dx * half)} {px(bx + dy * half)} {px(by - dx * half)}Z"
    return (
        named(identity, n.title)
        + f'<path d="{path}" fill="none" stroke="{n.color}" stroke-width="{px(n.width)}"{dash}/>'
        f'<path d="{tip}" fill="{n.color}"/></g>'
    )


def label(n: Line, p: Point) -> str:
    """The text of an arrow, on the background so that the arrow does not run through it."""
    width, height = label_size(n.label)
    x, y = p[0] - width / 2, p[1] - height / 2
    parts = [f'<rect x="{px(x)}" y="{px(y)}" width="{px(width)}" height="{px(height)}" rx="3" fill="{PAPER}"/>']
    look = f'text-anchor="middle" font-size="{px(SMALL)}" fill="{FAINT}"'
    for k, text in enumerate(n.label.split("\n"), 1):
        parts.append(f'<text x="{px(p[0])}" y="{px(y + LEADING * k - 3.5)}" {look}>{escape(text)}</text>')
    return "".join(parts)


def legend(cells: Sequence[Cell], widest: float) -> tuple[list[str], float, float]:
    """The legend's parts, width and height, broken into lines."""
    parts: list[str] = []
    x = y = right = 0.0
    for k, cell in enumerate(cells):
        width = text_width(cell.text, SMALL, cell.bold) + 2 * PAD
        swatch = cell.fill != PAPER
        meaning = cells[k + 1].text if swatch and k + 1 < len(cells) else ""  # stays with its swatch
        if x and x + width + text_width(meaning, SMALL) + 2 * PAD > widest:
            x, y = 0.0, y + ROW + 2
        parts.append(cell_text(cell, x, y, width, SMALL))
        x += width + (0 if swatch else PAD)
        right = max(right, x)
    return parts, right, y + ROW


# ---- sizes


def box_size(b: Box, columns: Sequence[float]) -> Size:
    """Width and height of a box whose columns are this wide."""
    height = ROW * len(b.rows) + (TILE * len(b.tiles) + 2 * PAD if b.tiles else 0)
    return sum(columns), height


def label_size(text: str) -> Size:
    """Width and height of the label of an arrow."""
    lines = text.split("\n")
    return max(text_width(t, SMALL) for t in lines) + 4, LEADING * len(lines)


def column_widths(b: Box) -> list[float]:
    """The width of each column: what its cells need, then what cells and tiles across columns need."""
    columns = [0.0] * sum(cell.span for cell in b.rows[0])
    spans: list[tuple[int, int, float]] = []
    for row in b.rows:
        at = 0
        for cell in row:
            spans.append((cell.span, at, text_width(cell.text, TEXT, cell.bold) + 2 * PAD))
            at += cell.span
    spans.append((len(columns), 0, TILE * max(map(len, b.tiles), default=0) + 2 * PAD))
    for span, at, width in sorted(spans):
        missing = width - sum(columns[at : at + span])
        for k in range(at, at + span):
            columns[k] += max(missing, 0.0) / span
    return columns


def even(columns: list[list[float]], layers: Sequence[int]) -> list[list[float]]:
    """The column widths with the boxes of each layer made equally wide, unless they are too different."""
    widest: dict[int, float] = {}
    for widths, k in zip(columns, layers, strict=True):
        widest[k] = max(widest.get(k, 0.0), sum(widths))
    result = []
    for widths, k in zip(columns, layers, strict=True):
        scale = widest[k] / sum(widths)
        result.append([w * scale for w in widths] if scale < EVEN else widths)
    return result


def text_width(text: str, size: float, bold: bool = False) -> float:
    """An upper estimate of the width of a text, whichever of the fonts is found."""
    ems = 0.0
    for char in text:
        if char in NARROW:
            ems += 0.34
        elif char in WIDE:
            ems += 0.88
        elif char > "\u2e80":  # ideographs and emoji
            ems += 1.3
        else:
            ems += 0.72 if char.isupper() else 0.57
    return ems * size * (1.08 if bold else 1.0)


def px(value: float) -> str:
    """A coordinate: one decimal, none if it is zero."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text
