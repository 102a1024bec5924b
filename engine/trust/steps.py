"""Complex numbers near the real axis: what a step off it needs.

A condition looks at the real part, so that f(x + ih) takes the branches of f(x); its imaginary part
is then h f'(x), with no difference of two like numbers in it. Where the real function has no value,
neither has this one.

>>> from engine.ops import TABLE
>>> COMPLEX.evaluate(TABLE["tanh"].value, {"a": complex(0.5, 1e-20)}).imag
7.864477329659276e-21
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Sequence
from typing import Any

from engine.trust.systems import BASIC, System, context, per_thread


def _positive(f: Callable[[Any], Any], above: float = 0.0) -> Callable[[Any], Any]:
    def g(p: Any) -> Any:
        if p.real <= above:
            raise ValueError
        return f(p)

    return g


def _complex_power(exp: Callable[[Any], Any], log: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def power(p: Any, q: Any) -> Any:
        if q == q.real and q.real % 1 == 0 and abs(q.real) < 2**53:
            k = int(q.real)
            return _whole_power(p, k) if k >= 0 else 1 / _whole_power(p, -k)
        if p == 0 and q.real > 0:
            return p * 0
        if p.real <= 0:
            raise ValueError
        return exp(q * log(p))

    return power


def _whole_power(p: Any, k: int) -> Any:
    """P to the k by squaring; the general power would lose a small imaginary part beside a negative p."""
    y = p * 0 + 1
    while k:
        if k & 1:
            y = y * p
        p = p * p
        k >>= 1
    return y


def _complex_root(sqrt: Callable[[Any], Any]) -> Callable[[Any], Any]:
    root = _positive(sqrt)
    return lambda p: p if p == 0 else root(p)


def _by_real(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda p, q: compare(p.real, q.real)


def _largest_real(xs: Sequence[Any]) -> Any:
    return max(xs, key=lambda p: p.real)


def _steps(exp: Callable[[Any], Any], log: Callable[[Any], Any]) -> dict[str, Callable[..., Any]]:
    """What complex numbers of any precision have in common."""
    return (
        BASIC
        | {op: _by_real(BASIC[op]) for op in ("lt", "le", "gt", "ge")}
        | {"absolute": lambda p: -p if p.real < 0 else p, "largest": _largest_real, "exp": exp}
        | {"log": _positive(log), "power": _complex_power(exp, log)}
    )


def _log1p(p: complex) -> complex:
    p = complex(p)
    return complex(math.log1p(p.real) + math.log1p((p.imag / (1 + p.real)) ** 2) / 2, cmath.phase(1 + p))


def _expm1(p: complex) -> complex:
    p = complex(p)
    return complex(
        math.expm1(p.real) * math.cos(p.imag) - 2 * math.sin(p.imag / 2) ** 2, math.exp(p.real) * math.sin(p.imag)
    )


COMPLEX = System(
    "complex floats",
    complex,
    _steps(cmath.exp, cmath.log)
    | {"log1p": _positive(_log1p, -1.0), "expm1": _expm1, "sqrt": _complex_root(cmath.sqrt)}
    | {"sin": cmath.sin, "cos": cmath.cos, "tanh": cmath.tanh},
    16,
)


@per_thread
def complex_digits(digits: int) -> System:
    """Complex numbers of so many digits, for steps off the real axis; needs mpmath."""
    mp = context(digits)
    functions = {op: getattr(mp, op) for op in ("expm1", "sin", "cos", "tanh")}
    edges = {"log1p": _positive(mp.log1p, -1.0), "sqrt": _complex_root(mp.sqrt)}
    return System(f"{digits} digits", mp.convert, _steps(mp.exp, mp.log) | functions | edges, digits)
