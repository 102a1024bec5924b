"""Pens: each writes numbers, names and formulas in one medium, as text, as plain ASCII or as LaTeX.

The formulas are those of the rows, read as everywhere by `fold`: in names, or with numbers in the place
of the names. What is special here are the signs: a product before a bracket has none, a product of
equals is a square, and what is constant is worked out, so that the derivative of x**2 is 2·x.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from engine.formula import ATOM, CONDITION, LATEX, POWER, PRODUCT, SUM, TEXT, Formula, Notation, Phrase, fold, writer
from engine.ieee import FLOATS
from engine.why.digits import full, short
from engine.why.notation import Label, Name, Notes
from engine.why.reading import Reading, reductions


class Negative(Phrase):
    """A number or a product that begins with a minus: in brackets, but not at the left of a product."""

    __slots__ = ()


class Constant(Phrase):
    """A number written in the expression; what is made of such numbers alone is worked out."""

    __slots__ = ("value",)
    value: float


def negative(s: str, binds: int) -> Phrase:
    """`s`, which binds like a sum if it begins with a minus."""
    return Negative(s, SUM) if s.startswith("-") and binds >= PRODUCT else Phrase(s, binds)


def bracketed(p: Phrase) -> str:
    """A phrase as a factor among others: sums in brackets, but -2(t - o) as it is."""
    return str(p) if p.binds >= PRODUCT or isinstance(p, Negative | Constant) else f"({p})"


# Which argument an operation with a neutral constant leaves as it is; -1 where the result is 0.
NEUTRAL: dict[str, Callable[..., int | None]] = {
    "add": lambda p, q: 1 if p == 0 else 0 if q == 0 else None,
    "sub": lambda p, q: 0 if q == 0 else None,
    "mul": lambda p, q: -1 if p == 0 or q == 0 else 1 if p == 1 else 0 if q == 1 else None,
    "div": lambda p, q: -1 if p == 0 else 0 if q == 1 else None,
    "pow": lambda p, q: 0 if q == 1 else None,
}


class Pen:
    """Writes in the words of `notes`; `Text`, `Ascii` and `Latex` say with which signs."""

    notations: ClassVar[Mapping[str, Notation]]  # of the rows; those of rows to come are found in it as well
    own: ClassVar[Mapping[str, Notation]] = {}  # what is written otherwise here
    plain: ClassVar[str]  # how the name of an operation without a notation is written
    signs: ClassVar[Mapping[str, str]]

    def __init__(self, notes: Notes) -> None:
        self.notes = notes
        lone = notes.lone and notes.key == "SX"  # its sum over outputs has one term
        total = "{}" if lone else self.say(f"Σ_{notes.word('k output')} {{}}")
        sums = {"total": Notation(total, POWER, (POWER,))}
        self._writer = writer({**self.notations, **self.own, **sums}, self.plain)

    def by(self, notes: Notes) -> Pen:
        """A pen like this one that writes in the words of other notes."""
        return type(self)(notes)

    # ---- signs, numbers, names

    def say(self, s: str) -> str:
        """A phrase in the signs of this medium."""
        return re.sub(f"[{''.join(self.signs)}]", lambda m: self.signs[m[0]], s) if self.signs else s

    def words(self, s: str) -> str:
        """Words among formulas."""
        return s

    def number(self, x: float, form: Callable[[float], str] = full) -> str:
        """A number, with six decimals unless `form` says otherwise."""
        return form(x)

    def spell(self, n: Name) -> str:
        """A name in this medium."""
        raise NotImplementedError

    def name(self, label: Label) -> str:
        """What the notes call it."""
        return self.spell(self.notes.name(label))

    def atomic(self, name: str) -> bool:
        """Whether a name is one to the eye, and not like an expression."""
        return True

    def fraction(self, top: str, bottom: str) -> str:
        """A derivative, of names that are written already."""
        raise NotImplementedError

    def slope(self, top: Label, bottom: Label) -> str:
        """D top / d bottom."""
        return self.fraction(self.name(top), self.name(bottom))

    def factors(self, *factors: str | float) -> str:
        """A product of phrases and numbers, with a sign between them."""
        raise NotImplementedError

    def squared(self, s: str) -> str:
        """The square of what stands there."""
        raise NotImplementedError

    def between(self, left: str, right: str) -> str:
        """The sign of a product inside a formula, where there must be one."""
        raise NotImplementedError

    # ---- formulas

    def symbolic(self, *readings: Reading) -> Phrase:
        """The product of formulas in names; 1 if there are none."""
        return self._product_of([self._symbolic(r) for r in readings])

    def inserted(self, *readings: Reading) -> Phrase:
        """The product of formulas with numbers in the place of the names."""
        return self._product_of([self._inserted(r) for r in readings])

    def product(self, left: Phrase, right: Phrase) -> Phrase:
        """Left times right."""
        a = str(left) if left.binds >= PRODUCT or isinstance(left, Negative | Constant) else f"({left})"
        if left == right:
            return Phrase(self.squared(a if left.binds > POWER else f"({left})"), POWER)
        b = str(right) if right.binds > PRODUCT else f"({right})"
        sign = "" if b.startswith("(") and "/" not in a else self.between(a, b)
        return negative(a + sign + b, PRODUCT)

    def phrase(self, label: Label | float) -> Phrase:
        """A name, or a number of the expression, as a part of a formula."""
        if isinstance(label, float):
            return self._constant(label)
        return Phrase(s := self.name(label), ATOM if self.atomic(s) else CONDITION)

    def _symbolic(self, r: Reading) -> Phrase:
        known = {f: self.phrase(label) for f, (label, _) in r.known.items()}
        running = {s: self.phrase(label) for s, label in {**r.names, **r.running}.items()}
        for f in reductions(r.formula):
            if f not in known:
                known[f] = self._read(f, running, known)
        return self._read(r.formula, {s: self.phrase(label) for s, label in r.names.items()}, known)

    def _inserted(self, r: Reading) -> Phrase:
        known = {f: self._digits(r.number(f)) for f in reductions(r.formula)}
        for f, (label, number) in r.known.items():
            known[f] = self._constant(label) if isinstance(label, float) else self._digits(number)
        numbers = {
            s: self._constant(name) if isinstance(name, float) else self._digits(r.at(s)) for s, name in r.names.items()
        }
        return self._read(r.formula, numbers, known)

    def _read(self, f: Formula, symbols: Mapping[str, Phrase], known: Mapping[Formula, Phrase]) -> Phrase:
        return fold(f, symbols, self._write, shown=True, memo=dict(known))  # type: ignore[no-any-return]

    def _product_of(self, phrases: Sequence[Phrase]) -> Phrase:
        product = phrases[0] if phrases else self._constant(1.0)
        for p in phrases[1:]:
            product = self.product(product, p)
        return product

    def _digits(self, x: float) -> Phrase:
        return negative(self.number(x, short), ATOM)

    def _constant(self, x: float) -> Constant:
        s = self.number(x, lambda x: repr(x).removesuffix(".0") if abs(x) < 1e15 else short(x))
        c = Constant(s, SUM if s.startswith("-") else ATOM)
        c.value = x
        return c

    def _write(self, op: str, *args: Any) -> Phrase:
        """The reader of formulas."""
        if op == "number":
            return self._constant(args[0])
        if op in ("add", "sub", "mul", "neg") and all(isinstance(p, Constant) for p in args):
            return self._constant(FLOATS[op](*(p.value for p in args)))
        if op in NEUTRAL and (kept := NEUTRAL[op](*(getattr(p, "value", None) for p in args))) is not None:
            return self._constant(0.0) if kept < 0 else args[kept]
        if op == "mul":
            return self.product(*args)
        if op == "pow" and args[1] == "2":
            return self.product(args[0], args[0])
        if op in ("neg", "div") and isinstance(args[0], Negative | Constant):
            args = (Phrase(args[0], PRODUCT), *args[1:])
        written = self._writer(op, *args)
        return negative(written, written.binds)


class Text(Pen):
    """Plain text."""

    notations = TEXT
    own: ClassVar[Mapping[str, Notation]] = {"pow": Notation("{}^{}", POWER, (POWER + 1, POWER + 1))}
    plain = "{}"
    signs: ClassVar[Mapping[str, str]] = {}

    def spell(self, n: Name) -> str:
        return self.say(n.text)

    def atomic(self, name: str) -> bool:
        return re.fullmatch(r"([^\s+*/^=<>-]|->|\^\(\d+\))+|\([^()]*\)", name) is not None

    def fraction(self, top: str, bottom: str) -> str:
        d = self.say(self.notes.word("d"))
        return "/".join(d + (n if self.atomic(n) else f"({n})") for n in (top, bottom))

    def factors(self, *factors: str | float) -> str:
        return self.say(" × ").join(f if isinstance(f, str) else full(f) for f in factors)

    def squared(self, s: str) -> str:
        return s + self.say("²")

    def between(self, left: str, right: str) -> str:
        return self.say("·")


class Ascii(Text):
    """Plain text in signs that any terminal can show."""

    signs: ClassVar[Mapping[str, str]] = {
        "×": "*", "·": "*", "Σ": "sum", "→": "->", "∂": "d", "²": "^2", "…": "...", "–": "-",
        "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "eps", "η": "eta", "σ": "sigma",
    }  # fmt: skip

    def say(self, s: str) -> str:
        return super().say(s).encode("ascii", "backslashreplace").decode()


class Latex(Pen):
    """LaTeX, for a display that MathJax or LaTeX sets."""

    notations = LATEX
    plain = r"\operatorname{{{{{}}}}}"
    signs: ClassVar[Mapping[str, str]] = {
        "×": r"\times ", "·": r"\cdot ", "Σ": r"\sum", "→": r"\to ", "∂": r"\partial ", "²": "^{2}", "…": r"\ldots ",
        "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "δ": r"\delta ", "ε": r"\epsilon ", "η": r"\eta ",
        "σ": r"\sigma ",
    }  # fmt: skip

    def say(self, s: str) -> str:
        return re.sub(r" (?=[_^'}=)])", "", super().say(s))

    def words(self, s: str) -> str:
        return rf"\text{{{s.rstrip()}}}" + r"\ " * s.endswith(" ")

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

    def factors(self, *factors: str | float) -> str:
        written = [f if isinstance(f, str) else self.number(f) for f in factors]
        return r"\times ".join(f"({s})" if i and s.startswith("-") else s for i, s in enumerate(written))

    def squared(self, s: str) -> str:
        return f"{{{s}}}^{{2}}"

    def between(self, left: str, right: str) -> str:
        return r"\cdot " if right[0].isdigit() else r"\,"
