"""The declared limits of stability of every integrator of the catalogue are those of its steps."""

import math

import pytest
import torch
from torch import Tensor

from families import identifier
from pdebridge.catalogue import INTEGRATORS
from pdebridge.cube import load
from pdebridge.dynamics.base import Dynamics, Instant, Theta
from pdebridge.dynamics.field import Field
from pdebridge.integrators.base import Integrator

STEPS = [step for step in (load(reference)() for reference in INTEGRATORS.values()) if not step.adaptive]
AXES = {"real": -1.0 + 0j, "imaginary": 1j}


class Linear(Dynamics):
    """``u' = lambda u`` as two real features; ``y'' = -|lambda|^2 y`` and ``y' = |lambda| z, z' = -|lambda| y``."""

    def __init__(self, structure: str, eigenvalue: complex) -> None:
        super().__init__()
        self.structure, self.eigenvalue = structure, eigenvalue  # type: ignore[assignment]

    def initial(self) -> dict[str, Tensor]:
        return {}

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        if self.structure == "explicit":
            a, b = self.eigenvalue.real, self.eigenvalue.imag
            return u @ u.new_tensor([[a, b], [-b, a]])
        omega = abs(self.eigenvalue)
        return -(omega**2) * u if "second-order" in self.structure else omega * u


def radius(step: Integrator, eigenvalue: complex, h: float) -> float:
    """The spectral radius of a step, past the first, as a matrix on the state."""
    F = Field(Linear(step.structure, eigenvalue), (), step.abscissae, 1, h)
    parts = step.start(torch.ones(1, 2, dtype=torch.float64))
    n = sum(part.numel() for part in parts)
    basis = torch.eye(n, dtype=torch.float64).split([part.numel() for part in parts], dim=1)
    after = torch.cat(step.step(F, basis, h), dim=1)
    return float(torch.linalg.eigvals(after).abs().max())


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("step", STEPS, ids=identifier)
def test_a_step_is_stable_up_to_its_limit_and_no_farther(step: Integrator, axis: str) -> None:
    declared = step.real_limit if axis == "real" else step.imaginary_limit
    limit = step.largest_step(AXES[axis])
    if step.structure == "implicit-explicit" or (axis == "real" and step.structure != "explicit"):
        assert declared == 0  # what is stable there is not a matter of one eigenvalue
        return
    assert declared in (0, pytest.approx(limit)), f"{identifier(step)}: largest_step and {axis}_limit differ"
    if (
        limit == 0
    ):  # the reversible form of RK4 grows by 1e-16 up to |z| = 0.03 on the imaginary axis, and decays beyond
        assert radius(step, AXES[axis], 0.03) > 1 - 1e-12
    else:
        assert radius(step, AXES[axis], 1.001 * limit) > 1 or math.isinf(limit)
    for share in (0.01, 0.3, 0.7, 0.999):
        assert radius(step, AXES[axis], share * limit) <= 1 + 1e-9, f"{identifier(step)}: unstable below its limit"
