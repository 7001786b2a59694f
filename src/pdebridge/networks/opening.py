"""Openings: how the input enters the flow's feature space."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class LinearOpening(nn.Linear):
    """``u_0 = K_in y`` with ``K_in`` in ``R^{width x features}`` and no bias (Ruthotto, SIAM News 2021)."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__(features, width, bias=False)


class TanhOpening(LinearOpening):
    """``u_0 = tanh(K_in y)`` (Meganet's three-dimensional ellipse example of 2019)."""

    def forward(self, y: Tensor) -> Tensor:
        """Return ``u_0`` for rows ``y``."""
        return torch.tanh(super().forward(y))


class PadOpening(nn.Module):
    """``u_0 = (y, 0)``: zeros up to the width (Haber & Ruthotto 2017, section 6).

    Raises:
        ValueError: the width is smaller than the number of features.
    """

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        if width < features:
            raise ValueError(f"opening 'pad' needs width >= {features}, the number of features (found {width})")
        self.zeros = width - features

    def forward(self, y: Tensor) -> Tensor:
        """Return ``u_0`` for rows ``y``."""
        return functional.pad(y, (0, self.zeros))


OPENINGS: dict[str, type[nn.Module]] = {"linear": LinearOpening, "tanh": TanhOpening, "pad": PadOpening}
