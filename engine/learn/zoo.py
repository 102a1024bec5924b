"""The bug zoo: engines with one real mistake each, and which of them a learner's own tests catch.

The tests import `Value` (and what else they need) from `my_engine`; in its place stands each engine in turn,
first the right one. A mistake is one of the catalogue that somebody met in public.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import pytest

from engine.learn.course import course
from engine.learn.judging import Slip
from engine.learn.loading import Code
from engine.learn.watch import kept_alive


RIGHT = "the right engine"


def animals() -> dict[str, Slip]:
    """The mistakes of the engine that somebody met, by a short name."""
    found = [s for s in course(6).slips if s.bitten]
    return {f"{k:02d} {s.blank}": s for k, s in enumerate(found, 1)}


def module(slip: Slip | None) -> ModuleType:
    """An engine, perhaps with a mistake, under the name my_engine."""
    m = ModuleType("my_engine")
    code = Code(course(6).texts(slip)).codes["my_engine.py"]
    exec(code, m.__dict__)
    return m


class Zoo(pytest.File):
    """A file of tests, once for every engine."""

    def collect(self) -> Iterable[pytest.Collector]:
        """One module for each."""
        try:
            code = compile(self.path.read_text(encoding="utf-8"), str(self.path), "exec")
        except (SyntaxError, ValueError) as e:
            raise self.CollectError(f"{self.path.name}: {type(e).__name__}: {e}") from None
        for name, slip in {RIGHT: None, **animals()}.items():
            yield Cage.from_parent(self, path=self.path, name=name, nodeid=f"{self.nodeid}::{name}", code=code, engine=module(slip))


class Cage(pytest.Module):
    """The tests on one engine."""

    def __init__(self, *, code: Any, engine: ModuleType, **known: Any) -> None:
        super().__init__(**known)
        self.engine = engine
        self.code = code

    def _getobj(self) -> ModuleType:
        tests = ModuleType(self.path.stem)
        tests.__file__ = str(self.path)
        with housed(self.engine), kept_alive():
            try:
                exec(self.code, tests.__dict__)
            except SystemExit as e:
                raise self.CollectError(f"{self.path.name}: SystemExit: {e}") from None
        return tests


class housed:
    """While it lasts, `import my_engine` finds this engine."""

    def __init__(self, engine: ModuleType) -> None:
        self.engine = engine

    def __enter__(self) -> None:
        self.before = sys.modules.get("my_engine")
        sys.modules["my_engine"] = self.engine

    def __exit__(self, *_: object) -> None:
        if self.before is None:
            sys.modules.pop("my_engine", None)
        else:
            sys.modules["my_engine"] = self.before


def matrix(stats: dict[str, list[Any]]) -> list[str]:
    """A line for every engine: the tests that turned red on it, and where the mistake bit somebody."""
    red: dict[str, list[str]] = {}
    seen: dict[str, int] = {}
    for state in ("passed", "failed", "error"):
        for report in stats.get(state, []):
            engine = next((name for name in (RIGHT, *animals()) if f"::{name}::" in report.nodeid), "")
            if engine and (getattr(report, "when", "call") == "call" or state != "passed"):
                seen[engine] = seen.get(engine, 0) + 1
                if state != "passed":
                    red.setdefault(engine, []).append(report.nodeid.rpartition("::")[2])
    lines = ["", f"{RIGHT}: " + (f"red in {', '.join(red[RIGHT])}: mend these tests first" if RIGHT in red else f"{seen.get(RIGHT, 0)} tests pass")]
    caught = 0
    for name, slip in animals().items():
        by = red.get(name, [])
        caught += bool(by)
        lines.append(f"{'caught' if by else 'MISSED'}  {name:28}{', '.join(by):.40}")
        lines.append(f"        {slip.bitten:.70}")
    return [*lines, f"{caught} of {len(animals())} mistakes caught" + (", but a right engine fails too" if RIGHT in red else "")]


def passed(session: pytest.Session) -> bool:
    """Whether every mistake is caught, and the right engine passes."""
    reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    last = matrix(reporter.stats)[-1]
    n = len(animals())
    return last == f"{n} of {n} mistakes caught"
