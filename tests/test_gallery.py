"""The gallery runs, its pictures are those that the README shows, and every page holds its own graph."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from engine import Value
from nn.lab.gallery import EXHIBITS, gallery


FIGURES = Path(__file__).parents[1] / "notebooks" / "figures"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return gallery(tmp_path_factory.mktemp("gallery") / "new").parent


def test_eight_graphs_have_a_picture_a_page_and_a_place_in_the_index(folder):
    index = (folder / "index.html").read_text("utf-8")
    assert len(EXHIBITS) == 8
    assert sorted(p.name for p in folder.iterdir()) == sorted(["index.html", *(f"{n}{end}" for n in EXHIBITS for end in (".svg", ".html"))])
    assert re.findall(r'<img src="(\w+)\.svg"', index) == list(EXHIBITS)
    assert re.findall(r'<h2><a href="(\w+)\.html"', index) == list(EXHIBITS)


@pytest.mark.parametrize("name", EXHIBITS)
def test_picture_and_page_are_of_the_same_graph(folder, name):
    svg = (folder / f"{name}.svg").read_text("utf-8")
    ET.fromstring(svg)
    page = (folder / f"{name}.html").read_text("utf-8")
    data = json.loads(re.search(r'<script type="application/json" id="graph">(.*?)</script>', page, re.S)[1])
    nodes = int(re.search(r"gradient graph: ([\d,]+) nodes", svg)[1].replace(",", ""))
    assert len(data["nodes"]["data"]) == nodes
    assert data["backward"] is True
    assert len(page) < 400_000


@pytest.mark.parametrize("name", ["network", "paths"])
def test_the_pictures_of_the_readme_are_fresh(folder, name):
    assert (FIGURES / f"gallery_{name}.svg").read_bytes() == (folder / f"{name}.svg").read_bytes()


def test_the_convolution_sums_over_its_places():
    page = EXHIBITS["convolution"]().page
    values: list[Value] = [v for v in page._seen.values if v.op is None]
    found = {str(v.label): v for v in values}
    x = [found[f"x{i}"].data for i in range(5)]
    tops = [v.grad for v in page._seen.values if v.label is not None and str(v.label).startswith("y")]
    for j in range(3):
        assert found[f"w{j}"].grad == pytest.approx(sum(tops[i] * x[i + j] for i in range(3)), rel=1e-12)
