"""Growth and spectra where they are known, and the study on trained networks."""

import numpy as np
import pytest
import torch

from families import Rotation, control, dynamics, integrators
from pdebridge.catalogue import INTEGRATORS
from pdebridge.cube import load
from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.gradients.stored import stored
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.integrators.runge_kutta import RK4
from pdebridge.networks.flow import Flow
from pdebridge.paper import spectrum
from pdebridge.paper.stability import draw
from pdebridge.studies.stability import growth, jacobians, region, stability

H = 0.1
REVERSIBLE = ["verlet", "augmented-verlet", "leapfrog", "leapfrog-pair", "midpoint"]


def rotation(step):
    F = Rotation(step.structure)
    return Flow(F, PiecewiseConstant(F, 3), step, stored, 3, 3 * H)


@pytest.mark.parametrize("name", [*REVERSIBLE, "rk4", "forward-euler"])
def test_a_rotation_has_the_eigenvalues_plus_and_minus_i(name):
    for J in jacobians(rotation(load(INTEGRATORS[name])()), torch.randn(4, 2, dtype=torch.float64)):
        torch.testing.assert_close(J @ J, -torch.eye(J.shape[1], dtype=J.dtype).expand_as(J))


def test_growth_of_a_linear_flow_is_the_norm_of_its_matrix():
    assert growth(rotation(ForwardEuler()), torch.ones(2, 2).double()).tolist() == pytest.approx(
        [(1 + H**2) ** (k / 2) for k in range(4)]
    )


@pytest.mark.parametrize("name", ["antisymmetric, full", "hamiltonian", "second-order", "hamiltonian-pair"])
def test_the_stable_families_have_no_growing_eigenvalue(name):
    F = dynamics(name, 2)
    for step in integrators(F):
        flow = Flow(F, control(F, 2), step, stored, 2, 2 * H)
        for J in jacobians(flow, torch.randn(3, 4, dtype=torch.float64)):
            eigenvalues = torch.linalg.eigvals(J.detach())
            assert eigenvalues.real.abs().max() < 1e-7 < eigenvalues.imag.abs().max()


def test_the_region_is_that_of_the_stability_polynomial():
    x, y = torch.linspace(-4, 1, 121), torch.linspace(-3.5, 3.5, 121)
    z = x[None, :] + 1j * y[:, None]
    torch.testing.assert_close(region(ForwardEuler()), (1 + z).abs())
    torch.testing.assert_close(region(RK4()), (1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24).abs())


@pytest.mark.parametrize(
    ("what", "bounded"), [("ellipses/parabolic-euler", True), ("ellipses/resnet", False), ("digits/hamiltonian", False)]
)
def test_the_study_of_a_trained_network(trained, tmp_path, what, bounded):
    result = stability([trained(what)])
    found = {m.quantity: m.values for m in result.measurements}
    assert ("spectral/margin" in found) == bounded
    assert found["growth"][0] <= found.get("contractive/growth", [np.inf])[0]
    assert found["growth"][0] >= 1
    if "parabolic" in what:
        assert found["spectrum/real"][0] <= 1e-9
        assert found["spectrum/imaginary"][0] <= 1e-9
    cell = what.split("/")[1]
    assert np.isclose(result.arrays[f"{cell}/growth/0"][:, 0], 1)
    draw(result.arrays, tmp_path / "stability")
    spectrum.draw(result.arrays, tmp_path / "spectrum")
    assert (tmp_path / "spectrum.png").stat().st_size > 5_000


def test_networks_of_different_numbers_of_stages_share_a_figure(tmp_path):
    curve = np.array([[1.0, 2.0, 3.0]])
    arrays = {"deep/growth/0": curve, "deep/growth/1": curve, "flat/growth/0": curve}
    arrays |= {"flat/spectral/margin": np.array([2.0]), "flat/contractive/growth": np.array([3.0])}
    draw(arrays, tmp_path / "f")
    assert (tmp_path / "f.png").stat().st_size > 10_000
