"""Problems with known derivatives: standard functions, Moré-Garbow-Hillstrom, NIST's certified regressions.

Every function is written once, from its published formula, over the functions of `m`: the engine's, or
mpmath's for the same formula in fifty digits.
"""

import math
import random
from types import SimpleNamespace

import mpmath as mp
import numpy
import pytest
from standard_functions import (
    CLOSED,
    beale,
    booth,
    branin,
    easom,
    goldstein_price,
    himmelblau,
    mccormick,
    monkey_saddle,
    rosenbrock,
    six_hump_camel,
    styblinski_tang,
)

import engine
from engine.critical import classify
from engine.transforms import grad, hessian, hvp, jacobian, value_and_grad


def logsumexp(x):
    return mp.log(sum(map(mp.exp, x)))


EXACT = SimpleNamespace(
    **{f: getattr(mp, f) for f in ("exp", "log", "sqrt", "sin", "cos", "tanh")},
    logsumexp=logsumexp,
    softplus=lambda x: mp.log(1 + mp.exp(x)),
    sigmoid=lambda x: 1 / (1 + mp.exp(-x)),
)


def exact_hessian(f, x):
    """Second differences in 80 digits, of which 30 and more are right."""
    with mp.workdps(80):
        h = mp.mpf(10) ** -20
        x, n = [*map(mp.mpf, x)], len(x)

        def at(i, s, k, t):
            p = list(x)
            p[i] += s * h
            p[k] += t * h
            return f(p, EXACT)

        return [
            [(at(i, 1, k, 1) - at(i, 1, k, -1) - at(i, -1, k, 1) + at(i, -1, k, -1)) / (4 * h * h) for k in range(n)]
            for i in range(n)
        ]


def agrees(found, true, tolerance=1e-10):
    """Relative to the largest entry."""
    scale = max(abs(t) for row in true for t in row)
    pairs = [pair for row, exact in zip(found, true, strict=True) for pair in zip(row, exact, strict=True)]
    return all(abs(g - t) <= tolerance * scale for g, t in pairs)


def symmetric(H):
    return all(H[i][k] == H[k][i] for i in range(len(H)) for k in range(len(H)))


# ---- standard functions, and two networks whose Hessian is only computed


def softplus_network(x, m):
    """2-2-1 with softplus units, its squared error over three samples as a function of the nine weights."""
    E = 0
    for a, b, t in [(0.5, -1.0, 0.3), (1.2, 0.4, -0.2), (-0.7, 0.8, 1.0)]:
        o1, o2 = (m.softplus(x[j] * a + x[j + 1] * b + x[j + 2]) for j in (0, 3))
        E = E + (t - m.softplus(x[6] * o1 + x[7] * o2 + x[8])) ** 2
    return E


def sigmoid_network(x, m):
    """2-2-1 with sigmoid units and the cross entropy of one label."""
    o1, o2 = (m.sigmoid(x[j] * 0.5 + x[j + 1] * 0.2 + x[j + 2]) for j in (0, 3))
    o = m.sigmoid(x[6] * o1 + x[7] * o2 + x[8])
    return -0.25 * m.log(o) - 0.75 * m.log(1 - o)


WEIGHTS = [0.3, -0.4, 0.1, 0.7, 0.2, -0.5, 0.6, -0.8, 0.05]
ALL = {f: x for f, (_, x, _) in CLOSED.items()} | dict.fromkeys([softplus_network, sigmoid_network], WEIGHTS)


def told(p):
    """A parameter in the name of a test."""
    return p.__name__ if callable(p) else str(p)


@pytest.mark.parametrize("f", CLOSED, ids=told)
def test_a_hessian_is_its_closed_form(f):
    _, x, form = CLOSED[f]
    H = hessian(f)(x, engine)
    assert symmetric(H)
    assert agrees(H, form(x), 1e-13)


@pytest.mark.parametrize("f", ALL, ids=told)
def test_a_hessian_is_that_of_fifty_digits(f):
    H = hessian(f)(ALL[f], engine)
    assert symmetric(H)
    assert agrees(H, exact_hessian(f, ALL[f]), 1e-12)


