"""Right-hand sides of evolution equations on a periodic line: a stencil that is the same at every grid point.

González-García, Rico-Martínez & Kevrekidis, Comp. Chem. Eng. 22 (1998).
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from pdebridge.dynamics.base import Dynamics, Instant, Structure, Theta


def derivatives(taps: int) -> Tensor:
    """Return the central difference quotients of the orders ``0, ..., taps - 1`` for spacing 1, a row an order.

    ``d_m`` is exact for polynomials of degree below ``taps``: ``sum_j d_mj j^n / n! = delta_mn``.

    Raises:
        ValueError: there is no middle tap.
    """
    if taps < 1 or taps % 2 == 0:
        raise ValueError(f"a central stencil has an odd number of taps, not {taps}")
    offsets = torch.arange(taps, dtype=torch.float64) - taps // 2
    moments = torch.stack([offsets**n / math.factorial(n) for n in range(taps)])
    return torch.linalg.inv(moments).T


class Stencil(Dynamics):
    """``u_t = sum_m a_m D_m u + sum_pq c_pq (D_p u) (D_q u)`` with central difference quotients ``D_m`` on a stencil.

    The first sum is one convolution whose weights are the operator: ``a_m``, the coefficient of the ``m``-th
    derivative, is the ``m``-th moment of the taps ``w = sum_m a_m d_m``, and with as many orders as taps every
    convolution is one ``a``. ``u`` is ``(batch, 1, points)`` on a period; or ``(batch, 2, points)``, the second channel
    being a parameter ``alpha``, constant in time and space, on which the coefficients depend affinely,
    ``a_m = a_m0 + a_m1 alpha``. The weights do not know the grid.

    Implicit, the first sum is the linear part ``L`` that an implicit or exponential step solves for, and may have modes
    that grow; otherwise everything is explicit.

    Args:
        width: 1, or 2 with a parameter.
        length: of the period.
        orders: ``m`` of the linear terms.
        products: ``(p, q)`` of the quadratic terms; ``(0, 1)`` is ``u u_x``.
        taps: odd number of points of the stencil.
        implicit: whether the linear terms are a part of their own.

    Raises:
        ValueError: an option is out of its range.
    """

    stencils: Tensor

    def __init__(
        self,
        width: int,
        length: float,
        orders: Sequence[int] = (0, 1, 2, 3, 4),
        products: Sequence[Sequence[int]] = ((0, 1),),
        taps: int = 5,
        implicit: bool = True,
    ) -> None:
        super().__init__()
        if width not in (1, 2) or not length > 0:
            raise ValueError(
                f"a stencil acts on one field, width 1, or 2 with a parameter (found {width}), on a period of positive"
                f" length (found {length})"
            )
        self.register_buffer("stencils", derivatives(taps), persistent=False)
        used = [*orders, *(m for pair in products for m in pair)]
        if min(used, default=0) < 0 or max(used, default=0) >= taps:
            raise ValueError(f"{taps} taps have derivatives of the orders 0, ..., {taps - 1} (found {used})")
        self.width, self.length, self.taps, self.implicit = width, float(length), taps, implicit
        self.orders, self.products = tuple(orders), tuple((p, q) for p, q in products)
        self.linear = not self.products
        self.structure: Structure = "implicit-explicit" if implicit else "explicit"

    def initial(self) -> dict[str, Tensor]:
        """Return ``a = 0`` and ``c = 0``, for which nothing changes."""
        sizes = {"a": len(self.orders), "c": len(self.products)}
        return {name: torch.zeros(n, self.width) for name, n in sizes.items() if n}

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        """Return ``u_t``, less the linear part if that is implicit; zero for a parameter."""
        rate = self.reaction(u, theta)
        if self.orders and not self.implicit:
            rate = rate + self.combine(theta[0], u, self.differentiate(u, self.orders))
        return functional.pad(rate, (0, 0, 0, self.width - 1))

    def reaction(self, u: Tensor, theta: Theta) -> Tensor:
        """Return what is not linear, ``(batch, 1, points)``."""
        if not self.products:
            return torch.zeros_like(u[:, :1])
        p, q = zip(*self.products, strict=True)
        return self.combine(theta[-1], u, self.differentiate(u, p) * self.differentiate(u, q))

    def combine(self, weights: Tensor, u: Tensor, terms: Tensor) -> Tensor:
        """Return ``sum_m (w_m0 + w_m1 alpha) terms_m``, ``(batch, 1, points)``."""
        coefficients = weights[:, 0, None]
        if self.width > 1:
            coefficients = coefficients + weights[:, 1, None] * u[:, 1:]
        return (coefficients * terms).sum(1, keepdim=True)

    def differentiate(self, u: Tensor, orders: Sequence[int]) -> Tensor:
        """Return ``D_m u`` for each order, ``(batch, orders, points)``."""
        spacing = self.length / self.points(u)
        scale = u.new_tensor([spacing**-m for m in orders])
        kernels = self.stencils[list(orders)].to(u) * scale[:, None]
        padded = functional.pad(u[:, :1], (self.taps // 2, self.taps // 2), "circular")
        return functional.conv1d(padded, kernels[:, None])

    def points(self, u: Tensor) -> int:
        """Return the number of grid points; raise ``ValueError`` if they are fewer than the taps."""
        if u.ndim != 3 or u.shape[1] != self.width or u.shape[2] < self.taps:
            raise ValueError(
                f"a stencil of {self.taps} taps acts on (batch, {self.width}, {self.taps} points or more), not on"
                f" {tuple(u.shape)}"
            )
        return u.shape[2]

    def symbol(self, u: Tensor, theta: Theta) -> Tensor:
        """Return ``sum_m a_m exp(i k j dx) d_mj / dx^m`` over the taps ``j``, ``(batch or 1, width, modes)``."""
        modes = self.symbols(self.points(u)).to(u.device, torch.promote_types(u.dtype, torch.complex64))
        at_one_point = u[..., :1] if self.width > 1 else u.new_zeros(1, 1, 1)
        values = self.combine(theta[0], at_one_point, modes) if self.orders else 0 * modes[:, :1]
        return functional.pad(values, (0, 0, 0, self.width - 1))

    def symbols(self, points: int) -> Tensor:
        """Return the eigenvalues of each ``D_m`` on a grid, ``(1, orders, modes)``."""
        spacing = self.length / points
        offsets = torch.arange(self.taps, dtype=torch.float64) - self.taps // 2
        k = torch.arange(points // 2 + 1, dtype=torch.float64) * (2 * math.pi / points)
        waves = torch.polar(torch.ones(1, dtype=torch.float64), offsets[:, None] * k)
        kernels = self.stencils[list(self.orders)].cpu().double()
        scale = torch.tensor([spacing**-m for m in self.orders], dtype=torch.float64)
        return ((kernels * scale[:, None]).to(waves.dtype) @ waves)[None]

    def spectrum(self, theta: Theta, pixels: tuple[int, ...] = ()) -> complex | tuple[complex, ...] | None:
        """Return what limits the step of a linear equation, or ``None``: of products, the size of ``u`` does.

        Explicit: the modes that decay. Implicit: the largest growth ``max Re``, or zero. A stable step lets no decaying
        mode grow; growing ones must grow.
        """
        if self.width > 1 or not self.linear:
            return None
        like = torch.zeros(1, 1, *pixels, dtype=torch.float64)
        modes = self.symbol(like, [w.detach().double().cpu() for w in theta])
        if self.implicit:
            return complex(max(0.0, float(modes.real.max())))
        decaying = modes[modes.real <= 0]
        return tuple(complex(z) for z in decaying.tolist()) or 0j
