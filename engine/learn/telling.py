"""What a learner is told: one failure, at most 14 lines of 78 columns, never a traceback."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

from engine.learn.answers import formula
from engine.learn.checks import Fact, Lesson
from engine.learn.judging import FAILED, NEXT, PASSED, TODO, Judge, Verdict, first_difference
from engine.learn.loading import Missing
from engine.learn.meaning import meaning
from engine.learn.watch import TimeUp


WIDTH, LINES = 78, 14
MARKS = {PASSED: "#", FAILED: "x", TODO: ".", NEXT: "."}
TRY = "python -m engine.learn hint"
NAMED = re.compile(r"(?<![\w.])([a-zA-Z]\w*) = (?:(?:(?!  )[^=\n])+ = )?(-?\d+(?:\.\d+)?)(?![\w./*])")
NUMBER = re.compile(r"(?<![\w.*])-?\d+(?:\.\d+)?(?:e-?\d+)?(?![\w*])")


def failure(judge: Judge, v: Verdict, places: Mapping[str, tuple[str, int]]) -> list[str]:
    """The lines about a check that is not passed; `places` has the file and line of every blank."""
    head = f"L{v.check.lesson}  {v.check.title}"
    eq = ", ".join(v.check.eq)
    lines = [head.ljust(WIDTH - len(eq)) + eq if eq else head]
    if v.state == TODO:
        return lines[:1] + unwritten(judge, v, places)
    lines += ["    " + line for line in v.check.given.splitlines()]
    return [*lines, "", *wrong(judge, v, places)]


def unwritten(judge: Judge, v: Verdict, places: Mapping[str, tuple[str, int]]) -> list[str]:
    """What is to be written next."""
    key = next(iter(judge.empty(v.check)), v.check.needs[0])
    b = judge.course.blanks[key]
    file, line = places.get(key, ("", 0))
    first = f"TODO  {file}:{line}  {key}"
    start = "  (this is the start, not an error)"
    return [
        first + (start if len(first + start) <= WIDTH else ""),
        *wrap(f"write:  {b.write}", WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 14),
        f"      then run the same command again      hint: {TRY}",
    ]


def wrong(judge: Judge, v: Verdict, places: Mapping[str, tuple[str, int]]) -> list[str]:
    """Expected and yours, the cause or the ratio, the file and line."""
    right, yours = first_difference(v)
    slip = judge.cause(v)
    error = v.yours.error if v.yours else None
    about = slip.blank if slip else next(iter(judge.mends(v)), v.check.needs[0])
    place = judge.code.place(error) if error else None
    lines = expected(right, yours, error, place)
    if slip:
        lines += ["", *entry("cause", slip.cause)]
    elif (v.check.explain and yours and isinstance(yours.value, float) and (text := v.check.explain(yours.value))) or (text := meaning(error, yours.value if yours else None)):
        lines += ["", *entry("cause", text)]
    elif right and yours and (told := ratio(right, yours, v.check.given)):
        lines += ["", *entry("ratio", told)]
    file, line = places.get(about) or (next((f for f, _ in places.values()), ""), 1)
    if place and not about.startswith("row "):  # a row is read by the code below it
        names = {v.name: places[b.key][0] for v in judge.course.volumes for b in v.blanks if b.key in places}
        file, line = names.get(place[0], place[0]), place[1]
    lines.append(f"    file      {file}:{line}   {about}")
    lines.append(f"    try       {TRY}")
    if v.yours and v.yours.printed.strip():
        said = v.yours.printed.strip().splitlines()
        lines.append(f"    printed   {said[-1]:.50}" + (f"   ({len(said)} lines)" if len(said) > 1 else ""))
    return lines


def expected(right: Fact | None, yours: Fact | None, error: BaseException | None, place: tuple[str, int] | None) -> list[str]:
    """The right fact and the learner's, in the same shape; or what ended the run."""
    lines = []
    if right:
        value = told(right.value, right.value)
        by = right.formula
        text = f"{right.name} = {by}" + ("" if ends_in(by, value) else f" = {value}")
        lines += entry("expected", text)
    if right and yours:
        quoted = isinstance(yours.value, str) and isinstance(right.value, float) and NUMBER.fullmatch(yours.value)
        note = " (a text in quotes, not a number)" if quoted else ""
        lines += entry("yours", f"{yours.name} = {told(yours.value, right.value)}{note}")
    elif isinstance(error, TimeUp):
        lines += entry("yours", "no end in sight: is there a loop that never ends?")
    elif isinstance(error, Missing):
        lines += entry("yours", f"there is no {error} in your file: was the name changed, or its line lost?")
    elif error is not None:
        kind = type(error).__name__
        where = "" if place else "what your code gave cannot be used: "
        lines += entry("yours", f"{where}{kind}: {' '.join(str(error).split()):.120}".rstrip(": "))
    return lines


