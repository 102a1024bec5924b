"""The figures: what they draw, and the sentences for what cannot be drawn."""

import itertools
import math
import pickle

import pytest

from nn import MLP, Epoch, History, data, fit
from nn.lab import landscape, plots
from nn.lab.landscape import Surface


pytest.importorskip("matplotlib")


def test_a_loss_curve_of_one_epoch_of_nan_and_of_nothing():
    one = plots.loss_curves(History([Epoch(0, 0.1, 0.7)]))
    assert one.get_lines()[0].get_marker() == "o"
    holed = plots.loss_curves(History([Epoch(0, 0.1, 0.7), Epoch(1, 0.1, math.nan), Epoch(2, 0.1, 0.5)]))
    assert [math.isnan(y) for y in holed.get_lines()[0].get_ydata()] == [False, True, False]
    with pytest.raises(ValueError, match="no epochs"):
        plots.loss_curves(History())


def test_the_live_curve_is_drawn_at_most_so_many_times_a_second(monkeypatch):
    now, shown = [0.0], []
    monkeypatch.setattr(plots, "monotonic", lambda: now[0])
    callback = plots.live(shown.append, per_second=4)
    for k in range(128):
        now[0] = k / 128
        assert callback(Epoch(k, 0.1, 1.0 / (k + 1))) is None
    assert len(shown) == 4
    assert len(shown[-1].axes[0].get_lines()[0].get_xdata()) == 97
    waits = []
    monkeypatch.setattr(plots, "sleep", waits.append)
    callback.finish()
    assert waits == [0.75 + 0.25 - 127 / 128]
    assert [len(figure.axes[0].get_lines()[0].get_xdata()) for figure in shown] == [1, 33, 65, 97, 128]
    callback.finish()
    assert len(shown) == 5, "what is drawn is not drawn again"


def test_the_live_curve_ends_with_the_training():
    shown = []
    history = fit(MLP(2, [2, 1]), data.XOR(), loss="sse", lr=0.1, epochs=30, callbacks=[plots.live(shown.append, per_second=2)])
    assert shown[-1].axes[0].get_lines()[0].get_ydata().tolist() == history.loss
    for rate in (0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="write how many pictures a second"):
            plots.live(per_second=rate)


@pytest.mark.parametrize("nin", [1, 3])
def test_a_decision_boundary_needs_two_inputs_and_rows(nin):
    with pytest.raises(ValueError, match=f"the model takes {nin}"):
        plots.decision_boundary(MLP(nin, [2, 1]), [((0.5,) * nin, (1.0,))])
    with pytest.raises(ValueError, match=r"^there are no rows; at least one pair"):
        plots.decision_boundary(MLP(2, [2, 1]), [])


def test_the_legend_of_a_boundary_hides_no_row():
    ax = plots.decision_boundary(MLP(2, [2, 1], output="sigmoid"), data.XOR(), points=5)
    ax.figure.canvas.draw()
    assert ax.get_legend().get_window_extent().y0 >= ax.get_window_extent().y1


def test_a_decision_boundary_shows_every_class():
    ax = plots.decision_boundary(MLP(2, [4, 3], output="softmax"), [((0.2 * k, -0.3 * k), k % 3) for k in range(6)], points=7)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["class 0", "class 1", "class 2"]


