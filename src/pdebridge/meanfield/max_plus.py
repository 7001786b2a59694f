r"""A proved lower bound of a game without running cost, in any dimension, from the largest of several quadratics.

With no running cost every function ``phi`` of the start bounds the optimum (weak duality of optimal transport):

    J* >= E_(rho_0) phi - alpha_3 log E_(rho_1) exp(psi/alpha_3),    psi(y) = sup_x phi(x) - alpha_1 |x - y|^2/2.

For ``phi = max_j p_j`` with ``p_j`` quadratic and less curved than ``alpha_1`` the supremum is ``max_j q_j``, each
``q_j`` a quadratic in closed form (the max-plus basis of McEneaney, SIAM J. Control Optim. 46(4), 2007): no minimum
is searched for. Piece j moves its points by the affine map ``T_j(x) = S_j (x - c_j) + tau_j``,

    p_j(x) = a_j + alpha_1 (c_j - tau_j).z + alpha_1 (z.z - z.S_j z)/2,   z = x - c_j,
    q_j(y) = a_j - alpha_1 |c_j - tau_j|^2/2 + alpha_1 (c_j - tau_j).w + alpha_1 w.(S_j^-1 - I) w/2,   w = y - tau_j.

``rho_1 exp(q_j/alpha_3)`` is Gaussian, so that the second mean is an average of numbers between ``1/J`` and 1 over
samples of these Gaussians; the first differs from a closed form by an average of a few samples that lie between two
pieces. Two standard errors of both are subtracted: nothing else is estimated.
"""

from math import log, sqrt
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pdebridge.meanfield.closed_forms import GaussianTransport
from pdebridge.meanfield.densities import Components, components
from pdebridge.meanfield.games import Game

PIECES = 32  # at most
REPLICATES = 8


class Bound(NamedTuple):
    """A lower bound of the optimum from which two of its standard errors have been subtracted."""

    value: float
    standard_error: float


