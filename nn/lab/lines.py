"""Lines of JSON that tell when they were changed: the last entry of each is the CRC-32 of the object before it.

They stay readable, and what a hand or a disk has changed in one is told with its number. This finds accidents
and second thoughts, not forgery: whoever wants to can write the checksum too.
"""

from __future__ import annotations

from zlib import crc32


SEAL = ', "crc32": "%08x"}'
WIDTH = len(SEAL % 0)


def sealed(text: str) -> bytes:
    r"""The line of a JSON object.

    >>> sealed('{"loss": 0.5}'), opened(sealed('{"loss": 0.5}'))
    (b'{"loss": 0.5, "crc32": "45ef8da5"}\n', b'{"loss": 0.5}')
    """
    return (text[:-1] + SEAL % crc32(text.encode()) + "\n").encode()


def is_sealed(line: bytes) -> bool:
    """Whether a line has a checksum, right or wrong."""
    return line[-WIDTH:].startswith(SEAL[:12].encode())


def opened(line: bytes) -> bytes:
    """The JSON object that a line was made of; ValueError if it has no checksum, or that of another.

    >>> opened(b'{"loss": 0.4, "crc32": "45ef8da5"}')
    Traceback (most recent call last):
    ValueError: it was changed after it was written: its checksum is another
    """
    line = line.rstrip()
    if not is_sealed(line):
        raise ValueError("it has no checksum at its end, so it was changed after it was written")
    text = line[:-WIDTH] + b"}"
    if line[-WIDTH:] != (SEAL % crc32(text)).encode():
        raise ValueError("it was changed after it was written: its checksum is another")
    return text
