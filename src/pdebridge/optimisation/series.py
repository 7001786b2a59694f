"""A flow that reproduces a series: the template of González-García, Rico-Martínez & Kevrekidis (1998)."""

from typing import Any

import numpy as np
import torch
from scipy.optimize import least_squares
from torch import Tensor
from torch.func import functional_call, jacfwd

from pdebridge.networks.flow import Flow


def pieces(u: Tensor, times: Tensor, steps: int) -> tuple[Tensor, float]:
    """Cut trajectories into all pieces of ``steps`` intervals and return them with the length of an interval.

    Args:
        u: ``(trajectories, times, channels, points)``.
        times: of the samples, equally spaced.
        steps: intervals of a piece.

    Returns:
        ``(pieces, steps + 1, channels, points)`` and the interval.

    Raises:
        ValueError: a series is too short, is not sampled uniformly, or holds a value that is not finite.
    """
    if u.ndim != 4 or u.shape[1] != len(times):
        raise ValueError(f"{len(times)} times do not belong to a series of the shape {tuple(u.shape)}")
    if steps < 1 or len(times) < steps + 1:
        raise ValueError(f"a piece of {steps} intervals needs {steps + 1} samples, and the series has {len(times)}")
    gaps = times.diff()
    if not (gaps.min() > 0 and gaps.max() - gaps.min() <= 1e-6 * gaps.max()):
        raise ValueError(f"samples must be equally spaced (found intervals from {gaps.min():g} to {gaps.max():g})")
    if not u.isfinite().all():
        trajectory, time = (int(i) for i in (~u.isfinite()).nonzero()[0, :2])
        raise ValueError(f"the series has a value that is not finite, first in trajectory {trajectory}, sample {time}")
    return u.unfold(1, steps + 1, 1).permute(0, 1, 4, 2, 3).flatten(0, 1), float(gaps.mean())


def residuals(flow: Flow, samples: Tensor, weights: dict[str, Tensor] | None = None) -> Tensor:
    """Return ``Phi^j(u_0) - u_j`` over the steps ``j`` of pieces ``(batch, steps + 1, channels, points)``, stacked.

    Args:
        flow: ``Phi``, over one interval.
        samples: the pieces.
        weights: those of the flow by name; its own by default.
    """
    v, found = samples[:, 0], []
    for target in samples[:, 1:].unbind(1):
        v = functional_call(flow, weights or {}, (v,))
        found.append(v - target)
    return torch.stack(found)


def fit(flow: Flow, samples: Tensor, iterations: int = 100) -> float:
    """Minimise the mean square of the residuals over the weights by L-BFGS on all pieces, and return it."""
    method = torch.optim.LBFGS(
        flow.parameters(),
        max_iter=iterations,
        tolerance_grad=1e-9,
        tolerance_change=1e-12,
        line_search_fn="strong_wolfe",
    )

    def closure() -> float:
        method.zero_grad()
        loss = residuals(flow, samples).square().mean()
        loss.backward()
        return float(loss.detach())

    method.step(closure)
    with torch.no_grad():
        return float(residuals(flow, samples).square().mean())


def fit_few(flow: Flow, samples: Tensor, evaluations: int = 20) -> float:
    """Minimise the same by Gauss-Newton steps in a trust region, scaled by the columns of the Jacobian.

    For flows of few weights, whose sizes may differ by orders of magnitude. The Jacobian holds a column a weight.
    """
    names, shapes = zip(*((name, w.shape) for name, w in flow.named_parameters()), strict=True)

    def of(x: Tensor) -> Tensor:
        parts = x.split([shape.numel() for shape in shapes])
        weights = {name: part.view(shape) for name, part, shape in zip(names, parts, shapes, strict=True)}
        return residuals(flow, samples, weights).flatten()

    with torch.no_grad():
        start = torch.cat([w.flatten() for w in flow.parameters()])
        found = least_squares(
            lambda x: of(torch.from_numpy(x)).numpy(),
            start.numpy(),
            lambda x: jacfwd(of)(torch.from_numpy(x)).numpy(),
            x_scale="jac",
            max_nfev=evaluations,
            xtol=1e-8,
            ftol=1e-10,
            gtol=None,  # absolute: it would call the small residuals of a short interval solved
        )
        torch.nn.utils.vector_to_parameters(torch.from_numpy(found.x), flow.parameters())
    return float(np.mean(found.fun**2))


class LeastSquares(torch.optim.Optimizer):
    """`fit_few` as an optimiser: a step is so many evaluations on the pieces in ``samples``.

    Args:
        flow: ``Phi``, of few weights and with stored gradients.
        evaluations: of a step.
    """

    samples: Tensor

    def __init__(self, flow: Flow, evaluations: int) -> None:
        super().__init__(flow.parameters(), {})
        self.flow, self.evaluations = flow, evaluations

    def step(self, closure: Any) -> Any:  # type: ignore[override]
        """Improve the weights and return the objective after."""
        fit_few(self.flow, self.samples, self.evaluations)
        return closure()