def lower_bound(game: Game, iterations: int = 600, samples: int = 1024, seed: int = 0) -> Bound:
    """Return the best bound that ascent finds, evaluated on fresh samples.

    A coordinate in which all components of ``rho_0``, and of ``rho_1``, are alike and independent of the others adds
    its closed form, `pdebridge.meanfield.closed_forms.GaussianTransport`; one Gaussian to another needs no samples.

    Args:
        game: without a running cost.
        iterations: of the ascent; a poor ascent loosens the bound, no more.
        samples: of both densities in an iteration; eight times as many in each replicate of the evaluation.
        seed: of all samples.

    Raises:
        ValueError: the game has a running cost.
    """
    if len(game.interactions) and game.alpha.running > 0:
        raise ValueError("quadratics bound a game without running cost; this one has interactions")
    if game.alpha.terminal == 0:
        return Bound(0.0, 0.0)
    start, goal = components(game.initial), components(game.target)
    alone = separate(start) & separate(goal)
    exact = sum(
        GaussianTransport(1, m0, s0, m1, s1, game.alpha.transport, game.alpha.terminal).costs().value
        for m0, s0, m1, s1 in torch.stack(moments(start, goal, alone), 1).tolist()
    )
    if bool(alone.all()):
        return Bound(exact, 0.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        rest = Dual(start.chosen(~alone), goal.chosen(~alone), game.alpha.transport, game.alpha.terminal)
        rest.ascend(iterations, samples)
        value, error = rest.evaluate(8 * samples)
    return Bound(exact + value - 2 * error, error)


def separate(density: Components) -> Tensor:
    """Tell of each coordinate whether all components agree in it and it is independent of the others, ``(d,)``."""
    diagonal = density.covariances.diagonal(dim1=1, dim2=2)
    coupled = (density.covariances - torch.diag_embed(diagonal)).abs().amax((0, 2)) > 0
    spread = [values.amax(0) - values.amin(0) for values in (density.means, diagonal)]
    return ~coupled & (spread[0] == 0) & (spread[1] == 0)


def moments(start: Components, goal: Components, alone: Tensor) -> tuple[Tensor, ...]:
    """Return mean and standard deviation at both ends of the coordinates that stand alone."""
    both = ((one.means[0, alone], one.covariances[0].diagonal()[alone].sqrt()) for one in (start, goal))
    return tuple(column for pair in both for column in pair)


class Dual(nn.Module):
    """The dual function of ``a_j``, ``tau_j`` and ``S_j = diag(least + exp log_D_j) + u_j u_j^T``.

    ``S_j > least = 1/(1 + alpha_3/(alpha_1 lambda))``, with ``lambda`` the largest variance of ``rho_1``, keeps every
    ``rho_1 exp(q_j/alpha_3)`` integrable.
    """

    def __init__(self, start: Components, goal: Components, alpha1: float, alpha3: float) -> None:
        super().__init__()
        self.start, self.goal, self.alpha1, self.alpha3 = start, goal, alpha1, alpha3
        self.c = start.means[torch.linspace(0, len(start.means) - 1, min(PIECES, len(start.means))).round().long()]
        self.d = self.c.shape[1]
        wide = goal.covariances.amax(0).diagonal()
        if bool((goal.covariances - torch.diag_embed(goal.covariances.diagonal(dim1=1, dim2=2))).abs().max() > 0):
            wide = torch.linalg.eigvalsh(goal.covariances).max().expand(self.d)
        self.least = 1 / (1 + alpha3 / (alpha1 * wide))
        std = start.covariances.diagonal(dim1=1, dim2=2).mean(0).sqrt()
        A = alpha1 + alpha3 / wide
        scale = (alpha1 * std + ((alpha1 * std) ** 2 + 4 * alpha3 * A).sqrt()) / (2 * A * std)
        middle = (goal.log_weights.exp().unsqueeze(1) * goal.means).sum(0)
        self.tau = nn.Parameter((alpha1 * self.c + alpha3 * middle / wide) / A)
        self.log_D = nn.Parameter((scale - self.least).log().expand(len(self.c), -1).clone())
        self.u = nn.Parameter(0.03 * torch.randn(len(self.c), self.d, dtype=torch.float64))
        self.a = nn.Parameter(torch.zeros(len(self.c), dtype=torch.float64))

    def S(self) -> Tensor:
        """Return ``S_j``, ``(J, d, d)``."""
        return torch.diag_embed(self.least + self.log_D.exp()) + self.u.unsqueeze(2) * self.u.unsqueeze(1)

    def p(self, x: Tensor, S: Tensor) -> Tensor:
        """Return every ``p_j`` at rows ``x``, ``(N, J)``."""
        z = x.unsqueeze(1) - self.c
        curved = z - torch.einsum("nje,jde->njd", z, S)
        return self.a + self.alpha1 * ((self.c - self.tau + 0.5 * curved) * z).sum(2)

    def q(self, y: Tensor, inverse: Tensor) -> Tensor:
        """Return every ``q_j`` at rows ``y``, ``(N, J)``, for the inverses of ``S_j``."""
        w, pull = y.unsqueeze(1) - self.tau, self.c - self.tau
        curved = torch.einsum("nje,jde->njd", w, inverse) - w
        return self.a - 0.5 * self.alpha1 * pull.square().sum(1) + self.alpha1 * ((pull + 0.5 * curved) * w).sum(2)

    def tilted(self, inverse: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return ``rho_1k exp(q_j/alpha_3)``: logarithms of masses, means, Cholesky factors of precisions, ``JK`` each.

        ``precision = Sigma_k^-1 - alpha_1/alpha_3 (S_j^-1 - I)``
        """
        ratio, eye = self.alpha1 / self.alpha3, torch.eye(self.d, dtype=torch.float64)
        precision1 = torch.linalg.inv(self.goal.covariances)
        H, pull = ratio * (inverse - eye), ratio * (self.c - self.tau)
        factor = torch.linalg.cholesky(precision1 - H.unsqueeze(1))  # (J, K, d, d)
        slope = (pull - torch.einsum("jde,je->jd", H, self.tau)).unsqueeze(1)
        slope = slope + torch.einsum("kde,ke->kd", precision1, self.goal.means)
        mean = torch.cholesky_solve(slope.unsqueeze(3), factor).squeeze(3)
        at_zero = self.q(self.tau.new_zeros(1, self.d), inverse)[0] / self.alpha3
        own = torch.einsum("kd,kde,ke->k", self.goal.means, precision1, self.goal.means)
        size = self.goal.log_weights - 0.5 * torch.linalg.slogdet(self.goal.covariances)[1] - 0.5 * own
        mass = at_zero.unsqueeze(1) + size + 0.5 * (slope * mean).sum(2)
        mass = mass - factor.diagonal(dim1=2, dim2=3).log().sum(2)
        return mass.flatten(), mean.flatten(0, 1), factor.flatten(0, 1)

    @torch.no_grad()
    def draw(self, n: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return samples of the normalised ``rho_1 sum_j exp(q_j/alpha_3)``, the logarithm of the sum, and its mass."""
        inverse = torch.linalg.inv(self.S())
        mass, mean, factor = self.tilted(inverse)
        which = torch.multinomial(mass.softmax(0), n, replacement=True)
        noise = torch.randn(n, self.d, 1, dtype=torch.float64)
        y = mean[which] + torch.linalg.solve_triangular(factor.mT[which], noise, upper=True).squeeze(2)
        return y, (self.q(y, inverse) / self.alpha3).logsumexp(1), mass.logsumexp(0)

    def ascend(self, iterations: int, samples: int, rate: float = 0.05) -> None:
        """Climb by Adam with a cosine rate to zero, on new samples in every iteration."""
        method = torch.optim.Adam(self.parameters(), lr=rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(method, max(1, iterations))
        for _ in range(iterations):
            method.zero_grad()
            y, together, _ = self.draw(samples)
            S = self.S()
            largest = self.q(y, torch.linalg.inv(S)).amax(1) / self.alpha3
            gain = self.p(self.sample(samples), S).amax(1).mean()
            (self.alpha3 * torch.logsumexp(largest - together, 0) - gain).backward()
            method.step()
            schedule.step()

    def sample(self, n: int) -> Tensor:
        """Return samples of ``rho_0``, ``(n, d)``."""
        which = torch.multinomial(self.start.log_weights.exp(), n, replacement=True)
        factor = torch.linalg.cholesky(self.start.covariances)
        noise = torch.randn(n, self.d, 1, dtype=torch.float64)
        return self.start.means[which] + (factor[which] @ noise).squeeze(2)

    @torch.no_grad()
    def evaluate(self, samples: int) -> tuple[float, float]:
        """Return the dual value and its standard error, from `REPLICATES` times so many fresh samples."""
        gains = torch.stack([self._gain(samples) for _ in range(REPLICATES)])
        shares, mass = [], self.tau.new_zeros(())
        for _ in range(REPLICATES):
            y, together, mass = self.draw(samples)
            largest = self.q(y, torch.linalg.inv(self.S())).amax(1) / self.alpha3
            shares.append((largest - together).exp().mean())
        share = torch.stack(shares)
        relative = float(share.std() / share.mean()) / sqrt(REPLICATES)
        conjugate = self.alpha3 * (float(mass) + log(float(share.mean())) + 0.5 * relative**2)
        error = sqrt(float(gains.var()) / REPLICATES + (self.alpha3 * relative) ** 2)
        return float(gains.mean()) - conjugate, error

    def _gain(self, samples: int) -> Tensor:
        """Return ``E_(rho_0) max_j p_j``: on each component the mean of its own piece, and what others add to it."""
        S, total = self.S(), self.tau.new_zeros(())
        factor = torch.linalg.cholesky(self.start.covariances)
        own = self.p(self.start.means, S).argmax(1)
        for k, j in enumerate(own.tolist()):
            mean, covariance = self.start.means[k], self.start.covariances[k]
            bend = torch.eye(self.d, dtype=torch.float64) - S[j]
            closed = self.p(mean.unsqueeze(0), S)[0, j] + 0.5 * self.alpha1 * (bend * covariance).sum()
            noise = torch.randn(max(2, samples // len(own)), self.d, dtype=torch.float64)
            values = self.p(mean + noise @ factor[k].mT, S)
            total = total + self.start.log_weights[k].exp() * (closed + (values.amax(1) - values[:, j]).mean())
        return total
