"""Blocks on a page: as lines of text with the equation ids at the right margin, or as aligned LaTeX."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from engine.explain.blocks import Addends, Block, Head, Line, Prose, Rows


WIDEST, NARROWEST = 100, 78  # columns of a page of text


# ---- text ---------------------------------------------------------------------------------------


def page(blocks: Sequence[Block], times: str) -> str:
    """The blocks as text, at most 100 columns wide."""
    tags = max((len(b.tag) for b in blocks if isinstance(b, Line | Prose)), default=0)
    lines = [line for b in blocks for line in text_lines(b, tags + 2, times)]
    ids = max(len(margin) for _, margin in lines[1:]) if len(lines) > 1 else 0
    lines[1:] = [(s, margin and margin.ljust(ids)) for s, margin in lines[1:]]
    width = min(max([NARROWEST, *(len(s) + len(margin) + 2 for s, margin in lines if margin)]), WIDEST)
    return "\n".join(line for s, margin in lines for line in with_margin(s, margin, width))


def with_margin(s: str, margin: str, width: int) -> list[str]:
    """A line with something at the right margin; cut into several where it is too long."""
    room = width - len(margin) - 2 if margin else WIDEST
    indent = len(s) - len(s.lstrip()) + 4
    first, *others = textwrap.wrap(s, room, drop_whitespace=False, subsequent_indent=" " * indent) or [""]
    return [(first.rstrip().ljust(width - len(margin)) + margin if margin else first).rstrip(), *(line.rstrip() for line in others)]


def text_lines(b: Block, tags: int, times: str) -> Iterator[tuple[str, str]]:
    """The lines of a block, each with what stands at its margin."""
    if isinstance(b, Head):
        yield f"{b.slope} = {b.total}", b.kind
    elif isinstance(b, Line):
        yield from equation(b, "  " + b.tag.ljust(tags))
    elif isinstance(b, Prose):
        for i, s in enumerate(textwrap.wrap(b.sentence, WIDEST - 2 - tags)):
            yield "  " + ("" if i else b.tag).ljust(tags) + s, ""
    elif isinstance(b, Addends):
        yield f"  = {b.formula}", b.equation
        yield from ((f"    {s}", "") for s in terms(b, times))
    else:
        yield from rows(b, times)


def equation(b: Line, indent: str) -> Iterator[tuple[str, str]]:
    """The sides of an equation on one line, or below each other where that is too long."""
    first, *sides = b.sides
    column = len(indent) + len(first) + 1  # of the equals signs
    lines = [f"{indent}{first}"]
    for side in (*sides, *([b.aside] if b.aside else [])):
        sign = "  " if side is b.aside else "= "
        room = WIDEST - (len(b.equation) + 2 if len(lines) == 1 else 0)
        if len(lines[-1]) + 1 + len(sign) + len(side) <= room:
            lines[-1] += f" {sign}{side}"
            continue
        pieces = at_plus(sign + side, room - column)
        if len(lines) == 1 and len(lines[0]) < column:
            lines[0] += f" {pieces.pop(0)}"
        lines += [" " * column + piece for piece in pieces]
    yield from ((line, "" if i else b.equation) for i, line in enumerate(lines))


def at_plus(s: str, room: int) -> list[str]:
    """A sum in pieces that fit, cut before its plus signs."""
    pieces = [""]
    for k, term in enumerate(s.split(" + ")):
        piece = term if k == 0 else f"+ {term}"
        if pieces[-1] and len(pieces[-1]) + 1 + len(piece) > room:
            pieces.append(piece)
        else:
            pieces[-1] = f"{pieces[-1]} {piece}" if pieces[-1] else piece
    return pieces


def rows(b: Rows, times: str) -> Iterator[tuple[str, str]]:
    """The readings of a product, factor under factor."""
    tables = [*(cells for cells, _ in b.formulas), b.inserted, b.values]
    widths = [max(map(len, column)) for column in zip(*tables, strict=True)]
    aligned = sum(widths) + 5 * len(widths) + 16 <= WIDEST

    def line(cells: Sequence[str], end: str = "") -> str:
        padded = [c.ljust(w) for c, w in zip(cells, widths, strict=True)] if aligned else cells
        return f"  = {f'  {times}  '.join(padded)}".rstrip() + end

    for cells, eq in b.formulas:
        yield line(cells), eq
    if b.lead:
        yield f"      {b.lead.slope} = {b.lead.formula}", b.lead.equation
        yield from ((f"        {s}", "") for s in terms(b.lead, times))
    yield line(b.inserted), ""
    yield line(b.values, f"  =  {b.total}" if len(b.values) > 1 else ""), ""


def terms(b: Addends, times: str) -> Iterator[str]:
    """A sum term by term, and what they add up to."""
    table = [(label, f"{reading} =" if reading else "", x, g, p) for label, reading, x, g, p in b.terms]
    w = [max(map(len, column)) for column in zip(*table, strict=True)]
    last = max(w[4], len(b.total), len(b.rest[1]) if b.rest else 0)
    left = 0
    for label, reading, x, g, product in table:
        shown = f"{reading.ljust(w[1])} " if w[1] else ""
        line = f"{label.ljust(w[0])}  {shown}{x.rjust(w[2])} {times} {g.rjust(w[3])}"
        left = len(line)
        yield f"{line} = {product.rjust(last)}"
    if b.rest:
        yield f"{b.rest[0].rjust(left)} = {b.rest[1].rjust(last)}"
    if len(b.terms) > 1:
        yield f"{'sum'.rjust(left)} = {b.total.rjust(last)}"


# ---- LaTeX --------------------------------------------------------------------------------------

TERMS_A_LINE = 3


def aligned(blocks: Iterable[Block]) -> str:
    """The equations among the blocks as one `aligned` display; sentences are left out."""
    lines: list[str] = []
    slope = ""
    for b in blocks:
        if isinstance(b, Head):
            slope = f"{b.slope} &= {b.total}"
            head = b
        elif isinstance(b, Line):
            lines += chain(b.sides, b.equation)
        elif isinstance(b, Addends):
            lines += latex_sum(b)
        elif isinstance(b, Rows):
            lines += latex_rows(head.slope, b)
    return "\\begin{aligned}\n" + "\\\\\n".join(lines or [slope]) + "\n\\end{aligned}"


def chain(sides: Sequence[str], equation: str) -> list[str]:
    """The sides of an equation, one to a line."""
    first, *others = sides
    return [
        f"{first if i == 0 else ''} &= {side}{margin(equation if i == 0 else '')}".strip() for i, side in enumerate(others)
    ]


def margin(equation: str) -> str:
    """An equation id at the margin."""
    return f" && \\text{{{equation}}}" if equation else ""


def latex_rows(slope: str, b: Rows) -> list[str]:
    """The readings of a product; under each factor with its numbers, the number that it is."""
    lines = []
    for i, (cells, eq) in enumerate(b.formulas):
        lines.append(f"{slope if i == 0 else ''} &= {product(cells)}{margin(eq)}".strip())
    if b.lead:
        lines += latex_sum(b.lead)
    braced = [x if x == v else f"\\underbrace{{{x}}}_{{{v}}}" for x, v in zip(b.inserted, b.values, strict=True)]
    return [*lines, f"{slope if b.lead else ''} &= {product(braced)} = {b.total}".strip()]


def product(factors: Sequence[str]) -> str:
    """Factors with a sign between them, negative ones after the first in brackets."""
    return r"\times ".join(f"({f})" if i and f.startswith("-") else f for i, f in enumerate(factors))


def latex_sum(b: Addends) -> list[str]:
    """A sum with its terms under braces, a few to a line."""
    braced = [f"\\underbrace{{{product((x, g))}}}_{{{label}:\\;{p}}}" for label, _, x, g, p in b.terms]
    if b.rest:
        braced.append(f"\\underbrace{{\\cdots}}_{{\\text{{{b.rest[0]}}}:\\;{b.rest[1]}}}")
    chunks = [" + ".join(braced[i : i + TERMS_A_LINE]) for i in range(0, len(braced), TERMS_A_LINE)]
    lines = [f"{b.slope} &= {b.formula}{margin(b.equation)}"]
    lines += [f"&{'= ' if i == 0 else '+ '}{c}" for i, c in enumerate(chunks)]
    lines[-1] += f" = {b.total}"
    return lines
