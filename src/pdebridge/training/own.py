"""Functions of a user's own are tried on two samples before a training: one of a wrong shape would train in silence."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pdebridge.dynamics.base import Dynamics

PACKAGE = "pdebridge."
FAILURES = (RuntimeError, TypeError, ValueError, IndexError)


def is_own(thing: object) -> bool:
    """Tell whether an object, or the class of it, comes from outside of this package."""
    return not (getattr(thing, "__module__", None) or type(thing).__module__).startswith(PACKAGE)


def check_dynamics(net: nn.Module, x: Tensor) -> None:
    """Evaluate every dynamics of a user's own, and its gradient, where two inputs of the network lead it.

    Raises:
        ValueError: ``F`` fails, has not the shape and dtype of its features, is not finite, or has no gradient.
    """
    for module in net.modules():
        if isinstance(module, Dynamics) and is_own(type(module)):
            _check(module, net, x.to(next(net.parameters()).dtype))


def _check(dynamics: Dynamics, net: nn.Module, x: Tensor) -> None:
    met: list[tuple[Any, ...]] = []
    hook = dynamics.register_forward_pre_hook(lambda module, given: met.append(given))
    name, failed = type(dynamics).__name__, None
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            net(x)
    except FAILURES as error:  # of a wrong shape, perhaps: the dynamics alone says it better
        failed = error
    finally:
        hook.remove()
    if met:
        u, theta, *rest = met[0]
        f = tried(lambda u, *theta: dynamics(u, theta, *rest), [u, *theta], name, "features")
        if f.shape != u.shape or f.dtype != u.dtype:
            raise ValueError(f"{name} returns {said(f)} for features {said(u)}; F has their shape and dtype")
    if failed is not None:
        raise ValueError(f"{name}: {' '.join(str(failed).split())}") from failed


def check_cost(Q: Callable[[Tensor], Tensor], d: int, name: str) -> None:
    """Evaluate a cost ``Q`` of a user's own, and its gradient, at two points.

    Raises:
        ValueError: ``Q`` fails, returns anything but a number a row, is not finite, or has no gradient.
    """
    x = torch.linspace(-1.0, 1.0, 2 * d).view(2, d)
    q = tried(Q, [x], name, "rows")
    if q.shape != (2,):
        raise ValueError(f"{name} returns {said(q)} for rows {said(x)}; a cost has one number a row, {(2,)}")


def tried(function: Callable[..., Any], arguments: Sequence[Tensor], name: str, what: str) -> Tensor:
    """Return the value of a function that is a finite tensor with a finite gradient."""
    given = [a.detach().clone().requires_grad_() for a in arguments]
    try:
        with torch.enable_grad(), torch.random.fork_rng(devices=[]):
            result = function(*given)
    except FAILURES as error:
        raise ValueError(f"{name} fails for {what} {said(given[0])}: {' '.join(str(error).split())}") from error
    if not isinstance(result, Tensor):
        raise ValueError(f"{name} returns a {type(result).__name__} for {what} {said(given[0])}, not a tensor")
    gradients = torch.autograd.grad(result.sum(), given, allow_unused=True) if result.requires_grad else [None]
    if gradients[0] is None or (given[1:] and all(one is None for one in gradients[1:])):
        lost = what if gradients[0] is None else "weights"
        raise ValueError(f"{name} has no gradient in its {lost}: a .detach(), a no_grad or numpy stands in between")
    if not all(bool(torch.isfinite(one).all()) for one in (result, *gradients) if one is not None):
        raise ValueError(f"{name} or its gradient is not finite for {what} {said(given[0])}")
    return result.detach()


def said(tensor: Tensor) -> str:
    """Return shape and dtype of a tensor as text."""
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
