"""The optimisation that the code of Günther et al. (SIMODS 2020) keeps as its regression test, from random starts."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from pdebridge.datasets.peaks import peaks
from pdebridge.dynamics.activation import smooth_relu
from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.dynamics.dense import Dense
from pdebridge.gradients.layer_parallel import LayerParallel
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.networks.classifier import FlowClassifier
from pdebridge.networks.flow import Flow
from pdebridge.networks.regularisation import tikhonov
from pdebridge.optimisation.one_shot import OneShot
from pdebridge.optimisation.problem import Problem
from pdebridge.studies.result import Measurement, StudyResult

SAMPLES, CLASSES, WIDTH, STEPS, TIME = 200, 5, 8, 30, 1.0
START, GAMMA, PAIRS, MOST = 1e-3, 1e-7, 20, 100
SEEDS = range(10)


def one_class(runs: list[Path], seeds: Sequence[int] = SEEDS) -> StudyResult:
    """Train on 200 peaks that all have one class, where weights and samples leave the course hardly any freedom.

    ``u_0 = sigma(K y + b)``, 30 steps of ``u' = sigma(K u + b)`` to T = 1 with the smooth ReLU and one bias a layer,
    width 8. The layers start from 0, opening and classifier from ``1e-3 U(0, 1)``. L-BFGS with 20 pairs and Armijo's
    rule through 15 multigrid cycles of states and adjoints, ``m = 2``, to ``|g| < 1e-4``; here, on two levels, as many
    as make them exact. ``J = CE + gamma/2 (sum_k |theta_k|^2 + |W, mu|^2)``; the smoothness of the authors'
    configuration has no gradient in their code, which rounds ``gamma_ddt / h^2`` to an integer.

    - ``objective/initial``, ``gradient/initial``: ``J`` and ``|g|`` at the start; ``objective/final``,
      ``gradient/final``: at the end, after so many ``iterations``.
    - ``validation/accuracy`` (%): of 200 points of all five classes, of which the network has seen one.

    Args:
        runs: not used; the study stands for itself.
        seeds: of weights and samples.
    """
    found = [train(seed) for seed in seeds]
    values = {name: [figures[name] for figures in found] for name in found[0]}
    return StudyResult([Measurement("one-class", "peaks", *part, []) for part in values.items()], {})


class Opening(nn.Module):
    """``u_0 = sigma(K y + b)`` with one bias."""

    def __init__(self) -> None:
        super().__init__()
        self.K, self.b = nn.Parameter(torch.zeros(WIDTH, 2)), nn.Parameter(torch.zeros(1))

    def forward(self, y: Tensor) -> Tensor:
        """Return ``u_0`` for rows ``y``."""
        return smooth_relu(y @ self.K.T + self.b)


def network() -> FlowClassifier:
    """Return the network in float64."""
    F = Dense(WIDTH, activation="smooth-relu", scalar_bias=True)
    control = PiecewiseConstant(F, STEPS)
    mode = LayerParallel(cycles=15, factor=2, relaxations=(0, 1), coarsest=10, warm=True)
    net = FlowClassifier(Opening(), Flow(F, control, ForwardEuler(), mode, STEPS, TIME), WIDTH, CLASSES).double()
    for weights, size in ((control, 0.0), (net.opening, START), (net.classifier, START)):
        for w in weights.parameters():
            w.data = size * torch.rand_like(w)
    return net


def train(seed: int) -> dict[str, float]:
    """Return the figures of one optimisation."""
    torch.manual_seed(seed)
    net = network()
    data = peaks(seed=seed, train=CLASSES * SAMPLES, validation=SAMPLES, classes=CLASSES)
    x, c = torch.from_numpy(data.x_train[:SAMPLES]), torch.from_numpy(data.c_train[:SAMPLES])

    def objective(logits: Tensor, c: Tensor) -> Tensor:
        squares = 2 * tikhonov(net) / net.flow.h + sum(w.square().sum() for w in net.classifier.parameters())
        return cross_entropy(logits, c) + GAMMA / 2 * squares

    method = OneShot(net, PAIRS)
    method.problem = Problem(net, x, c, objective)

    course: list[tuple[float, float]] = []
    while len(course) <= MOST and (not course or course[-1][1] >= method.tolerance):
        course.append((method.step(method.problem.closure), float(method.memory["gradient"].norm())))
    with torch.no_grad():
        right = net(torch.from_numpy(data.x_validation)).argmax(1) == torch.from_numpy(data.c_validation)
    (J, g), (J_end, g_end) = course[0], course[-1]
    return {
        "objective/initial": J,
        "gradient/initial": g,
        "objective/final": J_end,
        "gradient/final": g_end,
        "iterations": len(course) - 1,
        "validation/accuracy": 100 * float(right.double().mean()),
    }
