"""Keep the weights of the best validation accuracy, as copies."""

from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from pdebridge.training.classification import Classification
from pdebridge.training.history import History


class BestWeights(pl.Callback):
    """Copy the network's state whenever the validation accuracy is higher than ever; part of the checkpoint.

    Args:
        history: stands before this callback and has the epoch's figures.
    """

    def __init__(self, history: History) -> None:
        self.history = history
        self.accuracy = -1.0
        self.weights: dict[str, Tensor] = {}

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Compare and copy."""
        assert isinstance(module, Classification)
        accuracy = self.history.rows[-1]["val/accuracy"]
        if accuracy > self.accuracy:
            self.accuracy = accuracy
            self.weights = {name: value.detach().clone() for name, value in module.net.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        """Return the best accuracy and its weights."""
        return {"accuracy": self.accuracy, "weights": self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore them."""
        self.accuracy, self.weights = state_dict["accuracy"], dict(state_dict["weights"])