@pytest.mark.parametrize("f", ALL, ids=told)
def test_products_with_a_hessian_do_without_it(f):
    x, r = ALL[f], random.Random(1)
    H = numpy.array(hessian(f)(x, engine))
    for _ in range(3):
        v = [r.gauss(0.0, 1.0) for _ in x]
        found = hvp(lambda x: f(x, engine), (x,), (v,))
        assert found == pytest.approx((H @ v).tolist(), rel=1e-11, abs=1e-12 * abs(H).max())


MINIMA = [  # published
    (rosenbrock, [1.0, 1.0, 1.0], 0.0, "minimum"),
    (beale, [3.0, 0.5], 0.0, "minimum"),
    (booth, [1.0, 3.0], 0.0, "minimum"),
    (himmelblau, [3.0, 2.0], 0.0, "minimum"),
    (himmelblau, [-2.805118, 3.131312], 0.0, "minimum"),
    (himmelblau, [-3.779310, -3.283186], 0.0, "minimum"),
    (himmelblau, [3.584428, -1.848126], 0.0, "minimum"),
    (himmelblau, [-0.270845, -0.923039], 181.617, "maximum"),
    (mccormick, [-0.54719, -1.54719], -1.9133, "minimum"),
    (six_hump_camel, [0.089842, -0.712656], -1.0316, "minimum"),
    (six_hump_camel, [0.0, 0.0], 0.0, "saddle"),
    (styblinski_tang, [-2.903534] * 3, -39.16599 * 3, "minimum"),
    (goldstein_price, [0.0, -1.0], 3.0, "minimum"),
    (branin, [math.pi, 2.275], 0.397887, "minimum"),
    (easom, [math.pi, math.pi], -1.0, "minimum"),
    (monkey_saddle, [0.0, 0.0], 0.0, "plateau"),
]


@pytest.mark.parametrize(("f", "x", "value", "kind"), MINIMA, ids=told)
def test_published_critical_points_are_what_they_are_called(f, x, value, kind):
    found = classify(lambda x: f(x, engine), x, tolerance=1e-4)
    assert found.kind == kind
    assert found.value == pytest.approx(value, rel=5e-5, abs=1e-9)


# ---- Moré, Garbow and Hillstrom, "Testing Unconstrained Optimization Software" (1981): sums of squared residuals


def freudenstein_roth(x, m):
    return [-13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1], -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1]]


def powell_badly_scaled(x, m):
    return [1e4 * x[0] * x[1] - 1, m.exp(-x[0]) + m.exp(-x[1]) - 1.0001]


def brown_badly_scaled(x, m):
    return [x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2]


def jennrich_sampson(x, m):
    return [2 + 2 * i - (m.exp(i * x[0]) + m.exp(i * x[1])) for i in range(1, 11)]


BARD = [0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39]


def bard(x, m):
    return [y - (x[0] + i / ((16 - i) * x[1] + min(i, 16 - i) * x[2])) for i, y in enumerate(BARD, 1)]


BELL = [0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521]
BELL = [*BELL, 0.3989, *reversed(BELL)]


def gaussian(x, m):
    return [x[0] * m.exp(-x[1] * ((8 - i) / 2 - x[2]) ** 2 / 2) - y for i, y in enumerate(BELL, 1)]


MEYER = [34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872]


def meyer(x, m):
    return [x[0] * m.exp(x[1] / (45 + 5 * i + x[2])) - y for i, y in enumerate(MEYER, 1)]


def box(x, m):
    ts = [0.1 * i for i in range(1, 11)]
    return [m.exp(-t * x[0]) - m.exp(-t * x[1]) - x[2] * (math.exp(-t) - math.exp(-10 * t)) for t in ts]


def powell_singular(x, m):
    a, b, c, d = x
    return [a + 10 * b, math.sqrt(5) * (c - d), (b - 2 * c) ** 2, math.sqrt(10) * (a - d) ** 2]


def wood(x, m):
    a, b, c, d = x
    return [
        10 * (b - a**2), 1 - a, math.sqrt(90) * (d - c**2), 1 - c, math.sqrt(10) * (b + d - 2), (b - d) / math.sqrt(10)
    ]  # fmt: skip


KOWALIK = [0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246]
DOSES = [4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625]


def kowalik_osborne(x, m):
    return [y - x[0] * (u**2 + u * x[1]) / (u**2 + u * x[2] + x[3]) for y, u in zip(KOWALIK, DOSES, strict=True)]


