"""A folder for one command at a time: a lock that ends with its process, however that ends."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


NAME = ".lock"

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Have `folder` alone inside the block; ValueError if somebody else has it.

    The system frees the lock of a process that is killed; the file that is left then stands in nobody's way.
    """
    place = folder / NAME
    descriptor = _taken(place)
    try:
        yield
    finally:
        with suppress(OSError):  # Windows removes no file that is open
            place.unlink()
        os.close(descriptor)


def _taken(place: Path) -> int:
    while True:
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT, 0o666)
        if not _is_ours(descriptor):
            os.close(descriptor)
            raise ValueError(f"another command fills {place.parent} at this moment; wait until it is done, or give --out another folder")
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), place.stat()):
                return descriptor
        os.close(descriptor)  # of a file that whoever had it removed, before it was ours: once more


def _is_ours(descriptor: int) -> bool:
    """Whether the lock is now ours; in a file system that has none, everybody's."""
    try:
        _lock(descriptor)
    except OSError as error:
        return error.errno not in (errno.EAGAIN, errno.EACCES)
    return True
