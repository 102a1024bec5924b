"""What gradcheck reports: the rules that disagree, kinks, and every derivative beside its measurement."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

from engine.trust.rules import Finding
from engine.whole import counted


HEAD = ("derivative by", "at", "analytic", "numeric", "")


class Line(NamedTuple):
    """One derivative of the whole: by an input (named), or by two of them.

    `verdict` is agrees, differs, kink, edge, unjudged, or rounding: the rules are right, but floats lose
    digits on the way to this gradient.
    """

    name: str
    at: float | None
    analytic: float
    numeric: float | None
    verdict: str
    by: str
    remark: str = ""


class Gradcheck:
    """The report of a gradient check; true if nothing disagrees.

    `lines` are the derivatives of the whole, `findings` those of every rule at `nodes` of the nodes, all unless
    fewer were asked for; `first` is the first finding, in the order of the graph, whose rule disagrees.
    """

    def __init__(self, lines: Sequence[Line], findings: Sequence[Finding], nodes: int, among: int = 0) -> None:
        self.lines, self.findings, self.nodes, self.among = tuple(lines), tuple(findings), nodes, max(nodes, among)
        self.first = next((f for f in findings if f.verdict == "differs"), None)

    @property
    def ok(self) -> bool:
        """Whether no rule and no derivative disagrees with its measurement, and there was something to compare."""
        return self.first is None and all(line.verdict != "differs" for line in self.lines) and not self._idle

    @property
    def _idle(self) -> bool:
        """Whether not one derivative could be compared, as where all is NaN."""
        return bool(self.lines) and all(line.verdict == "unjudged" for line in self.lines)

    def __bool__(self) -> bool:
        return self.ok

    @property
    def kinks(self) -> list[Finding]:
        """The rules whose slopes differ on both sides, where a derivative is a convention."""
        return [f for f in self.findings if f.verdict == "kink"]

    @property
    def _remarks(self) -> list[str]:
        """What is said of the rules: the first that disagrees, and the kinks."""
        return ([] if self.first is None else [self.first.what]) + [f"at {f}" for f in self.kinks]

    def __str__(self) -> str:
        parts = [f"  {remark}".replace("\n", "\n  ") for remark in self._remarks]
        return "\n".join([f"gradcheck {self._verdict()}", *parts, *table(self.lines)])

    def _repr_html_(self) -> str:
        lines = sorted(self.lines, key=lambda line: line.verdict == "agrees")  # what is not as it should be comes first
        rows = [(*cells(line)[:-1], "; ".join([line.verdict, *line.remark.splitlines()])) for line in lines]
        caption = f"gradcheck {self._verdict()}"
        return import_module("engine.view.display").report_html(caption, HEAD, rows, self._remarks)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"<gradcheck {self._verdict()}>"

    def _verdict(self) -> str:
        if self.first is not None:
            return f"failed: the rule of {self.first.where} disagrees"
        if wrong := [line.name for line in self.lines if line.verdict == "differs"]:
            return f"failed: the gradient by {', '.join(wrong)} disagrees"
        if self._idle:
            return "judged nothing: there is no finite slope to compare a derivative with"
        counts = [counted(len(self.lines), "derivative"), f"{self.nodes} of " * (self.nodes < self.among) + counted(self.among, "node")]
        unjudged = sum(line.verdict == "unjudged" for line in self.lines)
        counts += [f"{unjudged} unjudged"] if unjudged else []
        counts += [f"{len(self.kinks)} at kinks"] if self.kinks else []
        ways = dict.fromkeys(line.by for line in self.lines)
        return f"passed: {', '.join(counts)}, by {' and '.join(ways) or 'nothing to compare'}"


def cells(line: Line) -> tuple[str, str, str, str, str]:
    """A derivative as a row of the table."""
    return (
        line.name,
        "" if line.at is None else f"{line.at:.6g}",
        f"{line.analytic:.12g}",
        "" if line.numeric is None else f"{line.numeric:.12g}",
        line.verdict,
    )


def table(lines: Sequence[Line]) -> list[str]:
    """The derivatives as rows of a table, with remarks below them."""
    if not lines:
        return []
    rows = [HEAD, *map(cells, lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    out = []
    for row, line in zip(rows, [None, *lines], strict=True):
        first, *numbers, verdict = row
        aligned = [c.rjust(w) for c, w in zip(numbers, widths[1:], strict=False)]
        out.append("  ".join([first.ljust(widths[0]), *aligned, verdict]).rstrip())
        out += [f"    {remark}" for remark in (line.remark.split("\n") if line is not None and line.remark else [])]
    return out
