"""A learner's answer as a number: from a number, a fraction, a formula as text, or a function.

A formula is arithmetic with exp, log, sqrt, tanh, sigmoid and the names of nodes; nothing else is run.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any, NamedTuple


LONGEST = 500  # characters of a formula
SIGNS = str.maketrans({"−": "-", "–": "-", "×": "*", "·": "*", "÷": "/", "^": "**"})
BINARY: dict[type, Callable[[float, float], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}
FUNCTIONS: dict[str, Callable[[float], float]] = {
    "exp": math.exp,
    "log": math.log,
    "ln": math.log,
    "sqrt": math.sqrt,
    "tanh": math.tanh,
    "sigmoid": lambda z: 0.5 * (1 + math.tanh(z / 2)),
}


class Answer(NamedTuple):
    """The number that was meant, and how far a number may be off that was rounded as this one is."""

    value: float
    rounding: float


def read(answer: object, at: float, names: Mapping[str, float]) -> Answer:
    """The answer as a number; a function is called with `at`, the node's number.

    Raises ValueError for text that is no formula, for NaN and infinities, TypeError for other things.

    >>> read("-2*(1 - 0.2)", 0.0, {}).value, read("1/3", 0.0, {}).value
    (-1.6, 0.3333333333333333)
    """
    if isinstance(answer, str):
        value, rounding = formula(answer, names), last_digit(answer)
    elif callable(answer):
        try:
            result = answer(at)
        except Exception as e:  # the learner's own code may raise anything
            raise ValueError(f"your function raised {type(e).__name__}: {e}; it is called as f({at:g})") from e
        if callable(result) or isinstance(result, str):
            raise TypeError(f"your function returned {result!r:.60}; it must return a number")
        return read(result, at, names)
    elif isinstance(answer, Real) and not isinstance(answer, bool):
        try:
            value = float(answer)
        except OverflowError:
            raise ValueError("the answer is too large for a float") from None
        rounding = last_digit(repr(value))
    else:
        raise TypeError(f"an answer is a number, a fraction, a formula as text or a function, not {answer!r:.60}")
    if not math.isfinite(value):
        raise ValueError(f"the answer is {value}: a derivative here is a finite number")
    return Answer(value, rounding)


def last_digit(text: str) -> float:
    """Half of the last digit of a decimal number; 0 for whole numbers and for formulas."""
    whole, dot, digits = text.strip().lower().partition(".")
    if not dot or not digits.isdecimal() or not whole.lstrip("+-−").isdecimal():
        return 0.0
    return 0.5 * 10.0 ** -len(digits)


def formula(text: str, names: Mapping[str, float]) -> float:
    """The number of a formula. Raises ValueError that says what cannot be read."""
    if len(text) > LONGEST:
        raise ValueError(f"the formula has {len(text)} characters; {LONGEST} are the most")
    try:
        return float(number(ast.parse(text.strip().translate(SIGNS), mode="eval").body, names))
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError(f"{text.strip()!r:.60} is not a formula; write for example -2*(1 - 0.2)*0.16*0.75") from None
    except (ArithmeticError, TypeError) as e:
        raise ValueError(f"{text.strip()!r:.60} has no value: {e}") from None


def number(n: ast.expr, names: Mapping[str, float]) -> float:
    """The number of a piece of a formula."""
    if isinstance(n, ast.Constant) and type(n.value) in (int, float):
        return float(n.value)  # type: ignore[arg-type]
    if isinstance(n, ast.UnaryOp) and isinstance(n.op, (ast.USub, ast.UAdd)):
        v = number(n.operand, names)
        return -v if isinstance(n.op, ast.USub) else v
    if isinstance(n, ast.BinOp) and type(n.op) in BINARY:
        result = BINARY[type(n.op)](number(n.left, names), number(n.right, names))
        return float(result)
    if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and len(n.args) == 1 and not n.keywords:
        if n.func.id in FUNCTIONS:
            return FUNCTIONS[n.func.id](number(n.args[0], names))
        raise ValueError(f"there is no function {n.func.id!r} here; there are {', '.join(FUNCTIONS)}")
    if isinstance(n, ast.Name):
        if n.id in names:
            return names[n.id]
        raise ValueError(f"there is no {n.id!r} in the graph; use numbers, or names of its nodes")
    raise ValueError(f"{ast.unparse(n)!r:.60} cannot stand in a formula; use numbers, + - * / ** and functions")
