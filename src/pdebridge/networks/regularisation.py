"""Penalties and constraints on the control in time."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from pdebridge.dynamics.normalisation import Normalisation, Shift
from pdebridge.networks.flow import Flow


def flows(net: nn.Module) -> list[Flow]:
    """Return the flows of a network, each once."""
    return [module for module in net.modules() if isinstance(module, Flow)]


def smoothness(net: nn.Module) -> Tensor:
    """Return ``h/2 sum_k |(theta_{k+1} - theta_k)/h|^2`` over the weights of all flows (Haber & Ruthotto 2017)."""
    return torch.stack([d.square().sum() * (flow.h / 2) for flow, d in differences(net)]).sum()


def tikhonov(net: nn.Module) -> Tensor:
    """Return ``h/2 sum_k |theta_k|^2`` over the weights of all flows (Haber & Ruthotto 2017, section 5)."""
    return torch.stack([w.square().sum() * (f.h / 2) for f in flows(net) for w in f.control.parameters()]).sum()


def total_variation(net: nn.Module, tau: float = 1e-3) -> Tensor:
    """Return ``h sum_k phi((theta_{k+1} - theta_k)/h)``, ``phi(x) = sum_i sqrt(x_i^2 + tau)``, over all flows.

    Ruthotto & Haber (JMIV 2020, eq. 13); there ``h = 1``. It allows weights to jump where `smoothness` does not.

    Args:
        net: the network.
        tau: rounding of ``|x|``, as in the authors' code.
    """
    return torch.stack([(d.square() + tau).sqrt().sum() * flow.h for flow, d in differences(net)]).sum()


def differences(net: nn.Module) -> list[tuple[Flow, Tensor]]:
    """Return ``(theta_{k+1} - theta_k)/h`` of every weight of every flow that has more than one step."""
    found = [(flow, w.diff(dim=0) / flow.h) for flow in flows(net) for w in flow.control.parameters() if len(w) > 1]
    if not found:
        raise ValueError("no flow of this network has weights at two times, so there is nothing to smooth")
    return found


def decay_groups(net: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Return the weights that decay and those that do not: scales and shifts of normalisations.

    In Ruthotto & Haber (JMIV 2020) and its code the latter are smoothed in time, but not drawn to zero.
    """
    exempt = {id(p) for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) for p in m.parameters()}
    exempt |= {id(p) for flow in flows(net) if normalises(flow) for p in flow.control.parameters() if p.ndim == 2}
    groups: tuple[list[nn.Parameter], list[nn.Parameter]] = ([], [])
    for p in net.parameters():
        groups[id(p) in exempt].append(p)
    return groups


def normalises(flow: Flow) -> bool:
    """Return whether the weights a channel of a flow are those of a normalisation, not a bias."""
    norms = [m for m in flow.dynamics.modules() if isinstance(m, Normalisation)]
    return any(not isinstance(m, Shift) for m in norms)


@torch.no_grad()
def project(parameters: Iterable[nn.Parameter], bound: float = 1.0) -> None:
    """Project weights onto the box ``|theta_i| <= bound``, to be called after each optimiser step.

    Ruthotto & Haber (JMIV 2020) bound all weights by 1.

    Raises:
        ValueError: the box is empty.
    """
    if bound <= 0:
        raise ValueError(f"the box |theta| <= bound needs a positive bound, not {bound}")
    for p in parameters:
        p.clamp_(-bound, bound)
