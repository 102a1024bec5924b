"""The verdict on a learner's code, check by check, and the slip that explains a wrong number.

What is right is what the shipped source gives in the same probe. A slip is a change of that source, made
and run: it explains a result if its own result is the same, here and in every other check of the lesson
that it changes. A cause is told only if exactly one slip does.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

from engine.learn.checks import Check, Fact
from engine.learn.cutting import NotYet, Volume, grafted
from engine.learn.loading import Code, Missing, Trouble
from engine.learn.watch import TimeUp, limited


PASSED, FAILED, TODO, NEXT = "passed", "failed", "todo", "next"  # next: not looked at yet


class Slip(NamedTuple):
    """A mistake in what is written in a blank: `old` of the shipped source is `new`; the sentence that names it.

    `bitten` is a public thread where somebody met it.
    """

    blank: str
    old: str
    new: str
    cause: str
    bitten: str = ""


class Outcome(NamedTuple):
    """What a probe gave: facts, or the kind of exception that ended it."""

    facts: tuple[Fact, ...]
    error: BaseException | None = None
    printed: str = ""


class Verdict(NamedTuple):
    """What is to be said about a check."""

    check: Check
    state: str
    right: Outcome | None = None
    yours: Outcome | None = None
    slip: Slip | None = None


class Course(NamedTuple):
    """Volumes, checks and slips that belong together."""

    volumes: tuple[Volume, ...]
    checks: tuple[Check, ...]
    slips: tuple[Slip, ...]

    @property
    def blanks(self) -> dict[str, Any]:
        return {b.key: b for v in self.volumes for b in v.blanks}

    def files(self, check: Check) -> int:
        """How many of the files a check needs: those with the blanks that it is about, and what they import."""
        own = [k for k, v in enumerate(self.volumes, 1) if any(b.key in check.needs for b in v.blanks)]
        return max(own, default=1)

    def reference(self, slip: Slip | None = None, lesson: int = 99) -> Code:
        """The shipped source as the learner's files, up to a lesson, perhaps with a slip in it."""
        return Code(self.texts(slip, lesson))

    def texts(self, slip: Slip | None = None, lesson: int = 99) -> dict[str, str]:
        """The same as text."""
        filled = {b.key for b in self.blanks.values() if b.lesson <= lesson}
        edits = {slip.blank: (slip.old, slip.new)} if slip else {}
        return {v.name: v.text(filled, edits) for v in self.volumes}


def outcome(code: Code, check: Check, seconds: float = 10.0, files: int = 99) -> Outcome:
    """Run a probe on fresh code, on the first of its files; what it prints is kept."""
    facts: list[Fact] = []
    error: BaseException | None = None
    said = io.StringIO()
    try:
        with limited(seconds), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), code.running(files) as m:
            for fact in check.probe(m):
                facts.append(plain(fact))
    except (Exception, SystemExit, TimeUp) as e:
        error = e
    return Outcome(tuple(facts), error, said.getvalue())


def plain(f: Fact) -> Fact:
    """A fact whose value is a float or a text, so that facts of two runs can be compared."""
    if isinstance(f.value, Real) and not isinstance(f.value, bool):
        return f._replace(value=float(f.value))
    if isinstance(f.value, str):
        return f
    if isinstance(found := getattr(f.value, "name", None), str):
        return f._replace(value=f"the row {found}")
    return f._replace(value=f"{f.value!r:.60}")


def same(one: Fact, other: Fact, near: float | None = None) -> bool:
    """Whether two facts are the same number, or the same text."""
    if isinstance(one.value, str) or isinstance(other.value, str):
        return bool(one.value == other.value)
    tolerance = one.near if near is None else near
    size = max(abs(one.value), abs(other.value))
    return bool(one.value == other.value or (math.isfinite(size) and abs(one.value - other.value) <= tolerance * size))


def agree(one: Outcome, other: Outcome) -> bool:
    """Whether two outcomes are the same, to the last fact and the kind of exception."""
    if type(one.error) is not type(other.error) or len(one.facts) != len(other.facts):
        return False
    return all(same(p, q) or both_nan(p, q) for p, q in zip(one.facts, other.facts, strict=True))


def both_nan(one: Fact, other: Fact) -> bool:
    """Whether both facts are no number at all."""
    return bool(one.value != one.value and other.value != other.value)


