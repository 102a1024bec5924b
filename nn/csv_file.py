"""read_csv: a CSV file as a Dataset, or the error that names the line, the column and the value."""

import csv
import io
import math
import os
from collections.abc import Sequence
from pathlib import Path
from reprlib import repr as short
from typing import Any, TypeAlias

from nn.csv_trouble import ARCHIVES, LARGEST, as_numbers, broken_line, one_cell, other_length
from nn.dataset import Dataset, Target, numbered
from nn.numbers import counted, integer


Lines: TypeAlias = list[tuple[int, list[str]]]    # of a CSV file: line number and cells
Place: TypeAlias = tuple[str, int, str, str]      # of a cell: file, line number, column name and the cell
StrPath: TypeAlias = str | os.PathLike[str]
FEW = 20    # integer targets with at most so many different values, each twice on average, are taken for classes


def read_csv(path: StrPath, *, target: str | int | None, classification: bool | None = None) -> Dataset:
    """A CSV file as a Dataset; every column but the target is a feature.

    `target` is a column's name or index (from 0, or negative from the end). The first line names the columns; if all
    its cells are numbers it is data, and the columns are x1, x2, ... Blank lines are left out. Targets that are text,
    or integers with few values (at most 20, each twice on average), become class indices, with the classes in
    alphabetical or numerical order; other numbers become (t,). `classification` decides instead if it is not None.

    ValueError with file, line, column and value: no such file, no UTF-8 text, empty, only a header, bad names, unknown
    target, a line of another length, text or nothing where a number belongs, NaN, infinity, a single class.
    """
    file = os.fspath(path)
    names, lines = _header(file, _lines(file))
    column = _column(file, names, target)
    for line, cells in lines:
        if len(cells) != len(names):
            found = f"{counted(len(cells), 'cell')}, expected {len(names)}: {short(cells)}"
            raise ValueError(f"{file}, line {line} has {found}; {other_length(cells, len(names))}")
    targets, classes = _targets([(file, line, names[column], cells[column]) for line, cells in lines], classification)
    others = [j for j in range(len(names)) if j != column]
    xs = [tuple([_cell(file, line, names[j], cells[j]) for j in others]) for line, cells in lines]
    rows = list(zip(xs, targets, strict=True))
    return Dataset(Path(file).stem, rows, tuple([names[j] for j in others]), classes)


def _lines(file: str) -> Lines:
    """The stripped cells of every line that has any text."""
    text = list(io.StringIO(_text(file), newline=""))
    reader = csv.reader(text, skipinitialspace=True, strict=True)
    lines: Lines = []
    start = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                lines.append((start, stripped))
            start = reader.line_num + 1    # not simply the next number: a quoted cell may span several lines
    except csv.Error as error:
        raise ValueError(f"{file}, line {start}: {broken_line(text, start, reader.line_num, error)}") from error
    return lines


