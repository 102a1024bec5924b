"""The file of a search: one line of JSON for each run that is done, so that a search can go on where it stopped."""

from __future__ import annotations

import hashlib
import json
import math
import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from nn.dataset import Dataset
from nn.lab.lines import is_sealed, opened, sealed
from nn.lab.search.job import Job, Run, Setting


KEY = "nodegrad search"
NUMBERS = ("loss", "accuracy", "validation_loss", "validation_accuracy", "seconds")


class Journal:
    """The runs in the file at `path`, which is made if it is not there; `append` adds one.

    A last line that is not whole, as a killed process leaves it, is cut off. Raises ValueError if the file is
    no search's, or that of another search (other rows, other options), or if a line was damaged or edited, which
    its checksum tells; warns if lines have none, as once they had. OSError if the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], job: Job) -> None:
        self.path = Path(path)
        self.runs: dict[str, Run] = {}
        self._writes = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        head = _head(job)
        content = self.path.read_bytes() if self.path.exists() else b""
        whole = content.rfind(b"\n") + 1
        if content and not whole and not _line(head).startswith(content):
            raise ValueError(f"{self.path} is not the file of a search; give another path")
        lines = content[:whole].splitlines()
        if lines:
            self._same(lines[0], head)
            if not is_sealed(lines[0]) and (bare := sum(not is_sealed(line) for line in lines[1:])):
                told = f"{bare} of its {len(lines) - 1} runs have no checksum, as they were once written"
                warnings.warn(f"{self.path}: {told}, so that a number edited in them is not noticed", stacklevel=4)
            for number, line in enumerate(lines[1:], 2):
                if line == lines[0]:  # another search of the same began at the same moment
                    continue
                key, run = self._run(number, line, is_sealed(line) or is_sealed(lines[0]))
                self.runs.setdefault(key, run)
        if whole < len(content):
            os.truncate(self.path, whole)
        if not lines:
            self._write(_line(head))

    def append(self, run: Run) -> None:
        """Add a run."""
        key = self.key(run.setting)
        numbers = {name: getattr(run, name) for name in NUMBERS}
        self._write(_line({"setting": json.loads(key), **numbers, "error": run.error, "weights": run.weights}))
        self.runs[key] = run

    def complete(self, runs: Iterable[Run]) -> None:
        """Add those of the runs that are missing: an interrupt can come between the end of a run and its `append`."""
        for run in runs:
            if not run.lost and self.key(run.setting) not in self.runs:
                self.append(run)

    def found(self, key: str, setting: Setting) -> Run | None:
        """The run of a setting, if the file holds it."""
        return replace(self.runs[key], setting=dict(setting)) if key in self.runs else None

    def key(self, setting: Setting) -> str:
        """What a run is recognised by: its setting as JSON, functions by their names."""
        return json.dumps(dict(setting), sort_keys=True, default=name)

    def _write(self, line: bytes) -> None:
        descriptor = os.open(self.path, self._writes, 0o666)
        try:
            written = os.write(descriptor, line)  # in one go, so that two writers' lines do not mix
            if written < len(line):
                os.truncate(self.path, os.fstat(descriptor).st_size - written)
                raise OSError(f"{self.path}: no room for another run; those before it are there")
        finally:
            os.close(descriptor)

    def _same(self, line: bytes, head: Mapping[str, Any]) -> None:
        try:
            found = json.loads(line)
            found[KEY]
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{self.path} is not the file of a search; give another path") from None
        try:
            opened(line) if is_sealed(line) else None
        except ValueError:
            told = "line 1, which says of what search it is, was changed after it was written"
            raise ValueError(f"{self.path}, {told}; undo that, or give another path") from None
        expected = json.loads(opened(_line(head)))
        if differs := [f"{k} {found.get(k)!r}, here {expected[k]!r}" for k in expected if found.get(k) != expected[k]]:
            raise ValueError(f"{self.path} holds the runs of another search: {'; '.join(differs)}; give another path")

    def _run(self, number: int, line: bytes, marked: bool) -> tuple[str, Run]:
        try:
            said = json.loads(opened(line) if marked else line)
            numbers: dict[str, Any] = {k: None if said[k] is None else _finite(said[k]) for k in NUMBERS}
            weights = tuple([_finite(w) for w in said["weights"]])
            run = Run(said["setting"], error=str(said["error"]), weights=weights, **numbers)
            if (run.loss is None) is not bool(run.error) or not isinstance(run.seed, int):
                raise ValueError("a run has a loss or an error")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reason = error if isinstance(error, ValueError) else repr(error)
            raise ValueError(f"{self.path}, line {number} is damaged ({reason}); delete it, and that run is done again") from None
        return json.dumps(said["setting"], sort_keys=True), run


def name(x: Any) -> str:
    """Anything that is not JSON in words that are the same in another process; ValueError if there are none.

    >>> name(math.sqrt), name(partial(pow, 2))
    ('math.sqrt', 'functools.partial(builtins.pow, 2)')
    """
    if isinstance(x, partial):
        words = [x.func, *x.args, *(f"{k}={_word(v)}" for k, v in x.keywords.items())]
        return f"functools.partial({', '.join(map(_word, words))})"
    found = f"{x.__module__}.{x.__qualname__}" if hasattr(x, "__qualname__") else repr(x)
    if "<lambda>" in found or " at 0x" in found:
        raise ValueError(f"{found} has no name by which a file could hold it; write it with def, or leave out file=")
    return found


def _word(x: Any) -> str:
    return x if isinstance(x, str) else name(x) if callable(x) else repr(x)


def _head(job: Job) -> dict[str, Any]:
    """What makes two searches the same but for their settings."""
    return {
        KEY: 1,
        "rows": _told(job.rows),
        "validation": _told(job.validation),
        "model": None if job.factory is None else name(job.factory),
        "options": dict(job.options),
    }


def _told(rows: Dataset | None) -> str | None:
    return None if rows is None else f"{rows.name}, {len(rows)} rows, {hashlib.sha256(repr(rows.rows).encode()).hexdigest()[:16]}"


def _line(said: Mapping[str, Any]) -> bytes:
    return sealed(json.dumps(said, sort_keys=True, default=name))


def _finite(x: Any) -> float:
    if isinstance(x, bool) or not isinstance(x, int | float) or not math.isfinite(x):
        raise ValueError(f"{x!r} is no finite number")
    return float(x)
