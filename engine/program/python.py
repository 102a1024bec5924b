"""The Python backend: a tape as straight-line source that reads like a derivation by hand.

A node with a label, and one that is used more than once, has a line of its own and its label for a
name; a nameless part of one expression stays inside it. A comment gives the number of the equation in
the notes where a node has one. Units of a layer stand in their order, and where derivatives begin, and
the step, a heading says so.
"""

from __future__ import annotations

import itertools
import keyword
import re
import textwrap
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from engine.formula import ATOM, PRODUCT, SUM, Formula, Phrase, each, fold
from engine.label import Role
from engine.ops import TABLE, Row
from engine.program.tape import Step, Tape
from engine.source import MACHINE, define, opened, python, recorder


ROLES = {"net": "LEC-4", "o": "LEC-3"}  # equations by the kind of a role,
LOSSES = {"sse": "LEC-2", "bce": "LEC-13"}  # by the row,
SLOPES = {"sse": "S63-h", "bce": "LEC-14"}  # and of dE/do of an output, by the row of E
INLINE = 60  # characters; what is longer gets a line of its own
TERMS = 100  # of a sum on one line, as the parser does not like them without end
COMMENT_COLUMN = 64
FORWARD, BACKWARD, STEP = "forward", "backward: the chain rule from E to every weight", "the step, downhill"


def python_source(tape: Tape) -> str:
    """The source of `program(inputs) -> outputs`."""
    return _Writer(tape).source()


def python_function(source: str, filename: str) -> Callable[..., tuple[float, ...]]:
    """The function that `source` defines; tracebacks and debuggers show its lines under `filename`."""
    names: dict[str, Any] = dict(MACHINE) | {name: recorder(name, "f") for name in _called()}
    define(source, filename, names)
    return names["program"]  # type: ignore[no-any-return]


def _called() -> Iterator[str]:
    """The rows that source calls by name; the others are written out."""
    return (name for name, row in TABLE.items() if name not in MACHINE and not _written_out(row))


def _written_out(row: Row) -> bool:
    """Whether a row reads best as what it is made of: arithmetic and its sums, comparisons, choices."""
    plain = {"add", "sub", "mul", "div", "neg", "total", "number", "symbol"}
    compared = row.name in ("lt", "le", "gt", "ge", "eq", "where")
    return (row.elementary and not any(row.vector)) or compared or {g.op for g in each(opened(row.value))} <= plain


class Line(NamedTuple):
    """One assignment, the label of its node, and the equation."""

    name: str
    expression: str
    label: Any = None
    note: str = ""


class _Writer:
    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.taken = {*MACHINE, *TABLE, *keyword.kwlist, "abs", "program"}
        self.counter = itertools.count(1)
        self.n = len(tape.inputs)
        self.uses = _uses(tape)
        self.text: list[Phrase] = [self._name(label) for label in tape.inputs]
        self.constants = [_number(x) for x in tape.constants]
        self.lines: list[Line] = []
        self.loss = next((s.row.name for s in tape.steps if s.label == Role("E")), "")

    def source(self) -> str:
        parameters = ", ".join(self.text)
        for k, step in enumerate(self.tape.steps):
            self._write(self.n + k, step)
        results = ", ".join(self.text[p] for p in self.tape.outputs)
        head = textwrap.fill(f"def program({parameters}):", 100, subsequent_indent=" " * 12, break_on_hyphens=False)
        tail = textwrap.fill(f"return ({results},)", 96, subsequent_indent=" " * 8, break_on_hyphens=False)
        return head + "\n" + "".join(f"    {line}\n" for line in [*written(self.lines), *tail.splitlines()])

    def _write(self, place: int, step: Step) -> None:
        expression = self._expression(step)
        inside = step.label is None and self.uses[place] == 1 and len(expression) <= INLINE
        if inside:
            self.text.append(expression)
            return
        name = self._name(step.label)
        self.lines.append(Line(name, expression, step.label, equation(step, self.loss, expression)))
        self.text.append(name)

    def _operand(self, p: int) -> Phrase:
        return self.text[p] if p >= 0 else self.constants[-1 - p]

    def _expression(self, step: Step) -> Phrase:
        row = step.row
        groups = [[self._operand(p) for p in g] for g in step.groups]
        if row.name == "pow" and step.groups[1][0] < 0:
            exponent = self.tape.constants[-1 - step.groups[1][0]]
            a, b = groups[0][0], groups[1][0]
            return python("mul", *[self._atom(a)] * 2) if exponent == 2.0 else python("power", a, b)
        if not _written_out(row):
            args = [f"({', '.join(g)},)" if v else g[0] for g, v in zip(groups, row.vector, strict=True)]
            return Phrase(f"{row.name}({', '.join(args)})")
        if row.name == "where":  # Python computes the chosen branch alone, and the graph both
            groups = [[self._atom(p) for p in g] for g in groups]
        symbols: dict[str, Any] = {s: g[0] for s, g in zip(row.args, groups, strict=True)}
        f = opened(row.value)
        memo = {g: self._sum(g.args[0], row, groups) for g in each(f) if g.op == "total"}
        return fold(f, symbols, self._read, memo=memo)  # type: ignore[no-any-return]

    def _read(self, op: str, *args: Any) -> Phrase:
        return _number(args[0]) if op == "number" else python(op, *args)

    def _atom(self, phrase: Phrase) -> Phrase:
        """A name for what is written twice, or must be computed whatever follows."""
        if phrase.isidentifier() or phrase in self.constants:
            return phrase
        name = self._name(None)
        self.lines.append(Line(name, phrase))
        return name

    def _sum(self, inner: Formula, row: Row, groups: list[list[Phrase]]) -> Phrase:
        """A sum over the elements, term by term from the left."""
        vectors = [(s, g) for s, g, v in zip(row.args, groups, row.vector, strict=True) if v]
        terms = []
        for elements in zip(*(g for _, g in vectors), strict=True):
            symbols = {s: p for (s, _), p in zip(vectors, elements, strict=True)}
            terms.append(fold(inner, symbols, self._read))
        total: Phrase = terms[0]
        for k in range(1, len(terms), TERMS):
            if k > 1:
                total = self._atom(total)
            rest = [t if t.binds > SUM else f"({t})" for t in terms[k : k + TERMS]]
            total = Phrase(" + ".join([total, *rest]), SUM)
        return total

    def _name(self, label: Any) -> Phrase:
        wanted = identifier(str(label)) if label is not None else ""
        name = wanted or f"v{next(self.counter)}"
        while name in self.taken:
            name = f"{wanted or 'v'}_{next(self.counter)}" if wanted else f"v{next(self.counter)}"
        self.taken.add(name)
        return Phrase(name)


