"""The changes of the images on a network that is known, and the study on a trained one."""

import pytest
import torch

from pdebridge.files import read_json
from pdebridge.paper import training_share
from pdebridge.paper.robustness import draw
from pdebridge.studies.robustness import CHANGES, fgsm, noise, pgd, robustness

WEIGHT = torch.tensor([[1.0, -2.0, 0.5], [-1.0, 1.0, 0.0]]).t()


def linear(x):
    return x @ WEIGHT


def images(n=200):
    return torch.rand(n, 3, generator=torch.Generator().manual_seed(0)), torch.arange(n) % 2


def test_the_gradient_sign_raises_the_loss_of_a_linear_network():
    x, c = images()
    # the loss of class 0 rises along the difference of the two columns
    direction = (WEIGHT[:, 1] - WEIGHT[:, 0]).sign() * torch.where(c == 0, 1.0, -1.0)[:, None]
    torch.testing.assert_close(fgsm(linear, x, c, 0.1), (x + 0.1 * direction).clamp(0, 1))


@pytest.mark.parametrize("attack", [fgsm, pgd])
def test_an_attack_stays_near_the_image_and_in_its_range(attack):
    x, c = images()
    z = attack(linear, x, c, 0.1)
    assert (z - x).abs().max() <= 0.1 + 1e-6
    assert 0 <= z.min() <= z.max() <= 1


def test_projected_gradients_reach_the_corner_of_the_box():
    x, c = images()
    torch.testing.assert_close(pgd(linear, x, c, 0.1), fgsm(linear, x, c, 0.1))


def test_noise_has_the_size_that_is_asked_for():
    x = torch.full((10_000, 3), 0.5)
    assert float(noise(linear, x, x, 0.05).std()) == pytest.approx(0.05, rel=0.02)


def test_the_study_and_its_figures(trained, tmp_path):
    result = robustness([trained("digits/parabolic-rk4")])
    found = {m.quantity: m.values[0] for m in result.measurements}
    assert len(found) == 1 + sum(len(sizes) for _, sizes in CHANGES.values())
    summary = read_json(trained("digits/parabolic-rk4") / "summary.json")
    assert found["clean/accuracy"] == pytest.approx(summary["test/accuracy"])
    assert found["pgd-0.1/accuracy"] <= found["pgd-0.05/accuracy"] < found["clean/accuracy"]
    part = robustness([trained("digits/parabolic-rk4")], ["noise"])
    assert {m.quantity.partition("-")[0] for m in part.measurements} == {"clean/accuracy", "noise"}
    assert int(result.arrays["parabolic-rk4/images"]) == 1197
    draw(result.arrays, tmp_path / "robustness")
    training_share.draw(result.arrays, tmp_path / "share")
    assert (tmp_path / "share.png").stat().st_size > 5_000
