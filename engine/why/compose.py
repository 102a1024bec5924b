"""A derivation in the words of one of the notes: which lines it has, and what stands in them.

The lines are the same for text and for LaTeX: a pen writes what is in them, `layout` puts them on a page.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from engine.formula import computed
from engine.label import Role
from engine.whole import counted
from engine.why.blocks import Addends, Block, Head, Line, Prose, Rows
from engine.why.chain import role_of
from engine.why.deltas import deltas, step
from engine.why.derivation import ACTIVATIONS, Derivation, Sum
from engine.why.digits import full, short, signed
from engine.why.notation import any_unit, is_output
from engine.why.pens import Pen, bracketed
from engine.why.remarks import Remark


MOST_REMARKS = 3


def compose(d: Derivation, pen: Pen, eta: float | None) -> Iterator[Block]:
    """The blocks of an explanation, from the head to the remarks."""
    yield Head(pen.slope(d.root, d.node), pen.number(d.total), kind(d))
    yield from definitions(d, pen)
    parting = addends(d, d.parting, pen) if d.parting else None
    if d.factors:
        yield Rows(formulas(d, pen), *numbers(d, pen), pen.number(d.total), parting)
    elif parting:
        yield parting
    yield from cancelled(d, pen)
    yield from at_targets(d, pen)
    yield from deltas(d, pen)
    if eta is not None and d.leaf and d.role.kind not in ("x", "t"):
        yield step(d, pen, eta)
    if d.paths.count > 1:
        yield Prose("paths", paths(d, pen))
    if d.node != d.root:
        yield Prose("check", check(d, pen))
    yield from footnotes(d, pen)


KINDS = {
    "w": ("hidden weight", "output weight"),
    "b": ("hidden bias", "output bias"),
    "net": ("net of a hidden unit", "net of an output unit"),
    "o": ("hidden activation", "output"),
    "x": ("input", "input"),
    "t": ("target", "target"),
    "E": ("loss", "loss"),
}


def kind(d: Derivation) -> str:
    """What the node is, in words."""
    if d.node == d.root:
        return "the root itself"
    return KINDS.get(d.role.kind, ("leaf" if d.leaf else "inner node",) * 2)[is_output(d.role.unit)]


def definitions(d: Derivation, pen: Pen) -> Iterator[Line]:
    """How the nodes were made that are mentioned."""
    tag = "with"
    for label, made, row in d.made:
        equation = pen.notes.equation(f"E = {row}") if role_of(label).kind == "E" else ""
        yield Line((pen.name(label), pen.symbolic(made), pen.number(made.numbers["y"])), equation, tag)
        tag = ""


# ---- products and sums --------------------------------------------------------------------------


def formulas(d: Derivation, pen: Pen) -> tuple[tuple[tuple[str, ...], str], ...]:
    """The product in derivatives, then with f' as the notes leave it, then with f' opened."""
    notes = pen.notes
    lead = (pen.slope(d.root, d.top),) if d.top != d.root else ()
    alone = len(lead) + len(d.factors) == 1
    chain = (*lead, *(pen.slope(f.top, f.bottom) for f in d.factors))
    opened = [str(p) if alone else bracketed(p) for p in (pen.symbolic(*f.readings) for f in d.factors)]
    prime = notes.word("f' output" if is_output(d.role.unit) else "f' hidden")
    shut = [
        pen.say(f"{prime}({pen.name(f.bottom).strip('()')})") if prime and f is d.activation else s
        for f, s in zip(d.factors, opened, strict=True)
    ]
    losses = (f.line for f in d.factors if f.line not in ("", *ACTIVATIONS))
    main = "hidden" if lead and d.activation else next(losses, "")
    star = " *" if main == "squares" and notes.key == "LEC" and d.loss and d.loss.c != 1 else ""
    rows = [(chain, notes.equation("chain"))] * (not alone) + [((*lead, *shut), notes.equation(main) + star)]
    if shut != opened and d.activation:
        rows.append(((*lead, *opened), notes.equation(d.activation.line)))
    return tuple(rows)


def numbers(d: Derivation, pen: Pen) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The product with numbers inserted, and the numbers of its factors."""
    lead = (pen.number(d.lead),) if d.top != d.root else ()
    alone = len(lead) + len(d.factors) == 1
    inserted = (pen.inserted(*f.readings) for f in d.factors)
    values = (pen.number(f.value) for f in d.factors)
    return (*lead, *(str(p) if alone else bracketed(p) for p in inserted)), (*lead, *values)


