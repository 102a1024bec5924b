"""Standard test functions from their published formulas, each with a Hessian derived by hand.

A function is written over the functions of `m`: the engine's, or mpmath's for the same formula in fifty
digits. A Hessian is written over floats and `math` alone, from the simplest form of the formula: nothing
of the engine is in it.

    survey    Jamil and Yang, "A literature survey of benchmark functions for global optimisation problems" (2013)
    library   Surjanovic and Bingham, "Virtual Library of Simulation Experiments: Test Functions and Datasets" (2013)
    MGH       More, Garbow and Hillstrom, "Testing Unconstrained Optimization Software" (1981)
    convex    Boyd and Vandenberghe, "Convex Optimization" (2004), chapters 3 and 7
    surfaces  Hilbert and Cohn-Vossen, "Geometry and the Imagination" (1952)
"""

import itertools
import math
from math import cos, exp, pi, sin


# ---- of two variables


def beale(x, m):
    a, b = x
    return (1.5 - a + a * b) ** 2 + (2.25 - a + a * b**2) ** 2 + (2.625 - a + a * b**3) ** 2


def beale_hessian(x):
    a, b = x
    H = [[0.0, 0.0], [0.0, 0.0]]
    for k, c in enumerate([1.5, 2.25, 2.625], 1):
        r, ra, rb = c - a + a * b**k, b**k - 1, a * k * b ** (k - 1)
        H[0][0] += 2 * ra * ra
        H[0][1] += 2 * (ra * rb + r * k * b ** (k - 1))
        H[1][1] += 2 * (rb * rb + r * (a * k * (k - 1) * b ** (k - 2) if k > 1 else 0))
    H[1][0] = H[0][1]
    return H


def booth(x, m):
    return (x[0] + 2 * x[1] - 7) ** 2 + (2 * x[0] + x[1] - 5) ** 2


def himmelblau(x, m):
    return (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2


def himmelblau_hessian(x):
    a, b = x
    return [[12 * a * a + 4 * b - 42, 4 * (a + b)], [4 * (a + b), 12 * b * b + 4 * a - 26]]


def matyas(x, m):
    return 0.26 * (x[0] ** 2 + x[1] ** 2) - 0.48 * x[0] * x[1]


def mccormick(x, m):
    return m.sin(x[0] + x[1]) + (x[0] - x[1]) ** 2 - 1.5 * x[0] + 2.5 * x[1] + 1


def mccormick_hessian(x):
    s = sin(x[0] + x[1])
    return [[2 - s, -2 - s], [-2 - s, 2 - s]]


def three_hump_camel(x, m):
    return 2 * x[0] ** 2 - 1.05 * x[0] ** 4 + x[0] ** 6 / 6 + x[0] * x[1] + x[1] ** 2


def six_hump_camel(x, m):
    a, b = x
    return (4 - 2.1 * a**2 + a**4 / 3) * a**2 + a * b + (4 * b**2 - 4) * b**2


def easom(x, m):
    return -m.cos(x[0]) * m.cos(x[1]) * m.exp(-((x[0] - pi) ** 2) - (x[1] - pi) ** 2)


def easom_hessian(x):
    """-u(a) u(b) with u(t) = cos t e^-(t-pi)^2."""
    (u, u1, u2), (v, v1, v2) = (
        (cos(t) * e, (-sin(t) - 2 * d * cos(t)) * e, ((4 * d * d - 3) * cos(t) + 4 * d * sin(t)) * e)
        for t, d, e in ((t, t - pi, exp(-((t - pi) ** 2))) for t in x)
    )
    return [[-u2 * v, -u1 * v1], [-u1 * v1, -u * v2]]


def goldstein_price(x, m):
    a, b = x
    return (1 + (a + b + 1) ** 2 * (19 - 14 * a + 3 * a**2 - 14 * b + 6 * a * b + 3 * b**2)) * (
        30 + (2 * a - 3 * b) ** 2 * (18 - 32 * a + 12 * a**2 + 48 * b - 36 * a * b + 27 * b**2)
    )


def goldstein_price_hessian(x):
    """P(t) Q(v), where t = a + b and v = 2a - 3b: both brackets are polynomials of one variable."""
    t, v = x[0] + x[1], 2 * x[0] - 3 * x[1]
    p, p1, p2 = (
        3 * t**4 - 8 * t**3 - 6 * t**2 + 24 * t + 20,
        12 * (t**3 - 2 * t**2 - t + 2),
        12 * (3 * t**2 - 4 * t - 1),
    )
    q, q1, q2 = 3 * v**4 - 16 * v**3 + 18 * v**2 + 30, 12 * v * (v**2 - 4 * v + 3), 12 * (3 * v**2 - 8 * v + 3)
    mixed = p2 * q - p1 * q1 - 6 * p * q2
    return [[p2 * q + 4 * p1 * q1 + 4 * p * q2, mixed], [mixed, p2 * q - 6 * p1 * q1 + 9 * p * q2]]


def branin(x, m):
    a, b = x
    bowl = b - 5.1 / (4 * pi**2) * a**2 + 5 / pi * a - 6
    return bowl**2 + 10 * (1 - 1 / (8 * pi)) * m.cos(a) + 10


def branin_hessian(x):
    a, b = x
    bend = 5.1 / (4 * pi**2)
    bowl, slope = b - bend * a * a + 5 * a / pi - 6, 5 / pi - 2 * bend * a
    return [[2 * slope**2 - 4 * bend * bowl - (10 - 5 / (4 * pi)) * cos(a), 2 * slope], [2 * slope, 2]]


def bohachevsky(x, m):
    return x[0] ** 2 + 2 * x[1] ** 2 - 0.3 * m.cos(3 * pi * x[0]) - 0.4 * m.cos(4 * pi * x[1]) + 0.7


def bohachevsky_hessian(x):
    return [[2 + 2.7 * pi**2 * cos(3 * pi * x[0]), 0], [0, 4 + 6.4 * pi**2 * cos(4 * pi * x[1])]]


def levy_13(x, m):
    a, b = x
    waves = [m.sin(3 * pi * a) ** 2, 1 + m.sin(3 * pi * b) ** 2, 1 + m.sin(2 * pi * b) ** 2]
    return waves[0] + (a - 1) ** 2 * waves[1] + (b - 1) ** 2 * waves[2]


def levy_13_hessian(x):
    """The square of sin kt has the slope k sin 2kt and the second derivative 2k^2 cos 2kt."""
    a, b = x[0], x[1]
    mixed = 6 * pi * (a - 1) * sin(6 * pi * b)
    last = 18 * pi**2 * (a - 1) ** 2 * cos(6 * pi * b) + 2 + 2 * sin(2 * pi * b) ** 2
    last += 8 * pi * (b - 1) * sin(4 * pi * b) + 8 * pi**2 * (b - 1) ** 2 * cos(4 * pi * b)
    return [[18 * pi**2 * cos(6 * pi * a) + 2 + 2 * sin(3 * pi * b) ** 2, mixed], [mixed, last]]


def freudenstein_roth(x, m):
    return (-13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1]) ** 2 + (-29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1]) ** 2


