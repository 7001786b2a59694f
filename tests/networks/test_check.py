"""The page of text that tells a user what a flow of their own is worth."""

import torch
from torch import Tensor

import pdebridge
from pdebridge.dynamics.base import Instant, Theta
from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.dynamics.dense import Dense

OPTIONS = {"activation": "tanh"}


class Leaky(Dense):
    """``u' = sigma(K u + b) - u``."""

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        return super().forward(u, theta, at, part) - u


class Wrong(Leaky):
    """A closed form that is not that of its value."""

    closed_form = Dense.closed_form


def page(F: Dense, step: str) -> tuple[bool, str]:
    torch.manual_seed(0)
    flow = pdebridge.Flow(F, PiecewiseConstant(F, 8), step, "stored", 8, 1.0)
    before = torch.get_rng_state(), [p.clone() for p in flow.parameters()]
    report = pdebridge.check(flow, torch.randn(3, 4, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(before[0], torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(before[1], flow.parameters(), strict=True))
    return report.right, str(report)


def test_a_layer_of_ones_own_is_right() -> None:
    right, text = page(Leaky(4, **OPTIONS), "rk4")
    assert right and "WRONG" not in text
    for line in (
        "u' = sigma(K u + b) - u",
        "ok    gradient layer-parallel",
        "4 of RK4",
        "refuses: a reversible gradient",
    ):
        assert line in text
    right, text = page(Leaky(4, **OPTIONS), "reversible-rk4")
    assert right and "ok    gradient reversible" in text and "ok    way back, float32" in text


def test_a_closed_form_of_another_value_is_found() -> None:
    right, text = page(Wrong(4, **OPTIONS), "rk4")
    assert not right and "WRONG gradient taped" in text


def test_both_certificates_are_on_the_page() -> None:
    torch.manual_seed(0)
    options = {"operator": "dense", "normalisation": "none", "activation": "tanh"}
    flow = pdebridge.flow("parabolic", "forward-euler", width=4, steps=5, time=0.1, **options)
    text = " ".join(str(pdebridge.check(flow, torch.randn(2, 4))).split())
    assert "ok certificate contractive for all states and these weights at most 1 ok" in text
    assert "ok certificate spectral every step frozen: stable up to" in text
    _, text = page(Leaky(4, **OPTIONS), "rk4")
    assert "no bound: nothing bounds the differences of this Leaky" in text