def written(lines: list[Line]) -> Iterator[str]:
    """The text of the lines, with headings if there is more than one part, and with the units of each layer in order."""
    headings = dict.fromkeys(map(_part, lines))
    if len(headings) == 1:
        headings = {}
    for (part, _), some in itertools.groupby(lines, key=lambda line: (_part(line), _layer(line.label))):
        if part in headings:
            del headings[part]
            yield f"# {part}"
        stretch = list(some)
        names = {line.name for line in stretch}
        if not any(names.intersection(re.findall(r"\w+", line.expression)) for line in stretch):
            stretch.sort(key=lambda line: _natural(line.name))
        for line in stretch:
            text = f"{line.name} = {line.expression}"
            yield f"{text:{COMMENT_COLUMN}}  # {line.note}" if line.note else text


def _part(line: Line) -> str:
    label = str(line.label)
    return BACKWARD if label.startswith("dE/d") else STEP if label.endswith("'") else FORWARD


def _layer(label: Any) -> tuple[str, ...] | str:
    """The kind of a node and the layer it belongs to; of others their label."""
    found = re.match(r"(dE/d)?([a-z]+)[_\[]([a-z]+)(\d+_)?\d+", str(label))
    return found.groups("") if found else str(label)


def _natural(name: str) -> list[Any]:
    """A key that puts h2 before h10."""
    return [int(s) if s.isdigit() else s for s in re.split(r"(\d+)", name)]


def identifier(label: str) -> str:
    """A Python name for a label, empty if nothing of it can be in one.

    >>> [identifier(s) for s in ("w_h1,x2", "dE/dnet_h1", "w[h2_3,h1_1]", "w_h1,x1'", "2nd", "lambda")]
    ['w_h1_x2', 'dE_dnet_h1', 'w_h2_3_h1_1', 'w_h1_x1_new', '_2nd', 'lambda']
    """
    s = unicodedata.normalize("NFKC", label).replace("'", "_new")
    s = "".join(c if ("a" + c).isidentifier() else "_" for c in s)
    s = "_".join(filter(None, s.split("_")))
    return s if not s or s.isidentifier() else f"_{s}"


def equation(step: Step, loss: str, expression: str = "") -> str:
    """The number of the equation in the notes that a node computes, or nothing; `loss` is the row of E."""
    label = step.label
    if isinstance(label, Role):
        return ROLES.get(label.kind) or LOSSES.get(step.row.name, "")
    if not isinstance(label, str):
        return LOSSES.get(step.row.name, "")
    of_output, of_hidden = (re.fullmatch(rf"dE/d(net|o|w|b)[_\[]{unit}.*", label) for unit in "oh")
    if (of_output or of_hidden) and "sigmoid(-" in expression:
        return "LEC-5, 1 - o = sigmoid(-net)"
    if of_output:
        return {"o": SLOPES.get(loss, ""), "net": "LEC-5"}.get(of_output[1], "LEC-6")
    if of_hidden:
        return {"o": "LEC-12", "net": "LEC-5"}.get(of_hidden[1], "LEC-11")
    return "S63-c" if label.endswith("'") else ""


def _number(x: float) -> Phrase:
    s = repr(x)
    return Phrase(s, PRODUCT if s.startswith("-") else ATOM)


def _uses(tape: Tape) -> list[int]:
    """How often each place is read; an output counts as twice, so that it has a name."""
    uses = [0] * (len(tape.inputs) + len(tape.steps))
    for step in tape.steps:
        for p in step.operands():
            if p >= 0:
                uses[p] += 1
    for p in tape.outputs:
        uses[p] += 2
    return uses

