"""Ordinary residual blocks of two free layers: the baselines of the stable architectures."""

from typing import Any

from torch import Tensor

from pdebridge.dynamics.base import Increments, Instant, Theta, half
from pdebridge.dynamics.draw import draw
from pdebridge.dynamics.hamiltonian import Pair
from pdebridge.dynamics.parabolic import Parabolic


class Residual(Parabolic):
    """``u' = K_2 sigma(N(K_1 sigma(N(u))))``: the pre-activation residual block (He et al., ECCV 2016).

    The layer of `Parabolic` with a second free operator in the place of ``-K^T``: nothing bounds its Jacobian.

    Args:
        width: number of features or channels.
        prenormalise: whether ``sigma(N(.))`` comes first; a network's first block can follow one already.
        options: operator, activation, normalisation, scale, distribution and steps, as in `Parabolic`.
    """

    def __init__(self, width: int, prenormalise: bool = True, **options: Any) -> None:
        super().__init__(width, prenormalise=prenormalise, **options)

    def initial(self) -> dict[str, Tensor]:
        """Draw ``K`` (which is ``K_1``) and ``K_2``; biases are 0, the scales of normalisations 1."""
        return super().initial() | {"K_2": draw(self.distribution, self.operator.shape, self.scale)}

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        """Return ``K_2 sigma(N(K_1 sigma(N(u))))``."""
        *theta, K_2 = theta
        if self.prenorm:
            n = self.prenorm.weights
            u, theta = self.activation.consume(self.prenorm(u, theta[:n], at)), theta[n:]
        K, *affine = theta
        return self.operator(K_2, self.activation.consume(self.norm(self.operator(K, u), affine, at)))

    def increments(self, theta: Theta, pixels: tuple[int, ...] = (), part: int = 0) -> Increments | None:
        """Return the product of the Lipschitz constants of all factors: two free operators have no sign."""
        *theta, K_2 = theta
        pre, K, affine = self.split(theta)
        slope = self.slope(pre, affine)
        if slope is None:
            return None
        if self.prenorm:
            slope *= self.activation.slope
        lipschitz = slope * self.operator.norm(K, pixels) * self.operator.norm(K_2, pixels)
        return Increments(lipschitz, lipschitz)

    def spectrum(self, theta: Theta, pixels: tuple[int, ...] = ()) -> None:
        """Return ``None``: nothing bounds the real parts."""


class Coupling(Pair):
    """``y' = F_1(z)``, ``z' = -F_2(y)`` with free residual layers: the reversible residual network (RevNet).

    Gomez et al. (NeurIPS 2017) write ``z + F_2``; the sign is that of free weights. Reversible like the Hamiltonian
    network, but without its stability: nothing bounds the real parts of the Jacobian's eigenvalues.

    Args:
        width: number of features or channels, even.
        prenormalise: whether ``sigma(N(.))`` comes first in ``F_1`` and in ``F_2``.
        options: operator, activation, normalisation, scale, distribution and steps, as in `Parabolic`.
    """

    def __init__(self, width: int, prenormalise: tuple[bool, bool] = (True, True), **options: Any) -> None:
        first, second = (Residual(half(width), pre, **options) for pre in prenormalise)
        super().__init__(first, second)
