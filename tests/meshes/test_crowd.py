import numpy as np
import pytest

from pdebridge.meanfield.closed_forms import GaussianTransport, LinearQuadratic
from pdebridge.meanfield.games import Alpha, crowd_motion, gaussian_transport, linear_quadratic
from pdebridge.meshes.crowd import CrowdOnMesh
from pdebridge.meshes.grid import Grid
from pdebridge.meshes.staggered import Fields

STRAIGHT = GaussianTransport(2, 1.0, 1.0, -1.0, 0.5, alpha1=2.0, weight=5.0)
CURVED = LinearQuadratic(2, 1.5, 0.8, -1.0, 0.5, k=2.0, center=0.4, entropy=0.3, alpha1=1.0, weight=5.0)


def problem(solution, n, steps):
    if solution is STRAIGHT:
        game = gaussian_transport([1.0, 1.0], 1.0, [-1.0, -1.0], 0.25, Alpha(2.0))
        return CrowdOnMesh(game, Grid((-4.0, -4.0), (5.0, 5.0), (n, n)), steps, speed=2.0)
    return CrowdOnMesh(linear_quadratic(2), Grid((-3.5, -3.5), (5.0, 5.0), (n, n)), steps, speed=2.0)


def small():
    return CrowdOnMesh(crowd_motion(2), Grid((-3.0, -4.5), (3.0, 4.5), (6, 9)), 4)


def random_fields(mesh):
    rng = np.random.default_rng(0)
    n1, n2 = mesh.grid.cells
    return Fields(*(rng.normal(size=(mesh.steps, *shape)) for shape in ((n1 - 1, n2), (n1, n2 - 1), (n1, n2))))


def inner(a, b):
    return sum(float((x * y).sum()) for x, y in zip(a.parts, b.parts, strict=True))


def test_the_projection_onto_the_continuity_equation():
    mesh = small()
    U = random_fields(mesh)
    PU, _ = mesh.onto_continuity(U)
    assert np.abs(mesh.continuity(PU)).max() < 1e-10
    other, _ = mesh.onto_continuity(random_fields(mesh) - 0.3 * U)
    assert inner(U - PU, other - PU) == pytest.approx(0, abs=1e-8)


def test_the_projection_onto_the_graph_of_the_averages():
    mesh = small()
    U, W = random_fields(mesh), random_fields(mesh)
    V = mesh.averages(W) + mesh.averages(0.1 * W)
    PU, PV = mesh.onto_graph(U, V)
    assert (mesh.averages(PU) - PV).norm() < 1e-12
    zero = mesh.averages(0 * W)
    tangent = mesh.averages(W) - zero
    normal = V - PV
    normal = Fields(*normal.parts[:3], mesh.steps * normal.parts[3])  # the metric of the last time level
    assert inner(U - PU, W) + inner(normal, tangent) == pytest.approx(0, abs=1e-9)


def test_the_proximal_map_is_stationary():
    """Cell by cell: the cost's slope by differences equals the step taken, over gamma."""
    mesh, gamma = small(), 0.1
    M1, M2, R, last = mesh.averages(random_fields(mesh)).parts
    V = Fields(M1, M2, 0.1 + np.abs(R), 0.1 + np.abs(last))
    guess = np.zeros((mesh.steps + 1, *mesh.grid.cells))
    for _ in range(10):
        P, guess = mesh.cost_proximal(V, gamma, guess)
    scale, h = mesh.grid.area * mesh.dt, 1e-6
    for part, index in ((0, (1, 2, 3)), (1, (0, 5, 8)), (2, (3, 0, 0)), (3, (3, 1))):
        moved = []
        for sign in (1, -1):
            parts = [np.array(p) for p in P.parts]
            parts[part][index] += sign * h
            moved.append(sum(mesh.costs(Fields(*parts))))
        slope = (moved[0] - moved[1]) / (2 * h) / (scale if part < 3 else mesh.grid.area)
        assert slope == pytest.approx((V.parts[part] - P.parts[part])[index] / gamma, rel=1e-4, abs=1e-5)


def test_a_crowd_that_arrives_in_empty_cells_is_found_at_once():
    mesh, gamma = small(), 0.1
    M1, M2, R, last = mesh.averages(random_fields(mesh)).parts
    V = Fields(M1, M2, 0.1 + np.abs(R), 0.1 + np.abs(last))
    empty = np.full((mesh.steps + 1, *mesh.grid.cells), -10.0)
    once, guess = mesh.cost_proximal(V, gamma, empty)
    for _ in range(10):
        converged, guess = mesh.cost_proximal(V, gamma, guess)
    assert (once - converged).norm() < 1e-3 * converged.norm()


@pytest.mark.parametrize("solution", [STRAIGHT, CURVED])
def test_closed_forms(solution):
    exact = solution.costs().value
    coarse = problem(solution, 10, 4).solve(600)
    fine = problem(solution, 20, 8).solve(600, start=coarse)
    assert coarse.value == pytest.approx(exact, rel=0.05)
    assert fine.value == pytest.approx(exact, rel=0.01)


def test_the_multiplier_is_the_value_function():
    """Its gradient, where the crowd is, against -alpha_1 v of the closed form."""
    mesh = problem(CURVED, 20, 8)
    found = mesh.solve(600)
    for k in (1, 4, 6):
        t = (k + 0.5) / 8
        mean, std = CURVED.moments(t)
        p, q, _ = CURVED.coefficients(t)
        x = mesh.grid.axis(0)
        near = np.abs(x - mean) < std
        slope = np.gradient(found.potential[k], x, axis=0)[near][:, near]
        assert np.abs(slope - (p * x + q)[near][:, None]).mean() < 0.1 * np.abs(p * mean + q)


def test_crowd_motion_conserves_mass_and_symmetry():
    found = CrowdOnMesh(crowd_motion(2), Grid((-3.0, -4.5), (3.0, 4.5), (16, 24)), 8).solve(600)
    masses = found.rho.sum((1, 2)) * found.grid.area
    assert np.allclose(masses, 1, atol=1e-10)
    assert np.allclose(found.rho, found.rho[:, ::-1], atol=1e-6)
    assert found.rho.min() > -1e-3
    assert found.value == pytest.approx(19.77, abs=0.03)
    # around the obstacle: half-way, less than a third of the crowd within its core
    core = np.abs(found.grid.axis(0)) < 0.5
    middle = found.rho[4]
    assert middle[core].sum() < 0.3 * middle.sum()


def test_a_game_out_of_the_plane_is_refused():
    with pytest.raises(ValueError, match="cannot hold a game in d = 3"):
        CrowdOnMesh(crowd_motion(3), Grid((0.0, 0.0), (1.0, 1.0), (4, 4)), 4)
