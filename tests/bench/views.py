"""Pictures and pages of gradient graphs in figures: bytes, milliseconds, and what a hand reaches in a browser.

    python tests/bench/views.py [--quick]

Each figure stands beside the bar that it has to reach; ends with exit code 1 if one is missed. The second half
needs Playwright and chromium: the page is opened as a reader opens it, at 1080 x 760.
"""

import argparse
import gc
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path


sys.path[:0] = [str(Path(__file__).parents[2])]

from tables import busy, table, verdict  # noqa: E402

from engine import Role, Value, draw, explore, record  # noqa: E402
from engine.view.groups import grouped  # noqa: E402
from nn import MLP, losses  # noqa: E402


SIZES = {"50": (2, 4, 1), "300": (3, 8, 7, 1), "2,047": (2, 24, 24, 1), "13,127": (2, 64, 64, 1)}
LIMITS = {"50": 50, "300": 200, "2,047": 2000, "13,127": 500}  # milliseconds from graph to page; the last one folded
FLAGS = ["--no-sandbox", "--no-zygote", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
ACTS = {"hover": ("box.onmouseenter()", "box.onmouseleave()", 16), "click": ("box.onclick()", "go(order.length)", 16)}
ACTS |= {"step": ("go(order.length >> 1)", "go(order.length)", 100)}
missed = []


def network(*sizes):
    """A network whose every product and sum is a node, after a backward pass."""
    model, rng = MLP(sizes[0], list(sizes[1:]), seed=3, expand=True), random.Random(5)
    x = [Value(rng.uniform(-1, 1), Role("x", f"x{i + 1}")) for i in range(sizes[0])]
    E = losses.sse(model(x), [Value(rng.random(), Role("t", f"o{k + 1}")) for k in range(sizes[-1])])
    E.backward()
    return E


def bar(text, reached):
    """The bar with its verdict; a miss is remembered."""
    if not reached:
        missed.append(text)
    return verdict(text, reached)


def fastest(f, times):
    """Milliseconds of the processor in the fastest of several runs, and what the last gave."""
    found = []
    for _ in range(times):
        gc.collect()
        start = time.process_time()
        result = f()
        found.append(1000 * (time.process_time() - start))
    return min(found), result


def picture(E, collapse):
    """From graph to picture, all of it."""
    return draw(E, engine="builtin", collapse=collapse, limit=None).svg


def document(E):
    """From graph to page."""
    return explore(E, limit=None).html


def made(times):
    """Rows: what it takes to make pictures and pages, and how large they are."""
    for name, sizes in SIZES.items():
        E = network(*sizes)
        t_record, seen = fastest(partial(record, E), times)
        whole = len(seen.nodes) < 5000
        t_groups, _ = fastest(partial(grouped, seen, "unit"), times)
        t_svg, _ = fastest(partial(picture, E, None if whole else "auto"), times if len(seen.nodes) < 1000 else 3)
        t_page, page = fastest(partial(document, E), times)
        cell = len(explore(E, limit=None)._repr_html_().encode()) / 1000 if whole else None
        total = t_svg + t_page if whole else t_svg
        size = "" if cell is None else f"{cell:.0f}"
        bars = [bar(f"< {LIMITS[name]} ms", total < LIMITS[name])]
        if cell is not None:
            most = 150 if name == "50" else 400
            bars.append(bar(f"cell <= {most} kB", cell <= most))
        numbers = (f"{t:.1f}" for t in (t_record, t_groups, t_svg, t_page))
        yield [f"{len(seen.nodes):,}", *numbers, f"{len(page.encode()) / 1000:.0f}", size, "; ".join(bars)]


SEEDED = """
import hashlib
from engine import draw, explore
from nn import MLP, losses
model = MLP(3, [4, 2], output="softmax", seed=1)
E = losses.bce(model([0.1, -0.2, 0.3]), [1.0, 0.0]); E.backward()
g = [draw(E, collapse=c, engine="builtin") for c in (None, "unit", "layer", "network")] + [draw(model, engine="builtin")]
said = "".join(d.source + d.svg for d in g) + explore(E)._repr_html_()
print(hashlib.sha256(said.encode()).hexdigest(), len(said))
"""


def seeds():
    """The bytes of pictures and pages under five hash seeds."""
    root = str(Path(__file__).parents[2])
    run = lambda s: subprocess.run([sys.executable, "-c", SEEDED], cwd=root, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONHASHSEED": s, "PYTHONPATH": root}).stdout
    found = {run(s) for s in ("0", "1", "2", "42", "12345")}
    size = int(found.copy().pop().split()[1])
    return f"DOT, SVG and HTML of six views, {size:,} bytes: {len(found)} version in 5 processes, {bar('1 version', len(found) == 1)}"


# ---- beside plain dot


def with_dot(times):
    """Rows: from a graph to its SVG by `dot`, beside that program alone on the same text, and on a picture of the usual kind."""
    for name in ("50", "300"):
        E = network(*SIZES[name])
        text = draw(E, collapse=None, limit=None).source.encode()
        usual = records(E).encode()
        plain = partial(subprocess.run, ["dot", "-Tsvg"], capture_output=True, check=True)
        whole, alone, other = side_by_side(times, partial(drawn_by_dot, E), partial(plain, input=text), partial(plain, input=usual))
        yield [name, f"{whole:.1f}", f"{alone:.1f}", f"{whole / alone:.2f}", bar("<= 1.2", whole <= 1.2 * alone), f"{other:.1f}", f"{whole / other:.2f}"]


def drawn_by_dot(E):
    """From graph to picture, every node, laid out by `dot`."""
    return draw(E, engine="dot", collapse=None, limit=None).svg


def records(E):
    """The same graph as most engines of this size draw it: a record for each number, an ellipse for each operation, nothing on the arrows."""
    lines = ["digraph {\n\trankdir=LR\n"]
    for n in record(E).nodes:
        lines.append(f'\t{n.id} [label="{{ {n.name} | data {n.data:.4f} | grad {n.grad:.4f} }}" shape=record]\n')
        if n.op:
            lines.append(f'\t{n.id}op [label="{n.op}"]\n\t{n.id}op -> {n.id}\n')
            lines += [f"\t{a} -> {n.id}op\n" for a in dict.fromkeys(n.args) if isinstance(a, str)]
    return "".join([*lines, "}\n"])


def side_by_side(times, *contestants):
    """Milliseconds on the wall of the fastest of several runs of each, taken in turns: other programs' work is not told apart."""
    found = [[] for _ in contestants]
    for _ in range(times):
        for f, spent in zip(contestants, found, strict=True):
            gc.collect()
            start = time.perf_counter()
            f()
            spent.append(1000 * (time.perf_counter() - start))
    return map(min, found)


# ---- in a browser


def cost(page, cdp, act, before, times):
    """Milliseconds of an action, its own and those of the styles and the layout that follow: the fastest."""

    def metrics():
        found = {m["name"]: m["value"] for m in cdp.send("Performance.getMetrics")["metrics"]}
        return 1000 * (found["LayoutDuration"] + found["RecalcStyleDuration"])

    costs = []
    for _ in range(times):
        page.evaluate(f"(() => {{ {before}; boxes[0].element.getBoundingClientRect(); }})()")
        start = metrics()
        script = page.evaluate(f"(() => {{ const start = performance.now(); {act}; return performance.now() - start; }})()")
        inside = metrics()
        page.evaluate("boxes[0].element.getBoundingClientRect(), panel.offsetHeight")
        costs.append(max(script, inside - start) + metrics() - inside)
    return min(costs)


SUMS = """(() => {  // the panel shows node `chosen`, and the products in its table add up to the gradient shown
  const rows = [...document.querySelectorAll('#uses tr')].slice(1).map(r => Number(r.cells[3].textContent.replace(/[=\\s+]/g, '').replaceAll('\\u2212', '-')));
  const total = rows.pop(), sum = rows.reduce((s, x) => s + x, 0), largest = Math.max(...rows.map(Math.abs));
  return Math.abs(total - grad(chosen)) <= 1e-3 * Math.abs(total) && Math.abs(sum - total) <= 1e-3 * (rows.length + 1) * largest;
})()"""


def reached(page, way, most):
    """How many boxes were chosen by mouse or keyboard, and how many showed a sum that holds."""
    count = min(page.evaluate("boxes.length"), most)
    good = 0
    page.evaluate("svg.focus()")
    for k in range(count):
        if way == "mouse":
            x, y = page.evaluate(f"(() => {{ reveal({k}); const r = boxes[{k}].element.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()")
            page.mouse.click(x, y)
        else:
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
        good += page.evaluate(f"boxes[{k}].members.includes(chosen) && {SUMS}")
    return count, good


def browsed(times, quick):
    """Rows: what the page does in a browser, folded and unfolded."""
    from playwright.sync_api import sync_playwright

    problems = []
    with sync_playwright() as p, tempfile.TemporaryDirectory() as folder:
        browser = p.chromium.launch(executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=FLAGS)
        for name, sizes in SIZES.items():
            E = network(*sizes)
            for collapse in ("unit", None):
                if name == "13,127" and collapse is None:
                    continue
                path = explore(E, collapse=collapse, limit=None).save(Path(folder) / "page.html").as_uri()
                page = browser.new_page(viewport={"width": 1080, "height": 760})
                page.set_default_timeout(120_000)
                page.on("console", lambda m: problems.append(m.text))
                page.on("pageerror", lambda e: problems.append(str(e)))
                page.on("request", lambda r, path=path: problems.append(r.url) if r.url != path else None)
                start = time.perf_counter()
                page.goto(path)
                page.wait_for_selector("html[data-ready]", state="attached")
                opened = 1000 * (time.perf_counter() - start)
                heights = page.evaluate("[...svg.querySelectorAll('text')].map(t => parseFloat(getComputedStyle(t).fontSize) * view.scale)")
                text = statistics.median(heights)
                page.evaluate("window.box = boxes[boxes.length >> 1].element; 0")
                cdp = page.context.new_cdp_session(page)
                cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
                spent = {act: cost(page, cdp, do, undo, times) for act, (do, undo, _) in ACTS.items()}
                bars = [bar("text >= 9 px", text >= 9 - 1e-9)]
                if name != "13,127":
                    bars += [bar(f"{act} < {most} ms", spent[act] < most) for act, (_, _, most) in ACTS.items()]
                page.evaluate("document.onkeydown({key: 'Escape', preventDefault() {}, target: document.body})")
                for way in ("mouse", "keyboard"):
                    count, good = reached(page, way, 40 if quick else 320)
                    bars.append(bar(f"{way} {good}/{count}", good == count))
                shown = page.evaluate("boxes.length")
                numbers = (f"{spent[act]:.1f}" for act in ACTS)
                yield [name, "per unit" if collapse else "every node", f"{shown:,}", f"{opened:.0f}", f"{text:.1f}", *numbers, "; ".join(bars)]
                page.close()
        browser.close()
    yield ["all", "", "", "", "", "", "", "", bar(f"{len(problems)} requests and console messages", not problems)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer repeats and fewer clicks")
    quick = parser.parse_args().quick
    times = 3 if quick else 7
    print(busy())
    print("Made: milliseconds of the processor (fastest run; picture and page each from the graph on) and kilobytes\n")
    print(table(["nodes", "record", "per unit", "picture", "page", "page kB", "cell kB", "bars"], made(times)))
    print(f"\n{seeds()}\n")
    if shutil.which("dot"):
        print("With the program dot: milliseconds from graph to SVG, of dot alone on the same text, and of dot on the graph as records\n")
        print(table(["nodes", "drawn", "dot alone", "ratio", "bar", "records", "ratio"], with_dot(10 * times)) + "\n")
    else:
        print("there is no program dot: its part was left out\n")
    if shutil.which("chromium") or shutil.which("google-chrome"):
        print("In headless Chromium at 1080 x 760: milliseconds to open, median text height in pixels, milliseconds to answer\n")
        print(table(["nodes", "drawn", "boxes", "open", "text", *ACTS, "bars (mouse, keyboard: sums that hold / boxes chosen)"], browsed(times, quick)))
    else:
        print("there is no program chromium: the second half was left out")
    if missed:
        sys.exit(f"missed: {'; '.join(missed)}")


if __name__ == "__main__":
    main()
