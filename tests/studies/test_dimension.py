"""Predictions are on the high side, budgets hold, the interpolant errs by its formula, costs cross where they do."""

import numpy as np
import pytest

from pdebridge.meshes.poisson import sines, solve, square
from pdebridge.paper.dimension import draw
from pdebridge.studies import dimension as study
from pdebridge.studies.dimension import AXIS, Mesh, between, crossing, dimension, extrapolated, predicted, sweep


@pytest.fixture
def coarse(monkeypatch):
    monkeypatch.setattr(study, "DIMENSIONS", (1, 2, 3, 4))
    monkeypatch.setattr(study, "CELLS", (4, 8, 16))


@pytest.mark.parametrize(
    ("method", "d", "n"), [("direct", 2, 60), ("direct", 4, 6), ("multigrid", 1, 50), ("multigrid", 5, 5)]
)
def test_bytes_are_predicted_on_the_high_side(method, d, n):
    coarser, finer = (Mesh(method, d, k, solve(sines(d), d, k, method), 0.0) for k in (n // 2 + 1, n))
    for last in (None, coarser):
        assert finer.solved.bytes <= predicted(method, d, n, last)[0] < 100 * finer.solved.bytes


@pytest.mark.parametrize("method", ["direct", "multigrid"])
def test_no_mesh_is_beyond_the_budget(coarse, monkeypatch, method):
    monkeypatch.setattr(study, "CELLS", (4, 8))
    everything, affordable = sweep(method, (1e9, 1e9)), sweep(method, (1e5, 1e9))
    assert len(everything) == 8
    assert 0 < len(affordable) < 8
    assert all(mesh.solved.bytes <= 1e5 for mesh in affordable)


@pytest.mark.parametrize(("d", "n"), [(1, 9), (2, 7), (5, 3)])
def test_the_error_between_the_points_is_the_formulas(d, n):
    found = study.function_error(square(d), solve(square(d), d, n), d, n)
    assert found == pytest.approx(between(d, n), rel=0.05)


def test_the_price_of_an_unknown_is_a_line_in_the_dimension():
    class Priced(Mesh):
        def cost(self, quantity):
            return 5000 * (3 + 7 * (2 * self.d + 1))

    solved = solve(square(1), 1, 3)._replace(values=np.zeros(5000))
    curves = extrapolated(np.full(len(AXIS), 3.0), [Priced("multigrid", d, 3, solved, 0.0) for d in (2, 3, 5)])
    assert np.allclose(curves["bytes"], 2**AXIS * (3 + 7 * (2 * AXIS + 1)))


def test_costs_cross_where_the_mesh_becomes_dearer():
    assert crossing(AXIS, np.full(len(AXIS), 10.0)) == pytest.approx(10, rel=0.05)
    assert crossing(AXIS, 0 * AXIS) == 2
    assert np.isnan(crossing(0 * AXIS, AXIS))


def test_the_study_and_its_figure(coarse, tmp_path):
    networks = [{**spec, "steps": 5} for spec in study.NETWORKS]
    result = dimension([], networks=[*networks, {**networks[1], "problem": "harmonic"}])
    found = {(m.cell, m.quantity): m.values[0] for m in result.measurements}
    assert found["multigrid-d2-n16", "error/relative-l2"] == pytest.approx(0.322, rel=0.01)
    assert found["ritz-harmonic-d10", "unknowns"] == 671
    assert found["ritz-harmonic-d10", "error/constant"] == pytest.approx(36.7, abs=1)
    assert found["square-multigrid-d3", "error/relative-l2"] <= 1.2 * found["ritz-square-d2", "error/relative-l2"]
    draw(result.arrays, tmp_path / "dimension")
    assert (tmp_path / "dimension.png").stat().st_size > 20_000
