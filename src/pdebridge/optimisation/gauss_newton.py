"""Gauss-Newton for the control with the classifier projected out (Haber & Ruthotto 2017)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from pdebridge.networks.classifier import FlowClassifier
from pdebridge.optimisation.conjugate_gradients import conjugate_gradients
from pdebridge.optimisation.linearisation import Linearisation
from pdebridge.optimisation.problem import ControlMethod
from pdebridge.optimisation.time_smoothness import TimeSmoothness
from pdebridge.optimisation.variable_projection import Projected, Softmax
from pdebridge.optimisation.vectors import join, place, split

SHIFT = 0.1  # times h: of the preconditioner, in the authors' code
ARMIJO, TRIALS = 1e-4, 20


class GaussNewton(ControlMethod):
    """``theta <- theta + t d`` with ``(J^T B J + L) d = -grad psi`` by preconditioned conjugate gradients.

    ``psi(theta) = min over W, mu of mean CE(W f(theta) + mu, c) + beta/2 |W|^2``, plus ``theta.L theta / 2``: features
    ``f = P u_N`` with the Jacobian ``J`` in the weights of opening and flow, ``B`` of `Projected`, ``L`` of
    `TimeSmoothness`. The preconditioner is ``L + 0.1 h I`` for the control, ``0.1 h I`` for the opening. The length
    ``t = 1, 1/2, 1/4, ...`` is the first with ``psi_+ <= psi + 1e-4 t grad psi . d``; if none of twenty is, the weights
    stay. It keeps nothing between steps.

    Args:
        net: its flow is differentiated twice, so that its gradient must be ``stored``.
        smoothness: ``alpha`` of ``L``.
        tikhonov: ``gamma`` of ``L``.
        decay: ``beta``.
        iterations: Gauss-Newton iterations a step.
        cg: most iterations of the conjugate gradients.
        tolerance: relative, of their residual.
    """

    projection = 1e-10  # tolerance of the classifier's minimisation: its gradient is exact to the root of that

    def __init__(
        self,
        net: FlowClassifier,
        smoothness: float,
        tikhonov: float,
        decay: float,
        iterations: int = 5,
        cg: int = 20,
        tolerance: float = 1e-2,
    ) -> None:
        self.theta = [*net.opening.parameters(), *net.flow.control.parameters()]
        super().__init__([*self.theta, *net.classifier.parameters()], {})
        self.net, self.flow, self.head = net, net.flow, net.classifier
        self.decay, self.iterations, self.cg, self.tolerance = decay, iterations, cg, tolerance
        self.first = len(self.theta) - len([*net.flow.control.parameters()])
        self.L = TimeSmoothness(len(self.theta[-1]), self.flow.h, smoothness, tikhonov, self.theta[-1])

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor]) -> Tensor:  # type: ignore[override]
        """Iterate and return the objective after it, which `closure` computes."""
        for _ in range(self.iterations):
            if not self.iterate():
                break
        with torch.enable_grad():
            return closure()

    def iterate(self) -> bool:
        """Take one iteration; return whether the weights have moved."""
        with torch.enable_grad():
            f = self.features()
        problem, value = self.project(f.detach(), self.classifier)
        psi = Projected(problem, self.classifier)
        near = Linearisation(f, self.theta, psi.slope)
        g = join(self.regularised(near.pulled, self.theta)).detach()

        def curvature(v: Tensor) -> Tensor:
            parts = split(v, self.theta)
            return join(self.regularised(self.curved(near, psi, parts), parts))

        d = conjugate_gradients(curvature, -g, self.precondition, self.forcing(g), self.cg)
        return self.search(d, value, float(g @ d))

    def curved(self, near: Linearisation, psi: Projected, v: Sequence[Tensor]) -> Sequence[Tensor]:
        """Return ``J^T B J v``."""
        return near.pull(psi.curvature(near.push(v)))

    def forcing(self, g: Tensor) -> float:
        """Return the relative residual at which the conjugate gradients of an iteration end, for its gradient."""
        return self.tolerance

    def search(self, d: Tensor, value: float, slope: float) -> bool:
        """Go along ``d`` as far as the objective decreases by a share of its slope; return whether that was found."""
        start, V, t = join(self.theta), self.classifier, 1.0
        for _ in range(TRIALS):
            place(torch.add(start, d, alpha=t), self.theta)
            if self.value(V) <= value + ARMIJO * t * slope:
                return True
            t /= 2
        place(start, self.theta)
        self.classifier = V
        return False

    def features(self) -> Tensor:
        """Return ``f = P u_N`` of the problem's inputs."""
        return self.flow(self.net.opening(self.problem.x))[:, : self.head.in_features]

    @property
    def classifier(self) -> Tensor:
        """Return ``V = (W, mu)``."""
        return torch.column_stack([self.head.weight, self.head.bias])

    @classifier.setter
    def classifier(self, V: Tensor) -> None:
        self.head.weight.copy_(V[:, :-1])
        self.head.bias.copy_(V[:, -1])

    def project(self, f: Tensor, V: Tensor) -> tuple[Softmax, float]:
        """Put the classifier at its best for features ``f`` from ``V`` on; return its problem and the objective."""
        c = self.problem.c
        q = c if c.is_floating_point() else one_hot(c, self.head.out_features).to(f)
        problem = Softmax(f, q, self.decay)
        self.classifier, value = problem.minimise(V, self.projection)
        control = self.theta[self.first :]
        return problem, value + sum(float((w * self.L(w)).sum()) for w in control) / 2

    def value(self, V: Tensor) -> float:
        """Return the objective at the present weights with the best classifier, which they get, sought from ``V``."""
        return self.project(self.features(), V)[1]

    def regularised(self, pulled: Sequence[Tensor], v: Sequence[Tensor]) -> list[Tensor]:
        """Return ``pulled + L v``."""
        n = self.first
        return [*pulled[:n], *(p + self.L(w) for p, w in zip(pulled[n:], v[n:], strict=True))]

    def precondition(self, r: Tensor) -> Tensor:
        """Return ``(L + 0.1 h I)^{-1} r``."""
        s, n, parts = SHIFT * self.flow.h, self.first, split(r, self.theta)
        return join([*(p / s for p in parts[:n]), *(self.L.solve(p, s) for p in parts[n:])])
