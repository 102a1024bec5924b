"""What a recorded training shows over its steps: sizes of gradients, weights, how far equal units came apart.

Each takes a history of `fit(record=...)` and gives numbers for `nn.lab.plots`; they are of the updates of which the
gradient and the weights were kept, `stride(history)` steps apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nn.history import History
from nn.numbers import whole


def stride(history: History) -> int:
    """The number of steps from one kept update to the next; raises ValueError for a training without record=."""
    return int(_kept(history)[0].every)


def layer_gradients(history: History, window: int = 1) -> list[list[float]]:
    """For each `window` of kept updates the mean |dE/dw| of every layer's weights, biases left out (LEC-10).

    >>> from nn import MLP, data, fit
    >>> history = fit(MLP(2, [3, 1], seed=0), data.XOR(), loss="sse", lr=0.1, epochs=2, record="updates")
    >>> sizes = layer_gradients(history)
    >>> len(sizes), len(sizes[0])
    (8, 2)
    """
    log, wholes = _kept(history)
    where = {id(p): k for k, p in enumerate(log.parameters)}
    layers = [[where[id(w)] for unit in layer.weight for w in unit] for layer in log.model.layers]
    sizes = [[sum(abs(w.gradient[k]) for k in layer) / len(layer) for layer in layers] for w in wholes]
    window = whole("window", window)
    windows = [sizes[k : k + window] for k in range(0, len(sizes), window)]
    return [[sum(column) / len(column) for column in zip(*rows, strict=True)] for rows in windows]


def weight_paths(history: History, names: Sequence[str]) -> dict[str, list[float]]:
    """The named weights before each kept update, and after the last of these; ValueError for a name that there is not.

    >>> from nn import MLP, data, fit
    >>> history = fit(MLP(2, [1], init=0.5), data.AND(), loss="sse", lr=0.1, epochs=1, order="given", record="updates")
    >>> [round(w, 3) for w in weight_paths(history, ["w_o1,x1"])["w_o1,x1"]]
    [0.5, 0.5, 0.5, 0.42, 0.492]
    """
    log, wholes = _kept(history)
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise TypeError(f"names is {names!r}; write the names of weights in a list, as [{log.names[0]!r}]")
    if unknown := [name for name in names if name not in log.names]:
        raise ValueError(f"there is no weight {unknown[0]!r}; there are {', '.join(log.names[:12])}{', ...' * (len(log.names) > 12)}")
    return {name: [*(w.old[k] for w in wholes), wholes[-1].new[k]] for name in names for k in [log.names.index(name)]}


def unit_spreads(history: History) -> dict[str, list[float]]:
    """For each hidden layer the largest difference of two of its units' weights from the same input (SX-R1), as `weight_paths`.

    Units that start equal stay equal: a line of zeros. Raises ValueError for a model without two units in a hidden layer.
    """
    log, wholes = _kept(history)
    where = {id(p): k for k, p in enumerate(log.parameters)}
    found = {}
    for number, layer in enumerate(log.model.layers[:-1], 1):
        inputs = list(zip(*([where[id(w)] for w in unit] for unit in layer.weight), strict=True))
        if len(inputs[0]) > 1:
            states = [*(w.old for w in wholes), wholes[-1].new]
            found[f"hidden layer {number}"] = [max(max(s[k] for k in ks) - min(s[k] for k in ks) for ks in inputs) for s in states]
    if not found:
        raise ValueError("a spread is that of two units of a hidden layer, and there is no hidden layer with two")
    return found


def _kept(history: History) -> tuple[Any, list[Any]]:
    if not isinstance(history, History):
        raise TypeError(f"a history is needed, as fit returns it, not {history!r}")
    log = history._log
    if not log.wholes:
        raise ValueError(f'no gradients and weights were kept ({log.kept}); train with record="updates"')
    return log, [log.wholes[step] for step in sorted(log.wholes)]
