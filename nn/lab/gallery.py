"""A gallery: eight typical graphs, each as a picture (SVG) and as a page to explore.

`python -m nn.lab.gallery FOLDER` writes them with an index.html beside them; the same call writes the same bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from html import escape
from math import log
from pathlib import Path
from typing import Any, NamedTuple

from engine import Role, Value, dot, draw as drawn, explain, explore, gradient, logsumexp, tanh
from nn import losses
from nn.files import write
from nn.modules import MLP


draw = partial(drawn, engine="builtin")  # the same bytes on every machine


class Exhibit(NamedTuple):
    """One graph: what it shows in a sentence, its picture and its page."""

    sentence: str
    picture: Any
    page: Any


def neuron() -> Exhibit:
    """A single unit under a squared error, every step a node."""
    x1, x2, w1, w2 = (Value(v, name) for v, name in ((2.0, "x1"), (0.5, "x2"), (-0.3, "w1"), (1.0, "w2")))
    net = x1 * w1 + x2 * w2 + Value(0.2, "b")
    net.label = "net"
    o = tanh(net)
    o.label = "o"
    E = (o - 1.0) ** 2
    E.label = "E"
    E.backward()
    return Exhibit("One unit, every product and sum a node: follow an arrow back and multiply.", draw(E), explore(E))


def worked_example() -> tuple[MLP, dict[str, Value], Value]:
    """The network of the notes: two inputs, two hidden and two output units, sigmoid, no biases."""
    model = MLP(2, [2, 2], activation="sigmoid", output="sigmoid", bias=False)
    weights = [-log(3), -log(9), log(2), log(4), -log(16), log(8), log(81), -log(27)]
    for p, number in zip(model.parameters(), weights, strict=True):
        p.data = number
    E = losses.sse(model([Value(3.0, Role("x", "x1")), Value(-2.0, Role("x", "x2"))]), [1, 1])
    E.backward()
    return model, dict(model.named_parameters()), E


def network() -> Exhibit:
    """The network of the notes with two chosen weights."""
    _, w, E = worked_example()
    chosen = [w["w_o1,h1"], w["w_h1,x1"]]
    text = "A network as textbooks draw it: an output weight and a hidden weight are marked; grad of net_j is dE/dnet_j."
    return Exhibit(text, draw(E, collapse="network", highlight=chosen), explore(E))


def paths() -> Exhibit:
    """The same graph with the paths of a hidden weight."""
    _, w, E = worked_example()
    why = explain(w["w_h1,x1"], E)
    text = "The two paths of a hidden weight disagree: one adds to its gradient (blue), one takes from it (orange, dashed)."
    return Exhibit(text, draw(E, highlight=why), explore(E, select=w["w_h1,x1"]))


def softmax() -> Exhibit:
    """Softmax and cross-entropy."""
    model = MLP(2, [3], output="softmax", seed=4)
    E = losses.cross_entropy(model([0.5, -1.0]), 2)
    E.backward()
    return Exhibit("Softmax under cross-entropy: dE/dnet_k is o_k - t_k.", draw(E), explore(E))


def shared() -> Exhibit:
    """A recurrence: one weight, three times."""
    w, h = Value(0.7, "w"), Value(1.0, "h0")
    for t in range(1, 4):
        h = tanh(w * h)
        h.label = f"h{t}"
    h.backward()
    return Exhibit("One weight used three times, as in a recurrent net: three terms add up to its gradient.", draw(h), explore(h, select=w))


def convolution() -> Exhibit:
    """A filter of three weights that slides over five inputs."""
    x = [Value(v, f"x{i}") for i, v in enumerate((0.2, -0.4, 0.9, 0.5, -0.7))]
    w = [Value(v, f"w{i}") for i, v in enumerate((0.5, -1.0, 0.25))]
    heights = [dot(w, x[i : i + 3]) for i in range(3)]
    for i, y in enumerate(heights):
        y.label = f"y{i}"
    top = logsumexp(heights)
    top.label = "top"
    top.backward()
    return Exhibit("A convolution: three weights slide over five inputs, a soft maximum picks.", draw(top), explore(top))


def second_derivative() -> Exhibit:
    """The graph of a gradient, and its own gradient."""
    x = Value(0.5, "x")
    (slope,) = gradient(tanh(x * x), [x])
    slope.label = "dy/dx"
    slope.backward()
    return Exhibit("The gradient of tanh(x²) is a graph as well, so it has a gradient: d²y/dx².", draw(slope), explore(slope))


def deep() -> Exhibit:
    """A network too large to be drawn node by node."""
    model = MLP(2, [24, 24, 1], expand=True, seed=3)
    E = losses.sse(model([0.25, 0.5]), [1.0])
    E.backward()
    return Exhibit("2,045 nodes, folded by layer and by unit: click a unit, or unfold it in place.", draw(E), explore(E))


EXHIBITS: dict[str, Callable[[], Exhibit]] = {
    f.__name__: f for f in (neuron, network, paths, softmax, shared, convolution, second_derivative, deep)
}


def gallery(folder: str | Path) -> Path:
    """Write NAME.svg and NAME.html of each exhibit, and index.html; returns the path of the index."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for name, make in EXHIBITS.items():
        exhibit = make()
        write(folder / f"{name}.svg", exhibit.picture.svg.encode())
        exhibit.page.save(folder / f"{name}.html")
        title, sentence = escape(name.replace("_", " ")), escape(exhibit.sentence)
        parts.append(
            f'<section><h2><a href="{name}.html">{title}</a></h2><p>{sentence}</p>'
            f'<a href="{name}.html"><img src="{name}.svg" alt="{title}"></a></section>'
        )
    write(folder / "index.html", PAGE.format("\n".join(parts)).encode())
    return folder / "index.html"


PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Gradient graphs</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 Helvetica, Arial, sans-serif; max-width: 1100px; margin: 24px auto; padding: 0 16px; }}
section {{ margin: 36px 0; }} h2 {{ margin: 0; font-size: 19px; }} p {{ margin: 2px 0 10px; }}
img {{ max-width: 100%; max-height: 560px; border: 1px solid #8886; border-radius: 8px; }}
</style>
<h1>Eight gradient graphs</h1><p>Each picture is a link to a page on which its backward pass can be stepped.</p>
{}
</html>
"""


if __name__ == "__main__":
    print(f"wrote {gallery(sys.argv[1] if len(sys.argv) > 1 else 'gallery')}")
