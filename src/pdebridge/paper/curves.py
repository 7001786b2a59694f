"""Every run's curves: objective, validation loss and accuracy against epochs, all seeds of a cell in one picture."""

from pathlib import Path

import pandas as pd

from pdebridge.paper.style import BLUE, ORANGE, figure


def draw(runs: list[Path], stem: Path) -> None:
    """Draw the histories of the run directories of one cell.

    Args:
        runs: run directories.
        stem: the path without suffix.
    """
    histories = [pd.read_csv(run / "history.csv") for run in runs]
    with figure(stem, 1, 2, width=6.0, height=2.3) as axes:
        losses, accuracy = axes[0]
        for i, history in enumerate(histories):
            first = i == 0
            losses.plot(
                history["epoch"] + 1, history["train/loss"], color=BLUE, lw=0.8, label="train" if first else None
            )
            losses.plot(history["epoch"] + 1, history["val/loss"], color=ORANGE, lw=0.8, label="val" if first else None)
            accuracy.plot(history["epoch"] + 1, history["val/accuracy"], color=ORANGE, lw=0.8)
        losses.set(title="(a) objective and validation loss", yscale="log")
        losses.legend(loc="upper right")
        accuracy.set(title="(b) validation accuracy (%)")
        for ax in axes[0]:
            ax.set_xlabel("epoch")
