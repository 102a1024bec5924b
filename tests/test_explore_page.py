"""The page in a browser: its numbers are the engine's, and hand, eye and keyboard reach every one of them."""

from __future__ import annotations

import math
import random
import shutil

import pytest
from graphs import random_graph
from pictures import neuron

from engine import (
    Role,
    Value,
    contributions,
    dot,
    explore,
    hypot,
    log,
    logsumexp,
    maximum,
    minimum,
    softmax,
    softplus,
    sqrt,
    top_paths,
    where,
)
from engine.trust.reevaluate import reevaluate
from engine.view.record import record
from nn import MLP, losses
from nn.losses import LOSSES
from nn.modules import ACTIVATIONS


sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no program chromium"),
    pytest.mark.filterwarnings("ignore::engine.errors.GradientReplaced"),
]
FLAGS = ["--no-sandbox", "--no-zygote", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
MINUS = "\N{MINUS SIGN}"


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as p:
        b = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield b
        b.close()


@pytest.fixture
def visit(browser, tmp_path):
    """Open the page of a graph; at the end of the test no error was reported and nothing was asked for."""
    problems, contexts = [], []

    def go(root, scheme="light", size=(1080, 760), font=None, first=None, **options):
        view = explore(root, **options)
        contexts.append(browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme))
        page = contexts[-1].new_page()
        page.set_default_timeout(10_000)
        if first:
            page.add_init_script(first)
        path = view.save(tmp_path / f"{len(contexts)}.html").as_uri()
        page.on("console", lambda m: problems.append(m.text))
        page.on("pageerror", lambda e: problems.append(str(e)))
        page.on("request", lambda r: problems.append(r.url) if r.url != path else None)
        if font:
            style = f"<style>body {{ font-family: {font} !important }}</style>"
            (tmp_path / f"{len(contexts)}.html").write_text(view.html.replace("</head>", style + "</head>"), encoding="utf-8")
        page.goto(path)
        page.wait_for_selector("html[data-ready]", state="attached")
        return page

    yield go
    for c in contexts:
        c.close()
    assert problems == []


def network(*sizes, loss=losses.sse, targets=None, **options):
    model = MLP(sizes[0], list(sizes[1:]), seed=3, **options)
    rng = random.Random(5)
    x = [Value(rng.uniform(-1, 1), Role("x", f"x{i + 1}")) for i in range(sizes[0])]
    targets = [rng.random() for _ in range(sizes[-1])] if targets is None else targets
    E = loss(model(x), [Value(t, Role("t", f"o{k + 1}")) for k, t in enumerate(targets)])
    E.backward()
    return E


def expressions():
    a, b, c = Value(1.3, "a"), Value(-0.7, "b"), Value(2.1, "c")
    y = where(a < c, maximum(a, b) * minimum(a, c), b) + (a * a + 1) ** (b * c) + hypot(a * 3, b) / c
    y = y + logsumexp([a, b, a]) * dot([a, b], [c, c]) - softmax([a, c])[0] + softplus(b) + sqrt(c) * log(a) - abs(b)
    y = y + a**3 + 2 ** b + (a >= b) * c + where(b, a, c)
    y.backward()
    return y


def backward(root):
    root.backward()
    return root


GRAPHS = {f"{f} sse": lambda f=f: loss_net(f, "sse") for f in ACTIVATIONS}
GRAPHS |= {f"tanh {loss}": lambda loss=loss: loss_net("tanh", loss) for loss in LOSSES}
GRAPHS |= {f"{f} sse expanded": lambda f=f: loss_net(f, "sse", expand=True) for f in ("sigmoid", "leaky_relu")}
GRAPHS |= {"softmax bce expanded": lambda: loss_net("tanh", "bce", output="softmax", expand=True)}
GRAPHS |= {f"random {seed}": lambda seed=seed: backward(random_graph(seed)) for seed in range(4)}
GRAPHS |= {"neuron": neuron, "expressions": expressions}


