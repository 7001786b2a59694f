"""The bad inputs: what is wrong, by which command it is met, and what the one line must say."""

import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import nibabel
import numpy as np
import yaml

Change = bytes | Callable[[bytes], bytes]
CONFIG, EXPERIMENT, TABLE = "config/config.yaml", "config/experiments/{}.yaml", "config/published.csv"
CLAIMS = "config/claims.yaml"
FOLDER = b"a folder"
"""Stands for a folder in the place of a file."""


@dataclass(frozen=True)
class Case:
    """A bad input: the command, what its line must say, and the files and variables that are changed before."""

    name: str
    command: tuple[str, ...]
    expected: str
    files: Mapping[str, Change] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


def plan(*names: str) -> tuple[str, ...]:
    """Return the command that reads what the plan of some experiments reads."""
    return ("list", "--set", f"experiments=[{', '.join(names)}]") if names else ("list",)


def replaced(old: str, new: str) -> Change:
    """Return a change of one place of a text."""

    def change(text: bytes) -> bytes:
        assert old.encode() in text, old
        return text.replace(old.encode(), new.encode(), 1)

    return change


def edited(edit: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    """Return a change of the mapping in a YAML file."""

    def change(text: bytes) -> bytes:
        content = yaml.safe_load(text) or {}
        edit(content)
        return yaml.safe_dump(content, sort_keys=False).encode()

    return change


def at(path: str, value: Any) -> Callable[[bytes], bytes]:
    """Return the change that puts a value at a dotted path; a name that options are asked of is spelled out."""

    def edit(content: dict[str, Any]) -> None:
        *sections, key = path.split(".")
        for part in sections:
            if not isinstance(content.get(part), dict):
                content[part] = {"name": content[part]} if part in content else {}
            content = content[part]
        content[key] = value

    return edited(edit)


def last(path: str) -> str:
    return path.rpartition(".")[2]


def settings() -> Iterator[Case]:
    """Every key of the settings with what it cannot be, as file, as option and as typo."""
    wrong: dict[str, list[Any]] = {
        "scale": ["laptob", 3, None, ["laptop"], ""],
        "experiments": [3, "figure1", {"a": 1}, None, [3]],
        "threads": [0, -1, "many", 1.5, None, True, []],
        "tracking": ["offline", [], 3],
        "tracking.mode": ["of", 3, None, True],
        "tracking.project": [3, None, []],
        "tracking.entity": [3, []],
        "data": ["data", []],
        "data.folder": [3, None, []],
        "data.mirror": [3, []],
        "limits": ["all", [], 3],
        "limits.cells": [0, -2, "x", 1.5, True],
        "limits.seeds": [0, -2, "x", 1.5, True],
        "limits.epochs": [0, -2, "x", 1.5, True],
        "overrides": ["figure1", [], 3],
    }
    for key, values in wrong.items():
        for value in values:
            said = key if isinstance(value, bool) is False else last(key)
            yield Case(f"settings: {key} = {value!r}", plan(), said, {CONFIG: at(key, value)})
            yield Case(f"--set: {key} = {value!r}", ("list", "--set", f"{key}={json.dumps(value)}"), said)
        yield Case(f"settings: typo of {key}", plan(), f"{key}x: unknown key", {CONFIG: at(key + "x", 1)})
    yield Case("settings: limits at laptop", plan(), "scale: test", {CONFIG: at("limits.seeds", 1)})
    yield Case(
        "settings: unknown experiment", plan(), "did you mean 'figure1'", {CONFIG: at("experiments", ["figur1"])}
    )


def experiments() -> Iterator[Case]:
    """Every key of a classification's and of a game's file with what it cannot be."""
    anything: tuple[Any, ...] = (-1, "nonsense", [[]], {"nonsense": 1}, True)
    for name, keys in {
        "figure1": (
            *("title", "source", "source.reference", "source.locator", "scale", "seeds", "cells", "cells_per_job"),
            *("at", "studies", "figures", "data", "data.name", "data.options", "network", "network.layout"),
            *("network.width", "network.opening", "network.readout", "network.dynamics", "network.integrator"),
            *("network.gradient", "network.control", "network.steps", "network.time", "training"),
            *("training.optimizer", "training.optimizer.name", "training.optimizer.iterations"),
            *("training.optimizer.history", "training.epochs", "training.precision", "training.smoothness"),
            *("training.tikhonov", "training.decay", "training.batch_size", "training.loss", "training.box"),
        ),
        "transport": (
            *("task", "game", "game.name", "game.d", "game.alpha", "potential", "potential.width", "potential.rank"),
            *("potential.spread", "training.optimizer", "training.optimizer.lr", "training.levels", "training.steps"),
            *("training.epoch", "training.resample", "training.validation", "training.validation.steps"),
        ),
    }.items():
        file = EXPERIMENT.format(name)
        for key in keys:
            for value in anything:
                if not (key in ("title", "source.locator") and value == "nonsense"):
                    said = value if key in ("data.name", "game.name") and isinstance(value, str) else last(key)
                    yield Case(f"experiment: {name}, {key} = {value!r}", plan(name), said, {file: at(key, value)})
            yield Case(f"experiment: {name}, typo of {key}", plan(name), f"{last(key)}x", {file: at(key + "x", 1)})


SERIES = b"""
task: series
title: a series
source: {reference: gonzalez1998identification, locator: none}
series: {name: burgers, options: {points: 32}}
sampling: {interval: 0.1, samples: 5, train: 2, noise: 0.01}
network: {dynamics: {name: stencil, options: {orders: [2]}}, integrator: ars-222, gradient: stored, control: constant}
training: {optimizer: {name: lbfgs, iterations: 2}, epochs: 1, steps: 2}
"""


SCANS = b"""
task: segmentation
title: scans of one's own
source: {reference: lensink2020covid, locator: none}
data: {name: nifti, options: {path: scans}}
network: {layout: published, name: unet-3d}
training: {optimizer: {name: adamw, lr: 0.01}, epochs: 1}
"""


def scans() -> Iterator[Case]:
    """Volumes of one's own that are none, or have no masks that fit."""
    file, command = EXPERIMENT.format("scans"), plan("scans")
    image, mask = "scans/images/a.nii", "scans/masks/a.nii"
    for name, files, said in (
        ("no folder", {}, "scans/images: no NIfTI files"),
        ("no masks at all", {image: volume(4, 4, 4)}, "scans/masks: no NIfTI files"),
        ("no mask", {image: volume(4, 4, 4), "scans/masks/b.nii": volume(4, 4, 4)}, "a.nii has no mask"),
        ("another shape", {image: volume(4, 4, 4), mask: volume(4, 4, 5)}, "a mask of (4, 4, 5) voxels for an image"),
        ("no volume", {image: volume(4, 4), mask: volume(4, 4)}, "a.nii: not a volume"),
        ("no NIfTI", {image: b"text", mask: volume(4, 4, 4)}, "a.nii: not a NIfTI file"),
    ):
        yield Case(f"volumes: {name}", command, said, {file: SCANS, **files})
    for key, value, said in (
        ("data.options.pth", 1, "did you mean 'path'"),
        ("data", "nifti", "data: check() missing"),
        ("data", "thorax", "thorax"),
        ("spacing", 0, "spacing"),
        ("training.augmentation", {"flip": [3]}, "flip"),
        ("training.dice", -1, "dice"),
    ):
        yield Case(f"volumes: {key} = {value!r}", command, said, {file: at(key, value)(SCANS)})


def volume(*shape: int) -> bytes:
    """Return a NIfTI file of zeros."""
    return nibabel.Nifti1Image(np.zeros(shape, np.uint8), np.eye(4)).to_bytes()


def series() -> Iterator[Case]:
    """Every key of a series' file with what it cannot be, and trajectories of one's own that are none."""
    file, command = EXPERIMENT.format("wave"), plan("wave")
    for key in (
        *("series", "series.name", "series.options", "sampling", "sampling.interval", "sampling.samples"),
        *("sampling.train", "sampling.validation", "sampling.test", "sampling.noise", "network", "network.dynamics"),
        *("network.integrator", "network.gradient", "network.control", "network.steps", "training"),
        *("training.optimizer", "training.optimizer.name", "training.optimizer.iterations", "training.epochs"),
        *("training.steps", "training.batch_size", "training.precision"),
    ):
        for value in (-1, "nonsense", [[]], {"nonsense": 1}, True):
            said = value if key == "series.name" and isinstance(value, str) else last(key)
            yield Case(f"series: {key} = {value!r}", command, said, {file: at(key, value)(SERIES)})
        yield Case(f"series: typo of {key}", command, f"{last(key)}x", {file: at(key + "x", 1)(SERIES)})
    for name, key, value, said in (
        ("too short", "sampling.samples", 2, "a piece of 2 intervals needs 3 samples, and sampling.samples is 2"),
        ("too short at another scale", "at", {"cluster": {"training": {"steps": 9}}}, "needs 10 samples"),
        ("a batch for lbfgs", "training.batch_size", 4, "training.batch_size: lbfgs wants the full batch"),
        ("two devices", "cells", {"a": {"devices": 2}}, "devices must be 1"),
        ("an option of the series", "series.options.viscosty", 1, "did you mean 'viscosity'"),
        ("a file without path", "series", "file", "series: file() missing"),
        ("a file that is not there", "series", {"name": "file", "options": {"path": "no.npz"}}, "no.npz"),
    ):
        yield Case(f"series: {name}", command, said, {file: at(key, value)(SERIES)})
    read = at("series", {"name": "file", "options": {"path": "x.npz"}})(SERIES)
    whole = {"u": np.zeros((4, 6, 8)), "times": 0.1 * np.arange(6), "length": 6.0}
    for name, content, said in (
        ("a text", b"text", "x.npz: not a file of numpy with u, times and length"),
        ("half a file", npz(**whole)[:300], "x.npz: not a file of numpy"),
        ("no times", npz(u=whole["u"], length=6.0), "times"),
        ("no uniform times", npz(**whole | {"times": whole["times"] ** 2}), "times must be equally spaced"),
        ("another interval", npz(**whole | {"times": 0.07 * np.arange(6)}), "sampling.interval must be a multiple"),
        ("few samples", npz(**whole | {"u": np.zeros((4, 3, 8)), "times": 0.1 * np.arange(3)}), "too short"),
        ("few trajectories", npz(**whole | {"u": np.zeros((3, 6, 8))}), "too short"),
        ("a shape", npz(**whole | {"u": np.zeros((4, 8))}), "needs u (trajectories, times, points)"),
        ("not a number", npz(**whole | {"u": np.full((4, 6, 8), np.nan)}), "not finite"),
        ("objects", npz(**whole | {"u": np.array([{}])}), "x.npz: not a file of numpy"),
    ):
        yield Case(f"series: file, {name}", command, said, {file: read, "x.npz": content})


def meaningless() -> Iterator[Case]:
    """Keys that would change nothing, or that say what cannot be."""
    file = EXPERIMENT.format("figure1")
    named: dict[str, tuple[Change, str]] = {
        "experiment within a cell": (at("cells.T5.experiment", "x"), "cell 'T5': experiment"),
        "cell within a cell": (at("cells.T5.cell", "x"), "cell 'T5': cell"),
        "folders within a cell": (at("cells.T5.folders", {}), "cell 'T5': folders"),
        "task within a cell": (at("cells.T5.task", "game"), "cell 'T5': task"),
        "scale of a cell": (at("cells.T5.scale", "tset"), "cell 'T5': scale"),
        "typo within a cell": (at("cells.T5.netwrok", {}), "netwrok"),
        "typo at another scale": (at("at.cluster.trainin", {}), "trainin"),
        "wrong value at another scale": (at("at.workstation.training", {"epochs": -1}), "epochs"),
        "scale at a scale": (at("at.cluster.scale", "test"), "at cluster: scale"),
        "study at another scale": (at("at.cluster.studies", ["propagatio"]), "did you mean 'propagation'"),
        "option of a study at another scale": (
            at("at.cluster.studies", [{"name": "propagation", "options": {"pixel": 1}}]),
            "propagation",
        ),
        "unknown scale": (at("at.laptob", {}), "at"),
        "option of a study": (at("studies", [{"name": "propagation", "options": {"pixel": 1}}]), "propagation"),
        "study twice misspelled": (at("studies", ["propagation", "stabilty"]), "did you mean 'stability'"),
        "figure without its study": (at("studies", []), "study propagation"),
        "figure of another study": (at("figures", ["nfe"]), "study nfe"),
        "misspelled figure": (at("figures", ["figure-1"]), "did you mean 'figure1'"),
        "option of a data set": (at("data.options.nosie", 1), "nosie"),
        "name of a cell": (at("cells", {"a b": {}}), "cells"),
        "name of the file": (at("name", "figure2"), "name"),
        "steps beyond a million": (at("network.steps", 10**12), "steps"),
        "steps of 1e12": (at("network.steps", 1e12), "steps"),
        "not a number": (at("training.smoothness", float("nan")), "smoothness"),
        "infinite": (at("network.time", float("inf")), "time"),
        "a list of truths": (at("training.levels", [{"steps": True, "epochs": 1}]), "steps"),
        "readout wider than the network": (at("network.readout", 9), "readout"),
        "levels that do not divide": (at("training.levels", [{"steps": 3, "epochs": 1}]), "levels"),
        "lbfgs on two devices": (at("devices", 2), "devices"),
        "task of another kind": (at("task", "gmae"), "task"),
        "task as a list": (at("task", ["game"]), "task"),
        "task as a mapping": (at("task", {"game": 1}), "task"),
        "a study that trains": (at("task", "study"), "cells"),
        "an own study that is not there": (at("studies", ["propagation", "no_such_module:study"]), "no_such_module"),
    }
    for name, (change, said) in named.items():
        yield Case(f"meaningless: {name}", plan("figure1"), said, {file: change})
    overrides = {
        "of an experiment that is not there": ("{figur1: {seeds: 1}}", "did you mean 'figure1'"),
        "unknown key": ("{figure1: {netwrok: {}}}", "netwrok"),
        "unknown key of an experiment that is not selected": ("{ellipses: {netwrok: {}}}", "netwrok"),
        "identity": ("{figure1: {cell: T5}}", "cell"),
        "scale": ("{figure1: {scale: test}}", "scale"),
        "of a figure": ("{figure1: {figures: []}}", "figures"),
        "true for a number": ("{figure1: {seeds: true}}", "seeds"),
        "a text for a mapping": ("{figure1: {training: 'epochs: 3'}}", "training"),
    }
    for name, (value, said) in overrides.items():
        yield Case(f"meaningless: override, {name}", (*plan("figure1"), "--set", f"overrides={value}"), said)


def texts() -> Iterator[Case]:
    """Files that are no UTF-8, no YAML, or no mapping."""
    whole: dict[str, tuple[bytes, str]] = {
        "Latin-1": (b"title: caf\xe9\n", "UTF-8"),
        "UTF-16": ("scale: laptop\n".encode("utf-16"), "UTF-8"),
        "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00", "UTF-8"),
        "a zero byte": (b"scale: lap\x00top\n", "not YAML"),
        "an open bracket": (b"scale: [\n", "not YAML"),
        "a tab": (b"a:\n\tb: 1\n", "not YAML"),
        "a loop": (b"a: &a {b: *a}\n", "contains itself"),
        "a loop in a list": (b"a: &a [*a]\n", "contains itself"),
        "an unknown alias": (b"a: *b\n", "not YAML"),
        "a python object": (b"a: !!python/object/apply:os.system [ls]\n", "not YAML"),
        "two documents": (b"a: 1\n---\nb: 2\n", "not YAML"),
        "a key twice": (b"title: a\ntitle: b\n", "'title' stands twice"),
        "a list": (b"- scale\n", "key: value"),
        "a text": (b"laptop\n", "key: value"),
        "an unhashable key": (b"? [a]\n: 1\n", ""),
    }
    for file in (CONFIG, EXPERIMENT.format("figure1"), "config/references.yaml", "config/costs.yaml", CLAIMS):
        for name, (content, said) in whole.items():
            yield Case(f"text: {file}, {name}", plan("figure1"), said or file.rpartition("/")[2], {file: content})
    inner = {
        "a cell twice": ("  T20:", "  T5: {}\n  T20:", "'T5' stands twice"),
        "no colon": ("seeds: 5", "seeds 5", ""),
    }
    for name, (old, new, said) in inner.items():
        yield Case(f"text: figure1, {name}", plan("figure1"), said, {EXPERIMENT.format("figure1"): replaced(old, new)})
    for file in (CONFIG, EXPERIMENT.format("figure1"), "config/references.yaml", "config/costs.yaml", CLAIMS, TABLE):
        yield Case(f"text: {file} is a folder", plan("figure1"), file.rpartition("/")[2], {file: FOLDER})


