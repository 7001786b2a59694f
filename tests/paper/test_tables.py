"""Tables say the same in every format, and nothing of ours stands beside a published number that it is not for."""

import pandas as pd
import pytest
from tests.paper.test_verdict import ROW

from pdebridge.paper.beside import counts, headline, run_pages, verdict_table
from pdebridge.paper.published import PublishedNumber
from pdebridge.paper.tables import mean_and_half_width, write_table

REFERENCES = {"r": {"citation": "R", "survey": 8}}


def row(**changes):
    return PublishedNumber.model_validate(ROW | changes)


def test_each_row_has_value_interval_verdict_source_and_runs():
    found = {("e", "c", "test/accuracy"): {"values": [89.1, 89.4, 89.2], "runs": ["results/x/seed-0"]}}
    table = verdict_table([row()], {"laptop": found}, REFERENCES)
    only = table.iloc[0]
    assert only["source"] == "[8] r"
    assert only["published"] == "89.3"
    assert only["ours"] == "89.2333"
    assert only["95 % interval"] == "88.85 to 89.61"
    assert only["difference"] == "-0.0666667 ± 0.76"
    assert only["n"] == "3"
    assert only["verdict"] == "reproduced"
    assert only["runs"] == "results/x/seed-0"
    assert run_pages(table) == ["runs/e/c.html"]
    assert run_pages(verdict_table([row()], {}, REFERENCES)) == [""]


def test_a_number_of_another_setting_stays_out():
    found = {("e", "c", "test/accuracy"): {"values": [89.1, 89.4, 89.2], "runs": ["x"]}}
    only = verdict_table([row(scale="cluster")], {"laptop": found}, REFERENCES).iloc[0]
    assert only["ours"] == ""
    assert only["runs"] == ""
    assert only["verdict"] == "not run"


def test_the_best_evidence_of_any_scale_is_shown():
    few, many = ({("e", "c", "test/accuracy"): {"values": [89.1, 89.4, 89.2][:n]}} for n in (1, 3))
    table = verdict_table([row(), row(id="far", scale="cluster")], {"laptop": few, "workstation": many}, REFERENCES)
    assert list(table["scale"]) == ["workstation", ""]
    assert list(table["n"]) == ["3", ""]


def test_kinds_are_counted_apart_and_own_numbers_not_at_all():
    rows = [row(), row(id="o", kind="own", cell="none"), row(id="w", kind="count", cell="none")]
    table = verdict_table(rows, {"laptop": {("e", "c", "test/accuracy"): {"values": [89.1, 89.4, 89.2]}}}, REFERENCES)
    assert headline(table) == "1 measured: 1 reproduced; 1 counts: 1 not run"
    assert list(counts(table)["kind"]) == ["measured", "count", "own"]


def test_counts_are_printed_in_full():
    found = {("e", "c", "parameters"): {"values": [9699338], "runs": []}}
    count = row(quantity="parameters", value=9699338, kind="count", threshold=0, direction="none")
    only = verdict_table([count], {"laptop": found}, REFERENCES).iloc[0]
    assert (only["published"], only["ours"], only["verdict"]) == ("9699338", "9699338", "reproduced")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([132, 132, 132], "132"),
        ([1.0], "1"),
        ([99.25, 99.5, 99.75], "99.50 ± 0.62"),
        ([0.01, 0.02], "0.015 ± 0.064"),
        ([1e-7, 3e-7], "2.0e-07 ± 1.3e-06"),
    ],
)
def test_digits_are_those_that_the_interval_supports(values, expected):
    assert mean_and_half_width(values) == expected


def test_every_format_holds_every_row(tmp_path):
    frame = pd.DataFrame([{"quantity": "val_accuracy", "ours": "99 % & more | <b>", "verdict": "worse"}])
    write_table(frame, tmp_path / "t", "Our 95 % table")
    text = {suffix: (tmp_path / f"t{suffix}").read_text() for suffix in (".csv", ".md", ".tex", ".html")}
    assert pd.read_csv(tmp_path / "t.csv").to_dict("records") == frame.to_dict("records")
    assert "99 % & more \\| <b>" in text[".md"]
    assert r"99 \% \& more | <b>" in text[".tex"]
    assert "\\toprule" in text[".tex"]
    assert "99 % &amp; more | &lt;b&gt;" in text[".html"]
    assert len(list(tmp_path.iterdir())) == 4
