"""The page in a browser: what is lit, folded, in sight and legible, in a frame of any size and in a notebook."""

from __future__ import annotations

import pytest
from pages import GRAPHS, PATIENCE, cells, floats, middle, network
from pictures import neuron

from engine import Value, explore
from engine.view.groups import grouped
from engine.view.record import record


pytestmark = pytest.mark.filterwarnings("ignore::engine.errors.GradientReplaced")


# ---- paths and units


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

    root = GRAPHS[graph]()
    page = visit(root, collapse="unit")
    exact = sorted(a.local for a in grouped(record(root), "unit").arrows if a.local is not None)
    assert sorted(floats(page, "arrows.filter(a => a.local !== null).map(a => a.local)")) == pytest.approx(exact, rel=1e-12)
    for k in range(page.evaluate("graph.units.length")):  # any mixture of folded and unfolded is laid out
        page.evaluate(f"toggle(boxes.findIndex(b => b.unit === {k}))")
        assert page.evaluate("boxes.every(b => Number.isFinite(b.x) && Number.isFinite(b.y))")
        assert page.evaluate("arrows.every(a => boxes[a.source].x + boxes[a.source].w < boxes[a.target].x)")


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
    page.wait_for_function(f"fittedFor.width <= {width - 50} && {seen}")
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
    page.wait_for_function("fittedFor.width <= 700")
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
    page.set_default_timeout(PATIENCE)
    cell = explore(root)._repr_html_()
    page.set_content(cell[cell.index("<img") : -len("</iframe>")])
    assert page.locator("img").bounding_box()["height"] > 100
    context.close()


def test_a_cell_shows_the_live_page(browser):
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.set_content(explore(neuron())._repr_html_())
    frame = page.frame_locator("iframe")
    frame.locator("html[data-ready]").wait_for(state="attached")
    assert frame.locator(".box").count() == 13
    page.close()


# ---- work


WORK = """act => {  // what it changes in the page: the elements whose attributes are other ones, and how many come or go
    const seen = new MutationObserver(() => {}), touched = [], count = {in: 0, out: 0};
    seen.observe(document.body, {subtree: true, childList: true, attributes: true});
    eval(act);
    for (const r of seen.takeRecords()) {
        if (r.type === "attributes") touched.push(r.target);
        else { count.in += r.addedNodes.length; count.out += r.removedNodes.length; }
    }
    const among = parent => touched.filter(e => parent.contains(e) && e !== parent).length;
    return {...count, attributes: touched.length, arrows: among(lines), boxes: touched.filter(e => e.matches(".box")).length};
}"""


def test_what_a_hand_does_among_two_thousand_nodes_changes_little(visit):
    """How long it takes is shown by tests/bench/views.py."""
    page = visit(network(2, 24, 24, 1, expand=True), collapse=None)
    nodes = page.evaluate("nodes.length")
    assert nodes > 2000
    page.evaluate("window.middle = boxes[boxes.length >> 1]; 0")
    onward = page.evaluate("[...above(middle.members)]")
    cone = page.evaluate("k => arrows.filter(a => k.includes(a.source) && k.includes(a.target)).length", onward)
    hover = page.evaluate(WORK, "middle.element.onmouseenter()")
    assert hover["boxes"] == nodes - len(onward)  # each that is dimmed, once
    assert hover["arrows"] == 0
    assert cone <= hover["in"] <= cone + 100  # copies of the arrows of the cone, and its labels
    assert hover["attributes"] <= hover["boxes"] + 20
    page.evaluate(WORK, "middle.element.onmouseleave()")
    click = page.evaluate(WORK, "middle.element.onclick()")
    assert click["arrows"] == 0
    assert click["in"] <= cone + 250  # the panel too
    page.evaluate("go(order.length >> 1)")
    step = page.evaluate(WORK, "go(at + 1)")
    assert step["arrows"] <= 20  # those of the node that hands on
    assert step["attributes"] + step["in"] + step["out"] < 150
