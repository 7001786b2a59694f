"""The one LightningModule for classification, whatever the network."""

from collections.abc import Callable, Sequence
from statistics import mean
from typing import Any

import torch
from torch import Tensor, nn

from pdebridge.configuration.classification import ClassificationCell, Training
from pdebridge.gradients.mode import Mode
from pdebridge.gradients.reverse_time import ReverseTime
from pdebridge.gradients.reversible import Reversible
from pdebridge.networks.evaluations import evaluations
from pdebridge.networks.regularisation import flows, project, smoothness, tikhonov, total_variation
from pdebridge.optimisation.problem import ControlMethod, Problem
from pdebridge.training import construct
from pdebridge.training.batches import Batches
from pdebridge.training.capture import capturable, capture
from pdebridge.training.construct import Samples, classifier
from pdebridge.training.divergence import first_nonfinite_layer
from pdebridge.training.levels import Level, levels
from pdebridge.training.losses import LOSSES, Loss
from pdebridge.training.optimisers import optimiser
from pdebridge.training.task import Figures, Task

EVALUATED = 1024  # samples at once where no gradient is needed


class Classification(Task):
    """Minimise a loss of the logits + penalties of the control in time + ``beta/2 |W|^2`` of the classifier.

    Args:
        net: the network; anything from inputs to logits.
        training: the budget and the weights of the penalties.
        seed: of shuffling, dropout and the like.
        data: tensors of ``train``, ``val`` and, where there is one, ``test``.
        levels: of a multilevel training, the first one that of ``net``.
    """

    def __init__(
        self, net: nn.Module, training: Training, seed: int, data: Samples, levels: Sequence[Level] = ()
    ) -> None:
        super().__init__(net, training.epochs, seed)
        self.levels = {level.steps: level for level in levels}
        self.training_spec, self.data, self.loss = training, data, LOSSES[training.loss]
        self.flows, head = flows(net), classifier(net)
        self.modes = [flow.gradient for flow in self.flows if isinstance(flow.gradient, Mode)]
        self.adaptive = [flow for flow in self.flows if flow.integrator.adaptive]
        penalties: list[tuple[float, Callable[[], Tensor]]] = [
            (training.smoothness, lambda: smoothness(net)),
            (training.variation, lambda: total_variation(net)),
            (training.tikhonov, lambda: tikhonov(net)),
            (training.decay, lambda: head.weight.square().sum() / 2),
        ]
        self.penalties = [(weight, penalty) for weight, penalty in penalties if weight]
        self.replay: Callable[[Tensor], Tensor] | None = None
        self.tested: list[Tensor] = []
        self.spent: list[Figures] = []

    def loaders(self) -> tuple[Batches, Batches]:
        """Return shuffled batches of the training samples, and the validation samples.

        Processes that share the layers see all of each batch.
        """
        spec = self.training_spec
        layers = any(getattr(flow.gradient, "distributed", False) for flow in self.flows)
        change = spec.augmentation.model_dump()
        self.batches = Batches(*self.data["train"], spec.batch_size, self.seed, **change, shared=not layers)
        return self.batches, Batches(*self.data["val"], EVALUATED)

    def on_fit_start(self) -> None:
        """Move the samples to the training's device; on a GPU, record the passes of a step."""
        super().on_fit_start()
        self.batches.to(self.device)
        if self.device.type == "cuda" and not self.levels and capturable(self.net):
            x, _ = next(iter(self.batches))
            with self.autocast(self.device.type):
                self.replay = capture(self.net, x.to(self.device))

    def autocast(self, device: str) -> torch.autocast:
        """Return the context of the training's precision; a graph may not hold weights cast outside it."""
        low = self.training_spec.precision == "bf16-mixed"
        return torch.autocast(device, torch.bfloat16, enabled=low, cache_enabled=device != "cuda")

    def logits(self, x: Tensor) -> Tensor:
        """Return the network's values in the precision of the training, for a loss in that of ``x``."""
        with self.autocast(x.device.type):
            return (self.replay or self.net)(x).to(x.dtype)

    def objective(self, logits: Tensor, c: Tensor, share: float = 1.0) -> Tensor:
        """Return the regularised objective for logits ``(batch, classes)`` and labels ``(batch,)``.

        Args:
            logits: of this process.
            c: labels.
            share: weight of the loss where other processes have the rest of the batch.
        """
        loss = self.loss(logits, c) * share
        for weight, penalty in self.penalties:
            loss = loss + weight * penalty()
        return loss

    def on_train_epoch_start(self) -> None:
        """Where a level begins, refine the network, forget the best weights so far, and make a new optimiser."""
        for level in self.levels.values():
            if 0 < level.first == self.current_epoch:
                self.refine(level.steps)
                self.forget_best()
                self.trainer.strategy.setup_optimizers(self.trainer)

    def refine(self, steps: int) -> None:
        """Prolong the control of every flow to ``steps`` steps."""
        for flow in self.flows:
            flow.refine(steps)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep also the evaluations of an unfinished epoch, which gradients have fallen back, and the level's depth."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["spent"] = self.spent
        checkpoint["fallen"] = [mode.fallen for mode in self.modes]
        if self.levels:
            checkpoint["steps"] = self.flows[0].steps

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore them, and the shapes of the level for the weights that Lightning loads next."""
        super().on_load_checkpoint(checkpoint)
        self.spent = checkpoint["spent"]
        for mode, fallen in zip(self.modes, checkpoint["fallen"], strict=True):
            mode.fallen = fallen
        if self.levels:
            self.refine(checkpoint["steps"])

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Seed torch from (seed, step), reset the evaluation counters, hand the batch to control methods."""
        evaluations(self.adaptive)
        self.tie_randomness()
        method = self.optimizers(use_pl_optimizer=False)
        if isinstance(method, ControlMethod):
            x, c = batch
            method.problem = Problem(self.net, x, c, self.objective)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the objective on a batch."""
        x, c = batch
        loss = self.objective(self.logits(x), c, self.batches.share(batch_idx))
        self.losses.append(loss.detach())
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Put the weights back into their box; note the evaluations of the step."""
        self.spent.append(evaluations(self.adaptive))
        if self.training_spec.box is not None:
            project(self.net.parameters(), self.training_spec.box)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Gather summed loss, correct answers and samples."""
        x, c = batch
        logits = self.logits(x)
        correct = (logits.argmax(1) == c).sum()
        loss = self.loss(logits, c, reduction="sum")
        self.tested.append(torch.stack([loss, correct, torch.tensor(len(c), device=x.device)]).double())

    def epoch_figures(self) -> Figures:
        """Return and forget the figures gathered since the last call; accuracy in per cent, of the last step."""
        loss, correct, n = torch.stack(self.tested).sum(0).tolist()
        loss_here = self.losses[-1] if self.full_batch else torch.stack(self.losses).mean()
        figures = {"train/loss": float(self.trainer.strategy.reduce(loss_here, reduce_op="mean"))}
        self.losses, self.tested = [], []
        if self.training_spec.select == "best":
            self.keep_if_best(-correct)
        return (
            figures
            | {"val/loss": loss / n, "val/accuracy": 100 * correct / n}
            | self.reversal()
            | self.work()
            | self.depth()
        )

    def depth(self) -> Figures:
        """Return the steps of the level, where there are several."""
        return {"steps": float(self.flows[0].steps)} if self.levels else {}

    def work(self) -> Figures:
        """Return and forget the mean evaluations of a step since the last call, where flows are adaptive."""
        spent, self.spent = self.spent, []
        return {name: mean(step[name] for step in spent) for name in (spent[0] if spent else ())}

    def reversal(self) -> Figures:
        """Return the relative errors of what each flow found again backwards in the last step, and the largest."""
        modes = [flow.gradient for flow in self.flows if isinstance(flow.gradient, Reversible | ReverseTime)]
        errors = [float(mode.error) for mode in modes if mode.error is not None]
        each = {f"reversal/flow-{i}": error for i, error in enumerate(errors, 1)} if len(errors) > 1 else {}
        return {"reversal/error": max(errors)} | each if errors else {}

    def summary(self, last: Figures) -> Figures:
        """Return accuracies in per cent, losses, the number of weights, and memory and evaluations of a step's passes.

        ``memory`` is in bytes; ``nfe/forward``, ``nfe/rejected`` and ``nfe/backward`` are means over the last epoch,
        ``reversal/error`` is of its last step; ``weights/non-zero`` (%) of ternary weights.
        """
        if self.training_spec.select == "best":
            self.return_to_best()
        measured = [evaluate(self.net, *samples, part, self.loss) for part, samples in self.data.items()]
        return {
            **{name: value for figures in measured for name, value in figures.items()},
            "train/objective": last["train/loss"],
            "parameters": sum(p.numel() for p in self.net.parameters()),
            "memory": float(self.memory()),
            **evaluations(self.flows),
            **self.non_zero(),
            **{name: value for name, value in last.items() if name.startswith(("nfe/", "reversal/error"))},
        }

    def non_zero(self) -> Figures:
        """Return the share of ternary weights that are not 0, in per cent, where they are trained."""
        if self.training_spec.optimizer.name != "ternary-msa":
            return {}
        weights = torch.cat([m.weight.flatten() for m in self.net.modules() if isinstance(m, nn.Linear)])
        return {"weights/non-zero": 100 * float(weights.count_nonzero()) / len(weights)}

    def memory(self) -> int:
        """Return the most bytes that a forward and a backward pass of one batch have alive among what they make."""
        x, c = (part.to(self.device) for part in next(iter(self.loaders()[0])))
        return self.peak(lambda: self.objective(self.logits(x), c))

    def blame(self, batch: tuple[Tensor, Tensor]) -> str:
        """Return the first layer that is not finite, and the rate or step size to lower."""
        spec, h = self.training_spec.optimizer, [flow.h for flow in self.flows]
        lr = getattr(spec, "lr", None)
        change = f"training.optimizer.lr (now {lr:g})" if lr else f"training.optimizer (now {spec.name})"
        sizes = ", ".join(f"{size:g}" for size in dict.fromkeys(h))
        return f"first in {first_nonfinite_layer(self.net, batch[0])}; lower {change} or the step size h (now {sizes})"

    @property
    def full_batch(self) -> bool:
        """Tell whether a step sees all samples, so that its last loss is the epoch's."""
        return self.training_spec.batch_size is None

    def configure_optimizers(self) -> Any:
        """Return the optimiser and its schedule, over the epochs of the level where there are several."""
        level = self.levels[self.flows[0].steps] if self.levels else None
        epochs = level.last - level.first if level else None
        found, schedule = optimiser(self.training_spec, self.net, len(self.loaders()[0]), epochs)
        return {"optimizer": found, "lr_scheduler": schedule} if schedule else found


@torch.no_grad()
def evaluate(net: nn.Module, x: Tensor, c: Tensor, part: str, loss: Loss) -> Figures:
    """Return the loss, and accuracy and error in per cent, on a part of the data, as ``part/loss`` and so on."""
    device = next(net.parameters()).device
    logits, c = torch.cat([net(y.to(device)) for y, _ in Batches(x, c, EVALUATED)]), c.to(device)
    accuracy = 100 * float((logits.argmax(1) == c).double().mean())
    return {f"{part}/loss": float(loss(logits, c)), f"{part}/accuracy": accuracy, f"{part}/error": 100 - accuracy}


def assemble(cell: ClassificationCell, seed: int) -> Classification:
    """Return the module with freshly initialised weights, and its data."""
    data, features, classes = construct.samples(cell, seed)
    torch.manual_seed(seed)
    depths = levels(cell)
    spec = cell.network
    if depths and spec.layout != "published":
        spec = spec.in_steps(depths[0].steps)
    net = construct.network(spec, features, classes, f"{construct.where(cell)}: network")
    return Classification(net.to(construct.DTYPES[cell.training.precision]), cell.training, seed, data, depths)
