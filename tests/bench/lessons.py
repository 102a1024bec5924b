"""The lessons under changes that nobody foresaw: do the checks notice, and is what they say about the change true?

    python tests/bench/lessons.py [--count 200] [--seed 0] [--all] [--say TEXT]

Every change is made in one place of what a learner writes, by rules over its syntax tree (`variants`): operators,
constants, dropped terms and factors, swapped arguments and statements, wrong names and indices. Those that the
catalogue of slips knows are left out. Each lesson's checks then run on the changed files, in this process with a
time limit, up to the first that fails; its message is read as a learner reads it.

A change that Python refuses with the learner's own line (a name that is not there, a list where a number belongs)
says nothing about the checks and is counted apart, and so is a blank made empty. A change that no check notices is compared with the shipped source in `behaviour`, thousands of numbers that no
check looks at. If it is the same in all of them, it changes no number and is told apart. A cause is true if the
slip that it names behaves in `behaviour` as the change does; any other cause is a wrong one.

Ends with exit code 1 below the bars: 95 % caught, a cause or a true ratio in 60 %, a wrong cause in at most 2 %.
"""

import argparse
import ast
import copy
import itertools
import math
import random
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path


sys.path[:0] = [str(Path(__file__).parents[2])]

from behaviour import alike, behaviour  # noqa: E402

from engine.learn.course import course  # noqa: E402
from engine.learn.judging import PASSED, Judge, first_difference  # noqa: E402
from engine.learn.loading import Code, Trouble  # noqa: E402
from engine.learn.telling import failure  # noqa: E402


COURSE = course()
CHECKS = sorted(COURSE.checks, key=lambda c: c.lesson)
SECONDS = 3.0
STOPPED = (NameError, TypeError, AttributeError, LookupError)  # Python says what is wrong, and the lesson where
OPERATORS = {ast.Add: (ast.Sub, ast.Mult), ast.Sub: (ast.Add, ast.Mult), ast.Mult: (ast.Div, ast.Add), ast.Div: (ast.Mult, ast.Sub), ast.Pow: (ast.Mult, ast.Div)}
COMPARISONS = {ast.Gt: (ast.GtE, ast.Lt), ast.Lt: (ast.LtE, ast.Gt), ast.GtE: (ast.Gt, ast.Lt), ast.LtE: (ast.Lt, ast.Gt)}
COMPARISONS |= {ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq, ast.Lt, ast.Gt), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,)}
ATTRIBUTES = {"grad": "data", "data": "grad", "args": "partials", "partials": "args", "op": "label", "sqrt": "exp", "log": "exp"}
FUNCTIONS = {"max": "min", "min": "max", "sorted": "list", "exp": "log", "log": "exp", "sigmoid": "tanh", "absolute": "exp"}


# ---- changes


@dataclass(frozen=True)
class Mutant:
    """What a blank says after one change, and the change as text."""

    blank: str
    text: str
    told: str

    @property
    def texts(self):
        filled = set(COURSE.blanks)
        return {v.name: v.text(filled, {self.blank: (SHIPPED[self.blank], self.text)}) for v in COURSE.volumes}


SHIPPED = {b.key: v.solution(b) for v in COURSE.volumes for b in v.blanks}


def variants(n, names):
    """What may stand in the place of a piece of the syntax tree."""
    if isinstance(n, ast.BinOp):
        yield from (ast.BinOp(n.left, op(), n.right) for op in OPERATORS.get(type(n.op), ()))
        yield from (n.left, n.right)
        if not isinstance(n.op, ast.Add | ast.Mult):
            yield ast.BinOp(n.right, n.op, n.left)
    if isinstance(n, ast.UnaryOp):
        yield n.operand
    if isinstance(n, ast.BinOp) or (isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load) and n.id in names):
        yield ast.UnaryOp(ast.USub(), n)
    if isinstance(n, ast.Constant) and type(n.value) in (int, float):
        yield from (ast.Constant(v) for v in (n.value + 1, n.value - 1, 2 * n.value))
    if isinstance(n, ast.Constant) and n.value is True:
        yield ast.Constant(False)
    if isinstance(n, ast.Compare):
        yield from (ast.Compare(n.left, [op()], n.comparators) for op in COMPARISONS.get(type(n.ops[0]), ()))
    if isinstance(n, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(n.op, ast.And) else ast.And(), n.values)
        yield from n.values
    if isinstance(n, ast.If | ast.IfExp):
        yield type(n)(ast.UnaryOp(ast.Not(), n.test), n.body, n.orelse)
    if isinstance(n, ast.Call):
        for i, j in itertools.combinations(range(len(n.args)), 2):
            swapped = [*n.args]
            swapped[i], swapped[j] = swapped[j], swapped[i]
            yield ast.Call(n.func, swapped, n.keywords)
        if len(n.args) == 1 and not n.keywords:
            yield n.args[0]
        elif isinstance(n.func, ast.Name) and n.func.id in ("max", "min"):
            yield from (ast.Call(n.func, [p for p in n.args if p is not q], []) for q in n.args)
        if isinstance(n.func, ast.Name) and n.func.id in FUNCTIONS:
            yield ast.Call(ast.Name(FUNCTIONS[n.func.id], ast.Load()), n.args, n.keywords)
    if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load) and n.id in names:
        yield from (ast.Name(other, n.ctx) for other in names if other != n.id)
    if isinstance(n, ast.Attribute) and n.attr in ATTRIBUTES:
        yield ast.Attribute(n.value, ATTRIBUTES[n.attr], n.ctx)
    if isinstance(n, ast.AugAssign):
        yield ast.AugAssign(n.target, ast.Sub() if isinstance(n.op, ast.Add) else ast.Add(), n.value)
        yield ast.Assign([n.target], n.value, lineno=0)