def told(value: Any, beside: Any) -> str:
    """A number with as many digits as it takes to differ from the one beside it."""
    if isinstance(value, str):
        return value
    for digits in (6, 9, 12, 17):
        text = f"{value:.{digits}g}"
        if value == beside or not isinstance(beside, float) or text != f"{beside:.{digits}g}":
            return text
    return text


def ends_in(by: str, value: str) -> bool:
    return by == value or by.endswith(f"= {value}") or (by.endswith(f" {value}") and "×" not in by) or not by or value in by


def entry(head: str, text: str) -> list[str]:
    """A line with a head, broken where it is too long."""
    return wrap(text, WIDTH, initial_indent=f"    {head:10}", subsequent_indent=" " * 14, break_long_words=True)


def ratio(right: Fact, yours: Fact, given: str) -> str:
    """Yours by the right number, and the factors of the formula that are nearest to it."""
    if isinstance(right.value, str) or isinstance(yours.value, str):
        return ""
    if not math.isfinite(yours.value):
        return "yours is no number (NaN)" if yours.value != yours.value else "yours is not finite: a division by 0, or a number too large?"
    if not right.value:
        return f"the right number is 0, yours is off by {yours.value:.6g}"
    by = yours.value / right.value
    if by == 0:
        return "yours/expected = 0: nothing arrives, or two parts cancel"
    if 0 < abs(by - 1) < 5e-3:
        return f"yours/expected = {by:.6f}: nearly. Give six digits, or write the product"
    shown = f"{by:.6f}" if abs(by) >= 1e-3 else f"{by:.3g}"
    near = nearest(by, numbers(right.formula) + numbers(given), dict(NAMED.findall(given)))
    return f"yours/expected = {shown}" + (f"; {near}" if near else "")


def numbers(text: str) -> list[float]:
    """The numbers that stand in a formula."""
    return [formula(n, {}) for n in NUMBER.findall(text.replace("−", "-"))]


def nearest(by: float, found: Sequence[float], names: Mapping[str, str]) -> str:
    """What a ratio is, if it is a number that stands there, or one over it; else the three that are nearest."""
    named: dict[float, str] = {}
    for name, number in names.items():
        named.setdefault(formula(number, {}), name)
    candidates = {2.0: "2", 0.5: "1/2", -1.0: "-1"}
    for n in found:
        if n not in (0, 1):
            candidates.setdefault(n, f"{n:g}")
            candidates.setdefault(1 / n, f"1/{n:g}" if n > 0 else f"1/({n:g})")
    first = sorted(candidates, key=lambda k: (abs(k - by), k))[:3]
    if abs(first[0] - by) > 1e-6 * abs(by):
        return "nearest factors: " + ", ".join(candidates[k] for k in first)
    if first[0] == -1:
        return "only the sign differs"
    for n, name in named.items():
        for k, text in ((n, name), (n and 1 / n, f"1/{name}"), (-n, f"-{name}")):
            if k == first[0] and k not in (2.0, 0.5):
                return f"that is {text}: a factor too many, or one missing"
    return f"that is {candidates[first[0]]}: a factor too many, or one missing"


def progress(lessons: Sequence[Lesson], verdicts: Sequence[Verdict]) -> str:
    """A mark for every check, lesson by lesson, as far as a line goes: # passed, x not, . not yet."""
    done = sum(v.state == PASSED for v in verdicts)
    tail = f"{done} of {len(verdicts)} checks"
    groups = {n.number: "".join(MARKS[v.state] for v in verdicts if v.check.lesson == n.number) for n in lessons}
    groups = {n: marks for n, marks in groups.items() if marks}
    open_ones = [n for n, marks in groups.items() if set(marks) != {"#"}]
    first = open_ones[0] if open_ones else max(groups, default=0)
    text = f"L0 to L{first - 1} done  " if first > 1 else ""
    for n in (n for n in groups if n >= min(first, 1 if first <= 1 else first)):
        if first <= 1 and n == 0:
            continue
        piece = f"L{n} {groups[n]}  "
        if len(text + piece + tail) > WIDTH:
            break
        text += piece
    return text.ljust(WIDTH - len(tail)) + tail
