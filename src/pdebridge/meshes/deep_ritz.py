"""The deep Ritz method for Poisson's equation in high dimension (E & Yu, Commun. Math. Stat. 6, 2018).

Minimise the energy of ``-Laplacian u = f`` on the cube, boundary values by a penalty:

    E_x [ |grad u|^2/2 - f u ] + beta E_(x on the boundary) (u - g)^2,

expectations over points that are drawn anew for each step. No mesh: a step costs ``O(points d width)``.
"""

from time import perf_counter
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from pdebridge.meanfield.derivatives import log2cosh_tanh
from pdebridge.meshes.poisson import Function, Problem


class RitzNetwork(nn.Module):
    """Residual blocks ``s <- phi(W_2 phi(W_1 s + b_1) + b_2) + s`` on the input padded with zeros, a linear output.

    ``blocks (2 m^2 + 2 m) + m + 1`` weights: 671 for width 10 and three blocks, as published for d = 10. The value
    and its gradient in x are evaluated together, the gradient by the chain rule in closed form.

    Args:
        d: dimension of ``x``.
        width: ``m >= d``.
        blocks: number of blocks.
        activation: ``cubic``, ``phi(a) = max(a^3, 0)`` as published, ``logcosh``, ``log(e^a + e^-a)``, or ``relu``.
        positive: whether the output is cut off at 0.

    Raises:
        ValueError: the width is less than d, there is no block, or the activation is unknown.
    """

    def __init__(
        self, d: int, width: int = 10, blocks: int = 3, activation: str = "cubic", positive: bool = False
    ) -> None:
        super().__init__()
        if not 1 <= d <= width or blocks < 1:
            raise ValueError(f"the input is padded with zeros: width >= d and blocks >= 1, not {width}, {d}, {blocks}")
        if activation not in ACTIVATIONS:
            raise ValueError(f"unknown activation {activation!r}; valid: {', '.join(sorted(ACTIVATIONS))}")
        self.d, self.width, self.positive = d, width, positive
        self.activation, self.activation_slope = ACTIVATIONS[activation]
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(2 * blocks))
        self.output = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``u(x)``, shape ``(N,)``."""
        return self._value(self._features(x))

    @torch.no_grad()
    def fit_output(self, x: Tensor, values: Tensor) -> None:
        """Set the output layer to the one whose ``u`` is nearest to values at points, such as those of the boundary.

        Least squares in float64 of ``width + 1`` numbers; every affine function of x is nearly in reach, since the
        blocks add to x.
        """
        s = self._features(x).double()
        solution = torch.linalg.lstsq(
            torch.cat([s, s.new_ones(len(s), 1)], dim=1), values.double().unsqueeze(1)
        ).solution
        self.output.weight.copy_(solution[:-1].T)
        self.output.bias.copy_(solution[-1])

    def _features(self, x: Tensor) -> Tensor:
        s = nn.functional.pad(x, (0, self.width - self.d))
        for first, second in self._blocks():
            s = s + self.activation(second(self.activation(first(s))))
        return s

    def value_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``u`` ``(N,)`` and ``grad u`` ``(N, d)``: one sweep forward, one back through the slopes."""
        s, slopes = nn.functional.pad(x, (0, self.width - self.d)), []
        for first, second in self._blocks():
            inner, inner_slope = self.activation_slope(first(s))
            outer, outer_slope = self.activation_slope(second(inner))
            slopes.append((inner_slope, outer_slope))
            s = s + outer
        value = self._value(s)
        z = (value > 0).unsqueeze(1) * self.output.weight if self.positive else self.output.weight.expand(len(x), -1)
        for (first, second), (inner_slope, outer_slope) in zip(reversed(self._blocks()), reversed(slopes), strict=True):
            z = z + (inner_slope * ((outer_slope * z) @ second.weight)) @ first.weight
        return value, z[:, : self.d]

    def _value(self, s: Tensor) -> Tensor:
        u = self.output(s).squeeze(1)
        return u.relu() if self.positive else u

    def _blocks(self) -> list[tuple[nn.Linear, nn.Linear]]:
        layers: Any = list(self.layers)
        return list(zip(layers[::2], layers[1::2], strict=True))


class _Cubic(torch.autograd.Function):
    """``max(a, 0)^3`` and its slope ``3 max(a, 0)^2``, with the derivatives of both from what was computed."""

    @staticmethod
    def forward(ctx: Any, a: Tensor) -> tuple[Tensor, Tensor]:
        positive = a.clamp_min(0)
        squared = positive * positive
        ctx.save_for_backward(positive, squared)
        return squared * positive, 3 * squared

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, value_bar: Tensor, slope_bar: Tensor) -> Tensor:
        positive, squared = ctx.saved_tensors
        return 3 * (squared * value_bar).addcmul_(positive, slope_bar, value=2)


