"""Work that no signal may break off: Python runs handlers in the main thread alone, so it is done in another one."""

from __future__ import annotations

import atexit
import os
from _thread import get_ident, start_new_thread
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock
from traceback import clear_frames
from typing import Any, TypeVar


T = TypeVar("T")

_at_work = Lock()  # one piece of work at a time; the process neither forks nor ends in the midst of one
_workers: set[int] = set()  # the thread that is at work


def undisturbed(work: Callable[[], T]) -> T:
    """The result of `work()`, or its error; Ctrl-C and alarms end the wait for it, never the work itself.

    The waiting is done in C throughout: Thread.start, Thread.join and Condition have moments at which an
    exception out of a handler leaves their locks locked. Work within work is done at once: a collected
    object's `__del__` may ask for it in any thread.

    >>> undisturbed(lambda: 6 * 7)
    42
    """
    if get_ident() in _workers:
        return work()
    wanted, answer = [work], SimpleQueue[tuple[Any, BaseException | None]]()
    try:
        start_new_thread(_do, (wanted, answer))
        found, error = answer.get()
    except BaseException:
        wanted.clear()  # not begun yet: nobody waits for it any more
        raise
    if error is None:
        return found  # type: ignore[no-any-return]
    try:
        raise error
    finally:
        del error  # no cycle of the error and this frame


def _do(wanted: list[Callable[[], Any]], answer: SimpleQueue[tuple[Any, BaseException | None]]) -> None:
    with _at_work:
        _workers.add(get_ident())
        try:
            answer.put((wanted.pop()(), None) if wanted else (None, None))
        except BaseException as error:
            clear_frames(error.__traceback__)  # what failed is let go of here, in order
            answer.put((None, error))
        finally:
            _workers.clear()


def _wait() -> None:
    with _at_work:
        pass


atexit.register(_wait)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_at_work.acquire, after_in_parent=_at_work.release, after_in_child=_at_work.release)
