"""engine: scalar reverse-mode automatic differentiation that can be read node by node.

What computes and differentiates is imported at once; explanations, views, checks and the compiler when
they are first asked for, so that a program that only trains does not wait for them or carry them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from engine.derivatives import gradient
from engine.functions import (
    absolute,
    affine,
    cos,
    dot,
    exp,
    expm1,
    hypot,
    leaky_relu,
    log,
    log1p,
    logsumexp,
    maximum,
    minimum,
    relu,
    sigmoid,
    sin,
    softmax,
    softplus,
    sqrt,
    tanh,
    where,
)
from engine.label import Role
from engine.mode import no_grad, recording
from engine.value import Leaves, Value


if TYPE_CHECKING:
    from engine.critical import classify
    from engine.program import Miscompiled, Program, compile  # noqa: A004
    from engine.transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad
    from engine.trust.check import gradcheck
    from engine.trust.precision import precision_report
    from engine.trust.primitive import primitive
    from engine.trust.reevaluate import reevaluate
    from engine.trust.trouble import anomaly
    from engine.view import draw, draw_dot, record
    from engine.view.explore import explore
    from engine.view.text import listing, tree
    from engine.why import contributions, explain, top_paths

_LATER = {
    "engine.critical": ["classify"],
    "engine.program": ["Miscompiled", "Program", "compile"],
    "engine.transforms": ["grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad"],
    "engine.trust.check": ["gradcheck"],
    "engine.trust.precision": ["precision_report"],
    "engine.trust.primitive": ["primitive"],
    "engine.trust.reevaluate": ["reevaluate"],
    "engine.trust.trouble": ["anomaly"],
    "engine.view": ["draw", "draw_dot", "record"],
    "engine.view.explore": ["explore"],
    "engine.view.text": ["listing", "tree"],
    "engine.why": ["contributions", "explain", "top_paths"],
}
_HOME = {name: module for module, names in _LATER.items() for name in names}

__all__ = [
    "Leaves",
    "Miscompiled",
    "Program",
    "Role",
    "Value",
    "absolute",
    "affine",
    "anomaly",
    "classify",
    "compile",
    "contributions",
    "cos",
    "dot",
    "draw",
    "draw_dot",
    "exp",
    "explain",
    "explore",
    "expm1",
    "grad",
    "gradcheck",
    "gradient",
    "hessian",
    "hvp",
    "hypot",
    "jacobian",
    "jvp",
    "leaky_relu",
    "listing",
    "log",
    "log1p",
    "logsumexp",
    "maximum",
    "minimum",
    "no_grad",
    "precision_report",
    "primitive",
    "record",
    "recording",
    "reevaluate",
    "relu",
    "sigmoid",
    "sin",
    "softmax",
    "softplus",
    "sqrt",
    "tanh",
    "top_paths",
    "tree",
    "value_and_grad",
    "where",
]


def __getattr__(name: str) -> object:
    """A public name that is imported when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module 'engine' has no attribute {name!r}")
    found: object = getattr(import_module(_HOME[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