def loss_net(activation, name, **options):
    output = {"bce": "sigmoid", "cross_entropy": "softmax"}.get(name, "linear")
    targets = [-1.0, 1.0] if name == "hinge" else [0.25, 0.75]
    return network(2, 3, 2, loss=LOSSES[name], targets=targets, activation=activation, **{"output": output, **options})


def same(p, q):
    return p == q or (math.isnan(p) and math.isnan(q))


def floats(page, expression):
    """An array of numbers from the page; words of JavaScript for those that JSON lacks."""
    words = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}
    return [words.get(x) if x in words else float(x) for x in page.evaluate(f"[...({expression})].map(String)")]


def middle(page, k):
    """Where the middle of box number k is on the screen, after it was brought into view."""
    return page.evaluate(
        f"(() => {{ reveal({k}); const r = boxes[{k}].element.getBoundingClientRect();"
        " return [r.x + r.width / 2, r.y + r.height / 2]; })()"
    )


def number(text):
    """A number as the page prints it."""
    return float(text.strip("×= …").replace(MINUS, "-"))


def cells(page, table):
    return page.evaluate(f"[...document.querySelectorAll('{table} tr')].slice(1).map(r => [...r.cells].map(c => c.textContent))")


def near(shown, exact, digits=4):
    return same(shown, exact) or abs(shown - exact) <= 10 ** (1 - digits) * abs(exact)


# ---- the numbers


@pytest.mark.parametrize("name", GRAPHS)
def test_the_numbers_of_the_page_are_the_engines(visit, name):
    root = GRAPHS[name]()
    seen, page = record(root), visit(root)
    gradients = floats(page, "final")
    assert all(map(same, gradients, [n.grad for n in seen.nodes]))
    assert floats(page, "nodes.map(n => n.data)") == [n.data for n in seen.nodes]
    for i, v in enumerate(seen.values):
        paths = top_paths(v, root, k=6)
        assert page.evaluate(f"String(countPaths({i}))") == str(paths.count)
        assert floats(page, f"topPaths({i}, 6).map(p => p.product)") == pytest.approx([p.product for p in paths], rel=1e-14, abs=0)
        assert floats(page, f"outOf[{i}].map(flow)") == [t.product for t in contributions(v, root)]


@pytest.mark.parametrize("name", GRAPHS)
def test_every_state_of_the_stepper_is_an_adjoint_pass_cut_short(visit, name):
    root = GRAPHS[name]()
    seen, page = record(root), visit(root)
    place = {id(v): i for i, v in enumerate(seen.values)}
    found = [0.0] * len(place)
    found[place[id(root)]] = 1.0
    states = [list(found)]
    for i in reversed(range(len(place))):
        v = seen.values[i]
        for a, d in zip(v.args, v.partials, strict=True):
            if d is not None:
                found[place[id(a)]] += d * found[i]
        if v.op is not None:
            states.append(list(found))
    assert page.evaluate("order.length") == len(states) - 1
    steps = page.evaluate("Array.from({length: order.length + 1}, (_, s) => [...gradients(s)].map(String))")
    assert [[float(x) for x in state] for state in steps] == states


@pytest.mark.parametrize("name", GRAPHS)
def test_what_if_equals_the_engines_own_recomputation(visit, name):
    root = GRAPHS[name]()
    seen, page = record(root), visit(root)
    for i, v in enumerate(seen.values):
        if v.op is not None:
            continue
        for number in (v.data * 1.25 + 0.1, v.data - 0.5, 0.0):
            exact = reevaluate(root, float, at={v: number}).values
            page.evaluate(f"whatIf({i}, {number!r})")
            cone = page.evaluate("[...changed.keys()]")
            values = floats(page, "changed.values()")
            assert sorted(cone) == cone
            assert cone[-1] == len(seen.nodes) - 1
            for j, x in zip(cone, values, strict=True):
                assert same(x, exact[seen.values[j]]) or x == pytest.approx(exact[seen.values[j]], rel=1e-12, abs=1e-15)
            outside = set(range(len(seen.nodes))) - set(cone)
            assert all(exact[seen.values[j]] == seen.nodes[j].data for j in outside)


# ---- hand and keyboard


