"""Expressions as text, read by a small grammar of their own: numbers, names, operators and the engine's functions.

    >>> x = Value(2.0, "x")
    >>> parse("where(x > 0, x**2, -x) / 4", {"x": x}).data
    1.0

Nothing is evaluated that the grammar does not name: no attributes, no subscripts, no calls of anything else.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from engine import functions
from engine.errors import short
from engine.value import Value


OPERATORS: dict[type[ast.AST], Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
NAMES = ["exp", "expm1", "log", "log1p", "sqrt", "hypot", "sin", "cos", "tanh", "sigmoid", "softplus"]
NAMES += ["relu", "leaky_relu", "absolute", "maximum", "minimum", "where"]
FUNCTIONS: dict[str, Any] = {name: getattr(functions, name) for name in NAMES}
FUNCTIONS |= {"abs": functions.absolute, "max": functions.maximum, "min": functions.minimum}
PRODUCT = re.compile(r"[\d.)][A-Za-z_]|[\w.)]\s+[\w.(]")  # 2x, (x)y, x y: factors with nothing between
TOO_DEEP = "it is too long or nested too deeply for one expression; build it from Values in Python"


class ExpressionError(ValueError):
    """The text is not an expression of the grammar; the message shows where."""


def parse(text: str, names: Mapping[str, Value]) -> Value:
    """The expression in `text` as a recorded graph over the Values `names`.

    Raises ExpressionError for anything but numbers, these names, + - * / **, comparisons, brackets and
    the engine's functions; MathError where the expression has no value.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, RecursionError | MemoryError):
            raise ExpressionError(f"cannot read {short(text)}: {TOO_DEEP}") from None
        hint = "; a product is written with *, as in 2*x" if PRODUCT.search(text) else ""
        raise ExpressionError(f"cannot read {short(text)}: {getattr(error, 'msg', error)}{hint}") from None
    try:
        result = _read(tree.body, text.strip(), names)
    except RecursionError:
        raise ExpressionError(f"cannot read {short(text)}: {TOO_DEEP}") from None
    return result if isinstance(result, Value) else Value(result)


def _read(node: ast.expr, text: str, names: Mapping[str, Value]) -> Any:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            try:
                return float(number)
            except OverflowError:
                raise _refused(node, text, "is too large for a float") from None
        case ast.Name(id=name):
            if name in names:
                return names[name]
            if name in FUNCTIONS:
                raise _refused(node, text, f"is a function: write {name}(...) with its arguments")
            known = [*names, *FUNCTIONS]
            guess = "".join(f"; did you mean {near!r}?" for near in get_close_matches(name, known, 1))
            raise _refused(node, text, f"has no value: write {name}=0.5, say, after the expression{guess}")
        case ast.BinOp(op=ast.BitXor()):
            raise _refused(node, text, "has no place here: write ** for powers, x**2")
        case ast.UnaryOp(op=op, operand=operand) if type(op) in OPERATORS:
            return OPERATORS[type(op)](_read(operand, text, names))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return _apply(OPERATORS[type(op)], [_read(left, text, names), _read(right, text, names)])
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in OPERATORS:
            return _apply(OPERATORS[type(op)], [_read(left, text, names), _read(right, text, names)])
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return functions.where(*(_read(part, text, names) for part in (test, body, orelse)))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            if name not in FUNCTIONS:
                raise _refused(node.func, text, f"is not a function here; there are {', '.join(FUNCTIONS)}")
            try:
                return FUNCTIONS[name](*(_read(part, text, names) for part in args))
            except TypeError as error:
                raise _refused(node, text, f"cannot be called so: {error}") from None
    raise _refused(node, text, "has no place in an expression of numbers, names, + - * / ** and functions")


def _apply(f: Any, args: list[Any]) -> Any:
    """An operator of numbers alone records nothing, and still raises as the engine does."""
    if any(isinstance(p, Value) for p in args):
        return f(*args)
    return f(Value(args[0]), args[1]).data


def _refused(node: ast.expr, text: str, why: str) -> ExpressionError:
    return ExpressionError(f"in {text!r}: {ast.get_source_segment(text, node) or text!r} {why}")
