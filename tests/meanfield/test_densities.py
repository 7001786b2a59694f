import pytest
import torch
from torch.distributions import MultivariateNormal

from pdebridge.meanfield.densities import Gaussian, GaussianMixture


def covariance(d):
    B = torch.randn(d, d)
    return B @ B.T + torch.eye(d)


def test_log_density_of_a_mixture_of_full_covariances():
    means, sigma, w = torch.randn(3, 4), torch.stack([covariance(4) for _ in range(3)]), torch.tensor([0.2, 0.5, 0.3])
    x = torch.randn(10, 4)
    reference = sum(w[k] * MultivariateNormal(means[k], sigma[k]).log_prob(x).exp() for k in range(3)).log()
    torch.testing.assert_close(GaussianMixture(means, sigma, w).log_density(x), reference)


@pytest.mark.parametrize("shape", ["number", "diagonal", "matrix"])
def test_the_three_forms_of_a_covariance_agree(shape):
    given = {"number": 0.3, "diagonal": torch.full((3,), 0.3), "matrix": 0.3 * torch.eye(3)}[shape]
    x = torch.randn(5, 3)
    reference = MultivariateNormal(torch.ones(3), 0.3 * torch.eye(3)).log_prob(x)
    torch.testing.assert_close(Gaussian(torch.ones(3), given).log_density(x), reference)


def test_single_precision_does_not_underflow_in_100_dimensions():
    density = GaussianMixture(torch.zeros(2, 100), 0.3).float()
    x = torch.full((1, 100), 4.0)
    exact = density.double().log_density(x.double())
    assert exact.exp().float() == 0
    torch.testing.assert_close(density.float().log_density(x).double(), exact, rtol=1e-6, atol=0)


@pytest.mark.parametrize("draw", ["sample", "stratified", "sobol"])
@pytest.mark.parametrize("full", [False, True])
def test_samples_have_the_moments_of_the_mixture(draw, full):
    means, w = torch.tensor([[2.0, 0.0], [-1.0, 1.0]]), torch.tensor([0.25, 0.75])
    sigma = torch.tensor([[[0.5, 0.2], [0.2, 0.3]], [[0.4, -0.1], [-0.1, 0.6]]])
    density = GaussianMixture(means, sigma if full else sigma.diagonal(dim1=1, dim2=2), w)
    x = getattr(density, draw)(2**15)
    within = sigma if full else torch.diag_embed(sigma.diagonal(dim1=1, dim2=2))
    mean = w @ means
    second = torch.einsum("k,kij->ij", w, within + means.unsqueeze(2) * means.unsqueeze(1)) - mean.outer(mean)
    atol = 3e-3 if draw == "sobol" else 3e-2
    torch.testing.assert_close(x.mean(0), mean, atol=atol, rtol=0)
    torch.testing.assert_close(x.T.cov(), second, atol=atol, rtol=0)


def test_stratified_sampling_gives_each_component_its_share():
    density = GaussianMixture([[-100.0], [100.0]], 1.0, [0.25, 0.75])
    assert int((density.stratified(40) < 0).sum()) == 10
    with pytest.raises(ValueError, match="41 points cannot be divided"):
        density.stratified(41)


def test_sobol_points_integrate_better_than_independent_ones():
    density = Gaussian(torch.zeros(5), 1.0)
    error = {draw: abs(getattr(density, draw)(4096).square().sum(1).mean() - 5) for draw in ("sample", "sobol")}
    assert error["sobol"] < 0.1 * error["sample"]


def test_a_generator_makes_samples_repeatable():
    density = GaussianMixture(torch.randn(3, 2), 0.3)
    draws = [density.sample(9, torch.Generator().manual_seed(7)) for _ in range(2)]
    assert torch.equal(*draws)
    assert torch.equal(density.sobol(9, seed=3), density.sobol(9, seed=3))
    assert not torch.equal(density.sobol(9, seed=3), density.sobol(9, seed=4))


def test_a_density_from_samples_approaches_the_one_they_come_from():
    truth = GaussianMixture([[2.0, 0.0], [-2.0, 0.0]], 0.3)
    x = truth.sample(500)
    divergence = [
        (truth.log_density(x) - GaussianMixture.from_samples(truth.sample(n)).log_density(x)).mean()
        for n in (100, 4000)
    ]
    assert 0 < divergence[1] < 0.5 * divergence[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0.0, 0.0]], -1.0), "positive definite"),
        (([[0.0, 0.0]], [[1.0, 0.0]]), "positive definite"),
        (([[0.0, 0.0]], [[[1.0, 2.0], [2.0, 1.0]]]), "positive definite"),
        (([[0.0, 0.0]], [[[1.0, 0.5], [0.2, 1.0]]]), "positive definite"),
        (([[0.0, 0.0]], [[1.0, 1.0, 1.0]]), "a covariance in 2 dimensions"),
        (([[0.0, 0.0]], 1.0, [0.0]), "positive numbers"),
        ((torch.zeros(0, 2), 1.0), "at least one component"),
        (([[0.0, float("nan")]], 1.0), "must be finite"),
        (([[0.0, 0.0], [1.0]], 1.0), "row by row of one length"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(*arguments)


def test_a_density_without_enough_samples_is_refused():
    for samples in (torch.zeros(2, 2), torch.zeros(0)):
        with pytest.raises(ValueError, match="n > d"):
            GaussianMixture.from_samples(samples)


@pytest.mark.parametrize("d", [1, 2, 3, 5, 10])
def test_samples_of_any_dimension_give_a_density(d):
    """A covariance that was computed is asymmetric by rounding."""
    x = torch.randn(200, d, generator=torch.Generator().manual_seed(d), dtype=torch.float64)
    found = GaussianMixture.from_samples(x)
    root = found.scale if d == 1 else found.scale[0]
    expected = 200 ** (-2 / (d + 4)) * x.T.cov().reshape(d, d)
    torch.testing.assert_close((root.reshape(d, d) @ root.reshape(d, d).T).double(), expected, rtol=1e-5, atol=1e-6)


def test_what_is_no_covariance_and_no_bandwidth_is_refused():
    for matrix in ([[1.0, 0.1], [0.0, 1.0]], [[1.0, 2.0], [2.0, 1.0]], [[1.0, 1.0], [1.0, 1.0]]):
        with pytest.raises(ValueError, match="symmetric positive definite"):
            GaussianMixture([[0.0, 0.0]], [matrix])
    for bandwidth in (-1.0, 0.0, float("nan")):
        with pytest.raises(ValueError, match="bandwidth must be positive"):
            GaussianMixture.from_samples(torch.randn(9, 2), bandwidth)
