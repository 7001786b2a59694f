"""Where a network first yields numbers that are not finite."""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from pdebridge.networks.flow import Flow


def first_nonfinite_layer(net: nn.Module, x: Tensor) -> str:
    """Return the first layer whose weights or features are not finite."""
    for name, weight in net.named_parameters():
        if not weight.isfinite().all():
            return f"weights {name}"
    found: list[str] = []
    flows = [part for part in net.modules() if isinstance(part, Flow)]
    inside = {part for flow in flows for part in flow.modules() if part is not flow}  # a flow is searched by steps
    watched = {name: part for name, part in net.named_modules() if name and part not in inside}
    hooks = [part.register_forward_hook(partial(_watch, found, name)) for name, part in watched.items()]
    with torch.no_grad():
        net(x)
    for hook in hooks:
        hook.remove()
    return found[0] if found else "the objective"


def _watch(found: list[str], name: str, part: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
    if not isinstance(output, Tensor) or output.isfinite().all():
        return
    if isinstance(part, Flow):
        states = part.trajectory(inputs[0])
        step = next((k for k, u in enumerate(states) if not u.isfinite().all()), part.steps)
        name = f"layer {step} of {part.steps} in {name}"
    if not found:
        found.append(name)
