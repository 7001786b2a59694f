"""What is handed to others: one archive with the same bytes, and runs that W&B gets once."""

import csv
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pandas as pd
import pytest

from pdebridge import archive
from pdebridge.cli import main
from pdebridge.configuration.load import cells, experiment_files, read_experiment, settings_from
from pdebridge.paper import runs as pages
from pdebridge.paper.report import corner
from pdebridge.publish import tell, workflow_run
from pdebridge.training.artifacts import data_of
from pdebridge.training.tracking import workflow_id
from wandb_server import leet, serving

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A checkout with a finished run of one cell and two seeds, trained without tracking."""
    root = tmp_path_factory.mktemp("checkout")
    for part in ("config", "profiles", "environment.yml", "constraints.txt", "pyproject.toml"):
        source = ROOT / part
        shutil.copytree(source, root / part) if source.is_dir() else shutil.copy(source, root / part)
    here, before = Path.cwd(), os.environ.get("WANDB_MODE")
    os.chdir(root)
    os.environ["WANDB_MODE"] = "disabled"
    try:
        settings = settings_from({"overrides": {"figure1": {"seeds": 2, "training": {"epochs": 3}}}})
        cell = cells(read_experiment("figure1"), settings)[0].model_dump_json()
        assert main(["train", "--resolved", cell, "--out", "results/laptop/runs/figure1/T5.json"]) == 0
        assert main(["table", "results/laptop/runs/figure1/T5.json", "--out", "results/laptop/paper"]) == 0
        assert (
            main(["figure", "run", "results/laptop/runs/figure1/T5.json", "--out", "results/laptop/paper/runs/figure1"])
            == 0
        )
    finally:
        os.chdir(here)
        os.environ.pop("WANDB_MODE") if before is None else os.environ.update(WANDB_MODE=before)
    return root


@pytest.fixture
def checkout(trained, tmp_path, monkeypatch):
    shutil.copytree(trained, tmp_path / "c")
    monkeypatch.chdir(tmp_path / "c")
    return tmp_path / "c"


def git(*arguments):
    subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e", *arguments], check=True, capture_output=True)


def test_the_archive_has_everything_and_its_checksums_hold(checkout, tmp_path):
    git("init", "-q"), git("add", "config"), git("commit", "-qm", "c")
    (checkout / "config" / "config.yaml").write_text("scale: laptop\nexperiments: [figure1]\n")
    (checkout / "results" / "laptop" / "runs" / "figure1" / "T5" / "wandb").mkdir()
    (checkout / "results" / "laptop" / "runs" / "figure1" / "T5" / "wandb" / "x").touch()
    assert main(["pack", "--out", "x.tar.gz"]) == 0
    with tarfile.open("x.tar.gz") as tar:
        tar.extractall(tmp_path / "out", filter="data")
    top = tmp_path / "out" / "pdebridge-laptop"
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=top, check=True)
    there = {str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()}
    seed = "results/laptop/runs/figure1/T5/seed-1"
    wanted = [f"{seed}/run.json", f"{seed}/weights.safetensors", "results/laptop/paper/published.csv"]
    assert there >= {*wanted, "config/published.csv", "constraints.txt", "profiles/default/config.yaml"}
    assert not [name for name in there if "wandb" in name or "lock" in name]
    assert len((top / "SHA256SUMS").read_text().splitlines()) == len(there) - 1
    environment = json.loads((top / "environment.json").read_text())
    assert len(environment["commit"]) == 40 and environment["packages"]["torch"]
    assert "+experiments: [figure1]" in (top / "changes.patch").read_text()
    with (top / "data.csv").open() as lines:
        (row,) = csv.DictReader(lines)
    assert (row["data set"], row["experiments"]) == ("ellipses", "figure1")


def test_the_same_files_give_the_same_bytes_and_nothing_is_overwritten(checkout, capsys, monkeypatch):
    assert main(["pack", "--out", "a.tar.gz"]) == 0
    for path in checkout.rglob("*.json"):
        path.touch()
        path.chmod(0o600)
    monkeypatch.setattr("time.time", lambda: 2e9)
    assert main(["pack", "--out", "b.tar.gz"]) == 0
    assert Path("a.tar.gz").read_bytes() == Path("b.tar.gz").read_bytes()
    assert main(["pack", "--out", "a.tar.gz"]) == 2
    assert "a.tar.gz: exists, and is not overwritten" in capsys.readouterr().err


def test_published_data_are_listed_with_addresses_and_checksums(checkout):
    path = checkout / "results" / "laptop" / "runs" / "figure1" / "T5" / "seed-0" / "run.json"
    path.write_text(path.read_text().replace('"name": "ellipses"', '"name": "mnist"'))
    assert main(["pack", "--out", "x.tar.gz"]) == 0
    with tarfile.open("x.tar.gz") as tar:
        text = tar.extractfile("pdebridge-laptop/data.csv").read().decode()
    assert "mnist/train-images-idx3-ubyte.gz,md5:f68b3c2dcbeaaa9fbdd348bbdeb94873,https://ossci-datasets" in text


def every_task():
    """One cell of each task that is trained, from the experiments themselves."""
    found = [
        c for name in experiment_files() for c in cells(read_experiment(name), settings_from({"scale": "cluster"}))
    ]
    return {cell.task: cell for cell in found if cell.task != "study"}


@pytest.mark.parametrize("cell", every_task().values(), ids=lambda cell: cell.task)
def test_data_of_every_task_are_listed(cell, tmp_path):
    run = tmp_path / "runs" / cell.experiment / cell.cell / "seed-0"
    run.mkdir(parents=True)
    (run / "run.json").write_text(json.dumps({"fingerprint": "0", "cell": cell.model_dump(mode="json")}))
    run.parent.with_suffix(".json").write_text(json.dumps({"runs": [str(run)]}))
    key, _, learned = cell.subject
    assert getattr(cell, key) == learned
    assert f"\n{learned.name}," in archive._data(tmp_path).decode()
    name, facts = data_of(cell)
    assert name.startswith(learned.name) and facts["name"] == learned.name


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda root: (root / "results/laptop/paper/measurements.json").unlink(), "results/laptop: no finished run"),
        (lambda root: (root / "results/laptop/runs/figure1/T5/seed-0/history.csv").unlink(), "history.csv is missing"),
    ],
)
def test_what_is_not_whole_is_not_packed(harm, message, checkout, capsys):
    harm(checkout)
    assert main(["pack", "--out", "x.tar.gz"]) == 2
    assert message in capsys.readouterr().err
    assert not Path("x.tar.gz").exists()


def test_runs_are_sent_once_and_say_where_they_are(checkout, capsys, monkeypatch):
    with serving(monkeypatch) as server:
        assert main(["sync"]) == 0
        first = capsys.readouterr()
        folder = checkout / "results" / "laptop" / "runs" / "figure1" / "T5"
        for seed in (0, 1):
            said = json.loads((folder / f"seed-{seed}" / "run.json").read_text())
            sent = server.runs[said["fingerprint"][:16]]
            with (folder / f"seed-{seed}" / "history.csv").open() as lines:
                rows = list(csv.DictReader(lines))
            assert [row["epoch"] for row in sent["history"].values()] == [0, 1, 2]
            for row, mirrored in zip(rows, sent["history"].values(), strict=True):
                assert {name: float(value) for name, value in row.items()} == {name: mirrored[name] for name in row}
            summary = json.loads((folder / f"seed-{seed}" / "summary.json").read_text())
            assert {name: sent["summary"][name] for name in summary} == summary
            assert sent["config"]["seed"]["value"] == seed
            assert said["wandb"]["url"] == f"{server.address}/somebody/pdebridge/runs/{said['wandb']['id']}"
            flow = said["wandb"]["workflow"]
            assert sent["config"]["workflow"]["value"] == flow and flow["url"].endswith(flow["id"])
            assert f"results/laptop/runs/figure1/T5/seed-{seed}: sent to {said['wandb']['url']}" in first.out
        page = (checkout / "results" / "laptop" / "paper" / "runs" / "figure1" / "T5.html").read_text()
        assert page.count(f'<a href="{server.address}/') == 3  # two seeds and the workflow
        server.runs.clear()
        assert main(["sync"]) == 0
        assert server.runs == {}  # not even asked
        second = capsys.readouterr()
    assert "2 sent, 0 there already" in first.err
    assert "0 sent, 2 there already" in second.err and second.out.count("there already, http") == 2


def test_what_the_server_has_is_not_sent_again(checkout, capsys, monkeypatch):
    with serving(monkeypatch) as server:
        assert main(["sync"]) == 0
        path = checkout / "results" / "laptop" / "runs" / "figure1" / "T5" / "seed-0" / "run.json"
        said = json.loads(path.read_text())
        path.write_text(json.dumps(said | {"wandb": {"id": said["wandb"]["id"], "url": None}}))
        before = json.dumps(server.runs[said["wandb"]["id"]]["history"])
        assert main(["sync"]) == 0
        assert json.dumps(server.runs[said["wandb"]["id"]]["history"]) == before
    assert "0 sent, 2 there already" in capsys.readouterr().err
    assert json.loads(path.read_text())["wandb"]["url"]


def test_without_a_server_it_is_one_line(checkout, capsys, monkeypatch, tmp_path):
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert main(["sync"]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1].startswith("pdebridge sync: nothing more is sent: log in by 'wandb login'")
    shutil.rmtree("results/laptop/runs")
    assert main(["sync"]) == 2
    assert "no finished run to send" in capsys.readouterr().err


@pytest.mark.parametrize("which", ["off", "all"])
def test_the_workflow_s_own_run_has_figures_verdicts_and_trainings(which, checkout, monkeypatch):
    """What offline files hold is what stands in ``results``, picture by picture and row by row."""
    monkeypatch.delenv("WANDB_MODE", raising=False)
    folder = checkout / "results" / "laptop"
    picture = folder / "paper" / "figures" / "figure1" / "curves.png"
    picture.parent.mkdir(parents=True)
    shutil.copy(folder / "paper" / "runs" / "figure1" / "T5.png", picture)
    (folder / "report.html").write_text("<html></html>")
    settings = settings_from({"experiments": ["figure1"], "tracking": {"artifacts": which}})
    for _ in range(2):  # once more, as after a change of a table: one run is left
        with workflow_run(settings) as run:
            tell(run, settings)
    (offline,) = (folder / "wandb").glob("offline-run-*")
    assert workflow_id("laptop", None) in offline.name
    said = json.loads(leet("--summary", "--json", str(offline)))
    assert said["config"]["settings"]["experiments"] == ["figure1"]
    assert (offline / "files" / said["summary"]["figures/figure1/curves"]["path"]).read_bytes() == picture.read_bytes()

    verdicts = pd.read_csv(folder / "paper" / "published.csv", keep_default_na=False, dtype=str)
    mirrored = {name: table(offline, said, name) for name in ("verdicts", "claims", "trainings")}
    assert mirrored["verdicts"]["verdict"].tolist() == verdicts["verdict"].tolist()
    assert mirrored["claims"]["id"].tolist() == verdicts.loc[verdicts["kind"] == "claim", "id"].tolist()
    assert mirrored["trainings"]["seed"].tolist() == [0, 1]
    assert said["summary"]["verdicts/not run"] == (verdicts["verdict"] == "not run").sum()

    records = [json.loads(line) for line in leet("--json", str(offline)).splitlines()]
    reports = [r["artifact"] for r in records if r["type"] == "artifact" and r["artifact"]["type"] == "report"]
    assert len(reports) == (which == "all")
    kept = {part["path"] for report in reports for part in report["manifest"]["contents"]}
    wanted = {"report.html", "paper/published.csv", "runs/figure1/T5/seed-0/history.csv"}
    assert kept >= wanted if reports else not kept


def table(offline, said, name):
    content = json.loads((offline / "files" / said["summary"][name]["path"]).read_text())
    return pd.DataFrame(content["data"], columns=content["columns"])


def test_pages_and_report_lead_to_w_and_b():
    flow = {"id": "laptop-1", "url": "https://w/laptop-1", "report": "r"}
    described = [{"seed": i, "wandb": {"id": f"f{i}", "url": f"https://w/f{i}", "workflow": flow}} for i in range(2)]
    page = pages.tracked([*described, {"seed": 2}])
    for part in ('href="https://w/f0"', ">seed 1 f1</a>", ">workflow laptop-1</a>"):
        assert part in page
    assert pages.tracked([{"seed": 0, "wandb": {"id": "f", "url": None}}]).endswith("seed 0 f (offline)</p>")
    assert pages.tracked([{"seed": 0}]) == ""
    assert '<a href="https://w/laptop-1"' in corner(flow)
    assert "laptop-1 (offline)" in corner({"id": "laptop-1", "url": None})
