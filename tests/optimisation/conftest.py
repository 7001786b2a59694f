import pytest
import torch
from torch.nn.functional import cross_entropy

from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.dynamics.dense import Dense
from pdebridge.dynamics.hamiltonian import Hamiltonian
from pdebridge.gradients.stored import stored
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.integrators.verlet import Verlet
from pdebridge.networks.classifier import FlowClassifier
from pdebridge.networks.flow import Flow
from pdebridge.networks.opening import LinearOpening
from pdebridge.networks.regularisation import smoothness, tikhonov
from pdebridge.optimisation.problem import Problem


@pytest.fixture(autouse=True)
def float64():
    """Mathematics is checked in double precision; the tests of single precision cast."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def small_classifier():
    """Return a function that makes a network of a few weights, and points of three classes."""

    def make(family="dense", steps=3, opening=LinearOpening, points=24, scale=0.6):
        if family == "dense":
            dynamics, integrator = Dense(2, scale=scale), ForwardEuler()
        else:
            dynamics = Hamiltonian(2, operator="dense", activation="tanh", normalisation="none")
            integrator = Verlet()
        flow = Flow(dynamics, PiecewiseConstant(dynamics, steps), integrator, stored, steps, 2.0)
        net = FlowClassifier(opening(2, 2), flow, 2, 3)
        x = torch.randn(points, 2)
        return net, x, (x[:, 0] > 0.3).long() + (x.square().sum(1) > 2).long()

    return make


@pytest.fixture
def penalised():
    """Return a function that makes a method that projects the classifier out, and the closure of its problem."""

    def make(kind, net, x, c, weights, **options):
        made = kind(net, *weights, **options)

        def objective(logits, c):
            alpha, gamma, beta = weights
            squares = net.classifier.weight.square().sum()
            return cross_entropy(logits, c) + alpha * smoothness(net) + gamma * tikhonov(net) + beta / 2 * squares

        made.problem = Problem(net, x, c, objective)
        return made, made.problem.closure

    return make
