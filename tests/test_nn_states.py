"""Modules as they are kept and shared: states, shared parameters, zero_grad, train and eval, no_grad, copies."""

import copy
import gc
import json
import math
import pickle
import re
import threading

import numpy as np
import pytest

from engine import Value, no_grad, recording
from nn import MLP, SGD, Layer, Module, Neuron, losses


def numbers(values):
    return [v.data for v in values]


def values_alive():
    gc.collect()
    return sum(type(o) is Value for o in gc.get_objects())


# ---- states


def test_state_dict_has_the_names_and_shapes_of_pytorch():
    state = MLP(4, [3, 2], seed=1).state_dict()
    assert list(state) == ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"]
    assert [np.shape(t) for t in state.values()] == [(3, 4), (3,), (2, 3), (2,)]
    assert list(MLP(4, [3, 2], bias=False).state_dict()) == ["layers.0.weight", "layers.1.weight"]
    assert list(Layer(2, 1).state_dict()) == ["weight", "bias"]
    assert list(Neuron(2).state_dict()) == ["w.0", "w.1", "b"]


def test_state_dict_rows_are_units():
    layer = Layer(2, 3, seed=4)
    assert layer.state_dict()["weight"][2] == numbers(layer.neurons[2].w)
    assert json.loads(json.dumps(layer.state_dict())) == layer.state_dict()  # plain lists and floats


def test_a_state_dict_is_a_copy():
    model = MLP(2, [1], seed=1)
    state = model.state_dict()
    model.parameters()[0].data = 9.0
    assert state["layers.0.weight"][0][0] != 9.0


CONVERTERS = {"list": list, "tuple": tuple, "array": np.array, "float32": np.float32, "numbers": lambda t: [*np.array(t)]}


@pytest.mark.parametrize("convert", CONVERTERS.values(), ids=CONVERTERS)
def test_load_state_dict(convert):
    source, model = MLP(3, [4, 2], seed=1), MLP(3, [4, 2], seed=2)
    for p in source.parameters():
        p.data = float(np.float32(p.data + 0.1))
    parameters = model.parameters()
    model.load_state_dict({name: convert(t) for name, t in source.state_dict().items()})
    assert model.parameters() == parameters  # the same nodes, with other numbers
    assert numbers(parameters) == numbers(source.parameters())
    assert {type(p.data) for p in parameters} == {float}


BAD_STATES = {
    "missing": (lambda s: s.pop("layers.1.bias"), "the state dict lacks ['layers.1.bias']; nothing was loaded"),
    "unknown": (
        lambda s: s.update({"layers.2.bias": [0.0]}),
        "the state dict has ['layers.2.bias'], which this model has not; nothing was loaded",
    ),
    "too few units": (
        lambda s: s.update({"layers.1.weight": [[0.0, 0.0, 0.0]]}),
        "layers.1.weight needs 2 entries, not 1; nothing was loaded",
    ),
    "too many inputs": (
        lambda s: s.update({"layers.1.weight": [[0.0] * 3, [0.0] * 4]}),
        "layers.1.weight needs 3 entries, not 4; nothing was loaded",
    ),
    "transposed": (
        lambda s: s.update({"layers.0.weight": np.zeros((2, 3))}),
        "layers.0.weight needs 3 entries, not 2; nothing was loaded",
    ),
    "flat": (
        lambda s: s.update({"layers.1.weight": [0.0, 0.0]}),
        "layers.1.weight needs 3 entries, not 0.0; nothing was loaded",
    ),
    "deeper": (
        lambda s: s.update({"layers.1.bias": [[0.0], [0.0]]}),
        "layers.1.bias: b_o1 needs a finite number, not [0.0]; nothing was loaded",
    ),
    "NaN": (
        lambda s: s.update({"layers.1.bias": [0.5, math.nan]}),
        "layers.1.bias: b_o2 needs a finite number, not nan; nothing was loaded",
    ),
    "infinite": (
        lambda s: s.update({"layers.1.bias": np.array([-np.inf, 0.5])}),
        "layers.1.bias: b_o1 needs a finite number, not -inf; nothing was loaded",
    ),
    "text": (
        lambda s: s.update({"layers.1.bias": [0.5, "0.5"]}),
        "layers.1.bias: b_o2 needs a finite number, not '0.5'; nothing was loaded",
    ),
    "bool": (
        lambda s: s.update({"layers.1.bias": [0.5, True]}),
        "layers.1.bias: b_o2 needs a finite number, not True; nothing was loaded",
    ),
    "None": (
        lambda s: s.update({"layers.1.bias": None}),
        "layers.1.bias needs 2 entries, not None; nothing was loaded",
    ),
    "a string of that length": (
        lambda s: s.update({"layers.1.bias": "ab"}),
        "layers.1.bias needs 2 entries, not 'ab'; nothing was loaded",
    ),
}


