"""The same coupling in other packages for reversible networks, where they are installed."""

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from pdebridge.dynamics.base import Instant
from pdebridge.dynamics.parabolic import Parabolic


class Update(nn.Module):
    """``h F(u)`` for a symmetric layer with weights of its own: one half of a coupling."""

    def __init__(self, width: int, h: float) -> None:
        super().__init__()
        self.F, self.h = Parabolic(width), h
        self.theta = nn.ParameterList([nn.Parameter(w) for w in self.F.initial().values()])

    def forward(self, u: Tensor) -> Tensor:
        """Return the update."""
        return self.h * self.F(u, tuple(self.theta), Instant(0, 0.0, self.h))


class Fresh(nn.Module):
    """Hands a copy of the input on, for packages that free or overwrite it."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, u: Tensor) -> Tensor:
        """Return ``net`` of a copy."""
        return self.net(u * 1.0)


def memcnn(width: int, steps: int, h: float) -> nn.Module:
    """Return ``steps`` additive couplings, each a node of the graph that frees its input."""
    package = quietly("memcnn")
    pairs = [package.AdditiveCoupling(Update(width // 2, h), Update(width // 2, h)) for _ in range(steps)]
    return Fresh(nn.Sequential(*[package.InvertibleModuleWrapper(pair, keep_input=False) for pair in pairs]))


def revtorch(width: int, steps: int, h: float) -> nn.Module:
    """Return one sequence of ``steps`` reversible blocks."""
    package = quietly("revtorch")
    pairs = [(Update(width // 2, h), Update(width // 2, h)) for _ in range(steps)]
    return Fresh(package.ReversibleSequence(nn.ModuleList([package.ReversibleBlock(f, g) for f, g in pairs])))


RIVALS: dict[str, Callable[[int, int, float], nn.Module]] = {"memcnn": memcnn, "revtorch": revtorch}


def quietly(package: str) -> Any:
    """Import a package without its warnings about deprecated parts of torch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return import_module(package)


def available(width: int, steps: int, h: float) -> tuple[dict[str, nn.Module], dict[str, str]]:
    """Return the rivals that run on this torch, and for the others why not."""
    nets, missing = {}, {}
    for name, make in RIVALS.items():
        try:
            net = make(width, steps, h)
            net(torch.zeros(1, width, 4, 4, requires_grad=True)).sum().backward()
            nets[name] = net
        except Exception as error:  # whatever another package raises is what is reported
            missing[name] = f"{type(error).__name__}: {error}"
    return nets, missing
