"""A small network on a stencil, the same at every grid point (González-García, Rico-Martínez & Kevrekidis 1998)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from pdebridge.dynamics.activation import activation_named
from pdebridge.dynamics.base import Theta
from pdebridge.dynamics.draw import uniform
from pdebridge.dynamics.stencil import Stencil


class StencilNetwork(Stencil):
    """``u_t = sum_m a_m D_m u + W_L sigma(... sigma(W_1 v + b_1) ...) + b_L`` with ``v`` what a stencil sees of ``u``.

    ``v = (D_m u, (D_p u)(D_q u))``, by default ``(u, u_x, u_xx, u_xxxx, u u_x)``; or, without any prior of an equation,
    the values of ``u`` on the stencil: a convolution, then convolutions of one tap. A parameter is one more input.
    The linear sum, the operator of `Stencil`, is there if it is implicit.

    Args:
        width: 1, or 2 with a parameter.
        length: of the period.
        hidden: neurons of each hidden layer.
        layers: hidden layers.
        activation: name of ``sigma``.
        features: ``derivatives`` or ``values``.
        inputs: ``m`` of the derivatives.
        products: ``(p, q)`` of the products.
        scales: typical sizes of the features, by which they are divided; 1 if empty.
        options: orders, taps and implicit, as in `Stencil`.

    Raises:
        ValueError: an option is out of its range.
    """

    scales: Tensor

    def __init__(
        self,
        width: int,
        length: float,
        hidden: int = 16,
        layers: int = 2,
        activation: str = "tanh",
        features: Literal["derivatives", "values"] = "derivatives",
        inputs: Sequence[int] = (0, 1, 2, 4),
        products: Sequence[Sequence[int]] = ((0, 1),),
        scales: Sequence[float] = (),
        **options: Any,
    ) -> None:
        super().__init__(width, length, products=products if features == "derivatives" else (), **options)
        if layers < 1 or hidden < 1:
            raise ValueError(f"a network has hidden layers with neurons (found {layers} layers of {hidden})")
        if features not in ("derivatives", "values"):
            raise ValueError(f"a stencil sees derivatives or values, not {features!r}")
        self.linear, self.orders = False, self.orders if self.implicit else ()
        self.activation, self.features, self.inputs = activation_named(activation), features, tuple(inputs)
        seen = self.taps if features == "values" else len(self.inputs) + len(self.products)
        self.layers = (seen + width - 1, *(hidden,) * layers, 1)
        if scales and len(scales) != self.layers[0]:
            raise ValueError(
                f"there are {self.layers[0]} features to be scaled, the parameter included, not {len(scales)}"
            )
        self.register_buffer("scales", torch.tensor(scales or [1.0] * self.layers[0])[:, None], persistent=False)

    def initial(self) -> dict[str, Tensor]:
        """Return ``a = 0`` and ``W_L = 0``, for which nothing changes; draw the rest from ``U(+- 1/sqrt(fan_in))``."""
        weights = {"a": torch.zeros(len(self.orders), self.width)} if self.orders else {}
        for i, (fan_in, fan_out) in enumerate(pairwise(self.layers), 1):
            deviation = (3 * fan_in) ** -0.5
            weights |= {f"W{i}": uniform((fan_out, fan_in), deviation), f"b{i}": uniform((fan_out,), deviation)}
        weights[f"W{i}"], weights[f"b{i}"] = torch.zeros(1, fan_in), torch.zeros(1)
        return weights

    def reaction(self, u: Tensor, theta: Theta) -> Tensor:
        """Return the network's value at every point."""
        weights = theta[bool(self.orders) :]
        v = self.see(u) / self.scales.to(u)
        for W, b in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            v = self.activation.consume(functional.conv1d(v, W[:, :, None], b))
        return functional.conv1d(v, weights[-2][:, :, None], weights[-1])

    def see(self, u: Tensor) -> Tensor:
        """Return the features, ``(batch, features, points)``."""
        self.points(u)
        if self.features == "values":
            reach = self.taps // 2
            seen = [u[:, :1].roll(reach - j, -1) for j in range(self.taps)]
        else:
            p, q = zip(*self.products, strict=True) if self.products else ((), ())
            D = self.differentiate(u, (*self.inputs, *p, *q))
            n, m = len(self.inputs), len(p)
            seen = [D[:, :n], D[:, n : n + m] * D[:, n + m :]]
        return torch.cat([*seen, u[:, 1:]], 1)
