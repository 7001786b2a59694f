"""The whole DAG, from configuration to report, and a second run that does nothing."""

import json
import shutil
import time
from pathlib import Path

import pandas as pd
import pytest

import pdebridge

pytestmark = [pytest.mark.workflow, pytest.mark.timeout(900)]


def paper(finished):
    return finished[0].folder / "results" / "test" / "paper"


def test_it_says_where_the_report_is_and_what_it_did(finished):
    project, done = finished
    assert str(project.folder / "results" / "test" / "report.html") in done.stdout
    assert "training figure1: T5" in done.stderr
    assert "Epoch" not in done.stderr


def test_the_report_is_one_file_with_everything_in_it(finished):
    text = (finished[0].folder / "results" / "test" / "report.html").read_text()
    assert "figure1.png" in text
    assert "published.html" in text
    assert "reproduced at scale" in text


@pytest.mark.parametrize("name", ["figure1.png", "figure1.pdf", "instability.png", "instability.pdf"])
def test_figures_are_pictures(finished, name):
    content = (paper(finished) / "figures" / "figure1" / name).read_bytes()
    assert content.startswith((b"\x89PNG", b"%PDF"))
    assert len(content) > 10_000


def test_every_published_number_has_a_verdict(finished):
    table = pd.read_csv(paper(finished) / "published.csv", keep_default_na=False, dtype=str)
    source = pd.read_csv(finished[0].folder / "config" / "published.csv")
    assert set(table["id"]) == set(source["id"])
    assert (table["verdict"] != "").all()
    assert set(table[table["status"] == "unconfirmed"]["verdict"]) == {"source unconfirmed"}


def test_every_measurement_leads_to_run_directories_that_exist(finished):
    measurements = json.loads((paper(finished) / "measurements.json").read_text())["measurements"]
    assert measurements
    for measurement in measurements:
        for run in measurement["runs"]:
            assert (finished[0].folder / run / "run.json").is_file()


def test_no_temporary_file_is_left(finished):
    left = [path for path in (finished[0].folder / "results").rglob("*") if ".partial" in path.name]
    assert left == []


def test_a_second_run_does_nothing_in_seconds(finished):
    started = time.monotonic()
    done = finished[0].snakemake("--configfile", "config/test.yaml")
    assert done.returncode == 0
    assert "Nothing to be done" in done.stderr
    assert time.monotonic() - started < 60  # 10 s on an idle machine


def test_the_run_is_no_worse_than_the_reference(finished):
    done = finished[0].pdebridge("regress", "--scale", "test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 got worse" in done.stdout


def test_a_worse_run_is_found(finished, tmp_path):
    folder = tmp_path / "results"
    shutil.copytree(finished[0].folder / "results" / "reference" / "test", folder / "reference" / "test")
    path = folder / "test" / "paper" / "measurements.json"
    path.parent.mkdir(parents=True)
    content = json.loads((paper(finished) / "measurements.json").read_text())
    for measurement in content["measurements"]:
        if measurement["quantity"] == "parameters":
            measurement["values"] = [value + 1 for value in measurement["values"]]
    path.write_text(json.dumps(content))
    done = finished[0].pdebridge("regress", "--scale", "test", "--results", str(folder))
    assert done.returncode == 1
    assert "changed: figure1/T5/parameters" in done.stdout


def test_a_run_is_equal_to_itself(finished):
    done = finished[0].pdebridge("regress", "--scale", "test", "--reference", "results/test", "--exact", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 0
    assert (told["faults"], told["moved"]) == ([], {})


def test_how_it_is_watched_and_unused_folders_replan_nothing(finished):
    changed = ("tracking={mode: online}", "data={folder: elsewhere}")
    done = finished[0].snakemake("-n", "--configfile", "config/test.yaml", "--config", *changed)
    assert "Nothing to be done" in done.stderr


def test_what_was_deleted_is_planned_with_reason_and_command_and_made_again(finished):
    project = finished[0]
    lost = [paper(finished) / name for name in ("published.html", "figures/figure1/figure1.pdf", "runs/figure1/T5.png")]
    before = [path.read_bytes() for path in lost]
    for path in lost:
        path.unlink()
    plan = project.snakemake("-n", "-p", "--configfile", "config/test.yaml").stderr
    for path in lost:
        assert f"Missing output files: {path.relative_to(project.folder)}" in plan
    assert "pdebridge figure figure1 results/test/studies/figure1/propagation.npz" in plan
    done = project.snakemake("--cores", "2", "--configfile", "config/test.yaml")
    assert done.returncode == 0
    assert "training" not in done.stderr
    assert [path.is_file() for path in lost] == [True] * 3
    assert lost[2].read_bytes() == before[2]


def test_titles_may_hold_formulas(finished):
    overrides = "overrides={figure1: {title: 'In $\\mathbb{R}^{2}$, |u| < {x}: {wildcards.figure}'}}"
    plan = finished[0].snakemake("-n", "--configfile", "config/test.yaml", "--config", overrides)
    assert plan.returncode == 0
    assert "drawing figure1 of figure1" in plan.stderr


def test_a_change_of_a_parameter_reruns_what_it_touches(finished):
    done = finished[0].snakemake(
        "-n", "--configfile", "config/test.yaml", "--config", "overrides={figure1: {seeds: 2}}"
    )
    assert "training figure1: T5" in done.stderr
    assert "building the networks of figure1" in done.stderr


@pytest.fixture
def edited(finished, tmp_path):
    """Return a function that edits a module of a copy of the package and says what the workflow would do."""
    project, source = finished[0], finished[0].source
    shutil.copytree(Path(pdebridge.__file__).parents[1], tmp_path, dirs_exist_ok=True)
    project.source = tmp_path

    def plan(module, old, new):
        path = tmp_path / "pdebridge" / module
        path.write_text(path.read_text().replace(old, new, 1))
        return project.snakemake("-n", "--configfile", "config/test.yaml").stderr

    yield plan
    project.source = source


def test_a_comment_reruns_nothing_and_an_edit_what_it_touches(edited):
    assert "Nothing to be done" in edited("dynamics/dense.py", "import", "# a comment\nimport")
    plan = edited("integrators/euler.py", "order = 1", "order = 1 + 0")
    assert "training figure1: T5" in plan
    assert "transport: d2" not in plan
