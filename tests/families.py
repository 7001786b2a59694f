"""The families under test: small instances of every dynamics, with the integrators that fit them."""

import math
from typing import Any

import torch
from torch import Tensor

from pdebridge.catalogue import DYNAMICS, INTEGRATORS
from pdebridge.cube import load
from pdebridge.dynamics.base import Dynamics
from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.integrators.base import Integrator

DENSE: dict[str, tuple[str, dict[str, Any]]] = {
    "dense": ("dense", {}),
    "dense, one bias": ("dense", {"scalar_bias": True}),
    "antisymmetric": ("antisymmetric", {"gamma": 0.1}),
    "antisymmetric, full": ("antisymmetric", {"half": False}),
    "hamiltonian-pair": ("hamiltonian-pair", {}),
    "hamiltonian-pair, augmented": ("hamiltonian-pair", {"augment": True}),
    "hamiltonian": ("hamiltonian", {"operator": "dense", "normalisation": "none", "activation": "tanh"}),
    "parabolic": ("parabolic", {"operator": "dense", "normalisation": "none", "activation": "tanh"}),
    "parabolic, tv": ("parabolic", {"operator": "dense"}),
    "second-order": ("second-order", {"operator": "dense", "normalisation": "none", "activation": "tanh"}),
    "residual": ("residual", {"operator": "dense", "normalisation": "none", "activation": "tanh"}),
    "perceptron": ("perceptron", {"hidden": 5}),
    "half-damped": ("half-damped", {"hidden": 5, "rate": 2.0}),
    "coupling": ("coupling", {"operator": "dense", "normalisation": "none", "activation": "tanh"}),
}
CONVOLUTIONAL: dict[str, tuple[str, dict[str, Any]]] = {
    "conv dense": ("dense", {"operator": "conv2d"}),
    "conv dense, one bias": ("dense", {"operator": "conv2d", "scalar_bias": True}),
    "conv antisymmetric": ("antisymmetric", {"operator": "conv2d", "half": False}),
    "conv hamiltonian-pair": ("hamiltonian-pair", {"operator": "conv2d"}),
    "conv hamiltonian-pair, augmented": ("hamiltonian-pair", {"operator": "conv2d", "augment": True}),
    "conv hamiltonian": ("hamiltonian", {}),
    "conv hamiltonian, batch": ("hamiltonian", {"normalisation": "batch", "prenormalise": (True, True)}),
    "conv parabolic": ("parabolic", {}),
    "conv parabolic, batch": ("parabolic", {"normalisation": "batch", "prenormalise": True}),
    "conv second-order": ("second-order", {}),
    "conv second-order, pair": ("second-order", {"pair": True}),
    "conv residual": ("residual", {}),
    "conv coupling": ("coupling", {"normalisation": "batch", "prenormalise": (False, True)}),
    "conv imex": ("imex", {"activation": "tanh"}),
    "conv time": ("time-convolution", {}),
    "conv post-activation": ("post-activation", {"normalisation": "batch"}),
}
LINE: dict[str, tuple[str, dict[str, Any]]] = {
    "stencil": ("stencil", {"length": 6.0}),
    "stencil, explicit": ("stencil", {"length": 6.0, "orders": (1, 2), "implicit": False}),
    "stencil-network": ("stencil-network", {"length": 6.0, "hidden": 3}),
    "stencil-network, explicit": ("stencil-network", {"length": 6.0, "hidden": 3, "implicit": False}),
    "stencil-network, values": ("stencil-network", {"length": 6.0, "hidden": 3, "features": "values"}),
}
FAMILIES = DENSE | CONVOLUTIONAL | LINE


def shape(name: str, width: int = 4) -> tuple[int, ...]:
    if name in LINE:
        return (3, 2, 9)
    return (3, width) if name in DENSE else (3, width, 6, 5)


def features(name: str, width: int = 4, seed: int = 1) -> Tensor:
    return torch.randn(shape(name, width), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def dynamics(name: str, steps: int, width: int = 4, **options: Any) -> Dynamics:
    key, fixed = FAMILIES[name]
    batch = {"steps": steps} if fixed.get("normalisation") == "batch" else {}
    made: Dynamics = load(DYNAMICS[key])(2 if name in LINE else width, **fixed, **batch, **options)
    return made.double()


def control(F: Dynamics, steps: int, seed: int = 0) -> PiecewiseConstant:
    """Weights with every entry, biases and scales too, away from its initial value."""
    torch.manual_seed(seed)
    weights = PiecewiseConstant(F, steps).double()
    with torch.no_grad():
        for w in weights.parameters():
            w.add_(torch.randn_like(w), alpha=0.1)
    return weights


def integrators(F: Dynamics) -> list[Integrator]:
    classes = [load(reference) for reference in INTEGRATORS.values()]
    return [made() for made in classes if made.structure == F.structure and not made.adaptive]


def points(reversible: bool = False) -> list[tuple[str, Integrator]]:
    """Every family with every integrator that fits."""
    pairs = [(name, step) for name in FAMILIES for step in integrators(dynamics(name, 2))]
    return [(name, step) for name, step in pairs if step.reversible or not reversible]


def identifier(value: object) -> str:
    return value if isinstance(value, str) else type(value).__name__


class Rotation(Dynamics):
    """Scalar problems with a closed form: ``u' = iu`` as two features, ``y'' = -y``, ``y' = z, z' = -y``.

    Implicit-explicit, on a grid of one point: ``u' = -u + sin + cos + sin^2 - u^2`` with ``L = -1``, ``u = sin``.
    """

    def __init__(self, structure: str) -> None:
        super().__init__()
        self.structure = structure  # type: ignore[assignment]

    def initial(self) -> dict[str, Tensor]:
        return {}

    def symbol(self, u: Tensor, theta: object) -> Tensor:
        return -u.new_ones(1, 1, 1)

    def forward(self, u: Tensor, theta: object, at: Any, part: int = 0) -> Tensor:
        if self.structure == "implicit-explicit":
            return math.sin(at.t) + math.cos(at.t) + math.sin(at.t) ** 2 - u.square()
        if self.structure == "explicit":
            return torch.stack([u[:, 1], -u[:, 0]], dim=1)
        return -u if "second-order" in self.structure else u
