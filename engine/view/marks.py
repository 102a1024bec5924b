"""The marks of every view: how a number, a name, an operation and a sign are written and coloured.

Blue is positive, orange negative, and the sign is always printed as well, so nothing rests on colour
alone. Numbers have one form everywhere: `precision` significant digits, a true minus sign (U+2212).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass


MINUS = "\N{MINUS SIGN}"
NONE = "\N{EN DASH}"  # no gradient: no backward pass has reached it
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
JOINER = "\N{ZERO WIDTH JOINER}"  # holds emoji together; the only invisible character let through
OPERATORS = {"add": "+", "sub": MINUS, "neg": MINUS, "mul": "\N{MULTIPLICATION SIGN}", "div": "/", "pow": "**"}

INK, FAINT, PAPER, RULE = "#1a1a1a", "#555555", "#fdfdfb", "#777777"
WHITE, LEAF, GROUP, FOCUS = "#ffffff", "#e2e2de", "#eef1f4", "#d6006c"
ZERO, BROKEN = "#ececec", "#f7c6de"  # tints of a gradient that is zero, and of one that is not finite
WARNING = "#fff3b0"
POSITIVE, NEGATIVE, NEUTRAL = "#0877bd", "#c25e00", "#8a8a8a"  # lines
RULE_FAINT = "#cfcfca"  # of what steps back behind something highlighted
BLUES = ("#e3eff7", "#c7dfef", "#abcfe7", "#8fbfdf")  # tints under black text, small to large
ORANGES = ("#fcefe2", "#f9e0c6", "#f6d0a9", "#f3c08c")


def number(value: float | None, precision: int = 4, *, signed: bool = False) -> str:
    """The text of a number: `precision` significant digits, and a plus sign too if `signed`.

    >>> number(-0.34361), number(0.5, signed=True), number(-0.0), number(1e-300), number(None)
    ('−0.3436', '+0.5', '0', '1e−300', '–')
    """
    if value is None:
        return NONE
    if value == 0:
        return "0"  # a zero has no sign worth reading
    text = f"{value:+.{precision}g}" if signed and not math.isnan(value) else f"{value:.{precision}g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        text = f"{mantissa}e{int(exponent)}"
    return text.replace("-", MINUS)


def visible(text: str, longest: int = 0) -> str:
    r"""The text with everything invisible spelled out, cut to `longest` characters (0: never cut).

    >>> print(visible("two\nlines \N{SNOWMAN}"), visible("a" * 50, 8))
    two\nlines ☃ aaaaaaa…
    """
    shown = text
    if not text.isprintable():
        shown = "".join(c if c.isprintable() or c == JOINER else ascii(c)[1:-1] for c in text)
    return shown if not longest or len(shown) <= longest else shown[: longest - 1] + ELLIPSIS


def operation(op: str, args: tuple[str | float, ...], precision: int = 4) -> str:
    """The sign or name of an operation; a number written in the expression stands beside its sign.

    >>> operation("mul", ("n0", "n1")), operation("pow", ("n0", 2.0)), operation("sub", (1.0, "n0"))
    ('×', '**2', '1−')
    """
    sign = OPERATORS.get(op)
    if sign is None or len(args) != 2:
        return sign or op
    left, right = ("" if isinstance(a, str) else number(a, precision) for a in args)
    return left + sign + (f"({right})" if right.startswith(MINUS) else right)


@dataclass(frozen=True, slots=True)
class Marks:
    """Numbers, tints and pens of one picture: magnitudes are relative to its largest gradient and flow.

    >>> m = Marks(precision=3, grad=2.0, flow=2.0)
    >>> m.signed(0.5), m.tint(2.0) == BLUES[3], m.tint(-0.01) == ORANGES[0], m.tint(0.0) == ZERO
    ('+0.5', True, True, True)
    >>> m.pen(-2.0), m.pen(None)
    (('#c25e00', 4.0, True), ('#8a8a8a', 1.0, False))
    """

    precision: int
    grad: float
    flow: float

    def number(self, value: float | None) -> str:
        """The value as text."""
        return number(value, self.precision)

    def signed(self, value: float | None) -> str:
        """The value as text, with its sign even if positive."""
        return number(value, self.precision, signed=True)

    def range(self, values: Collection[float]) -> str:
        """The smallest and the largest value as text, in three digits at most; nan if one of them is."""
        if any(math.isnan(v) for v in values):
            return self.signed(math.nan)
        low, high = (number(v, min(self.precision, 3), signed=True) for v in (min(values), max(values)))
        return f"{low} {ELLIPSIS} {high}"

    def tint(self, grad: float | None) -> str:
        """The background of a gradient: hue by sign, four steps by magnitude."""
        if grad is None:
            return WHITE
        if not math.isfinite(grad):
            return BROKEN
        if grad == 0:
            return ZERO
        step = math.ceil(4 * strength(grad, self.grad)) - 1
        return (BLUES if grad > 0 else ORANGES)[min(max(step, 0), 3)]

    def pen(self, flow: float | None) -> tuple[str, float, bool]:
        """Colour, width and dash of an arrow along which `flow` comes back; negative is dashed."""
        if flow is None:
            return NEUTRAL, 1.0, False
        if not math.isfinite(flow):
            return FOCUS, 2.0, False
        if flow == 0:
            return NEUTRAL, 0.5, False
        return POSITIVE if flow > 0 else NEGATIVE, round(0.5 + 3.5 * strength(flow, self.flow), 2), flow < 0


def strength(value: float, largest: float) -> float:
    """The share of the largest magnitude, from 0 to 1, on a square-root scale that shows small ones."""
    return math.sqrt(min(abs(value) / largest, 1.0)) if largest else 1.0


def largest_magnitude(values: Iterable[float | None]) -> float:
    """The largest finite magnitude; 0 if there is none."""
    return max((abs(v) for v in values if v is not None and math.isfinite(v)), default=0.0)


def sign(value: float) -> str:
    """One character for the sign of a number: plus, true minus, 0, or ? for NaN."""
    return "?" if math.isnan(value) else "+" if value > 0 else MINUS if value < 0 else "0"
