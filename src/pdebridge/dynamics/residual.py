"""Ordinary residual blocks of two free layers: the baselines of the stable architectures."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

from pdebridge.dynamics.activation import activation_named
from pdebridge.dynamics.base import Dynamics, Instant, Structure, Theta, half
from pdebridge.dynamics.draw import draw
from pdebridge.dynamics.hamiltonian import Pair
from pdebridge.dynamics.normalisation import Normalisation, normalisation_named
from pdebridge.dynamics.operator import operator_named


class Residual(Dynamics):
    """``u' = K_2 sigma(N(K_1 sigma(N(u))))``: the pre-activation residual block (He et al., ECCV 2016).

    Args:
        width: number of features or channels.
        operator: ``dense``, ``conv1d``, ``conv2d`` or ``conv3d``.
        activation: name of ``sigma``.
        normalisation: ``tv``, ``group``, ``batch``, or ``none`` for a bias in place of each ``N``.
        scale: standard deviation of the initial entries of both ``K``; default the operator's own.
        distribution: of the initial entries: ``normal``, ``truncated`` or ``clipped``.
        steps: number of steps, needed by ``batch``.
    """

    structure: Structure = "explicit"

    def __init__(
        self,
        width: int,
        operator: str = "conv2d",
        activation: str = "relu",
        normalisation: str = "tv",
        scale: float | None = None,
        distribution: str = "normal",
        steps: int | None = None,
    ) -> None:
        super().__init__()
        self.width, self.distribution = width, distribution
        self.operator, self.activation = operator_named(operator, width), activation_named(activation)
        self.scale = scale or self.operator.deviation
        self.norms: Iterable[Normalisation] = nn.ModuleList(  # type: ignore[assignment]
            [normalisation_named(normalisation, width, steps) for _ in range(2)]
        )

    def initial(self) -> dict[str, Tensor]:
        """Draw ``K_1`` and ``K_2``; biases are 0, the scales of normalisations 1."""
        weights: dict[str, Tensor] = {}
        for i, norm in enumerate(self.norms):
            K = draw(self.distribution, self.operator.shape, self.scale)
            weights |= {f"{name}_{i}": w for name, w in ({"K": K} | norm.initial()).items()}
        return weights

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        """Return ``K_2 sigma(N(K_1 sigma(N(u))))``."""
        n = len(theta) // 2
        for norm, (K, *affine) in zip(self.norms, (theta[:n], theta[n:]), strict=True):
            u = self.operator(K, self.activation(norm(u, affine, at)))
        return u


class Coupling(Pair):
    """``y' = F_1(z)``, ``z' = -F_2(y)`` with free residual layers: the reversible residual network (RevNet).

    Gomez et al. (NeurIPS 2017) write ``z + F_2``; the sign is that of free weights. Reversible like the Hamiltonian
    network, but without its stability: nothing bounds the real parts of the Jacobian's eigenvalues.

    Args:
        width: number of features or channels, even.
        options: those of `Residual`.
    """

    def __init__(self, width: int, **options: Any) -> None:
        super().__init__(Residual(half(width), **options), Residual(half(width), **options))
