"""The optimisers of a classification, by the names that configurations use."""

from typing import Any, NamedTuple

from torch import nn
from torch.optim import LBFGS, SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, MultiStepLR, OneCycleLR

from pdebridge.configuration.classification import Training
from pdebridge.cube import named
from pdebridge.errors import UserError
from pdebridge.networks.classifier import FlowClassifier
from pdebridge.networks.regularisation import decay_groups
from pdebridge.optimisation.discrete_maximum_principle import BinaryMSA, TernaryMSA, slower
from pdebridge.optimisation.gauss_newton import GaussNewton
from pdebridge.optimisation.maximum_principle import MaximumPrinciple, Penalties
from pdebridge.optimisation.newton_cg import NewtonCG
from pdebridge.optimisation.one_shot import OneShot

Schedule = dict[str, Any] | None
"""What Lightning is told of a schedule: the scheduler, and what advances it, step or epoch."""


RISE = 0.2  # of the steps of a cycle


class Setting(NamedTuple):
    """What an optimiser is made of."""

    training: Training
    net: nn.Module
    batches: int
    """Steps an epoch."""
    epochs: int
    """All, or those of a level."""

    @property
    def weights(self) -> list[nn.Parameter]:
        """Return the weights that are trained."""
        return [p for p in self.net.parameters() if p.requires_grad]


def sgd(spec: Any, at: Setting) -> tuple[Optimizer, Schedule]:
    """Return SGD with momentum, under which scales and shifts of normalisations do not decay, and its schedule."""
    decaying, exempt = decay_groups(at.net)
    groups: list[dict[str, Any]] = [{"params": decaying, "weight_decay": spec.weight_decay}, {"params": exempt}]
    found = SGD(groups, lr=spec.lr, momentum=spec.momentum)
    if spec.schedule == "one-cycle":
        return found, {"scheduler": one_cycle(found, spec.lr, at), "interval": "step"}
    return found, {"scheduler": MultiStepLR(found, spec.milestones, spec.factor), "interval": "epoch"}


def one_cycle(method: Optimizer, lr: float, at: Setting) -> OneCycleLR:
    """Return the rates of one cycle over all steps.

    Raises:
        ValueError: this cycle, or that of another level, is so short that nothing of it rises.
    """
    levels = [level.epochs for level in at.training.levels]
    shortest = at.batches * min(*levels, at.training.epochs - sum(levels), at.epochs)
    if RISE * shortest <= 1:
        raise ValueError(
            f"schedule one-cycle rises in the first fifth of all steps and needs 6 of them or more (found {shortest}):"
            " more training.epochs, a smaller training.batch_size, or schedule: steps"
        )
    return OneCycleLR(
        method, lr, at.epochs * at.batches, pct_start=RISE, anneal_strategy="linear", cycle_momentum=False
    )


def adamw(spec: Any, at: Setting) -> tuple[Optimizer, Schedule]:
    """Return Adam with decoupled weight decay, its rate a cosine to zero."""
    found = AdamW(at.weights, lr=spec.lr, weight_decay=spec.weight_decay)
    return found, {"scheduler": CosineAnnealingLR(found, at.epochs), "interval": "epoch"}


def lbfgs(spec: Any, at: Setting) -> tuple[Optimizer, Schedule]:
    """Return torch's L-BFGS with a strong Wolfe line search."""
    # one more evaluation than 1.25 x iterations would cut the last line search of an epoch short
    limit = 2 * spec.iterations + 10
    return LBFGS(
        at.weights, max_iter=spec.iterations, max_eval=limit, history_size=spec.history, line_search_fn="strong_wolfe"
    ), None


def one_shot(spec: Any, at: Setting) -> tuple[Optimizer, Schedule]:
    """Return L-BFGS on inexact states and adjoints."""
    return OneShot(at.net, spec.history, trials=spec.trials, extra=spec.extra, tolerance=spec.tolerance), None


def binary_msa(spec: Any, at: Setting) -> tuple[Optimizer, Schedule]:
    """Return the discrete maximum principle for two values, whose averages become longer with the epochs."""
    found = BinaryMSA(at.net, spec.rho, spec.average, spec.lr)
    return found, {"scheduler": slower(found, spec.decay), "interval": "epoch"}


def ternary_msa(spec: Any, at: Setting) -> tuple[Optimizer, Schedule]:
    """Return the same for three values."""
    found = TernaryMSA(at.net, spec.rho, spec.sparsity, average=spec.average, lr=spec.lr)
    return found, {"scheduler": slower(found, spec.decay), "interval": "epoch"}


def msa(spec: Any, at: Setting) -> tuple[Optimizer, Schedule]:
    """Return the maximum principle, extended where ``rho`` is given, with the penalties of the training."""
    penalties = Penalties(at.training.tikhonov, at.training.smoothness, at.training.decay)
    lr = spec.lr if spec.name == "msa" else None
    rho = spec.rho if spec.name == "e-msa" else 0.0
    return MaximumPrinciple(at.net, rho, spec.iterations, lr, penalties), None


def gauss_newton(spec: Any, at: Setting) -> tuple[Optimizer, Schedule]:
    """Return Gauss-Newton or Newton's method, which have the penalties in their matrix."""
    assert isinstance(at.net, FlowClassifier)
    penalties = at.training.smoothness, at.training.tikhonov, at.training.decay
    method = NewtonCG if spec.name == "newton-cg" else GaussNewton
    return method(at.net, *penalties, spec.iterations, spec.cg, spec.tolerance), None


def optimiser(
    training: Training, net: nn.Module, batches: int, epochs: int | None = None
) -> tuple[Optimizer, Schedule]:
    """Return the optimiser that a training names, and its schedule if it has one.

    Args:
        training: names it.
        net: its weights.
        batches: steps an epoch.
        epochs: those of a level; default all.

    Raises:
        UserError: the optimiser does not fit the network or the rest of the training.
    """
    spec = training.optimizer
    try:
        found: tuple[Optimizer, Schedule] = named("optimiser", spec.name)(
            spec, Setting(training, net, batches, epochs or training.epochs)
        )
        return found
    except ValueError as error:
        raise UserError(f"training.optimizer: {spec.name}: {error}") from error
