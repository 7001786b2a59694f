import csv
import itertools
import math
import re
from collections import Counter
from math import comb
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COLUMNS = [
    "id",
    "reference",
    "locator",
    "experiment",
    "cell",
    "quantity",
    "value",
    "unit",
    "kind",
    "direction",
    "threshold",
    "runs",
    "spread",
    "epochs",
    "status",
    "scale",
    "note",
]
with (ROOT / "config/published.csv").open(encoding="utf-8", newline="") as file:
    READER = csv.DictReader(file)
    ROWS = list(READER)
    HEADER = READER.fieldnames
REFERENCES = yaml.safe_load((ROOT / "config/references.yaml").read_text(encoding="utf-8"))
BY_ID = {row["id"]: row for row in ROWS}

# confirmed, secondary, unconfirmed, derived rows of each reference: a change of status is deliberate
COUNTS = {
    "chang2018reversible": (0, 3, 36, 12),
    "chen2018neural": (0, 19, 0, 0),
    "covid19l3net": (2, 0, 0, 0),
    "deepritz-peking": (14, 0, 0, 0),
    "dynamicblocks": (7, 0, 0, 0),
    "e2018deepritz": (1, 0, 20, 5),
    "falgout2014parallel": (0, 0, 0, 4),
    "gholami2019anode": (0, 5, 0, 6),
    "gomez2017revnet": (1, 0, 0, 0),
    "gonzalez1998identification": (0, 0, 0, 9),
    "griewank2000revolve": (0, 0, 0, 13),
    "gunther2020layer": (7, 0, 10, 0),
    "haber2017stable": (0, 0, 0, 9),
    "han2018solving": (0, 0, 3, 0),
    "he2016resnet": (1, 0, 0, 0),
    "jiang2026layer": (0, 6, 0, 0),
    "kidger2021hey": (2, 0, 0, 0),
    "kirby2020layer": (0, 1, 0, 0),
    "ktcarr-neural-ode": (8, 0, 0, 0),
    "leemput2019memcnn": (48, 0, 0, 0),
    "lensink2020segmentation": (0, 2, 0, 0),
    "li2018discrete": (33, 0, 0, 0),
    "ma2020annotation": (14, 0, 0, 0),
    "moon2022parallel": (0, 1, 0, 0),
    "neuralode-pytorch": (4, 0, 0, 0),
    "onken2020discretize": (0, 5, 0, 0),
    "onken2021otflow": (0, 5, 0, 8),
    "prach2024lipschitz": (4, 0, 0, 0),
    "pytorch-revnet": (3, 0, 0, 0),
    "ruthotto2020mfg": (0, 0, 28, 43),
    "ruthotto2020pde": (27, 0, 0, 2),
    "saparina-neural-ode": (17, 0, 0, 0),
    "sirignano2018dgm": (0, 1, 0, 0),
    "torchdiffeq": (0, 2, 0, 7),
    "zhang2019anodev2": (27, 0, 0, 0),
    "zhouyi-highdim": (46, 0, 0, 0),
    "zhuang2020aca": (0, 2, 0, 0),
}


def test_columns_are_the_documented_ones():
    assert HEADER == COLUMNS
    assert all(None not in row and None not in row.values() for row in ROWS)


def test_ids_are_unique_slugs():
    assert len(BY_ID) == len(ROWS)
    assert [i for i in BY_ID if not re.fullmatch(r"[a-z0-9-]+(/[a-z0-9-]+)+", i)] == []


def test_rows_of_a_reference_and_no_others_begin_alike():
    pairs = {(row["id"].split("/")[0], row["reference"]) for row in ROWS}
    assert len(pairs) == len({prefix for prefix, _ in pairs}) == len({key for _, key in pairs})


@pytest.mark.parametrize(
    ("column", "vocabulary"),
    [
        ("status", {"confirmed", "secondary", "unconfirmed", "derived"}),
        ("kind", {"measured", "count", "closed-form", "claim", "own"}),
        ("direction", {"higher", "lower", "none"}),
        ("scale", {"laptop", "workstation", "cluster"}),
        ("unit", {"%", "1", "s", "min", "MB", "N"}),
    ],
)
def test_vocabulary(column, vocabulary):
    assert {row[column] for row in ROWS} == vocabulary


def test_values_and_thresholds_are_finite_and_thresholds_not_negative():
    for row in ROWS:
        assert math.isfinite(float(row["value"])), row["id"]
        assert 0 <= float(row["threshold"]) < math.inf, row["id"]


def test_only_exact_or_counted_numbers_have_no_threshold():
    assert [r["id"] for r in ROWS if float(r["threshold"]) == 0 and r["kind"] not in ("count", "claim")] == []


def test_every_row_names_its_source_and_quantity():
    for row in ROWS:
        assert row["reference"] in REFERENCES, row["id"]
        assert row["locator"], row["id"]
        assert re.fullmatch(r"[a-z0-9-]+(/[A-Za-z0-9-]+)*", row["quantity"]), row["id"]


