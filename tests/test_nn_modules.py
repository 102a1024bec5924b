"""Neurons, layers and MLPs: names, labels, what units compute, inputs, skips, and what they refuse."""

import math
import random
import re
from fractions import Fraction

import numpy as np
import pytest
from numpy_twin import Twin

from engine import Role, Value, no_grad, sigmoid, tanh
from nn import MLP, Layer, Module, Neuron, fit, load, losses, save


def numbers(values):
    return [v.data for v in values]


def graph(*roots):
    """Every Value below `roots`."""
    found, stack = set(roots), list(roots)
    for v in stack:
        for a in v.args:
            if isinstance(a, Value) and a not in found:
                found.add(a)
                stack.append(a)
    return found


# ---- names, labels, order


def test_parameters_layer_by_layer_unit_by_unit_then_biases():
    model = MLP(2, [3, 1])
    names = [
        "w_h1,x1", "w_h1,x2", "w_h2,x1", "w_h2,x2", "w_h3,x1", "w_h3,x2", "b_h1", "b_h2", "b_h3",
        "w_o1,h1", "w_o1,h2", "w_o1,h3", "b_o1",
    ]  # fmt: skip
    assert [name for name, _ in model.named_parameters()] == names
    assert [str(p.label) for p in model.parameters()] == names
    assert [p for _, p in model.named_parameters()] == model.parameters()
    first = model.layers[0]
    assert model.parameters()[:9] == [*first.weight[0], *first.weight[1], *first.weight[2], *first.bias]


def test_names_in_deeper_nets():
    model = MLP(2, [2, 1, 1])
    assert [name for name, _ in model.named_parameters()] == [
        "w[h1_1,x1]", "w[h1_1,x2]", "w[h1_2,x1]", "w[h1_2,x2]", "b[h1_1]", "b[h1_2]",
        "w[h2_1,h1_1]", "w[h2_1,h1_2]", "b[h2_1]", "w[o1,h2_1]", "b_o1",
    ]  # fmt: skip
    (o,) = model([0.5, -0.5])
    labels = {str(v.label) for v in graph(o) if v.label is not None}
    assert {"o_o1", "net[h1_1]", "o[h1_2]", "net[h2_1]", "o[h2_1]"} <= labels


def test_names_without_hidden_layers_and_without_biases():
    names = [name for name, _ in MLP(2, [2], bias=False).named_parameters()]
    assert names == ["w_o1,x1", "w_o1,x2", "w_o2,x1", "w_o2,x2"]


def test_nodes_are_labelled_with_their_roles():
    for expand in (False, True):
        model = MLP(2, [2, 1], activation="tanh", output="sigmoid", expand=expand)
        E = losses.sse(model([0.3, -0.2]), [1.0])
        roles = {v.label for v in graph(E) if isinstance(v.label, Role)}
        units = ("h1", "h2", "o1")
        assert roles == {
            Role("E"), *(p.label for p in model.parameters()), *(Role(kind, j) for kind in ("net", "o") for j in units)
        }  # fmt: skip
        assert model.parameters()[1].label == Role("w", "h1", "x2")


def test_a_linear_unit_is_one_node_labelled_as_its_output():
    (o,) = MLP(2, [1])([0.3, -0.2])
    assert o.op.name == "net"
    assert o.label == Role("o", "o1")


def test_mse_labels_its_sum_and_its_mean():
    E = losses.mse(MLP(2, [2])([0.3, -0.2]), [1.0, 0.0])
    assert str(E.label) == "E"
    assert E.args[0].label == "SSE"


def test_a_module_of_modules():
    class Pair(Module):
        def __init__(self):
            self.gain = Value(2.0, "gain")
            self.parts = [Neuron(2, seed=1), {"last": Layer(1, 2, seed=2)}]
            self.name = "pair"

    pair = Pair()
    expected = ["gain", "parts.0.w.0", "parts.0.w.1", "parts.0.b", "parts.1.last.w_o1,x1", "parts.1.last.w_o2,x1",
                "parts.1.last.b_o1", "parts.1.last.b_o2"]  # fmt: skip
    assert [name for name, _ in pair.named_parameters()] == expected
    assert pair.parameters() == [
        pair.gain, *pair.parts[0].w, pair.parts[0].b, *pair.parts[1]["last"].parameters()
    ]  # fmt: skip
    assert list(pair.state_dict()) == expected
    pair.load_state_dict(dict.fromkeys(expected, 0.25))
    assert numbers(pair.parameters()) == [0.25] * 8


# ---- what units compute


