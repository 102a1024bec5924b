"""Pages of graphs in a browser: the fixtures that open them, the graphs they show, and what is read from them."""

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
    where,
)
from nn import MLP, losses
from nn.losses import LOSSES
from nn.modules import ACTIVATIONS


CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--no-zygote", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
PATIENCE = 300_000  # milliseconds; a machine may be busy
MINUS = "\N{MINUS SIGN}"


@pytest.fixture(scope="module")
def browser():
    """Chromium, without a window; where there is none, or no Playwright, the test says so."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no program chromium")
    with sync_api.sync_playwright() as p:
        b = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=PATIENCE)
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
        page.set_default_timeout(PATIENCE)
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
        assert page.evaluate("document.documentElement.dataset.ready") == "yes", problems  # all of it ran as it was read
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
