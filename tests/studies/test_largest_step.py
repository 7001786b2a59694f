"""An explicit template trains up to its limit of stability, implicit ones far beyond."""

import pytest

from pdebridge.studies import largest_step


def test_explicit_steps_end_at_their_limit_of_stability():
    # RK4 is stable up to 2.785 over the largest decay of the stencil, 2390: 1.17e-3
    assert largest_step.trained("rk4", 1e-3)[1] and not largest_step.trained("rk4", 1.4e-3)[1]
    error, bounded = largest_step.trained("ars-222", 0.2)
    assert bounded and error < largest_step.TOLERANCE


def test_a_template_that_never_trains_has_no_step(monkeypatch):
    monkeypatch.setattr(largest_step, "trained", lambda name, h: (0.01, h < 0.15))
    assert largest_step.largest("etd-rk4", 0.1, 9)[0] == pytest.approx(0.1 * 2**0.5)
    assert largest_step.largest("etd-rk4", 0.2, 9) == (0.0, float("inf"))
