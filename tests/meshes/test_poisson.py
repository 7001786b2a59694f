import numpy as np
import pytest

from pdebridge.meshes.poisson import cosines, evaluate, harmonic, laplacian, sines, solve, square


@pytest.mark.parametrize("method", ["direct", "multigrid"])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_second_order(d, method):
    errors = [solve(sines(d), d, n, method).relative_l2 for n in (8, 16)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("d", [1, 3, 5])
def test_quadratics_are_exact(d):
    result = solve(square(d), d, 6)
    assert result.maximum < 1e-8
    assert result.unknowns == 5**d


def test_harmonic_products_are_exact():
    assert solve(harmonic(4), 4, 5).maximum < 1e-8
    assert solve(harmonic(3), 3, 5).maximum < 1e-8
    with pytest.raises(ValueError, match="d >= 2"):
        harmonic(1)


@pytest.mark.parametrize("d", [2, 3, 4])
@pytest.mark.parametrize("posed", [harmonic, cosines])
def test_gradients_and_sources_are_those_of_the_solution(posed, d):
    """By central differences of second order."""
    problem, x, h = posed(d), np.random.default_rng(0).random((20, d)), 1e-4
    steps = h * np.eye(d)
    u = problem.solution
    slopes = np.stack([(u(x + s) - u(x - s)) / (2 * h) for s in steps], axis=1)
    curvatures = sum((u(x + s) - 2 * u(x) + u(x - s)) / h**2 for s in steps)
    assert np.allclose(problem.gradient(x), slopes, atol=1e-7)
    assert np.allclose(problem.source(x), -curvatures, atol=1e-6)


def test_eigenvalues_of_the_matrix():
    n = 5
    one = 4 * n**2 * np.sin(np.pi * np.arange(1, n) / (2 * n)) ** 2
    ours = np.linalg.eigvalsh(laplacian(2, n).toarray())
    assert np.allclose(ours, np.sort((one[:, None] + one).ravel()))


def test_direct_and_multigrid_agree():
    one, other = (solve(sines(2), 2, 20, method) for method in ("direct", "multigrid"))
    assert one.relative_l2 == pytest.approx(other.relative_l2, rel=1e-6)
    assert one.matrix_bytes == other.matrix_bytes
    assert 0 < other.iterations < 30
    assert min(one.bytes, other.bytes) > one.matrix_bytes + 16 * one.unknowns


@pytest.mark.parametrize("d", [1, 2, 4])
def test_the_interpolant_meets_the_points_and_errs_in_between(d):
    """By ``h^2 sum s_k (1 - s_k)`` for the sum of squares, ``s`` the place within the cell."""
    n, x = 5, np.random.default_rng(0).random((50, d))
    problem = square(d)
    u = solve(problem, d, n).values
    within = x * n % 1
    expected = problem.solution(x) + (within * (1 - within)).sum(1) / n**2
    assert np.allclose(evaluate(u, problem.solution, n, x), expected)
    corners = np.round(x * n) / n
    assert np.allclose(evaluate(u, problem.solution, n, corners), problem.solution(corners))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 4), "d >= 1"),
        ((2, 1), "n >= 2"),
        ((10, 10), "32-bit indices"),
        ((2, 4, "magic"), "unknown solver 'magic'; valid: direct, multigrid"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        solve(square(2), *arguments)
