"""`check(n)` in a cell: the same text as the command line, from a fresh process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


class Said(str):
    """A text that a cell shows as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def check(lesson: int = 99, impl: str = "my_engine.py", seconds: float = 10.0) -> Said:
    """What `python -m engine.learn` says about the lessons up to `lesson`, of the file as it is now on disk.

    A number of a lesson that is not there, and a file that is not there, are told in the same way.

    >>> check(0, impl="nowhere.py")
    nowhere.py is not here; python -m engine.learn start writes it
    """
    ask = [sys.executable, "-m", "engine.learn", "--impl", str(impl), "--seconds", str(seconds)]
    root = str(Path(__file__).parents[2])
    program = f"import sys; sys.path.insert(0, {root!r}); from engine.learn.__main__ import main; sys.exit(main({[*ask[3:], 'check', str(lesson)]!r}))"
    if lesson == 99:
        program = program.replace(", 'check', '99'", "")
    try:
        done = subprocess.run(
            [sys.executable, "-X", "utf8", "-c", program], capture_output=True, encoding="utf-8", timeout=seconds * 3 + 30
        )
    except subprocess.TimeoutExpired:
        return Said(f"{impl}: no end in sight after {seconds * 3 + 30:g} seconds: is there a loop that never ends?")
    return Said((done.stdout + done.stderr).strip())
