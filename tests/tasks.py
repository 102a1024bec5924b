"""Small tasks to be trained on, and the numbers of a model."""

from functools import cache

from nn import MLP, data


def numbers(model):
    return [p.data for p in model.parameters()]


@cache
def iris():
    return data.standardise(*data.split(data.iris(), held_out=0.2, seed=0))


@cache
def moons(n=60):
    return data.moons(n, noise=0.2, seed=1)


def xor(**options):
    return MLP(2, [3, 1], **({"activation": "tanh", "output": "sigmoid", "seed": 2} | options))


TASKS = {
    "XOR": (lambda: xor(), lambda: data.XOR(), "bce", 0.3, 60),
    "XOR, sse": (lambda: xor(activation="sigmoid", init="normal"), lambda: data.XOR(), "sse", 0.5, 60),
    "moons": (lambda: MLP(2, [6, 4, 2], output="softmax", seed=3), moons, "cross_entropy", 0.1, 6),
    "moons, logits": (
        lambda: MLP(2, [5, 2], activation="softplus", seed=3), moons, "cross_entropy_with_logits", 0.1, 6,
    ),
    "iris": (lambda: MLP(4, [8, 3], output="softmax", seed=0), lambda: iris()[0], "cross_entropy", 0.05, 4),
    "iris, labels": (
        lambda: MLP(4, [5, 3], activation="relu", output="sigmoid", init="he", seed=1, bias=False),
        lambda: iris()[0].one_hot(), "mse", 0.2, 4,
    ),
}  # fmt: skip
