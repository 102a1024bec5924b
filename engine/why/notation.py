"""The words of the notes: what each of them calls a weight, an activation, a delta, the learning rate.

A role says what a node is, a column of the table how it is written. `j` is the unit that a node belongs
to and `i` the unit that a weight comes from (h1, h2_3, o1); J and I are their numbers alone, K is the
number of an output, or nothing if there is only one. `_<...>` is a subscript.

>>> weight = Role("w", "h1", "x2")
>>> [Notes(key).name(weight).text for key in COLUMNS]
['w_h1,x2', 'w_h1,x2', 'w_(i2→h1)', 'W_21', 'α_12']
>>> print(Notes("LEC").name(weight).latex)
w_{h_1,x_2}
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from engine.label import Role
from engine.value import Value


class Name(NamedTuple):
    """What something is called, in plain text and in LaTeX."""

    text: str
    latex: str


class Nth(NamedTuple):
    """One of several nodes with equal labels, counted from 1: the same unit on another sample."""

    label: Role | str
    number: int


Label: TypeAlias = Role | str | Nth


# fmt: off
COLUMNS = (        None,          "LEC",         "S63",           "SX",          "ESL")
FORMS = {
    "E":          ("E",           "E",           "ε",             "L",           "R"),
    "x":          ("{j}",         "o_<{j}>",     "a_<{j}>",       "x_<{J}>",     "x_<{J}>"),
    "t":          ("t_<{j}>",     "t_<{j}>",     "t_<{J}>",       "t_<{K}>",     "y_<{J}>"),
    "w hidden":   ("w_<{j},{i}>", "w_<{j},{i}>", "w_<({i}→{j})>", "W_<{I},{J}>", "α_<{J},{I}>"),
    "w output":   ("w_<{j},{i}>", "w_<{j},{i}>", "w_<({i}→{J})>", "V_<{I},{K}>", "β_<{J},{I}>"),
    "b hidden":   ("b_<{j}>",     "b_<{j}>",     "b_<{j}>",       "b_<{j}>",     "α_<0,{J}>"),
    "b output":   ("b_<{j}>",     "b_<{j}>",     "b_<{J}>",       "b_<o{K}>",    "β_<0,{J}>"),
    "net hidden": ("net_<{j}>",   "net_<{j}>",   "z_<{j}>",       "net_<{j}>",   "(α_<{J}>·x)"),
    "net output": ("net_<{j}>",   "net_<{j}>",   "z_<{J}>",       "net_<{j}>",   "T_<{J}>"),
    "o hidden":   ("o_<{j}>",     "o_<{j}>",     "a_<{j}>",       "h_<{J}>",     "z_<{J}>"),
    "o output":   ("o_<{j}>",     "o_<{j}>",     "y_<{J}>",       "o_<{K}>",     "f_<{J}>"),
    "δ hidden":   ("δ_<{j}>",     "δ_<{j}>",     "δ_<{j}>",       "δ_<{j}>",     "s_<{J}>"),
    "δ output":   ("δ_<{j}>",     "δ_<{j}>",     "δ_<{J}>",       "δ_<{j}>",     "δ_<{J}>"),
}
WORDS = {  # the sign of a derivative, the rate, f' where the note leaves it unopened, units of input, the k of a sum
    "d":          ("d",           "d",           "∂",             "∂",           "∂"),
    "rate":       ("η",           "η",           "α",             "α",           "γ"),
    "f' hidden":  ("",            "f'",          "",              "",            "σ'"),
    "f' output":  ("",            "f'",          "",              "",            "g'"),
    "x":          ("x",           "x",           "i",             "x",           "x"),
    "k hidden":   ("k",           "k",           "k",             "k",           "k"),
    "k output":   ("k",           "k",           "o",             "k",           "k"),
}
EQUATIONS = {  # the equation that a line of a derivation is
    "chain":      ("",            "LEC-5",       "S63-1",         "",            ""),
    "squares":    ("",            "LEC-6",       "S63-5",         "",            "ESL-12"),
    "hidden":     ("",            "LEC-11",      "S63-q",         "",            ""),
    "sum":        ("",            "LEC-12",      "S63-m",         "SX-6",        "ESL-15"),
    "sigmoid":    ("",            "LEC-7",       "S63-2",         "",            ""),
    "linear":     ("",            "LEC-8",       "LEC-8",         "LEC-8",       "LEC-8"),
    "bce":        ("",            "LEC-14",      "LEC-14",        "LEC-14",      "LEC-14"),
    "E = sse":    ("",            "LEC-2",       "S63-f",         "SX-4",        ""),
    "E = bce":    ("",            "LEC-13",      "LEC-13",        "LEC-13",      "LEC-13"),
    "bce t=1":    ("",            "LEC-15",      "LEC-15",        "LEC-15",      "LEC-15"),
    "bce t=0":    ("",            "LEC-16",      "LEC-16",        "LEC-16",      "LEC-16"),
    "paths":      ("",            "",            "S63-r",         "SX-6",        ""),
    "step output": ("",           "S63-l",       "S63-l",         "SX-5",        ""),
    "step hidden": ("",           "S63-u",       "S63-u",         "SX-5",        ""),
}
# fmt: on


@dataclass(frozen=True)
class Notes:
    """One column of the tables: the notation of one of the notes, or with None plain terms.

    `lone` says that the network has a single output, which SX writes without a number. Raises ValueError
    for notes that there are not.
    """

    key: str | None
    lone: bool = False

    def __post_init__(self) -> None:
        if self.key not in COLUMNS:
            raise ValueError(f"unknown notes {self.key!r}; choose from {', '.join(map(repr, COLUMNS[1:]))} or None")

    def word(self, which: str) -> str:
        """The sign of a derivative, the rate, and so on."""
        return WORDS[which][COLUMNS.index(self.key)]

    def equation(self, line: str) -> str:
        """The id of the equation that a line is; nothing if it is none."""
        return EQUATIONS[line][COLUMNS.index(self.key)] if line in EQUATIONS else ""

    def unit(self, name: str) -> tuple[Name, Name]:
        """A unit's name, and its number alone; any unit has the letter of a sum for both."""
        if name in (ANY_HIDDEN, ANY_OUTPUT):
            k = self.word("k output" if name == ANY_OUTPUT else "k hidden")
            return Name(k, k), Name(k, k)
        return unit(re.sub(r"^x(?=\d+$)", self.word("x"), name))

    def name(self, label: Label) -> Name:
        """How a node is written."""
        return name(self, label)


