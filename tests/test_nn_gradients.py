"""Gradients of whole networks: against closed-form backpropagation in NumPy, and the notes' deltas at every unit."""

import math
import random

import numpy as np
import pytest
from numpy_twin import ACTIVATIONS, Twin

from engine import Value, softmax
from nn import MLP, losses


SHAPES = {1: [3], 2: [4, 2], 3: [2, 5, 3], 4: [3, 1, 4, 2], 5: [2, 4, 3, 2, 3]}  # of 1 to 5 layers, ragged
PAIRS = [  # an output with a loss that can take it
    ("linear", "sse"), ("linear", "bce_with_logits"), ("linear", "cross_entropy_with_logits"), ("linear", "hinge"),
    ("sigmoid", "sse"), ("sigmoid", "half_sse"), ("sigmoid", "mse"), ("sigmoid", "bce"), ("sigmoid", "cross_entropy"),
    ("tanh", "half_sse"), ("tanh", "hinge"), ("relu", "sse"), ("leaky_relu", "mse"), ("softplus", "sse"),
    ("softmax", "cross_entropy"), ("softmax", "sse"), ("softmax", "bce"),
]  # fmt: skip


def network(nin, layers, seed, **options):
    """An MLP in which every number, biases too, is a normal one."""
    model = MLP(nin, layers, seed=0, **options)
    generator = random.Random(seed)
    for p in model.parameters():
        p.data = generator.gauss(0.0, 0.8)
    return model


def sample(nin, nout, loss, seed):
    generator = random.Random(1000 + seed)
    x = [generator.uniform(-2.0, 2.0) for _ in range(nin)]
    if loss == "hinge":
        return x, [generator.choice((-1.0, 1.0)) for _ in range(nout)]
    return x, [generator.uniform(0.1, 0.9) for _ in range(nout)]


def units(root):
    """The labelled nodes below `root`, by kind and unit: ("net", "h1"), ("o", "o2"), ..."""
    found, stack = {root}, [root]
    for v in stack:
        for a in v.args:
            if isinstance(a, Value) and a not in found:
                found.add(a)
                stack.append(a)
    return {v.label[:2]: v for v in found if isinstance(v.label, tuple) and v.label.kind in ("net", "o", "x", "E")}


def gradients(model):
    return np.array([p.grad for p in model.parameters()])


def close(got, expected, rtol=1e-10):
    got, expected = np.asarray(got), np.asarray(expected)
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=rtol * max(1e-12, np.abs(expected).max()))


# ---- against matrices


@pytest.mark.parametrize(("output", "loss"), PAIRS)
@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_gradients_are_those_of_matrices(hidden, output, loss):
    seed = -1.7
    for depth, layers in SHAPES.items():
        for bias in (True, False):
            model = network(3, layers, depth, activation=hidden, output=output, bias=bias)
            x, t = sample(3, layers[-1], loss, depth)
            E = losses.LOSSES[loss](model(x), t)
            E.backward(seed)
            twin = Twin(model)
            expected, arrays = twin.backward(x, t, loss)
            assert E.data == pytest.approx(expected, rel=1e-12)
            close(gradients(model), seed * np.concatenate([a.ravel() for a in arrays]))


def test_gradients_reach_the_inputs_and_the_targets():
    model = network(3, [4, 2], 5, activation="tanh", output="linear")
    x, t = [Value(v) for v in (0.3, -1.2, 0.7)], [Value(0.4), Value(-0.9)]
    E = losses.sse(model(x), t)
    E.backward(3.0)
    twin = Twin(model)
    nets, outs = twin.forward([v.data for v in x])
    slope = 2.0 * (outs[-1] - np.array([v.data for v in t]))
    close([v.grad for v in t], -3.0 * slope)
    close([v.grad for v in x], 3.0 * twin.W[0].T @ ((twin.W[1].T @ slope) / np.cosh(nets[0]) ** 2))


def test_different_hidden_activations_in_one_network():
    model = network(3, [4, 2, 5, 2], 8, activation=["relu", "sigmoid", "softplus"], output="tanh")
    x, t = sample(3, 2, "sse", 8)
    E = losses.sse(model(x), t)
    E.backward(0.5)
    close(gradients(model), 0.5 * np.concatenate([a.ravel() for a in Twin(model).backward(x, t, "sse")[1]]))