def check_sum(page, seen, i, digits=4):
    """The panel shows node i, and the products in its table add up to the gradient shown."""
    rows = cells(page, "#uses")
    assert page.evaluate("chosen") == i
    products = [number(r[3]) for r in rows]
    exact = seen.nodes[i].grad
    assert near(products[-1], exact)
    if math.isfinite(exact):
        largest = max(map(abs, products[:-1]), default=0.0)
        assert sum(products[:-1]) == pytest.approx(exact, rel=2e-3, abs=len(products) * 1e-3 * largest)


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
@pytest.mark.parametrize("graph", ["neuron", "expressions", "tanh bce"])
def test_every_node_is_reached_and_its_products_sum_to_its_gradient(visit, graph, way):
    root = GRAPHS[graph]()
    seen, page = record(root), visit(root, collapse=None)
    if way == "keyboard":
        page.evaluate("svg.focus()")
    for k in range(len(seen.nodes)):
        if way == "mouse":
            page.mouse.click(*middle(page, k))
        else:
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
        check_sum(page, seen, page.evaluate(f"boxes[{k}].members[0]"))


def test_every_node_of_a_folded_graph_is_in_the_table_of_all(visit):
    root = network(2, 3, 1, expand=True)
    seen, page = record(root), visit(root, collapse="unit")
    for i in range(len(seen.nodes)):
        page.keyboard.press("Escape")
        page.click("#all")
        page.click(f"details tr:nth-child({i + 2}) button")
        check_sum(page, seen, i)


def test_many_uses_are_summed_up(visit):
    x = Value(1.5, "x")
    y = x * 0.5
    for k in range(60):
        y = y + x * ((-1) ** k / (k + 1))
    y.backward()
    seen, page = record(y), visit(y, select=x)
    rows = cells(page, "#uses")
    assert rows[-2][0] == "\N{HORIZONTAL ELLIPSIS} 37 more"
    assert len(rows) == 26
    check_sum(page, seen, 0)


def test_hover_lights_the_paths_to_the_root_and_nothing_else(visit):
    root = neuron()
    seen, page = record(root), visit(root)
    (w,) = [k for k, n in enumerate(seen.nodes) if n.name == "w1"]
    page.mouse.move(*middle(page, w))
    above, size = {w}, 0
    while len(above) > size:
        size = len(above)
        above |= {int(e.target[1:]) for e in seen.edges if int(e.source[1:]) in above}
    assert set(page.evaluate("boxes.flatMap((b, k) => getComputedStyle(b.element).opacity === '1' ? [k] : [])")) == above
    assert page.evaluate("over.childElementCount") == len(above) - 1
    assert page.evaluate("getComputedStyle(lines).opacity") < "0.5"
    page.mouse.move(5, 750)
    assert page.locator("svg .dim").count() == 0


def test_the_root_chosen_fades_nothing(visit):
    page = visit(neuron())
    page.mouse.click(*middle(page, page.evaluate("boxOf[root]")))
    assert page.locator("svg .dim").count() == 0
    assert cells(page, "#uses") == [["the root itself", "", "", "= +1"], ["sum", "", "", "= +1"]]


@pytest.mark.parametrize("way", ["double click", "Shift+Enter", "button"])
def test_a_unit_unfolds_where_it_stands(visit, way):
    root = network(3, 3, 1, expand=True)
    page = visit(root)
    k = page.evaluate("boxes.findIndex(b => b.unit === 1)")
    first = page.evaluate(f"boxes[{k}].members[0]")
    members = page.evaluate(f"boxes[{k}].members.length")
    before = page.evaluate("boxes.length")
    if way == "double click":
        page.mouse.dblclick(*middle(page, k))
    elif way == "Shift+Enter":
        page.evaluate(f"boxes[{k}].element.focus()")
        page.keyboard.press("Shift+Enter")
        assert page.evaluate(f"document.activeElement === boxes[boxOf[{first}]].element")
    else:
        page.mouse.click(*middle(page, k))
        page.click("#unit")
    assert page.evaluate("boxes.length") == before + members - 1
    assert page.evaluate("boxes.every(b => b.unit !== 1)")
    if way == "button":
        page.click("#unit")
    else:
        page.evaluate(f"boxes[boxOf[{first}]].element.focus()")
        page.keyboard.press("Shift+Enter")
    assert page.evaluate("boxes.length") == before


