"""Penalties and constraints on the control in time: integrals of ``theta(t)`` as the function that it is."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from pdebridge.dynamics.normalisation import Normalisation, Shift
from pdebridge.networks.flow import Flow


def flows(net: nn.Module) -> list[Flow]:
    """Return the flows of a network, each once."""
    return [module for module in net.modules() if isinstance(module, Flow)]


def smoothness(net: nn.Module) -> Tensor:
    """Return ``1/2 int_0^T |theta'(t)|^2 dt`` over the weights of all flows (Haber & Ruthotto 2017).

    For weights that are constant in each step it is ``h/2 sum_k |(theta_{k+1} - theta_k)/h|^2``.
    """
    return torch.stack([total(d.square(), q) / 2 for d, q in slopes(net)]).sum()


def tikhonov(net: nn.Module) -> Tensor:
    """Return ``1/2 int_0^T |theta(t)|^2 dt`` over the weights of all flows (Haber & Ruthotto 2017, section 5).

    For weights that are constant in each step it is ``h/2 sum_k |theta_k|^2``.
    """
    found = []
    for flow in flows(net):
        theta, q = flow.control.quadrature(flow.time)
        found += [total(w.square(), q) / 2 for w in theta]
    return torch.stack(found).sum()


def total_variation(net: nn.Module, tau: float = 1e-3) -> Tensor:
    """Return ``int_0^T phi(theta'(t)) dt``, ``phi(x) = sum_i sqrt(x_i^2 + tau)``, over all flows.

    For weights that are constant in each step it is ``h sum_k phi((theta_{k+1} - theta_k)/h)``, as in Ruthotto & Haber
    (JMIV 2020, eq. 13; there ``h = 1``); exact for piecewise linear ones. It allows jumps where `smoothness` does not.

    Args:
        net: the network.
        tau: rounding of ``|x|``, as in the authors' code.
    """
    return torch.stack([total((d.square() + tau).sqrt(), q) for d, q in slopes(net)]).sum()


def slopes(net: nn.Module) -> list[tuple[Tensor, Tensor | float]]:
    """Return ``d theta / dt`` of every weight of every flow whose weights change, at nodes ``(n, ...)``, and weights.

    Raises:
        ValueError: the weights of no flow change in time.
    """
    found = []
    for flow in flows(net):
        theta, q = flow.control.quadrature(flow.time, derivative=True)
        found += [(d, q) for d in theta if len(d)]
    if not found:
        raise ValueError("no flow of this network has weights at two times, so there is nothing to smooth")
    return found


def total(values: Tensor, weights: Tensor | float) -> Tensor:
    """Return ``sum_i weights_i values_i``, summed over all entries of the values as well."""
    return values.sum() * weights if isinstance(weights, float) else values.flatten(1).sum(1) @ weights


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
