"""The limit lies near the finer grids' and is the one that other places quote."""

import pytest

from pdebridge.meshes.transport import EIGHT_GAUSSIANS
from pdebridge.paper.published import read_published
from pdebridge.studies.transport_optimum import transport_optimum


def test_coarse_grids_lead_to_the_quoted_cost():
    found = {
        (m.cell, m.quantity): m.values[0] for m in transport_optimum([], cells=(24, 32, 40), sweeps=150).measurements
    }
    assert found["limit", "cost/total"] == pytest.approx(EIGHT_GAUSSIANS, abs=0.01)
    assert found["limit", "cost/total"] < found["n40", "bound"] < found["n40", "cost/total"]
    assert found["limit", "cost/low"] < found["limit", "cost/total"] < found["limit", "cost/high"]


def test_the_rows_quote_it():
    rows = [n for n in read_published() if n.id.startswith("ruthotto-et-al-2020/transport/optimum/total/")]
    assert len(rows) == 4
    assert all(row.value == EIGHT_GAUSSIANS for row in rows)
