"""The whole course: the lessons on my_engine.py, which stand here, and those on my_nn.py, which nn brings.

The engine knows nothing of nn, so the second half is named in `ROOMS` and looked up when it is asked for.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from engine.learn.blanks import ENGINE
from engine.learn.checks import Lesson
from engine.learn.code_slips import SLIPS
from engine.learn.judging import Course
from engine.learn.lessons import CHECKS as FIRST, LESSONS
from engine.learn.numeric import CHECKS as NUMERIC


CHECKS = (*FIRST, *NUMERIC)
ROOMS = ("nn.learn",)  # each has VOLUME, LESSONS, CHECKS, SLIPS


@cache
def lessons() -> tuple[Lesson, ...]:
    """Every lesson, in order."""
    return (*LESSONS, *(n for room in rooms() for n in room.LESSONS))


@cache
def course(upto: int = 99) -> Course:
    """The course up to a lesson; what later lessons need is not imported."""
    if upto <= LESSONS[-1].number:
        return Course((ENGINE,), CHECKS, SLIPS)
    found = rooms()
    return Course(
        (ENGINE, *(r.VOLUME for r in found)),
        (*CHECKS, *(c for r in found for c in r.CHECKS)),
        (*SLIPS, *(s for r in found for s in r.SLIPS)),
    )


@cache
def rooms() -> tuple[Any, ...]:
    """The rooms outside of the engine that bring lessons."""
    return tuple(import_module(name) for name in ROOMS)
