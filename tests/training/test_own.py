"""Functions of a user's own that would train in silence are refused before."""

import pytest
import torch
from torch import nn

from pdebridge.catalogue import DYNAMICS
from pdebridge.dynamics.base import Dynamics
from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.networks.flow import Flow
from pdebridge.training.own import check_cost, check_dynamics

WRONG = {
    "a column": (lambda u, K: (u @ K).tanh().sum(1, keepdim=True), r"returns \(4, 1\) float32 for features \(4, 3\)"),
    "a row": (lambda u, K: (u @ K).tanh().sum(0), r"returns \(3,\) float32 for features"),
    "another dtype": (lambda u, K: (u @ K).double(), "float64 for features"),
    "a number": (lambda u, K: 1.0, "returns a float"),
    "a detached result": (lambda u, K: (u @ K).detach(), "no gradient in its features"),
    "detached features": (lambda u, K: u.detach() @ K, "no gradient in its features"),
    "detached weights": (lambda u, K: u @ K.detach(), "no gradient in its weights"),
    "numpy": (lambda u, K: torch.from_numpy((u @ K).detach().numpy()), "no gradient"),
    "not finite": (lambda u, K: (u @ K).abs().neg().log(), "not finite"),
    "no gradient at zero": (lambda u, K: (u @ K - u @ K).sqrt() + u, "gradient is not finite"),
    "a product that does not fit": (lambda u, K: u @ K[:2], "fails for features"),
}


class Own(Dynamics):
    structure = "explicit"

    def __init__(self, F):
        super().__init__()
        self.F = F

    def initial(self):
        return {"K": torch.randn(3, 3)}

    def forward(self, u, theta, at, part=0):
        return self.F(u, *theta)


def network(F):
    dynamics = Own(F)
    return nn.Sequential(
        nn.Linear(2, 3), Flow(dynamics, PiecewiseConstant(dynamics, 4), ForwardEuler(), "stored", 4, 1.0)
    )


@pytest.mark.parametrize("name", WRONG)
def test_a_dynamics_that_is_wrong_says_what_came_and_what_is_wanted(name):
    F, message = WRONG[name]
    with pytest.raises(ValueError, match=f"Own.*{message}"):
        check_dynamics(network(F), torch.randn(4, 2))


def test_one_that_is_right_passes_and_no_random_number_is_drawn():
    net, x = network(lambda u, K: nn.functional.dropout(u @ K, 0.5)), torch.randn(4, 2)
    before = torch.random.get_rng_state()
    check_dynamics(net, x)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("Q", "message"),
    [
        (lambda x: (x**2).sum(), r"returns \(\) float32 for rows \(2, 3\)"),
        (lambda x: x, r"returns \(2, 3\)"),
        (lambda x: (x**2).sum(1).detach(), "no gradient"),
        (lambda x: torch.zeros(len(x)), "no gradient"),
        (lambda x: x[:, 0].log(), "not finite"),
        (lambda x: x @ x, "fails for rows"),
    ],
)
def test_a_cost_that_is_wrong_says_what_came_and_what_is_wanted(Q, message):
    with pytest.raises(ValueError, match=f"the wall.*{message}"):
        check_cost(Q, 3, "the wall")
    check_cost(lambda x: (x**2).sum(1), 3, "the wall")


def test_what_the_package_has_is_not_tried():
    assert all(path.startswith("pdebridge.") for path in DYNAMICS.values())
    check_dynamics(nn.Sequential(nn.Linear(2, 2)), torch.zeros(0, 5))
