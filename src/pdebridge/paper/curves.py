"""Every run's curves against epochs, all seeds of a cell in one picture: losses, and accuracy or the terms."""

from pathlib import Path
from typing import Any

import pandas as pd

from pdebridge.paper.style import COLOURS, figure


def draw(runs: list[Path], stem: Path) -> None:
    """Draw the histories of the run directories of one cell.

    Args:
        runs: run directories.
        stem: the path without suffix.
    """
    histories = [pd.read_csv(run / "history.csv") for run in runs]
    with figure(stem, 1, 2, width=6.0, height=2.3) as axes:
        losses, beside = axes[0]
        lines(losses, histories, {"train/loss": "train", "val/loss": "val"})
        losses.set(title="(a) objective and validation loss", yscale="log")
        if "val/accuracy" in histories[0]:
            lines(beside, histories, {"val/accuracy": "val"})
            beside.set(title="(b) validation accuracy (%)")
        else:
            terms = {name: name.removeprefix("val/") for name in map(str, histories[0]) if name.startswith("val/")}
            lines(beside, histories, {name: label for name, label in terms.items() if label != "loss"})
            beside.set(title="(b) terms of the validation loss", yscale="symlog")
        for ax in axes[0]:
            ax.legend(loc="best")
            ax.set_xlabel("epoch")


def lines(ax: Any, histories: list[pd.DataFrame], columns: dict[str, str]) -> None:
    """Draw the columns, labelled, with a colour each and a line a seed."""
    for (name, label), colour in zip(columns.items(), COLOURS, strict=False):
        for i, history in enumerate(histories):
            ax.plot(history["epoch"] + 1, history[name], color=colour, lw=0.8, label=label if i == 0 else None)
