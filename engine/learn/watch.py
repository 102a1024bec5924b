"""A limit on the time that a learner's code may take: an endless loop is told, with the line it runs in.

What never comes back to Python, as `sum(iter(int, 1))` does not, cannot be interrupted: some seconds later the
process ends, with the line as the interpreter prints it.

While the code runs, what would end the process at once or double it raises SystemExit instead: a file that calls
`os._exit(0)` would otherwise count as passed, and a forked child would run all checks once more. So does what
would close the streams on which the verdict is told.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


GRACE = 5.0  # seconds
ENDING = ("_exit", "abort", "fork", "forkpty", "execv", "execve")  # of os, which the others of their kind call


class TimeUp(BaseException):
    """The code took longer than it may."""


@contextmanager
def kept_alive() -> Iterator[None]:
    """While it lasts, no call of `os` ends or doubles this process; each raises SystemExit.

    >>> with kept_alive():
    ...     os._exit(0)
    Traceback (most recent call last):
    ...
    SystemExit: os._exit ends all checks; leave it out
    """
    held = [(m, name, getattr(m, name)) for m in (os, sys.modules[os.name]) for name in (*ENDING, "close") if hasattr(m, name)]
    for module, name, function in held:
        setattr(module, name, open_for_telling(function) if name == "close" else refused(name))
    try:
        yield
    finally:
        for module, name, function in held:
            setattr(module, name, function)


def refused(name: str) -> Any:
    """What stands in the place of such a call."""

    def refuse(*_: object, **__: object) -> None:
        raise SystemExit(f"os.{name} ends all checks; leave it out")

    return refuse


def open_for_telling(close: Any) -> Any:
    """`os.close` for all but the streams on which the verdict is told."""

    def closing(fd: Any) -> None:
        if fd in (1, 2):
            raise SystemExit(f"os.close({fd}) silences all checks; leave it out")
        close(fd)

    return closing


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TimeUp in this thread, wherever it is in Python code, after so many seconds; nothing ends the process.

    The callbacks of the garbage collector, as test runners have them, are held back: Python drops what is raised there.
    """
    thread, done, lock = threading.get_ident(), False, threading.Lock()

    def stop() -> None:
        with lock:
            if not done:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(TimeUp))

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    callbacks = gc.callbacks[:]
    gc.callbacks.clear()
    timer.start()
    if sys.__stderr__ is not None:
        with suppress(OSError, ValueError):  # there may be no such stream
            faulthandler.dump_traceback_later(2 * seconds + GRACE, exit=True, file=sys.__stderr__)
    try:
        with kept_alive():
            yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        with lock:
            done = True
        timer.cancel()
        gc.callbacks[:0] = callbacks
