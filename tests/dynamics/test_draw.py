import pytest
import torch

from pdebridge.dynamics.draw import draw


def test_truncated_stays_within_two_deviations() -> None:
    K = draw("truncated", (200, 200), 0.3)
    assert K.abs().max() <= 0.6
    assert K.abs().max() > 0.59
    assert abs(K.std() / (0.3 * 0.8796) - 1) < 0.02  # a normal variable conditioned on two deviations


def test_clipped_has_an_atom_at_two_deviations() -> None:
    """A share of 4.55 % is redrawn from N(0, 1); of these, those past 0.6 in absolute value are clipped there."""
    K = draw("clipped", (400, 400), 0.3)
    share = (K.abs() == torch.tensor(0.3) * 2).double().mean()
    assert abs(share - 0.0455 * 2 * (1 - 0.7257)) < 0.002


def test_normal_has_its_deviation() -> None:
    assert abs(draw("normal", (400, 400), 0.3).std() - 0.3) < 0.003


def test_unknown_distribution_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown distribution 'gauss'"):
        draw("gauss", (2,), 1.0)