def log2cosh(a: Tensor) -> Tensor:
    """Return ``log(e^a + e^-a)``."""
    return log2cosh_tanh(a)[0]


def relu_slope(a: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``max(a, 0)`` and its slope, which is constant almost everywhere."""
    return a.relu(), (a > 0).to(a.dtype)


def cubic(a: Tensor) -> Tensor:
    """Return ``max(a, 0)^3``."""
    return a.clamp_min(0) ** 3


ACTIVATIONS: dict[str, tuple[Any, Any]] = {
    "cubic": (cubic, _Cubic.apply),
    "logcosh": (log2cosh, log2cosh_tanh),
    "relu": (torch.relu, relu_slope),
}
"""By name: the function, and the function with its derivative."""


def interior(n: int, d: int, generator: torch.Generator | None = None) -> Tensor:
    """Draw ``n`` points of the cube."""
    return torch.rand(n, d, generator=generator)


def boundary(n: int, d: int, generator: torch.Generator | None = None) -> Tensor:
    """Draw ``n`` points on each of the ``2d`` faces, ``(2 d n, d)``."""
    x = torch.rand(2 * d, n, d, generator=generator)
    face = torch.arange(d)
    x[face, :, face] = 0.0
    x[face + d, :, face] = 1.0
    return x.reshape(-1, d)


class Differentiable(Protocol):
    """A network that gives its gradient with its value."""

    def value_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``u`` ``(N,)`` and ``grad u`` ``(N, d)``."""


def energy(network: Differentiable, x: Tensor, source: Tensor) -> Tensor:
    """Return the mean of ``|grad u|^2/2 - f u`` over points of the cube."""
    u, gradient = network.value_and_gradient(x)
    return (0.5 * gradient.square().sum(1) - source * u).mean()


def boundary_misfit(network: nn.Module, x: Tensor, values: Tensor) -> Tensor:
    """Return the mean of ``(u - g)^2`` over points of the boundary."""
    return (network(x) - values).square().mean()


def objective(
    network: RitzNetwork, problem: Problem, beta: float = 1e3, points: int = 1000, edge: int = 2000
) -> Tensor:
    """Return the energy plus ``beta`` times the boundary misfit over fresh points.

    Args:
        network: ``u``.
        problem: gives ``f`` and ``g``.
        beta: of the penalty.
        points: of the cube.
        edge: of the boundary, shared equally by the ``2d`` faces; 100 on each for d = 10, as published.
    """
    x, y = interior(points, network.d), boundary(max(1, edge // (2 * network.d)), network.d)
    return energy(network, x, values(problem.source, x)) + beta * boundary_misfit(
        network, y, values(problem.solution, y)
    )


def values(function: Function, x: Tensor) -> Tensor:
    """Return a problem's function at rows of a tensor."""
    return torch.from_numpy(function(x.numpy())).to(x.dtype)


class Record(NamedTuple):
    """How far a training was: steps taken, the relative error then, and the seconds that the steps had cost."""

    step: int
    error: float
    seconds: float


def train(
    network: RitzNetwork, problem: Problem, steps: int, lr: float, x: Tensor, records: int = 20, **sampling: Any
) -> list[Record]:
    """Minimise by Adam, the rate times 0.3 after 50, 75 and 90 % of the steps.

    Args:
        network: is changed.
        problem: with known solution.
        steps: of Adam, each with fresh points.
        lr: its first rate.
        x: points on which errors are measured, not counted in the seconds.
        records: of the error, at equal intervals.
        sampling: of `objective`.
    """
    adam = torch.optim.Adam(network.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.MultiStepLR(adam, [steps // 2, 3 * steps // 4, 9 * steps // 10], gamma=0.3)
    exact, spent = values(problem.solution, x), 0.0
    course: list[Record] = []
    for step in range(1, steps + 1):
        started = perf_counter()
        adam.zero_grad()
        objective(network, problem, **sampling).backward()
        adam.step()
        schedule.step()
        spent += perf_counter() - started
        if step % max(1, steps // records) == 0 or step == steps:
            course.append(Record(step, relative_error(network, x, exact), spent))
    return course


def relative_error(network: nn.Module, x: Tensor, exact: Tensor) -> float:
    """Return ``|u - exact| / |exact|`` over given points."""
    with torch.no_grad():
        return float((network(x) - exact).norm() / exact.norm())


def best_fit_errors(x: Tensor, exact: Tensor) -> dict[str, float]:
    """Return the relative errors of the best constant and the best affine function: what is no achievement."""
    affine = torch.cat([x.new_ones(len(x), 1), x], dim=1)
    solution = torch.linalg.lstsq(affine, exact.unsqueeze(1)).solution.squeeze(1)
    norm = exact.norm()
    return {
        "constant": float((exact - exact.mean()).norm() / norm),
        "affine": float((exact - affine @ solution).norm() / norm),
    }