class Judge:
    """A learner's code under a course."""

    def __init__(self, course: Course, code: Code, filled: Mapping[str, tuple[int, bool]], seconds: float = 10.0) -> None:
        self.course, self.code, self.filled, self.seconds = course, code, filled, seconds
        self.right = course.reference()
        self._slipped: dict[Slip, Code] = {}
        self._grafted: dict[tuple[str, Slip | None], Code | None] = {}
        self._outcomes: dict[tuple[int, str], Outcome] = {}

    def run(self, checks: Iterable[Check]) -> list[Verdict]:
        """The verdicts on checks, lesson by lesson; nothing after the first lesson that is not done is looked at."""
        verdicts: list[Verdict] = []
        stopped: int | None = None
        for check in checks:
            if stopped is not None and (check.lesson > stopped or any(isinstance(v.yours and v.yours.error, TimeUp) for v in verdicts)):
                verdicts.append(Verdict(check, NEXT))
                continue
            verdict = self.verdict(check)
            verdicts.append(verdict)
            if verdict.state != PASSED:
                stopped = check.lesson
        return verdicts

    def verdict(self, check: Check) -> Verdict:
        """The verdict on one check."""
        if self.empty(check):
            return Verdict(check, TODO)
        right, yours = self.of(self.right, check), self.of(self.code, check, self.seconds)
        if isinstance(yours.error, NotYet):
            return Verdict(check, TODO)
        return Verdict(check, PASSED if agree(right, yours) else FAILED, right, yours)

    def empty(self, check: Check) -> list[str]:
        """The blanks that a check needs and in which nothing is written, from the top of the file down."""
        found = [k for k in check.needs if not self.filled.get(k, (0, True))[1]]
        return sorted(found, key=lambda k: self.filled[k][0])

    def of(self, code: Code, check: Check, seconds: float = 10.0) -> Outcome:
        """What a probe gives on some code, run once."""
        key = (id(code), check.name)
        if key not in self._outcomes:
            self._outcomes[key] = outcome(code, check, seconds, self.course.files(check))
        return self._outcomes[key]

    def cause(self, v: Verdict) -> Slip | None:
        """The one slip that explains a failed check and contradicts no other of its lesson; None if there is none."""
        if v.yours is None or isinstance(v.yours.error, Missing):
            return None
        yours = self.of(self.code, v.check, self.seconds)
        beside = [c for c in self.course.checks if c.lesson == v.check.lesson and c is not v.check and not c.slow and not self.empty(c)]
        able = [s for s in self.course.slips if s.blank in v.check.needs]
        if v.check.slow:  # run only for slips that the quick checks do not rule out
            able = [s for s in able if all(self.explains(s, c) for c in beside)] or able
        found = [s for s in able if agree(self.of(self.slipped(s), v.check, 2.0), yours)]
        whole = [s for s in found if all(self.explains(s, c) for c in beside)]
        if not whole:  # there may be a second mistake, of which this one knows nothing
            whole = [s for s in found if all(self.explains(s, c) or (s.blank != c.needs[0] and self.leaves(s, c)) for c in beside)]
        if not whole:  # the learner's other blanks are right in a way of their own: the slip, in the learner's own file
            whole = [s for s in self.course.slips if s.blank in self.mends(v) and self.within(s, [v.check, *beside])]
        return whole[0] if len(whole) == 1 else None

    def mends(self, v: Verdict) -> list[str]:
        """The blanks that, written as they are shipped, make the learner's file pass a failed check."""
        right = self.of(self.right, v.check)
        found = ((key, self.grafted(key)) for key in v.check.needs)
        return [key for key, code in found if code and agree(self.of(code, v.check, 2.0), right)]

    def within(self, s: Slip, checks: Sequence[Check]) -> bool:
        """Whether the learner's file with a slip in the place of what is written there gives what it gives now."""
        code = self.grafted(s.blank, s)
        return code is not None and all(agree(self.of(code, c, 2.0), self.of(self.code, c, self.seconds)) for c in checks)

    def grafted(self, key: str, slip: Slip | None = None) -> Code | None:
        """The learner's file with the shipped source, or a slip in it, in the place of one blank; None if there is no place."""
        if (key, slip) not in self._grafted:
            v = next(v for v in self.course.volumes if any(b.key == key for b in v.blanks))
            try:
                text = grafted(self.code.texts[v.name], self.course.blanks[key], self.course.texts(slip)[v.name])
                self._grafted[key, slip] = Code(self.code.texts | {v.name: text})
            except (StopIteration, KeyError, IndexError, Trouble):
                self._grafted[key, slip] = None
        return self._grafted[key, slip]

    def explains(self, s: Slip, check: Check) -> bool:
        """Whether a slip gives in a check what the learner's code gives."""
        return agree(self.with_slip(s, check), self.of(self.code, check, self.seconds))

    def leaves(self, s: Slip, check: Check) -> bool:
        """Whether a slip leaves a check as it is right."""
        return agree(self.with_slip(s, check), self.of(self.right, check))

    def with_slip(self, s: Slip, check: Check) -> Outcome:
        """What a probe gives on the shipped source with a slip in it."""
        return self.of(self.slipped(s) if s.blank in check.needs else self.right, check, 2.0)

    def slipped(self, s: Slip) -> Code:
        """The shipped source with a slip in it."""
        if s not in self._slipped:
            self._slipped[s] = self.course.reference(s)
        return self._slipped[s]


def first_difference(v: Verdict) -> tuple[Fact | None, Fact | None]:
    """The first fact that is not right: the right one, and the learner's (None if there is none)."""
    right: Sequence[Fact] = v.right.facts if v.right else ()
    yours: Sequence[Fact] = v.yours.facts if v.yours else ()
    for k, fact in enumerate(right):
        if k >= len(yours):
            return fact, None
        if not same(fact, yours[k]):
            return fact, yours[k]
    return None, None
