"""A control whose operators have a norm that is prescribed: steps that are stable for all of training."""

import math

import torch
from torch import Tensor

from pdebridge.dynamics.base import Dynamics
from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.dynamics.operator_norm import excess, symbols

TAU = 0.95
WARMING = 30
TINY = 1e-30


class NormTied(PiecewiseConstant):
    """``theta_k = rho K_k / ||K_k||`` for operators ``K``: the step of a layer is tied to the norm of its weights.

    With ``rho^2 = 2 tau / (h max sigma')`` a forward Euler step of ``u' = -K^T sigma(K u + b)`` is non-expansive for
    every ``K`` and every ``tau <= 1``, the convex potential layer of Meunier, Delattre, Araujo & Allauzen (ICML 2022):
    as ReLU is positively homogeneous, the layer is ``u - h_k K^T sigma(K u + b)`` with ``h_k = 2 tau / (max sigma'
    ||K_k||^2)`` up to the scale of ``b``. Other families have growth that is bounded by their ``rho`` alone.

    Of matrices ``||K||`` is the largest singular value. Of convolutions it is, in evaluation, an upper bound on every
    grid (`pdebridge.dynamics.operator_norm`), so that ``||theta_k|| <= rho`` for any weights. In training it is
    estimated by one power iteration a forward pass at every sampled frequency, warm from pass to pass, which rises to
    the same bound from below; ``tau < 1`` is the room for that, and the certificate (`pdebridge.networks.certificate`)
    bounds the norm truly in either. Gradients are those of the bound, or of ``|K v|`` with the iterated unit vector.

    Args:
        dynamics: names, shapes and the initial distribution of the weights; those with two axes or more are operators.
        steps: number ``N`` of steps.
        repeat: use one draw for all steps.
        norm: ``rho``; default ``sqrt(2 tau)`` with ``tau = 0.95``, for steps ``h = 1`` of slopes up to 1.

    Raises:
        ValueError: the norm is not positive, or the dynamics has no operator.
    """

    def __init__(self, dynamics: Dynamics, steps: int, repeat: bool = False, norm: float = math.sqrt(2 * TAU)) -> None:
        super().__init__(dynamics, steps, repeat)
        self.operators = [name for name in self.names if getattr(self, name).ndim > 2]
        if not norm > 0 or not self.operators:
            raise ValueError(
                f"norm-tied weights are operators of a positive norm (found the norm {norm:g} and the operators "
                f"{self.operators} of {type(dynamics).__name__})"
            )
        self.iterated = [name for name in self.operators if getattr(self, name).ndim > 3]
        self.norm = norm
        self.known: dict[str, tuple[tuple[int, int], Tensor]] = {}
        self.draw_vectors()

    def extra_repr(self) -> str:
        """Return the norm and what has it."""
        return f"||{', '.join(self.operators)}|| = {self.norm:.4g}"

    @torch.no_grad()
    def draw_vectors(self) -> None:
        """Start the power iterations of convolutions from one draw of their own and warm them."""
        for name in self.iterated:
            v = torch.view_as_real(symbols(getattr(self, name), 1)[..., 0, :])
            drawn = torch.randn(v.shape, generator=torch.Generator().manual_seed(0))
            self.register_buffer(f"{name}_singular", drawn.to(v))
        for _ in range(WARMING):
            self.iterate()

    def vectors(self, name: str) -> Tensor:
        """Return the iterated vectors ``(N, frequencies, in, 1)`` of a convolution."""
        v: Tensor = getattr(self, f"{name}_singular")
        return torch.view_as_complex(v).unsqueeze(-1)

    @torch.no_grad()
    def iterate(self) -> None:
        """Take one step of the power iteration ``v <- A^* A v / |A^* A v|`` at every frequency."""
        for name in self.iterated:
            A, v = symbols(getattr(self, name).detach(), 1), self.vectors(name)
            w = A.mH @ (A @ v)
            v.copy_(w / torch.linalg.vector_norm(w, dim=-2, keepdim=True).clamp_min(TINY))

    def sample(self, steps: int, abscissae: tuple[float, ...]) -> tuple[Tensor, ...]:
        """Return the tied weights of the steps (`PiecewiseConstant.sample`); in training, iterate first."""
        if self.training:
            self.iterate()
        return tuple(super().sample(steps, abscissae))

    @property
    def coefficients(self) -> list[Tensor]:
        """Return the weights as the steps see them, operators tied."""
        return [self.tied(name) if name in self.operators else getattr(self, name) for name in self.names]

    def tied(self, name: str) -> Tensor:
        """Return ``rho K_k / ||K_k||`` of all steps."""
        K: Tensor = getattr(self, name)
        norms = self.estimates(name, K) if self.training and name in self.iterated else self.bounds(name, K)
        return K * (self.norm / norms.clamp_min(TINY)).view(-1, *(1,) * (K.ndim - 1))

    def estimates(self, name: str, K: Tensor) -> Tensor:
        """Return the bounds by the vectors of the power iteration, ``(N,)``; no more than `bounds`."""
        stretched = torch.linalg.vector_norm(symbols(K, 1) @ self.vectors(name), dim=(-2, -1))
        return stretched.amax(1) * excess(K.shape[3:])

    def bounds(self, name: str, K: Tensor) -> Tensor:
        """Return upper bounds of the norms, ``(N,)``, known until the weights change where no gradient is wanted."""
        if K.requires_grad and torch.is_grad_enabled():
            return upper(K)
        key = (K.data_ptr(), K._version)
        if self.known.get(name, ((0, 0), K))[0] != key:
            self.known[name] = key, upper(K.detach())
        return self.known[name][1].to(K)

    @torch.no_grad()
    def prolong(self, steps: int) -> None:
        """Replace the weights by those of ``steps`` steps (`PiecewiseConstant.prolong`), with vectors of their own."""
        super().prolong(steps)
        self.draw_vectors()


def upper(K: Tensor) -> Tensor:
    """Return an upper bound of ``||K_k||_2`` of each operator of a stack, on every grid, computed in float64."""
    norms = torch.linalg.matrix_norm(symbols(K.double(), 1), 2).amax(1) * excess(K.shape[3:])
    return norms.to(K.dtype)