def brown_dennis(x, m):
    return [
        (x[0] + i / 5 * x[1] - math.exp(i / 5)) ** 2 + (x[2] + x[3] * math.sin(i / 5) - math.cos(i / 5)) ** 2
        for i in range(1, 21)
    ]


def biggs(x, m):
    ts = [0.1 * i for i in range(1, 14)]
    return [
        x[2] * m.exp(-t * x[0]) - x[3] * m.exp(-t * x[1]) + x[5] * m.exp(-t * x[4])
        - (math.exp(-t) - 5 * math.exp(-10 * t) + 3 * math.exp(-4 * t))
        for t in ts
    ]  # fmt: skip


def variably_dimensioned(x, m):
    s = sum(j * (a - 1) for j, a in enumerate(x, 1))
    return [*(a - 1 for a in x), s, s**2]


def trigonometric(x, m):
    s = sum(m.cos(a) for a in x)
    return [len(x) - s + i * (1 - m.cos(a)) - m.sin(a) for i, a in enumerate(x, 1)]


def brown_almost_linear(x, m):
    product = 1
    for a in x:
        product = product * a
    return [*(a + sum(x) - (len(x) + 1) for a in x[:-1]), product - 1]


def squares(residuals):
    return lambda x, m=engine: sum(r**2 for r in residuals(x, m))


ZERO = [  # residuals, standard start, where they vanish
    (freudenstein_roth, [0.5, -2.0], [5.0, 4.0]),
    (brown_badly_scaled, [1.0, 1.0], [1e6, 2e-6]),
    (box, [0.0, 10.0, 20.0], [1.0, 10.0, 1.0]),
    (powell_singular, [3.0, -1.0, 0.0, 1.0], [0.0] * 4),
    (wood, [-3.0, -1.0, -3.0, -1.0], [1.0] * 4),
    (biggs, [1.0, 2.0, 1.0, 1.0, 1.0, 1.0], [1.0, 10.0, 1.0, 5.0, 4.0, 3.0]),
    (variably_dimensioned, [0.8, 0.6, 0.4, 0.2, 0.0], [1.0] * 5),
    (trigonometric, [0.2] * 5, [0.0] * 5),
    (brown_almost_linear, [0.5] * 5, [1.0] * 5),
    (powell_badly_scaled, [0.0, 1.0], [1.098159e-5, 9.106146]),
]
LEAST = [  # residuals, standard start, near the minimum, its published sum of squares
    (freudenstein_roth, [0.5, -2.0], [11.41, -0.8968], 48.9842),
    (jennrich_sampson, [0.3, 0.4], [0.2578, 0.2578], 124.362),
    (bard, [1.0, 1.0, 1.0], [0.08241, 1.133, 2.344], 8.21487e-3),
    (gaussian, [0.4, 1.0, 0.0], [0.3990, 1.000, 0.0], 1.12793e-8),
    (meyer, [0.02, 4000.0, 250.0], [5.60964e-3, 6181.35, 345.224], 87.9458),
    (kowalik_osborne, [0.25, 0.39, 0.415, 0.39], [0.1928, 0.1913, 0.1231, 0.1361], 3.07505e-4),
    (brown_dennis, [25.0, 5.0, -5.0, -1.0], [-11.59, 13.20, -0.4034, 0.2368], 85822.2),
]


@pytest.mark.parametrize(("residuals", "start", "minimum"), ZERO, ids=told)
def test_the_gradient_vanishes_where_the_residuals_do(residuals, start, minimum):
    f = squares(residuals)
    value, slopes = value_and_grad(f)(minimum)
    J = numpy.array(jacobian(residuals)(minimum, engine))
    digits = 1e-6 if residuals is powell_badly_scaled else 1e-15  # of its root only seven are published
    assert value <= 1e-6 * digits
    assert numpy.abs(slopes).max() <= digits * abs(J).max() ** 2
    assert classify(f, minimum, tolerance=1e-1).kind in ("minimum", "degenerate", "plateau")
    assert max(map(abs, grad(f)(start))) > 1e-2  # and nowhere else, say at the standard start


