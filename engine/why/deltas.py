"""The same gradient by deltas, in the words of each of the notes; and the gradient descent step.

S63 calls delta what is left of dE/dnet without the factor -2 of the squared error, ESL calls delta and s
all of dE/dnet, SX has no such name and moves the minus into f'. The c in dE/do = -c (t - o), 2 for a sum
of squares, is what S63 absorbs into its learning rate: alpha = c eta.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.formula import Formula, Phrase, formula
from engine.label import Role
from engine.why.blocks import Line
from engine.why.chain import Loss, o, role_of, squares, t
from engine.why.derivation import Derivation, Sum
from engine.why.digits import full, short
from engine.why.notation import Label, Notes, is_output
from engine.why.pens import Pen, bracketed
from engine.why.reading import shown_form


def deltas(d: Derivation, pen: Pen) -> Iterator[Line]:
    """The lines about deltas that the notes have for a weight, a bias or a net under a loss."""
    if d.loss and d.net and (d.activation or d.parting is None):
        if pen.notes.key == "SX":
            yield from sx(d, d.loss, pen)
        elif pen.notes.key == "ESL":
            yield from esl(d, d.net, pen)
        elif pen.notes.key is not None:
            yield from s63(d, d.loss, d.net, pen)


def gradient_of_net(d: Derivation) -> float:
    """DE/dnet of the node's own unit."""
    g = d.lead
    for f in d.factors:
        if role_of(f.top).kind != "net":
            g = f.value * g
    return g


def source(d: Derivation, pen: Pen) -> str:
    """What comes into the unit along a weight; nothing for a bias."""
    return bracketed(pen.symbolic(*d.factors[-1].readings)) if d.role.kind == "w" else ""


def s63(d: Derivation, loss: Loss, net: Label, pen: Pen) -> Iterator[Line]:
    """Delta without the factor -c, and what it makes of the gradient; for readers of LEC a conversion."""
    own = pen.notes.key == "S63"
    words = pen.by(Notes("S63", d.lone))
    tag = pen.say("δ") if own else "S63"
    if own and d.routes and d.parting:
        yield by_paths(d, pen)
    delta, value = words.name(Role("δ", d.role.unit)), gradient_of_net(d) / -loss.c
    minus_c = "-" if loss.c == 1 else f"{short(-loss.c)} "
    f = words.symbolic(*d.activation.readings) if d.activation else Phrase("1")
    if d.parting is None:
        error = next((r.of(t - o) for g in d.factors if g.line == "squares" for r in g.readings), None)
        if loss.squares and error:
            opened = words.symbolic(error) if f == "1" else words.product(f, words.symbolic(error))
            yield Line((delta, opened, pen.number(value)), "S63-k", tag)
            yield Line((pen.slope(d.root, net), minus_c + delta, pen.number(gradient_of_net(d))))
        else:  # only a name: the note has no formula for it
            yield Line((delta, "-" + pen.slope(d.root, net), pen.number(value)), "", tag)
    elif d.parting.weight and d.parting.net and d.activation:
        k, local = d.parting.net.unit, d.activation.value
        addends = [words.factors(short(a.gradient / -loss.c), short(a.factor.value)) for a in d.parting.addends]
        rest = ["… " + words.words(f"{d.parting.rest.more} more")] if d.parting.rest else []
        sides = (
            delta,
            f"{bracketed(f)} {sigma(d.parting, words)}{words.name(Role('δ', k))} {words.name(d.parting.weight)}",
            words.factors(local, f"({' + '.join(addends + rest)})"),
            words.factors(local, d.parting.total / -loss.c),
            pen.number(value),
        )
        yield Line(tuple(map(pen.say, sides)), "S63-t" if is_output(k) else "S63-v", tag)
    if d.role.kind != "net" and (d.parting or own):
        product = " ".join(filter(None, (minus_c + delta, source(d, words))))
        equation = "S63-s" if d.parting else "S63-5"
        yield Line((pen.slope(d.root, d.node), product, pen.number(d.total)), equation)


def sigma(s: Sum, pen: Pen) -> str:
    """The sign of a sum over units; none where it has one term."""
    return f"Σ_{pen.notes.unit(s.net.unit)[0].text} " if s.net and s.count > 1 else ""


def by_paths(d: Derivation, pen: Pen) -> Line:
    """The gradient with every path written out, as S63-r has it for one hidden layer."""
    paths = [" ".join(bracketed(pen.symbolic(r)) for r in route) for route in d.routes]
    products = " + ".join(full(p.product) for p in d.paths).replace("+ -", "- ")
    sides = (pen.slope(d.root, d.node), " + ".join(paths), *[products] * (len(paths) > 1), pen.number(d.total))
    return Line(sides, pen.notes.equation("paths"), "sum")


