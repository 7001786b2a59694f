"""Bifurcations stand where they must: with the exact coefficients to rounding, with learned ones to 1 %."""

import numpy as np
import pytest
import torch

from pdebridge.dynamics.stencil import Stencil
from pdebridge.studies import bifurcations


def test_learned_bifurcations_are_within_one_per_cent(trained):
    result = bifurcations.bifurcations([trained("identification/parameter"), trained("identification/heat")])
    figures = {m.quantity: m.values[0] for m in result.measurements}
    assert {m.cell for m in result.measurements} == {"parameter"}
    for k in (1, 2, 3):
        assert figures[f"wave-{k}/alpha"] == pytest.approx(4 * k**2, rel=0.001)
    assert figures["branch/deviation"] < 1


def test_a_wave_that_never_grows_has_no_bifurcation():
    F = Stencil(2, 2 * np.pi, orders=(2, 4), taps=9).double()
    still = [torch.zeros(2, 2, dtype=torch.float64), torch.zeros(1, 2, dtype=torch.float64)]
    assert np.isnan(bifurcations.crossing(F, still, 1))


def test_exact_coefficients_bifurcate_at_four_k_squared():
    F = Stencil(2, 2 * np.pi, orders=(2, 4), taps=9).double()
    exact = [torch.tensor(w, dtype=torch.float64) for w in bifurcations.EXACT.values()]
    for k in (1, 2, 3):
        below, above = (bifurcations.growth(F, exact, alpha * k**2, k) for alpha in (3.99, 4.01))
        assert below < 0 < above


def test_the_branch_leaves_zero_at_four():
    F = Stencil(2, 2 * np.pi, orders=(2, 4), taps=9).double()
    exact = [torch.tensor(w, dtype=torch.float64) for w in bifurcations.EXACT.values()]
    sizes = bifurcations.branch(F, exact)
    alpha = bifurcations.BRANCH[0]
    # two waves, u = A sin x + B sin 2x: A' = (alpha - 4) A + alpha A B / 2, B' = (4 alpha - 64) B - alpha A^2 / 2
    A2 = 16 * (16 - alpha) * (alpha - 4) / alpha**2
    B = -alpha * A2 / (2 * (64 - 4 * alpha))
    assert sizes[0] ** 2 == pytest.approx((A2 + B**2) / 2, rel=0.01)