ROW = "ruthotto-haber-2020/table1/stl10/parabolic/accuracy,ruthotto2020pde,"


def claims() -> Iterator[Case]:
    """The claims: keys, and names of what is not there."""
    for name, old, new, said in (
        ("a key", "statistic: value", "statistics: value", "statistic"),
        ("a statistic", "statistic: value", "statistic: mean", "statistic"),
        ("an experiment", "[figure1, T5, val/accuracy]", "[figure2, T5, val/accuracy]", "did you mean 'figure1'"),
        ("a figure", "figure1/figure1", "figure1/figur1", "did you mean 'figure1'"),
        (
            "a source",
            "reference: ruthotto2021bridges",
            "reference: ruthotto2021bridge",
            "did you mean 'ruthotto2021bridges'",
        ),
        ("a bound", "bound: 95", "bound: much", "bound"),
    ):
        yield Case(f"claims: {name}", plan("figure1"), said, {CLAIMS: replaced(old, new)})


def tables() -> Iterator[Case]:
    """The table of published numbers: its header and its rows."""
    header = (
        "id,reference,locator,experiment,cell,quantity,value,unit,kind,direction,threshold,runs,spread,epochs,status"
    )
    for column in header.split(","):
        yield Case(f"table: typo in {column}", plan("figure1"), column, {TABLE: replaced(column, column + "x")})
    middle = '"Table 1, arXiv v2",jmiv,parabolic-stl10,test/accuracy,77.0,%,measured,higher,0.5,,,100,confirmed,cluster'
    for name, old, new, said in (
        ("unknown reference", "ruthotto2020pde", "ruthotto2020pdf", "did you mean 'ruthotto2020pde'"),
        ("unknown experiment", ",jmiv,", ",jimv,", "did you mean 'jmiv'"),
        ("unknown cell", "parabolic-stl10", "parabolik-stl10", "did you mean 'parabolic-stl10'"),
        ("value", ",77.0,", ",77.0%,", "value"),
        ("value nan", ",77.0,", ",nan,", "value"),
        ("value infinite", ",77.0,", ",inf,", "value"),
        ("no value", ",77.0,", ",,", "value"),
        ("kind", ",measured,", ",measuerd,", "kind"),
        ("direction", ",higher,", ",up,", "direction"),
        ("threshold", ",0.5,", ",-0.5,", "threshold"),
        ("threshold nan", ",0.5,", ",nan,", "threshold"),
        ("runs", ",0.5,,,", ",0.5,0,,", "runs"),
        ("runs as a fraction", ",0.5,,,", ",0.5,1.5,,", "runs"),
        ("spread", ",0.5,,,", ",0.5,,0,", "spread"),
        ("epochs", ",100,confirmed", ",-1,confirmed", "epochs"),
        ("status", ",confirmed,", ",confirmd,", "status"),
        ("scale", ",cluster", ",clutser", "scale"),
        ("a field too many", ",cluster", ",cluster,x,y", ""),
        ("fields missing", ",confirmed,cluster", "", ""),
    ):
        row = ROW + middle
        yield Case(f"table: {name}", plan("figure1"), said or TABLE, {TABLE: replaced(row, row.replace(old, new, 1))})
    twice = "ruthotto-haber-2020/table1/stl10/parabolic/weights"
    yield Case("table: an id twice", plan("figure1"), "id", {TABLE: replaced(ROW, twice + ",ruthotto2020pde,")})
    yield Case("table: an empty id", plan("figure1"), "id", {TABLE: replaced(ROW, ",ruthotto2020pde,")})
    weights = "weights,jmiv-parabolic-stl10"
    yield Case("table: an unknown network", plan(), "did you mean", {TABLE: replaced(weights, weights + "0")})
    yield Case("table: Latin-1", plan(), "UTF-8", {TABLE: replaced("Table 1", "Table 1")} | {TABLE: _latin})


