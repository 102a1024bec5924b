"""experiments: the claims of the notes, run: each returns a table, a figure and the sentence its numbers support.

>>> result = ALL["saturation"]()
>>> print(result.sentence.split(". ")[0])
The slope falls from 0.25 at 0 to 4.54e-05 at z = 10
"""

from __future__ import annotations

from collections.abc import Callable

from nn.lab.experiments.checks import difference_quotients
from nn.lab.experiments.escapes import double_well, local_minimum
from nn.lab.experiments.one_neuron import redundant_data, single_gradients, small_steps, smaller_steps, two_walks
from nn.lab.experiments.overfitting import overfitting
from nn.lab.experiments.patterns import other_patterns
from nn.lab.experiments.restarts import many_starts, restarts, wider_nets
from nn.lab.experiments.result import Result
from nn.lab.experiments.saddles import saddle_points
from nn.lab.experiments.searches import grid_or_random, grid_over_weights
from nn.lab.experiments.skip_scales import skip_scales
from nn.lab.experiments.skips import skip_connections
from nn.lab.experiments.slopes import saturation, sse_or_bce, vanishing_gradient
from nn.lab.experiments.symmetry import broken_symmetry, symmetry


ALL: dict[str, Callable[[], Result]] = {
    "saturation": saturation,
    "vanishing_gradient": vanishing_gradient,
    "sse_or_bce": sse_or_bce,
    "single_gradients": single_gradients,
    "small_steps": small_steps,
    "other_patterns": other_patterns,
    "two_walks": two_walks,
    "redundant_data": redundant_data,
    "smaller_steps": smaller_steps,
    "symmetry": symmetry,
    "broken_symmetry": broken_symmetry,
    "restarts": restarts,
    "many_starts": many_starts,
    "wider_nets": wider_nets,
    "grid_or_random": grid_or_random,
    "grid_over_weights": grid_over_weights,
    "overfitting": overfitting,
    "local_minimum": local_minimum,
    "double_well": double_well,
    "saddle_points": saddle_points,
    "skip_connections": skip_connections,
    "skip_scales": skip_scales,
    "difference_quotients": difference_quotients,
}

__all__ = ["ALL", "Result"]