@pytest.mark.parametrize("case", BAD_STATES)
def test_a_bad_state_changes_nothing(case):
    spoil, message = BAD_STATES[case]
    model, other = MLP(2, [3, 2], seed=1), MLP(2, [3, 2], seed=2)
    before = model.state_dict()
    state = other.state_dict()
    spoil(state)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        model.load_state_dict(state)
    assert model.state_dict() == before


# ---- shared parameters


class Tied(Module):
    """Two layers over the same weights."""

    def __init__(self):
        self.first = Layer(2, 2, "tanh", seed=3)
        self.second = self.first
        self.last = Layer(2, 1, "linear", seed=4)

    def __call__(self, x):
        return self.last(self.second(self.first(x)))


def test_a_shared_layer_is_counted_once_with_one_summed_gradient_and_one_update():
    model = Tied()
    assert len(model.parameters()) == 6 + 3
    assert next(model.named_parameters())[0] == "first.w_o1,x1"
    w = model.first.weight[0][1]
    before = w.data
    losses.sse(model([0.4, -0.9]), [0.3]).backward()

    def energy(data):
        w.data = data
        with no_grad():
            return losses.sse(model([0.4, -0.9]), [0.3])

    h = 1e-5
    slope = (energy(before + h) - energy(before - h)) / (2 * h)
    w.data = before
    assert w.grad == pytest.approx(slope, rel=1e-8)
    for momentum in (0.0, 0.9):
        w.data = before
        SGD(model.parameters(), lr=0.5, momentum=momentum).step()
        assert w.data == before - 0.5 * w.grad


def test_shared_weights_within_an_MLP_are_counted_once():
    model = MLP(2, [2, 2, 1], seed=1)
    for one, other in zip(model.layers[1].neurons, model.layers[0].neurons, strict=True):
        one.w = other.w
    names = [name for name, _ in model.named_parameters()]
    assert len(model.parameters()) == len(set(model.parameters())) == len(names) == 4 + 2 + 2 + 2 + 1
    assert "w[h1_1,x1]" in names
    assert "w[h2_1,h1_1]" not in names
    layer = Layer(2, 2, bias=False)
    layer.neurons[1].w = layer.neurons[0].w
    assert layer.parameters() == list(layer.neurons[0].w)


# ---- zero_grad, train, eval


def test_zero_grad_makes_gradients_None():
    model = MLP(2, [3, 1], seed=1)
    losses.sse(model([0.3, 0.4]), [1.0]).backward()
    assert all(isinstance(p.grad, float) for p in model.parameters())
    model.zero_grad()
    assert [p.grad for p in model.parameters()] == [None] * 13


def test_gradients_before_any_pass_are_None_and_one_pass_tells_them():
    model = MLP(2, [3, 1], seed=1)
    model([0.3, 0.4])
    assert {p.grad for p in model.parameters()} == {None}


def test_two_passes_give_the_same_gradients_and_accumulate_adds():
    model = MLP(2, [3, 1], seed=1)
    E = losses.sse(model([0.3, 0.4]), [1.0])
    E.backward()
    first = [p.grad for p in model.parameters()]
    E.backward()
    assert [p.grad for p in model.parameters()] == first
    losses.sse(model([0.3, 0.4]), [1.0]).backward(accumulate=True)
    assert [p.grad for p in model.parameters()] == [2 * g for g in first]


def test_train_and_eval():
    model = MLP(2, [1])
    assert model.training
    assert model.eval() is model
    assert not model.training
    assert model.train() is model
    assert model.training


# ---- no_grad


def test_no_grad_gives_the_same_numbers_and_makes_no_nodes():
    for options in ({}, {"expand": True}, {"bias": False}, {"output": "softmax"}, {"activation": "leaky_relu"}):
        model = MLP(3, [4, 2], **({"activation": "tanh", "seed": 5} | options))
        x = [0.3, -1, 2.5]
        recorded = numbers(model(x))
        before = values_alive()
        with no_grad():
            floats = model(x)
            assert values_alive() == before
        assert floats == recorded
        assert {type(o) for o in floats} == {float}


