"""What the campaign runs: a short training with batches, and the bits that it must end with."""

from pathlib import Path

import pytest

from faults.child import run
from pdebridge.configuration.load import cells, read_experiment, settings_from
from pdebridge.configuration.settings import Tracking

OFF = Tracking(mode="disabled").model_dump_json()


@pytest.fixture(scope="session")
def cell():
    """A training of three epochs of four batches, with dropout's and the shuffle's random numbers."""
    sgd = {"epochs": 3, "batch_size": 100, "optimizer": {"name": "sgd", "schedule": "one-cycle"}}
    settings = settings_from({"overrides": {"figure1": {"seeds": 1, "training": sgd}}})
    return next(cell for cell in cells(read_experiment("figure1"), settings) if cell.cell == "T5")


@pytest.fixture(scope="module", autouse=True)
def untracked():
    """W&B's variables win over the settings, and a fork cannot take its parent's service along."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "disabled")
        yield


@pytest.fixture(scope="module")
def command(cell, untracked):
    """Return the arguments of the training with its results below a folder."""
    import torch  # noqa: F401  # before the first fork, so that every child has it

    import pdebridge.training.fit  # noqa: F401

    def arguments(folder: Path) -> list[str]:
        return ["train", "--resolved", cell.model_dump_json(), "--tracking", OFF, "--out", str(folder / "cell.json")]

    return arguments


@pytest.fixture(scope="module")
def straight(command, tmp_path_factory):
    """What a training without faults ends with: bytes by file, and its number of operations on files."""
    folder = tmp_path_factory.mktemp("straight") / "results"
    ended = run(command(folder), folder)
    assert ended.status == 0, ended.said
    return contents(folder), ended.operations


@pytest.fixture(scope="module")
def shared(cell, command, tmp_path_factory):
    """What the training ends with when two processes share each batch, and its arguments."""
    of_two = cell.model_copy(update={"devices": 2}).model_dump_json()

    def arguments(folder: Path) -> list[str]:
        return ["train", "--resolved", of_two, "--tracking", OFF, "--out", str(folder / "cell.json")]

    folder = tmp_path_factory.mktemp("shared") / "results"
    ended = run(arguments(folder), folder)
    assert ended.status == 0, ended.said
    return (contents(folder), ended.operations), arguments


def contents(folder: Path) -> dict[str, object]:
    """Return what must be equal, whatever happened: weights to the bit, the history without its clock, the verdicts."""
    seed = folder / "cell" / "seed-0"
    history = [line.split(",")[:1] + line.split(",")[2:] for line in (seed / "history.csv").read_text().splitlines()]
    return {"weights": (seed / "weights.safetensors").read_bytes(), "history": history}


def left(folder: Path) -> list[str]:
    """Return the temporary files below a folder; a dead process' empty lock may stay, it holds nobody up."""
    return [str(path) for path in folder.rglob("*") if any(mark in path.name for mark in (".partial", ".rep"))]
