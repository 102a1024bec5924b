"""How numbers and formulas are written in a derivation: with names and with numbers, as text and as LaTeX.

The formulas are those of the rows. They are read as everywhere, by `fold`; what is special here are the
signs: a product before a bracket has none, a product of equals is a square, and what is constant in the
expression is worked out, so that the derivative of x**2 is 2·x.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from engine.explain.notation import Label, Name, Notes
from engine.formula import (
    ATOM,
    CONDITION,
    LATEX,
    POWER,
    PRODUCT,
    REDUCTIONS,
    SUM,
    TEXT,
    Formula,
    Itself,
    Notation,
    Phrase,
    each,
    fold,
    rebuild,
    writer,
)
from engine.ieee import FLOATS, evaluate


def full(x: float) -> str:
    """A number with six decimals, or with six digits where that would lose some.

    >>> full(-0.192), full(0.00045), full(0.0), full(-1e-300), full(12345678.9)
    ('-0.192000', '0.00045', '0', '-1e-300', '1.23457e+07')
    """
    if x == 0:
        return "0"
    return f"{x:.6f}" if 1e-3 <= abs(x) < 1e6 else f"{x:.6g}"


def short(x: float) -> str:
    """The same without the zeros at its end; of a number next to a whole one as many digits as tell them apart.

    >>> short(0.75), short(3.0), short(-math.log(3)), short(1 - 1e-8)
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
    return full(x) if x <= 0 or x != x else f"+{full(x)}"


class Negative(Phrase):
    """A number or a product that begins with a minus: bracketed everywhere but at the left of a product."""

    __slots__ = ()


class Constant(Phrase):
    """A number written in the expression; what is made of such numbers alone is worked out."""

    __slots__ = ("value",)
    value: float


def negative(s: str, binds: int) -> Phrase:
    """`s`, which binds like a sum if it begins with a minus."""
    return Negative(s, SUM) if s.startswith("-") and binds >= PRODUCT else Phrase(s, binds)


class Reading(NamedTuple):
    """A formula of a row at one place of a graph: what its symbols are called there, and their numbers.

    Of a vector, `names` and `element` tell the element that is meant; `running` names any other one in
    a sum. `known` are parts of the formula that have a name of their own.
    """

    formula: Formula
    names: Mapping[str, Label | float]
    numbers: Mapping[str, Any]
    element: int = 0
    running: Mapping[str, Label] = {}
    known: Mapping[Formula, Label | float] = {}

    @property
    def shown(self) -> float:
        """The number of the formula in the form that is shown."""
        return self.number(shown_form(self.formula))

    def number(self, f: Formula) -> float:
        """The number of a formula over these symbols, at this element."""
        y = evaluate(f, self.numbers)
        return float(y[self.element] if y.__class__ is list else y)

    @property
    def operands(self) -> list[tuple[Label | float, float]]:
        """What the arguments of the row are called here, and their numbers."""
        return [(name, self.at(s)) for s, name in self.names.items() if s != "y"]

    def at(self, s: str) -> float:
        """The number of a symbol here."""
        x = self.numbers[s]
        return float(x[self.element] if x.__class__ is list else x)

    def of(self, f: Formula, **names: float) -> Reading:
        """Another formula at the same place, with constants for some symbols."""
        return self._replace(formula=f, names={**self.names, **names})


def shown_form(f: Formula) -> Formula:
    """The formula as the notes print it: of every `written` the first form."""
    return fold(f, Itself(f), rebuild, shown=True)  # type: ignore[no-any-return]


