"""The store gives back what was put in, and every page is written from it."""

from pathlib import Path

import pytest

from pdebridge.errors import UserError
from pdebridge.files import write_json
from pdebridge.paper import gather, pages
from pdebridge.paper.evidence import Evidence, interval_of, parse, read, texts, write
from pdebridge.paper.faults import FAULTS, victims
from pdebridge.paper.reference import update
from pdebridge.paper.verdict import interval

ROOT = Path(__file__).parents[2]


def one(values, cell="T5", quantity="test/accuracy", **more):
    key = ("e", cell, quantity)
    return Evidence({key: {"experiment": "e", "cell": cell, "quantity": quantity, "values": values, "runs": []} | more})


def test_a_round_trip_keeps_every_digit_provenance_times_and_repeats(tmp_path):
    found = one([0.1 + 0.2, 1e-300, 3, float("inf")])
    found.update(one([1.5, 2.25], "T20", "seconds"))
    found.provenance = {("e", "T5"): {"commit": "abc"}, ("e", "T20"): {"commit": "def", "seeds": [0, 1]}}
    found.repeats = {("e", "T5", "test/accuracy"): {0: [1.0, 2.0], 2: [3.0]}}
    write(found, tmp_path)
    assert read(tmp_path) == found
    assert (
        tmp_path / "e.csv"
    ).read_text() == "cell,quantity,values\nT5,test/accuracy,0.30000000000000004 1e-300 3 inf\n"


def test_a_number_that_is_left_as_it_was_printed_keeps_its_interval():
    printed = interval([10.1, 10.2, 10.4])
    back = parse({f"e{suffix}": text for suffix, text in texts(one([], summary=printed)).items()})
    again = interval_of(back.measurements["e", "T5", "test/accuracy"])
    assert (again.n, again.mean) == (3, printed.mean)
    assert (again.spread, again.low) == pytest.approx((printed.spread, printed.low), rel=1e-5)


def test_a_cell_that_is_measured_anew_loses_its_old_numbers_and_others_do_not():
    old = one([1.0])
    old.update(one([2.0], "T20"))
    old.repeats = {("e", "T5", "test/accuracy"): {0: [1.0]}}
    old.update(one([3.0], quantity="val/loss"))
    assert set(old.measurements) == {("e", "T20", "test/accuracy"), ("e", "T5", "val/loss")}
    assert old.repeats == {}


def run_directory(folder, seed, accuracy):
    cell = {
        "scale": "cluster",
        "experiment": "jmiv",
        "cell": "hamiltonian-cifar10",
        "training": {"precision": "bf16-mixed"},
    }
    facts = {"commit": "1c630b1", "dirty": False, "versions": {}, "hardware": {}, "seed": seed, "cell": cell}
    write_json(folder / f"seed-{seed}" / "run.json", facts)
    write_json(folder / f"seed-{seed}" / "summary.json", {"test/accuracy": accuracy, "epochs": 100, "seconds": 9e3})
    (folder / f"seed-{seed}" / "history.csv").write_text("epoch,seconds,val/loss\n0,9000,0.5\n")


def test_runs_of_another_checkout_are_taken_in_with_their_own_commit(tmp_path):
    for seed, accuracy in ((0, 89.1), (1, 89.4)):
        run_directory(tmp_path / "long" / "x", seed, accuracy)
    update(tmp_path / "results", "laptop", [], tmp_path / "long")
    target = tmp_path / "results" / "reference" / "cluster"
    found = read(target)
    assert found.measurements["jmiv", "hamiltonian-cifar10", "test/accuracy"]["values"] == [89.1, 89.4]
    facts = found.provenance["jmiv", "hamiltonian-cifar10"]
    assert (facts["commit"], facts["seeds"], facts["setting"]) == ("1c630b1", [0, 1], {"precision": "bf16-mixed"})
    assert (target / "jmiv-hamiltonian-cifar10-history.csv").read_text().splitlines()[1:] == [
        "0,9000,0.5,0",
        "0,9000,0.5,1",
    ]
    assert set(gather.evidence_of(str(target), "cluster", target.parent).experiments()) == {"jmiv"}


def test_what_is_no_run_and_no_commit_is_refused_by_name(tmp_path):
    with pytest.raises(UserError, match="no finished run directory"):
        gather.of_folder(tmp_path)
    with pytest.raises(UserError, match="neither a folder, nor a file, nor a commit"):
        gather.evidence_of("no-such-commit", "laptop", Path("results/reference"))


def test_every_page_is_written_from_the_store():
    stale = [str(name) for name, text in pages.documents(ROOT).items() if (ROOT / name).read_text() != text]
    assert stale == [], "pdebridge regress --pages writes them"
    there = {path.relative_to(ROOT) for path in (ROOT / "results/reference").rglob("*.md")}
    assert there <= set(pages.documents(ROOT)), "prose belongs into docs/evidence"


def test_the_faults_of_the_self_test_meet_measurements_of_the_reference():
    reference = read(ROOT / "results/reference/laptop")
    assert len([fault for fault in FAULTS if victims(fault, reference)]) >= 20


@pytest.mark.parametrize("scale", ["test", "laptop"])
def test_no_certified_bound_in_the_store_is_above_an_exact_value(scale):
    """Bounds that say what they prove; those stored before they did are not judged."""
    found = read(ROOT / "results" / "reference" / scale).measurements
    said = [key for key in found if key[2] == "certificate/proof" and (*key[:2], "exact/total") in found]
    for experiment, cell, _ in said:
        bound, exact = (found[experiment, cell, name]["values"] for name in ("certificate/bound", "exact/total"))
        assert max(bound) <= exact[0] * (1 + 1e-6), (experiment, cell)
    assert said or scale == "laptop"


def test_networks_of_the_store_beat_the_best_affine_function():
    found = read(ROOT / "results" / "reference" / "laptop").measurements
    affine = {key[1]: m["values"][0] for key, m in found.items() if key[2] == "error/affine"}
    assert affine
    assert all(found["dimension", cell, "error/relative-l2"]["values"][0] < error for cell, error in affine.items())
