"""A claim gets the verdict that the interval of its statistic says, and one on what nobody measured is refused."""

from math import inf
from pathlib import Path

import pytest
import yaml
from scipy.stats import ttest_ind

from pdebridge.errors import UserError
from pdebridge.paper.claim_verdicts import Estimate, claim_table, estimate, judged, shown
from pdebridge.paper.claims import Claim, check_claims, read_claims
from pdebridge.paper.claims_page import docs_page, headline, report_page
from pdebridge.paper.evidence import Evidence, read_all, write
from pdebridge.paper.published import read_references

ROOT = Path(__file__).parents[2]
CLAIM = {
    "claim": "A is better than B.",
    "source": {"reference": "haber2017stable", "locator": "section 1"},
    "statistic": "difference",
    "of": ["e", "a", "test/accuracy"],
    "against": ["e", "b", "test/accuracy"],
    "holds": "above",
    "bound": 1,
    "null": 0,
}
REFERENCES = {"haber2017stable": {"survey": 8}}


def claim(**changes):
    return Claim.model_validate({name: value for name, value in (CLAIM | changes).items() if value is not None})


def measured(**cells):
    keys = {("e", name.replace("_", "-"), "test/accuracy"): values for name, values in cells.items()}
    return {
        key: {"experiment": "e", "cell": key[1], "quantity": key[2], "values": values, "runs": []}
        for key, values in keys.items()
    }


@pytest.mark.parametrize(
    ("low", "high", "holds", "null", "expected"),
    [
        (1.1, 2, "above", 0, "supported"),
        (0.2, 0.9, "above", 0, "not supported"),
        (-3, 0.5, "above", 0, "not supported"),
        (-3, -0.1, "above", 0, "opposite"),
        (-3, -0.1, "above", None, "not supported"),
        (0.5, 1.5, "above", 0, "undecided"),
        (-inf, inf, "above", 0, "undecided"),
        (-1, 0.9, "below", 2, "supported"),
        (1.1, 1.9, "below", 2, "not supported"),
        (2.1, 3, "below", 2, "opposite"),
        (0.5, 3, "below", 2, "undecided"),
    ],
)
def test_a_verdict_is_where_the_interval_lies(low, high, holds, null, expected):
    one = claim(holds=holds, null=null)
    assert judged(one, Estimate((low + high) / 2, low, high, 3)) == expected
    assert judged(one, None) == "not run"


def test_a_difference_has_welchs_interval():
    # scipy.stats.ttest_ind(a, b, equal_var=False).confidence_interval()
    a, b = [95.0, 97.0, 96.5, 94.0], [90.0, 93.0, 91.0]
    ours, theirs = (
        estimate(claim(), measured(a=a, b=b)),
        ttest_ind(a, b, equal_var=False).confidence_interval(),
    )
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))
    assert ours.n == 3


def test_a_difference_on_the_same_networks_is_taken_seed_by_seed():
    found = measured(a=[90.0, 95.0, 99.0])
    found["e", "a", "val/accuracy"] = {"values": [89.0, 94.0, 98.0]}
    ours = estimate(claim(against=["e", "a", "val/accuracy"]), found)
    assert (ours.value, ours.low, ours.high) == pytest.approx((1, 1, 1))


def test_one_seed_decides_nothing_and_a_computed_number_does():
    found = measured(a=[95.0], b=[90.0])
    assert judged(claim(), estimate(claim(), found)) == "undecided"
    assert judged(claim(computed=True), estimate(claim(computed=True), found)) == "supported"
    assert shown(estimate(claim(), found)) == "5 (no interval)"


def test_a_ratio_is_judged_by_its_logarithm():
    one = claim(statistic="ratio", bound=2, null=1)
    ours = estimate(one, measured(a=[30.0, 31.0, 29.0], b=[10.0, 10.0, 10.0]))
    assert ours.value == pytest.approx(3)
    assert ours.low * ours.high == pytest.approx(9)
    assert judged(one, ours) == "supported"


