"""JupyterLab itself, in a browser: what a fresh notebook that nobody trusts yet shows, a trusted one, and nbconvert's page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pages import PATIENCE

from engine import draw, explore
from nn import MLP, losses


lab = pytest.importorskip("jupyterlab", reason="jupyterlab is not installed")
nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
TOKEN = "only-here"
SIGN = "from nbformat.sign import TrustNotebookApp; TrustNotebookApp.launch_instance()"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with two notebooks of the same cells, of which the second is trusted, and a way to run Jupyter in it."""
    folder = tmp_path_factory.mktemp("lab")
    model = MLP(2, [2, 1], seed=0)
    E = losses.sse(model([0.5, -1.0]), [1.0])
    E.backward()
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    for made in (explore(E), draw(E), model):
        bundle = made._repr_mimebundle_() if hasattr(made, "_repr_mimebundle_") else {"text/html": made._repr_html_(), "text/plain": repr(made)}
        cell = nbformat.v4.new_code_cell("E", execution_count=1)
        cell.outputs = [nbformat.v4.new_output("execute_result", data=bundle, execution_count=1)]
        notebook.cells.append(cell)
    for name in ("fresh", "trusted"):
        notebook.metadata["title"] = name  # a signature is of the content, so the two must differ
        nbformat.write(notebook, folder / f"{name}.ipynb")
    run = {f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    run |= {"IPYTHONDIR": str(folder / "ipython"), "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(folder / "spaces")}
    share = Path(lab.__file__).parents[4] / "share" / "jupyter"
    if share.is_dir():  # where this JupyterLab was installed, whatever environment runs it
        run |= {"JUPYTERLAB_DIR": str(share / "lab"), "JUPYTER_PATH": str(share)}
    environment = os.environ | run
    command = lambda *words: [sys.executable, "-m", *words]
    subprocess.run([sys.executable, "-c", SIGN, "trusted.ipynb"], cwd=folder, env=environment, check=True, capture_output=True, timeout=600)
    return folder, environment, command


@pytest.fixture(scope="module")
def server(home):
    """JupyterLab on this machine alone, on a free port; its address."""
    folder, environment, command = home
    options = ["--no-browser", "--ip=127.0.0.1", "--port=0", f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder}"]
    options += ["--allow-root", "--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    with open(folder / "log.txt", "w") as log:
        running = subprocess.Popen(command("jupyterlab", *options), env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    try:
        until = time.monotonic() + PATIENCE / 1000
        while not (text := "".join(p.read_text() for p in (folder / "runtime").glob("jpserver-*.json"))).strip().endswith("}"):
            assert running.poll() is None, (folder / "log.txt").read_text()[-2000:]
            assert time.monotonic() < until, (folder / "log.txt").read_text()[-2000:]
            time.sleep(0.2)
        yield json.loads(text)["url"]
    finally:
        running.terminate()
        try:
            running.wait(60)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1200, "height": 1400})
    made = context.new_page()
    made.set_default_timeout(PATIENCE)
    yield made
    context.close()


OUTPUTS = ".jp-OutputArea-output"


def opened(page, server, name):
    page.goto(f"{server}lab/tree/{name}.ipynb?token={TOKEN}&reset")
    page.locator(f"{OUTPUTS} >> nth=2").wait_for(state="attached")
    return page


PICTURES = f"""[...document.querySelectorAll('{OUTPUTS} img')].filter(i => i.complete && i.naturalWidth && i.offsetHeight > 50)
    .map(i => i.alt.split(':')[0].split('(')[0])"""


def pictures(page, n):
    """The names of all pictures in outputs that are seen, as soon as there are `n` of them."""
    until = time.monotonic() + PATIENCE / 1000
    while len(found := page.evaluate(PICTURES)) < n and time.monotonic() < until:
        page.wait_for_timeout(100)
    return found


def click_root(frame):
    frame.locator(".box.root").click()
    assert "the root itself" in frame.locator("#uses").inner_text()


def test_a_fresh_notebook_shows_the_pictures_and_runs_nothing(page, server):
    opened(page, server, "fresh")
    assert pictures(page, 3) == ["gradient graph", "gradient graph", "MLP"]
    assert page.locator(f"{OUTPUTS} iframe").count() == 0


def test_a_trusted_notebook_shows_the_live_page(page, server):
    opened(page, server, "trusted")
    frame = page.frame_locator(f"{OUTPUTS} iframe")
    frame.locator("html[data-ready]").wait_for(state="attached")
    page.wait_for_function(f"document.querySelector('{OUTPUTS} iframe').offsetHeight > 400")
    click_root(frame)
    assert pictures(page, 2) == ["gradient graph", "MLP"]


def test_nbconvert_shows_the_live_page(page, home):
    folder, environment, command = home
    subprocess.run(command("nbconvert", "--to", "html", "fresh.ipynb"), cwd=folder, env=environment, check=True, capture_output=True, timeout=600)
    page.route("http*://**", lambda route: route.abort())  # nbconvert's template asks for MathJax and others; we need none
    page.goto((folder / "fresh.html").as_uri(), wait_until="domcontentloaded")
    frame = page.frame_locator("iframe")
    frame.locator("html[data-ready]").wait_for(state="attached")
    click_root(frame)