# ---- against the notes


@pytest.mark.parametrize("depth", SHAPES)
def test_S63_k_t_v_delta_at_every_unit(depth):
    layers = SHAPES[depth]
    model = network(3, layers, depth, activation="sigmoid", output="sigmoid")
    x, t = sample(3, layers[-1], "sse", depth)
    E = losses.sse(model(x), t)
    seed = 3.0
    E.backward(seed)
    node = units(E)
    after, deltas = None, []
    for layer in reversed(model.layers):
        names = [n.o_label.unit for n in layer.neurons]
        outputs = [node["o", j].data for j in names]
        if after is None:
            deltas = [o * (1 - o) * (t_o - o) for o, t_o in zip(outputs, t, strict=True)]
        else:
            deltas = [
                o * (1 - o) * sum(d * row[j].data for d, row in zip(deltas, after.weight, strict=True))
                for j, o in enumerate(outputs)
            ]
        for j, delta, neuron in zip(names, deltas, layer.neurons, strict=True):
            assert node["net", j].grad == pytest.approx(seed * -2.0 * delta, rel=1e-11), j
            assert neuron.b.grad == node["net", j].grad
            for i, w in enumerate(neuron.w):
                below = x[i] if layer is model.layers[0] else node["o", w.label.source].data
                assert w.grad == pytest.approx(seed * -2.0 * delta * below, rel=1e-11), w.label
        after = layer


@pytest.mark.parametrize("hidden", ["sigmoid", "tanh", "relu", "leaky_relu", "softplus"])
@pytest.mark.parametrize(("output", "loss"), [("sigmoid", "bce"), ("tanh", "sse"), ("softmax", "cross_entropy")])
def test_LEC_5_11_12_at_every_hidden_unit(hidden, output, loss):
    model = network(3, [4, 3, 5, 2], 3, activation=hidden, output=output)
    x, t = sample(3, 2, loss, 4)
    E = losses.LOSSES[loss](model(x), t)
    E.backward(-0.4)
    node = units(E)
    for layer, after in zip(model.layers, model.layers[1:], strict=False):
        for neuron in layer.neurons:
            j = neuron.o_label.unit
            upward = [row[layer.neurons.index(neuron)] for row in after.weight]  # w_kj to every unit k
            contributions = [w.data * node["net", w.label.unit].grad for w in upward]
            o, net = node["o", j], node["net", j]
            assert o.grad == pytest.approx(math.fsum(contributions), rel=1e-11)  # LEC-12
            assert net.grad == o.grad * o.partials[0]
            slope = ACTIVATIONS[hidden][1](np.array(net.data))
            assert o.partials[0] == pytest.approx(float(slope), rel=1e-12)
            for w, i in zip(neuron.w, net.args, strict=False):
                assert w is i  # the unit's own weights are the first arguments of its net
            below = net.args[len(neuron.w) : 2 * len(neuron.w)]
            for w, o_i in zip(neuron.w, below, strict=True):  # LEC-5, LEC-11
                assert w.grad == o.grad * o.partials[0] * (o_i.data if isinstance(o_i, Value) else o_i)


# ---- compact and expanded


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("output", "loss"), [("sigmoid", "bce"), ("linear", "mse"), ("softmax", "cross_entropy")])
def test_expanded_is_compact_bit_for_bit(output, loss, bias):
    for depth, layers in SHAPES.items():
        compact = network(3, layers, depth, output=output, bias=bias)
        expanded = network(3, layers, depth, output=output, bias=bias, expand=True)
        x, t = sample(3, layers[-1], loss, depth)
        graphs = []
        for model in (compact, expanded):
            E = losses.LOSSES[loss](model(x), t)
            E.backward(1.3)
            graphs.append(units(E))
        assert gradients(compact).tobytes() == gradients(expanded).tobytes()
        assert graphs[0].keys() == graphs[1].keys()
        for key, v in graphs[0].items():
            assert (v.data.hex(), v.grad.hex()) == (graphs[1][key].data.hex(), graphs[1][key].grad.hex()), key


