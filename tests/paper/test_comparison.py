"""Two runs side by side: what is equal, what differs by more than its spread, and what is only in one of them."""

import io
import subprocess

import numpy as np
import pandas as pd
import pytest

from pdebridge.cli import main
from pdebridge.paper import comparison, side_by_side
from pdebridge.paper.comparison import beside, chosen, frame, sentences, short
from pdebridge.paper.evidence import Evidence, write
from pdebridge.records import seal, write_measurements

ACCURACY, LOSS = "val/accuracy", "val/loss"


def evidence(values):
    return Evidence({key: {"values": np.asarray(v).tolist(), "runs": []} for key, v in values.items()})


def words(a, b):
    return {row.key[2]: row.word for row in beside(evidence(a), evidence(b)).rows}


def key(quantity, cell="c"):
    return ("e", cell, quantity)


def test_every_word():
    a = {
        key("parameters"): [60],
        key("epochs"): [20, 20],
        key(ACCURACY): [90.0, 90.2, 89.8],
        key("test/accuracy"): [90.0, 91.0, 89.0],
        key(LOSS): [1.0, 1.01, 0.99],
        key("train/loss"): [1.0],
        key("growth"): [1.0],
        key("seconds"): [3.0],
    }
    b = a | {
        key("parameters"): [204],
        key(ACCURACY): [95.0, 95.2, 94.8],
        key("test/accuracy"): [90.5, 91.0, 89.0],
        key(LOSS): [2.0, 2.01, 1.99],
        key("train/loss"): [1.05],
        key("growth"): [2.0],
        key("seconds"): [30.0],
    }
    assert words(a, b) == {
        "parameters": "changed",
        "epochs": "equal",
        ACCURACY: "better",
        "test/accuracy": "within",
        LOSS: "worse",
        "train/loss": "within",
        "growth": "changed",
        "seconds": "time",
    }
    assert words(b, a)[ACCURACY] == "worse"


def test_what_is_not_finite_differs_and_equal_nans_are_equal():
    nan = float("nan")
    assert words({key(LOSS): [1.0, 1.1]}, {key(LOSS): [nan, 1.1]}) == {LOSS: "changed"}
    assert words({key(LOSS): [nan, 1.1]}, {key(LOSS): [nan, 1.1]}) == {LOSS: "equal"}


def test_equal_runs_of_other_seeds_differ_in_one_comparison_of_a_hundred():
    rng, alarms = np.random.default_rng(0), 0
    for _ in range(200):
        a, b = ({key(ACCURACY, f"c{i}"): 90 + rng.normal(size=3) for i in range(20)} for _ in range(2))
        alarms += any(row.word in comparison.TOLD for row in beside(evidence(a), evidence(b)).rows)
    assert alarms <= 6


def test_the_interval_is_welch_s():
    from scipy.stats import ttest_ind

    a, b = [90.0, 91.0, 92.0], [95.0, 99.0, 94.0, 97.0]
    (row,) = beside(evidence({key(ACCURACY): a}), evidence({key(ACCURACY): b})).rows
    test = ttest_ind(b, a, equal_var=False)
    interval = test.confidence_interval(0.95)
    assert row.p == pytest.approx(test.pvalue)
    assert (row.shift - row.half, row.shift + row.half) == pytest.approx((interval.low, interval.high))


def test_cells_of_one_alone_are_told_and_single_cells_are_compared_whatever_they_are_called():
    a, b = evidence({key(LOSS): [1.0], key(LOSS, "old"): [1.0]}), evidence({key(LOSS): [1.0], key(LOSS, "new"): [1.0]})
    pair = beside(a, b)
    assert (pair.only_a, pair.only_b) == (["e/old"], ["e/new"])
    assert list(sentences(pair, "A", "B"))[1:] == ["Only in A: e/old.", "Only in B: e/new."]
    (row,) = beside(evidence({key(LOSS, "x"): [1.0]}), evidence({key(LOSS, "y"): [2.0]})).rows
    assert row.key == ("e", "x | y", LOSS)


def test_shown_are_headlines_that_are_not_equal_and_whatever_differs():
    a = {key(LOSS): [1.0, 2.0], key(ACCURACY): [90.0], key("parameters"): [60], key("growth"): [1.0]}
    b = a | {key(LOSS): [1.1, 2.0], key("parameters"): [61]}
    pair = beside(evidence(a), evidence(b))
    assert [row.key[2] for row in chosen(pair, [])] == [LOSS, "parameters"]
    assert [row.key[2] for row in chosen(pair, ["val/*"])] == [LOSS, ACCURACY]
    assert len(chosen(beside(evidence(a), evidence(a)), [])) == 2


