"""What a newcomer may write first: each wrong call gets one sentence with the value and what to write instead."""

import math
import re

import pytest

from nn import MLP, SGD, Layer, Neuron, Predictor, accuracy, data, fit, init, optim, predict
from nn.lab import between, course, grid, landscape, plots, restarts


np = pytest.importorskip("numpy")
pytest.importorskip("matplotlib")

X, T = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)], [(0.0,), (1.0,), (1.0,), (0.0,)]
HOW = {"loss": "sse", "lr": 0.5, "epochs": 2}


def model():
    return MLP(2, [2, 1], seed=0)


def trained(**options):
    return fit(model(), data.XOR(), **HOW | options)


RESULTS = restarts(data.XOR(), 2, hidden=2, **HOW)
SURFACE = landscape.plane(model(), data.XOR(), loss="sse", points=2)
APART = "takes a model and rows, and all else by its name, as loss=; for inputs X and targets T apart write zip(X, T, strict=True)"
NUMBERS = "two numbers; write ((0.0,), (0.0,)) for one input and one target, or zip(X, T, strict=True) for inputs X and targets T apart"
MODEL = "a model is needed, such as MLP(2, [3, 1]), not [1, 2]"
HISTORY = "a history is needed, as fit returns it, not [1, 2]"

WRONG = {
    "rows and targets apart": (lambda: fit(model(), X, T, **HOW), TypeError, f"fit {APART}"),
    "options by position": (lambda: fit(model(), data.XOR(), "sse", 0.5, 2), TypeError, f"fit {APART}"),
    "inputs alone": (lambda: fit(model(), X, **HOW), TypeError, f"row 0 is (0.0, 0.0), {NUMBERS}"),
    "an array of inputs": (lambda: fit(model(), np.array(X), **HOW), TypeError, f"row 0 is [0.0, 0.0], {NUMBERS}"),
    "the name of a data set": (lambda: fit(model(), "xor", **HOW), TypeError, "rows are 'xor', not a sequence of pairs (x, t); data.load('xor') reads a data set"),
    "a search with no such loss": (lambda: restarts(data.XOR(), 2, hidden=2, loss="bse", lr=0.5, epochs=2), ValueError, "unknown loss 'bse'; choose from sse, "),
    "a search uphill": (lambda: grid(data.XOR(), {"hidden": [2]}, loss="sse", lr=-1, epochs=2), ValueError, "lr must be a number >= 0, not -1"),
    "a search of half an epoch": (lambda: restarts(data.XOR(), 2, hidden=2, loss="sse", lr=0.5, epochs=0.5), ValueError, "epochs must be a whole number >= 1, not 0.5"),
    "a search of no such units": (lambda: restarts(data.XOR(), 2, hidden="many", **HOW), ValueError, "units of a layer must be a whole number >= 1, not 'm'"),
    "a live curve that was not made": (lambda: trained(callbacks=[plots.live]), TypeError, "write live(), or live(show) with a function of the Figure"),
    "limits of one number": (lambda: plots.surface(SURFACE, limits=5), ValueError, "limits are the lowest and the highest, as (0.0, 1.0), not 5"),
    "limits of three numbers": (lambda: plots.gradient_sizes([[0.5]], limits=(1, 2, 3)), ValueError, "limits are the lowest and the highest, as (0.0, 1.0), not (1, 2, 3)"),
    "a path of numbers": (lambda: landscape.path_plane([1.0, 2.0]), ValueError, "a path is a list of points, each with a number for every parameter, not [1.0, 2.0]"),
    "a path of nothing": (lambda: landscape.path_plane([]), ValueError, "a path is a list of points, each with a number for every parameter, not []"),
    "a point that is a number": (lambda: SURFACE.project(0.5), ValueError, "the plane is that of 9 weights, and 0.5 is no list of so many"),
    "a centre that is a number": (lambda: landscape.plane(model(), data.XOR(), loss="sse", centre=0), TypeError, "centre is 0; write 9 numbers, one per parameter"),
    "accuracy apart": (lambda: accuracy(model(), X, T), TypeError, f"row 0 is (0.0, 0.0), {NUMBERS}"),
    "a boundary apart": (lambda: plots.decision_boundary(model(), X, T), TypeError, f"row 0 is (0.0, 0.0), {NUMBERS}"),
    "a line apart": (lambda: landscape.line(model(), X, T, loss="sse"), TypeError, f"line {APART}"),
    "descents apart": (lambda: landscape.descents(model(), X, T, **HOW), TypeError, f"descents {APART}"),
    "restarts apart": (lambda: restarts(X, T, hidden=2, **HOW), TypeError, f"row 0 is (0.0, 0.0), {NUMBERS}"),
    "one callback": (lambda: trained(callbacks=print), TypeError, "callbacks are a list of functions, as in callbacks=[f], not <built-in function print>"),
    "no callbacks": (lambda: trained(callbacks=None), TypeError, "callbacks are a list of functions, as in callbacks=[f], not None"),
    "callbacks of a search": (lambda: restarts(data.XOR(), 2, hidden=2, callbacks=[3], **HOW), TypeError, "callbacks are a list of functions, as in callbacks=[f], not [3]"),
    "a loss in a list": (lambda: trained(loss=["sse"]), ValueError, "unknown loss ['sse']; choose from sse, "),
    "a loss of floats": (lambda: trained(loss=lambda o, t: (o[0].data - t[0]) ** 2), TypeError, ", not a Value: compute it from the outputs as they are"),
    "a schedule in a list": (lambda: trained(schedule=[1.0, 0.5]), ValueError, "unknown schedule [1.0, 0.5]; choose from constant, step"),
    "a schedule that returns nothing": (lambda: trained(schedule=lambda epoch, epochs: None), TypeError, "the schedule's factor is None of type NoneType; write a number"),
    "an optimiser of a model": (lambda: SGD(model(), lr=0.1), TypeError, "SGD moves a list of Values, such as model.parameters(), not MLP(2, [2, 1]"),
    "an optimiser of numbers": (lambda: SGD([0.5], lr=0.1), TypeError, "SGD moves a list of Values, such as model.parameters(), not [0.5]"),
    "the end of a schedule": (lambda: optim.linear("0"), ValueError, "end must be a number >= 0, not '0'"),
    "the factor of a schedule": (lambda: optim.step(10, None), ValueError, "factor must be a number >= 0, not None"),
    "the state of a model": (lambda: model().load_state_dict(model()), TypeError, "a state dict is needed, such as that of model.state_dict(), not MLP("),
    "a constant of text": (lambda: init.constant("0.5"), TypeError, "a weight is '0.5' of type str; write a number"),
    "names of too few units": (lambda: Layer(2, 3, names=["a"]), ValueError, "3 names are needed, not 1: ['a']"),
    "names of too few inputs": (lambda: Neuron(2, sources=["a"]), ValueError, "2 names are needed, not 1: ['a']"),
    "a bias to start from": (lambda: MLP(2, [2, 1], bias=0.5), TypeError, "bias is True or False, not 0.5"),
    "sizes in a set": (lambda: MLP(2, {3, 1}), ValueError, "layers must list the units of each layer, as in [8, 3], not {1, 3}"),
    "nesterov by a number": (lambda: trained(momentum=0.9, nesterov=0.5), TypeError, "nesterov is True or False, not 0.5"),
    "no model": (lambda: accuracy([1, 2], data.XOR()), TypeError, "a model is asked, such as MLP(2, [3, 1]), not [1, 2]"),
    "no model to ask": (lambda: predict(None, [0.0, 1.0]), TypeError, "a model is asked, such as MLP(2, [3, 1]), not None"),
    "a boundary of text": (lambda: accuracy(model(), data.XOR(), "0.5"), TypeError, "boundary is '0.5' of type str; write a number"),
    "rows of another width": (lambda: accuracy(model(), [((1.0,), (1.0,))]), ValueError, "row 0: x has 1 number, expected 2: (1.0,)"),
    "a target that is none": (lambda: accuracy(model(), [((1.0, 0.0), (math.nan,))]), ValueError, "row 0: t[0] is nan; write a finite number"),
    "a predictor the wrong way round": (lambda: Predictor.of([1, 2], data.XOR()), TypeError, MODEL),
    "features in one text": (lambda: data.Dataset("a", [((1.0, 2.0), 0)], features="ab"), TypeError, "features are 'ab', not names; write ('first', 'second')"),
    "classes that are numbers": (lambda: data.Dataset("a", [((1.0,), 0)], classes=(0, 1)), TypeError, "classes are (0, 1), not names; write ('first', 'second')"),
    "rows that are none": (lambda: data.Dataset("a", 3), TypeError, "rows are 3, not a sequence of pairs (x, t)"),
    "a curve of numbers": (lambda: plots.loss_curves([1, 2]), TypeError, "the loss curves are those of a history, as fit returns it, not of [1, 2]"),
    "axes in a list": (lambda: plots.loss_curves(trained(), [1, 2]), TypeError, "ax is [1, 2]; give the Axes to draw on, as those of plt.subplots(), or leave it out"),
    "sizes in one row": (lambda: plots.gradient_sizes([1, 2]), ValueError, "gradient sizes are one row for each step, with one number for each layer"),
    "a trajectory without a name": (lambda: plots.trajectories([0.5, 0.4]), TypeError, "lines are a dict of names and numbers, as {\"W11\": [0.5, 0.4]}, not [0.5, 0.4]"),
    "a trajectory of one number": (lambda: plots.trajectories({"W11": 0.5}), ValueError, "there is no line to draw: W11 is 0.5; give one number or more"),
    "a spread of text": (lambda: plots.spread({"W11": ["a"]}), ValueError, "there is no line to draw: W11 is ['a']; give one number or more"),
    "saturation of no model": (lambda: plots.saturation([1, 2], data.XOR()), TypeError, MODEL),
    "saturation of no rows": (lambda: plots.saturation(model(), []), ValueError, "there are no rows; at least one pair (x, t) is needed"),
    "a share of text": (lambda: plots.saturation(model(), data.XOR(), share="5%"), TypeError, "share is '5%' of type str; write a number"),
    "a boundary of no model": (lambda: plots.decision_boundary([1, 2], data.XOR()), TypeError, MODEL),
    "a surface of no model": (lambda: plots.surface([[1, 2]]), TypeError, "a surface is drawn, as landscape.plane returns it, not [[1, 2]]"),
    "a path without a name": (lambda: plots.surface(SURFACE, [[0.5] * 9]), TypeError, "paths are a dict of names and lists of weights, as descents returns it, not [[0.5,"),
    "a path of another model": (lambda: plots.surface(SURFACE, {"SGD": [[0.5]]}), ValueError, "the plane is that of 9 weights, and [0.5] is no list of so many"),
    "so many pictures": (lambda: plots.live(print, per_second="5"), ValueError, "per_second is '5'; write how many pictures a second, a number above 0"),
    "a plane of no model": (lambda: landscape.plane([1, 2], data.XOR(), loss="sse"), TypeError, MODEL),
    "a reach of text": (lambda: landscape.line(model(), data.XOR(), loss="sse", reach="1"), TypeError, "reach is '1' of type str; write a number"),
    "a direction of no model": (lambda: landscape.random_direction([1, 2], 0), TypeError, MODEL),
    "uphill": (lambda: landscape.descents(model(), data.XOR(), loss="sse", lr=-0.1, epochs=1), ValueError, "lr must be a number >= 0, not -0.1"),
    "a course of no history": (lambda: course.layer_gradients([1, 2]), TypeError, HISTORY),
    "a stride of no history": (lambda: course.stride([1, 2]), TypeError, HISTORY),
    "a path of one name": (lambda: course.weight_paths(trained(record="updates"), "b_o1"), TypeError, "names is 'b_o1'; write the names of weights in a list, as ['w_h1,x1']"),
    "harm to one row": (lambda: trained(record="updates").harm(rows=3), TypeError, "rows is 3; write the numbers of rows in a list, as [0]"),
    "an update by name": (lambda: trained(record="updates").updates["last"], TypeError, "updates are numbered, and 'last' is no number of one"),
    "between texts": (lambda: between("0.1", "1"), ValueError, "between('0.1', '1') is empty or endless; write two numbers, the smaller first"),
    "a space of numbers": (lambda: grid(data.XOR(), {1: [0.5]}, hidden=2, **HOW), TypeError, "the space is {1: [0.5]}, whose names are not all texts"),
    "the model of a number": (lambda: RESULTS.model(0), TypeError, "a run of the search is needed, such as results[0], not 0"),
    "a setting as a condition": (lambda: RESULTS.where({"seed": 1}), TypeError, "a condition is a function of a run, not {'seed': 1}; a setting is written as where(lr=0.5)"),
    "a share below text": (lambda: RESULTS.share("0.1"), TypeError, "below is '0.1' of type str; write a number"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_call_says_what_to_write(name):
    call, kind, message = WRONG[name]
    with pytest.raises(kind, match=re.escape(message)):
        call()


def test_rows_that_were_read_say_so():
    rows = zip(X, T, strict=True)
    history = fit(model(), rows, **HOW)
    assert history.loss == trained().loss
    with pytest.raises(ValueError, match=re.escape("what is read once, as zip, may have been read before: write list(rows)")):
        accuracy(model(), rows)


def test_the_accuracy_takes_rows_of_arrays():
    made = MLP(2, [3, 1], output="sigmoid", seed=0)
    fit(made, data.XOR(), loss="bce", lr=0.5, epochs=300)
    assert accuracy(made, zip(np.array(X), np.array(T), strict=True)) == 1.0
    assert accuracy(made, zip(np.array(X), np.array([0, 1, 1, 0]), strict=True)) == 1.0


def test_a_learning_rate_of_32_bits_is_that_number():
    """0.1 in 32 bits is another number; what the schedule makes of it is computed in 64."""
    lr = np.float32(0.1)
    found, expected = trained(lr=lr, schedule="cosine"), trained(lr=float(lr), schedule="cosine")
    assert [e.lr for e in found.epochs] == [e.lr for e in expected.epochs]
    assert [type(e.lr) for e in found.epochs] == [float, float]
    assert found.loss == expected.loss


def test_numbers_of_numpy_are_numbers():
    assert MLP(2, [2], init=np.float32(0.5)).state_dict() == MLP(2, [2], init=0.5).state_dict()
    assert restarts(data.XOR(), 1, hidden=2, loss="sse", lr=np.float32(0.5), epochs=np.int64(2))[0] == restarts(data.XOR(), 1, hidden=2, **HOW)[0]
    space = {"lr": np.array([0.25, 0.5]), "hidden": np.arange(1, 3)}
    found = grid(data.XOR(), space, loss="sse", epochs=2)
    assert [run.setting for run in found] == [{"lr": lr, "hidden": n, "seed": 0} for lr in (0.25, 0.5) for n in (1, 2)]
    assert {type(x) for run in found for x in run.setting.values()} == {float, int}
    assert not found.failed


def test_a_search_with_numpy_numbers_goes_on_where_it_stopped(tmp_path):
    file, done = tmp_path / "runs.jsonl", []
    for seeds in (np.arange(2), np.arange(3), range(3)):
        found = grid(data.XOR(), {"hidden": np.arange(1, 3)}, seeds, loss="sse", lr=0.5, epochs=2, file=file, callbacks=[done.append])
        assert not found.failed
    assert len(done) == 6
