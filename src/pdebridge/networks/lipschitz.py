"""Classifiers of images with a Lipschitz constant that is known, and the radii that it certifies."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pdebridge.cube import named
from pdebridge.networks.certificate import contractive
from pdebridge.networks.flow import Flow
from pdebridge.networks.point import MakeGradient, mode_of


class Embedding(nn.Module):
    """``u -> (u, 0)``: zero channels up to a width; of norm 1.

    Args:
        width: channels of the result.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, u: Tensor) -> Tensor:
        """Return the features with the channels added."""
        return functional.pad(u, (0, 0, 0, 0, 0, self.width - u.shape[1]))


class UnitRows(nn.Linear):
    """``z_i = w_i . u / |w_i| + mu_i``: logits that no scale of the weights can raise (Singla et al., ICLR 2022)."""

    def forward(self, u: Tensor) -> Tensor:
        """Return the logits of features ``(batch, n)``."""
        return functional.linear(u, self.rows(), self.bias)

    def rows(self) -> Tensor:
        """Return ``w_i / |w_i|``."""
        return functional.normalize(self.weight, dim=1)


class LipschitzClassifier(nn.Module):
    """Images to logits; of everything but the flows the Lipschitz constant is 1 by construction.

    For each stage zero channels up to its width, a flow, and 2x2 sums over 2, an operator of norm 1; then a linear
    classifier with rows of norm 1. If the flows grow by ``L`` at most, the class of an image ``x`` is that of every
    image within

        r(x) = min_{j != c} (z_c - z_j) / (L |w_c - w_j|) >= min_j (z_c - z_j) / (sqrt(2) L ||W||)

    in the Euclidean norm (Tsuzuku, Sato & Sugiyama, NeurIPS 2018).

    Args:
        flows: of convolutions, one a stage.
        widths: channels of the stages.
        pixels: of the images in each direction; the sums leave the last line of an odd number out.
        classes: number of classes.
    """

    def __init__(self, flows: Sequence[Flow], widths: Sequence[int], pixels: int, classes: int) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList([Embedding(width) for width in widths])
        self.flows = nn.ModuleList(flows)
        self.pool = nn.AvgPool2d(2, divisor_override=2)
        self.grids = [pixels // 2**i for i in range(len(widths))]
        features = widths[-1] * (self.grids[-1] // 2) ** 2
        if not features:
            raise ValueError(f"{len(widths)} stages halve a grid of {pixels} pixels until nothing is left")
        self.classifier = UnitRows(features, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits ``(batch, classes)`` of images ``(batch, channels, pixels, pixels)``."""
        u = images
        for embedding, flow in zip(self.embeddings, self.flows, strict=True):
            u = self.pool(flow(embedding(u)))
        return self.classifier(u.flatten(1))

    def lipschitz(self) -> float:
        """Return ``L``, the product of the proved growths of the flows (`contractive`), on their grids.

        Raises:
            ValueError: nothing bounds a flow.
        """
        product = 1.0
        for flow, n in zip(self.flows, self.grids, strict=True):
            assert isinstance(flow, Flow)
            product *= contractive(flow, (n, n)).number
        return product

    @torch.no_grad()
    def radii(self, images: Tensor, c: Tensor) -> Tensor:
        """Return the certified radius of every image, negative where its class is not ``c``."""
        rows = self.classifier.rows().double()
        z = self(images).double()
        margins = z.gather(1, c[:, None]) - z
        distances = torch.cdist(rows, rows)[c]
        others = functional.one_hot(c, z.shape[1]) == 0
        return (margins / distances.clamp_min(1e-30))[others].view(len(z), -1).amin(1) / self.lipschitz()


def lipschitz(
    dynamics: str,
    integrator: str,
    widths: Sequence[int],
    pixels: int,
    classes: int,
    steps: int,
    h: float = 1.0,
    control: str = "norm-tied",
    norm: float | None = None,
    gradient: str | MakeGradient = "stored",
    **options: Any,
) -> LipschitzClassifier:
    """Return the classifier of a point of the cube: convex potential layers, unless another one is named.

    Args:
        dynamics: name of a right-hand side that has convolutions.
        integrator: name of the step.
        widths: channels of each stage, not decreasing.
        pixels: of the images in each direction.
        classes: number of classes.
        steps: steps a stage.
        h: step size.
        control: ``norm-tied``, or ``piecewise-constant`` for weights of any norm.
        norm: ``rho`` of norm-tied weights; default that of forward Euler with ``h = 1``.
        gradient: the gradient mode, by name or `mode_named`.
        options: of the dynamics.
    """
    tied = {} if norm is None else {"norm": norm}
    flows = []
    for width in widths:
        F = named("dynamics", dynamics)(width, **{"operator": "conv2d", "normalisation": "none", **options})
        kind = named("control", control)
        step = named("integrator", integrator)()
        flows.append(Flow(F, kind(F, steps, **tied), step, mode_of(gradient), steps, steps * h))
    return LipschitzClassifier(flows, widths, pixels, classes)
