"""How numbers are printed: rounded for the eye, never for the arithmetic."""

from __future__ import annotations

import re


def full(x: float) -> str:
    """A number with six decimals, or with six digits where that would lose some.

    >>> full(-0.192), full(0.00045), full(0.0), full(-1e-300), full(12345678.9)
    ('-0.192000', '0.00045', '0', '-1e-300', '1.23457e+07')
    """
    if x == 0:
        return "0"
    return f"{x:.6f}" if 1e-3 <= abs(x) < 1e6 else f"{x:.6g}"


def short(x: float) -> str:
    """The same without the zeros at its end; next to a whole number, the digits that tell them apart.

    >>> short(0.75), short(3.0), short(-1.0986122886681098), short(1 - 1e-8)
    ('0.75', '3', '-1.098612', '0.99999999')
    """
    s = full(x)
    s = s.rstrip("0").rstrip(".") if "." in s and "e" not in s else s
    return f"{x:.12g}" if "." not in s and "e" not in s else s


def signed(x: float) -> str:
    """A number with its sign, whichever it is.

    >>> signed(0.25), signed(-0.25), signed(0.0)
    ('+0.250000', '-0.250000', '0')
    """
    return f"+{full(x)}" if x > 0 else full(x)


def escaped(s: str) -> str:
    r"""A name or a sentence for Markdown, so that no sign of it means anything.

    >>> print(escaped("w_h1,x2 | <b>"))
    w\_h1,x2 \| \<b\>
    """
    return re.sub(r"([\\`*_{}\[\]<>#|~$&!])", r"\\\1", s)
