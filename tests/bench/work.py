"""One system, in this process alone, trains one network: prints microseconds per sample and the sum of its weights.

    python tests/bench/work.py separate 2-16-16-1 400 on

Per-sample SGD on a sigmoid MLP with biases and E = sum_k (t_k - o_k)^2, learning rate 0.1. Every system
gets the same random samples and the same initial weights. A few samples go before the clock starts, so
that no system is timed while the interpreter still specialises its functions. With "off" the cycle
collector is switched off. NumPy must not be loaded: its objects alone make every full collection slower.
"""

import gc
import json
import math
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any, TypeAlias


Sample: TypeAlias = tuple[list[float], list[float]]
Weights: TypeAlias = list[list[tuple[list[float], float]]]  # for each layer, for each unit: w_j1 ... w_jn and b_j
Train: TypeAlias = Callable[[list[Sample]], None]

LR = 0.1
WARM_UP = 4  # samples


def samples(sizes: list[int], count: int) -> list[Sample]:
    """Inputs between -1 and 1, targets between 0 and 1."""
    random = Random(1)
    return [
        ([random.uniform(-1, 1) for _ in range(sizes[0])], [random.random() for _ in range(sizes[-1])])
        for _ in range(count)
    ]


def initial_weights(sizes: list[int]) -> Weights:
    """Weights of variance 1/n for n inputs, and biases likewise: no unit starts saturated."""
    random = Random(2)
    return [
        [([random.gauss(0, n**-0.5) for _ in range(n)], random.gauss(0, n**-0.5)) for _ in range(units)]
        for n, units in pairwise(sizes)
    ]


def by_hand(Value: Any, sigmoid: Callable[[Any], Any], weights: Weights) -> tuple[Train, list[Any]]:
    """A user's own lines, every product and every sum a node; gives the training and the parameters."""
    layers = [[([Value(w_i) for w_i in w], Value(b)) for w, b in layer] for layer in weights]
    parameters = [p for layer in layers for w, b in layer for p in (*w, b)]

    def train(rows: list[Sample]) -> None:
        for x, t in rows:
            o: Any = x
            for layer in layers:
                outputs = []
                for w, b in layer:
                    net = b
                    for w_i, o_i in zip(w, o, strict=True):
                        net = net + w_i * o_i
                    outputs.append(sigmoid(net))
                o = outputs
            E = sum((o_k - t_k) ** 2 for o_k, t_k in zip(o, t, strict=True))
            for p in parameters:
                p.grad = 0.0
            E.backward()
            for p in parameters:
                p.data -= LR * p.grad

    return train, parameters


def micrograd(weights: Weights) -> tuple[Train, list[Any]]:
    """Micrograd has no sigmoid; one is added the way its own operations are made."""
    from micrograd.engine import Value

    def sigmoid(a: Any) -> Any:
        out = Value(1 / (1 + math.exp(-a.data)), (a,), "sigmoid")

        def _backward() -> None:
            a.grad += out.data * (1 - out.data) * out.grad

        out._backward = _backward
        return out

    return by_hand(Value, sigmoid, weights)


def separate(weights: Weights) -> tuple[Train, list[Any]]:
    """The same lines over nodegrad's Value."""
    from engine import Value, sigmoid

    return by_hand(Value, sigmoid, weights)


def layers(weights: Weights) -> tuple[Train, list[Any]]:
    """Nodegrad's own layers, loss and optimiser."""
    from nn import MLP
    from nn.losses import sse
    from nn.optim import SGD

    model = MLP(len(weights[0][0][0]), [len(layer) for layer in weights], activation="sigmoid", output="sigmoid")
    state: dict[str, Any] = {}
    for k, layer in enumerate(weights):
        state[f"layers.{k}.weight"] = [w for w, _ in layer]
        state[f"layers.{k}.bias"] = [b for _, b in layer]
    model.load_state_dict(state)
    sgd = SGD(model.parameters(), lr=LR)

    def train(rows: list[Sample]) -> None:
        for x, t in rows:
            E = sse(model(x), t)
            sgd.zero_grad()
            E.backward()
            sgd.step()

    return train, model.parameters()


SYSTEMS = {"micrograd": micrograd, "separate": separate, "layers": layers}


def main(system: str, net: str, count: str, collector: str) -> None:
    sizes = [int(n) for n in net.split("-")]
    train, parameters = SYSTEMS[system](initial_weights(sizes))
    rows = samples(sizes, WARM_UP + int(count))
    if "numpy" in sys.modules:
        sys.exit(f"{system}: NumPy is loaded in this process, so its time would not be comparable")
    if collector == "off":
        gc.disable()
    train(rows[:WARM_UP])
    gc.collect()
    start = time.perf_counter()
    train(rows[WARM_UP:])
    seconds = time.perf_counter() - start
    print(json.dumps({"us": seconds / int(count) * 1e6, "sum": math.fsum(p.data for p in parameters)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
