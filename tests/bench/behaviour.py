"""What a learner's files do, on thousands of numbers that no check of the lessons looks at: for lessons.py.

Two files that do the same here are the same in everything that a number can show.
"""

import itertools
import math
import random

from engine.learn.course import course
from engine.learn.loading import Code, Trouble
from engine.learn.watch import TimeUp, limited


COURSE = course()
SECONDS = 6.0
GRID = (-700.0, -31.0, -2.5, -1.0, -0.3, 0.0, 0.45, 1.0, 1.7, 2.0, 3.0, 36.0, 720.0, 1e-9, 2e5)
UNARY = ("exp", "log", "tanh", "sigmoid", "__neg__")
BINARY = ("__add__", "__sub__", "__mul__", "__truediv__", "__pow__", "__radd__", "__rsub__", "__rmul__", "__rtruediv__")


def behaviour(texts):
    """What the files do, as a list of numbers, texts and kinds of exceptions."""
    found = []
    try:
        code = Code(texts)
    except Trouble:
        return ["cannot be read"]
    for part in (rows, graphs, slopes, networks, losses, training, numbers):
        try:
            with limited(SECONDS), code.running() as m:
                for f in part(m):
                    found += tried(f)
        except (Exception, SystemExit, TimeUp) as e:
            found.append(type(e).__name__)
    return found


def tried(f):
    """The numbers that f gives, or the kind of the exception."""
    try:
        return [float(v) if isinstance(v, int | float) and not isinstance(v, bool) else str(v) for v in f()]
    except Exception as e:  # the changed code may raise anything
        return [type(e).__name__]


def node(n):
    return [n.data, *(p for p in n.partials if p is not None), n.op.name, *(getattr(p, "label", p) for p in n.args)]


def rows(m):
    for name in UNARY:
        for a in GRID:
            yield lambda name=name, a=a: node(getattr(m.Value(a, "a"), name)())
    for name in BINARY:
        for a, b in itertools.product(GRID, GRID):
            yield lambda name=name, a=a, b=b: node(getattr(m.Value(a, "a"), name)(m.Value(b, "b")))
        for a, b in itertools.product((-2.0, 0.0, 1.3), (-3.0, 0.0, 1.0, 2.0)):
            yield lambda name=name, a=a, b=b: node(getattr(m.Value(a, "a"), name)(b))


def graphs(m):
    for seed in range(40):
        yield lambda seed=seed: grown(m, seed)
    yield lambda: chain(m)


def grown(m, seed):
    draw = random.Random(seed)
    leaves = [m.Value(draw.uniform(-2, 2), f"x{k}") for k in range(3)]
    nodes = list(leaves)
    for k in range(draw.choice((1, 4, 20))):
        a, b = draw.choice(nodes), draw.choice([*nodes, 1.5])
        n = draw.choice((lambda a, b: a + b, lambda a, b: a * b, lambda a, b: b - a, lambda a, b: a.tanh()))(a, b)
        n.label = f"n{k}"
        nodes.append(n)
    root = nodes[-1]
    for passes in (0.7, -2.0):
        root.backward(passes)
        yield from (n.grad for n in nodes if n.grad is not None)
    inner = draw.choice(nodes)
    inner.backward()
    yield from (n.grad for n in nodes if n.grad is not None)
    order = m.topological(root)
    yield from (len(order), len(set(order)), order[-1].label)
    place = {n: k for k, n in enumerate(order)}
    yield all(place[p] < place[n] for n in order for p in n.args if isinstance(p, m.Value))


def chain(m):
    x = y = m.Value(1.5)
    for _ in range(3000):
        y = y + 1
    y.backward()
    yield x.grad


def slopes(m):
    functions = (math.sin, math.exp, lambda x: x**3 - x, lambda x: abs(x - 1), lambda x: 1e-4 * x * x, lambda x: 100 * abs(x), lambda x: max(0.0, x) * 0.3)
    for f, x in itertools.product(functions, (-7.0, -1.0, -1e-3, 0.0, 0.5, 1.0, 30.0)):
        for h in (None, 0.01, 0.3):
            yield lambda f=f, x=x, h=h: [m.numeric_grad(f, x, h)]
    for l, r in itertools.product((-10.0, -0.3, 0.0, 0.2, 1.0, 10.0), (-10.9, -0.33, 0.0, 0.29, 1.105, 11.06)):
        for x in (-3.0, 0.0, 40.0):
            kink = lambda u, l=l, r=r, x=x: (l if u < x else r) * (u - x)
            yield lambda kink=kink, x=x: [m.numeric_grad(kink, x)]
    for x in (1e4, -3e6):
        yield lambda x=x: [m.numeric_grad(lambda x: x * x, x)]
        yield lambda x=x: [m.numeric_grad(lambda u: math.sin(1e-3 * u), x)]


