"""A block of ``N`` steps: one point of the cube dynamics x integrator x gradient."""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from pdebridge.catalogue import INTEGRATORS
from pdebridge.cube import load, made, named, shown
from pdebridge.dynamics.base import Dynamics, Theta
from pdebridge.dynamics.control import Control, PiecewiseConstant
from pdebridge.gradients.mode import Mode
from pdebridge.integrators.base import Integrator
from pdebridge.integrators.march import fields

Gradient = Callable[[Integrator, Dynamics, Theta, Tensor, int, float], Tensor]


def reversible_names() -> str:
    """Return the names of the reversible integrators and what they integrate, for a message."""
    steps = {name: load(reference) for name, reference in INTEGRATORS.items()}
    return ", ".join(f"{name} ({step.structure})" for name, step in steps.items() if step.reversible)


class Flow(nn.Module):
    """The numerical flow map ``u(0) -> u(T)`` of ``u' = F(t, u; theta(t))`` in ``N`` steps of ``h = T/N``.

    Args:
        dynamics: the right-hand side ``F``.
        control: its weights ``theta(t)``.
        integrator: the step, by name, as a class or as an object; its structure must be the dynamics'.
        gradient: how the derivative comes back: a name, a function, an object that is called like one, or a class of
            such objects, of which every flow then has one with the defaults.
        steps: ``N``.
        time: ``T``.

    Raises:
        ValueError: ``N`` or ``T`` is not positive, a name is unknown, an argument is of another kind, the integrator
            does not fit the structure of the dynamics, the gradient does not fit them, or the control has weights of
            other names, shapes or steps.
    """

    def __init__(
        self,
        dynamics: Dynamics,
        control: Control,
        integrator: str | Integrator | type[Integrator],
        gradient: str | Gradient | type[Gradient] = "stored",
        steps: int = 1,
        time: float = 1.0,
    ) -> None:
        super().__init__()
        self.integrator: Integrator = made("integrator", integrator)
        self.gradient: Gradient = made("gradient", gradient)
        for thing, kind in ((dynamics, Dynamics), (control, Control), (self.integrator, Integrator)):
            if not isinstance(thing, kind):
                raise ValueError(f"where a flow has {thing!r} it needs a {kind.__name__}: see pdebridge.flow")
        if not callable(self.gradient):
            raise ValueError(f"a gradient is a name or is called like a function, which {gradient!r} is not")
        if steps < 1 or not time > 0:
            raise ValueError(f"time increases from 0 to T in one step or more (found T = {time:g}, {steps} steps)")
        if self.integrator.structure != dynamics.structure:
            raise ValueError(
                f"{type(self.integrator).__name__} integrates {self.integrator.structure} dynamics, "
                f"{type(dynamics).__name__} is {dynamics.structure}"
            )
        if getattr(self.gradient, "reverses", False) and not self.integrator.reversible:
            raise ValueError(
                f"a reversible gradient recomputes u_k from u_(k+1), and {type(self.integrator).__name__} has no "
                f"algebraic inverse; integrators that have one: {reversible_names()}"
            )
        self.dynamics, self.control = dynamics, control
        if isinstance(self.gradient, Mode):
            self.gradient.check(self.integrator, dynamics, steps)
        self.steps, self.time, self.h = steps, time, time / steps
        agree(dynamics, control, steps, self.integrator.abscissae)

    def extra_repr(self) -> str:
        """Return the equation and its discretisation."""
        equation = (inspect.getdoc(type(self.dynamics)) or "").split("\n")[0].replace("``", "").rstrip(".")
        lines = [equation] if equation else []
        lines.append(f"N = {self.steps}, T = {self.time:g}, h = {self.h:g}")
        return "\n".join([*lines, f"step {shown(self.integrator)}, gradient {shown(self.gradient)}"])

    def forward(self, u: Tensor, refinement: float = 1) -> Tensor:
        """Return ``u(T)`` for features ``u``, batch first.

        With ``refinement`` r the same control is integrated in ``r N`` steps of ``h/r``, for example r = 1/4 or 16:
        the differential equation that the network stands for, rather than the network. Under autocast the features
        and the updates of a step stay float32; only ``F`` is in low precision.

        Raises:
            ValueError: ``r N`` is not a number of steps.
        """
        steps = round(refinement * self.steps)
        if steps < 1 or abs(steps - refinement * self.steps) > 1e-9 * steps:
            raise ValueError(f"{refinement} times {self.steps} steps is not a whole number of steps")
        theta = self.control.sample(steps, self.integrator.abscissae)
        u = u.float() if u.dtype in (torch.bfloat16, torch.float16) and torch.is_autocast_enabled(u.device.type) else u
        return self.gradient(self.integrator, self.dynamics, theta, u, steps, self.h / refinement)

    def refine(self, steps: int) -> None:
        """Go on with ``steps`` steps to the same ``T`` and the control prolonged: one level of a multilevel training.

        For a control that is smooth in time ``u(T)`` changes by the error of the integrator, ``O(h)`` for forward Euler
        (Haber & Ruthotto 2017). The weights are new parameters, which an optimiser must be shown.

        Raises:
            ValueError: the control is not piecewise constant, so that its weights do not belong to steps.
        """
        if not isinstance(self.control, PiecewiseConstant):
            raise ValueError(f"only a piecewise constant control is prolonged, not {type(self.control).__name__}")
        self.control.prolong(steps)
        self.steps, self.h = steps, self.time / steps

    def trajectory(self, u: Tensor) -> list[Tensor]:
        """Return the features ``u_0, ..., u_N`` of every step."""
        theta = self.control.sample(self.steps, self.integrator.abscissae)
        state = self.integrator.start(u)
        features = [self.integrator.finish(state)]
        for F in fields(self.integrator, self.dynamics, theta, self.steps, self.h):
            state = self.integrator.step(F, state, self.h)
            features.append(self.integrator.finish(state))
        return features