@lru_cache(maxsize=10_000)
def name(notes: Notes, label: Label) -> Name:
    """How a node is written in these notes."""
    if isinstance(label, Nth):
        text, latex = name(notes, label.label)
        return Name(f"{text}^({label.number})", f"{{{latex}}}^{{({label.number})}}")
    if not isinstance(label, Role):
        return plain(label)
    form = label.kind
    if form not in FORMS:
        form += " output" if is_output(label.unit) else " hidden"
    if form not in FORMS:
        return plain(str(label))
    (j, J), (i, I) = notes.unit(label.unit), notes.unit(label.source)
    fields = {"j": j, "J": J, "i": i, "I": I, "K": NOTHING if notes.lone else J}
    return spelled(FORMS[form][COLUMNS.index(notes.key)], fields)


NOTHING = Name("", "")
ANY_HIDDEN, ANY_OUTPUT = "any hidden unit", "any output unit"  # the k of a sum over units, as a unit's name


def is_output(name: str) -> bool:
    """Whether a unit is in the last layer: hidden ones are called h1, h2, .. or h2_3."""
    return not re.fullmatch(r"h\d+(_\d+)?", name) and name != ANY_HIDDEN


def any_unit(like: str) -> str:
    """The k of a sum over units like this one."""
    return like if like in (ANY_HIDDEN, ANY_OUTPUT) else ANY_OUTPUT if is_output(like) else ANY_HIDDEN


def unit(name: str) -> tuple[Name, Name]:
    """A unit's name, and its number alone.

    >>> unit("h2_3")
    (Name(text='h2_3', latex='h^{2}_{3}'), Name(text='2_3', latex='2,3'))
    """
    m = re.fullmatch(r"([a-z])(?:(\d+)_)?(\d+)", name)
    if not m:
        return plain(name), plain(name)
    letter, layer, number = m.groups()
    if layer is None:
        return Name(name, f"{letter}_{subscript(number)}"), Name(number, number)
    return Name(name, f"{letter}^{{{layer}}}_{{{number}}}"), Name(f"{layer}_{number}", f"{layer},{number}")


