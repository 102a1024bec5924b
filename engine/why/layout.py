"""Blocks on a page: as lines of text with the equation ids at the right margin, or as aligned LaTeX."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from engine.why.blocks import Addends, Block, Head, Line, Prose, Rows


WIDEST, NARROWEST = 100, 78  # columns of a page of text


# ---- text ---------------------------------------------------------------------------------------


class Page:
    """Blocks as lines of text, with equation ids in a column at the right; at most 100 columns wide."""

    def __init__(self, blocks: Sequence[Block], times: str) -> None:
        self.blocks, self.times = blocks, times
        self.tags = max((len(b.tag) + 2 for b in blocks if isinstance(b, Line | Prose)), default=0)
        self.ids = max((len(eq) for b in blocks for eq in equations(b)), default=0)
        self.room = WIDEST - self.ids - 2  # beside an id

    def __str__(self) -> str:
        lines = [line for b in self.blocks for line in self.lines(b)]
        lines[1:] = [(s, eq and eq.ljust(self.ids)) for s, eq in lines[1:]]
        width = min(max([NARROWEST, *(len(s) + len(margin) + 2 for s, margin in lines if margin)]), WIDEST)
        return "\n".join(line for s, margin in lines for line in with_margin(s, margin, width))

    def lines(self, b: Block) -> Iterator[tuple[str, str]]:
        """The lines of a block, each with what stands at its margin."""
        if isinstance(b, Head):
            yield f"{b.slope} = {b.total}", b.kind
        elif isinstance(b, Line):
            yield from self.equation(b, "  " + b.tag.ljust(self.tags))
        elif isinstance(b, Prose):
            for i, s in enumerate(textwrap.wrap(b.sentence, WIDEST - 2 - self.tags)):
                yield "  " + ("" if i else b.tag).ljust(self.tags) + s, ""
        elif isinstance(b, Addends):
            yield f"  = {b.formula}", b.equation
            yield from ((f"    {s}", "") for s in self.terms(b))
        else:
            yield from self.rows(b)

    def equation(self, b: Line, indent: str) -> Iterator[tuple[str, str]]:
        """The sides of an equation on one line, or below each other where that is too long."""
        first, *sides = b.sides
        column = len(indent) + len(first) + 1  # of the equals signs
        lines, cut = [f"{indent}{first}"], False
        for side in (*(f"= {s}" for s in sides), *[f"  {b.aside}"] * bool(b.aside)):
            room = self.room if len(lines) == 1 else WIDEST
            if not cut and len(lines[-1]) + 1 + len(side) <= room:
                lines[-1] += f" {side}"
                continue
            pieces = at_plus(side, room - column)
            cut = len(pieces) > 1
            if len(lines) == 1 and len(lines[0]) < column:
                lines[0] += f" {pieces.pop(0)}"
            lines += [" " * column + piece for piece in pieces]
        yield from ((line, "" if i else b.equation) for i, line in enumerate(lines))

    def rows(self, b: Rows) -> Iterator[tuple[str, str]]:
        """The readings of a product, factor under factor; a line for each factor where they are too wide."""
        formulas, ids = [cells for cells, _ in b.formulas], [eq for _, eq in b.formulas]
        numbers = [b.values] if b.inserted == b.values else [b.inserted, b.values]
        widths = [max(map(len, column)) for column in zip(*formulas, *numbers, strict=True)]
        total = f"  =  {b.total}" if len(b.values) > 1 else ""
        parting = [(f"      {b.lead.slope} = {b.lead.formula}", b.lead.equation)] if b.lead else []
        parting += [(f"        {s}", "") for s in self.terms(b.lead)] if b.lead else []
        if sum(widths) + 5 * len(widths) > min(self.room, WIDEST - len(total)):
            for k, cells in enumerate(zip(*formulas, *numbers, strict=True)):
                first, *others = dict.fromkeys(cells)
                slope = first.ljust(max(map(len, formulas[0]))) if others else first
                yield f"  {self.times if k else '='} {' = '.join((slope, *others))}", ""
            yield f"  = {b.total}", ids[0]
            yield from parting
            return

        def line(cells: Sequence[str]) -> str:
            padded = (c.ljust(w) for c, w in zip(cells, widths, strict=True))
            return "  = " + f"  {self.times}  ".join(padded).rstrip()

        yield from ((line(cells), eq) for cells, eq in b.formulas)
        yield from parting
        yield from ((line(cells), "") for cells in numbers[:-1])
        yield line(b.values) + total, ""

    def terms(self, b: Addends) -> Iterator[str]:
        """A sum term by term, and what they add up to."""
        w = [max(map(len, column)) for column in zip(*b.terms, strict=True)]
        last = max(w[4], len(b.total), len(b.rest[1]) if b.rest else 0)
        left = 0
        for label, reading, x, g, product in b.terms:
            shown = f"{reading.ljust(w[1])} = " if w[1] else ""
            line = f"{label.ljust(w[0])}  {shown}{x.rjust(w[2])} {self.times} {g.rjust(w[3])}"
            left = len(line)
            yield f"{line} = {product.rjust(last)}"
        if b.rest:
            yield f"{b.rest[0].rjust(left)} = {b.rest[1].rjust(last)}"
        if len(b.terms) > 1:
            yield f"{'sum'.rjust(left)} = {b.total.rjust(last)}"


def equations(b: Block) -> list[str]:
    """The equation ids in a block."""
    if isinstance(b, Rows):
        return [*(eq for _, eq in b.formulas), *(equations(b.lead) if b.lead else ())]
    return [b.equation] if isinstance(b, Line | Addends) else []


def with_margin(s: str, margin: str, width: int) -> list[str]:
    """A line with something at the right margin; cut into several where it is too long."""
    room = width - len(margin) - 2 if margin else WIDEST
    indent = min(len(s) - len(s.lstrip()) + 4, room // 2)
    lines = textwrap.wrap(s, room, drop_whitespace=False, subsequent_indent=" " * indent) or [""]
    if margin:
        lines[0] = lines[0].rstrip().ljust(width - len(margin)) + margin
    return [line.rstrip() for line in lines]


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