def test_unconfirmed_rows_say_what_is_missing():
    unconfirmed = [row for row in ROWS if row["status"] == "unconfirmed"]
    assert all("not checked against" in row["note"] for row in unconfirmed)
    assert all("not checked against" not in row["note"] for row in ROWS if row["status"] != "unconfirmed")


def test_a_cell_belongs_to_an_experiment():
    assert [row["id"] for row in ROWS if bool(row["cell"]) != bool(row["experiment"])] == []
    for row in ROWS:
        if row["experiment"] == "weights":
            assert row["quantity"] == "parameters" and row["kind"] == "count", row["id"]


def test_references_are_cited_or_in_the_survey():
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (ROOT / "config/experiments").glob("*.yaml")]
    sources = [part["source"] for file in files for part in (file, *file.get("cells", {}).values()) if "source" in part]
    used = {row["reference"] for row in ROWS} | {source["reference"] for source in sources}
    assert [key for key, entry in REFERENCES.items() if entry["survey"] is None and key not in used] == []
    assert sorted(entry["survey"] for entry in REFERENCES.values() if entry["survey"]) == list(range(1, 14))
    assert all(set(entry) == {"citation", "survey"} and entry["citation"] for entry in REFERENCES.values())


def test_counts_of_each_reference_by_status():
    found = Counter((row["reference"], row["status"]) for row in ROWS)
    order = ("confirmed", "secondary", "unconfirmed", "derived")
    table = {key: tuple(found[key, status] for status in order) for key in sorted({row["reference"] for row in ROWS})}
    assert table == COUNTS


def value(row_id):
    return float(BY_ID[row_id]["value"])


def jmiv_weights(widths, classes, steps, hamiltonian):
    """Weights of opening, PDE blocks, connectors and classifier of Ruthotto and Haber (2020), 3 input channels."""
    total = 3 * 9 * widths[0] + 2 * widths[0] + classes * (widths[-1] + 1)
    for c, c_next in itertools.pairwise(widths):
        total += steps * (2 * (9 * (c // 2) ** 2 + c) if hamiltonian else 9 * c**2 + 2 * c) + c * c_next + 2 * c_next
    return total


@pytest.mark.parametrize(
    ("data", "widths", "classes"),
    [
        ("stl10", (16, 32, 64, 128, 128), 10),
        ("cifar10", (32, 64, 112, 112), 10),
        ("cifar100", (32, 64, 128, 256), 100),
    ],
)
def test_counts_of_the_pde_networks_follow_from_their_layout(data, widths, classes):
    for net in ("parabolic", "hamiltonian", "second-order"):
        expected = jmiv_weights(widths, classes, 3, net == "hamiltonian")
        assert value(f"ruthotto-haber-2020/table1/{data}/{net}/weights") == expected


@pytest.mark.parametrize("net", ["parabolic", "hamiltonian"])
def test_counts_of_the_typeset_networks_follow_with_five_steps(net):
    expected = jmiv_weights((16, 32, 64, 128, 128), 10, 5, net == "hamiltonian")
    assert value(f"ruthotto-haber-2020/typeset/stl10/{net}/weights") == expected


def test_counts_of_the_potentials_follow_from_their_formulas():
    for d in (2, 10, 50, 100):
        n = d + 1
        stored = 16 * n + 16 + 2 * (16 * 16 + 16) + 16 + n * n + n + 1
        assert value(f"ruthotto-et-al-2020/code/potential/{d}/weights") == stored
        assert value(f"ruthotto-et-al-2020/code/potential/{d}/used-weights") == stored - (16 * 16 + 16)
        for m in (32, 64):
            flow = m * n + m + m * m + m + m + min(10, n) * n + n + 1
            assert value(f"onken-et-al-2021/potential/d{d}-m{m}/weights") == flow


def test_counts_of_the_deep_ritz_networks():
    for d, row_id in ((10, "e-yu-2018/harmonic/10/weights"), (100, "e-yu-2018/poisson/100/weights")):
        assert value(row_id) == 6 * (d * d + d) + d + 1


def test_binomial_schedules():
    rows = [row for row in ROWS if row["reference"] == "griewank2000revolve"]
    assert len(rows) == 13
    for row in rows:
        n, c = map(int, re.search(r"n(\d+)-c(\d+)", row["id"]).groups())
        r = next(r for r in range(n + 1) if comb(c + r, c) >= n)
        assert float(row["value"]) == r * n - comb(c + r, c + 1), row["id"]


def test_gaussian_transport():
    m0, s0, m1, s1, a, w = 1, 1, -1, 0.5, 2, 5
    A = a + w / s1**2
    m, s = (a * m0 + w * m1 / s1**2) / A, (a * s0 + math.sqrt(a * a * s0 * s0 + 4 * w * A)) / (2 * A)
    expected = {
        "mean": m,
        "deviation": s,
        "transport": a / 2 * ((m - m0) ** 2 + (s - s0) ** 2),
        "terminal": w * (((m - m1) ** 2 + s * s) / (2 * s1 * s1) - 0.5 - math.log(s / s1)),
    }
    for name, number in expected.items():
        row = BY_ID[f"ruthotto-et-al-2020/gaussian/{name}"]
        assert abs(number - float(row["value"])) <= float(row["threshold"])