def sx(d: Derivation, loss: Loss, pen: Pen) -> Iterator[Line]:
    """With one output, SX's product: 2 V (t - o) x (h^2 - 1), the minus of d(t - o) moved into f'."""
    if len(d.routes) != 1 or d.parting is None:
        return
    error, *middle, f = d.routes[0][: -1 if d.role.kind == "w" else None]
    turned = negated(shown_form(f.formula))
    if turned is not None and squares(error.formula) is not None:
        last = [source(d, pen)] * (d.role.kind == "w")
        parts = [*(bracketed(pen.symbolic(r)) for r in middle), f"({pen.symbolic(error.of(t - o))})", *last]
        product = " ".join([*[short(loss.c)] * (loss.c != 1), *parts, bracketed(pen.symbolic(f.of(turned)))])
        yield Line((pen.slope(d.root, d.node), product, pen.number(d.total)), pen.notes.equation("paths"), "SX")


def negated(f: Formula) -> Formula | None:
    """Minus a formula, by turning round a difference in it; None if there is none."""
    if f.op == "sub":
        return f.args[1] - f.args[0]  # type: ignore[no-any-return]
    if f.op == "mul":
        return f.args[0] * turned if (turned := negated(f.args[1])) is not None else None
    return formula(-f.args[0]) if f.op == "number" else None


def esl(d: Derivation, net: Label, pen: Pen) -> Iterator[Line]:
    """The errors of the back-propagation equations: delta_k of an output, s_m of a hidden unit."""
    name, value = pen.name(Role("δ", d.role.unit)), pen.number(gradient_of_net(d))
    prime = pen.notes.word("f' hidden" if d.parting else "f' output")
    f = [pen.say(f"{prime}({pen.name(net).strip('()')})")] if d.activation else []
    if d.parting is None:
        readings = [r for g in d.factors if role_of(g.top).kind not in ("o", "net") for r in g.readings]
        error = pen.symbolic(*readings)
        yield Line((name, " ".join([bracketed(error) if f else str(error), *f]), value), "ESL-12", "error")
    elif d.parting.weight and d.parting.net and d.activation:
        total = f"{sigma(d.parting, pen)}{pen.name(d.parting.weight)} {pen.name(Role('δ', d.parting.net.unit))}"
        numbers = pen.factors(d.activation.value, d.parting.total)
        yield Line((name, pen.say(f"{f[0]} {total}"), numbers, value), "ESL-15", "error")
    if d.role.kind != "net":
        product = " ".join(filter(None, (name, source(d, pen))))
        yield Line((pen.slope(d.root, d.node), product, pen.number(d.total)), "ESL-14")


def step(d: Derivation, pen: Pen, eta: float) -> Line:
    """The gradient descent step: w - eta dE/dw; in S63, where the c is absorbed, w + alpha delta a."""
    w, rate, notes = pen.name(d.node), pen.say(pen.notes.word("rate")), pen.notes
    if d.role.kind:  # w alone, the head has said which
        w = re.split(r"[_[]", w)[0]
    unit = " output" if is_output(d.role.unit) else " hidden"
    equation = notes.equation(f"step{unit}") if d.role.kind in ("w", "b") else ""
    new = pen.number(d.data - eta * d.total)
    c = d.loss.c if d.loss and d.net else 1.0
    if notes.key == "S63" and d.loss and d.net:
        into, a = source(d, pen), [short(d.factors[-1].value)] * (d.role.kind == "w")
        moved = " ".join(filter(None, (rate, pen.name(Role("δ", d.role.unit)), into)))
        numbers = f"{short(d.data)} + {pen.factors(short(c * eta), short(gradient_of_net(d) / -c), *a)}"
        aside = pen.say(f"(α = {short(c)} η = {short(c * eta)})") if c != 1 else ""
        return Line((f"{w}'", f"{w} + {moved}", numbers, new), equation, "step", aside)
    aside = pen.say(f"(α = {short(c)} η = {short(c * eta)})") if notes.key == "LEC" and c != 1 else ""
    numbers = f"{pen.number(d.data)} - {pen.factors(short(eta), d.total)}"
    return Line((f"{w} - {rate} {pen.fraction(pen.name(d.root), w)}", numbers, new), equation, "step", aside)