def spelled(form: str, fields: Mapping[str, Name]) -> Name:
    """A form of the table with the units put in, and its subscripts written as such.

    >>> fields = {"j": Name("h1", "h_1"), "I": Name("12", "12"), "J": Name("3", "3")}
    >>> spelled("net_<{j}>", fields), spelled("W_<{I},{J}>", fields).text
    (Name(text='net_h1', latex='net_{h_1}'), 'W_12,3')
    """
    text = latex = ""
    for literal, inside, field in re.findall(r"([^_{]+|_(?!<))|_<([^>]*)>|\{(\w)\}", form):
        piece = fields[field] if field else Name(literal, literal)
        if inside:
            parts = [p for part in inside.split(",") if (p := filled(part, fields)).text]
            comma = "," if any(len(p.text) > 1 for p in parts) else ""  # W_12, but W_1,12
            piece = subscripted(comma.join(p.text for p in parts), comma.join(p.latex for p in parts))
        text, latex = text + piece.text, latex + piece.latex
    return Name(text, latex)


def filled(part: str, fields: Mapping[str, Name]) -> Name:
    """A part of a subscript with the units put in."""
    text = latex = part
    for field, name in fields.items():
        text, latex = text.replace(f"{{{field}}}", name.text), latex.replace(f"{{{field}}}", name.latex)
    return Name(text, latex)


def subscripted(text: str, latex: str) -> Name:
    """A subscript: after _ in text, or in square brackets where there are underscores in it already."""
    if not text:
        return NOTHING
    deep = "_" in text and not text.startswith("(")
    return Name(f"[{text}]" if deep else f"_{text}", f"_{subscript(latex)}")


def subscript(latex: str) -> str:
    """A subscript of LaTeX, in braces unless it is one character."""
    return latex if len(latex) == 1 else f"{{{latex}}}"


# ---- names that people give ---------------------------------------------------------------------

LONGEST = 24  # characters of a label that are shown
ESCAPES = {"\\": r"\backslash ", "^": r"\hat{}", "~": r"\sim ", "<": r"\lt ", ">": r"\gt ", " ": r"\ ", "`": "'"}
ESCAPES |= {c: "\\" + c for c in "#$%&_{}"}


def plain(label: str) -> Name:
    r"""A label as it stands, everything invisible spelled out; in LaTeX a number at its end is a subscript.

    >>> plain("x12").latex, plain("a_b").latex, plain("loss").latex, plain("50 %").latex
    ('x_{12}', 'a_{b}', '\\mathit{loss}', '\\mathtt{50\\ \\%}')
    """
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in label)
    if len(text) > LONGEST:
        text = text[: LONGEST - 1] + "…"
    m = re.fullmatch(r"([A-Za-z]+)(?:_?(\d+)|_([A-Za-z]\w*))?", text, re.ASCII)
    if not m or "_" in (m[3] or ""):
        return Name(text, rf"\mathtt{{{''.join(ESCAPES.get(c, c) for c in text)}}}")
    base = m[1] if len(m[1]) == 1 or m[1] == "net" else rf"\mathit{{{m[1]}}}"
    index = m[2] or m[3]
    return Name(text, f"{base}_{{{index}}}" if index else base)


def labels(nodes: Iterable[Value], root: Value) -> dict[Value, Label]:
    """What every node is called: by its role or its label, or v0, v1, .. by its place among `nodes`.

    >>> a = Value(2.0, "a")
    >>> nodes = [a, b := a * a, c := b + 1, d := c.exp()]
    >>> list(labels(nodes, d).values())
    ['a', 'v1', 'v2', 'y']
    """
    order = list(nodes)
    given: dict[Value, Role | str] = {
        n: n.label if isinstance(n.label, Role) else str(n.label) for n in order if n.label not in (None, "")
    }
    taken = Counter(map(str, given.values()))
    letter = next((c for c in "vus" if not any(re.fullmatch(c + r"\d+", s) for s in taken)), "_")
    if root not in given:
        network = any(isinstance(label, Role) for label in given.values())
        choices: list[Role | str] = [Role("E"), "L", "root"] if network else ["y", "root"]
        given[root] = next((s for s in choices if str(s) not in taken), "the root")
    found: dict[Value, Label] = {}
    met: Counter[str] = Counter()
    for i, n in enumerate(order):
        label = given.get(n, f"{letter}{i}")
        met[str(label)] += 1
        found[n] = Nth(label, met[str(label)]) if taken[str(label)] > 1 and n is not root else label  # E of several E^(k)
    return found
