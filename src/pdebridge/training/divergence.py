"""Stop at the first loss that is not finite, and say where it arose and what to change."""

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from pdebridge.errors import UserError
from pdebridge.networks.classifier import FlowClassifier
from pdebridge.training.classification import Classification


def first_nonfinite_layer(net: FlowClassifier, x: Tensor) -> str:
    """Return the first layer whose weights or features are not finite."""
    for name, weight in net.named_parameters():
        if not weight.isfinite().all():
            return f"weights {name}"
    with torch.no_grad():
        for k, u in enumerate(net.trajectory(x)):
            if not u.isfinite().all():
                return f"layer {k} of {net.flow.steps}" if k else "the opening"
    return "the classifier"


class DivergenceGuard(pl.Callback):
    """Raise `UserError` with the step, the layer and the settings to change when the loss is not finite."""

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Check the loss of a step."""
        assert isinstance(module, Classification)
        if not module.losses[-1].isfinite():
            spec, flow = module.training_spec.optimizer, module.net.flow
            lr = getattr(spec, "lr", None)
            change = f"training.optimizer.lr (now {lr:g})" if lr else "training.optimizer (now lbfgs)"
            raise UserError(
                f"the loss is {float(module.losses[-1])} at step {trainer.global_step}, epoch {trainer.current_epoch}; "
                f"first in {first_nonfinite_layer(module.net, batch[0])}; lower {change} "
                f"or the step size h = network.time / network.steps (now {flow.h:g})"
            )
