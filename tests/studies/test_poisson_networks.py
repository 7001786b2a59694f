"""What is minimised is what the source prints; a short training learns; the seeds are the source's."""

import pytest
import torch

from pdebridge.meshes.collocation import TanhNetwork
from pdebridge.meshes.poisson import cosines
from pdebridge.studies import poisson_networks as study
from pdebridge.studies.poisson_networks import Posed, faces, poisson_networks


def test_points_of_the_boundary_choose_their_face():
    x = faces(3000, 3, torch.Generator().manual_seed(0))
    on = (x == 0) | (x == 1)
    assert bool((on.sum(1) == 1).all())
    assert torch.allclose(on.double().mean(0), torch.full((3,), 1 / 3).double(), atol=0.05)


@pytest.mark.parametrize(("method", "weight"), [("ritz", 40.0), ("pinn", 10.0)])
def test_the_energy_integrates_over_the_whole_boundary(method, weight):
    assert Posed(cosines(2), 2, method, 10.0).weight == weight


@pytest.mark.parametrize("method", ["ritz", "pinn"])
def test_the_solution_is_where_the_objective_is_least(method):
    """The interior's objective at the solution itself: 0 for the residual, -|grad u|^2/2 on average for the energy."""
    network, posed = Exact(), Posed(cosines(1), 1, method, 1e3)
    value = float(posed.objective(network, torch.Generator().manual_seed(0)))
    expected = {"pinn": 0.0, "ritz": -(torch.pi**2) / 4}[method]
    assert value == pytest.approx(expected, abs=0.1)


class Exact(TanhNetwork):
    """``cos(pi x)``."""

    def __init__(self):
        super().__init__(1)

    def forward(self, x):
        return torch.cos(torch.pi * x[:, 0])

    def value_and_gradient(self, x):
        return self(x), -torch.pi * torch.sin(torch.pi * x)

    def laplacian(self, x):
        return -(torch.pi**2) * self(x)


def test_quantities_and_repeatability(monkeypatch):
    monkeypatch.setattr(study, "POINTS", 64)
    monkeypatch.setattr(study, "TESTING", (5000, 200))
    monkeypatch.setattr(study, "ROUNDS", 2)
    monkeypatch.setattr(study, "REPEATS", 1)
    options = {"problems": ["harmonic"], "dimensions": [3], "steps": 150, "seeds": (0, 1), "costs": (2, 3)}
    found, again = (
        {(m.cell, m.quantity): m.values for m in poisson_networks([], **options).measurements} for _ in "ab"
    )
    for method in ("pinn", "ritz"):
        errors = found[f"harmonic-d3-{method}", "error/relative-l2"]
        assert errors == again[f"harmonic-d3-{method}", "error/relative-l2"]
        assert len(set(errors)) == 2
        assert max(errors) < 80
        assert found[f"harmonic-d3-{method}", "error/affine"] == pytest.approx([25.1], abs=0.5)
        assert len(found[f"cost-{method}", "time/slope"]) == 2
    assert min(found["cost-pinn-nested-d3", "time/iteration"]) > 0