def test_a_neuron():
    unit = Neuron(2, "tanh", seed=3)
    unit.b.data = 0.4
    o = unit([0.5, -1.0])
    net = unit.w[0].data * 0.5 + unit.w[1].data * -1.0 + 0.4
    assert o.data == math.tanh(net)
    assert (o.label, o.args[0].label, o.args[0].data) == (Role("o", "o1"), Role("net", "o1"), net)


@pytest.mark.parametrize(
    ("activation", "f"),
    [
        ("linear", lambda n: n),
        ("sigmoid", sigmoid),
        ("tanh", tanh),
        ("relu", lambda n: max(n, 0.0)),
        ("leaky_relu", lambda n: n if n > 0 else 0.01 * n),
        ("softplus", lambda n: math.log1p(math.exp(n))),
    ],
)
def test_layers_apply_their_activation_unit_by_unit(activation, f):
    layer = Layer(2, 5, activation, seed=1)
    for j, unit in enumerate(layer.neurons):
        unit.b.data = 0.1 * j - 0.2
    nets = [w1.data * 0.7 + w2.data * -1.3 + b.data for (w1, w2), b in zip(layer.weight, layer.bias, strict=True)]
    assert min(nets) < 0 < max(nets)
    assert numbers(layer([0.7, -1.3])) == pytest.approx([f(n) for n in nets], rel=1e-15)


def test_layers_feed_forward():
    model = MLP(3, [4, 2], activation=["relu"], output="tanh", seed=2)
    x = [0.2, -0.4, 1.5]
    assert numbers(model(x)) == numbers(model.layers[1](model.layers[0](x)))
    assert [layer.activation for layer in model.layers] == ["relu", "tanh"]
    assert (model.nin, model.nout, model.output) == (3, 2, "tanh")


def test_defaults():
    model = MLP(2, [3, 2])
    assert [layer.activation for layer in model.layers] == ["tanh", "linear"]
    assert all(layer.bias is not None and not layer.expand for layer in model.layers)
    assert numbers(model.layers[0].bias) == [0.0] * 3


def test_outputs_are_always_a_list():
    for nout in (1, 3):
        outputs = MLP(2, [nout])([0.5, 0.5])
        assert type(outputs) is list
        assert len(outputs) == nout
        with no_grad():
            assert type(MLP(2, [nout])([0.5, 0.5])) is list


# ---- inputs


@pytest.mark.parametrize("expand", [False, True])
@pytest.mark.parametrize(
    "x",
    [
        (0.5, -2.0), [np.float64(0.5), np.float32(-2.0)], np.array([0.5, -2.0]), np.float32([0.5, -2.0]), [0.5, -2],
        [0.5, np.int64(-2)], [Fraction(1, 2), -2], [Value(0.5), -2], [0.5, Value(-2.0)],
    ],
    ids=["tuple", "scalars", "float64", "float32", "int", "int64", "Fraction", "Value first", "Value last"],
)  # fmt: skip
def test_inputs_of_every_kind_give_the_same_bits(x, expand):
    model = MLP(2, [3, 1], seed=1, expand=expand)
    expected = numbers(model([0.5, -2.0]))
    assert numbers(model(x)) == expected
    assert numbers(model.layers[1](model.layers[0](x))) == expected
    with no_grad():
        assert model(x) == expected


def test_inputs_may_be_nodes_with_gradients():
    model = MLP(2, [3, 1], activation="sigmoid", seed=1)
    x = [Value(0.5, "x1"), Value(-2.0, "x2")]
    (o,) = model(x)
    o.backward(-2.0)
    h = 1e-5
    for k in range(2):
        moved = [[v.data + s * h * (i == k) for i, v in enumerate(x)] for s in (1, -1)]
        with no_grad():
            slope = (model(moved[0])[0] - model(moved[1])[0]) / (2 * h)
        assert x[k].grad == pytest.approx(-2.0 * slope, rel=1e-8)


@pytest.mark.parametrize("x", [[], (1.0,), [1.0, 2.0, 3.0], np.zeros(4), np.zeros((1, 2))], ids=str)
def test_samples_of_the_wrong_length(x):
    model = MLP(2, [1])
    expected = re.escape(f"the model takes 2 inputs, this sample has {len(x)}: ")
    with pytest.raises(ValueError, match=expected):
        model(x)
    with pytest.raises(ValueError, match=expected), no_grad():
        model(x)