def test_all_units_unfold_and_fold(visit):
    page = visit(network(3, 3, 1, expand=True))
    folded = page.evaluate("boxes.length")
    page.click("text=unfold all")
    assert page.evaluate("boxes.length") == page.evaluate("nodes.length")
    page.click("text=fold units")
    assert page.evaluate("boxes.length") == folded


@pytest.mark.parametrize("graph", ["tanh sse", "softmax bce expanded"])
def test_folded_arrows_have_the_numbers_of_the_picture(visit, graph):
    from engine.view.groups import grouped

    root = GRAPHS[graph]()
    page = visit(root, collapse="unit")
    exact = sorted(a.local for a in grouped(record(root), "unit").arrows if a.local is not None)
    assert sorted(floats(page, "arrows.filter(a => a.local !== null).map(a => a.local)")) == pytest.approx(exact, rel=1e-12)
    for k in range(page.evaluate("graph.units.length")):  # any mixture of folded and unfolded is laid out
        page.evaluate(f"toggle(boxes.findIndex(b => b.unit === {k}))")
        assert page.evaluate("boxes.every(b => Number.isFinite(b.x) && Number.isFinite(b.y))")
        assert page.evaluate("arrows.every(a => boxes[a.source].x + boxes[a.source].w < boxes[a.target].x)")


# ---- the backward pass


def shown_gradients(page):
    return page.evaluate("boxes.map(b => b.rows[0].grad.textContent.replace('grad ', ''))")


def test_keys_slider_and_buttons_step(visit):
    root = neuron()
    page = visit(root)
    steps = page.evaluate("order.length")
    at = lambda: page.evaluate("at")
    page.keyboard.press("ArrowRight")
    assert at() == 0
    grads = dict(zip([n.name for n in record(root).nodes], shown_gradients(page), strict=True))
    assert (grads["loss"], grads["o"], grads["w1"]) == ("+1", "\N{EN DASH}", "\N{EN DASH}")
    for expected in (1, 2, 3):
        page.keyboard.press("ArrowRight")
        assert at() == expected
    assert "hands on" in page.inner_text("#say")
    page.keyboard.press("ArrowLeft")
    assert at() == 2
    page.keyboard.press("End")
    assert at() == steps
    assert page.is_visible("#adds")
    page.keyboard.press("Home")
    assert at() == 0
    page.click("#forth")
    page.click("#forth")
    page.click("#back")
    assert at() == 1
    page.fill("#step", "4")
    assert (at(), page.inner_text("#count")) == (4, f"4 of {steps}")
    page.keyboard.press("Escape")
    assert at() == steps
    assert "Choose a box" in page.inner_text("#panel")


def test_a_gradient_grows_and_is_marked_until_it_is_whole(visit):
    x = Value(3.0, "x")
    y = x * x + x
    y.backward()
    page = visit(y)
    seen = []
    for _ in range(3):
        page.keyboard.press("ArrowRight")
        seen.append(shown_gradients(page)[0])
    assert seen == ["\N{EN DASH}", "+1\N{HORIZONTAL ELLIPSIS}", "+7"]


@pytest.mark.parametrize(("kind", "bound"), [("big", 1.75), ("zero", None), ("nan", None), ("end", None)])
def test_a_run_stops_at_the_first_gradient_of_that_kind(visit, kind, bound):
    x, z, u, v = Value(0.5, "x"), Value(0.0, "z"), Value(0.0, "u"), Value(1.0, "v")
    y = sqrt(z) * x * 0.001 + (x * 2) * z + u * u + x + (v * 3 - v * 2.9)  # v's gradient is large, but only on the way
    y.backward()
    seen, page = record(y), visit(y)
    page.select_option("#stop", kind)
    if bound:
        page.fill("#bound", str(bound))
    page.click("#run")
    wanted = {"big": lambda g: abs(g) > bound, "zero": lambda g: g == 0, "nan": lambda g: not math.isfinite(g), "end": lambda g: False}
    users = {n.id: [e.target for e in seen.edges if e.source == n.id] for n in seen.nodes}
    inner = [n.id for n in reversed(seen.nodes) if n.op is not None]
    whole = {n.id: 1 + max(inner.index(u) for u in users[n.id]) for n in seen.nodes if users[n.id]}
    expected = min((whole[n.id] for n in seen.nodes if users[n.id] and wanted[kind](n.grad)), default=len(inner))
    assert page.evaluate("at") == expected
    assert page.locator("#panel .notice").count() == (kind != "end")


