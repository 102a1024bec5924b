"""What is wrong with a text that was to be a CSV file, and what to write instead."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from reprlib import repr as short


ARCHIVES = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"    # how spreadsheets begin
QUOTED = re.compile(r' *"(?:[^"]|"")*"')
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
THOUSANDS_BY_POINTS = re.compile(r"[+-]?\d{1,3}(\.\d{3})+,\d+")
LARGEST = "1.8e308"


def broken_line(lines: Sequence[str], start: int, end: int, error: csv.Error) -> str:
    """Why the reader stopped in line `end`, in the row that begins in line `start`; both count from 1."""
    row = "".join(lines[start - 1:end])
    if "field limit" in str(error) and start == end:
        return f"a cell is longer than {csv.field_size_limit():,} characters; shorten it"
    place = 0
    while (cell := QUOTED.match(row, place)) or "," in row[place:]:
        place = cell.end() if cell else row.index(",", place)
        if cell and row[place:place + 1] not in ("", ",", "\r", "\n"):
            rest = re.split(r"[,\r\n]", row[place:], maxsplit=1)[0]
            return _after_the_quote(row, cell[0].strip(), rest, start)
        place += 1
    return 'a quote is opened and not closed; close it, or write a quote inside a text twice, ""'


def _after_the_quote(row: str, cell: str, rest: str, start: int) -> str:
    first, *more = cell.splitlines()
    if rest[0] in ";\t|":
        return _other_separator(row.splitlines()[0])
    if not rest.strip():
        return f"a space follows the quote that closes {short(cell)}; write the comma right after it"
    if cell.endswith('\\"'):
        return f'{short(rest)} follows the quote that closes {short(cell)}; write a quote inside a text twice, "", not with a backslash'
    if more:
        line = start + row[:row.index(cell) + len(cell)].count("\n")
        return f"the quote that opens {short(first)} is closed only in line {line}, before {short(rest)}; close it where its text ends"
    return f"{short(rest)} follows the quote that closes {short(cell)}; write a comma there, or a quote inside a text twice"


def one_cell(file: str, lines: Sequence[tuple[int, Sequence[str]]]) -> str:
    """Why the first line has one cell alone: the cells have another separator, or it is a title; empty if so do all."""
    line, (cell,) = lines[0]
    longer = [(n, len(cells)) for n, cells in lines if len(cells) > 1]
    if longer and not any(sign in cell for sign in ";\t|"):
        n, length = longer[0]
        return f"{file}, line {line} has one cell, {short(cell)}, and line {n} has {length}; let the first line name the columns"
    return f"{file}, line {line}: {_other_separator(cell)}" if any(sign in cell for sign in ";\t| ") else ""


def _other_separator(line: str) -> str:
    found = next(sign for sign in ";\t| " if sign in line)
    return f"{found!r} stands between the cells, {short(line)}; write commas there, and numbers with a decimal point"


def other_length(cells: Sequence[str], n: int) -> str:
    """What to do about a line that has not `n` cells."""
    if len(cells) < n:
        return "add what is missing, or leave the line out"
    if not any(cells[n:]):
        return "it ends with a comma too many"
    return "write numbers with a decimal point, and quote a text that has a comma"


def as_numbers(cell: str) -> list[str]:
    """The numbers that a text may stand for, as they are written here.

    >>> as_numbers("1 234,5"), as_numbers("1,000"), as_numbers("red")
    (['1234.5'], ['1.000', '1000'], [])
    """
    bare = re.sub(r"[\s_'\"’]", "", cell.replace("−", "-"))
    ways = [bare, bare.replace(",", ".")]
    if THOUSANDS.fullmatch(bare):
        ways.append(bare.replace(",", ""))
    if THOUSANDS_BY_POINTS.fullmatch(bare):
        ways.append(bare.replace(".", "").replace(",", "."))
    return [way for way in dict.fromkeys(ways) if NUMBER.fullmatch(way)]