def addends(d: Derivation, s: Sum, pen: Pen) -> Addends:
    """The sum of a node's uses: over the units k that it enters (LEC-12), or way by way."""
    terms = []
    for a in s.addends:
        f = a.factor
        label = f"{index(s, pen)}={unit(role_of(f.top).unit, pen)}" if s.net else pen.words("via ") + pen.name(f.top)
        reading = "" if s.net else bracketed(pen.symbolic(*f.readings))
        terms.append((label, reading, pen.number(f.value), pen.number(a.gradient), pen.number(a.product, signed)))
    tops = [a.factor.top for a in s.addends]
    if s.weight and s.net:
        sigma = pen.say(f"Σ_{index(s, pen)} ") if s.count > 1 else ""
        formula = sigma + pen.factors(pen.name(s.weight), pen.slope(d.root, s.net))
    elif s.rest or len(s.addends) > 3 or len({*tops, d.root}) <= len(tops):
        formula = pen.say("Σ_u ") + pen.factors(pen.slope("u", s.bottom), pen.slope(d.root, "u"))
    else:
        formula = " + ".join(pen.factors(pen.slope(u, s.bottom), pen.slope(d.root, u)) for u in tops)
    rest = (pen.words(f"and {s.rest.more:,} more"), pen.number(s.rest.total, signed)) if s.rest else None
    equation = pen.notes.equation("sum")
    return Addends(pen.slope(d.root, s.bottom), formula, equation, tuple(terms), rest, pen.number(s.total, signed))


def index(s: Sum, pen: Pen) -> str:
    """The letter of a sum over units."""
    return pen.notes.unit(any_unit(s.net.unit))[0].text if s.net else "u"


def unit(name: str, pen: Pen) -> str:
    """A unit in a sum over units: LEC's o1, the number alone in the others for an output."""
    short_form = pen.notes.key in ("S63", "SX", "ESL") and is_output(name)
    return pen.spell(pen.notes.unit(name)[short_form])


# ---- what else there is to say of a loss --------------------------------------------------------


def cancelled(d: Derivation, pen: Pen) -> Iterator[Line]:
    """DE/dnet where a loss and an activation cancel: o - t of BCE and sigmoid."""
    unit = d.activation
    if d.joint and unit:
        g = d.factors[0].value * unit.value
        if abs(d.joint.shown - g) <= 1e-6 * abs(g):
            sides = (pen.slope(d.root, unit.bottom), pen.symbolic(d.joint), pen.number(g))
            yield Line(sides, "", "together", "(f' has cancelled)")


def at_targets(d: Derivation, pen: Pen) -> Iterator[Line]:
    """What BCE's dE/do becomes at a target of 1 or 0."""
    f = d.factors[0] if d.factors else None
    if f and f.line == "bce" and (target := f.readings[0].at("t")) in (0.0, 1.0):
        r = f.readings[0]
        sides = (pen.slope(f.top, f.bottom), pen.symbolic(r.of(r.formula, t=target)), pen.number(f.value))
        better = "negative: a larger o lowers E" if f.value < 0 else "positive: a smaller o lowers E"
        yield Line(sides, pen.notes.equation(f"bce t={target:.0f}"), f"t = {target:.0f}", f"({better})")


# ---- sentences ----------------------------------------------------------------------------------


