"""What a command prints, though its reader may go away, as `head` does, and a full disk may take none of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


class Unread:
    """A stream that goes on, into nothing, when its reader has gone away."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """All of it, wherever it goes."""
        try:
            return int(self._stream.write(text))
        except BrokenPipeError:
            into_nothing(self._stream)
            return len(text)

    def flush(self) -> None:
        """What was held back, wherever it goes."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            into_nothing(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def output(to_the_end: bool) -> Iterator[None]:
    """Standard output for a command; when the reader goes away, the work goes on `to_the_end`, or BrokenPipeError ends it.

    What was printed is flushed here: raises OSError, and not the interpreter at its exit, if it cannot be written.
    """
    out: Any = sys.stdout
    if out is None:  # there is no such stream
        yield
        return
    if hasattr(out, "reconfigure"):
        out.reconfigure(errors="backslashreplace")  # a terminal of ASCII gets all that it can show
    shown = sys.stdout = Unread(out) if to_the_end else out
    try:
        yield
        try:
            shown.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OSError(error.errno, error.strerror, "standard output") from None
    finally:
        sys.stdout = out
        try:
            out.flush()
        except OSError:
            into_nothing(out)


def shows(signs: str) -> bool:
    """Whether standard output has all these signs; a terminal of ASCII has no Greek and no lines.

    >>> shows("d/dx")
    True
    """
    try:
        signs.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def into_nothing(stream: Any) -> None:
    """Let what `stream` still holds, and all that follows, go nowhere."""
    with suppress(OSError, ValueError):  # a stream of a test has no number
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