def freudenstein_roth_hessian(x):
    a, b = x
    r, r1, r2 = a - b**3 + 5 * b**2 - 2 * b - 13, -3 * b**2 + 10 * b - 2, 10 - 6 * b
    s, s1, s2 = a + b**3 + b**2 - 14 * b - 29, 3 * b**2 + 2 * b - 14, 6 * b + 2
    return [[4, 24 * b - 32], [24 * b - 32, 2 * (r1 * r1 + r * r2 + s1 * s1 + s * s2)]]


def monkey_saddle(x, m):
    return x[0] ** 3 - 3 * x[0] * x[1] ** 2


# ---- of four variables


def powell_singular(x, m):
    a, b, c, d = x
    return (a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4


def powell_singular_hessian(x):
    a, b, c, d = x
    p, q = 12 * (b - 2 * c) ** 2, 120 * (a - d) ** 2
    return [[2 + q, 20, 0, -q], [20, 200 + p, -2 * p, 0], [0, -2 * p, 10 + 4 * p, -10], [-q, 0, -10, 10 + q]]


def wood(x, m):
    a, b, c, d = x
    return (
        100 * (b - a**2) ** 2 + (1 - a) ** 2 + 90 * (d - c**2) ** 2 + (1 - c) ** 2
        + 10 * (b + d - 2) ** 2 + (b - d) ** 2 / 10
    )  # fmt: skip


def wood_hessian(x):
    a, b, c, d = x
    return [
        [1200 * a * a - 400 * b + 2, -400 * a, 0, 0],
        [-400 * a, 220.2, 0, 19.8],
        [0, 0, 1080 * c * c - 360 * d + 2, -360 * c],
        [0, 19.8, -360 * c, 200.2],
    ]


# ---- of as many as there are


def square(n, entry):
    """The symmetric matrix of `entry(i, k)` for i <= k."""
    return [[entry(min(i, k), max(i, k)) for k in range(n)] for i in range(n)]


def diagonal(second):
    """The Hessian of a sum of functions of one variable."""
    return lambda x: square(len(x), lambda i, k: second(x[i]) if i == k else 0.0)


def sphere(x, m):
    return sum(a**2 for a in x)


def rosenbrock(x, m):
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in itertools.pairwise(x))