class Pen:
    """Writes numbers, names and formulas; `Text` and `Latex` say with which signs."""

    notations: Mapping[str, Notation]
    plain: str  # how the name of an operation without a notation is written
    signs: Mapping[str, str]

    def __init__(self, notes: Notes) -> None:
        self.notes = notes
        lone = notes.lone and notes.key == "SX"  # its sum over outputs has one term
        total = "{}" if lone else self.say(f"Σ_{notes.word('k output')} {{}}")
        self._writer = writer({**self.notations, "total": Notation(total, POWER, (POWER,))}, self.plain)

    def say(self, s: str) -> str:
        """A phrase in the signs of this medium."""
        return re.sub(f"[{''.join(self.signs)}]", lambda m: self.signs[m[0]], s) if self.signs else s

    def number(self, x: float, form: Callable[[float], str] = full) -> str:
        """A number, with six decimals unless `form` says otherwise."""
        return form(x)

    def name(self, label: Label) -> str:
        """What the notes call it."""
        return self.spell(self.notes.name(label))

    def spell(self, n: Name) -> str:
        """A name in this medium."""
        raise NotImplementedError

    def slope(self, top: Label, bottom: Label) -> str:
        """D top / d bottom."""
        return self.fraction(self.name(top), self.name(bottom))

    def fraction(self, top: str, bottom: str) -> str:
        """A derivative, of names that are written already."""
        raise NotImplementedError

    def squared(self, s: str) -> str:
        """The square of what stands there."""
        raise NotImplementedError

    def between(self, left: str, right: str) -> str:
        """The sign of a product where there must be one."""
        raise NotImplementedError

    def by(self, notes: Notes) -> Pen:
        """A pen like this one that writes in the words of other notes."""
        return type(self)(notes)

    def factors(self, *factors: str | float) -> str:
        """A product of phrases and numbers, with a sign between them."""
        raise NotImplementedError

    def words(self, s: str) -> str:
        """Words among formulas."""
        return s

    def atomic(self, name: str) -> bool:
        """Whether a name is one to the eye, and not like an expression."""
        return True

    # ---- formulas

    def symbolic(self, r: Reading) -> Phrase:
        """A formula in names."""
        known: dict[Formula, Phrase] = {f: self.phrase(label) for f, label in r.known.items()}
        running = {s: self.phrase(label) for s, label in {**r.names, **r.running}.items()}
        for f in reductions(r.formula):
            if f not in known:
                known[f] = fold(f, running, self._write, shown=True, memo=dict(known))
        names = {s: self.phrase(label) for s, label in r.names.items()}
        return fold(r.formula, names, self._write, shown=True, memo=known)  # type: ignore[no-any-return]

    def inserted(self, r: Reading) -> Phrase:
        """A formula with the numbers in the place of the names."""
        known = {f: self._digits(r.number(f)) for f in reductions(r.formula) + list(r.known)}
        known |= {f: self.phrase(label) for f, label in r.known.items() if isinstance(label, float)}
        numbers = {
            s: self.phrase(name)
            if isinstance(name, float)
            else self._digits(r.at(s))
            for s, name in r.names.items()
        }
        return fold(r.formula, numbers, self._write, shown=True, memo=known)  # type: ignore[no-any-return]

    def phrase(self, label: Label | float) -> Phrase:
        """A name, or a number of the expression, as a part of a formula."""
        if isinstance(label, float):
            return self._constant(label)
        return Phrase(s := self.name(label), ATOM if self.atomic(s) else CONDITION)

    def _digits(self, x: float) -> Phrase:
        return negative(self.number(x, short), ATOM)

    def _constant(self, x: float) -> Constant:
        s = self.number(x, lambda x: repr(x).removesuffix(".0") if abs(x) < 1e15 else short(x))
        c = Constant(s, SUM if s.startswith("-") else ATOM)
        c.value = x
        return c

    def _write(self, op: str, *args: Any) -> Phrase:
        if op == "number":
            return self._constant(args[0])
        if op in ("add", "sub", "mul", "neg") and all(isinstance(p, Constant) for p in args):
            return self._constant(FLOATS[op](*(p.value for p in args)))
        if op in UNITS and (kept := UNITS[op](*(getattr(p, "value", None) for p in args))) is not None:
            return self._constant(0.0) if kept < 0 else args[kept]  # type: ignore[no-any-return]
        if op == "mul":
            return self.product(*args)
        if op == "pow" and args[1] == "2":
            return self.product(args[0], args[0])
        if op in ("neg", "div") and isinstance(args[0], Negative | Constant):
            args = (Phrase(args[0], PRODUCT), *args[1:])
        return negative(phrase := self._writer(op, *args), phrase.binds)

    def all_symbolic(self, readings: Sequence[Reading]) -> Phrase:
        """A product of formulas in names; 1 if there are none."""
        return self._product_of([self.symbolic(r) for r in readings])

    def all_inserted(self, readings: Sequence[Reading]) -> Phrase:
        """A product of formulas in numbers."""
        return self._product_of([self.inserted(r) for r in readings])

    def _product_of(self, phrases: Sequence[Phrase]) -> Phrase:
        product = phrases[0] if phrases else self._constant(1.0)
        for p in phrases[1:]:
            product = self.product(product, p)
        return product

    def product(self, left: Phrase, right: Phrase) -> Phrase:
        """Left times right."""
        starts = isinstance(left, Negative | Constant)
        a = str(left) if left.binds >= PRODUCT or starts else f"({left})"
        if left == right:
            return Phrase(self.squared(a if left.binds > POWER else f"({left})"), POWER)
        b = str(right) if right.binds > PRODUCT else f"({right})"
        joint = "" if b.startswith("(") and "/" not in a else self.between(a, b)
        return negative(a + joint + b, PRODUCT)