# ---- what if


def test_another_number_is_shown_along_the_cone(visit):
    root = neuron()
    (w,) = [v for v in record(root).values if v.label == "w1"]
    page = visit(root, select=w)
    page.fill("#whatif", "0.25")
    exact = reevaluate(root, float, at={w: 0.25})
    rows = {r[0]: r[1:] for r in cells(page, "#whatif + div table")}
    assert near(number(rows["loss"][1]), exact.value, 6)
    assert near(number(rows["loss"][0]), root.data, 6)
    assert set(rows) == {"n", "o", "loss"}
    texts = page.evaluate("boxes.filter(b => b.changed).map(b => b.rows[0].number.textContent)")
    assert len(texts) == page.evaluate("changed.size") == 7
    assert near(number(texts[-1].replace("data ", "")), exact.value)
    page.fill("#whatif", "")
    assert page.evaluate("boxes.some(b => b.changed)") is False


def test_numbers_that_come_later_stay_in_their_boxes(visit):
    inside = """boxes.every(b => b.rows.every(r => r.number.getComputedTextLength() <= (b.split || b.w) - 7
        && r.grad.getComputedTextLength() <= b.w - b.split - 7))"""
    root = neuron()
    (w,) = [v for v in record(root).values if v.label == "w1"]
    page = visit(root, select=w)
    page.fill("#whatif", "0.90001")
    assert page.evaluate(inside)
    page = visit(network(2, 8, 12, 1, expand=True))
    assert page.evaluate("boxes.some(b => b.flat)")
    for step in range(0, page.evaluate("order.length"), 60):
        page.evaluate(f"go({step})")
        assert page.evaluate(inside)


def test_a_long_path_is_told_by_its_names(visit):
    root = network(2, 3, 1, expand=True)
    (w,) = [v for v in record(root).values if str(v.label) == "w_h2,x1"]
    page = visit(root, select=w)
    assert cells(page, "#paths")[0][0] == "w_h2,x1 → net_h2 → o_h2 → o_o1 → E"


# ---- looking around


def test_wheel_drag_keys_and_fit(visit):
    page = visit(neuron())
    start = page.evaluate("({...view})")
    page.mouse.move(200, 650)
    page.mouse.wheel(0, -200)
    page.wait_for_function(f"view.scale > {start['scale']}")
    zoomed = page.evaluate("({...view})")
    anchor = lambda v: ((200 - v["x"]) / v["scale"], (650 - page.evaluate("svg.getBoundingClientRect().y") - v["y"]) / v["scale"])
    assert anchor(zoomed) == pytest.approx(anchor(start), abs=1e-6)
    page.mouse.down()
    page.mouse.move(260, 620)
    page.mouse.up()
    moved = page.evaluate("({...view})")
    assert (moved["x"] - zoomed["x"], moved["y"] - zoomed["y"]) == pytest.approx((60, -30))
    page.click("#fit")
    assert page.evaluate("view.scale") == pytest.approx(page.evaluate("fitting()"))
    page.keyboard.press("+")
    assert page.evaluate("view.scale / fitting()") == pytest.approx(1.25)
    page.keyboard.press("0")
    assert page.evaluate("view.scale") == pytest.approx(page.evaluate("fitting()"))


