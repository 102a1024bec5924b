"""Random straight-line programs, and rules for them written by hand: nothing of the engine's table is in it.

A program is a list of instructions over its inputs and earlier results. `Dual` runs it in forward
mode. Programs keep to |v| < 1e3, 0.2 away from poles and 0.05 away from kinks, so that every
derivative is a plain number.
"""

import math

import autograd.numpy as anp

import engine
from engine import Value, dot
from engine.functions import function


LIMIT, POLE, KINK = 1e3, 0.2, 0.05


# ---- the twin


class Dual:
    """A number, its derivative by every input, and the same with all signs taken as plus, which measures rounding."""

    def __init__(self, x, d, size):
        self.x, self.d, self.size = x, d, size

    @staticmethod
    def of(x, terms):
        """The number x that changes by the sum of slope times the change of each operand."""
        n = max(len(p.d) for _, p in terms)
        d = [sum(s * p.d[k] for s, p in terms if p.d) for k in range(n)]
        size = [sum(abs(s) * p.size[k] for s, p in terms if p.d) for k in range(n)]
        return Dual(x, d, size)


def rule(slopes):
    """An instruction of the twin from a function that gives the value and the slope by each operand."""

    def run(*ps):
        ps = [p if isinstance(p, Dual) else Dual(p, [], []) for p in ps]
        x, *ds = slopes(*(p.x for p in ps))
        return Dual.of(x, list(zip(ds, ps, strict=True)))

    return run


def logistic(p):
    return 1 / (1 + math.exp(-p))


def softmax_first(*xs):
    es = [math.exp(x) for x in xs]
    s = [e / sum(es) for e in es]
    return s[0], s[0] * (1 - s[0]), *(-s[0] * q for q in s[1:])


TWIN = {
    "add": rule(lambda p, q: (p + q, 1, 1)),
    "sub": rule(lambda p, q: (p - q, 1, -1)),
    "mul": rule(lambda p, q: (p * q, q, p)),
    "div": rule(lambda p, q: (p / q, 1 / q, -p / q**2)),
    "pow": rule(lambda p, q: (p**q, q * p ** (q - 1), p**q * math.log(p))),
    "square": rule(lambda p: (p**2, 2 * p)),
    "cube": rule(lambda p: (p**3, 3 * p**2)),
    "neg": rule(lambda p: (-p, -1)),
    "exp": rule(lambda p: (math.exp(p), math.exp(p))),
    "expm1": rule(lambda p: (math.exp(p) - 1, math.exp(p))),
    "log": rule(lambda p: (math.log(p), 1 / p)),
    "log1p": rule(lambda p: (math.log(1 + p), 1 / (1 + p))),
    "sqrt": rule(lambda p: (math.sqrt(p), 0.5 / math.sqrt(p))),
    "sin": rule(lambda p: (math.sin(p), math.cos(p))),
    "cos": rule(lambda p: (math.cos(p), -math.sin(p))),
    "tanh": rule(lambda p: (math.tanh(p), 1 / math.cosh(p) ** 2)),
    "sigmoid": rule(lambda p: (logistic(p), logistic(p) * logistic(-p))),
    "softplus": rule(lambda p: (math.log1p(math.exp(p)), logistic(p))),
    "relu": rule(lambda p: (max(p, 0.0), float(p > 0))),
    "leaky_relu": rule(lambda p, q: (p, 1, 0) if p > 0 else (q * p, q, p)),
    "absolute": rule(lambda p: (abs(p), math.copysign(1, p))),
    "maximum": rule(lambda p, q: (p, 1, 0) if p > q else (q, 0, 1)),
    "minimum": rule(lambda p, q: (p, 1, 0) if p < q else (q, 0, 1)),
    "less": rule(lambda p, q, r, s: (r, 0, 0, 1, 0) if p < q else (s, 0, 0, 0, 1)),
    "hypot": rule(lambda p, q: (math.hypot(p, q), p / math.hypot(p, q), q / math.hypot(p, q))),
    "dot2": rule(lambda p, q, r, s: (p * r + q * s, r, s, p, q)),
    "net2": rule(lambda p, q, r, s, t: (p * r + q * s + t, r, s, p, q, 1)),
    "logsumexp": rule(
        lambda *xs: (math.log(sum(map(math.exp, xs))), *(math.exp(x) / sum(map(math.exp, xs)) for x in xs))
    ),
    "softmax": rule(softmax_first),
}
ENGINE = {
    **{name: function(name) for name in TWIN if name in engine.ops.TABLE},
    "add": lambda p, q: p + q,
    "sub": lambda p, q: p - q,
    "mul": lambda p, q: p * q,
    "div": lambda p, q: p / q,
    "pow": lambda p, q: p**q,
    "square": lambda p: p**2,
    "cube": lambda p: p**3,
    "neg": lambda p: -p,
    "less": lambda p, q, r, s: engine.where(p < q, r, s),
    "dot2": lambda p, q, r, s: dot([p, q], [r, s]),
    "net2": lambda p, q, r, s, t: engine.affine([[p, q]], [r, s], [t])[0],
    "logsumexp": lambda *xs: engine.logsumexp(xs),
    "softmax": lambda *xs: engine.softmax(xs)[0],
}
HIPS = {
    **{
        name: getattr(anp, name)
        for name in ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tanh", "maximum", "minimum")
    },
    **{name: ENGINE[name] for name in ("add", "sub", "mul", "div", "pow", "square", "cube", "neg")},
    "sigmoid": lambda p: 1 / (1 + anp.exp(-p)),
    "softplus": lambda p: anp.log(1 + anp.exp(p)),
    "relu": lambda p: anp.maximum(p, 0.0),
    "leaky_relu": lambda p, q: anp.where(p > 0, p, q * p),
    "absolute": anp.abs,
    "less": lambda p, q, r, s: anp.where(p < q, r, s),
    "hypot": lambda p, q: anp.sqrt(p * p + q * q),
    "dot2": lambda p, q, r, s: anp.dot(anp.array([p, q]), anp.array([r, s])),
    "net2": lambda p, q, r, s, t: anp.dot(anp.array([p, q]), anp.array([r, s])) + t,
    "logsumexp": lambda *xs: anp.log(anp.sum(anp.exp(anp.array(xs)))),
    "softmax": lambda *xs: anp.exp(xs[0]) / anp.sum(anp.exp(anp.array(xs))),
}
NEAR = {  # whether operands are too close to a pole, a kink or the end of the floats
    "div": lambda p, q: abs(q) < POLE,
    "pow": lambda p, q: p < POLE or p > 20 or abs(q) > 3,
    "exp": lambda p: p > 6,
    "expm1": lambda p: p > 6,
    "log": lambda p: p < POLE,
    "log1p": lambda p: p < POLE - 1,
    "sqrt": lambda p: p < POLE,
    "tanh": lambda p: abs(p) > 15,
    "sigmoid": lambda p: abs(p) > 15,
    "softplus": lambda p: abs(p) > 15,
    "relu": lambda p: abs(p) < KINK,
    "leaky_relu": lambda p, q: abs(p) < KINK,
    "absolute": lambda p: abs(p) < KINK,
    "maximum": lambda p, q: abs(p - q) < KINK,
    "minimum": lambda p, q: abs(p - q) < KINK,
    "less": lambda p, q, r, s: abs(p - q) < KINK,
    "hypot": lambda p, q: math.hypot(p, q) < POLE,
    "logsumexp": lambda *xs: max(map(abs, xs)) > 6,
    "softmax": lambda *xs: max(map(abs, xs)) > 6,
}
ARITY = dict.fromkeys(("add", "sub", "mul", "div", "pow", "leaky_relu", "maximum", "minimum", "hypot"), 2)
ARITY |= {"less": 4, "dot2": 4, "net2": 5, "logsumexp": 3, "softmax": 3}


