"""The classifier projected out: the best one for given features, by Newton's method (Golub & Pereyra 1973)."""

from math import isfinite

import torch
from torch import Tensor
from torch.nn.functional import pad

# units of rounding: a constant added to the logits of all classes changes nothing, so that Hessians are singular
RIDGE = 1e2
ARMIJO, SHORTEST = 1e-4, 1e-6


class Softmax:
    """``phi(V) = mean CE(V F_i, q_i) + beta/2 |W|^2`` of a classifier ``V = (W, mu)`` on fixed features ``F = (f, 1)``.

    With ``p = softmax(V F)`` it is convex: ``grad phi = mean (p - q) F^T + beta (W, 0)`` and
    ``A = Hess phi = mean S (x) F F^T + beta (I, 0)``, ``S = diag p - p p^T``, a dense matrix of ``K (d + 1)`` rows.

    Args:
        f: features ``(n, d)``.
        q: probabilities of the classes, ``(n, K)``: 0 and 1 where labels are known.
        beta: weight of the penalty, which leaves ``mu`` free.
    """

    def __init__(self, f: Tensor, q: Tensor, beta: float) -> None:
        self.F, self.q = pad(f, (0, 1), value=1.0), q
        self.beta = torch.full_like(self.F[0], beta)
        self.beta[-1] = 0

    def value(self, V: Tensor) -> float:
        """Return ``phi``."""
        z = self.F @ V.T
        losses = z.logsumexp(1) - (self.q * z).sum(1)
        return float(losses.mean() + (self.beta * V.square()).sum() / 2)

    def probabilities(self, V: Tensor) -> Tensor:
        """Return ``p``, ``(n, K)``."""
        return (self.F @ V.T).softmax(1)

    def gradient(self, V: Tensor, p: Tensor) -> Tensor:
        """Return ``grad phi``, of the shape of ``V``."""
        return (p - self.q).T @ self.F / len(p) + self.beta * V

    def hessian(self, p: Tensor) -> Tensor:
        """Return ``A``, rows and columns in the order of ``V.flatten()``."""
        (n, K), m = p.shape, self.F.shape[1]
        S = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
        FF = self.F[:, :, None] * self.F[:, None, :]
        A = (S.flatten(1).T @ FF.flatten(1) / n).view(K, K, m, m).transpose(1, 2).reshape(K * m, K * m)
        A.diagonal().add_(self.beta.repeat(K))
        return A

    def factor(self, p: Tensor) -> Tensor:
        """Return the Cholesky factor of ``A``, made definite by what the rounding of ``S`` may do to ``mean F F^T``."""
        A = self.hessian(p)
        A.diagonal().add_(RIDGE * torch.finfo(A.dtype).eps * self.F.square().mean())
        return torch.linalg.cholesky(A)

    def minimise(self, V: Tensor, tolerance: float = 1e-10, iterations: int = 20) -> tuple[Tensor, float]:
        """Return the minimiser and ``phi`` there, by Newton steps from ``V``, halved until ``phi`` decreases enough.

        They begin at 0 where that is better: the Hessian vanishes where a classifier is wrong and sure of it. They end
        when the squared Newton decrement ``g.A^{-1} g`` is at most ``tolerance phi``.
        """
        V, value = min(((start, self.value(start)) for start in (torch.zeros_like(V), V)), key=lambda found: found[1])
        for _ in range(iterations if isfinite(value) else 0):
            p = self.probabilities(V)
            g = self.gradient(V, p)
            d = torch.cholesky_solve(g.reshape(-1, 1), self.factor(p)).view_as(V)
            decrement, t = float((g * d).sum()), 1.0
            if decrement <= tolerance * value:
                break
            while (trial := self.value(V - t * d)) > value - ARMIJO * t * decrement and t > SHORTEST:
                t /= 2
            if trial >= value:
                break
            V, value = V - t * d, trial
        return V, value


class Projected:
    """``psi(f) = min over V of phi(V; f)`` near given features: its gradient, Hessian and Gauss-Newton Hessian.

    ``grad psi = W^T r`` with ``r = (p - q) / n`` at the best ``V``, whose own derivative drops out. In ``z = V F`` the
    loss has the Hessian ``S / n``. The optimality ``r^T F + beta (W, 0) = 0`` makes ``V`` follow the features by
    ``dV = -A^{-1} ((S W df / n)^T F + r^T (df, 0))``, and ``Hess psi df = W^T S (W df + dV F) / n + dW^T r``. Without
    the two terms in ``r``, which vanishes where the probabilities are attained, this is the Schur complement
    ``B = W^T (S - S F A^{-1} F^T S / n) W / n``, positive semidefinite.

    Args:
        problem: the classifier's.
        V: its minimiser.
    """

    def __init__(self, problem: Softmax, V: Tensor) -> None:
        self.problem, self.V, self.W = problem, V, V[:, :-1]
        self.p = problem.probabilities(V)
        self.factor = problem.factor(self.p)

    @property
    def slope(self) -> Tensor:
        """Return ``grad psi``, ``(n, d)``."""
        return (self.p - self.problem.q) @ self.W / len(self.p)

    def curvature(self, df: Tensor) -> Tensor:
        """Return ``B df``, ``(n, d)``."""
        F, dz = self.problem.F, df @ self.W.T
        dV = self.followed(self.softened(dz).T @ F)
        return self.softened(dz + F @ dV.T) @ self.W

    def hessian(self, df: Tensor) -> Tensor:
        """Return ``Hess psi df``, ``(n, d)``."""
        F, dz, r = self.problem.F, df @ self.W.T, (self.p - self.problem.q) / len(self.p)
        dV = self.followed(self.softened(dz).T @ F + r.T @ pad(df, (0, 1)))
        return self.softened(dz + F @ dV.T) @ self.W + r @ dV[:, :-1]

    def followed(self, change: Tensor) -> Tensor:
        """Return ``dV = -A^{-1} change`` for a change of ``grad phi``."""
        return -torch.cholesky_solve(change.reshape(-1, 1), self.factor).view_as(self.V)

    def softened(self, dz: Tensor) -> Tensor:
        """Return ``S dz / n``."""
        weighted = self.p * dz
        return torch.addcmul(weighted, self.p, weighted.sum(1, keepdim=True), value=-1) / len(dz)