@pytest.mark.parametrize("expand", [False, True])
@pytest.mark.parametrize("x", [[1.0], [1.0, 2.0, 3.0]], ids=len)
def test_wrong_lengths_for_layers_and_neurons(x, expand):
    with pytest.raises(ValueError, match=f"a unit with 2 weights cannot take {len(x)} input"):
        Layer(2, 3, expand=expand)(x)
    with pytest.raises(ValueError, match=f"a unit with 2 weights cannot take {len(x)} input"):
        Neuron(2)(x)
    with pytest.raises(ValueError, match="empty"):
        Neuron(2)([])


def test_a_long_sample_is_told_briefly():
    with pytest.raises(ValueError, match=r"has 1000: \[0\.0, .*\.\.\.$") as told:
        MLP(2, [1])([0.0] * 1000)
    assert len(str(told.value)) < 130


@pytest.mark.parametrize("x", [1.0, None, {0.5, 0.25}, iter([0.5, 0.25]), Value(1.0)], ids=type)
def test_inputs_that_are_no_sequence(x):
    expected = re.escape(f"the inputs are a sequence of numbers or Values, not {repr(x)[:20]}")
    for model in (MLP(2, [1]), Layer(2, 1), Neuron(2)):
        with pytest.raises(TypeError, match=expected):
            model(x)


@pytest.mark.parametrize("expand", [False, True])
@pytest.mark.parametrize("bad", ["1", None, 1j, [1.0], np.zeros(2)], ids=["text", "None", "complex", "list", "array"])
def test_inputs_that_are_no_numbers(bad, expand):
    model = MLP(2, [2], expand=expand)
    for x in ([0.5, bad], [bad, 0.5]):
        with pytest.raises(TypeError, match="a number was expected, not "):
            model(x)


# ---- bad shapes and names


@pytest.mark.parametrize("bad", [0, -1, 2.0, "3", None, True, np.float64(5.0)])
def test_sizes(bad):
    for make, what in (
        (lambda: MLP(bad, [1]), "nin"),
        (lambda: MLP(2, [3, bad]), "units of a layer"),
        (lambda: Layer(bad, 1), "nin"),
        (lambda: Layer(2, bad), "nout"),
        (lambda: Neuron(bad), "nin"),
    ):
        with pytest.raises(ValueError, match=re.escape(f"{what} must be a whole number >= 1, not {bad!r}")):
            make()


def test_numpy_sizes_are_whole_numbers():
    model = MLP(np.int64(2), (np.int32(3), 1))
    assert repr(model) == "MLP(2, [3, 1], activation='tanh', output='linear')"
    assert model.config["nin"].__class__ is int


@pytest.mark.parametrize("bad", [[], (), 3, None])
def test_layers_must_be_a_list(bad):
    expected = f"layers must list the units of each layer, as in [8, 3], not {bad!r}"
    with pytest.raises(ValueError, match=re.escape(expected)):
        MLP(2, bad)


