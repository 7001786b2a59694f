import pytest
import torch

from pdebridge.networks.hyperbolic import FullyHyperbolic
from pdebridge.networks.wavelet import Haar

PIXELS = {1: (8,), 2: (6, 8), 3: (4, 6, 2)}


@pytest.mark.parametrize("dimension", PIXELS)
def test_haar_is_orthogonal(dimension: int) -> None:
    u, v = torch.randn(2, 2, 3, *PIXELS[dimension], dtype=torch.float64)
    haar = Haar(dimension)
    coarse = haar(u)
    assert coarse.shape == (2, 3 * 2**dimension, *(n // 2 for n in PIXELS[dimension]))
    torch.testing.assert_close((coarse * haar(v)).sum(), (u * v).sum())
    torch.testing.assert_close(haar.inverse(coarse), u)
    up = Haar(dimension, up=True)
    torch.testing.assert_close(up(coarse), u)
    torch.testing.assert_close(up.inverse(u), coarse)


@pytest.mark.parametrize("dimension", PIXELS)
def test_first_band_is_the_mean_and_channels_stay_apart(dimension: int) -> None:
    u = torch.zeros(1, 2, *PIXELS[dimension])
    u[:, 1] = 1.0
    bands = Haar(dimension)(u)[0]
    torch.testing.assert_close(bands[2**dimension], torch.full_like(bands[0], 2 ** (dimension / 2)))
    assert bands.abs().flatten(1).sum(1).count_nonzero() == 1


def test_impossible_grids_are_refused() -> None:
    with pytest.raises(ValueError, match="must be even"):
        Haar(2)(torch.zeros(1, 1, 3, 4))
    with pytest.raises(ValueError, match="multiple of 4 channels, not 6"):
        Haar(2, up=True)(torch.zeros(1, 6, 2, 2))


@pytest.mark.parametrize("dimension", [2, 3])
def test_fully_hyperbolic_network_is_a_bijection(dimension: int) -> None:
    torch.manual_seed(0)
    net = FullyHyperbolic(2, 3, [(3, "down"), (3, "up"), (2, "")], dimension, dense=True).double()
    images = torch.randn(2, 2, *(4,) * dimension, dtype=torch.float64)
    with torch.no_grad():
        u = net.features(images)
        back, still = net.inverse(u).chunk(2, dim=1)
    assert u.numel() == 2 * images.numel() and (u[:, :2] - images).norm() > 1e-2
    torch.testing.assert_close(back, images, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(still, torch.zeros_like(still), rtol=0, atol=1e-12)
    assert net(images).shape == (2, 3, *(4,) * dimension)