def test_a_box_that_gets_the_focus_comes_into_view(visit):
    page = visit(network(3, 3, 1, expand=True), collapse=None)
    page.evaluate("svg.focus()")
    for k in range(20):
        page.keyboard.press("Tab")
        inside = f"(() => {{ const b = boxes[{k}].element.getBoundingClientRect(), s = svg.getBoundingClientRect(); return b.left >= s.left && b.right <= s.right && b.top >= s.top && b.bottom <= s.bottom; }})()"
        assert page.evaluate(inside)
    assert page.evaluate("[svg.scrollLeft, $('stage').scrollLeft, $('stage').scrollTop, document.scrollingElement.scrollLeft]") == [0, 0, 0, 0]


@pytest.mark.parametrize("font", [None, "'Liberation Sans'", "'DejaVu Sans'"], ids=["own font", "narrow font", "wide font"])
@pytest.mark.parametrize("sizes", [(3, 3, 1), (3, 8, 7, 1), (2, 24, 24, 1)])
@pytest.mark.parametrize("collapse", ["auto", None])
def test_the_first_view_is_legible(visit, sizes, collapse, font):
    page = visit(network(*sizes, expand=True), collapse=collapse, font=font)
    heights = page.evaluate("[...svg.querySelectorAll('text')].map(t => parseFloat(getComputedStyle(t).fontSize) * view.scale).sort((a, b) => a - b)")
    assert heights[len(heights) // 2] >= 9 - 1e-9
    if collapse == "auto":
        assert page.evaluate("fitting()") >= page.evaluate("LEGIBLE")  # and all of it is seen


def test_a_single_neuron_is_seen_whole_with_every_label(visit):
    page = visit(neuron(), font="'DejaVu Sans'")
    assert page.evaluate("fitting()") >= page.evaluate("LEGIBLE")
    assert page.locator("svg .arrow .local").count() == 12


@pytest.mark.parametrize("width", [480, 640])
@pytest.mark.parametrize("sizes", [(2, 1, 1), (2, 2, 1)])
def test_a_narrow_frame_shows_all_of_a_small_graph(visit, width, sizes):
    page = visit(network(*sizes, expand=True), size=(width, 480), collapse=None)
    assert page.evaluate("boxes.length") > 15
    seen = """boxes.every(b => { const [r, s] = [b.element.getBoundingClientRect(), svg.getBoundingClientRect()];
        return r.left >= s.left && r.right <= s.right && r.top >= s.top && r.bottom <= s.bottom; })"""
    assert page.evaluate(seen)
    page.set_viewport_size({"width": width - 50, "height": 420})
    page.wait_for_function(seen)
    page.evaluate("pick(root)")  # what is chosen is to be read
    page.set_viewport_size({"width": width, "height": 480})
    page.wait_for_function("view.scale >= LEGIBLE")


ROOT_IN_SIGHT = """(() => { const [r, s] = [boxes[boxOf[root]].element.getBoundingClientRect(), svg.getBoundingClientRect()];
    return r.width > 40 && r.left >= s.left && r.right <= s.right && r.top >= s.top && r.bottom <= s.bottom; })()"""


SHOWN = "JSON.stringify([view, boxes.map(b => [b.x, b.y, b.w, b.h])])"


@pytest.mark.parametrize("sizes", [(2, 2, 1), (3, 8, 7, 1)])
@pytest.mark.parametrize("size", [(1, 1), (250, 40), (1600, 60)])
def test_a_frame_that_gets_its_size_late_shows_what_it_would_have_shown(visit, size, sizes):
    """A notebook may give its frame a size only after the page ran, and the browser then need not send "resize"."""
    page = visit(network(*sizes), size=size, first="addEventListener('resize', e => e.stopImmediatePropagation(), true)")
    page.set_viewport_size({"width": 750, "height": 480})
    page.wait_for_function(ROOT_IN_SIGHT)
    assert page.evaluate(SHOWN) == visit(network(*sizes), size=(750, 480)).evaluate(SHOWN)


def test_what_has_the_focus_keeps_it_in_another_size(visit):
    page = visit(network(2, 2, 1, expand=True), collapse=None)
    page.evaluate("boxes[3].element.focus()")
    page.set_viewport_size({"width": 700, "height": 900})
    page.wait_for_function("fittedFor.width < 701 && boxes.length")
    assert page.evaluate("boxes.findIndex(b => b.element === document.activeElement)") == 3
    assert page.evaluate("document.activeElement.isConnected")


def test_a_stage_that_gets_smaller_in_the_same_window_still_shows_the_root(visit):
    page = visit(network(3, 8, 7, 1))
    page.evaluate("document.body.style.gridTemplateColumns = '300px 1fr'")
    page.wait_for_function(ROOT_IN_SIGHT)


def test_a_look_of_ones_own_stays_until_the_size_changes(visit):
    page = visit(network(3, 8, 7, 1))
    page.keyboard.press("+")
    page.evaluate("document.getElementById('step').focus()")
    seen = page.evaluate("JSON.stringify(view)")
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(null))))")
    assert page.evaluate("JSON.stringify(view)") == seen


