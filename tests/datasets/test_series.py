"""Trajectories of a series: other initial values in every part, noise as it was asked for, files of one's own."""

import numpy as np
import pytest

from pdebridge.datasets import series
from pdebridge.datasets.series import Sampling

SHORT = Sampling(0.1, 6, train=3, validation=2, test=1)


@pytest.mark.parametrize("name", ["kuramoto_sivashinsky", "burgers", "heat", "front"])
def test_parts_are_other_trajectories(name):
    found = getattr(series, name)(seed=0, sampling=SHORT, points=32)
    assert {part: u.shape for part, u in found.parts.items()} == {
        part: (n, 6, 1, 32) for part, n in (("train", 3), ("validation", 2), ("test", 1))
    }
    first = np.concatenate([u[:, 0, 0] for u in found.parts.values()])
    apart = np.linalg.norm(first[:, None] - first[None], axis=-1) + 9 * np.eye(6)
    assert apart.min() > 0.1
    assert found.coefficients and found.interval == 0.1


def test_a_seed_gives_the_same_again_and_another_gives_others():
    a, b, c = (series.burgers(seed=seed, sampling=SHORT, points=32).parts["train"] for seed in (0, 0, 1))
    assert np.array_equal(a, b) and not np.allclose(a, c)


def test_noise_has_its_size_and_spares_the_test():
    many = Sampling(0.1, 40, train=4, validation=2, test=1)
    clean, noisy = (
        series.burgers(seed=0, sampling=Sampling(**vars(many) | {"noise": level})).parts for level in (0.0, 0.05)
    )
    size = np.sqrt(np.mean(clean["train"] ** 2))
    for part in ("train", "validation"):
        assert np.std(noisy[part] - clean[part]) == pytest.approx(0.05 * size, rel=0.03)
    assert np.array_equal(noisy["test"], clean["test"])


def test_a_longer_interval_sees_the_same_trajectory():
    fine, coarse = (
        series.burgers(seed=0, sampling=Sampling(h, n, 1, 1, 1)).parts["train"] for h, n in ((0.1, 5), (0.2, 3))
    )
    assert np.allclose(fine[:, ::2], coarse, atol=1e-6)


def test_a_parameter_is_a_second_channel_without_noise():
    sampling = Sampling(4e-3, 5, 2, 1, 1, noise=0.1)
    found = series.scaled_kuramoto_sivashinsky(seed=0, sampling=sampling, points=32, alphas=(2, 6))
    u = found.parts["train"]
    assert u.shape == (4, 5, 2, 32)
    assert (u[:2, :, 1] == 2).all() and (u[2:, :, 1] == 6).all()


def write(path, times, length=6.0, **other):
    u = np.arange(4 * len(times) * 8.0).reshape(4, len(times), 8)
    np.savez(path, **{"u": u, "times": times, "length": length, **other})
    return u


def test_a_file_is_cut_into_parts_at_a_multiple_of_its_interval(tmp_path):
    u = write(tmp_path / "x.npz", 0.1 * np.arange(12))
    found = series.file(seed=0, sampling=Sampling(0.2, 5, 2, 1, 1), path=str(tmp_path / "x.npz"))
    assert np.array_equal(found.parts["train"][:, :, 0], u[:2, :10:2])
    assert np.array_equal(found.parts["test"][:, :, 0], u[3:, :10:2])
    assert found.length == 6.0


@pytest.mark.parametrize(
    ("times", "other", "message"),
    [
        ([0, 1, 2.1, 3], {}, "times must be equally spaced .found intervals from 0.9 to 1.1"),
        ([0, 0, 0, 0], {}, "equally spaced"),
        ([0, 2, 4, 6], {}, "must be a multiple of 2, the file's .found 1"),
        ([0, 1], {}, "too short: it has 4 trajectories of 2 samples, 1 apart, and 3 of 3 are asked for"),
        ([0], {}, "two times or more"),
        ([0, 1, 2, 3], {"length": -1.0}, "positive length"),
        ([0, 1, 2, 3], {"u": np.full((4, 4, 8), np.nan)}, "not finite"),
        ([0, 1, 2, 3], {"u": np.array([{}])}, "not a file of numpy with u, times and length"),
    ],
)
def test_what_is_no_series_is_refused_in_one_line(times, other, message, tmp_path):
    write(tmp_path / "x.npz", np.array(times, dtype=float), **other)
    with pytest.raises(ValueError, match=message) as refused:
        series.file(seed=0, sampling=Sampling(1.0, 3, 1, 1, 1), path=str(tmp_path / "x.npz"))
    assert "\n" not in str(refused.value)
