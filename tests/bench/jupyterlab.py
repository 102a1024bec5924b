"""The page in a real JupyterLab: what a reader sees whose notebook is trusted, is not, or was made into a web page.

    python tests/bench/jupyterlab.py [--shots FOLDER]

A notebook with one cell, `explore(E)`, is run once; then JupyterLab opens it in a headless browser as a
stranger's notebook, which Jupyter does not trust, and a trusted one; and nbconvert makes a
page of it. The first must show the picture that stands in for the page, the others the page itself,
on which a key steps the backward pass. Needs JupyterLab, nbclient, Playwright and chromium; ends with
exit code 1 if a reader would see something else.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path


ROOT = Path(__file__).parents[2]
FLAGS = ["--no-sandbox", "--no-zygote", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
CELL = """from nn import MLP, losses
from engine import explore

E = losses.sse(MLP(2, [2, 2], activation="sigmoid", output="sigmoid", seed=3)([0.3, -0.2]), [1, 0.25])
E.backward()
explore(E)"""
TOKEN = "bench"  # of a server that only this machine reaches
WAIT = 60


def notebook(path):
    """A notebook that was run elsewhere: its outputs carry no signature of this machine."""
    import nbformat
    from nbclient import NotebookClient

    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    NotebookClient(nb, timeout=WAIT, resources={"metadata": {"path": str(ROOT)}}).execute()
    nbformat.write(nb, path)


def trust(path, copy):
    """A copy that this machine's Jupyter trusts, as `jupyter trust` makes it."""
    import nbformat
    from nbformat.sign import NotebookNotary

    nb = nbformat.read(path, 4)
    nb.cells[0].source += "  # mine"  # a signature is of the content: the stranger's must stay another
    NotebookNotary().sign(nb)
    nbformat.write(nb, copy)


@contextmanager
def server(folder):
    """JupyterLab over `folder`, on a free port of this machine; yields its address."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    options = ["--no-browser", "--ip=127.0.0.1", f"--port={port}", f"--IdentityProvider.token={TOKEN}", "--allow-root"]
    options += [f"--ServerApp.root_dir={folder}", "--ServerApp.port_retries=0"]
    address = f"http://127.0.0.1:{port}"
    with Path(folder, "server.log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-m", "jupyterlab", *options], stdout=log, stderr=log, cwd=folder)
    try:
        for _ in range(2 * WAIT):
            try:
                urllib.request.urlopen(f"{address}/api?token={TOKEN}", timeout=2)
                break
            except (urllib.error.URLError, OSError):
                if process.poll() is not None:
                    sys.exit(f"JupyterLab did not start:\n{Path(folder, 'server.log').read_text()[-2000:]}")
                time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def seen(page):
    """What stands in the output of the cell: the picture, or the page, and whether a key steps it."""
    output = page.locator(".jp-OutputArea-output, .output_html, .jp-RenderedHTMLCommon").first
    output.wait_for(timeout=1000 * WAIT)
    page.wait_for_timeout(1500)
    frames = [f for f in page.frames if f != page.main_frame and f.query_selector("html[data-ready]")]
    if not frames:
        image = page.locator('img[src^="data:image/svg+xml"]').first
        if image.count() and image.is_visible():
            box = image.bounding_box()
            return f"the picture, {box['width']:.0f} x {box['height']:.0f}"
        return "nothing"
    (frame,) = frames
    steps = []
    for key in ("End", "Home", "ArrowRight"):
        frame.focus("svg")
        frame.press("svg", key)
        steps.append(frame.inner_text("#count").split()[0])
    last = frame.get_attribute("#step", "max")
    return "the page, a key steps it" if steps == [last, "0", "1"] else f"the page, but keys lead to the steps {steps}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shots", type=Path, help="folder for screenshots")
    choice = parser.parse_args()
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as p:
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTERLAB_WORKSPACES_DIR"):
            os.environ[name] = str(Path(folder, "jupyter"))  # signatures and open tabs of this run alone
        path = Path(folder, "stranger.ipynb")
        notebook(path)
        trust(path, Path(folder, "trusted.ipynb"))
        convert = [sys.executable, "-m", "nbconvert", "--to", "html", str(path)]
        subprocess.run(convert, check=True, capture_output=True, timeout=WAIT)
        browser = p.chromium.launch(executable_path=chromium, args=FLAGS)
        found = {}
        with server(folder) as address:
            places = {
                "JupyterLab, not trusted": f"{address}/lab/tree/stranger.ipynb?reset&token={TOKEN}",
                "JupyterLab, trusted": f"{address}/lab/tree/trusted.ipynb?reset&token={TOKEN}",
                "nbconvert --to html": path.with_suffix(".html").as_uri(),
            }
            for name, url in places.items():
                page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
                page.goto(url, timeout=1000 * WAIT)
                found[name] = seen(page)
                if choice.shots:
                    choice.shots.mkdir(parents=True, exist_ok=True)
                    page.screenshot(path=choice.shots / f"{name.replace(' ', '-').replace(',', '')}.png")
        browser.close()
    for name, what in found.items():
        print(f"{name:26} {what}")
    stepped = "the page, a key steps it"
    first, *others = found.values()
    return 0 if first.startswith("the picture") and others == [stepped, stepped] else 1


if __name__ == "__main__":
    sys.exit(main())