def test_the_head_of_the_page_never_moves(visit):
    page = visit(neuron())
    places = lambda: page.evaluate("[...document.querySelectorAll('header *')].map(e => { const r = e.getBoundingClientRect(); return [r.x, r.y, r.width]; })")
    before = places()
    for act in (lambda: page.keyboard.press("Home"), lambda: page.keyboard.press("ArrowRight"), lambda: page.select_option("#stop", "big"), lambda: page.click("#run")):
        act()
        assert places() == before


# ---- what could break a page


HOSTILE = ["</script><script>boom()</script>", "<img src=x onerror=boom()>", "a\"b'c`d", "{x|y}", "<!--", "caf\N{CAT FACE}", "a & b", "${graph}"]
SPELLED = {"two\nlines": r"two\nlines", "u\u2028v": r"u\u2028v"}


@pytest.mark.parametrize("label", [*HOSTILE, *SPELLED])
def test_labels_are_shown_as_they_are(visit, label):
    shown = SPELLED.get(label, label)
    x = Value(2.0, label)
    y = x * x
    y.label = label
    y.backward()
    page = visit(y, title=label)
    head = shown if len(shown) <= 26 else shown[:25] + "\N{HORIZONTAL ELLIPSIS}"
    assert page.locator(".box .name").all_text_contents() == [head, head]
    assert page.text_content("#title") == page.title() == shown
    page.mouse.click(*middle(page, 0))
    assert page.text_content("#panel h2") == shown
    assert page.locator("img").count() == 0
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert page.text_content("#adds button") == shown


def test_broken_numbers_are_shown_and_stepped(visit):
    x, z, n = Value(0.0, "x"), Value(-0.0, "z"), Value(math.nan, "n")
    y = sqrt(x) + z * math.inf + n * 0.0
    y.backward()
    seen, page = record(y), visit(y)
    assert all(map(same, floats(page, "final"), [v.grad for v in seen.nodes]))
    assert page.evaluate(f"Object.is(nodes[{seen.find(z).id[1:]}].data, -0)")
    texts = page.evaluate("boxes.map(b => b.rows[0].number.textContent + ' ' + b.rows[0].grad.textContent)")
    assert "data 0 grad +inf" in texts
    assert "data nan grad 0" in texts
    for key in ("Home", "ArrowRight", "ArrowRight", "End"):
        page.keyboard.press(key)
    for k in range(len(seen.nodes)):
        page.mouse.click(*middle(page, k))


def test_an_infinite_partial_hands_nothing_on_from_a_gradient_of_zero(visit):
    x = Value(0.0, "x")
    y = sqrt(x) * 0.0 + x
    y.backward()
    page = visit(y)
    assert floats(page, "final")[0] == x.grad == 1.0
    page.mouse.click(*middle(page, 0))
    assert sorted(r[3] for r in cells(page, "#uses")) == ["= +1", "= +1", "= 0"]


def test_a_graph_of_one_node(visit):
    x = Value(2.5, "x")
    x.backward()
    page = visit(x)
    page.mouse.click(*middle(page, 0))
    assert "d x / d x = +1" in page.inner_text("#panel")
    page.fill("#whatif", "3")
    assert page.evaluate("changed.get(0)") == 3
    for key in ("Escape", "ArrowRight", "Home", "End", "0"):
        page.keyboard.press(key)
    assert page.is_disabled("#forth")


