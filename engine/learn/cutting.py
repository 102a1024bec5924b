"""The learner's files: cut from the shipped source, with blanks where the lessons want something written.

A blank is a cell of a row of the table, or some statements of a function. What is cut out is the solution:
there is no other, so neither can drift from the other. `Volume.text` writes a file with any blanks filled.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Collection, Iterator, Mapping
from functools import cache, cached_property
from importlib.util import find_spec
from math import nan
from pathlib import Path
from typing import Any, NamedTuple

from engine.formula import formula


TODO = formula(nan)  # what stands in an empty cell: no number is equal to it
IGNORE = re.compile(r"  # (type: ignore|noqa)\S*")
WIDE = 22  # characters of a cell that stands beside others


class NotYet(NotImplementedError):
    """A blank was reached that nothing is written in."""


class Blank(NamedTuple):
    """A place of the learner's file: a `cell` of a row (0 is y, then the partials), statements of a function, a number.

    `write` says what is wanted, `hints` are a question, the rule with its equation, the shipped line with a hole.
    """

    key: str
    lesson: int
    write: str
    hints: tuple[str, str, str]
    row: str = ""
    cell: int = 0
    function: str = ""
    statements: slice = slice(None)
    inside: int = -1  # the statement, a loop, that they stand in
    name: str = ""  # a name in the header that is given a number,
    number: str = ""  # this one
    empty: str = "TODO"


class Volume(NamedTuple):
    """A file of the learner: its `header`, rows cut from the `tables`, code cut from `code`, and its blanks."""

    name: str
    header: str
    tables: Mapping[str, tuple[str, ...]]  # module: the rows taken from it
    code: Mapping[str, tuple[str, ...]]  # module: the definitions taken from it; none for all of them
    blanks: tuple[Blank, ...]

    def text(self, filled: Collection[str] = (), edits: Mapping[str, tuple[str, str]] | None = None) -> str:
        """The file with the blanks `filled` that are named; an edit changes what is written in one of them."""
        known = {b.key for b in self.blanks}
        written = {b.key: self.solution(b) for b in self.blanks if b.key in filled}
        for key, (old, new) in (edits or {}).items():
            if key in known:
                if written[key].count(old) != 1:
                    raise LookupError(f"{old!r} is not once in the blank {key!r}: {written[key]!r}")
                written[key] = written[key].replace(old, new)
        rows = [self._row(m, name, written) for m, names in self.tables.items() for name in names]
        numbers = {b.name: written.get(b.key, b.empty) for b in self.blanks if b.name}
        parts = [self.header.format(rows="\n".join(rows), **numbers)]
        parts += [self._code(m, names, written) for m, names in self.code.items()]
        return "\n\n\n".join(part.strip("\n") for part in parts) + "\n"

    def solution(self, b: Blank) -> str:
        """What the shipped source says in a blank."""
        if b.name:
            return b.number
        if b.row:
            return cells(next(m for m, names in self.tables.items() if b.row in names), b.row)[b.cell]
        module = next(m for m, names in self.code.items() if b.function in names or b.function in source(m).functions)
        return source(module).statements(b)

    def _row(self, module: str, name: str, written: Mapping[str, str]) -> str:
        found = list(cells(module, name))
        for b in self.blanks:
            if b.row == name:
                found[b.cell] = written.get(b.key, "TODO")
        tail = arguments(module, name)
        head = f'Row("{name}",'.ljust(16)
        if all(len(c) < WIDE for c in found):
            return head + "".join((c + ",").ljust(WIDE + 2) for c in found[:-1]) + found[-1] + tail + ")"
        return head + (",\n" + " " * 16).join(found) + tail + ")"

    def _code(self, module: str, names: tuple[str, ...], written: Mapping[str, str]) -> str:
        src = source(module)
        lines = list(src.lines)
        for b in self.blanks:
            if b.function in src.functions and (not names or b.function in names):
                first, last = src.span(b)
                indent = " " * (len(lines[first]) - len(lines[first].lstrip()))
                body = written.get(b.key, f'raise NotYet("{b.key}")')
                lines[first : last + 1] = [textwrap.indent(body, indent)] + [""] * (last - first)
                lines[first + 1 : last + 1] = [CUT] * (last - first)
        kept = "\n".join(s for s in src.chosen(lines, names) if s != CUT)
        return IGNORE.sub("", kept)

    def locate(self, text: str) -> dict[str, tuple[int, bool]]:
        """Of every blank that is found in a learner's text: its line, and whether something is written in it."""
        tree = ast.parse(text)
        rows = {r.args[0].value: r for r in row_calls(tree)}  # type: ignore[attr-defined]
        functions = dict(qualified(tree))
        found = {}
        for b in self.blanks:
            n: ast.AST | None = None
            if b.row in rows and len(rows[b.row].args) > b.cell + 1:
                n = rows[b.row].args[b.cell + 1]
            elif b.name:
                n = next((s for s in tree.body if isinstance(s, ast.Assign) and b.name in named(s)), None)
            elif b.function:
                n = functions.get(b.function)
            if n is not None:
                empty = [u for u in ast.walk(n) if still_empty(u, b)]
                found[b.key] = (min([u.lineno for u in empty] or [n.lineno]), not empty)  # type: ignore[attr-defined]
        return found

    def reset(self, text: str, keys: Collection[str]) -> str:
        """A learner's text with some blanks empty again."""
        for b in self.blanks:
            if b.key in keys:
                text = grafted(text, b, self.text())
        return text