def test_expanded_has_every_product_and_every_sum_as_a_node():
    model = network(3, [1], 0, output="sigmoid", expand=True)
    (o,) = model([0.5, -1.5, 2.0])
    names = []
    node = o.args[0]
    while node.op.name == "add":
        names.append(node.args[1])
        node = node.args[0]
    w1, w2, w3, b = model.parameters()
    assert names[0] is b
    assert [(v.op.name, v.args) for v in (*names[:0:-1],)] == [("mul", (w2, -1.5)), ("mul", (w3, 2.0))]
    assert node.args == (w1, 0.5)


def test_negative_zero_inputs_keep_their_sign_in_both_forms():
    for expand in (False, True):
        model = MLP(2, [1], bias=False, init=1.0, expand=expand)
        (o,) = model([-0.0, -0.0])
        assert math.copysign(1.0, o.data) == -1.0


# ---- symmetries


def test_permuted_hidden_units_permute_the_gradients():
    model = network(3, [5, 4, 2], 6, activation="tanh", output="sigmoid")
    x, t = sample(3, 2, "bce", 6)
    order = [3, 0, 4, 2, 1]
    state = model.state_dict()
    state["layers.0.weight"] = [state["layers.0.weight"][j] for j in order]
    state["layers.0.bias"] = [state["layers.0.bias"][j] for j in order]
    state["layers.1.weight"] = [[row[j] for j in order] for row in state["layers.1.weight"]]
    permuted = network(3, [5, 4, 2], 7, activation="tanh", output="sigmoid")
    permuted.load_state_dict(state)
    for m in (model, permuted):
        losses.bce(m(x), t).backward(2.5)
    close([o.data for o in permuted(x)], [o.data for o in model(x)])
    for j, old in enumerate(order):
        before, after = model.layers[0].neurons[old], permuted.layers[0].neurons[j]
        close([p.grad for p in (*after.w, after.b)], [p.grad for p in (*before.w, before.b)])
    for before, after in zip(model.layers[1].weight, permuted.layers[1].weight, strict=True):
        close([w.grad for w in after], [before[old].grad for old in order])
    close([n.b.grad for n in permuted.layers[2].neurons], [n.b.grad for n in model.layers[2].neurons])


def test_scaling_an_input_and_its_weights_inversely_changes_nothing_but_scale():
    model = network(2, [3, 1], 2, output="sigmoid")
    other = network(2, [3, 1], 2, output="sigmoid")
    for row in other.layers[0].weight:
        row[0].data *= 4.0  # a power of two: every bit stays
    for m, x in ((model, [1.2, -0.7]), (other, [0.3, -0.7])):
        losses.bce(m(x), [0.3]).backward()
    for a, b in zip(model.layers[0].weight, other.layers[0].weight, strict=True):
        assert (a[0].grad, a[1].grad) == (4.0 * b[0].grad, b[1].grad)


# ---- K labels, and K classes of which one is right


def test_multi_label_and_K_class_are_told_apart():
    x, t = [0.7, -1.1], [1.0, 1.0, 0.0]
    labels = network(2, [3, 3], 12, output="sigmoid")
    classes = network(2, [3, 3], 12, output="softmax")
    o, g = labels(x), classes(x)
    assert sum(v.data for v in g) == pytest.approx(1.0, rel=1e-15)
    assert abs(sum(v.data for v in o) - 1.0) > 0.2
    E = losses.bce(o, t)
    E.backward(2.0)
    node = units(E)
    for k, t_k in enumerate(t):  # two labels may be on; a unit's delta knows only its own output
        assert node["net", f"o{k + 1}"].grad == pytest.approx(2.0 * (o[k].data - t_k), rel=1e-12)
    E = losses.cross_entropy(g, 1)
    E.backward(2.0)
    node = units(E)
    for k in range(3):
        assert node["net", f"o{k + 1}"].grad == pytest.approx(2.0 * (g[k].data - (k == 1)), rel=1e-12)


def test_a_softmax_output_depends_on_every_net_a_sigmoid_output_on_its_own():
    x = [0.7, -1.1]
    for output, others_move in (("sigmoid", False), ("softmax", True)):
        model = network(2, [3], 9, output=output)
        before = [o.data for o in model(x)]
        model.layers[0].neurons[0].b.data += 0.25
        after = [o.data for o in model(x)]
        assert after[0] > before[0]
        assert ([a < b for a, b in zip(after[1:], before[1:], strict=True)] == [others_move] * 2)
        assert (after[1:] == before[1:]) is not others_move


