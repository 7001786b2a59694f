"""States, costates and augmented Hamiltonians of a network, those of all layers at once (Li, Chen, Tai & E, 2018).

A network is a chain of stages: the opening ``u_0 = O(y, V)``, layers ``x_{k+1} = Phi_k(x_k, theta_k)`` with
``Phi_k(x, theta) = x + h f(t_k, x, theta)`` for forward Euler, and the terminal cost ``Phi(x_N, W)``. The objective is
``J = mean_i [Phi(x_N^i, W)] + sum_k R_k(theta_k)``; costates are ``p_N = -dPhi/dx`` and
``p_k = (dPhi_k/dx)^T p_{k+1}``, one a sample.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.func import functional_call

from pdebridge.dynamics.base import Dynamics, Theta
from pdebridge.gradients.level import Row
from pdebridge.integrators.base import Integrator, State
from pdebridge.integrators.march import fields
from pdebridge.networks.classifier import FlowClassifier
from pdebridge.optimisation.problem import Problem


class Recorder:
    """The stored gradient, which also keeps the states of a pass and, after its backward pass, their cotangents."""

    def __call__(
        self, integrator: Integrator, dynamics: Dynamics, theta: Theta, u: Tensor, steps: int, h: float
    ) -> Tensor:
        """Integrate ``steps`` steps of size ``h`` from ``u``; the arguments are those of ``stored``."""
        self.u = marked(u)
        self.states = [tuple(marked(s) for s in integrator.start(self.u))]
        for F in fields(integrator, dynamics, theta, steps, h):
            state = integrator.step(F, self.states[-1], h)
            self.states.append(tuple(marked(s) for s in state))
        return integrator.finish(self.states[-1])

    def trajectory(self) -> tuple[State, State]:
        """Return ``x_0, ..., x_N`` and ``p_0, ..., p_N``, stacked ``(N + 1, batch, ...)``."""
        parts = list(zip(*self.states, strict=True))
        X = tuple(torch.stack([s.detach() for s in part]) for part in parts)
        return X, tuple(torch.stack([costate(s) for s in part]) for part in parts)


def marked(s: Tensor) -> Tensor:
    """Return the same values as a node of the graph that keeps its cotangent, no other state's."""
    s = s.view_as(s) if s.requires_grad else s.detach().requires_grad_()
    s.retain_grad()
    return s


def costate(s: Tensor) -> Tensor:
    """Return ``-B dJ/ds``: the costates of ``B`` samples whose mean is the objective."""
    return torch.zeros_like(s) if s.grad is None else -len(s) * s.grad


class Stage(ABC):
    """What is left of ``H~`` from its present value, as a function of the weights of stages that can change at once.

    Called with rows ``(N, n)``, one a stage, it returns ``H~_k(theta^old) - H~_k(theta)``, ``(N,)``, up to a constant:
    to be minimised. Its derivative at the present weights is that of the objective ``J``.

    Attributes:
        weights: views of the parameters, each ``(N, ...)``.
    """

    weights: list[Tensor]

    def rows(self) -> Tensor:
        """Return the present weights."""
        return torch.cat([w.detach().flatten(1) for w in self.weights], 1)

    def split(self, rows: Tensor) -> list[Tensor]:
        """Return rows in the shapes of the weights."""
        parts = rows.split([w[0].numel() for w in self.weights], 1)
        return [part.view_as(w) for part, w in zip(parts, self.weights, strict=True)]

    @torch.no_grad()
    def place(self, rows: Tensor) -> None:
        """Write weights."""
        for w, part in zip(self.weights, self.split(rows), strict=True):
            w.copy_(part)

    @abstractmethod
    def __call__(self, rows: Tensor) -> Tensor:
        """Return ``-H~``, a number a row."""


