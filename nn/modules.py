"""Neuron, Layer, MLP: the thin layer over the engine, with nodes named as the notes name them.

>>> model = MLP(2, [2, 1], activation="sigmoid", seed=0)
>>> model
MLP(2, [2, 1], activation='sigmoid', output='linear')
>>> [str(p.label) for p in model.parameters()]
['w_h1,x1', 'w_h1,x2', 'w_h2,x1', 'w_h2,x2', 'b_h1', 'b_h2', 'w_o1,h1', 'w_o1,h2', 'b_o1']
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from random import Random
from typing import Any

import engine
from engine import Leaves, Role, Value, recording
from nn.init import Initialiser, generator, initialiser
from nn.numbers import counted, flag, plain, whole


ACTIVATIONS: dict[str, Callable[[Any], Any] | None] = {
    "linear": None,  # o_j = net_j: one node (LEC-8)
    "sigmoid": engine.sigmoid,
    "tanh": engine.tanh,
    "relu": engine.relu,
    "leaky_relu": engine.leaky_relu,
    "softplus": engine.softplus,
}
OUTPUTS = [*ACTIVATIONS, "softmax"]  # softmax looks at the whole vector of nets, so it is for output layers


class Module:
    """Anything with parameters: its own Values, and those of the modules and sequences it holds."""

    training = True

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Every parameter once, with its name: the attributes that lead to it, joined by dots."""
        yield from _once(_leaves("", vars(self)))

    def parameters(self) -> list[Value]:
        """Every parameter once, in a fixed order."""
        return [p for _, p in self.named_parameters()]

    def zero_grad(self) -> None:
        """Forget all gradients: until the next backward pass they are None."""
        for p in self.parameters():
            p.grad = None

    def train(self, mode: bool = True) -> Module:
        """Switch to training, or with False to evaluation; no layer here behaves differently in either."""
        self.training = mode
        return self

    def eval(self) -> Module:
        """Switch to evaluation."""
        return self.train(False)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({counted(len(self.parameters()), 'parameter')})"

    def _repr_html_(self) -> str | None:
        return import_module("nn.display").module_html(self)  # type: ignore[no-any-return]

    def tensors(self) -> dict[str, Any]:
        """The parameters under the names and in the shapes of a state dict: Values, and nested sequences of them."""
        return dict(self.named_parameters())

    def state_dict(self) -> dict[str, Any]:
        """The numbers of all parameters; of an MLP by layer, as PyTorch shapes them (units x inputs)."""
        return {name: _map(lambda p: p.data, t) for name, t in self.tensors().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set all parameters from a state dict.

        Raises ValueError, and changes nothing, if a name is missing or unknown, a shape differs or a
        number is not finite.
        """
        if not isinstance(state, Mapping):
            raise TypeError(f"a state dict is needed, such as that of model.state_dict(), not {_brief(state)}; nothing was loaded")
        tensors = self.tensors()
        if missing := tensors.keys() - state.keys():
            raise ValueError(f"the state dict lacks {sorted(missing)}; nothing was loaded")
        if unknown := state.keys() - tensors.keys():
            raise ValueError(f"the state dict has {sorted(unknown)}, which this model has not; nothing was loaded")
        loaded = [pair for name, t in tensors.items() for pair in _pairs(name, t, state[name])]
        for p, x in loaded:
            p.data = x


class Neuron(Module):
    """One unit: o_j = f(net_j) with net_j = sum_i w_ji o_i + b_j (LEC-3, LEC-4).

    >>> unit = Neuron(2, activation="tanh", seed=1)
    >>> unit([0.5, -1.0]).label
    Role(kind='o', unit='o1', source='')
    """

    def __init__(
        self,
        nin: int,
        activation: str = "tanh",
        *,
        bias: bool = True,
        init: str | float | Initialiser = "xavier",
        seed: int | Random = 0,
        name: str = "o1",
        sources: Sequence[str] | None = None,
        nout: int = 1,
    ) -> None:
        nin, nout = whole("nin", nin), whole("nout", nout)
        random = seed if isinstance(seed, Random) else generator(seed)
        draw = initialiser(init)
        sources = _units("x", nin, sources)
        self.w = Leaves(Value(draw(random, nin, nout), Role("w", name, i)) for i in sources)
        self.b = Value(0.0, Role("b", name)) if flag("bias", bias) else None
        self.activation = _choice("activation", activation, list(ACTIVATIONS))
        self.net_label, self.o_label = Role("net", name), Role("o", name)

    def __call__(self, x: Sequence[Any]) -> Any:
        return _respond([self], self.activation, x)[0]

    def __repr__(self) -> str:
        return f"Neuron({len(self.w)}, {self.activation!r}{', bias=False' if self.b is None else ''})"


class Layer(Module):
    """Units side by side over the same inputs; `expand` writes every product and sum as a node of its own.

    With `skip` the layer adds to its inputs, of which there are as many as units: o_j = f(net_j) + x_j.

    >>> layer = Layer(2, 3, activation="softmax", seed=0)
    >>> round(sum(o.data for o in layer([1.0, 2.0])), 12)
    1.0
    """

    def __init__(
        self,
        nin: int,
        nout: int,
        activation: str = "tanh",
        *,
        bias: bool = True,
        init: str | float | Initialiser = "xavier",
        seed: int | Random = 0,
        names: Sequence[str] | None = None,
        sources: Sequence[str] | None = None,
        expand: bool = False,
        skip: bool = False,
    ) -> None:
        nin, nout = whole("nin", nin), whole("nout", nout)
        if skip and nin != nout:
            raise ValueError(f"skip adds input j to unit j, so it needs as many units as inputs, not {nin} -> {nout}")
        random = seed if isinstance(seed, Random) else generator(seed)
        self.activation = _choice("activation", activation, OUTPUTS)
        self.expand, self.skip = expand, skip
        unit = "linear" if activation == "softmax" else activation
        names = _units("o", nout, names)
        self.neurons = [
            Neuron(nin, unit, bias=bias, init=init, seed=random, name=j, sources=sources, nout=nout) for j in names
        ]

    @property
    def weight(self) -> tuple[tuple[Value, ...], ...]:
        """w_ji: a row for each unit j, a column for each input i."""
        return tuple(n.w for n in self.neurons)

    @property
    def bias(self) -> tuple[Value, ...] | None:
        """b_j, or None for a layer without biases."""
        return None if self.neurons[0].b is None else tuple(n.b for n in self.neurons if n.b is not None)

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Unit by unit the weights w_j1 ... w_jn, then the biases, named as the notes name them."""
        yield from _once((str(p.label), p) for p in (*(p for row in self.weight for p in row), *(self.bias or ())))

    def tensors(self) -> dict[str, Any]:
        """`weight`, and `bias` if the layer has biases."""
        return {"weight": self.weight} | ({} if self.bias is None else {"bias": self.bias})

    def __call__(self, x: Sequence[Any]) -> list[Any]:
        return _respond(self.neurons, self.activation, x, self.expand, self.skip)

    def __repr__(self) -> str:
        told = ", bias=False" * (self.bias is None) + ", skip=True" * self.skip
        return f"Layer({len(self.neurons[0].w)}, {len(self.neurons)}, {self.activation!r}{told})"


class MLP(Module):
    """A multi-layer perceptron: `nin` inputs, then layers of n1, ..., nout units.

    `activation` is for the hidden layers (a name, or a list with one for each), `output` for the last: linear, sigmoid,
    tanh, relu, leaky_relu, softplus; softmax for K classes of which one is right (SX: f_k = g_k(T)), sigmoid for K labels
    each of its own (LEC: "assuming multi-label"). Called on numbers or Values it returns a list of Values; inside
    `no_grad`, of floats. `init` says how the weights start, from `seed`: a name or a function of `nn.init`, or one number
    for all; biases start at 0. `expand=True` makes every product and sum a node of its own, where else net_j is one.

    `skip=True` adds to every hidden layer with as many units as inputs what came in (He and others, CVPR 2016, equation
    1): o_j = f(net_j) + x_j, so do_j/dx_i = f'(net_j) w_ji + [i = j]. No other layer, and no parameter, is changed.

    >>> model = MLP(4, [8, 3], output="softmax", seed=0)
    >>> [o.label.unit for o in model([5.1, 3.5, 1.4, 0.2])], len(model.parameters())
    (['o1', 'o2', 'o3'], 67)
    """

    def __init__(
        self,
        nin: int,
        layers: Sequence[int],
        *,
        activation: str | Sequence[str] = "tanh",
        output: str = "linear",
        bias: bool = True,
        init: str | float | Initialiser = "xavier",
        seed: int = 0,
        expand: bool = False,
        skip: bool = False,
    ) -> None:
        layers = plain(layers)
        sizes = [whole("units of a layer", n) for n in layers] if isinstance(layers, Sequence) else []
        if not sizes:
            raise ValueError(f"layers must list the units of each layer, as in [8, 3], not {layers!r}")
        nin = whole("nin", nin)
        depth = len(sizes) - 1
        if not isinstance(activation, Sequence):
            raise TypeError(f"activation is {activation!r}; write a name, or a list with one for each hidden layer")
        hidden = [activation] * depth if isinstance(activation, str) else list(activation)
        if len(hidden) != depth:
            raise ValueError(f"{counted(len(hidden), 'activation')} for {counted(depth, 'hidden layer')}: {hidden}")
        activations = [_choice("activation", a, list(ACTIVATIONS)) for a in hidden]
        activations.append(_choice("output", output, OUTPUTS))
        if output == "softmax" and sizes[-1] == 1:
            raise ValueError("softmax over one unit is always 1: give it a unit for each class, or output='sigmoid'")
        bias, expand, skip = flag("bias", bias), flag("expand", expand), flag("skip", skip)
        agree = [a == b for a, b in zip([nin, *sizes], sizes[:-1], strict=False)]
        if skip and not any(agree):
            raise ValueError(f"no hidden layer has as many units as inputs, so there is nothing to skip: {nin}, {sizes}")
        self.config = {"nin": nin, "layers": sizes, "activation": activation, "output": output, "bias": bias}
        self.config |= {"init": init, "seed": seed, "expand": expand, "skip": skip}
        random = generator(seed)
        sources, self.layers = _units("x", nin), []
        for k, (n, f) in enumerate(zip(sizes, activations, strict=True), 1):
            names = _units("o" if k > depth else "h" if depth == 1 else f"h{k}_", n)
            layer = Layer(
                len(sources), n, f, bias=bias, init=init, seed=random, names=names, sources=sources, expand=expand,
                skip=skip and k <= depth and agree[k - 1],
            )  # fmt: skip
            self.layers.append(layer)
            sources = names

    @property
    def nin(self) -> int:
        """The number of inputs."""
        return len(self.layers[0].neurons[0].w)

    @property
    def nout(self) -> int:
        """The number of outputs."""
        return len(self.layers[-1].neurons)

    @property
    def output(self) -> str:
        """The activation of the output layer."""
        return self.layers[-1].activation

    @property
    def skips(self) -> list[tuple[str, str]]:
        """The skip connections: pairs of units, of which the first is added to the output of the second."""
        return [(n.w[j].label.source, n.o_label.unit) for k in self.layers if k.skip for j, n in enumerate(k.neurons)]

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Layer by layer: the weights w_j1 ... w_jn unit by unit, then the biases."""
        yield from _once(named for layer in self.layers for named in layer.named_parameters())

    def tensors(self) -> dict[str, Any]:
        """`layers.0.weight`, `layers.0.bias`, `layers.1.weight`, ..."""
        return {f"layers.{k}.{name}": t for k, layer in enumerate(self.layers) for name, t in layer.tensors().items()}

    def __call__(self, x: Sequence[Any]) -> list[Any]:
        x = _inputs(x)
        if len(x) != self.nin:
            raise ValueError(f"the model takes {counted(self.nin, 'input')}, this sample has {len(x)}: {_brief(x)}")
        for layer in self.layers:
            x = layer(x)
        return list(x)

    def __repr__(self) -> str:
        c = self.config
        shown = [f"{k}={c[k]!r}" for k in ("activation", "output")] + ["bias=False"] * (not c["bias"])
        shown += ["skip=True"] * (c["skip"] is True)
        return f"MLP({c['nin']}, {c['layers']}, {', '.join(shown)})"


def _respond(
    units: Sequence[Neuron], activation: str, x: Sequence[Any], expand: bool = False, skip: bool = False
) -> list[Any]:
    """The outputs of units over the same inputs: net_j, then f(net_j), or f(net_j) + x_j; labelled if they are nodes."""
    x = _inputs(x)
    weights: list[Any] = [n.w for n in units]
    biases: list[Any] | None = None if units[0].b is None else [n.b for n in units]
    if not recording():
        expand = False  # the numbers are the same
        x = [v.data if v.__class__ is Value else v for v in x]
        weights = [[p.data for p in w] for w in weights]
        biases = biases and [b.data for b in biases]
    nets = _expanded(weights, x, biases) if expand else engine.affine(weights, x, biases)
    f = ACTIVATIONS.get(activation)
    outputs = engine.softmax(nets) if activation == "softmax" else nets if f is None else [f(net) for net in nets]
    if skip:
        outputs = [o + x_j for o, x_j in zip(outputs, x, strict=True)]
    if nets[0].__class__ is Value:
        for n, net, o in zip(units, nets, outputs, strict=True):
            net.label = n.net_label
            o.label = n.o_label
    return outputs


def _inputs(x: Any) -> Sequence[Any]:
    """The inputs as a sequence; an array gives its numbers."""
    if x.__class__ is list:
        return x
    if hasattr(x, "tolist"):
        x = x.tolist()
    if not isinstance(x, Sequence):
        raise TypeError(f"the inputs are a sequence of numbers or Values, not {_brief(x)}")
    return x


def _expanded(weights: Sequence[Any], x: Sequence[Any], biases: Sequence[Any] | None) -> list[Any]:
    """The nets with every product and every sum as a node: the same numbers, term by term, bias last."""
    nets = []
    for j, w in enumerate(weights):
        if len(w) != len(x):
            raise ValueError(f"a unit with {counted(len(w), 'weight')} cannot take {counted(len(x), 'input')}: {_brief(x)}")
        net = w[0] * x[0]
        for w_i, x_i in zip(w[1:], x[1:], strict=True):
            net = net + w_i * x_i
        nets.append(net if biases is None else net + biases[j])
    return nets


def _units(prefix: str, n: int, names: Sequence[str] | None = None) -> list[str]:
    """The names given, of which there have to be `n`, or numbered ones."""
    found = [f"{prefix}{j}" for j in range(1, n + 1)] if names is None else list(names)
    if len(found) != n:
        raise ValueError(f"{n} names are needed, not {len(found)}: {found}")
    return found


def _once(named: Iterable[tuple[str, Value]]) -> Iterator[tuple[str, Value]]:
    """Without the parameters that came before: one that is shared keeps its first name."""
    seen: set[Value] = set()
    for name, p in named:
        if p not in seen:
            seen.add(p)
            yield name, p


def _leaves(prefix: str, items: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
    for name, item in items.items():
        if isinstance(item, Value):
            yield prefix + name, item
        elif isinstance(item, Module):
            yield from ((f"{prefix}{name}.{inner}", p) for inner, p in item.named_parameters())
        elif isinstance(item, list | tuple | dict):
            inside = item if isinstance(item, dict) else {str(k): v for k, v in enumerate(item)}
            yield from _leaves(f"{prefix}{name}.", inside)


def _map(f: Callable[[Value], float], t: Any) -> Any:
    return f(t) if isinstance(t, Value) else [_map(f, u) for u in t]


def _pairs(name: str, t: Any, state: Any) -> Iterator[tuple[Value, float]]:
    """Each parameter of `t` with the number it is to have, or the ValueError that names the difference."""
    state = state.tolist() if hasattr(state, "tolist") else state
    if isinstance(t, Value):
        if not isinstance(state, int | float) or isinstance(state, bool) or not math.isfinite(state):
            raise ValueError(f"{name}: {t.label} needs a finite number, not {state!r}; nothing was loaded")
        yield t, float(state)
        return
    if not isinstance(state, list | tuple) or len(state) != len(t):
        got = f"{len(state)}" if isinstance(state, list | tuple) else repr(state)
        raise ValueError(f"{name} needs {counted(len(t), 'entry', 'entries')}, not {got}; nothing was loaded")
    for u, s in zip(t, state, strict=True):
        yield from _pairs(name, u, s)


def _choice(what: str, name: Any, accepted: list[str]) -> str:
    if name not in accepted:
        hint = " (softmax looks at all units at once: it can only be the output)" if name == "softmax" else ""
        raise ValueError(f"unknown {what} {name!r}{hint}; choose from {', '.join(accepted)}")
    return str(name)


def _brief(x: Any) -> str:
    return s if len(s := repr(x)) <= 60 else s[:57] + "..."