def _text(file: str) -> str:
    try:
        content = Path(file).read_bytes()
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from error
    if content.startswith(ARCHIVES):
        raise ValueError(f"{file} is a spreadsheet or an archive, not text; export it as CSV in UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, byte = len((error.object[:error.start] + b".").splitlines()), error.object[error.start]
        raise ValueError(f"{file}, line {line}: byte 0x{byte:02x} is not UTF-8; save the file as UTF-8") from error
    if "\0" in text:
        line = len(content[:content.index(b"\0") + 1].splitlines())
        raise ValueError(f"{file}, line {line} holds a NUL character, as no text does; save the file as CSV in UTF-8")
    return text


def _header(file: str, lines: Lines) -> tuple[Sequence[str], Lines]:
    """The names of the columns and the lines of data."""
    if not lines:
        raise ValueError(f"{file} is empty; write a line of column names, then one line per row")
    line, first = lines[0]
    if len(first) == 1 and (told := one_cell(file, lines)):
        raise ValueError(told)
    numbers = [_parse(cell) for cell in first]
    if None not in numbers and numbers != list(range(len(first))):    # 0, 1, 2, ... may be names: refused below
        return numbered(len(first)), lines
    for j, (name, number) in enumerate(zip(first, numbers, strict=True)):
        where = f"{file}, line {line}, column {j}"
        if not name:
            raise ValueError(f"{where} has no name in the header; write one, or drop a column of row numbers")
        if number is not None:    # else a file without header would lose its first row silently
            raise ValueError(f"{where}: {name} is a number, not a name; write a header line, or rename the column")
        if name in first[:j]:
            raise ValueError(f"{where}: the header has {name!r} twice; rename one")
    if len(lines) == 1:
        raise ValueError(f"{file} has only a header, {', '.join(first)}; write one line per row below it")
    return first, lines[1:]


def _column(file: str, names: Sequence[str], target: str | int | None) -> int:
    if len(names) == 1:
        raise ValueError(f"{file} has one column, {names[0]!r}; it needs features and a target, separated by commas")
    if isinstance(target, str) and target in names:
        return names.index(target)
    if (k := integer(target)) is not None and -len(names) <= k < len(names):
        return k % len(names)
    if target is None:
        raise ValueError(f"say which column of {file} to predict, as target or --target: one of {', '.join(names)}")
    raise ValueError(f"target is {target!r}, which is no column of {file}; write one of the names {', '.join(names)} "
                     f"or an index from {-len(names)} to {len(names) - 1}")


def _parse(cell: str) -> int | float | None:
    """The number in a cell, an int if it is written as one; None for text."""
    try:
        number = float(cell.replace("_", "?"))    # Python reads 1_000 as a number, other programs do not
    except ValueError:
        return None
    return int(cell) if cell.lstrip("+-").isdigit() and math.isfinite(number) else number


def _cell(file: str, line: int, name: str, cell: str) -> float:
    number = _parse(cell)
    if number is None or not math.isfinite(number):
        raise ValueError(f"{file}, line {line}, column {name!r}: {_wrong(cell)}; {_remedy(cell)}, or leave the line or column out")
    return float(number)


def _wrong(cell: str) -> str:
    """What is wrong with a cell that is no finite number."""
    if not cell:
        return "the cell is empty"
    if _parse(cell) is None:
        return f"{cell!r} is not a number"
    return f"{cell!r} is not a finite number" if cell.strip("+-").isalpha() else f"{cell!r} is beyond the largest float, {LARGEST}"


def _remedy(cell: str) -> str:
    return f"write {' or '.join(written)}" if (written := as_numbers(cell)) and _parse(cell) is None else "correct it"


def _targets(places: list[Place], classification: bool | None) -> tuple[Sequence[Target], tuple[str, ...]]:
    """The targets, and the names of their classes unless they are numbers to be predicted."""
    numbers = [_parse(cell) for *_, cell in places]
    for place, number in zip(places, numbers, strict=True):
        if number is not None or not place[-1]:
            _cell(*place)    # NaN, infinity and nothing are no classes either
    if classification is None:
        classification = _are_classes(places, numbers)
    if not classification:
        return [(_cell(*place),) for place in places], ()
    labels: list[Any] = [cell for *_, cell in places] if None in numbers else numbers
    values = sorted(set(labels))
    if len(values) == 1:
        file, _, name, _ = places[0]
        raise ValueError(f"{file}, column {name!r}: every target is {values[0]!r}; "
                         "two classes or more are needed: choose another target, or add rows")
    index = {value: k for k, value in enumerate(values)}
    return [index[label] for label in labels], tuple([str(value).removesuffix(".0") for value in values])


def _are_classes(places: list[Place], numbers: list[int | float | None]) -> bool:
    texts = [place for place, number in zip(places, numbers, strict=True) if number is None]
    commas = all("," in cell and as_numbers(cell) for *_, cell in texts)    # as numbers have in other countries
    if texts and (len(texts) < len(places) or commas):
        file, line, name, cell = texts[0]
        others = ", but other targets are" * (len(texts) < len(places))
        raise ValueError(f"{file}, line {line}, column {name!r}: {cell!r} is not a number{others}; "
                         f"{_remedy(cell)}, or classification=True if all are names of classes")
    few = len(set(numbers)) <= min(FEW, len(numbers) // 2)
    return bool(texts) or (few and all(isinstance(number, int) for number in numbers))