def test_unknown_activations():
    names = "linear, sigmoid, tanh, relu, leaky_relu, softplus"
    softmax = "(softmax looks at all units at once: it can only be the output)"
    for make, message in (
        (lambda: MLP(2, [3, 1], activation="swish"), f"unknown activation 'swish'; choose from {names}"),
        (lambda: MLP(2, [3, 1], activation="softmax"), f"unknown activation 'softmax' {softmax}; choose from {names}"),
        (
            lambda: MLP(2, [3, 1], activation=["relu", "tanh"]),
            "2 activations for 1 hidden layer: ['relu', 'tanh']",
        ),
        (lambda: MLP(2, [1], activation=["relu"]), "1 activation for 0 hidden layers: ['relu']"),
        (lambda: MLP(2, [3, 1], output="Sigmoid"), f"unknown output 'Sigmoid'; choose from {names}, softmax"),
        (lambda: MLP(2, [3, 1], activation=[None]), f"unknown activation None; choose from {names}"),
        (lambda: Neuron(2, "softmax"), f"unknown activation 'softmax' {softmax}; choose from {names}"),
        (lambda: Layer(2, 2, "step"), f"unknown activation 'step'; choose from {names}, softmax"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            make()


def test_representations():
    assert repr(Neuron(2)) == "Neuron(2, 'tanh')"
    assert repr(Neuron(3, "relu", bias=False)) == "Neuron(3, 'relu', bias=False)"
    assert repr(Layer(2, 3, "softmax")) == "Layer(2, 3, 'softmax')"
    assert repr(Layer(2, 3, bias=False)) == "Layer(2, 3, 'tanh', bias=False)"
    assert repr(MLP(2, [3, 1], activation="relu")) == "MLP(2, [3, 1], activation='relu', output='linear')"
    model = MLP(2, (4, 3, 1), activation=["relu", "tanh"], output="sigmoid", bias=False)
    assert repr(model) == "MLP(2, [4, 3, 1], activation=['relu', 'tanh'], output='sigmoid', bias=False)"


# ---- skip connections


def skipping(activation="tanh", output="linear", **options):
    """3 inputs, hidden layers of 3, 3, 2 and 2: skips over the first, the second and the fourth."""
    model = MLP(3, [3, 3, 2, 2, 2], activation=activation, output=output, skip=True, **options)
    generator = random.Random(11)
    for p in model.parameters():
        p.data = generator.gauss(0.0, 0.8)
    return model


@pytest.mark.parametrize("expand", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("activation", ["linear", "sigmoid", "tanh", "relu", "leaky_relu", "softplus"])
@pytest.mark.parametrize(("output", "loss"), [("linear", "sse"), ("sigmoid", "bce"), ("softmax", "cross_entropy")])
def test_gradients_with_skip_are_those_of_matrices(activation, output, loss, bias, expand):
    model = skipping(activation, output, bias=bias, expand=expand)
    x, t = [Value(v) for v in (0.3, -1.2, 0.7)], [0.35, 0.65]
    E = losses.LOSSES[loss](model(x), t)
    E.backward(-1.7)
    expected, arrays = Twin(model).backward([v.data for v in x], t, loss)
    assert E.data == pytest.approx(expected, rel=1e-12)
    flat = -1.7 * np.concatenate([a.ravel() for a in arrays])
    np.testing.assert_allclose([p.grad for p in model.parameters()], flat, rtol=1e-10, atol=1e-14)


def test_skip_adds_what_came_in_where_widths_agree_and_nowhere_else():
    model = skipping()
    assert [layer.skip for layer in model.layers] == [True, True, False, True, False]
    plain = MLP(3, [3, 3, 2, 2, 2], seed=4)
    same = MLP(3, [3, 3, 2, 2, 2], seed=4, skip=True)
    assert numbers(same.parameters()) == numbers(plain.parameters())
    assert list(same.tensors()) == list(plain.tensors())
    x = [0.3, -1.2, 0.7]
    first = plain.layers[0](x)
    assert numbers(same.layers[0](x)) == [o.data + x_j for o, x_j in zip(first, x, strict=True)]
    recorded = numbers(same(x))
    with no_grad():
        assert same(x) == recorded


@pytest.mark.parametrize("backend", ["python", "native"])
def test_training_with_skip_has_the_same_digits_compiled(backend):
    if backend == "native":
        pytest.importorskip("llvmlite")
    rows = [([0.3, -1.2, 0.7], [0.5, -0.5]), ([1.5, 0.2, -0.4], [0.1, 0.9])]
    graphs, fast = skipping(), skipping()
    fit(graphs, rows, loss="sse", lr=0.05, epochs=20, backend="graph")
    fit(fast, rows, loss="sse", lr=0.05, epochs=20, backend=backend)
    assert numbers(fast.parameters()) == numbers(graphs.parameters())
    assert numbers(fast.parameters()) != numbers(skipping().parameters())


def test_skip_where_it_cannot_be_is_refused():
    with pytest.raises(ValueError, match=re.escape("nothing to skip: 2, [3, 1]")):
        MLP(2, [3, 1], skip=True)
    with pytest.raises(ValueError, match="no hidden layer"):
        MLP(3, [3], skip=True)
    with pytest.raises(TypeError, match="skip is True or False, not 1"):
        MLP(3, [3, 1], skip=1)
    with pytest.raises(ValueError, match=re.escape("not 2 -> 3")):
        Layer(2, 3, skip=True)


def test_skip_is_told_and_is_stored(tmp_path):
    pytest.importorskip("safetensors")
    model = skipping()
    assert repr(model) == "MLP(3, [3, 3, 2, 2, 2], activation='tanh', output='linear', skip=True)"
    assert repr(model.layers[1]) == "Layer(3, 3, 'tanh', skip=True)"
    again = load(save(model, tmp_path / "model.safetensors"))
    assert again.config["skip"] is True
    x = [0.3, -1.2, 0.7]
    assert numbers(again(x)) == numbers(model(x))


def test_outputs_with_skip_are_still_labelled_o_and_net():
    outputs = skipping()([0.3, -1.2, 0.7])
    labels = [str(v.label) for v in graph(*outputs) if v.label is not None]
    for label in ("o[h1_1]", "net[h1_1]", "o[h4_2]", "net[h4_2]", "o_o1"):
        assert labels.count(label) == 1


def test_an_activation_is_named():
    with pytest.raises(TypeError, match=r"^activation is <function .*; write a name, or a list with one for each hidden layer$"):
        MLP(2, [2, 1], activation=lambda x: x)
