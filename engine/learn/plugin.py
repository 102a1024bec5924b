"""pytest's way in: `--lesson N --impl FILE`, `--eq ID`, and `--zoo` for a learner's own tests.

Nothing of the engine is imported before one of the options is given.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest


if TYPE_CHECKING:
    from engine.learn.judging import Judge, Verdict


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("lessons", "learning by tests (nodegrad)")
    group.addoption("--lesson", metavar="N", help="check a learner's file up to lesson N")
    group.addoption("--eq", metavar="ID", help="the checks of one equation of the notes")
    group.addoption("--impl", metavar="FILE", default="my_engine.py", help="the learner's file (my_engine.py)")
    group.addoption("--zoo", action="store_true", help="run tests on engines with one mistake each: which do they catch?")


def pytest_configure(config: pytest.Config) -> None:
    """With --lesson or --eq the checks are what is collected."""
    config.addinivalue_line("markers", "lesson(n, eq): a check of lesson n, and the equations it looks at")
    if asked(config):
        config.args[:] = [str(Path(__file__))]
        config.option.maxfail = 1
        config.option.no_header, config.option.reportchars = True, ""
        config.option.verbose = min(config.option.verbose, 0) - 1


def asked(config: pytest.Config) -> bool:
    """Whether checks are asked for."""
    return config.getoption("--lesson") is not None or config.getoption("--eq") is not None


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The checks, or the learner's tests once for every engine of the zoo."""
    if file_path == Path(__file__) and asked(parent.config):
        return Checks.from_parent(parent, path=file_path)
    if parent.config.getoption("--zoo") and file_path.suffix == ".py":
        from engine.learn.zoo import Zoo

        return Zoo.from_parent(parent, path=file_path)
    return None


@pytest.hookimpl(hookwrapper=True)
def pytest_pycollect_makemodule(module_path: Path, parent: Any) -> Any:
    """With --zoo, or with checks asked for, no file is collected in the ordinary way."""
    outcome = yield
    if parent.config.getoption("--zoo") or asked(parent.config):
        outcome.force_result(None)


class Checks(pytest.File):
    """The checks that are asked for."""

    def collect(self) -> Iterable[pytest.Item]:
        """One item for each."""
        from engine.learn.__main__ import number
        from engine.learn.desk import Desk, NoFile
        from engine.learn.loading import Trouble

        lesson, eq = self.config.getoption("--lesson"), self.config.getoption("--eq")
        try:
            desk = Desk(self.config.getoption("--impl"), 99 if lesson is None else number(lesson))
            if eq is not None and not any(eq in c.eq for c in desk.course.checks):
                raise ValueError(f"no check carries {eq!r}; python -m engine.learn eq tells of all")
            judge, verdicts, label = desk.looked_at()
        except (ValueError, NoFile, Trouble) as e:
            raise self.CollectError(str(e)) from None
        if label:
            raise self.CollectError(label)
        if eq is not None:
            verdicts = [judge.verdict(c) for c in desk.course.checks if eq in c.eq and c.lesson <= desk.upto]
        told = False
        for v in verdicts:
            item = Item.from_parent(self, name=f"L{v.check.lesson}_{v.check.name}")
            item.set(judge, v, desk.places, first=not told)
            item.add_marker(pytest.mark.lesson(v.check.lesson, v.check.eq))
            told = told or v.state != "passed"
            yield item


class Failed(Exception):
    """A check that is not passed."""


class Item(pytest.Item):
    """A check with its verdict."""

    def set(self, judge: Judge, v: Verdict, places: dict[str, tuple[str, int]], first: bool) -> None:
        """Give it its verdict; only the first that is not passed is told at length."""
        self.judge, self.v, self.places, self.first = judge, v, places, first

    def runtest(self) -> None:
        """Fail with the lines that the command line has."""
        from engine.learn.telling import failure

        if self.v.state != "passed":
            lines = failure(self.judge, self.v, self.places) if self.first else [f"L{self.v.check.lesson}  {self.v.check.title}"]
            raise Failed("\n".join(lines if self.first else [*lines, "  not passed yet"]))

    def repr_failure(self, excinfo: Any, style: Any = None) -> str:
        """The text, and no traceback."""
        return str(excinfo.value)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where it stands in pytest's lines."""
        return self.path, None, self.name


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    """In the zoo each test has its own engine, also for what it imports late, and five seconds."""
    if not item.config.getoption("--zoo"):
        yield
        return
    from engine.learn.watch import TimeUp, limited
    from engine.learn.zoo import Cage, housed

    cage = item.getparent(Cage)
    if cage is None:
        yield
        return
    with housed(cage.engine):
        try:
            with limited(5.0):
                outcome = yield
        except TimeUp:
            return
    if outcome.excinfo and issubclass(outcome.excinfo[0], TimeUp):
        outcome.force_exception(AssertionError("no end in sight"))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The matrix of the zoo."""
    if config.getoption("--zoo"):
        from engine.learn.zoo import matrix

        for line in matrix(terminalreporter.stats):
            terminalreporter.write_line(line)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """The zoo is passed if every mistake is caught and the right engine passes."""
    if session.config.getoption("--zoo") and exitstatus in (0, 1):
        from engine.learn.zoo import passed

        session.exitstatus = 0 if passed(session) else 1
