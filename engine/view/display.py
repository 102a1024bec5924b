"""What a notebook shows of an object: a plain table, which those that are not trusted show as well."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from engine.value import Value
from engine.view.marks import number, operation, visible


MOST_ARGUMENTS = 12  # of a node that are written out
MOST_ROWS = 20  # of a report


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""A table in HTML, without a script or a style; whatever stands in it is text.

    >>> table("two", ["n", "<b>"], [["1", "a\nb"]])
    '<table><caption>two</caption><tr><th>n</th><th>&lt;b&gt;</th></tr><tr><td>1</td><td>a\\nb</td></tr></table>'
    """
    lines = [("th", heads), *(("td", row) for row in rows)]
    cells = ("".join(f"<{tag}>{escape(visible(text))}</{tag}>" for text in line) for tag, line in lines)
    return f"<table><caption>{escape(visible(caption))}</caption><tr>{'</tr><tr>'.join(cells)}</tr></table>"


def report_html(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]], remarks: Sequence[str] = ()) -> str:
    """A report: its verdict, its table as far as one reads it, and its remarks.

    >>> report_html("passed", ["x"], [["1"]], ["f < g"])
    '<table><caption>passed</caption><tr><th>x</th></tr><tr><td>1</td></tr></table><pre>f &lt; g</pre>'
    """
    if (rest := len(rows) - MOST_ROWS) > 0:
        remarks = [*remarks, f"... and {rest} more rows"]
    told = "".join(f"<pre>{escape(chr(10).join(map(visible, remark.splitlines())))}</pre>" for remark in remarks)
    return table(caption, heads, rows[:MOST_ROWS]) + told


def named(v: Value) -> str:
    """A node in a word: its label, else what made it."""
    return str(v.label) if v.label is not None else v.op.name if v.op is not None else "leaf"


def value_html(v: Value) -> str | None:
    """A node and what it was made from, with what it hands to each argument; None for a leaf, whose text says all.

    >>> x = Value(3.0, "x")
    >>> "<td>x</td><td>3</td><td>+3</td>" in value_html(x * x)
    True
    """
    if v.op is None:
        return None
    args = [a if isinstance(a, Value) else float(a) for a in v.args]
    sign = operation(v.op.name, tuple("" if isinstance(a, Value) else a for a in args))
    made = v.op.name if sign == v.op.name else f"{v.op.name} {sign}"
    called = "" if v.label is None else f"{v.label}: "
    caption = f"{called}{made}, data {number(v.data, 6)}, grad {number(v.grad, 6, signed=True)}"
    rows = []
    for a, d in list(zip(args, v.partials, strict=True))[:MOST_ARGUMENTS]:
        hands = None if d is None or v.grad is None else d * v.grad
        name, data = (named(a), a.data) if isinstance(a, Value) else ("constant", a)
        rows.append([name, number(data, 6), number(d, 6, signed=True), number(hands, 6, signed=True)])
    if len(args) > MOST_ARGUMENTS:
        rows.append([f"… {len(args) - MOST_ARGUMENTS} more", "", "", ""])
    return table(caption, ["argument", "data", "d node / d argument", "× grad"], rows)