def networks(m):
    draw = random.Random(1)
    uniform = lambda n: [draw.uniform(-2, 2) for _ in range(n)]
    for n in (1, 2, 3, 5):
        for _ in range(4):
            w, x, b = uniform(n), uniform(n), draw.choice((None, 0.0, -1.5))
            yield lambda w=w, x=x, b=b: [m.net(w, x, b)]
        yield lambda n=n: [m.net([1.0] * n, [2.0] * (n + 1))]
        yield lambda n=n: [m.net([1.0] * (n + 1), [2.0] * n)]
        a, w, d = draw.random(), uniform(n), uniform(n)
        yield lambda a=a, w=w, d=d: [m.delta_h(a, w, d)]
        yield lambda n=n: [m.delta_h(0.3, [1.0] * n, [2.0] * (n + 1))]
        yield lambda n=n: [m.delta_h(0.3, [1.0] * (n + 1), [2.0] * n)]
        y, t = draw.random(), draw.uniform(-1, 2)
        yield lambda y=y, t=t: [m.delta_o(y, t)]
    for sizes, skip in itertools.product(((2, 2), (1, 3, 2), (3, 1), (2, 2, 2), (3, 3, 1), (2, 3, 3)), (False, True)):
        yield lambda sizes=sizes, skip=skip: passed_through(m, sizes, skip)
    for n, k in ((2, 2), (1, 2), (2, 1), (3, 1)):
        yield lambda n=n, k=k: m.added(list(range(n)), [0.5] * k)


def drawn(m, sizes, seed=5):
    draw = random.Random(seed)
    return [[[m.Value(draw.uniform(-2, 2)) for _ in range(i)] for _ in range(o)] for i, o in itertools.pairwise(sizes)]


def passed_through(m, sizes, skip):
    layers = drawn(m, sizes)
    x = [m.Value(0.4 * k - 0.9) for k in range(sizes[0])]
    o = m.forward(x, layers, skip)
    m.error("sse", o, [0.3] * len(o)).backward()
    yield from (len(o), *(p.data for p in o), *(p.grad for p in x), *(w.grad for layer in layers for unit in layer for w in unit))


def losses(m):
    for o, t in itertools.product((1e-12, 0.2, 0.5, 0.9, 1 - 1e-9), (0.0, 0.3, 1.0)):
        for row in ("sse", "bce"):
            yield lambda row=row, o=o, t=t: sloped(m, row, [o, 0.6], [t, 0.25])
            yield lambda row=row, o=o, t=t: sloped(m, row, [o], [t])
    for o in (0.0, 1.0):
        yield lambda o=o: sloped(m, "bce", [o], [o])
        yield lambda o=o: sloped(m, "sse", [o], [1 - o])


def sloped(m, row, o, t):
    outputs = [m.Value(p) for p in o]
    E = m.error(row, outputs, t)
    E.backward(0.7)
    return [E.data, *(p.grad for p in outputs)]


def training(m):
    for seed, n in itertools.product(range(4), (1, 2, 7)):
        yield lambda seed=seed, n=n: walk(m, seed, n)
        yield lambda seed=seed, n=n: (m.xavier(random.Random(seed), n, k) for k in (1, 3, 8))
    yield lambda: drawn_twice(m)


def walk(m, seed, n):
    weights = [m.Value(0.5), m.Value(-1.5), m.Value(2.0)]
    met = []

    def E(row):
        met.append(row)
        return (weights[0] * row + weights[1]) * weights[2]

    m.epoch([1.0 + k for k in range(n)], weights, E, 0.07, draw := random.Random(seed))
    yield from (*met, *(w.data for w in weights), draw.random())


def drawn_twice(m):
    draw = random.Random(3)
    return [m.xavier(draw, 2, 3), m.xavier(draw, 4, 1), draw.random()]


def numbers(m):
    for key in (b.name for b in COURSE.blanks.values() if b.name):
        yield lambda key=key: [getattr(m, key)]


def alike(one, other, small=1e-300):
    """Whether two behaviours are the same; where the first is no number, anything may be."""
    return len(one) == len(other) and all(near(p, q, small) for p, q in zip(one, other, strict=True))


def near(p, q, small=1e-300):
    if isinstance(p, str) or isinstance(q, str):
        return p == q
    return p != p or p == q or math.isclose(p, q, rel_tol=1e-9, abs_tol=small)
