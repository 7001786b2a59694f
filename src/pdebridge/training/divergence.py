"""Stop at the first loss that is not finite, and say where it arose and what to change."""

from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from pdebridge.errors import UserError
from pdebridge.networks.flow import Flow
from pdebridge.training.classification import Classification


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


class DivergenceGuard(pl.Callback):
    """Raise `UserError` with the step, the layer and the settings to change when the loss is not finite."""

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Check the loss of a step."""
        assert isinstance(module, Classification)
        if not module.losses[-1].isfinite():
            spec, h = module.training_spec.optimizer, [flow.h for flow in module.flows]
            lr = getattr(spec, "lr", None)
            change = f"training.optimizer.lr (now {lr:g})" if lr else "training.optimizer (now lbfgs)"
            raise UserError(
                f"the loss is {float(module.losses[-1])} at step {trainer.global_step}, epoch {trainer.current_epoch}; "
                f"first in {first_nonfinite_layer(module.net, batch[0])}; lower {change} "
                f"or the step size h (now {', '.join(f'{size:g}' for size in dict.fromkeys(h))})"
            )
