import pytest
import torch

from pdebridge.networks.pooled import PoolAndPad


@pytest.mark.parametrize("groups", [1, 2])
def test_zeros_stand_on_both_sides_of_each_group(groups: int) -> None:
    u = torch.rand(1, 4, 6, 4) + 1
    padded = PoolAndPad(4, 12, groups)(u)
    assert padded.shape == (1, 12, 3, 2)
    for given, part in zip(u.chunk(groups, 1), padded.chunk(groups, 1), strict=True):
        side = (12 - 4) // groups // 2
        assert not part[:, :side].any() and not part[:, -side:].any()
        torch.testing.assert_close(part[:, side:-side], torch.nn.functional.avg_pool2d(given, 2))


def test_fewer_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be padded to 4"):
        PoolAndPad(8, 4)
