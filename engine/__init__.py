"""engine: scalar reverse-mode automatic differentiation that can be read node by node."""

from engine.check import gradcheck
from engine.critical import classify
from engine.derivatives import gradient
from engine.explain import contributions, explain, top_paths
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
from engine.precision import precision_report
from engine.primitive import primitive
from engine.program import Miscompiled, Program, compile  # noqa: A004
from engine.reevaluate import reevaluate
from engine.transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad
from engine.trouble import anomaly
from engine.value import Leaves, Value
from engine.view import draw, draw_dot, record
from engine.view.explore import explore
from engine.view.text import listing, tree


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
