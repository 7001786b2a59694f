"""One look for every figure: colour-blind-safe (Okabe & Ito 2008), readable at a column's width."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from cycler import cycler

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib import font_manager

from pdebridge.files import whole

BLUE, ORANGE, YELLOW = "#0072B2", "#D55E00", "#F0E442"
COLOURS = [BLUE, ORANGE, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", YELLOW, "#000000"]
MARKERS = "os^Dv<>P"
STYLE: Any = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=COLOURS),
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,
    "svg.hashsalt": "pdebridge",
}

# a cache of fonts that was written before matplotlib's own were in place lacks italics and signs
for font in sorted(Path(mpl.get_data_path(), "fonts", "ttf").glob("*.ttf")):
    font_manager.fontManager.addfont(font)


@contextmanager
def figure(stem: Path, rows: int, columns: int, width: float = 7.0, height: float = 2.2) -> Iterator[Any]:
    """Yield a grid of axes (2-D array); at the end write ``stem.png`` and ``stem.pdf``, whole or not at all."""
    with plt.rc_context(STYLE):
        drawn, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False)
        try:
            yield axes
            for suffix, metadata in ((".png", {"Software": None}), (".pdf", {"CreationDate": None})):
                with whole(stem.with_name(stem.name + suffix)) as path:
                    drawn.savefig(path, metadata=metadata)
        finally:
            plt.close(drawn)