class Layers(Stage):
    """``H~_k = mean_i [p_{k+1}.Phi_k(x_k, theta) - rho/(2h) (|r_k|^2 + |q_k|^2)] - R_k(theta)`` of all layers.

    ``r_k = x_{k+1} - Phi_k(x_k, theta)`` and ``q_k = p_k - (dPhi_k/dx)^T p_{k+1}`` are the residuals of the states and
    costates that the present weights have. With forward Euler this is, but for a constant, ``h`` times the published
    ``p.f - L - rho/2 |x' - f|^2 - rho/2 |p' + dH/dx|^2`` with difference quotients for ``x'`` and ``p'``.

    ``R_k`` contains ``gamma h/2 |theta_k|^2``. The smoothness ``alpha/(2h) sum_k |theta_{k+1} - theta_k|^2`` ties the
    layers; in its place stands the separable function that touches it from above at the present weights.

    Args:
        net: its flow.
        trajectory: states and costates.
        rho: of the two residuals.
        tikhonov: ``gamma``.
        smoothness: ``alpha``.
    """

    def __init__(
        self, net: FlowClassifier, trajectory: tuple[State, State], rho: float, tikhonov: float, smoothness: float
    ) -> None:
        flow = net.flow
        self.weights = flow.control.coefficients
        theta = flow.control.sample(flow.steps, flow.integrator.abscissae)
        k = torch.arange(flow.steps, device=theta[0].device, dtype=theta[0].dtype)
        self.row = Row(flow.integrator, flow.dynamics, theta, k, flow.h)
        X, P = trajectory
        self.before = tuple(x[:-1].requires_grad_(rho > 0) for x in X)
        self.after = tuple(x[1:] for x in X)
        self.p, self.p_after = tuple(p[:-1] for p in P), tuple(p[1:] for p in P)
        self.rho, self.tikhonov, self.smoothness = rho / flow.h, tikhonov * flow.h, smoothness / flow.h

    def __call__(self, rows: Tensor) -> Tensor:
        """Return ``-H~_k`` relative to ``p_{k+1}.x_{k+1}``, which spares the digits that this has in common with it."""
        theta = [w.unsqueeze(1) for w in self.split(rows)]
        after = self.row.under(tuple(theta), self.before)
        states = difference(after, self.after)
        value = self.penalty(rows) - inner(self.p_after, states)
        if not self.rho:
            return value
        p = torch.autograd.grad(after, self.before, self.p_after, create_graph=True, materialize_grads=True)
        costates = difference(p, self.p)
        return value + self.rho / 2 * (inner(states, states) + inner(costates, costates))

    def penalty(self, rows: Tensor) -> Tensor:
        """Return ``R_k``.

        ``|d + e_{k+1} - e_k|^2 <= |d|^2 + 2 d.(e_{k+1} - e_k) + 2 |e_{k+1}|^2 + 2 |e_k|^2`` for a change ``e`` of the
        weights, whose difference was ``d``.
        """
        value = self.tikhonov / 2 * rows.square().sum(1)
        if not self.smoothness:
            return value
        old = self.rows()
        slope = -nn.functional.pad(old.diff(dim=0), (0, 0, 1, 1)).diff(dim=0)
        e = rows - old
        neighbours = torch.full_like(value, 2.0)
        neighbours[0] -= 1
        neighbours[-1] -= 1
        return value + self.smoothness * ((slope * e).sum(1) + neighbours * e.square().sum(1))


class Opening(Stage):
    """``H~ = mean_i [p_0.O(y, V) - rho/2 |u_0 - O(y, V)|^2]``; the input is no state and has no costate.

    Args:
        net: its opening, with weights.
        y: inputs.
        u: the features ``u_0``, with their cotangent.
        rho: of the residual.
    """

    def __init__(self, net: FlowClassifier, y: Tensor, u: Tensor, rho: float) -> None:
        self.opening, self.y, self.u, self.p, self.rho = net.opening, y, u.detach(), costate(u), rho
        self.names, parameters = zip(*net.opening.named_parameters(), strict=True)
        self.weights = [w.unsqueeze(0) for w in parameters]

    def __call__(self, rows: Tensor) -> Tensor:
        """Return ``-H~``."""
        V = {name: w.squeeze(0) for name, w in zip(self.names, self.split(rows), strict=True)}
        residual = functional_call(self.opening, V, (self.y,)) - self.u
        return ((self.rho / 2 * residual - self.p) * residual).flatten(1).sum(1).mean(0, keepdim=True)


class Terminal(Stage):
    """``H~ = -mean_i [Phi(x_N, W) + rho/2 |p_N + dPhi/dx|^2] - beta/2 |W|^2``; concave without ``rho`` (convex loss).

    Args:
        net: its classifier.
        problem: the loss.
        trajectory: states and costates.
        rho: of the residual.
        decay: ``beta``.
    """

    def __init__(
        self, net: FlowClassifier, problem: Problem, trajectory: tuple[State, State], rho: float, decay: float
    ) -> None:
        self.net, self.problem, self.rho, self.decay = net, problem, rho, decay
        X, P = trajectory
        self.x, self.p = tuple(x[-1:].requires_grad_(rho > 0) for x in X), tuple(p[-1:] for p in P)
        self.weights = [net.classifier.weight.unsqueeze(0), net.classifier.bias.unsqueeze(0)]

    def __call__(self, rows: Tensor) -> Tensor:
        """Return ``-H~``; the penalties of the present weights are a constant in the problem's objective."""
        W, mu = (w.squeeze(0) for w in self.split(rows))
        features = self.net.flow.integrator.finish(tuple(x[0] for x in self.x))[:, : W.shape[1]]
        loss = self.problem.objective(nn.functional.linear(features, W, mu), self.problem.c)
        value = (loss + self.decay / 2 * W.square().sum()).unsqueeze(0)
        if not self.rho:
            return value
        slopes = torch.autograd.grad(loss, self.x, create_graph=True, materialize_grads=True)
        costates = tuple(g.shape[1] * g + p for g, p in zip(slopes, self.p, strict=True))
        return value + self.rho / 2 * inner(costates, costates)


def difference(a: State, b: State) -> State:
    """Return ``a - b`` of states."""
    return tuple(s - t for s, t in zip(a, b, strict=True))


def inner(a: State, b: State) -> Tensor:
    """Return the inner products of two stacks of states ``(N, batch, ...)``, their mean over the samples: ``(N,)``."""
    return torch.stack([(s * t).flatten(1).sum(1) / s.shape[1] for s, t in zip(a, b, strict=True)]).sum(0)