def paths(d: Derivation, pen: Pen) -> str:
    """The largest paths, by what they pass, and whether they agree."""
    found = []
    for p, w in zip(d.paths, d.paths.ways, strict=True):
        passed = [s for s in w[1:-1] if s != d.role.unit] or w[1:-1]
        found.append(f"{'via ' + '→'.join(passed) if passed else 'direct'} {signed(p.product)}")
    more = d.paths.count - len(d.paths)
    says = ", ".join(found) + (f", and {counted(more, 'path')} more" if more else "")
    disagree = len({p.product > 0 for p in d.paths if p.product}) > 1
    return pen.say(f"{says}{' (they disagree)' * disagree}")


def check(d: Derivation, pen: Pen) -> str:
    """The derivative once more by differences, and how far off that is."""
    s = d.differences
    h = f"{s.step:.0e}".replace("e-0", "e-")
    off = abs(s.central - d.total)
    at_kink = any(r.kind == "convention" for r in d.remarks)
    if at_kink and abs(s.left - s.right) > 1e-3 * max(abs(s.left), abs(s.right)):
        return f"a kink: the slope is {full(s.left)} from the left and {full(s.right)} from the right"
    if not math.isfinite(s.central):
        return f"no difference can be taken: beside {short(d.data)} the root is not finite"
    return f"central difference, h = {h}: {full(s.central)}, off by {f'{off:.1e}' if off else '0'}"


def footnotes(d: Derivation, pen: Pen) -> Iterator[Prose]:
    """Where the notes differ from the exact derivative, and what is special about these numbers."""
    squared = d.loss is not None and d.loss.squares and any(f.line == "squares" for f in d.factors)
    if pen.notes.key == "LEC" and squared and d.loss and d.loss.c != 1:
        what = "the 2 of d(t - o)²/do" if d.loss.c == 2 else f"the factor {short(d.loss.c)} of this loss"
        yield Prose("*", pen.say(f"the slide prints -(t - o): {what} is absorbed into η"))
    if pen.notes.key in ("SX", "ESL") and d.role.kind == "w":
        w, i, j = (pen.name(r) for r in (d.role, input_of(d.role), Role("o", d.role.unit)))
        order = "from, to" if pen.notes.key == "SX" else "to, from"
        yield Prose("index", f"{w} leads from {i} to {j}: its indices are ({order})")
    if pen.notes.key == "ESL" and squared:
        yield Prose("sign", pen.say("δ_k keeps the -2: it is ∂R/∂T_k, which is -2 times the δ of S63"))
    said = list(dict.fromkeys(Prose(r.kind, remark(r, pen)) for r in d.remarks))
    yield from said[:MOST_REMARKS]
    if len(said) > MOST_REMARKS:
        yield Prose("", f"and likewise at {counted(len(said) - MOST_REMARKS, 'more place')}")


def input_of(w: Role) -> Role:
    """The role of what comes in along a weight."""
    return Role("x" if w.source.startswith("x") else "o", w.source)


def remark(r: Remark, pen: Pen) -> str:
    """What is special about one partial, in a sentence."""
    f = pen.symbolic(r.partial)
    if r.kind == "convention":
        operands = [(str(pen.phrase(name)), short(x)) for name, x in r.partial.operands]
        here = ", ".join(dict.fromkeys(f"{name} = {x}" for name, x in operands if name != x))  # no 2 = 2
        node = f"{pen.phrase(r.made.names['y'])} = {pen.symbolic(r.made)}"
        return f"at {here} the slope of {node} is set by convention: {r.convention}"
    if r.kind == "saturated":
        told = " (LEC-9)" if pen.notes.key else ""
        return f"f' = {f} is {full(r.value)} here, at net = 0 it is {short(r.at_zero)}: next to nothing passes{told}"
    exact, shown = pen.symbolic(r.partial.of(computed(r.partial.formula))), r.partial.shown
    why = ", its digits are lost" if math.isfinite(shown) else ""
    return f"as it stands {f} gives {full(shown)} here{why}; what is computed, {exact}, gives {full(r.value)}"