def grafted(text: str, b: Blank, other: str) -> str:
    """A text with what another one has in the place of a blank; of a function all, as its blanks belong to one lesson."""
    lines, fresh = text.splitlines(), other.splitlines()
    old, new = place(ast.parse(text), b), place(ast.parse(other), b)
    if b.function:
        lines[old.lineno - 1 : old.end_lineno] = fresh[new.lineno - 1 : new.end_lineno]
    else:
        first, last = old.lineno - 1, old.end_lineno or old.lineno
        head = lines[first].encode()[: old.col_offset].decode()
        tail = lines[last - 1].encode()[old.end_col_offset :].decode()
        lines[first:last] = [f"{head}{ast.get_source_segment(other, new)}{tail}"]
    return "\n".join(lines) + "\n"


def place(tree: ast.Module, b: Blank) -> ast.expr | ast.FunctionDef:
    """The node of a blank: a cell, the value of a name, or the function around it; StopIteration or KeyError if it is lost."""
    if b.row:
        call = next(r for r in row_calls(tree) if r.args[0].value == b.row)  # type: ignore[attr-defined]
        return call.args[b.cell + 1]
    if b.name:
        return next(s for s in tree.body if isinstance(s, ast.Assign) and b.name in named(s)).value
    return dict(qualified(tree))[b.function]


CUT = "\0"


def still_empty(n: ast.AST, b: Blank) -> bool:
    """Whether a node of the learner's code is the mark of an empty blank."""
    if b.function and isinstance(n, ast.Call):
        return isinstance(n.func, ast.Name) and n.func.id == "NotYet" and any(
            isinstance(p, ast.Constant) and p.value == b.key for p in n.args
        )
    return not b.function and ast.unparse(n) == b.empty if isinstance(n, ast.Name | ast.Constant) else False


class Source:
    """A shipped module as text, with the places of its functions."""

    def __init__(self, module: str) -> None:
        spec = find_spec(module)
        if spec is None or spec.origin is None:
            raise LookupError(f"the source of {module} is not here")
        text = Path(spec.origin).read_text(encoding="utf-8")
        self.lines = text.splitlines()
        self.tree = ast.parse(text)

    @cached_property
    def functions(self) -> dict[str, ast.FunctionDef]:
        return dict(qualified(self.tree))

    @cached_property
    def rows(self) -> dict[str, ast.Call]:
        return {r.args[0].value: r for r in row_calls(self.tree)}  # type: ignore[attr-defined]

    @cached_property
    def _bytes(self) -> list[bytes]:
        return [s.encode() for s in self.lines]

    def segment(self, n: ast.expr) -> str:
        """What is written for an expression, in one line."""
        found = self._bytes[n.lineno - 1 : n.end_lineno]
        found[-1] = found[-1][: n.end_col_offset]
        found[0] = found[0][n.col_offset :]
        return " ".join(b" ".join(found).decode().split())

    def span(self, b: Blank) -> tuple[int, int]:
        """The first and the last line (from 0) of a blank."""
        body: Any = statements(self.functions[b.function])
        body = (body if b.inside < 0 else body[b.inside].body)[b.statements]
        return body[0].lineno - 1, body[-1].end_lineno - 1

    def statements(self, b: Blank) -> str:
        first, last = self.span(b)
        return IGNORE.sub("", textwrap.dedent("\n".join(self.lines[first : last + 1])))

    def chosen(self, lines: list[str], names: tuple[str, ...]) -> Iterator[str]:
        """The lines of some definitions; without names, everything after the imports."""
        if not names:
            last = max(n.end_lineno or 0 for n in self.tree.body if isinstance(n, ast.Import | ast.ImportFrom))
            yield from lines[last:]
        for k, name in enumerate(names):
            n = next(n for n in self.tree.body if name in named(n))
            yield from [""] * 2 * (k > 0)
            yield from lines[n.lineno - 1 : n.end_lineno]


SOURCES: dict[str, Source] = {}


def source(module: str) -> Source:
    """A shipped module, read once."""
    if module not in SOURCES:
        SOURCES[module] = Source(module)
    return SOURCES[module]


def named(n: ast.stmt) -> list[str]:
    """What a statement at the top of a module defines."""
    if isinstance(n, ast.Assign):
        return [u.id for t in n.targets for u in ast.walk(t) if isinstance(u, ast.Name)]
    return [getattr(n, "name", "")]


def qualified(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions of a module and of its classes, by name: `Value.backward`."""
    for n in ast.iter_child_nodes(tree):
        if isinstance(n, ast.FunctionDef):
            yield prefix + n.name, n
        elif isinstance(n, ast.ClassDef):
            yield from qualified(n, f"{n.name}.")


def statements(f: ast.FunctionDef) -> list[ast.stmt]:
    """The statements of a function after its docstring."""
    return f.body[1:] if ast.get_docstring(f) is not None and len(f.body) > 1 else f.body


def row_calls(tree: ast.AST) -> list[ast.Call]:
    """The rows written down in a module."""
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "Row"]
    return [n for n in calls if n.args and isinstance(n.args[0], ast.Constant)]


@cache
def cells(module: str, name: str) -> tuple[str, ...]:
    """The cells of a shipped row as they are written: y, then the partials."""
    src = source(module)
    return tuple(src.segment(n) for n in src.rows[name].args[1:])


@cache
def arguments(module: str, name: str) -> str:
    """The names of a row's arguments, where they are not a and b."""
    src = source(module)
    return "".join(f", args={src.segment(k.value)}" for k in src.rows[name].keywords if k.arg == "args")
