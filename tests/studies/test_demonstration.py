"""What the demonstrations must show, with fewer steps and a coarser grid."""

import math

import pytest
import torch

from pdebridge.dynamics.field import Field
from pdebridge.dynamics.imex import ReactionDiffusion
from pdebridge.paper.demonstration import draw
from pdebridge.studies import demonstration as study
from pdebridge.studies.first_order import derivative


@pytest.fixture(scope="module")
def shown():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "ENERGY_STEPS", 1000)
        patch.setattr(study, "GRID", 19)  # every fifth point of an axis that meets 1
        return study.demonstration([])


def number(shown, cell, quantity):
    (value,) = (m.values[0] for m in shown.measurements if (m.cell, m.quantity) == (cell, quantity))
    return value


def test_the_phase_plane_expands_contracts_and_rotates(shown):
    assert number(shown, "phase-plane-K+", "growth") > 3
    assert number(shown, "phase-plane-K-", "growth") < 0.4
    # forward Euler on a rotation grows by sqrt(1 + h^2) a step
    assert number(shown, "phase-plane-K0", "growth") == pytest.approx(1.01**5, abs=0.01)


@pytest.mark.parametrize(("name", "eigenvalue"), [("K+", 2), ("K-", -2), ("K0", 1j)])
def test_the_layers_have_the_published_eigenvalues(shown, name, eigenvalue):
    found = {q: number(shown, f"phase-plane-{name}", q) for q in ("eigenvalue/real", "eigenvalue/imaginary")}
    assert found["eigenvalue/real"] == pytest.approx(complex(eigenvalue).real, abs=1e-6)
    assert found["eigenvalue/imaginary"] == pytest.approx(complex(eigenvalue).imag, abs=1e-6)
    assert number(shown, f"phase-plane-{name}", "growth/step") == pytest.approx(abs(1 + 0.1 * eigenvalue), abs=1e-6)


def test_the_features_are_rows(shown):
    paths = torch.tensor(shown.arrays["phase/K+/paths"])
    y, K = paths[0, 2], torch.tensor(study.PHASE_PLANE["K+"], dtype=torch.float64)
    torch.testing.assert_close(paths[1, 2], y + 0.1 * torch.tanh(y @ K))


@pytest.mark.parametrize("equation", ["hamiltonian-verlet", "second-order-leapfrog"])
def test_symplectic_steps_keep_the_energy_and_euler_does_not(shown, equation):
    kept = number(shown, f"energy-{equation}", "energy/error")
    lost = number(shown, f"energy-{equation.rpartition('-')[0]}-euler", "energy/error")
    assert kept < 10
    assert lost > 20 * kept


@pytest.mark.parametrize("name", ["hamiltonian", "second-order"])
def test_the_energy_error_is_of_the_order_of_the_step(monkeypatch, name):
    symplectic = {"hamiltonian": "verlet", "second-order": "leapfrog"}[name]
    errors = []
    for h in (0.02, 0.01):
        monkeypatch.setattr(study, "ENERGY_H", h)
        monkeypatch.setattr(study, "ENERGY_STEPS", round(4 / h))
        torch.manual_seed(0)
        errors.append(float(study.energy()[1][f"energy/{name}/{symplectic}"].max()))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(1, abs=0.15)


def test_the_tv_flow_denoises(shown):
    variation = shown.arrays["tv/variation"]
    assert (variation[1:] < variation[:-1]).all()
    assert number(shown, "tv-flow-after", "psnr") > number(shown, "tv-flow-before", "psnr") + 8


def test_few_steps_mislead_and_many_do_not(shown):
    assert number(shown, "landscape-N5", "minimiser") > 0.5
    assert number(shown, "landscape-N100", "minimiser") < 0.15
    assert number(shown, "landscape-N5", "gap") > 1000 * number(shown, "landscape-N100", "gap")


def test_the_rows_of_the_m_matrix_sum_to_zero():
    K = study.m_matrix(torch.tensor([0.3, 0.7]))
    torch.testing.assert_close(K.sum(1), torch.zeros(3))
    torch.testing.assert_close(K, torch.tensor([[-1.0, 0.3, 0.7], [0.7, -1.0, 0.3], [0.3, 0.7, -1.0]]))


def test_the_derivative_has_the_implicit_part():
    torch.manual_seed(0)
    F = ReactionDiffusion(3).double()
    theta = [w.double().unsqueeze(0) for w in F.initial().values()]
    field = Field(F, theta, (0.0,), 0, 0.3)
    u = torch.randn(2, 3, 6, 6, dtype=torch.float64)
    (solve,) = field.functions(u, lambda z: 1 / (1 - z))
    torch.testing.assert_close(solve(u - 0.3 * (derivative(field, (u,))[0] - field(u))), u)


def test_the_figure_is_drawn(shown, tmp_path):
    draw(shown.arrays, tmp_path / "demonstration")
    assert (tmp_path / "demonstration.png").stat().st_size > 50_000