@pytest.mark.parametrize(("residuals", "start", "near", "value"), LEAST, ids=told)
def test_newtons_method_ends_at_the_published_minimum(residuals, start, near, value):
    f, x = squares(residuals), numpy.array(near)
    for _ in range(6):
        x = x - numpy.linalg.solve(hessian(f)(x.tolist()), grad(f)(x.tolist()))
    found, slopes = value_and_grad(f)(x.tolist())
    assert found == pytest.approx(value, rel=6e-6)
    assert x == pytest.approx(near, rel=6e-4, abs=1e-4)
    J = numpy.array(jacobian(residuals)(x.tolist(), engine))
    size = numpy.abs(J).T @ numpy.abs([r.data for r in residuals([engine.Value(v) for v in x], engine)])
    assert (numpy.abs(slopes) <= 1e-11 * size).all()
    assert numpy.linalg.eigvalsh(hessian(f)(x.tolist())).min() > 0


PROBLEMS = {r: (start, place) for r, start, place, *_ in [*LEAST, *ZERO]}


@pytest.mark.parametrize("residuals", PROBLEMS, ids=told)
def test_hessians_at_the_start_and_at_the_minimum(residuals):
    f = squares(residuals)
    for x in PROBLEMS[residuals]:
        H = hessian(f)(x)
        assert symmetric(H)
        assert agrees(H, exact_hessian(f, x), 1e-11), x


# ---- NIST's statistical reference datasets, nonlinear regression


def misra1a(b, x, m):
    return b[0] * (1 - m.exp(-b[1] * x))


def danwood(b, x, m):
    return b[0] * x ** b[1]


CERTIFIED = {  # rows (y, x), parameters, their standard deviations, the residual sum of squares
    misra1a: (
        [
            (10.07, 77.6), (14.73, 114.9), (17.94, 141.1), (23.93, 190.8), (29.61, 239.9), (35.18, 289.0), (40.02, 332.8),
            (44.82, 378.4), (50.76, 434.8), (55.05, 477.3), (61.01, 536.8), (66.40, 593.1), (75.47, 689.1), (81.78, 760.0),
        ],
        [2.3894212918e02, 5.5015643181e-04],
        [2.7070075241e00, 7.2668688436e-06],
        1.2455138894e-01,
    ),
    danwood: (
        [(2.138, 1.309), (3.421, 1.471), (3.597, 1.490), (4.340, 1.565), (4.882, 1.611), (5.660, 1.680)],
        [7.6886226176e-01, 3.8604055871e00],
        [1.8281973860e-02, 5.1726610913e-02],
        4.3173084083e-03,
    ),
    "boxbod": (
        [(109, 1), (149, 2), (149, 3), (191, 5), (213, 7), (224, 10)],
        [2.1380940889e02, 5.4723748542e-01],
        [1.2354515176e01, 1.0455993237e-01],
        1.1680088766e03,
    ),
}  # fmt: skip
MODELS = {misra1a: misra1a, danwood: danwood, "boxbod": misra1a}  # BoxBOD has the formula of Misra1a


@pytest.mark.parametrize("problem", CERTIFIED, ids=told)
def test_certified_parameters_and_standard_deviations(problem):
    """Certified to eleven digits: the gradient is zero there, and s^2 (J'J)^-1 has the squares of the deviations."""
    rows, certified, deviations, least = CERTIFIED[problem]
    residuals = lambda b, m=engine: [y - MODELS[problem](b, x, m) for y, x in rows]
    f, b = squares(residuals), numpy.array(certified)
    assert f([engine.Value(v) for v in certified]).data == pytest.approx(least, rel=1e-10)

    H = numpy.array(hessian(f)(certified))
    assert numpy.linalg.eigvalsh(H * numpy.outer(certified, certified)).min() > 0  # in relative steps: a minimum
    step = numpy.linalg.solve(H, grad(f)(certified))
    assert (numpy.abs(step) <= 1e-10 * numpy.abs(b)).all()  # the gradient is zero but for the twelfth digit of b

    for _ in range(3):
        b = b - numpy.linalg.solve(hessian(f)(b.tolist()), grad(f)(b.tolist()))
    J = numpy.array(jacobian(residuals)(b.tolist()))
    s2 = f([engine.Value(v) for v in b]).data / (len(rows) - len(b))
    found = numpy.sqrt(numpy.diag(s2 * numpy.linalg.inv(J.T @ J)))
    assert [float(f"{v:.10e}") for v in b] == certified
    assert found == pytest.approx(deviations, rel=2e-10)
