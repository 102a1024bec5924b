"""Blocks on a page: as lines of text with the equation ids at the right margin, or as aligned LaTeX."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

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
    indent = min(len(s) - len(s.lstrip()) + 4, room // 2)
    lines = textwrap.wrap(s, room, drop_whitespace=False, subsequent_indent=" " * indent) or [""]
    if margin:
        lines[0] = lines[0].rstrip().ljust(width - len(margin)) + margin
    return [line.rstrip() for line in lines]


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
    lines, cut = [f"{indent}{first}"], False
    for side in (*sides, *([b.aside] if b.aside else [])):
        sign = "  " if side is b.aside else "= "
        room = WIDEST - (len(b.equation) + 2 if len(lines) == 1 else 0)
        if not cut and len(lines[-1]) + 1 + len(sign) + len(side) <= room:
            lines[-1] += f" {sign}{side}"
            continue
        pieces = at_plus(sign + side, room - column)
        cut = len(pieces) > 1
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
    """The readings of a product, factor under factor; one factor to a line where they are too wide for that."""
    formulas, ids = [cells for cells, _ in b.formulas], [eq for _, eq in b.formulas]
    numbers = [b.values] if b.inserted == b.values else [b.inserted, b.values]
    widths = [max(map(len, column)) for column in zip(*formulas, *numbers, strict=True)]
    total = f"  =  {b.total}" if len(b.values) > 1 else ""
    sum_of_lead = [(f"      {s}", eq) for s, eq in lead(b.lead, times)] if b.lead else []
    if sum(widths) + 5 * len(widths) + max(len(total), 2 + max(map(len, ids))) > WIDEST:
        for k, cells in enumerate(zip(*formulas, *numbers, strict=True)):
            first, *others = dict.fromkeys(cells)
            slope = first.ljust(max(map(len, formulas[0]))) if others else first
            eq = ", ".join(filter(None, dict.fromkeys(ids))) if k == 0 else ""
            yield f"  {times if k else '='} {' = '.join((slope, *others))}", eq
        yield f"  = {b.total}", ""
        yield from sum_of_lead
        return

    def line(cells: Sequence[str]) -> str:
        return "  = " + f"  {times}  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip()

    yield from ((line(cells), eq) for cells, eq in b.formulas)
    yield from sum_of_lead
    yield from ((line(cells), "") for cells in numbers[:-1])
    yield line(b.values) + total, ""


def lead(b: Addends, times: str) -> Iterator[tuple[str, str]]:
    """The sum that the first factor of a product is."""
    yield f"{b.slope} = {b.formula}", b.equation
    yield from ((f"  {s}", "") for s in terms(b, times))


def terms(b: Addends, times: str) -> Iterator[str]:
    """A sum term by term, and what they add up to."""
    w = [max(map(len, column)) for column in zip(*b.terms, strict=True)]
    last = max(w[4], len(b.total), len(b.rest[1]) if b.rest else 0)
    left = 0
    for label, reading, x, g, product in b.terms:
        shown = f"{reading.ljust(w[1])} = " if w[1] else ""
        line = f"{label.ljust(w[0])}  {shown}{x.rjust(w[2])} {times} {g.rjust(w[3])}"
        left = len(line)
        yield f"{line} = {product.rjust(last)}"
    if b.rest:
        yield f"{b.rest[0].rjust(left)} = {b.rest[1].rjust(last)}"
    if len(b.terms) > 1:
        yield f"{'sum'.rjust(left)} = {b.total.rjust(last)}"


# ---- LaTeX --------------------------------------------------------------------------------------

TERMS_A_LINE = 3
LONGEST = 64  # visible characters of LaTeX after which a new line is begun


def aligned(blocks: Iterable[Block]) -> str:
    """The equations among the blocks as one `aligned` display; sentences are left out."""
    lines: list[str] = []
    head = Head("", "", "")
    for b in blocks:
        if isinstance(b, Head):
            head = b
        elif isinstance(b, Line):
            lines += chain(b)
        elif isinstance(b, Addends):
            lines += latex_sum(b)
        elif isinstance(b, Rows):
            lines += latex_rows(head.slope, b)
    text = "\\\\\n".join(lines or [f"{head.slope} &= {head.total}"])
    return "\\begin{aligned}\n" + re.sub(r" +(?=[ }])", "", text) + "\n\\end{aligned}"


def chain(b: Line) -> list[str]:
    """The sides of an equation, on a new line where one gets long."""
    first, *sides = b.sides
    lines = [f"{first} &"]
    for side in sides:
        if seen(lines[-1]) + seen(side) > LONGEST and not lines[-1].endswith("&"):
            lines.append("&")
        start, *others = whole_pieces(side)
        lines[-1] += f"{'' if lines[-1].endswith('&') else ' '}= {start}"
        lines += [f"&\\quad {piece}" for piece in others]
    lines[0] += margin(b.equation)
    return lines


def whole_pieces(s: str) -> list[str]:
    """A long sum in pieces, cut before plus signs that stand in no braces."""
    pieces = [""]
    for k, term in enumerate(s.split(" + ")):
        whole = pieces[-1].count("{") == pieces[-1].count("}")
        if whole and seen(pieces[-1]) + seen(term) > LONGEST:
            pieces.append(f"+ {term}")
        else:
            pieces[-1] += f" + {term}" if k else term
    return pieces


def seen(s: str) -> int:
    """About how many characters of LaTeX are seen."""
    return len(re.sub(r"\\[a-z]+|[{}_^&]", "", s))


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
    braced = [
        x if len(b.values) == 1 or re.fullmatch(r"[-\d.]+", x) else f"\\underbrace{{{x}}}_{{{v}}}"
        for x, v in zip(b.inserted, b.values, strict=True)
    ]
    return [*lines, f"{slope if b.lead else ''} &= {product(braced)} = {b.total}".strip()]


def product(factors: Sequence[str]) -> str:
    """Factors with a sign between them, negative ones after the first in brackets."""
    return r"\times ".join(f"({f})" if i and f.startswith("-") else f for i, f in enumerate(factors))


def latex_sum(b: Addends) -> list[str]:
    """A sum with its terms under braces, a few to a line."""
    braced = [f"\\underbrace{{{product((x, g))}}}_{{{label}:\\;{p}}}" for label, _, x, g, p in b.terms]
    if b.rest:
        braced.append(f"\\underbrace{{\\cdots}}_{{{b.rest[0]}:\\;{b.rest[1]}}}")
    chunks = [" + ".join(braced[i : i + TERMS_A_LINE]) for i in range(0, len(braced), TERMS_A_LINE)]
    lines = [f"{b.slope} &= {b.formula}{margin(b.equation)}"]
    lines += [f"&{'= ' if i == 0 else '+ '}{c}" for i, c in enumerate(chunks)]
    lines[-1] += f" = {b.total.removeprefix('+')}"
    return lines