def test_a_slope_is_the_exponent_of_a_power():
    points = {n: ["e", f"N{n}", "test/accuracy"] for n in (10, 100, 1000)}
    one = claim(statistic="slope", of=points, against=None, bound=1.5, null=None)
    ours = estimate(one, measured(**{f"N{n}": [n**2.0] for n in points}))
    assert (ours.value, ours.low, ours.high) == pytest.approx((2, 2, 2))
    assert judged(one, ours) == "supported"
    assert estimate(one, measured(N10=[1.0], N100=[2.0])) is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"statistic": "mean"}, "statistic"),
        ({"against": None}, "against"),
        ({"statistic": "slope", "against": None}, "of"),
        ({"null": 2}, "null"),
        ({"figure": "robustness"}, "figure"),
        ({"of": ["e", "a"]}, "of"),
        ({"bond": 3}, "bond"),
    ],
)
def test_a_claim_that_says_too_much_or_too_little_is_refused(tmp_path, changes, expected):
    content = {name: value for name, value in (CLAIM | changes).items() if value is not None}
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump({"mine": content}), encoding="utf-8")
    with pytest.raises(UserError, match=rf"claims\.yaml: mine: .*{expected}") as refused:
        read_claims(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"of": ["f", "a", "test/accuracy"]}, "experiment: no 'f'"),
        ({"of": ["e", "aa", "test/accuracy"]}, "cell of e: no 'aa'; did you mean 'a'"),
        ({"of": ["e", "a", "test/acuracy"]}, "quantity of e/a: no 'test/acuracy'; did you mean 'test/accuracy'"),
        ({"figure": "e/robusness"}, "figure of e: no 'robusness'; did you mean 'robustness'"),
        ({"source": {"reference": "haber", "locator": "1"}}, "source.reference: no 'haber'"),
        ({"note": "{e/a: test/los}"}, "quantity of e/a: no 'test/los'"),
    ],
)
def test_a_claim_on_what_is_not_there_is_one_line(tmp_path, changes, expected):
    write(Evidence(measured(a=[1.0], b=[2.0])), tmp_path / "laptop")
    with pytest.raises(UserError, match=f"claims.yaml: mine: {expected}"):
        check_claims({"mine": claim(**changes)}, {"e": ["robustness"]}, REFERENCES, tmp_path)
    check_claims({"mine": claim()}, {"e": ["robustness"]}, REFERENCES, tmp_path)


def test_the_pages_name_what_was_found_and_link_only_what_there_is():
    found = measured(a=[80.0, 81.0, 82.0], b=[90.0, 91.0, 92.0])
    one = claim(figure="e/robustness", note="It was {e/a: test/accuracy} %, not {e/c: test/accuracy}.")
    table = claim_table({"mine": one, "far": claim(scale="cluster")}, {"laptop": found}, REFERENCES)
    assert list(table["verdict"]) == ["opposite", "not run"]
    assert table["note"][0] == "It was 81 %, not (not run)."
    assert headline(table) == "2 claims: 1 opposite, 1 not run"
    page = report_page(table, "Claims", ["e"])
    assert 'href="figures/e/robustness.png"' in page.replace("\\", "") and "tables/e.html" in page
    assert "figures/e" not in report_page(table, "Claims", [])
    text = docs_page(table)
    assert "**opposite**: -10" in text and '<a id="far">' in text


def test_the_claims_of_the_project_are_judged_and_most_are_run():
    claims = read_claims(ROOT / "config/claims.yaml")
    assert len(claims) >= 15
    evidence = {scale: one.measurements for scale, one in read_all(ROOT / "results/reference").items()}
    table = claim_table(claims, evidence, read_references(ROOT / "config/references.yaml"))
    assert (table["verdict"] != "not run").mean() > 0.9
    assert not table["note"].str.contains("(not run)", regex=False)[table["verdict"] != "not run"].any()