def borders(ax):
    """The corners of what is filled, without those on the edge of the picture."""
    (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
    corners = [v for filled in ax.collections if hasattr(filled, "levels") for path in filled.get_paths() for v in path.vertices.tolist()]
    return [(x, y) for x, y in corners if x0 + 1e-9 < x < x1 - 1e-9 and y0 + 1e-9 < y < y1 - 1e-9]


@pytest.mark.parametrize(("targets", "given", "side"), [((0.0, 1.0), None, 0.5), ((-1.0, 1.0), None, 0.0), ((0.0, 1.0), 0.0, 0.0)])
def test_the_border_of_a_linear_unit_is_its_line(targets, given, side):
    model = MLP(2, [1], output="linear")
    for p, w in zip(model.parameters(), [0.8, -0.3, 0.1], strict=True):
        p.data = w
    ax = plots.decision_boundary(model, [((1.3 * k % 2, 0.7 * k % 3), (targets[k % 2],)) for k in range(9)], points=23, boundary=given)
    found = borders(ax)
    assert len(found) > 40
    assert [0.8 * x - 0.3 * y + 0.1 for x, y in found] == pytest.approx([side] * len(found), abs=1e-9)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["class 0", "class 1"]


def test_a_boundary_names_what_the_data_set_names():
    fruit = data.Dataset("fruit", [((150, 7), 0), ((120, 9), 1), ((90, 2), 1)], features=("weight", "size"), classes=("apple", "7"))
    model = MLP(2, [3, 2], output="softmax", seed=0)
    ax = plots.decision_boundary(model, fruit, points=5)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("input weight", "input size")
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["apple", "class 7"]
    assert plots.decision_boundary(model, *data.standardise(fruit), points=5).get_ylabel() == "input size, standardised"
    with pytest.raises(ValueError, match="points must be a whole number >= 2, not 1"):
        plots.decision_boundary(model, fruit, points=1)


def test_a_regression_is_drawn_as_numbers_and_not_as_classes():
    rows = [((0.3 * k - 1, 0.7 * (k % 4)), (100.0 + k,)) for k in range(9)]
    model = MLP(2, [1], output="linear")
    for p, w in zip(model.parameters(), [2.0, -3.0, 104.0], strict=True):
        p.data = w
    with pytest.raises(ValueError, match=r"and \(100.0,\) is a target of another kind; nn.lab.plots.response draws numbers"):
        plots.decision_boundary(model, rows)
    ax = plots.response(model, rows, points=9)
    dots = next(c for c in ax.collections if not hasattr(c, "levels"))
    filled = next(c for c in ax.collections if hasattr(c, "levels"))
    assert dots.get_array().tolist() == [t for _, (t,) in rows]
    (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
    low, high = min(100.0, 2 * x0 - 3 * y1 + 104), max(108.0, 2 * x1 - 3 * y0 + 104)
    assert (filled.levels[0], filled.levels[-1]) == pytest.approx((low, high), rel=1e-12)
    assert dots.norm.vmin == pytest.approx(low)
    with pytest.raises(ValueError, match="a response is that of one output, and the model has 2"):
        plots.response(MLP(2, [2]), [((0.0, 1.0), (1.0, 2.5))])


def test_a_live_curve_without_a_notebook_is_told_before_the_training(monkeypatch):
    monkeypatch.setattr(plots, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"IPython is not installed; write live\(show\)"):
        plots.live()
    plots.live([].append)


def test_gradient_sizes_are_logarithms_layer_by_layer():
    ax = plots.gradient_sizes([[1e-3, 0.1], [0.0, math.inf]])
    shown = ax.get_images()[0].get_array()
    assert shown[:, 0].tolist() == pytest.approx([-3.0, -1.0])
    assert shown.mask[:, 1].tolist() == [True, True]
    assert ax.figure.axes[1].get_ylabel() == "log10 of mean |dE/dw| (white: 0 or not finite)"
    assert plots.gradient_sizes([[0.5]]).figure.axes[1].get_ylabel() == "log10 of mean |dE/dw|"
    for wrong in ([], [[]], [[1.0], [1.0, 2.0]]):
        with pytest.raises(ValueError, match="one row for each step"):
            plots.gradient_sizes(wrong)
    colours = [plots.gradient_sizes([[size, 0.1]], limits=(-5.0, 1.0)).get_images()[0].norm for size in (1e-3, 1e-4)]
    assert [(norm.vmin, norm.vmax) for norm in colours] == [(-5.0, 1.0)] * 2


@pytest.mark.parametrize("skip", [False, True])
def test_saturation_counts_the_rows_without_slope(skip):
    model = MLP(2, [2, 1], activation="tanh", skip=skip)
    for p, w in zip(model.parameters(), [9.0, 0.0, 0.0, 0.1, 0.0, 0.0, 1.0, 1.0, 0.0], strict=True):
        p.data = w
    ax = plots.saturation(model, [((0.9, 0.4), (1.0,)), ((-0.8, 0.3), (0.0,)), ((0.01, 0.7), (1.0,)), ((0.7, -2.0), (1.0,))])
    assert [bar.get_height() for bar in ax.patches] == [75.0, 0.0]
    assert [text.get_text() for text in ax.texts] == ["", "0"]
    with pytest.raises(ValueError, match="sigmoid and tanh"):
        plots.saturation(MLP(2, [2, 1], activation="relu"), data.XOR())


def test_paths_are_drawn_on_the_plane_of_the_surface():
    s = Surface([-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0], [[2.0, 1.0, math.inf]] * 3, [0.5, 0.5], [2.0, 0.0], [0.0, 4.0])
    ax = plots.surface(s, {"SGD": [[0.5, 0.5], [2.5, -1.5]]})
    assert ax.get_lines()[0].get_xydata().tolist() == [[0.0, 0.0], [1.0, -0.5]]
    with pytest.raises(ValueError, match=r"there is no line to draw: the dict is \{\}"):
        plots.trajectories({})
    colours = [plots.surface(s, limits=(0.5, 2.5)).collections[0].norm, plots.surface(s).collections[0].norm]
    assert (colours[0].vmin, colours[0].vmax) == (0.5, 2.5)
    assert colours[1].vmax < 2.5


def test_a_spread_has_a_place_for_exactly_zero():
    ax = plots.spread({"equal": [0.0, 0.0, 0.0], "unequal": [0.25, 0.02, 0.5]})
    assert [line.get_ydata().tolist() for line in ax.get_lines()] == [[0.0] * 3, [0.25, 0.02, 0.5]]
    assert ax.get_yscale() == "symlog"
    low, high = ax.get_ylim()
    assert low < 0 < 0.5 < high
    for nothing in ({}, {"a": []}):
        with pytest.raises(ValueError, match="there is no line to draw"):
            plots.spread(nothing)


def test_no_line_of_the_grid_crosses_a_bar():
    ax = plots.figure().subplots()
    bar = ax.bar([1], [2.0])[0]
    plots.tidy(ax, "x", "y").figure.canvas.draw()
    assert max(ax.xaxis.get_zorder(), ax.yaxis.get_zorder()) < bar.get_zorder()


@pytest.mark.parametrize("E", [0.0, 1.69, -3.0, 1e300])
def test_a_flat_surface_has_one_colour_and_one_tick(E):
    rounded = itertools.cycle([E, math.nextafter(E, math.inf)])
    made = landscape.sampled(lambda w: next(rounded), [0.0, 0.0], [1.0, 0.0], [0.0, 1.0], points=4)
    assert made.flat == (E != 0)  # beside 0 nothing is rounding
    assert not Surface([0.0, 1.0], [0.0, 1.0], [[E, E], [E, math.inf]], [0.0] * 2, [1.0, 0.0], [0.0, 1.0]).flat
    made = landscape.sampled(lambda w: E, [0.0, 0.0], [1.0, 0.0], [0.0, 1.0], points=4)
    _, bar = plots.surface(made).figure.axes
    assert [t.get_text() for t in bar.get_yticklabels()] == [f"{E:.6g}"]
    assert bar.get_ylabel() == "mean error E, the same everywhere"


def test_the_ticks_of_a_surface_are_whole_numbers_and_not_what_is_left_of_an_offset():
    made = landscape.sampled(lambda w: 1.69 + 1e-5 * w[0], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0], points=4)
    figure = plots.surface(made).figure
    figure.canvas.draw()
    ticks = [float(t.get_text()) for t in figure.axes[1].get_yticklabels()]
    assert not made.flat
    assert all(1.6899 < t < 1.6901 for t in ticks)
    assert len(set(ticks)) == len(ticks) > 2


def test_axes_and_figures_show_themselves_without_pyplot():
    ax = plots.loss_curves(fit(MLP(2, [2, 1], seed=0), data.XOR(), loss="sse", lr=0.1, epochs=2))
    whole = ax.figure._repr_png_()
    assert whole[:8] == b"\x89PNG\r\n\x1a\n"
    assert ax._repr_png_() == whole
    ax.set_title("told")
    assert ax._repr_png_() != whole
    again = pickle.loads(pickle.dumps(ax.figure))
    assert again._repr_png_() == ax._repr_png_()