def rosenbrock_hessian(x):
    n = len(x)
    H = [[0.0] * n for _ in range(n)]
    for i in range(n - 1):
        H[i][i] += 1200 * x[i] ** 2 - 400 * x[i + 1] + 2
        H[i + 1][i + 1] += 200
        H[i][i + 1] = H[i + 1][i] = -400 * x[i]
    return H


def dixon_price(x, m):
    return (x[0] - 1) ** 2 + sum(i * (2 * b**2 - a) ** 2 for i, (a, b) in enumerate(itertools.pairwise(x), 2))


def dixon_price_hessian(x):
    H = square(len(x), lambda i, k: 0.0)
    H[0][0] = 2.0
    for i in range(1, len(x)):
        H[i - 1][i - 1] += 2 * (i + 1)
        H[i][i] += 8 * (i + 1) * (6 * x[i] ** 2 - x[i - 1])
        H[i][i - 1] = H[i - 1][i] = -8 * (i + 1) * x[i]
    return H


def trid(x, m):
    return sum((a - 1) ** 2 for a in x) - sum(a * b for a, b in itertools.pairwise(x))


def rotated_ellipsoid(x, m):
    return sum(sum(x[:i]) ** 2 for i in range(1, len(x) + 1))


def styblinski_tang(x, m):
    return sum(a**4 - 16 * a**2 + 5 * a for a in x) / 2


def rastrigin(x, m):
    return 10 * len(x) + sum(a**2 - 10 * m.cos(2 * pi * a) for a in x)


def ackley(x, m):
    square, wave = (sum(terms) / len(x) for terms in ([a**2 for a in x], [m.cos(2 * pi * a) for a in x]))
    return -20 * m.exp(-0.2 * m.sqrt(square)) - m.exp(wave) + 20 + math.e


def ackley_hessian(x):
    """-20 e^(-r/5) - e^w with r the root of the mean square and w the mean cosine."""
    n = len(x)
    r, e, s = math.hypot(*x) / math.sqrt(n), exp(-0.2 * math.hypot(*x) / math.sqrt(n)), exp(sum(map(cos, waves(x))) / n)
    slope = [a / (n * r) for a in x]
    turn = [-2 * pi / n * sin(a) for a in waves(x)]
    bend = [-4 * pi**2 / n * cos(a) for a in waves(x)]

    def entry(i, k):
        own = 1 / (n * r) if i == k else 0.0
        cone = 4 * e * (own - slope[i] * slope[k] / r - 0.2 * slope[i] * slope[k])
        return cone - s * (turn[i] * turn[k] + (bend[i] if i == k else 0.0))

    return square(n, entry)


def waves(x):
    return [2 * pi * a for a in x]


def griewank(x, m):
    product = 1
    for i, a in enumerate(x, 1):
        product = product * m.cos(a / math.sqrt(i))
    return sum(a**2 for a in x) / 4000 - product + 1


def griewank_hessian(x):
    p = math.prod(cos(a / math.sqrt(i)) for i, a in enumerate(x, 1))
    t = [math.tan(a / math.sqrt(i)) / math.sqrt(i) for i, a in enumerate(x, 1)]
    return square(len(x), lambda i, k: 1 / 2000 + p / (i + 1) if i == k else -p * t[i] * t[k])


def zakharov(x, m):
    s = sum(0.5 * i * a for i, a in enumerate(x, 1))
    return sum(a**2 for a in x) + s**2 + s**4


def zakharov_hessian(x):
    s = sum(i * a for i, a in enumerate(x, 1)) / 2
    return square(len(x), lambda i, k: 2 * (i == k) + (1 + 6 * s * s) * (i + 1) * (k + 1) / 2)


# ---- of statistics and learning


def entropy(x, m):
    return sum(a * m.log(a) for a in x)


def log_sum_exp(x, m):
    return m.logsumexp(x)


def log_sum_exp_hessian(x):
    p = [exp(a) for a in x]
    p = [a / sum(p) for a in p]
    return square(len(x), lambda i, k: p[i] * ((i == k) - p[k]))


