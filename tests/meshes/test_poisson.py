import numpy as np
import pytest

from pdebridge.meshes.poisson import harmonic, laplacian, sines, solve, square


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
    with pytest.raises(ValueError, match="d must be even"):
        harmonic(3)


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
    assert other.peak_bytes > other.matrix_bytes


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