def reordered(body):
    """A block of statements with one left out, two in the other order, or the last of a loop moved behind it."""
    for k, n in enumerate(body):
        if not isinstance(n, ast.Return | ast.Raise) and len(body) > 1:
            yield [*body[:k], *body[k + 1 :]] or [ast.Pass()]
        if isinstance(n, ast.For) and len(n.body) > 1:
            yield [*body[:k], ast.For(n.target, n.iter, n.body[:-1], n.orelse, lineno=0), n.body[-1], *body[k + 1 :]]
    for k in range(len(body) - 1):
        yield [*body[:k], body[k + 1], body[k], *body[k + 2 :]]


def loaded(tree):
    """The variables of a blank that stand for each other: no functions, no modules."""
    called = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    owners = {n.value.id for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)}
    used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    return sorted(used - called - (owners & {"math", "random"}) - {"Value", "ValueError", "float", "int"})


def mutants_of(blank):
    """Every change of what stands in a blank; in a cell of a row also by the letters a, b and y."""
    source = SHIPPED[blank]
    tree = ast.parse(source)
    names = loaded(tree)
    if COURSE.blanks[blank].row:
        names = sorted({*names, *(("o", "t") if {"o", "t"} & set(names) else ("a", "b", "y") if names else ())} - {"s", "e", "zero", "one"})
    nodes = list(ast.walk(tree))
    for k, n in enumerate(nodes):
        for new in variants(n, names):
            yield from changed(blank, tree, k, lambda place, new=new: new, n, new)
        for field in ("body", "orelse"):
            if isinstance(body := getattr(n, field, None), list):
                for new in reordered(body):
                    if new != body:
                        yield from changed(blank, tree, k, (field, new), body, new)


def changed(blank, tree, k, how, old, new):
    """The blank with its k-th piece changed, if that can be written down."""
    twin = copy.deepcopy(tree)
    place = list(ast.walk(twin))[k]
    if isinstance(how, tuple):
        setattr(place, how[0], copy.deepcopy(how[1]))
    else:
        twin = Put(place, copy.deepcopy(new)).visit(twin)
    try:
        text = ast.unparse(ast.fix_missing_locations(twin))
        ast.parse(text)
    except (SyntaxError, ValueError, AttributeError, TypeError):
        return
    shown = [" ".join("; ".join(map(ast.unparse, p)).split()) if isinstance(p, list) else said(p) for p in (old, new)]
    if text != ast.unparse(tree):
        yield Mutant(blank, text, f"{shown[0]}  ->  {shown[1]}")


def said(n):
    """A piece of code in one line; of what has a block only its head."""
    return ast.unparse(ast.fix_missing_locations(copy.deepcopy(n))).strip().splitlines()[0]


class Put(ast.NodeTransformer):
    """Puts a piece in the place of another."""

    def __init__(self, place, new):
        self.place, self.new = place, new

    def visit(self, node):
        return self.new if node is self.place else self.generic_visit(node)


def normal(source):
    return ast.dump(ast.parse(source))


def held_out():
    """Every change that the catalogue does not know."""
    known = {(s.blank, normal(SHIPPED[s.blank].replace(s.old, s.new))) for s in COURSE.slips}
    found = {(m.blank, m.text): m for key in SHIPPED for m in mutants_of(key)}
    return [m for m in found.values() if (m.blank, normal(m.text)) not in known]


# ---- what the lessons say


@dataclass
class Told:
    """What came of a change: the check that failed, its lines, and what is true in them."""

    mutant: Mutant
    check: object = None
    lines: tuple = ()
    cause: str = ""  # true, wrong, or empty
    ratio: bool = False
    same: bool = False  # changes no number
    stopped: bool = False  # Python itself refuses what is written


