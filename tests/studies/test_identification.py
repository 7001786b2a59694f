"""Coefficients that were trained are closer than those of differences, and four studies make a figure."""

import pytest

from pdebridge.paper.identification import draw
from pdebridge.studies import attractor, largest_step
from pdebridge.studies.bifurcations import bifurcations
from pdebridge.studies.identification import identification


def quantities(result, cell):
    return {m.quantity: m.values[0] for m in result.measurements if m.cell == cell}


def test_a_trained_stencil_is_closer_than_differences(trained):
    result = identification([trained("identification/linear"), trained("identification/noise-1")])
    linear, noisy = (quantities(result, cell) for cell in ("linear", "noise-1"))
    assert linear["baseline/ratio"] > 2 and noisy["baseline/ratio"] > 100
    for term in ("u-u-x", "u-xx", "u-xxxx"):
        assert linear[f"baseline/{term}"] == pytest.approx(-1, abs=0.005)
    assert result.arrays["error/learned"].max() < 0.1 < result.arrays["error/baseline"].min()


def test_the_figure_is_drawn_from_all_four(trained, monkeypatch, tmp_path):
    monkeypatch.setattr(largest_step, "trained", lambda name, h: (0.01, h < 0.3))
    runs = [trained(f"identification/{cell}") for cell in ("linear", "parameter")]
    studies = attractor.attractor(runs, 20.0), identification(runs), bifurcations(runs), largest_step.largest_step([])
    draw({name: array for study in studies for name, array in study.arrays.items()}, tmp_path / "identification")
    assert (tmp_path / "identification.png").stat().st_size > 50_000
