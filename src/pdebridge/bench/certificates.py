"""Time and sharpness of the certificates of games: what a bound costs, and how much of the optimum it leaves open."""

from time import process_time

import torch

from pdebridge.meanfield.certificate import estimate, proved
from pdebridge.meanfield.exact import exact_solution
from pdebridge.meanfield.games import linear_quadratic, optimal_transport

DIMENSIONS = (2, 100)
ESTIMATE = {"steps": 16, "samples": 128, "replicates": 4, "starts": 4, "iterations": 40}


def sharpness() -> tuple[dict[str, float], dict[str, float]]:
    """Return ratios and raw figures of the bounds in the dimensions of `DIMENSIONS`; CPU seconds.

    - ``transport_proved``: the largest of several quadratics, for a game whose optimum is the same in every dimension;
      the ratio is the bound in the largest dimension over that in the smallest.
    - ``lq_estimated``: descent over paths at the exact solution; the ratios are the bound over the known optimum. Above
      1 it would be none.
    """
    ratios, raw = {}, {}
    for d in DIMENSIONS:
        for word, bound in (("transport_proved", _transport), ("lq_estimated", _linear_quadratic)):
            started = process_time()
            with torch.random.fork_rng(devices=[]):
                raw[f"{word}_d{d}"] = bound(d)
            raw[f"{word}_d{d}_s"] = process_time() - started
        ratios[f"lq_estimated_over_optimum_d{d}"] = raw[f"lq_estimated_d{d}"] / _optimum(d)
    small, large = (raw[f"transport_proved_d{d}"] for d in DIMENSIONS)
    return ratios | {f"transport_proved_d{DIMENSIONS[-1]}_over_d{DIMENSIONS[0]}": large / small}, raw


def _transport(d: int) -> float:
    found = proved(optimal_transport(d))
    assert found is not None
    return found[1].value


def _linear_quadratic(d: int) -> float:
    game = linear_quadratic(d)
    return estimate(game, exact_solution(game), **ESTIMATE).bound


def _optimum(d: int) -> float:
    return exact_solution(linear_quadratic(d)).costs().value