def told(m):
    """Run the lessons on a change, up to the first check that fails."""
    try:
        code = Code(m.texts)
    except Trouble as e:
        return Told(m, "read", (str(e),), stopped=True)
    filled, places = {}, {}
    for v in COURSE.volumes:
        located = v.locate(m.texts[v.name])
        filled |= located
        places |= {key: (v.name, line) for key, (line, _) in located.items()}
    judge = Judge(COURSE, code, filled, SECONDS)
    judge.right, judge._slipped = REFERENCE.right, REFERENCE._slipped  # what slips give is the same for all
    judge._outcomes = dict(REFERENCE._outcomes)
    found = next((v for v in map(judge.verdict, CHECKS) if v.state != PASSED), None)
    if found is None:
        return Told(m, same=alike(RIGHT, behaviour(m.texts)))
    lines = failure(judge, found, places)
    slip = judge.cause(found)
    kept = {id(REFERENCE.right), *map(id, REFERENCE._slipped.values())}
    REFERENCE._outcomes = {k: v for k, v in judge._outcomes.items() if k[0] in kept}
    text = " ".join(" ".join(lines).split())
    cause = ""
    if slip:
        cause = "true" if alike(of_slip(slip), behaviour(m.texts), 1e-12) else "wrong"
    elif " cause " in text and found.check.name.startswith("by_hand_"):  # other sentences say what an exception means
        cause = "true" if exact(found) else "wrong"
    stopped = found.yours is None or isinstance(found.yours.error, STOPPED)
    return Told(m, found.check, tuple(lines), cause, true_ratio(found, text), stopped=stopped)


RIGHT = behaviour(COURSE.texts())
REFERENCE = Judge(COURSE, COURSE.reference(), {})
SLIPPED = {}


def of_slip(slip):
    """The behaviour of a slip of the catalogue."""
    if slip not in SLIPPED:
        SLIPPED[slip] = behaviour(COURSE.texts(slip))
    return SLIPPED[slip]


def exact(v):
    """Whether the number by hand is what the cause that is told gives, to many digits."""
    yours = first_difference(v)[1]
    weight = v.check.name.removeprefix("by_hand_").replace("_", ",")
    return any(math.isclose(yours.value, w, rel_tol=1e-9) for s in by_hand(weight) for w in [s.value] if s.cause in v.check.explain(yours.value))


def by_hand(weight):
    from engine.learn.mistakes import slips
    from nn.learn.lessons import HIDDEN, OUT
    from nn.losses import sse
    from nn.modules import MLP

    model = MLP(2, [2, 2], activation="sigmoid", output="sigmoid", bias=False)
    for p, w in zip(model.parameters(), (*HIDDEN[0], *HIDDEN[1], *OUT[0], *OUT[1]), strict=True):
        p.data = w
    return slips(dict(model.named_parameters())[f"w_{weight}"], sse(model([3, -2]), [1, 1]))


def true_ratio(v, text):
    """Whether the message has a ratio, and it is that of the learner's number to the right one."""
    found = re.search(r"yours/expected = (-?[\d.]+(?:e-?\d+)?)", text)
    right, yours = first_difference(v)
    if found is None or right is None or yours is None or isinstance(yours.value, str):
        return False
    return math.isclose(float(found[1]), yours.value / right.value, rel_tol=1e-4, abs_tol=1e-6)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--all", action="store_true", help="every change, not a draw")
    parser.add_argument("--say", default="", metavar="TEXT", help="print the messages about changes whose line has TEXT")
    choice = parser.parse_args()
    universe = held_out()
    drawn = universe if choice.all else random.Random(choice.seed).sample(universe, min(choice.count, len(universe)))
    began = time.perf_counter()
    found = []
    for m in drawn:
        found.append(t := told(m))
        if choice.say and choice.say in f"{m.blank}: {m.told}":
            print(f"\n{m.blank}: {m.told}", *t.lines, sep="\n")
    same = [t for t in found if t.check is None and t.same]
    stopped = [t for t in found if t.stopped]
    judged = [t for t in found if not t.stopped and not (t.check is None and t.same)]
    caught = [t for t in judged if t.check is not None]
    helped = [t for t in caught if t.cause == "true" or t.ratio]
    wrong = [t for t in caught if t.cause == "wrong"]
    for title, group in (("changes no number", same), ("SURVIVES", [t for t in judged if t.check is None]), ("WRONG CAUSE", wrong)):
        for t in group:
            line = f"L{COURSE.blanks[t.mutant.blank].lesson:<3}{t.mutant.blank}: {t.mutant.told}"
            print(f"{title:18} {line:.150}")
            if t in wrong:
                print(*("    " + s for s in t.lines if s.strip()), sep="\n")
    n, every = max(1, len(judged)), max(1, len(judged) + len(stopped))
    print(f"\nseed {choice.seed}: {len(drawn)} of {len(universe)} changes; {len(same)} change no number, {len(stopped)} are refused by Python")
    for title, count, bar in (("caught", len(caught), "95 %"), ("a true cause or ratio", len(helped), "60 %"), ("a wrong cause", len(wrong), "at most 2 %")):
        beside = count + len(stopped) * (title == "caught")
        print(f"  {title:24}{count:5} of {n} {count / n:7.1%}  (bar: {bar});  with the refused {beside / every:.1%}")
    print(f"  {time.perf_counter() - began:.0f} s")
    return 0 if len(caught) >= 0.95 * n and len(helped) >= 0.6 * n and len(wrong) <= 0.02 * n else 1


if __name__ == "__main__":
    sys.exit(main())
