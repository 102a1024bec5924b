"""engine: scalar reverse-mode automatic differentiation that can be read node by node."""

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
from engine.value import Leaves, Value
from engine.view import draw, draw_dot, record
from engine.view.explore import explore


__all__ = [
    "Leaves",
    "Role",
    "Value",
    "absolute",
    "affine",
    "contributions",
    "cos",
    "dot",
    "draw",
    "draw_dot",
    "exp",
    "explain",
    "explore",
    "expm1",
    "gradient",
    "hypot",
    "leaky_relu",
    "log",
    "log1p",
    "logsumexp",
    "maximum",
    "minimum",
    "no_grad",
    "record",
    "recording",
    "relu",
    "sigmoid",
    "sin",
    "softmax",
    "softplus",
    "sqrt",
    "tanh",
    "top_paths",
    "where",
]