def bracketed(p: Phrase) -> str:
    """A phrase as a factor among others: sums in brackets, but -2(t - o) as it is."""
    return str(p) if p.binds >= PRODUCT or isinstance(p, Negative | Constant) else f"({p})"


def reductions(f: Formula) -> list[Formula]:
    """The sums and maxima in a formula, inner ones first."""
    return [g for g in reversed(each(f)) if g.op in REDUCTIONS]


# Which argument an operation with a neutral constant leaves as it is; -1 where the result is 0.
UNITS: dict[str, Callable[..., int | None]] = {
    "add": lambda p, q: 1 if p == 0 else 0 if q == 0 else None,
    "sub": lambda p, q: 0 if q == 0 else None,
    "mul": lambda p, q: -1 if p == 0 or q == 0 else 1 if p == 1 else 0 if q == 1 else None,
    "div": lambda p, q: -1 if p == 0 else 0 if q == 1 else None,
    "pow": lambda p, q: 0 if q == 1 else None,
}


class Text(Pen):
    """Plain text."""

    notations = TEXT | {"pow": Notation("{}^{}", POWER, (POWER + 1, POWER + 1))}
    plain = "{}"
    signs: ClassVar = {}

    def spell(self, n: Name) -> str:
        return self.say(n.text)

    def fraction(self, top: str, bottom: str) -> str:
        d = self.say(self.notes.word("d"))
        return "/".join(d + (n if self.atomic(n) else f"({n})") for n in (top, bottom))

    def atomic(self, name: str) -> bool:
        return re.fullmatch(r"([^\s+*/^=<>-]|->|\^\(\d+\))+|\([^()]*\)", name) is not None

    def squared(self, s: str) -> str:
        return s + self.say("²")

    def between(self, left: str, right: str) -> str:
        return self.say("·")

    def factors(self, *factors: str | float) -> str:
        return self.say(" × ").join(f if isinstance(f, str) else full(f) for f in factors)


class Latex(Pen):
    """LaTeX, for a display that MathJax or LaTeX sets."""

    notations = LATEX
    plain = r"\operatorname{{{{{}}}}}"
    signs: ClassVar = {
        "×": r"\times ", "·": r"\cdot ", "Σ": r"\sum", "→": r"\to ", "∂": r"\partial ", "²": "^{2}", "…": r"\ldots ",
        "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "δ": r"\delta ", "ε": r"\epsilon ", "η": r"\eta ", "σ": r"\sigma ",
    }  # fmt: skip

    def say(self, s: str) -> str:
        return re.sub(r" (?=[_^'}=)])", "", super().say(s))

    def number(self, x: float, form: Callable[[float], str] = full) -> str:
        s = form(x)
        if not math.isfinite(x):
            return s.replace("inf", r"\infty").replace("nan", r"\mathrm{nan}")
        mantissa, _, exponent = s.partition("e")
        return rf"{mantissa}\cdot 10^{{{int(exponent)}}}" if exponent else s

    def spell(self, n: Name) -> str:
        return self.say(n.latex)

    def fraction(self, top: str, bottom: str) -> str:
        d = self.say(self.notes.word("d"))
        space = " " * d.startswith("\\")
        return rf"\frac{{{d}{space}{top}}}{{{d}{space}{bottom}}}"

    def squared(self, s: str) -> str:
        return f"{{{s}}}^{{2}}"

    def between(self, left: str, right: str) -> str:
        return r"\cdot " if right[0].isdigit() else r"\,"

    def factors(self, *factors: str | float) -> str:
        written = [f if isinstance(f, str) else self.number(f) for f in factors]
        return r"\times ".join(f"({s})" if i and s.startswith("-") else s for i, s in enumerate(written))

    def words(self, s: str) -> str:
        return rf"\text{{{s}}}"


class Ascii(Text):
    """Plain text in signs that any terminal can show."""

    signs: ClassVar = {
        "×": "*", "·": "*", "Σ": "sum", "→": "->", "∂": "d", "²": "^2", "…": "...", "–": "-",
        "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "eps", "η": "eta", "σ": "sigma",
    }  # fmt: skip

    def say(self, s: str) -> str:
        return super().say(s).encode("ascii", "backslashreplace").decode()