def _latin(text: bytes) -> bytes:
    return text.replace(b"Table 1", b"Tabell\xe9", 1)


def npz(**arrays: Any) -> bytes:
    """Return a file of arrays."""
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def commands() -> Iterator[Case]:
    """Command lines, and the files that they name."""
    good = b'{"measurements": [], "runs": []}'
    out = ("--out", "out/x")
    for name, command, said, files in (
        ("--set without value", ("list", "--set", "threads"), "KEY=VALUE", {}),
        ("--set without key", ("list", "--set", "=3"), "=3", {}),
        ("--set with an open bracket", ("list", "--set", "threads=["), "--set threads=[", {}),
        ("--set of a part of a number", ("list", "--set", "threads.x=1"), "threads", {}),
        ("--config that is not there", ("list", "--config", "no.yaml"), "no.yaml", {}),
        ("--config that is a list", ("list", "--config", "x.yaml"), "x.yaml", {"x.yaml": b"- a\n"}),
        ("describe nothing", ("describe",), "name an experiment", {}),
        ("describe a typo", ("describe", "figur1"), "did you mean 'figure1'", {}),
        ("describe a cell that is not there", ("describe", "figure1/T6"), "figure1/T5", {}),
        ("describe without the cell", ("describe", "figure1"), "figure1/T5", {}),
        ("describe a study", ("describe", "reversal"), "reversal", {}),
        ("describe with an unknown key", ("describe", "figure1/T5", "--set", "netwrok.steps=1"), "netwrok", {}),
        ("describe resolved, not JSON", ("describe", "--resolved", "{", "--out", "x"), "--resolved", {}),
        ("train nothing", ("train",), "name an experiment", {}),
        ("train a typo", ("train", "figur1/T5"), "did you mean 'figure1'", {}),
        ("train resolved, not JSON", ("train", "--resolved", "{"), "--resolved", {}),
        ("train resolved, not a cell", ("train", "--resolved", "[]"), "--resolved", {}),
        ("train with a word", ("train", "figure1/T5", "epochs=3"), "", {}),
        ("train with a key without value", ("train", "figure1/T5", "--epochs"), "--KEY=VALUE", {}),
        ("train an unknown key", ("train", "figure1/T5", "--training.epoch=3"), "epoch", {}),
        ("train a seed too many", ("train", "figure1/T5", "--seed", "5"), "--seed 5", {}),
        ("train a negative seed", ("train", "figure1/T5", "--seed", "-1"), "--seed -1", {}),
        ("train into a folder", ("train", "figure1/T5", "--out", "config"), "config", {}),
        ("train into another form", ("train", "figure1/T5", "--out", "x.csv"), "x.csv", {}),
        ("train below a file", ("train", "figure1/T5", "--out", "x/y.json"), "x", {"x": b""}),
        ("train into two files", ("train", "figure1/T5", "--out", "a.json", "b.json"), "--out", {}),
        ("train, tracking not JSON", ("train", "figure1/T5", "--tracking", "{"), "--tracking", {}),
        ("train, tracking unknown", ("train", "figure1/T5", "--tracking", '{"mode": "of"}'), "mode", {}),
        ("fetch what is made", ("fetch", "digits"), "digits", {}),
        ("fetch a typo", ("fetch", "minst"), "mnist", {}),
        ("fetch, data not JSON", ("fetch", "mnist", "--data", "{"), "--data", {}),
        ("fetch, no mirror", ("fetch", "mnist", "--set", "data.mirror=no/where"), "no/where", {}),
        ("fetch, mirror a file", ("fetch", "mnist", "--set", "data.mirror=x"), "x", {"x": b""}),
        (
            "fetch, entry a folder",
            ("fetch", "mnist", "--set", "data.mirror=m"),
            "folder",
            {"m/mnist/train-images-idx3-ubyte.gz": FOLDER},
        ),
        (
            "fetch, entry damaged",
            ("fetch", "mnist", "--set", "data.mirror=m"),
            "damaged",
            {"m/mnist/train-images-idx3-ubyte.gz": b"x"},
        ),
        ("study, options not JSON", ("study", "nfe", "--options", "{", *out), "--options", {}),
        ("study, options a list", ("study", "nfe", "--options", "[1]", *out), "--options", {}),
        ("study, unknown option", ("study", "nfe", "--options", '{"x": 1}', *out), "x", {}),
        ("study of nothing", ("study", "nfe", "no.json", *out), "no.json", {}),
        ("study of a text", ("study", "nfe", "x.json", *out), "x.json", {"x.json": b"text"}),
        ("study of other JSON", ("study", "nfe", "x.json", *out), "x.json", {"x.json": b"{}"}),
        ("study of a run that is gone", ("study", "nfe", "x.json", *out), "gone", {"x.json": _runs("gone")}),
        ("study without runs", ("study", "nfe", *out), "nfe", {}),
        ("study below a file", ("study", "reversal", "--out", "x/y"), "x", {"x": b""}),
        ("figure that is unknown", ("figure", "figur1", "x.npz", *out), "figure1", {"x.npz": npz(a=np.zeros(1))}),
        ("figure of nothing", ("figure", "figure1", "no.npz", *out), "no.npz", {}),
        ("figure of a text", ("figure", "figure1", "x.npz", *out), "x.npz", {"x.npz": b"text"}),
        ("figure of an empty file", ("figure", "figure1", "x.npz", *out), "x.npz", {"x.npz": b""}),
        ("figure of half a file", ("figure", "nfe", "x.npz", *out), "x.npz", {"x.npz": npz(a=np.zeros(99))[:200]}),
        ("figure of objects", ("figure", "nfe", "x.npz", *out), "x.npz", {"x.npz": npz(a=np.array([{}]))}),
        ("figure of another study", ("figure", "figure1", "x.npz", *out), "figure1", {"x.npz": npz(a=np.zeros(1))}),
        ("figure of runs that are gone", ("figure", "run", "x.json", *out), "gone", {"x.json": _runs("gone")}),
        ("figure of no runs", ("figure", "run", "no.json", *out), "no.json", {}),
        ("table of nothing", ("table", "no.json", *out), "no.json", {}),
        ("table of a text", ("table", "x.json", *out), "x.json", {"x.json": b"text"}),
        ("table of other JSON", ("table", "x.json", *out), "x.json", {"x.json": b"[]"}),
        ("table of half measurements", ("table", "x.json", *out), "x.json", {"x.json": b'{"measurements": [{}]}'}),
        ("table of an edited file", ("table", "x.json", *out), "damaged", {"x.json": _edited()}),
        ("table below a file", ("table", "x.json", "--out", "y/z"), "y", {"x.json": good, "y": b""}),
        ("table with a typo in a quantity", ("table", "x.json", *out), "figure3c", {"x.json": _misnamed()}),
        ("regress without a run", ("regress",), "results/laptop", {}),
        ("regress in no folder", ("regress", "--results", "no"), "no/laptop", {}),
        ("regress with no such reference", ("regress", "--reference", "nonsense"), "", {}),
        ("update from no folder", ("regress", "--update", "--from", "no"), "no", {}),
        ("update of an unknown experiment", ("regress", "--update", "--experiments", "figur1"), "", {}),
        ("self-test without a store", ("regress", "--self-test"), "results/reference/laptop", {}),
        ("repeats of an unknown experiment", ("repeats", "--experiments", "figur1"), "figur1", {}),
        ("repeats without a run", ("repeats", "--experiments", "figure1"), "results", {}),
        ("repeats, none", ("repeats", "--repeats", "0"), "--repeats", {}),
        ("report without a run", ("report",), "no finished run", {}),
        ("report, settings not JSON", ("report", "--settings", "{"), "--settings", {}),
        ("bench into no folder", ("bench", "ode", "--json", "x/y.json"), "x", {"x": b""}),
        ("schema into a file", ("schema", "--out", "x"), "x", {"x": b""}),
        ("an unknown verb", ("trian",), "train", {}),
        ("an unknown option", ("list", "--jsno"), "--jsno", {}),
        ("an unknown study", ("study", "nef", *out), "nfe", {}),
        ("an unknown benchmark", ("bench", "odes"), "ode", {}),
        ("an unknown scale", ("table", "x.json", "--scale", "laptob", *out), "laptop", {}),
    ):
        yield Case(f"command: {name}", command, said, files)


def _runs(folder: str) -> bytes:
    return json.dumps({"measurements": [], "runs": [folder]}).encode()


def _edited() -> bytes:
    return json.dumps({"measurements": [], "runs": [], "files": {}, "checksum": "0"}).encode()


def _misnamed() -> bytes:
    """Return measurements of a published cell that lack the quantity of its row."""
    measured = {
        "experiment": "neural-ode",
        "cell": "ode-net",
        "quantity": "nfe/backward-per-forwrd",
        "values": [1.0],
        "runs": [],
    }
    return json.dumps({"measurements": [measured], "runs": []}).encode()


CASES = [*settings(), *experiments(), *series(), *scans(), *meaningless(), *texts(), *claims(), *tables(), *commands()]
