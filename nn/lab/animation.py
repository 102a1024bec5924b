"""A figure that moves, as the bytes of a GIF file; needs the extra `plots`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from io import BytesIO
from typing import Any

from nn.lab.plots import figure


MILLISECONDS = 90  # of a frame; the last one stands longer


def moving(frames: Callable[[Any], Iterator[object]], width: float, height: float, title: str) -> bytes:
    """`frames` gets a Figure, draws on it, and yields whenever a frame is complete; the film begins again at its end.

    >>> moving(lambda figure: iter([figure.add_subplot(), figure.text(0, 0, "end")]), 2, 1, "")[:6]
    b'GIF89a'
    """
    made = figure(width, height)
    made.suptitle(title, fontsize=11, fontweight="bold")
    canvas: Any = import_module("matplotlib.backends.backend_agg").FigureCanvasAgg(made)
    image: Any = import_module("PIL.Image")
    made.set_dpi(80)
    pictures = []
    for _ in frames(made):
        canvas.draw()
        made.set_layout_engine("none")  # laid out once, so that nothing but what moves does
        pictures.append(image.frombytes("RGBA", canvas.get_width_height(), bytes(canvas.buffer_rgba())).convert("RGB"))
    colours = pictures[-1].quantize(128)  # the same for all, so that none of them flickers
    pictures = [picture.quantize(palette=colours, dither=image.Dither.NONE) for picture in pictures]
    times = [MILLISECONDS] * (len(pictures) - 1) + [25 * MILLISECONDS]
    pictures[0].save(film := BytesIO(), format="GIF", save_all=True, append_images=pictures[1:], duration=times, loop=0)
    return film.getvalue()