def agree(dynamics: Dynamics, control: Control, steps: int, abscissae: tuple[float, ...]) -> None:
    """Compare the weights of a control with those that a dynamics draws; the random numbers to come stay the same.

    Raises:
        ValueError: names, shapes or steps differ.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        wanted = {name: tuple(w.shape) for name, w in dynamics.initial().items()}
        found = dict(zip(control.names, (tuple(w.shape[2:]) for w in control.sample(steps, abscissae)), strict=True))
    if list(found.items()) != list(wanted.items()):
        raise ValueError(
            f"{type(dynamics).__name__} has the weights {wanted}, its control has {found}: make the control from the "
            "same dynamics"
        )


def flow(
    dynamics: str | Dynamics | type[Dynamics],
    integrator: str | Integrator | type[Integrator],
    gradient: str | Gradient | type[Gradient] = "stored",
    *,
    steps: int,
    time: float,
    width: int | None = None,
    control: str | Control | type[Control] = "piecewise-constant",
    coefficients: int | None = None,
    repeat: bool = False,
    **options: Any,
) -> Flow:
    """Return a `Flow` from names, classes or objects.

    ``pdebridge.flow("hamiltonian", "verlet", width=32, steps=400, time=40, gradient="reversible")``

    Args:
        dynamics: the right-hand side.
        integrator: the step.
        gradient: how the derivative comes back.
        steps: ``N``.
        time: ``T``.
        width: features or channels, unless `dynamics` is an object.
        control: where the weights live.
        coefficients: of a control that is a spline.
        repeat: draw the weights of all times alike.
        options: of the dynamics, unless it is an object.

    Raises:
        ValueError: as `Flow`; or an option that its owner does not have.
    """
    if options.get("normalisation") == "batch":
        options["steps"] = steps
    given = {**options} if width is None else {"width": width, **options}
    F = made("dynamics", dynamics, **given)
    if isinstance(F, Dynamics) and not isinstance(control, Control):
        own: dict[str, Any] = {"repeat": True} if repeat else {}
        kind = named("control", control) if isinstance(control, str) else control
        if issubclass(kind, PiecewiseConstant):
            own["steps"] = steps
        elif coefficients is not None:
            own["coefficients"] = coefficients
        control = made("control", control, F, **own)
    return Flow(F, control, integrator, gradient, steps, time)  # type: ignore[arg-type]
