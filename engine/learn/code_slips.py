"""Slips in my_engine.py: each a change of what the shipped source says in one blank, with the sentence that names it.

They are not the mistakes of `engine.learn.mistakes`: a slip is a piece of code, which is run, and its result is
whatever comes of it (a wrong order, an exception, a number); a mistake is a change of some factors of a chain
rule that is already recorded, made at any weight of any graph, where there is no code to change.
"""

from __future__ import annotations

from engine.learn.judging import Slip


LOOP = "p.grad += slope * n.grad"
SORTED = "return sorted(found, key=lambda n: n.born)  # a node is born after its arguments"
SEEN = "if isinstance(p, Value) and p not in seen:"

SLIPS = (
    Slip("ready", "1", "2", "it says 2; lesson 0 asks for 1"),
    # ---- values and the record
    Slip("row add, y", "a + b", "a - b", "the row takes the difference"),
    Slip("row add, y", "a + b", "a * b", "the row add multiplies"),
    Slip("row mul, y", "a * b", "a + b", "the row mul adds"),
    Slip("row mul, y", "a * b", "a / b", "the row mul divides"),
    Slip("record", "n.op = op", "n.op = None", "n.op is not set to the row"),
    Slip("record", "n.op = op", "n.op = op.name", "n.op is the name of the row, not the row: explanations read its formulas"),
    Slip("record", "n.args = args", "n.args = args[::-1]", "the arguments are kept in the wrong order"),
    Slip("record", "n.args = args", "n.args = tuple(sorted(args, key=lambda p: p.data if isinstance(p, Value) else p))",
         "the arguments were sorted: keep the order they came in"),
    Slip("record", "n.args = args", "n.args = tuple(dict.fromkeys(args))",
         "a repeated argument is kept once, as in a set: a*a has two edges", "karpathy/micrograd: children in a set, x*x has one edge"),
    Slip("record", "n.args = args", "n.args = tuple(p for p in args if isinstance(p, Value))",
         "numbers are left out of the record: the graph can no longer be computed again"),
    Slip("record", "n.args = args", "n.args = args[:1]", "only the first argument is kept"),
    Slip("record", "n.args = args", "n.args = groups", "the arguments are still in their groups: args has them side by side"),
    Slip("record", "n.args = args", "n.args = ()", "n.args is not set"),
    # ---- local derivatives
    Slip("row add, dy/da", "1", "a", "d(a + b)/da is 1, whatever a is; a is the term itself"),
    Slip("row add, dy/da", "1", "b", "d(a + b)/da is 1; that the other factor stays is the rule of products"),
    Slip("row add, dy/da", "1", "0", "a is no constant here: when it grows, the sum grows"),
    Slip("row add, dy/db", "1", "b", "d(a + b)/db is 1, whatever b is; b is the term itself"),
    Slip("row add, dy/db", "1", "a", "d(a + b)/db is 1; that the other factor stays is the rule of products"),
    Slip("row add, dy/db", "1", "-1", "the sign: that is the rule of a - b"),
    Slip("row mul, dy/da", "b", "a", "that is the factor itself; d(a b)/da is the other one, b"),
    Slip("row mul, dy/da", "b", "1", "that is the rule of sums: in a product the other factor stays"),
    Slip("row mul, dy/da", "b", "-b", "the sign is turned"),
    Slip("row mul, dy/da", "b", "-3", "a number is typed in: write the symbol b, so that the rule holds anywhere"),
    Slip("row mul, dy/da", "b", "y", "y is the product itself; d(a b)/da is y/a = b"),
    Slip("row mul, dy/db", "a", "b", "that is the factor itself; d(a b)/db is the other one, a"),
    Slip("row mul, dy/db", "a", "1", "that is the rule of sums: in a product the other factor stays"),
    Slip("row mul, dy/db", "a", "2", "a number is typed in: write the symbol a, so that the rule holds anywhere"),
    Slip("row mul, dy/db", "a", "y", "y is the product itself; d(a b)/db is y/b = a"),
    # ---- the chain rule
    Slip("Value.backward", LOOP, "p.grad = slope * n.grad", "one path was overwritten: .grad needs += , not =",
         "nn-zero-to-hero#52; ARENA_2.0 PR #18, ARENA_3.0 #127: passes their tests"),
    Slip("Value.backward", LOOP, 'p.grad = slope * n.grad + (0.0 if n.op.name == "mul" and p is n.args[1] else p.grad)',
         "one path was overwritten, where b is the right factor: += , not = , for every operand"),
    Slip("Value.backward", LOOP, 'p.grad = slope * n.grad + (0.0 if n.op.name == "mul" and p is n.args[0] else p.grad)',
         "one path was overwritten, where b is the left factor: += , not = , for every operand"),
    Slip("Value.backward", LOOP, 'p.grad = slope * n.grad + (0.0 if n.op.name == "add" else p.grad)',
         "one path was overwritten, where b is a term of a sum: += , not = , for every row",
         "nn-zero-to-hero: `=` in __add__ alone shows only in one order"),
    Slip("Value.backward", LOOP, "p.grad += slope",
         "the first factor is missing: the local derivative was not multiplied by what arrives from above, n.grad",
         "needle hw1: every upstream gradient in its tests is 1, so it survives"),
    Slip("Value.backward", LOOP, "p.grad += n.grad", "the last factor is missing: n.grad was handed on without its slope"),
    Slip("Value.backward", LOOP, "p.grad -= slope * n.grad", "each use adds its part; yours are taken away"),
    Slip("Value.backward", LOOP, "p.grad += slope + n.grad", "along an edge the factors multiply (LEC-5); yours are added"),
    Slip("Value.backward", LOOP, "p.grad += slope * self.grad",
         "what arrives from above is n.grad, that of the user; yours is the gradient of the root"),
    Slip("Value.backward", LOOP, "p.grad += slope * n.data", "what arrives from above is n.grad; yours is n.data, the number"),
    Slip("Value.backward", LOOP, "p.grad += slope * p.grad", "what arrives from above is n.grad, not p.grad"),
    Slip("Value.backward", "reversed(order)", "order", "the walk goes from the leaves up, so only the root's own arguments get anything: users come first",
         "karpathy/micrograd#21, #64, #68, #91"),
    Slip("Value.backward, start", "self.grad = seed", "self.grad = 1.0", "the root starts with 1, whatever seed is asked for"),
    Slip("Value.backward, start", "self.grad = seed", "self.grad = self.data", "dE/dE is 1 and not E itself: the root starts with seed"),
    Slip("Value.backward, start", "self.grad = seed", "self.grad += seed - 0.5", "the root starts with seed, no less"),
    Slip("Value.backward, start", "n.grad = 0.0", "n.grad = n.grad or 0.0",
         "what a first pass left was not cleared: the second adds to it",
         "karpathy/micrograd#53, #54, #102: backward() is not idempotent"),
    Slip("Value.backward, start", "n.grad = 0.0", "n.grad = 0.0 if not n.args else n.grad or 0.0",
         "only the leaves were cleared: a first pass is still in the nodes between",
         "karpathy/micrograd#63, nn-zero-to-hero#30: zero_grad clears leaves only"),
    Slip("topological", SORTED, "return found", "the list starts with the root: arguments come before what is made from them",
         "karpathy/micrograd#2, #64: 'subtle but this doesn't actually work'"),
    Slip("topological", SORTED, "return found[::-1]", "the order is that of finding, turned: an argument can stand behind its user",
         "karpathy/micrograd#2, #96"),
    Slip("topological", SEEN, "if isinstance(p, Value):", "a node is listed once for each path that leads to it: remember what was seen",
         "SmallPebble smallpebble.py:77: b = b + b costs 2**depth"),
    Slip("topological", SEEN, "if isinstance(p, Value) and (p not in seen or not p.args):", "a leaf is listed once for each of its uses"),
    Slip("topological", SEEN, "if isinstance(p, Value) and p not in seen and p.args:", "the leaves are left out"),
    Slip("topological", SEEN, "if isinstance(p, Value) and p not in n.args[1:] and p not in seen:", "a node that is used twice by one user is left out"),
    Slip("topological", """found, seen = [root], {root}
for n in found:  # the list grows while it is walked
    for p in n.args:
        if isinstance(p, Value) and p not in seen:
            seen.add(p)
            found.append(p)
""" + SORTED, """found, seen = [], set()
def visit(n):
    if isinstance(n, Value) and n not in seen:
        seen.add(n)
        for p in n.args:
            visit(p)
        found.append(n)
visit(root)
return found""", "the walk calls itself once a node, and Python allows a thousand or so: use a loop",
         "karpathy/micrograd PR #90: RecursionError; tinygrad#9979"),
    # ---- the rest of algebra
    Slip("row sub, dy/da", "1", "-1", "the sign: a stands before the minus"),
    Slip("row sub, dy/da", "1", "a", "d(a - b)/da is 1, whatever a is"),
    Slip("row sub, dy/db", "-1", "1", "the minus before b is lost"),
    Slip("row sub, dy/db", "-1", "-b", "d(a - b)/db is -1, whatever b is"),
    Slip("row neg, dy/da", "-1", "1", "the minus is lost"),
    Slip("row neg, dy/da", "-1", "-a", "d(-a)/da is -1, whatever a is"),
    Slip("row div, dy/da", "1 / b", "b", "that is the rule of a*b: a/b is a times 1/b"),
    Slip("row div, dy/da", "1 / b", "-1 / b", "the sign: a/b grows with a if b is positive"),
    Slip("row div, dy/da", "1 / b", "1", "the divisor is missing"),
    Slip("row div, dy/da", "1 / b", "1 / a", "that divides by a; d(a/b)/da is 1/b"),
    Slip("row div, dy/db", "-y / b", "y / b", "the minus is missing: with a larger b the quotient is smaller"),
    Slip("row div, dy/db", "-y / b", "-1 / (b * b)", "the numerator a is missing: d(a/b)/db = -a/b**2"),
    Slip("row div, dy/db", "-y / b", "-y", "b comes down once more: d(a/b)/db = -y/b"),
    Slip("row div, dy/db", "-y / b", "1 / a", "that is neither b's nor the right rule: d(a/b)/db = -a/b**2"),
    Slip("row pow, dy/da", "b * a ** (b - 1)", "a ** (b - 1)", "the exponent has not come down"),
    Slip("row pow, dy/da", "b * a ** (b - 1)", "b * a ** b", "the exponent is not one less afterwards"),
    Slip("row pow, dy/da", "b * a ** (b - 1)", "(b - 1) * a ** (b - 1)", "the whole exponent comes down, not one less"),
    Slip("row pow, dy/da", "b * a ** (b - 1)", "b * a", "the power is missing: b a**(b - 1)",
         "minitorch, needle: power is only tested at exponent 0"),
    Slip("row pow, dy/da", "b * a ** (b - 1)", "absolute(b) * a ** (b - 1)", "the exponent comes down with its sign"),
    Slip("row pow, dy/da", "b * a ** (b - 1)", "b * a ** 2", "the exponent 2 is typed in: b - 1, so that it holds for any power"),
    Slip("row pow, dy/da", "b * a ** (b - 1)", "b * a ** -2", "the exponent -2 is typed in: b - 1, so that it holds for any power"),
    Slip("row pow, dy/da", "where(b.equals(0), where(a.equals(0), 0, s), s)", "s", "at a = 0 a**0 asks for 0 times 1/0: say 0 there, with where(...)"),
    Slip("row pow, dy/da", "b * a ** (b - 1)", "b * absolute(a) ** (b - 1)", "a below 0 keeps its sign: b a**(b - 1)"),
    Slip("row exp, dy/da", "y", "a", "that is the exponent; exp is its own slope, y"),
    Slip("row exp, dy/da", "y", "1", "the slope is missing: exp is its own slope, y"),
    Slip("row exp, dy/da", "y", "a * y / exp(1)", "that is the rule of powers; the exponent is what moves here"),
    Slip("row exp, dy/da", "y", "-y", "the sign is turned", "minitorch Module-1: passes its tests"),
    Slip("row exp, dy/da", "y", "0", "exp is no constant", "minitorch Module-1: passes its tests"),
    Slip("row log, dy/da", "1 / a", "a", "that is upside down: 1/a"),
    Slip("row log, dy/da", "1 / a", "y", "that is the rule of exp; log is steep where a is small: 1/a"),
    Slip("row log, dy/da", "1 / a", "1 / y", "1/y divides by the result; d(ln a)/da = 1/a"),
    Slip("row log, dy/da", "1 / a", "1 / (a + 1e-10)", "1e-10 was added, as against a division by zero: every slope is a little wrong",
         "public copies of micrograd: log(self.data + 1e-10)"),
    # ---- sigmoid and tanh
    Slip("row sigmoid, y", "where(a >= 0, 1, e) / (1 + e)", "1 / (1 + exp(-a))", "exp(-a) overflows for a below -709",
         "karpathy/micrograd PR #29, #74, #119"),
    Slip("row sigmoid, y", "where(a >= 0, 1, e) / (1 + e)", "1 / (1 + e)", "for a < 0 the numerator is e, not 1"),
    Slip("row sigmoid, y", "where(a >= 0, 1, e) / (1 + e)", "1 / (1 + exp(a))", "the sign of the exponent: 1/(1 + exp(-a))"),
    Slip("row sigmoid, y", "where(a >= 0, 1, e) / (1 + e)", "where(a >= 0, 1 / (1 + e), 1 - 1 / (1 + e))",
         "1 - 1/(1 + e) loses every digit far out: write e/(1 + e)"),
    Slip("row sigmoid, y", "where(a >= 0, 1, e) / (1 + e)", "tanh(a)", "that is tanh, which lies between -1 and 1"),
    Slip("row sigmoid, dy/da", "y * sigmoid(-a)", "y", "the factor 1 - y is missing"),
    Slip("row sigmoid, dy/da", "y * sigmoid(-a)", "1 - y", "the factor y is missing"),
    Slip("row sigmoid, dy/da", "y * sigmoid(-a)", "1 - y * y", "that is the rule of tanh; here y(1 - y)"),
    Slip("row sigmoid, dy/da", "y * sigmoid(-a)", "y * (1 + y)", "the sign in the bracket: y(1 - y)"),
    Slip("row sigmoid, dy/da", "y * sigmoid(-a)", "a * (1 - a)", "y is the output; yours has the net where its output belongs"),
    Slip("row sigmoid, dy/da", "y * sigmoid(-a)", "sigmoid(y) * (1 - sigmoid(y))", "the sigmoid was taken twice: y is the output already"),
    Slip("row sigmoid, dy/da", "y * sigmoid(-a)", "-y * sigmoid(-a)", "the sign is turned: the sigmoid always climbs"),
    Slip("row sigmoid, dy/da", "y * sigmoid(-a)", "0.1875", "a number is typed in: write it with y"),
    Slip("row tanh, dy/da", "4 * sigmoid(2 * a) * sigmoid(-(2 * a))", "1 - y", "the square is missing: 1 - y**2"),
    Slip("row tanh, dy/da", "4 * sigmoid(2 * a) * sigmoid(-(2 * a))", "1 + y * y", "the sign: 1 - y**2"),
    Slip("row tanh, dy/da", "4 * sigmoid(2 * a) * sigmoid(-(2 * a))", "y * y - 1", "the sign is turned: SX-6 carries its minus outside"),
    Slip("row tanh, dy/da", "4 * sigmoid(2 * a) * sigmoid(-(2 * a))", "y * (1 - y)", "that is the rule of the sigmoid; here 1 - y**2"),
    Slip("row tanh, dy/da", "4 * sigmoid(2 * a) * sigmoid(-(2 * a))", "1 - a * a", "y is the output; yours has the net where its output belongs"),
    Slip("row tanh, dy/da", "4 * sigmoid(2 * a) * sigmoid(-(2 * a))", "0.64", "a number is typed in: write it with y"),
    # ---- a numerical slope
    Slip("numeric_grad, h", "1e-6 * max(1.0, abs(x))", "1e-6", "the step does not grow with x: at 1e6 it drowns in rounding"),
    Slip("numeric_grad, h", "1e-6 * max(1.0, abs(x))", "1e-6 * abs(x)", "at x = 0 the step is 0"),
    Slip("numeric_grad, h", "1e-6 * max(1.0, abs(x))", "1e-12 * max(1.0, abs(x))", "the step is too small: rounding eats the difference"),
    Slip("numeric_grad, h", "1e-6 * max(1.0, abs(x))", "0.1 * max(1.0, abs(x))", "the step is too large: the curve bends within it"),
    Slip("numeric_grad", "return (right + left) / 2", "return right", "that is the slope to the right alone: it is off by h f''/2"),
    Slip("numeric_grad", "return (right + left) / 2", "return left", "that is the slope to the left alone: it is off by h f''/2"),
    Slip("numeric_grad", "return (right + left) / 2", "return right + left", "the sum of two slopes: take their mean"),
    Slip("numeric_grad", "abs(right - left) > 0.1", "False and 0.1 > 0.1", "a kink is not told: at |x| = 0 the mean 0 is no slope"),
    Slip("numeric_grad", "0.1 * max(1.0, abs(right), abs(left))", "0.1 * max(abs(right), abs(left))",
         "a smooth minimum is taken for a kink: near 0 both slopes are tiny and differ by their own size"),
)  # fmt: skip