def test_no_grad_on_neurons_and_layers():
    unit, layer = Neuron(2, seed=1), Layer(2, 2, "softmax", seed=1)
    with no_grad():
        o, outputs = unit([0.5, 0.25]), layer([0.5, 0.25])
    assert {type(v) for v in (o, *outputs)} == {float}
    assert (o, outputs) == (unit([0.5, 0.25]).data, numbers(layer([0.5, 0.25])))


def test_no_grad_reads_values_as_numbers():
    model = MLP(2, [3, 2], seed=5)
    x = [Value(0.3), -0.7]
    with no_grad():
        outputs = model(x)
    assert outputs == numbers(model(x))
    assert {type(o) for o in outputs} == {float}


def test_no_grad_acts_on_models_only():
    with no_grad():
        y = Value(2.0) * 3.0
    y.backward()
    assert y.args[0].grad == 3.0


def test_no_grad_nests():
    model = MLP(1, [1])
    with no_grad():
        with no_grad():
            assert type(model([1.0])[0]) is float
        assert type(model([1.0])[0]) is float
        assert not recording()
    assert type(model([1.0])[0]) is Value
    again = no_grad()
    with again, again:
        assert not recording()
    assert recording()


def test_no_grad_ends_with_an_exception():
    with pytest.raises(ZeroDivisionError), no_grad():
        1 / 0
    assert recording()
    with no_grad():
        with pytest.raises(ValueError, match="the model takes 1 input"):
            MLP(1, [1])([1.0, 2.0])
        assert not recording()
    assert recording()


def test_no_grad_as_decorator():
    model = MLP(1, [1])

    @no_grad()
    def predict(x, again=True):
        return (model([x])[0], predict(x, again=False)) if again else model([x])[0]

    assert [type(o) for o in predict(0.5)] == [float, float]
    assert predict.__name__ == "predict"
    assert type(model([0.5])[0]) is Value


def test_no_grad_is_separate_for_each_thread():
    model = MLP(1, [1])
    seen = {}
    entered, checked = threading.Event(), threading.Event()

    def inside():
        with no_grad():
            entered.set()
            checked.wait(300)
            seen["inside"] = type(model([1.0])[0])

    thread = threading.Thread(target=inside)
    thread.start()
    assert entered.wait(300)
    seen["outside"] = type(model([1.0])[0])
    checked.set()
    thread.join()
    assert seen == {"inside": float, "outside": Value}


# ---- copies


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["copy", "pickle"])
@pytest.mark.parametrize(
    "options", [{}, {"init": "zeros"}, {"init": 0.25, "expand": True}, {"bias": False, "output": "softmax"}], ids=str
)
def test_copies_are_whole_and_separate(duplicate, options):
    model = MLP(2, [3, 2], **({"seed": 4} | options))
    losses.sse(model([0.3, -0.6]), [1.0, 0.0]).backward()
    other = duplicate(model)
    assert other.state_dict() == model.state_dict()
    assert [p.grad for p in other.parameters()] == [p.grad for p in model.parameters()]
    assert [name for name, _ in other.named_parameters()] == [name for name, _ in model.named_parameters()]
    assert not {*other.parameters()} & {*model.parameters()}
    assert repr(other) == repr(model)
    before = model.state_dict()
    x, t = [0.3, -0.6], [1.0, 0.0]
    assert numbers(other(x)) == numbers(model(x))
    other.zero_grad()
    losses.sse(other(x), t).backward()
    SGD(other.parameters(), lr=0.5).step()
    assert model.state_dict() == before != other.state_dict()


def test_a_copied_module_keeps_what_it_shares():
    other = copy.deepcopy(Tied())
    assert other.first is other.second
    assert len(other.parameters()) == 9


def test_a_model_copied_with_its_loss_stays_its_model():
    model = MLP(2, [3, 1], seed=4)
    E = losses.sse(model([0.3, -0.6]), [1.0])
    other, F = copy.deepcopy((model, E))
    F.backward(2.0)
    E.backward(2.0)
    assert [p.grad for p in other.parameters()] == [p.grad for p in model.parameters()]
    assert None not in [p.grad for p in other.parameters()]


def test_a_graph_is_freed_with_its_loss():
    model = MLP(2, [3, 1], seed=4)
    gc.collect()
    gc.disable()
    try:
        before = sum(type(o) is Value for o in gc.get_objects())
        E = losses.sse(model([0.3, -0.6]), [1.0])
        E.backward()
        del E
        assert sum(type(o) is Value for o in gc.get_objects()) == before
    finally:
        gc.enable()


def test_a_softmax_of_one_unit_is_refused():
    with pytest.raises(ValueError, match=r"softmax over one unit is always 1: .*output='sigmoid'"):
        MLP(2, [3, 1], output="softmax")