SAMPLES = [(0.3, -1.2, 1.0, 1), (1.5, 0.4, 1.0, 0), (-0.7, 0.9, 1.0, 1), (0.1, 0.8, 1.0, 0), (2.0, -0.5, 1.0, 1)]


def logistic(x, m):
    """The loss of logistic regression, and its Hessian A'DA."""
    return sum(m.softplus(z) - t * z for *row, t in SAMPLES for z in [sum(a * w for a, w in zip(row, x, strict=True))])


def logistic_hessian(x):
    H = square(len(x), lambda i, k: 0.0)
    for *row, _ in SAMPLES:
        p = 1 / (1 + exp(-sum(a * w for a, w in zip(row, x, strict=True))))
        for i, a in enumerate(row):
            for k, b in enumerate(row):
                H[i][k] += p * (1 - p) * a * b
    return H


def bell(x, m):
    return m.exp(-sum(a**2 for a in x) / 2)


def bell_hessian(x):
    y = exp(-sum(a * a for a in x) / 2)
    return square(len(x), lambda i, k: y * (x[i] * x[k] - (i == k)))


CLOSED = {  # function: source, a point, its Hessian anywhere
    beale: ("survey", [1.3, -0.6], beale_hessian),
    booth: ("survey", [0.3, -2.0], lambda x: [[10, 8], [8, 10]]),
    himmelblau: ("survey", [-1.7, 2.2], himmelblau_hessian),
    matyas: ("survey", [3.0, -1.0], lambda x: [[0.52, -0.48], [-0.48, 0.52]]),
    mccormick: ("survey", [-0.4, 1.3], mccormick_hessian),
    three_hump_camel: ("survey", [0.8, -1.1], lambda x: [[4 - 12.6 * x[0] ** 2 + 5 * x[0] ** 4, 1], [1, 2]]),
    six_hump_camel: (
        "survey", [0.7, -0.4], lambda x: [[8 - 25.2 * x[0] ** 2 + 10 * x[0] ** 4, 1], [1, 48 * x[1] ** 2 - 8]]
    ),
    easom: ("survey", [2.6, 3.5], easom_hessian),
    goldstein_price: ("survey", [0.4, -0.7], goldstein_price_hessian),
    branin: ("survey", [2.5, 1.5], branin_hessian),
    bohachevsky: ("survey", [0.35, -0.8], bohachevsky_hessian),
    levy_13: ("library", [1.7, -0.45], levy_13_hessian),
    freudenstein_roth: ("MGH 2", [0.5, -1.3], freudenstein_roth_hessian),
    monkey_saddle: ("surfaces", [0.6, -1.4], lambda x: [[6 * x[0], -6 * x[1]], [-6 * x[1], -6 * x[0]]]),
    powell_singular: ("MGH 13", [1.4, -0.6, 0.3, 0.9], powell_singular_hessian),
    wood: ("MGH 14", [-1.2, 0.8, 1.7, -0.5], wood_hessian),
    sphere: ("library", [0.4, -2.2, 3.1], diagonal(lambda a: 2.0)),
    rosenbrock: ("MGH 1", [-1.2, 1.0, 0.7, 1.9], rosenbrock_hessian),
    dixon_price: ("library", [0.7, -1.6, 2.3, 0.4], dixon_price_hessian),
    trid: ("library", [2.5, -0.7, 1.1, 0.2], lambda x: square(len(x), lambda i, k: {0: 2.0, 1: -1.0}.get(k - i, 0.0))),
    rotated_ellipsoid: ("library", [0.6, -1.8, 2.4], lambda x: square(len(x), lambda i, k: 2.0 * (len(x) - k))),
    styblinski_tang: ("library", [-2.9, 0.3, 1.4], diagonal(lambda a: 6 * a * a - 16)),
    rastrigin: ("library", [0.3, -1.6, 2.2], diagonal(lambda a: 2 + 40 * pi**2 * cos(2 * pi * a))),
    ackley: ("library", [0.5, -1.3, 0.2], ackley_hessian),
    griewank: ("survey", [1.0, -3.0, 2.0], griewank_hessian),
    zakharov: ("survey", [0.2, -0.5, 0.4], zakharov_hessian),
    entropy: ("convex", [0.2, 1.4, 3.0], diagonal(lambda a: 1 / a)),
    log_sum_exp: ("convex", [0.3, -1.2, 2.0, 0.9], log_sum_exp_hessian),
    logistic: ("convex", [0.4, -0.8, 0.2], logistic_hessian),
    bell: ("convex", [0.4, -0.9, 1.1], bell_hessian),
}  # fmt: skip
