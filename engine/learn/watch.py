"""A limit on the time that a learner's code may take: an endless loop is told, with the line it runs in.

What never comes back to Python, as `sum(iter(int, 1))` does not, cannot be interrupted: some seconds later the
process ends, with the line as the interpreter prints it.
"""

from __future__ import annotations

import ctypes
import faulthandler
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


GRACE = 5.0  # seconds


class TimeUp(BaseException):
    """The code took longer than it may."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TimeUp in this thread, wherever it is in Python code, after so many seconds."""
    thread, done, lock = threading.get_ident(), False, threading.Lock()

    def stop() -> None:
        with lock:
            if not done:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(TimeUp))

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    if sys.__stderr__ is not None:
        with suppress(OSError, ValueError):  # there may be no such stream
            faulthandler.dump_traceback_later(2 * seconds + GRACE, exit=True, file=sys.__stderr__)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        with lock:
            done = True
        timer.cancel()