def test_before_backward_there_is_a_notice_and_no_gradient(visit):
    x = Value(2.0, "x")
    page = visit(x * x + x)
    assert "backward() has not been run" in page.inner_text("#panel")
    assert "backward() has not been run" in page.inner_text("#legend")
    assert set(page.evaluate("boxes.map(b => b.rows[0].grad.textContent)")) == {"grad \N{EN DASH}"}
    page.mouse.click(*middle(page, 0))
    assert page.locator("#uses").count() == 0
    assert "backward() has not been run" in page.inner_text("#panel")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("stepping") is False
    page.fill("#whatif", "3")
    assert page.evaluate("changed.get(root)") == 12


def test_arguments_that_stand_twice_have_two_arrows(visit):
    x = Value(3.0, "x")
    y = x * x
    y.backward()
    page = visit(y, select=x)
    assert page.evaluate("arrows.length") == 2
    assert len(set(page.evaluate("arrows.map(a => a.path)"))) == 2
    assert cells(page, "#uses") == [["v1 (×)", "+3", "× +1", "= +3"], ["v1 (×)", "+3", "× +1", "= +3"], ["sum", "", "", "= +6"]]


def test_every_box_has_a_role_and_a_name(visit):
    page = visit(network(2, 3, 1, expand=True), collapse="unit")
    boxes = page.evaluate("boxes.map(b => [b.element.getAttribute('role'), b.element.getAttribute('tabindex'), b.element.getAttribute('aria-label')])")
    assert all(role == "button" and tab == "0" and "grad" in name for role, tab, name in boxes)
    assert len({name for _, _, name in boxes}) == len(boxes)
    page.keyboard.press("Home")
    assert "starts at the root" in page.inner_text("#live")


def test_without_javascript_the_notebook_has_a_picture(browser):
    root = neuron()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    cell = explore(root)._repr_html_()
    page.set_content(cell[cell.index("<img") : -len("</iframe>")])
    assert page.locator("img").bounding_box()["height"] > 100
    context.close()


def test_a_cell_shows_the_live_page(browser):
    page = browser.new_page()
    page.set_content(explore(neuron())._repr_html_())
    frame = page.frame_locator("iframe")
    frame.locator("html[data-ready]").wait_for(state="attached")
    assert frame.locator(".box").count() == 13
    page.close()


# ---- speed


def cost(page, cdp, act, before):
    """Milliseconds of an action: its own, and those of the processor for the styles and the layout that follow."""

    def metrics():
        found = {m["name"]: m["value"] for m in cdp.send("Performance.getMetrics")["metrics"]}
        return 1000 * (found["LayoutDuration"] + found["RecalcStyleDuration"])

    costs = []
    for _ in range(8):
        page.evaluate(f"(() => {{ {before}; boxes[0].element.getBoundingClientRect(); }})()")
        start = metrics()
        script = page.evaluate(f"(() => {{ const start = performance.now(); {act}; return performance.now() - start; }})()")
        inside = metrics()
        page.evaluate("boxes[0].element.getBoundingClientRect(), panel.offsetHeight")
        costs.append(max(script, inside - start) + metrics() - inside)
    return min(costs)


def test_two_thousand_nodes_answer_at_once(visit):
    page = visit(network(2, 24, 24, 1, expand=True), collapse=None)
    assert page.evaluate("nodes.length") > 2000
    page.evaluate("window.box = boxes[boxes.length >> 1].element; 0")
    cdp = page.context.new_cdp_session(page)
    cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
    reference = "let s = 0; for (let j = 0; j < 1e7; j++) s += Math.sqrt(j); window.kept = s"
    slow = max(1.0, cost(page, cdp, reference, "0") / 10)  # a machine that is slow, or busy with other things
    assert cost(page, cdp, "box.onmouseenter()", "box.onmouseleave()") < 16 * slow
    assert cost(page, cdp, "box.onclick()", "go(order.length)") < 16 * slow
    assert cost(page, cdp, "go(order.length >> 1)", "go(order.length)") < 100 * slow
