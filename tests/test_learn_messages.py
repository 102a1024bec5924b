"""What a learner is told about code that no catalogue foresees: each message was met on a walk through the course."""

from __future__ import annotations

import re

import pytest

from engine.learn.__main__ import main
from engine.learn.course import course
from engine.learn.desk import Desk
from engine.learn.judging import Slip
from engine.learn.meaning import CELL, NAMES


C = course()
RECURSIVE = """order, seen = [], set()
def visit(n):
    if n not in seen:
        seen.add(n)
        for p in n.args:
            if isinstance(p, Value):
                visit(p)
        order.append(n)
visit(root)
return order"""
OVERWRITE = """for n in reversed(order):
    for p, slope in zip(n.args, n.partials):
        if isinstance(p, Value):
            p.grad = slope * n.grad"""


def report(tmp_path, texts):
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    done, told = Desk(tmp_path / "my_engine.py", seconds=3.0).report()
    assert len(told.splitlines()) <= 14
    assert max(map(len, told.splitlines())) <= 78
    assert not done
    return " ".join(told.split())


def one(tmp_path, key, text, lesson=None):
    b = C.blanks[key]
    volume = next(v for v in C.volumes if b in v.blanks)
    return report(tmp_path, C.texts(Slip(key, volume.solution(b), text, ""), b.lesson if lesson is None else lesson))


@pytest.mark.parametrize(("key", "text", "says"), [
    ("ready", '"1"', "yours ready = 1 (a text in quotes, not a number)"),
    ("ready", "True", "yours ready = True file"),
    ("row add, y", '"a + b"', CELL),
    ("row add, y", "lambda a, b: a + b", CELL),
    ("row add, y", "a.data + b.data", CELL),
    ("row add, y", "sum(a, b)", CELL),
    ("row add, dy/da", "out.grad", NAMES),
    ("row add, y", "a b", "my_engine.py:34 SyntaxError"),
    ("record", "n.op = op\nn.args = [args]", "yours y.args = [(a, b)]"),
    ("record", "n.op = op\nn.args = set(args)", "yours y.args = {a, b}"),
    ("topological", "return [root]", "nodes in topological(c) = 1"),
    ("topological", "found = [root]", "a function without `return` gives None"),
    ("topological", "return 1 / 0", "ZeroDivisionError"),
    ("Value.backward", OVERWRITE.replace("p.grad = ", "p.grad += ").replace("        if isinstance(p, Value):\n    ", ""), "ask isinstance(p, Value)"),
    ("row mul, dy/da", "b + a", "yours/expected = 0.333333; nearest factors: 1/2"),
    ("row sub, dy/da", "a - 4", "yours/expected = -2.000000; nearest factors"),
    ("row log, dy/da", "-1 / a", "yours/expected = -1.000000; only the sign differs"),
    ("row log, dy/da", "y / a", "yours/expected = 1.386294; that is y: a factor too many, or one missing"),
    ("row sigmoid, y", "exp(a) / (1 + exp(a))", "write it so that exp gets -|a|"),
    ("net", "s = w[0] * x[0]", "yours net(w, x) = None cause the function ends without `return`"),
    ("net", "return sum(w_i * x_i for w_i, x_i in zip(w, x)) + b", "a bias is None where a unit has none"),
    ("row sse, E", "(t - o) * (t - o)", "total(...) makes a sum of it"),
    ("row sse, E", "sum((t - o) ** 2)", "my_nn.py:26 TypeError: 'Formula' object is not iterable"),
    ("dE/dw_o1,h1", "1 / 0", "ZeroDivisionError: division by zero dw_o1_h1 = 1 / 0 mend that line"),
    ("dE/dw_o1,h1", "-0.1921", "nearly. Give six digits, or write the product"),
    ("sgd_step", "for p in weights:\n    p = p - eta * p.grad", "the new number belongs in p.data"),
    ("added", "return [o_j + into[0] for o_j in o] if len(o) == len(into) else o", "each has its own"),
])  # fmt: skip
def test_a_mistake_that_no_one_foresaw_is_told_so_that_it_can_be_mended(key, text, says, tmp_path):
    assert says in one(tmp_path, key, text)


def test_a_right_order_in_another_way_hides_no_cause(tmp_path):
    """The slip is found in the learner's own file: with his order of nodes an overwritten path gives another number."""
    texts = C.texts(Slip("topological", solution("topological"), RECURSIVE, ""), 3)
    shipped = solution("Value.backward")
    texts["my_engine.py"] = texts["my_engine.py"].replace(indented(shipped), indented(OVERWRITE))
    assert "p.grad = slope" in texts["my_engine.py"]
    told = report(tmp_path, texts)
    assert "one path was overwritten: .grad needs += , not =" in told
    assert re.search(r"file my_engine\.py:\d+ Value\.backward", told)


def test_the_place_is_the_blank_that_would_mend_it(tmp_path):
    """The check is about the row, the mistake stands in record."""
    assert re.search(r"file my_engine\.py:\d+ record", one(tmp_path, "record", "op = n.op\nargs = n.args"))


def test_the_first_todo_is_the_uppermost_blank(tmp_path):
    told = report(tmp_path, C.texts(lesson=2) | {"my_engine.py": half()})
    assert "TODO my_engine.py" in told
    assert "Value.backward, start" in told


def half():
    """Lesson 3 with its last blank filled and the two before it empty."""
    v = C.volumes[0]
    return v.text({b.key for b in v.blanks if b.lesson <= 2} | {"topological"})


def solution(key):
    b = C.blanks[key]
    return next(v for v in C.volumes if b in v.blanks).solution(b)


def indented(text):
    return "\n".join("        " + line for line in text.splitlines())


def test_what_the_commands_print_fits_a_terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    main(["start"])
    for ask in ([], ["map"], ["hint"], ["hint", "2"], ["hint", "3"], ["show"], ["show", "--give-up"], ["reset", "3"], ["start"], ["reset", "77"]):
        main(ask)
    (tmp_path / "my_engine.py").write_text("x = 1\n", encoding="utf-8")
    main(["reset", "0"])
    printed = "".join(capsys.readouterr())
    assert max(map(len, printed.splitlines())) <= 78
    assert "ready = ___" in printed


def test_every_hint_but_the_shipped_line_fits_a_terminal(tmp_path):
    for lesson in range(-1, 13):
        for name, text in C.texts(lesson=lesson).items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        d = Desk(tmp_path / "my_engine.py")
        assert max(map(len, (d.hint(1) + "\n" + d.hint(2)).splitlines())) <= 78