def test_differences_are_in_the_unit_of_the_quantity():
    a = {key(ACCURACY): [90.0], key(LOSS): [1.0], key("parameters"): [60], key("growth"): [2.0]}
    b = {key(ACCURACY): [91.5], key(LOSS): [1.5], key("parameters"): [204], key("growth"): [3.0]}
    table = frame(beside(evidence(a), evidence(b)).rows, "A", "B")
    assert table["difference"].tolist() == ["+1.5", "+50 %", "+144", "+50 %"]


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (("results/laptop", "results/test"), ("laptop", "test")),
        (("HEAD", "1c630b1"), ("HEAD", "1c630b1")),
        (("a/T5", "a/T5/steps=20"), ("T5", "T5/steps=20")),
        (("HEAD", "HEAD"), ("HEAD (1)", "HEAD (2)")),
    ],
)
def test_two_runs_are_called_by_where_they_differ(paths, names):
    assert short(*paths) == names


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A checkout whose reference was committed twice."""
    git = ["git", "-c", "user.name=n", "-c", "user.email=e", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    for values in ([90.0, 90.1, 89.9], [95.0, 95.1, 94.9]):
        found = evidence({("figure1", f"T{i}", ACCURACY): values for i in range(30)})
        write(found, tmp_path / "results" / "reference" / "laptop")
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-qm", "numbers"], check=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_two_commits_have_a_table_and_a_figure(folder, capsys):
    assert main(["compare", "HEAD~1", "HEAD", "--out", "both/x.y"]) == 0
    said = capsys.readouterr().out
    assert "| cell | quantity | HEAD~1 | HEAD | difference | p | verdict |" in said
    assert "30 quantities in both: 0 equal bit for bit, 30 better" in said
    assert (folder / "both" / "x.y.png").stat().st_size > 20_000
    assert said == (folder / "both" / "x.y.md").read_text()
    assert len(pd.read_csv(folder / "both" / "x.y.csv")) == 30


def test_a_scale_without_a_run_is_its_reference_and_csv_can_be_read(folder, capsys):
    assert main(["compare", "laptop", "results/reference/laptop", "--csv"]) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert set(table["verdict"]) == {"equal"}


def test_single_trainings_are_compared_by_folder_and_by_file(folder, capsys):
    for cell, loss in (("a", 1.0), ("b", 2.0)):
        run = folder / "mine" / cell / "seed-0"
        run.mkdir(parents=True)
        for name, text in {
            "run.json": f'{{"fingerprint": "f", "seed": 0, "commit": "c", "dirty": false,'
            f' "cell": {{"scale": "laptop", "experiment": "e", "cell": "{cell}"}}}}',
            "summary.json": f'{{"val/loss": {loss}}}',
            "history.csv": "",
            "weights.safetensors": "",
        }.items():
            (run / name).write_text(text)
        seal(run)
        measured = {"experiment": "e", "cell": cell, "quantity": LOSS, "values": [loss], "runs": [str(run)]}
        write_measurements(folder / "mine" / f"{cell}.json", {"measurements": [measured], "runs": [str(run)]})
    for names in (("mine/a", "mine/b/seed-0"), ("mine/a.json", "mine/b.json")):
        assert main(["compare", *names]) == 0
        assert "| e/a \\| b | val/loss | 1 | 2 | +100 % |  | worse |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["HEAD", "nothing"], "nothing: neither a folder, nor a file, nor a commit"),
        (["workstation", "HEAD"], "workstation: neither a finished run nor a folder of evidence"),
        (["HEAD", "HEAD", "--quantities", "tset/*"], "--quantities tset/*: nothing fits; there are: val/accuracy"),
    ],
)
def test_what_is_not_there_is_named(arguments, message, folder, capsys):
    assert main(["compare", *arguments]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line


def test_a_figure_of_many_cells_shows_those_that_differ_most(tmp_path, monkeypatch):
    a = {key(LOSS, f"c{i}"): [1.0, 1.1, 0.9] for i in range(40)}
    b = {k: [1.01, 1.1, 0.9] for k in a} | {key(LOSS, f"c{i}"): [3.0, 3.1, 2.9] for i in (7, 8)}
    drawn = []
    monkeypatch.setattr(side_by_side, "panel", lambda ax, rows, names: drawn.append({row.key[1] for row in rows}))
    side_by_side.draw(beside(evidence(a), evidence(b)).rows, ("A", "B"), tmp_path / "x")
    assert len(drawn[0]) == side_by_side.CELLS and {"c7", "c8"} <= drawn[0]