class Program:
    """Inputs, and instructions as (operation, operands): an int is an earlier number, a float a constant."""

    def __init__(self, inputs, instructions):
        self.inputs, self.instructions = inputs, instructions

    def __repr__(self):
        n = len(self.inputs)
        lines = (
            f"v{n + k} = {op}({', '.join(f'v{a}' if isinstance(a, int) else str(a) for a in args)})"
            for k, (op, args) in enumerate(self.instructions)
        )
        return f"inputs {self.inputs}; " + "; ".join(lines)

    def run(self, operations, inputs):
        """Every number of the program, inputs first; the last one is the result."""
        known = list(inputs)
        for op, args in self.instructions:
            known.append(operations[op](*(known[a] if isinstance(a, int) else a for a in args)))
        return known

    def recorded(self, inputs=None):
        leaves = [Value(x) for x in inputs or self.inputs]
        return leaves, self.run(ENGINE, leaves)[-1]


CONSTANTS = [0.5, -1.25, 2.0, 3.0, 0.1]


def duals(xs):
    """The inputs of a program as numbers of the twin, each with slope one by itself."""
    unit = lambda i: [float(k == i) for k in range(len(xs))]
    return [Dual(x, unit(i), unit(i)) for i, x in enumerate(xs)]


def following(known, op, args, steepest):
    """The result of one more instruction, or None where the country is not smooth enough."""
    numbers = [known[a].x if isinstance(a, int) else a for a in args]
    try:
        if op in NEAR and NEAR[op](*numbers):
            return None
        result = TWIN[op](*(known[a] if isinstance(a, int) else a for a in args))
    except (ArithmeticError, ValueError):
        return None
    return result if abs(result.x) < LIMIT and max(map(abs, result.size), default=0) < steepest else None


def random_program(r, longest=200, steepest=1e4):
    """A program of up to `longest` instructions from the random numbers of `r`."""
    inputs = [round(r.uniform(-2, 2), 3) for _ in range(r.randint(2, 5))]
    known, instructions = duals(inputs), []
    names, wanted = sorted(TWIN), r.randint(2, longest)
    for _ in range(4 * wanted):
        op = r.choice(names)
        args = [len(known) - 1]
        for _ in range(ARITY.get(op, 1) - 1):
            args.append(r.randrange(len(known)) if r.random() < 0.8 else r.choice(CONSTANTS))
        r.shuffle(args)
        result = following(known, op, args, steepest)
        if result is not None:
            known.append(result)
            instructions.append((op, args))
        if len(instructions) == wanted:
            break
    return Program(inputs, instructions)
