"""The page in a browser: its numbers are the engine's, and hand, eye and keyboard reach every one of them."""

from __future__ import annotations

import math
import random
import shutil
from itertools import product

import pytest
from graphs import random_graph

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
from engine.reevaluate import reevaluate
from engine.view.record import record
from nn import MLP, losses
from nn.losses import LOSSES
from nn.modules import ACTIVATIONS


sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no program chromium"),
    pytest.mark.filterwarnings("ignore::engine.errors.GradientReplaced"),
]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
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

    def go(root, scheme="light", size=(1080, 760), **options):
        view = explore(root, **options)
        contexts.append(browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme))
        page = contexts[-1].new_page()
        page.set_default_timeout(10_000)
        path = view.save(tmp_path / f"{len(contexts)}.html").as_uri()
        page.on("console", lambda m: problems.append(m.text))
        page.on("pageerror", lambda e: problems.append(str(e)))
        page.on("request", lambda r: problems.append(r.url) if r.url != path else None)
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


def neuron():
    x1, x2 = Value(2.0, "x1"), Value(0.5, "x2")
    w1, w2, b = Value(-0.3, "w1"), Value(1.0, "w2"), Value(0.2, "b")
    net = x1 * w1 + x2 * w2 + b
    net.label = "n"
    o = net.tanh()
    o.label = "o"
    loss = (o - Value(1.0, "t")) ** 2
    loss.label = "loss"
    loss.backward()
    return loss


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


GRAPHS = {f"{f} {loss} {e}": lambda f=f, loss=loss, e=e: loss_net(f, loss, e) for f, loss, e in product(ACTIVATIONS, LOSSES, [False])}
GRAPHS |= {f"{f} sse expanded": lambda f=f: network(2, 3, 2, activation=f, expand=True) for f in ACTIVATIONS}
GRAPHS |= {f"random {seed}": lambda seed=seed: backward(random_graph(seed)) for seed in range(6)}
GRAPHS |= {"neuron": neuron, "expressions": expressions}


def loss_net(activation, name, expand):
    output = {"bce": "sigmoid", "cross_entropy": "softmax"}.get(name, "linear")
    targets = [-1.0, 1.0] if name == "hinge" else [0.25, 0.75]
    return network(2, 3, 2, loss=LOSSES[name], targets=targets, activation=activation, output=output, expand=expand)


def same(p, q):
    return p == q or (math.isnan(p) and math.isnan(q))


def floats(page, expression):
    """An array of numbers from the page; words of JavaScript for those that JSON lacks."""
    words = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}
    return [words.get(x) if x in words else float(x) for x in page.evaluate(f"[...({expression})].map(String)")]


def index(seen, value):
    return int(seen.find(value).id[1:])


def click(page, k, **options):
    """Click the middle of box number k with the mouse."""
    x, y = page.evaluate(f"(() => {{ reveal({k}); const r = boxes[{k}].element.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()")
    page.mouse.dblclick(x, y) if options.get("double") else page.mouse.click(x, y)


def number(text):
    """A number as the page prints it."""
    text = text.strip("×= …").replace(MINUS, "-")
    return float(text)


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
