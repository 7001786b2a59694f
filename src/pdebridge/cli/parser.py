"""What the verbs are called, what they take, and an example of each. Imports nothing heavy."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path

from pdebridge import __version__
from pdebridge.catalogue import BENCHES, STUDIES
from pdebridge.cli import verbs
from pdebridge.cli.comparing import compare
from pdebridge.cli.sharing import pack, sync
from pdebridge.cli.status import status
from pdebridge.cli.training import train
from pdebridge.configuration.model import SCALES

Verb = Callable[..., int | None]


def parser() -> ArgumentParser:
    """Return the parser of all verbs."""
    top = ArgumentParser(
        prog="pdebridge",
        description="Results that join deep learning and differential equations, reproduced.",
        epilog="The whole pipeline: snakemake --cores all. One verb's examples: pdebridge VERB --help.",
    )
    top.add_argument("--version", action="version", version=f"pdebridge {__version__}")
    add = top.add_subparsers(title="verbs", dest="name", required=True, metavar="VERB").add_parser
    for name, (verb, help_text, example, options) in VERBS.items():
        part = add(
            name, help=help_text, description=help_text, epilog=example, formatter_class=RawDescriptionHelpFormatter
        )
        part.set_defaults(verb=verb)
        options(part)
    return top


def _settings(part: ArgumentParser) -> None:
    part.add_argument("--config", type=Path, action="append", metavar="FILE", help="laid over config/config.yaml")
    part.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="any key of the settings, or of the experiment"
    )


def _list(part: ArgumentParser) -> None:
    _settings(part)
    part.add_argument("--json", action="store_true", help="print JSON")


def _describe(part: ArgumentParser) -> None:
    _settings(part)
    part.add_argument("what", nargs="?", metavar="NAME", help="experiment, experiment/cell, or published network")
    part.add_argument("--json", action="store_true", help="print JSON")
    part.add_argument("--resolved", nargs="+", metavar="JSON", help="build these cells' networks (the workflow's way)")
    part.add_argument("--published", action="store_true", help="build every published network")
    part.add_argument("--out", type=Path, help="file of their weight counts")


def _fetch(part: ArgumentParser) -> None:
    _settings(part)
    part.add_argument("dataset", metavar="DATASET", help="a data set that is downloaded, such as mnist")
    part.add_argument("--data", metavar="JSON", help="the data section (the workflow's way)")
    part.add_argument("--out", type=Path, help="write the list of verified files here")


def _train(part: ArgumentParser) -> None:
    _settings(part)
    part.add_argument("what", nargs="?", metavar="EXPERIMENT/CELL")
    part.add_argument("--resolved", nargs="+", metavar="JSON", help="resolved cells (the workflow's way)")
    part.add_argument("--tracking", metavar="JSON", help="the tracking section (the workflow's way)")
    part.add_argument("--accelerator", choices=("auto", "cpu", "gpu"), help="in place of the settings' one")
    part.add_argument("--seed", type=int, metavar="N", help="train this seed alone, so that seeds can be jobs")
    part.add_argument("--collect", action="store_true", help="train nothing: gather seeds that were trained so")
    part.add_argument(
        "--out", nargs="+", type=Path, help="file of each cell's measurements; runs stand in the folder of its stem"
    )
    # every other --KEY=VALUE is short for --set KEY=VALUE: so the agents of a W&B sweep pass keys
    part.set_defaults(changes=[])


def _status(part: ArgumentParser) -> None:
    part.add_argument("results", nargs="?", type=Path, default=Path("results"), help="folder of results")
    part.add_argument("--json", action="store_true", help="print JSON")


def _study(part: ArgumentParser) -> None:
    part.add_argument("study", choices=sorted(STUDIES))
    part.add_argument("measurements", nargs="*", type=Path, metavar="CELL.json", help="what trainings wrote, if needed")
    part.add_argument("--options", default="{}", metavar="JSON", help="keyword arguments of the study")
    part.add_argument("--experiment", metavar="NAME", help="whose table a study without runs belongs to")
    part.add_argument("--out", type=Path, required=True, help="stem: STEM.json holds numbers, STEM.npz arrays")


def _figure(part: ArgumentParser) -> None:
    part.add_argument("figure", metavar="FIGURE", help="a figure's name, or 'run' for cells' curves and provenance")
    part.add_argument("inputs", nargs="+", type=Path, metavar="FILE", help="STEM.npz of studies, or CELL.json of cells")
    part.add_argument("--out", type=Path, required=True, help="stem of STEM.png and STEM.pdf, or the folder of 'run'")


def _table(part: ArgumentParser) -> None:
    part.add_argument("measurements", nargs="+", type=Path, metavar="FILE.json")
    part.add_argument("--scale", choices=SCALES, default="laptop")
    part.add_argument("--out", type=Path, required=True, help="folder of published.*, tables/, landing.rst")


def _regress(part: ArgumentParser) -> None:
    part.add_argument("--scale", choices=SCALES, default="laptop")
    part.add_argument("--results", type=Path, default=Path("results"), help="folder of results")
    part.add_argument("--update", action="store_true", help="take this run into the store, and write its pages anew")
    part.add_argument("--experiments", nargs="+", default=[], metavar="NAME", help="with --update: only these")
    part.add_argument(
        "--from", type=Path, metavar="FOLDER", help="with --update: run directories that any checkout trained"
    )
    part.add_argument("--pages", action="store_true", help="write the pages of the store anew, and nothing else")
    part.add_argument("--partial", action="store_true", help="do not mind experiments that were not run")
    part.add_argument(
        "--reference", metavar="WHAT", help="another reference: results/SCALE of a run, a folder of the store, a commit"
    )
    part.add_argument("--exact", action="store_true", help="what moved under equal arithmetic is a fault")
    part.add_argument("--json", action="store_true", help="print JSON")
    part.add_argument("--markdown", action="store_true", help="print Markdown, for a job's summary")
    part.add_argument(
        "--github", action="store_true", help="also an ::error a cell, and Markdown into the file GITHUB_STEP_SUMMARY"
    )
    part.add_argument("--self-test", action="store_true", help="inject faults into the reference and count those found")


def _compare(part: ArgumentParser) -> None:
    part.add_argument(
        "runs",
        nargs=2,
        metavar="RUN",
        help="a scale, a commit, results/SCALE, a folder of runs or a file of measurements",
    )
    part.add_argument("--scale", choices=SCALES, default="laptop", help="whose evidence of a commit is meant")
    part.add_argument("--results", type=Path, default=Path("results"), help="folder of results")
    part.add_argument(
        "--quantities",
        nargs="+",
        default=[],
        metavar="PATTERN",
        help="such as 'val/*' seconds; by default the headline quantities and whatever differs",
    )
    part.add_argument("--csv", action="store_true", help="print CSV in place of Markdown")
    part.add_argument("--out", type=Path, metavar="STEM", help="write STEM.csv, STEM.md, STEM.png and STEM.pdf too")


def _pack(part: ArgumentParser) -> None:
    part.add_argument("--scale", choices=SCALES, default="laptop")
    part.add_argument("--results", type=Path, default=Path("results"), help="folder of results")
    part.add_argument("--out", type=Path, metavar="NAME.tar.gz", help="the archive; pdebridge-SCALE.tar.gz if empty")


def _sync(part: ArgumentParser) -> None:
    _settings(part)
    part.add_argument("--results", type=Path, default=Path("results"), help="folder of results")


def _repeats(part: ArgumentParser) -> None:
    _settings(part)
    part.add_argument("--experiments", nargs="+", default=[], metavar="NAME", help="only these")
    part.add_argument("--results", type=Path, default=Path("results"), help="folder of results")
    part.add_argument("--repeats", type=int, default=3, metavar="R", help="repeats a seed")
    part.add_argument("--jobs", type=int, default=2, metavar="J", help="processes")


def _report(part: ArgumentParser) -> None:
    _settings(part)
    part.add_argument("--settings", metavar="JSON", help="the settings of the run (the workflow's way)")


def _bench(part: ArgumentParser) -> None:
    part.add_argument("bench", choices=sorted(BENCHES))
    part.add_argument("--json", type=Path, metavar="FILE", help="write name, ratios and raw figures here")


def _schema(part: ArgumentParser) -> None:
    part.add_argument("--out", type=Path, default=Path("workflow/schemas"))


VERBS: dict[str, tuple[Verb, str, str, Callable[[ArgumentParser], None]]] = {
    "list": (verbs.list_experiments, "Name the experiments with their sources.", "example: pdebridge list", _list),
    "describe": (
        verbs.describe,
        "Say what a network is: parameters, layers, dynamics, integrator, gradient, source.",
        "example: pdebridge describe figure1/T5 --json",
        _describe,
    ),
    "fetch": (
        verbs.fetch,
        "Download a data set, or take it from a mirror folder, and verify it.",
        "example: pdebridge fetch mnist --set data.mirror=/my/mirror",
        _fetch,
    ),
    "train": (
        train,
        "Train all seeds of a cell; an interrupted training goes on where its last checkpoint was.",
        "examples:\n"
        "  pdebridge train figure1/T5 --set tracking.mode=disabled --out results/mine/T5.json\n"
        "  pdebridge train figure1/T5 --network.steps=20 --training.decay=1e-3",
        _train,
    ),
    "status": (
        status,
        "Say which runs are finished, running, interrupted or damaged, and the command that goes on.",
        "example: pdebridge status results/laptop",
        _status,
    ),
    "study": (
        verbs.study,
        "Measure trained networks.",
        "example: pdebridge study propagation results/laptop/runs/figure1/T5.json --out results/mine/propagation",
        _study,
    ),
    "figure": (
        verbs.figure,
        "Draw a figure from what a study wrote.",
        "example: pdebridge figure figure1 results/laptop/studies/figure1/propagation.npz --out results/mine/figure1",
        _figure,
    ),
    "table": (
        verbs.table,
        "Set every published number beside ours, with a verdict.",
        "example: pdebridge table results/laptop/runs/*/*.json --out results/mine",
        _table,
    ),
    "regress": (
        verbs.regress,
        "Compare a finished run with the reference run; exit 1 if a number got worse.",
        "examples:\n"
        "  pdebridge regress --scale laptop\n"
        "  pdebridge regress --scale laptop --reference 1c630b1 --markdown\n"
        "  pdebridge regress --scale test --github\n"
        "  pdebridge regress --update --experiments figure1 digits\n"
        "  pdebridge regress --update --from /my/long/results",
        _regress,
    ),
    "compare": (
        compare,
        "Set two runs side by side: commits, scales, folders of results, single trainings.",
        "examples:\n"
        "  pdebridge compare 1c630b1 HEAD --scale laptop\n"
        "  pdebridge compare laptop workstation --quantities 'test/*' --out results/mine/scales\n"
        "  pdebridge compare results/mine/figure1/T5.json results/mine/figure1/T5/network.steps=20.json",
        _compare,
    ),
    "repeats": (
        verbs.repeats,
        "Train a finished run again with initial weights moved by an ulp: the spread that rounding makes.",
        "example: pdebridge repeats --experiments figure1; pdebridge regress --update --experiments figure1",
        _repeats,
    ),
    "pack": (
        pack,
        "Write one archive of a finished run: results, configuration, environment, list of its data.",
        "example: pdebridge pack --scale laptop --out pdebridge-laptop.tar.gz",
        _pack,
    ),
    "sync": (
        sync,
        "Send every finished run of a scale to Weights & Biases, each once.",
        "example: pdebridge sync --set scale=laptop --set tracking.project=mine",
        _sync,
    ),
    "report": (verbs.report, "Write the HTML report of a finished run.", "example: pdebridge report", _report),
    "bench": (
        verbs.bench,
        "Measure speed as ratios against a peer or a plain loop in one run.",
        "example: pdebridge bench training --json training.json",
        _bench,
    ),
    "doctor": (
        verbs.doctor,
        "Say what this machine can do: device, precision, executors, tracking, data; exit 1 if the pipeline will fail.",
        "example: pdebridge doctor --set scale=cluster",
        _settings,
    ),
    "schema": (verbs.schema, "Write the JSON schemas of the configuration.", "example: pdebridge schema", _schema),
}