def test_ESL_softmax_jacobian():
    nets = [Value(v) for v in (0.3, -1.2, 2.1)]
    g = softmax(nets)
    for k in range(3):
        g[k].backward(-2.0)
        row = [n.grad for n in nets]
        expected = [-2.0 * g[k].data * ((k == i) - g[i].data) for i in range(3)]
        assert row == pytest.approx(expected, rel=1e-13)
        assert sum(row) == pytest.approx(0.0, abs=1e-15)


# ---- cross_entropy sees through softmax


@pytest.mark.parametrize("nets", [(1000.0, -1000.0, 3.0), (-1000.0, 1000.0, 999.0), (0.0, 0.0, 0.0), (1e4, 0.0, 1e308)])
@pytest.mark.parametrize("t", [0, 1, 2])
def test_cross_entropy_never_meets_the_logarithm_of_zero(nets, t):
    values = [Value(n) for n in nets]
    g = softmax(values)
    E = losses.cross_entropy(g, t)
    top = max(nets)
    expected = top - nets[t] + math.log(math.fsum(math.exp(n - top) for n in nets))
    assert E.data == pytest.approx(expected, rel=1e-15)
    E.backward(-1.5)
    assert [v.grad for v in values] == [-1.5 * (o.data - (k == t)) for k, o in enumerate(g)]


def test_cross_entropy_with_targets_that_do_not_sum_to_one():
    values = [Value(v) for v in (0.3, -1.2, 2.1)]
    for t in ([0.2, 0.3, 0.5], [0.0, 2.0, 1.0], (0.0, 0.0, 0.0)):
        g = softmax(values)
        E = losses.cross_entropy(g, t)
        E.backward(1.5)
        assert E.data == pytest.approx(-math.fsum(u * math.log(o.data) for u, o in zip(t, g, strict=True)), rel=1e-14)
        expected = [1.5 * (o.data * math.fsum(t) - u) for u, o in zip(t, g, strict=True)]
        assert [v.grad for v in values] == pytest.approx(expected, rel=1e-13, abs=1e-16)


def test_cross_entropy_on_plain_probabilities():
    o = [Value(v) for v in (0.2, 0.5, 0.3)]
    E = losses.cross_entropy(o, [0.5, 0.25, 0.25])
    E.backward(2.0)
    assert E.data == pytest.approx(-(0.5 * math.log(0.2) + 0.25 * math.log(0.5) + 0.25 * math.log(0.3)), rel=1e-15)
    assert [v.grad for v in o] == pytest.approx([-5.0, -1.0, -5.0 / 3.0], rel=1e-15)


def test_cross_entropy_sees_through_a_whole_softmax_in_its_order_only():
    nets = [Value(v) for v in (0.3, -1.2, 2.1)]
    g = softmax(nets)
    p = [v.data for v in g]
    for outputs, probabilities in [
        (g[::-1], p[::-1]),
        (g[:2], p[:2]),
        ([g[0], g[0], g[2]], [p[0], p[0], p[2]]),
        ([g[0], Value(0.4), g[2]], [p[0], 0.4, p[2]]),
        ([g[0], softmax(nets[::-1])[1], g[2]], p),
    ]:
        for t in range(len(outputs)):
            E = losses.cross_entropy(outputs, t)
            assert E.op.name == "cross_entropy"
            assert E.data == pytest.approx(-math.log(probabilities[t]), rel=1e-14)
    assert losses.cross_entropy(g, 1).op.name == "cross_entropy_with_logits"


def test_a_loss_is_the_same_on_floats_and_on_nodes():
    model = network(3, [4, 3], 11, output="softmax")
    x = [0.3, -0.8, 1.9]
    on_nodes = losses.cross_entropy(model(x), 2).data
    on_floats = losses.cross_entropy([o.data for o in model(x)], 2)
    assert on_floats == pytest.approx(on_nodes, rel=1e-14)
    assert isinstance(on_floats, float)
