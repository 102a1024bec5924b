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
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


GRACE = 5.0  # seconds
LATE = 20.0  # seconds by the clock that code may take beyond those of the processor: it waits for its turn, or it sleeps
TICK, AGAIN = 0.25, 0.5  # seconds between two looks at the time, and of the processor's until TimeUp is raised again
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
    """Raise TimeUp in this thread, wherever it is in Python code, after so many seconds of the processor's time; nothing ends the process.

    By the clock it may take some more: on a busy machine right code is late, and no less right.
    The callbacks of the garbage collector, as test runners have them, are held back: Python drops what is raised there.
    """
    watch = _Watch(seconds)
    callbacks, hook = gc.callbacks[:], sys.unraisablehook
    gc.callbacks.clear()
    sys.unraisablehook = lambda dropped: None if dropped.exc_type is TimeUp else hook(dropped)
    try:
        with kept_alive():
            try:
                watch.begin()
                yield
            finally:
                watch.end()
    finally:
        gc.callbacks[:0] = callbacks
        sys.unraisablehook = hook


class _Watch:
    """A thread that raises TimeUp in the one that made it, again and again if that goes on: Python drops what is raised in a `__del__`.

    As long as it comes to do so, it puts off the end of the process: that is for code that lets no other thread run.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds, self.thread = seconds, threading.get_ident()
        self.over, self.lock, self.stop = False, threading.Lock(), threading.Lock()

    def begin(self) -> None:
        self.stop.acquire()
        self._put_off()
        threading.Thread(target=self._look, daemon=True).start()

    def end(self) -> None:
        """From now on nothing is raised; what is raised here comes too late to count."""
        while True:
            try:
                self.over = True
                if self.stop.locked():
                    self.stop.release()
                with self.lock:  # whoever is raising now has done so
                    pass
                for _ in range(3):  # where Python looks whether there is something to raise: if so, here
                    pass
                faulthandler.cancel_dump_traceback_later()
                return
            except TimeUp:
                continue

    def _look(self) -> None:
        limit, late, told = time.process_time() + self.seconds, time.monotonic() + self.seconds + LATE, False
        while not self.stop.acquire(timeout=min(TICK, self.seconds / 4)):
            with self.lock:
                if self.over:
                    return
                if time.process_time() >= limit or time.monotonic() >= late:
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.thread), ctypes.py_object(TimeUp))
                    limit, late, told = time.process_time() + AGAIN, time.monotonic() + AGAIN + LATE, True
                elif not told:
                    self._put_off()

    def _put_off(self) -> None:
        if sys.__stderr__ is not None:
            with suppress(OSError, ValueError):  # there may be no such stream
                faulthandler.dump_traceback_later(2 * self.seconds + GRACE, exit=True, file=sys.__stderr__)
