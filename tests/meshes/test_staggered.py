import numpy as np

from pdebridge.meshes.staggered import Fields, along, averaging, newton, resample


def test_newton_finds_roots_of_increasing_functions():
    target = np.array([-3.0, 0.5, 4.0])
    root = newton(lambda u: (np.exp(u) + u - target, np.exp(u) + 1), np.zeros(3), 20)
    assert np.allclose(np.exp(root) + root, target)


def test_averages_of_neighbours_with_zeros_beyond():
    assert (averaging(3, True) @ [2.0, 4.0, 6.0]).tolist() == [1.0, 3.0, 5.0, 3.0]
    assert (averaging(3, False) @ [2.0, 4.0, 6.0]).tolist() == [1.0, 3.0, 5.0]


def test_a_matrix_along_an_axis():
    A, values = np.arange(6.0).reshape(2, 3), np.arange(24.0).reshape(2, 3, 4)
    assert np.allclose(along(A, values, 1), np.einsum("ij,kjl->kil", A, values))


def test_resampling_is_exact_for_linear_functions():
    old, new = [np.linspace(0, 1, 4), np.linspace(-1, 1, 5)], [np.array([0.1, 0.9]), np.array([-0.3, 0.8, 5.0])]
    values = old[0][:, None] - 2 * old[1]
    assert np.allclose(resample(values, old, new), new[0][:, None] - 2 * np.minimum(new[1], 1))


def test_fields_add_like_vectors():
    one, other = Fields(np.ones(2), np.ones((2, 2))), Fields(np.zeros(2), 3 * np.ones((2, 2)))
    assert (2.0 * one - other).norm() == np.sqrt(2 * 4 + 4 * 1)
