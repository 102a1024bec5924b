"""What Python's words for a failure mean here, where no slip explains it."""

from __future__ import annotations


CELL = "a cell is a formula of the symbols, such as a + b: no quotes, no .data, no function of your own; total(...) sums over outputs"
NAMES = "a row knows its symbols and the functions above it, no more; what arrives from above is multiplied in by Value.backward"
MEANINGS = (  # kind, parts of what it says, what it means
    (TypeError, "unsupported operand ... NoneType", "one side is None: a grad is None before the backward pass, a bias is None where a unit has none"),
    (TypeError, "NoneType", "None came where a list or number was wanted: a function without `return` gives None, and so does random.shuffle"),
    (TypeError, "can't multiply sequence", "one of the two is a list: go through it with `for`, or through two with zip"),
    (TypeError, "not 'list'", "that is a list, one number for each output: total(...) makes a sum of it"),
    (AttributeError, "'float' object has no attribute", "an argument can be a plain number, which has no grad and no args: ask isinstance(p, Value)"),
    (AttributeError, "'list' object has no attribute", "that is a list: go through it with `for`"),
    (OverflowError, "math range error", "exp of a number above 709 is too large for a float: write it so that exp gets -|a|"),
)
IN_A_ROW = (
    (NameError, "", NAMES),
    (ValueError, "could not convert string", CELL),
    (TypeError, "float() argument", CELL),
    (TypeError, "Formula", CELL),
    (AttributeError, "Formula", CELL),
)


def meaning(error: BaseException | None, value: object = None, row: bool = False) -> str:
    """The sentence for an exception, in a row of the table or elsewhere, or for a `value` that is None; "" if there is none.

    >>> meaning(AttributeError("'float' object has no attribute 'grad'"))
    'an argument can be a plain number, which has no grad and no args: ask isinstance(p, Value)'
    """
    if error is None:
        return "the function ends without `return`" if value == "None" else ""
    for kind, part, says in (*IN_A_ROW * row, *MEANINGS):
        if isinstance(error, kind) and all(word in str(error) for word in part.split(" ... ")):
            return says
    return ""
