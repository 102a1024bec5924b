"""Five independent ways to the derivatives of a random program, each with its own bound of error.

    forward     dual numbers with rules written by hand (`programs.TWIN`)
    complex     Im f(x + ih) / h with h = 1e-30
    differences (f(x + h) - f(x - h)) / 2h in floats, h small enough to stay on one side of every kink
    digits      the same with h = 1e-30 in 90 digits: 50 of them are true
    hips        HIPS autograd

None of them reads the engine's table. What floats may lose is measured on the program itself: the
twin runs again with every result off by a random part in 1e9, and what that changes, scaled down to
one rounding, is how far two careful evaluations may lie apart.
"""

import cmath
import math
import random
import warnings

import autograd
import mpmath as mp
from programs import HIPS, KINK, TWIN, Dual, duals


EPS, STIR, RUNS, SAFETY = 2.0**-53, 1e-9, 3, 30
ORACLES = ["forward", "complex", "differences", "digits", "hips"]


def reading(lib, real=lambda p: p):
    """The instructions in the numbers of a library; a branch is chosen by the real part."""
    less = lambda p, q: real(p) < real(q)
    total = lambda xs: sum(xs[1:], xs[0])
    return {
        "add": lambda p, q: p + q,
        "sub": lambda p, q: p - q,
        "mul": lambda p, q: p * q,
        "div": lambda p, q: p / q,
        "pow": lambda p, q: lib.exp(q * lib.log(p)),
        "square": lambda p: p * p,
        "cube": lambda p: p * p * p,
        "neg": lambda p: -p,
        "exp": lib.exp,
        "expm1": lambda p: lib.exp(p) - 1,
        "log": lib.log,
        "log1p": lambda p: lib.log(1 + p),
        "sqrt": lib.sqrt,
        "sin": lib.sin,
        "cos": lib.cos,
        "tanh": lib.tanh,
        "sigmoid": lambda p: 1 / (1 + lib.exp(-p)),
        "softplus": lambda p: lib.log(1 + lib.exp(p)),
        "relu": lambda p: p if less(0, p) else 0 * p,
        "leaky_relu": lambda p, q: p if less(0, p) else q * p,
        "absolute": lambda p: p if less(0, p) else -p,
        "maximum": lambda p, q: p if less(q, p) else q,
        "minimum": lambda p, q: p if less(p, q) else q,
        "less": lambda p, q, r, s: r if less(p, q) else s,
        "hypot": lambda p, q: lib.sqrt(p * p + q * q),
        "dot2": lambda p, q, r, s: p * r + q * s,
        "net2": lambda p, q, r, s, t: p * r + q * s + t,
        "logsumexp": lambda *xs: lib.log(total([lib.exp(x) for x in xs])),
        "softmax": lambda *xs: lib.exp(xs[0]) / total([lib.exp(x) for x in xs]),
    }


FLOATS, COMPLEX, DIGITS = reading(math), reading(cmath, lambda z: z.real), reading(mp.mp)


class Trial:
    """A program with what the twin knows of it: slopes, their size, and how rounding shakes them."""

    def __init__(self, program, seed=0):
        self.program = program
        self.known = program.run(TWIN, duals(program.inputs))
        self.twin = self.known[-1]
        r = random.Random(seed)
        runs = [[self.stirred(r, floor) for _ in range(RUNS)] for floor in (0.0, 1.0)]
        self.careful, self.naive = (self.shaken(stirred) for stirred in runs)  # of the slopes
        self.value_noise = SAFETY * EPS * (
            1 + abs(self.twin.x) + max(abs(s.x - self.twin.x) for s in runs[1]) / STIR
        )

    def stirred(self, r, floor):
        """The twin with every result off by a part in 1e9 of itself.

        With a floor of one by that at least, and its slopes too: 1 - tanh(p)**2 loses as much where it is small.
        """

        def stir(rule):
            def run(*ps):
                y = rule(*ps)
                y.x += STIR * r.choice((-1, 1)) * max(abs(y.x), floor)
                if floor:
                    lost = STIR * r.choice((-1, 1)) * floor
                    y.d = [d + lost * sum(abs(p.d[k]) for p in ps if isinstance(p, Dual)) for k, d in enumerate(y.d)]
                return y

            return run

        return self.program.run({op: stir(rule) for op, rule in TWIN.items()}, duals(self.program.inputs))[-1]

    def shaken(self, runs):
        n = len(self.program.instructions)
        return [
            SAFETY * EPS * max(abs(s.d[k] - self.twin.d[k]) for s in runs) / STIR + 8 * n * EPS * self.twin.size[k]
            for k in range(len(self.program.inputs))
        ]

    def moved(self, k, h, table, number):
        """The value of the program with input k moved by h."""
        return self.program.run(table, [number(x) + (h if i == k else 0) for i, x in enumerate(self.program.inputs)])[-1]

    # ---- the oracles: a slope by every input, and by how much it may be off

    def forward(self):
        return self.twin.d, self.naive

    def complex(self):
        h = 1e-30
        return [self.moved(k, 1j * h, COMPLEX, complex).imag / h for k in range(len(self.careful))], self.naive

    def differences(self):
        slopes, bounds = [], []
        for k in range(len(self.careful)):
            steepest = max(1.0, *(abs(p.d[k]) for p in self.known))
            h = min(1e-4, KINK / 8 / steepest)
            one, two = ((self.moved(k, s, FLOATS, float) - self.moved(k, -s, FLOATS, float)) / (2 * s) for s in (h, 2 * h))
            slopes.append(one)
            bounds.append(2 * abs(one - two) + 2 * self.value_noise / h)
        return slopes, bounds

    def digits(self):
        with mp.workdps(90):
            h = mp.mpf(10) ** -30
            ks = range(len(self.careful))
            slopes = [(self.moved(k, h, DIGITS, mp.mpf) - self.moved(k, -h, DIGITS, mp.mpf)) / (2 * h) for k in ks]
            finest = 1e-50 * (1 + abs(self.twin.x))  # 90 digits less the 30 of h, and some to spare
            return [float(d) for d in slopes], [b + finest for b in self.careful]

    def hips(self):
        ks = tuple(range(len(self.careful)))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Output seems independent of input")
            f = lambda *xs: self.program.run(HIPS, xs)[-1] + 0 * xs[0]
            return [float(d) for d in autograd.grad(f, argnum=ks)(*self.program.inputs)], self.naive

    def ratios(self, gradient):
        """For each oracle the largest error of `gradient` in units of its bound: at most 1 if it is right."""
        found = {}
        for name in ORACLES:
            slopes, bounds = getattr(self, name)()
            errors = [abs(g - d) for g, d in zip(gradient, slopes, strict=True)]
            found[name] = max(e / (b + 1e-300) if e == e else math.inf for e, b in zip(errors, bounds, strict=True))
        return found
