"""How the weights of a classification are found: one optimiser by its name, with its own keys."""

from typing import Annotated, Literal

from pydantic import Field

from pdebridge.configuration.model import Count, Positive, Strict


class Method(Strict):
    """What all optimisers have in common."""

    @property
    def iterations_an_epoch(self) -> int:
        """Return how many iterations an epoch has, by the method's own count."""
        return 1


class Iterated(Method):
    """A method with several iterations an epoch, all on one batch."""

    iterations: Count
    """Iterations an epoch."""

    @property
    def iterations_an_epoch(self) -> int:
        """Return ``iterations``."""
        return self.iterations


class SGD(Method):
    """Stochastic gradient descent with momentum."""

    name: Literal["sgd"]
    lr: Positive = 0.1
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    schedule: Literal["steps", "one-cycle"] = "steps"
    """``steps``: the rate is multiplied by ``factor`` at the milestones. ``one-cycle``: it rises in a line from
    ``lr / 25`` to ``lr`` in the first fifth of all steps and falls in a line to zero (Smith & Topin, 2018)."""
    milestones: list[Count] = []
    """Epochs after which the rate drops."""
    factor: Positive = 0.1


class AdamW(Method):
    """Adam with decoupled weight decay and a cosine rate to zero over all epochs."""

    name: Literal["adamw"]
    lr: Positive = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.0


class LBFGS(Iterated):
    """L-BFGS with a strong Wolfe line search; wants the full batch."""

    name: Literal["lbfgs"]
    iterations: Count = 20
    """Iterations an epoch."""
    history: Count = 20
    """Stored pairs."""


class OneShot(Method):
    """L-BFGS with Armijo's rule on states and adjoints that a few multigrid cycles improve (Günther et al. 2020).

    The network's gradient is ``layer-parallel`` with ``warm: true``; its ``cycles`` are those of an iteration. Wants
    the full batch; an epoch is an iteration.
    """

    name: Literal["one-shot"]
    history: Count = 10
    """Stored pairs."""
    trials: Count = 20
    """Step lengths ``1, 1/2, 1/4, ...`` that are tried before a step is refused."""
    extra: Count = 1
    """Cycles that a refused step adds to those of an iteration."""
    tolerance: Annotated[float, Field(ge=0)] = 1e-4
    """Norm of the gradient below which the weights stay."""


class DiscreteMSA(Method):
    """The maximum principle for weights of a few values (Li & Hao, ICML 2018); scales and shifts by Adam."""

    rho: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Weights change where their mean ``M`` exceeds this share of the largest one that disagrees with its weight."""
    average: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """alpha of the moving mean of ``M`` in the first epoch."""
    decay: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Factor of ``1 - alpha`` after every epoch."""
    lr: Positive = 1e-3
    """Of Adam."""


class BinaryMSA(DiscreteMSA):
    """The maximum principle for weights in {-1, 1} (Li & Hao, ICML 2018)."""

    name: Literal["binary-msa"]


class TernaryMSA(DiscreteMSA):
    """The maximum principle for weights in {-1, 0, 1} (Li & Hao, ICML 2018)."""

    name: Literal["ternary-msa"]
    rho: Annotated[float, Field(ge=0, lt=1)] = 0.25
    """As for binary weights."""
    sparsity: Annotated[float, Field(ge=0)] = 1e-7
    """lambda of ``lambda sum |theta|``."""


class MSA(Method):
    """The maximum principle (Li, Chen, Tai & E, JMLR 2018): every layer maximises its Hamiltonian, all at once.

    Wants layout ``dense``, weights of every step's own, one device.
    """

    name: Literal["msa"]
    iterations: Count = 10
    """Of L-BFGS on every Hamiltonian."""
    lr: Positive | None = None
    """One gradient step of this length takes the place of L-BFGS, which makes the method gradient descent."""


class EMSA(Method):
    """The extended method: residuals of state and costate keep the new weights near their trajectory.

    Wants what ``msa`` wants.
    """

    name: Literal["e-msa"]
    rho: Positive
    """Weight of the residuals; every iteration decreases the objective if it is large enough."""
    iterations: Count = 10
    """Of L-BFGS on every augmented Hamiltonian."""


class SecondOrder(Iterated):
    """A method of second order for the control with the best classifier at every evaluation (Haber & Ruthotto 2017)."""

    iterations: Count = 5
    """Iterations an epoch."""
    cg: Count = 20
    """Most iterations of conjugate gradients for a step."""
    tolerance: Annotated[float, Field(gt=0, lt=1)] = 1e-2
    """Relative residual at which they end."""


class GaussNewton(SecondOrder):
    """Gauss-Newton's approximation of the Hessian."""

    name: Literal["gauss-newton"]


class NewtonCG(SecondOrder):
    """The Hessian itself, conjugate gradients that end at negative curvature."""

    name: Literal["newton-cg"]
    cg: Count = 50
    """Most iterations of conjugate gradients for a step."""
    tolerance: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Largest relative residual at which they end; it falls with the square of the gradient (Eisenstat & Walker)."""


Optimiser = Annotated[
    SGD | AdamW | LBFGS | BinaryMSA | TernaryMSA | MSA | EMSA | GaussNewton | NewtonCG | OneShot,
    Field(discriminator="name"),
]
