"""Networks with rows and an optimiser, to be trained on the graph and by compiled steps."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import pytest

from nn import MLP, SGD, Diverged, losses
from nn.compiled import CompiledSteps


class Training:
    """A model, rows and an optimiser; a step on the graph, and the objective that is compiled."""

    def __init__(self, sizes: list[int], loss: str, seed: int = 3, lr: float = 0.1, rows: int = 17, **kwargs: Any) -> None:
        sgd = {k: kwargs.pop(k) for k in ("momentum", "nesterov", "weight_decay") if k in kwargs}
        self.model = MLP(sizes[0], sizes[1:], seed=seed, **kwargs)
        self.loss = losses.LOSSES[loss]
        self.optimiser = SGD(self.model.parameters(), lr, **sgd)
        random = Random(seed)
        self.rows = []
        for _ in range(rows):
            x = [random.gauss(0.0, 1.0) for _ in range(sizes[0])]
            t: Any = random.randrange(sizes[-1])
            if loss != "cross_entropy":
                t = [random.choice((-1.0, 1.0) if loss == "hinge" else (0.0, 1.0)) for _ in range(sizes[-1])]
            self.rows.append((x, t))

    def objective(self, batch: list[Any]) -> Any:
        E = self.loss(self.model(batch[0][0]), batch[0][1])
        for x, t in batch[1:]:
            E = E + self.loss(self.model(x), t)
        return E if len(batch) == 1 else E / len(batch)

    def update(self, batch: Any, k: int = 0) -> float:
        E = self.objective([self.rows[k] for k in batch])
        if not math.isfinite(E.data):
            raise Diverged(f"the loss is {E.data}")
        self.optimiser.zero_grad()
        E.backward()
        self.optimiser.step()
        return float(E.data)

    def compiled(self, backend: str, strict: bool = True) -> CompiledSteps:
        return CompiledSteps(self.model, self.rows, self.objective, self.optimiser, backend, strict)

    def weights(self) -> list[float]:
        return [p.data for p in self.model.parameters()]

    def order(self, seed: int = 0) -> list[int]:
        order = list(range(len(self.rows)))
        Random(seed).shuffle(order)
        return order


def agree_however_many_rows(fast: Training, graph: Training, order: list[int], rel: float) -> CompiledSteps:
    """Compiled without `strict`, `fast` trains as `graph` does on the graph over one row, two, and so on; returns its steps."""
    steps, start = fast.compiled("native", strict=False), fast.weights()
    for n, row in enumerate(order, 1):
        expected = graph.update([row])
        for p, number in zip(fast.model.parameters(), start, strict=True):
            p.data = number
        assert steps.run(order[:n], 1, fast.update)[-1] == pytest.approx(expected, rel=rel)
        assert fast.weights() == pytest.approx(graph.weights(), rel=rel)
    return steps


def a_training(seed: int) -> Training:
    """A network of 1 to 12 layers, of equal, single or ragged widths, with any activations, loss and optimiser."""
    random = Random(seed)
    depth = random.choice((1, 2, 2, 3, 4, 12))
    width = random.choice((1, 2, 5, 8, 17))
    equal = random.random() < 0.5
    sizes = [width if equal else random.randint(1, 20) for _ in range(depth + 1)]
    loss = random.choice(sorted(losses.LOSSES))
    output = {"bce": "sigmoid", "cross_entropy": "softmax"}.get(loss) or random.choice(("linear", "tanh", "sigmoid"))
    hidden = [random.choice(("tanh", "sigmoid", "relu", "leaky_relu", "softplus")) for _ in range(depth - 1)]
    settings: dict[str, Any] = {"activation": hidden, "output": output, "bias": random.random() < 0.8}
    if random.random() < 0.5:
        settings |= {"momentum": 0.9, "nesterov": random.random() < 0.5, "weight_decay": random.choice((0.0, 0.01))}
    loss = "cross_entropy" if loss == "cross_entropy_with_logits" else loss
    settings["output"] = "softmax" if loss == "cross_entropy" else output
    if loss == "cross_entropy":
        sizes[-1] = max(2, sizes[-1])  # one class leaves nothing to choose
    return Training(sizes, loss, seed=seed, lr=0.02, rows=7, expand=random.random() < 0.1, **settings)
