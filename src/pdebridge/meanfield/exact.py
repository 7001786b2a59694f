"""Which games have a known solution, found from the game itself."""

from pdebridge.meanfield.closed_forms import GaussianTransport, LinearQuadratic, QuadraticSolution
from pdebridge.meanfield.densities import GaussianMixture
from pdebridge.meanfield.games import Game
from pdebridge.meanfield.interactions import Entropy, QuadraticCost


def exact_solution(game: Game) -> QuadraticSolution:
    """Return the solution of a Gaussian game with equal coordinates: no interaction, or a quadratic cost and entropy.

    Raises:
        ValueError: the game is not of this kind.
    """
    (mean0, std0), (mean1, std1) = moments(game.initial), moments(game.target)
    alpha, parts = game.alpha, list(game.interactions)
    if not parts:
        return GaussianTransport(game.d, mean0, std0, mean1, std1, alpha.transport, alpha.terminal)
    match parts:
        case [QuadraticCost() as cost, Entropy() as entropy] if alpha.running == 1 and cost.center.ndim == 0:
            force = (cost.k, float(cost.center), entropy.weight)
            return LinearQuadratic(game.d, mean0, std0, mean1, std1, *force, alpha.transport, alpha.terminal)
    kinds = ", ".join(type(part).__name__ for part in parts)
    raise ValueError(f"no exact solution is known with {kinds}; with QuadraticCost, Entropy and alpha_2 = 1 there is")


def moments(density: GaussianMixture) -> tuple[float, float]:
    """Return mean and standard deviation of each coordinate of a Gaussian whose coordinates are all alike.

    Raises:
        ValueError: the coordinates differ, or the density is a mixture.
    """
    alike = density.components == 1 and density.scale.ndim == 2
    if not alike or any(float(values.max() - values.min()) > 0 for values in (density.means, density.scale)):
        raise ValueError("an exact solution needs Gaussian densities with equal, independent coordinates")
    return float(density.means[0, 0]), float(density.scale[0, 0])
