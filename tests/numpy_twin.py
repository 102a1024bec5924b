"""A network and its training once more, in NumPy: whole matrices, closed-form gradients, nothing of the engine."""

import math
import random

import numpy as np


def sigmoid(n):
    return np.where(n >= 0, 1.0, np.exp(-np.abs(n))) / (1.0 + np.exp(-np.abs(n)))


def softmax(n):
    e = np.exp(n - n.max())
    return e / e.sum()


#              o = f(net)                             f'(net)
ACTIVATIONS = {
    "linear": (lambda n: n, np.ones_like),
    "sigmoid": (sigmoid, lambda n: sigmoid(n) * sigmoid(-n)),
    "tanh": (np.tanh, lambda n: 1.0 / np.cosh(n) ** 2),
    "relu": (lambda n: np.where(n > 0, n, 0.0), lambda n: np.where(n > 0, 1.0, 0.0)),
    "leaky_relu": (lambda n: np.where(n > 0, n, 0.01 * n), lambda n: np.where(n > 0, 1.0, 0.01)),
    "softplus": (lambda n: np.logaddexp(0.0, n), sigmoid),
}

#                  E                                                              dE/do
LOSSES = {
    "sse": (lambda o, t: np.sum((t - o) ** 2), lambda o, t: 2.0 * (o - t)),
    "half_sse": (lambda o, t: np.sum((t - o) ** 2) / 2.0, lambda o, t: o - t),
    "mse": (lambda o, t: np.mean((t - o) ** 2), lambda o, t: 2.0 * (o - t) / len(o)),
    "bce": (
        lambda o, t: -np.sum(t * np.log(o) + (1.0 - t) * np.log(1.0 - o)),
        lambda o, t: (o - t) / (o * (1.0 - o)),
    ),
    "bce_with_logits": (
        lambda o, t: np.sum(np.logaddexp(0.0, o) - t * o),
        lambda o, t: sigmoid(o) - t,
    ),
    "cross_entropy": (lambda o, t: -np.sum(t * np.log(o)), lambda o, t: -t / o),
    "cross_entropy_with_logits": (
        lambda o, t: np.sum(t) * (o.max() + np.log(np.sum(np.exp(o - o.max())))) - np.sum(t * o),
        lambda o, t: softmax(o) * np.sum(t) - t,
    ),
    "hinge": (
        lambda o, t: np.sum(np.maximum(0.0, 1.0 - t * o)),
        lambda o, t: np.where(t * o < 1.0, -t, 0.0),
    ),
}


class Twin:
    """The network whose numbers are those of `model` now: W[k] is units x inputs, b[k] the biases or None."""

    def __init__(self, model):
        state = model.state_dict()
        depth = len(model.layers)
        self.W = [np.array(state[f"layers.{k}.weight"]) for k in range(depth)]
        self.b = [np.array(state[f"layers.{k}.bias"]) if f"layers.{k}.bias" in state else None for k in range(depth)]
        self.activations = [layer.activation for layer in model.layers]
        self.skips = [model.config["skip"] and len(W) == W.shape[1] for W in self.W[:-1]] + [False]

    @property
    def arrays(self):
        """W, b of the first layer, then of the next; biases left out where there are none."""
        return [a for pair in zip(self.W, self.b, strict=True) for a in pair if a is not None]

    def flat(self):
        """All numbers in the order of `parameters()`."""
        return np.concatenate([a.ravel() for a in self.arrays])

    def forward(self, x):
        """The nets and the outputs of every layer; the inputs come first among the outputs."""
        nets, outs = [], [np.array(x, dtype=float)]
        for W, b, name, skip in zip(self.W, self.b, self.activations, self.skips, strict=True):
            nets.append(W @ outs[-1] + (0.0 if b is None else b))
            o = softmax(nets[-1]) if name == "softmax" else ACTIVATIONS[name][0](nets[-1])
            outs.append(o + outs[-1] if skip else o)
        return nets, outs

    def target(self, t):
        """A class index as ones and zeros."""
        return np.eye(len(self.W[-1]))[t] if isinstance(t, int) else np.array(t, dtype=float)

    def loss(self, x, t, name):
        return float(LOSSES[name][0](self.forward(x)[1][-1], self.target(t)))

    def backward(self, x, t, name):
        """E, and dE/d(array) for every array."""
        nets, outs = self.forward(x)
        t = self.target(t)
        slope = LOSSES[name][1](outs[-1], t)
        if self.activations[-1] == "softmax":
            o = outs[-1]
            delta = o * np.sum(t) - t if name == "cross_entropy" else (np.diag(o) - np.outer(o, o)) @ slope
        else:
            delta = slope * ACTIVATIONS[self.activations[-1]][1](nets[-1])
        gradients = []
        for k in reversed(range(len(self.W))):
            gradients[:0] = [np.outer(delta, outs[k])] + ([] if self.b[k] is None else [delta])
            if k:
                slope = self.W[k].T @ delta + (slope if self.skips[k] else 0.0)
                delta = slope * ACTIVATIONS[self.activations[k - 1]][1](nets[k - 1])
        return float(LOSSES[name][0](outs[-1], t)), gradients


def orders(n, order, seed):
    """The indices of the rows, epoch by epoch, for ever."""
    generator = random.Random(seed)
    while True:
        if order == "with_replacement":
            yield [generator.randrange(n) for _ in range(n)]
        else:
            indices = list(range(n))
            if order == "shuffled":
                generator.shuffle(indices)
            yield indices


FACTORS = {
    None: lambda epoch, epochs: 1.0,
    "step": lambda epoch, epochs: 0.1 ** (epoch // 10),
    "linear": lambda epoch, epochs: (epochs - epoch) / epochs,
    "cosine": lambda epoch, epochs: 0.5 * (1.0 + math.cos(math.pi * epoch / epochs)),
}


def train(twin, rows, loss, lr, epochs, batch_size=1, order="shuffled", seed=0, momentum=0.0, nesterov=False,
          weight_decay=0.0, schedule=None):
    """Change the arrays of `twin` by gradient descent; returns the mean loss of every epoch.

    The formulas of torch.optim.SGD: g = dE/dw + weight_decay w; v = momentum v + g, at first v = g;
    w <- w - lr v, or with nesterov w - lr (g + momentum v).
    """
    velocity, means = None, []
    for epoch, indices in zip(range(epochs), orders(len(rows), order, seed), strict=False):
        rate, total = lr * FACTORS[schedule](epoch, epochs), 0.0
        for start in range(0, len(rows), batch_size):
            batch = [rows[i] for i in indices[start : start + batch_size]]
            parts = [twin.backward(x, t, loss) for x, t in batch]
            total += sum(E for E, _ in parts)
            steps = [sum(gs) / len(batch) for gs in zip(*(g for _, g in parts), strict=True)]
            steps = [g + weight_decay * w for g, w in zip(steps, twin.arrays, strict=True)]
            if momentum:
                velocity = steps if velocity is None else [
                    momentum * v + g for v, g in zip(velocity, steps, strict=True)
                ]
                steps = [g + momentum * v for g, v in zip(steps, velocity, strict=True)] if nesterov else velocity
            for w, v in zip(twin.arrays, steps, strict=True):
                w -= rate * v
        means.append(total / len(rows))
    return means
