"""Coefficients of the Kuramoto-Sivashinsky equation from the same noisy samples: ours, differences, and PySINDy.

PySINDy (Kaptanoglu et al., J. Open Source Softw. 7, 2022) chooses the terms itself from a library, ours are given a
stencil of derivatives up to the fourth and ``u u_x``; both find ``u_xx``, ``u_xxxx`` and ``u u_x``.
"""

import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import torch

from pdebridge.datasets.series import Sampling, Series, kuramoto_sivashinsky
from pdebridge.dynamics.control import Constant
from pdebridge.dynamics.stencil import Stencil
from pdebridge.gradients.stored import stored
from pdebridge.integrators.exponential import ETDRK4
from pdebridge.networks.flow import Flow
from pdebridge.optimisation.series import fit_few, pieces
from pdebridge.training.series import coefficient_error
from pdebridge.training.trajectories import by_differences, coefficients

NOISES = (0.0, 0.01, 0.05)
SAMPLING = Sampling(interval=0.2, samples=50, train=8, validation=1, test=1)
EVALUATIONS, INTERVALS, TAPS = 30, 4, 9
TERMS = {"x0x0_1": "u u_x", "x0_11": "u_xx", "x0_1111": "u_xxxx"}
"""What PySINDy calls the terms of the equation."""
Found = dict[str, float]


def measure() -> dict[str, Any]:
    """Return errors of the coefficients (%), CPU seconds, and ours over each other way's, for noise of 0, 1 and 5 %."""
    raw: dict[str, Any] = {}
    for noise in NOISES:
        series = kuramoto_sivashinsky(seed=0, sampling=replace(SAMPLING, noise=noise))
        for name, find in WAYS.items():
            raw[f"{name}, noise {noise:g}"] = judged(find, series)
    ratios = {}
    for noise in NOISES:
        ours = raw[f"ours, noise {noise:g}"]
        for name in list(WAYS)[1:]:
            other = raw[f"{name}, noise {noise:g}"]
            if "error" in other:
                ratios[f"error: ours / {name}, noise {noise:g}"] = ours["error"] / other["error"]
    return {"name": "identification", "ratios": ratios, "raw": raw}


def judged(find: Callable[[Series], Found], series: Series) -> dict[str, Any]:
    """Return the largest error of a coefficient (%), a term that should not be there included, and CPU seconds."""
    started = time.process_time()
    try:
        found = find(series)
    except ModuleNotFoundError as error:
        return {"missing": f"{error.name}: pip install pysindy"}
    seconds = time.process_time() - started
    return {"error": 100 * coefficient_error(found, series.coefficients), "seconds": seconds, "found": found}


def ours(series: Series) -> Found:
    """Return what a stencil finds by exponential steps over four intervals."""
    F = Stencil(1, series.length, taps=TAPS).double()
    net = Flow(F, Constant(F).double(), ETDRK4(), stored, 1, series.interval)
    u = torch.from_numpy(series.parts["train"])
    times = series.interval * torch.arange(u.shape[1], dtype=torch.float64)
    fit_few(net, pieces(u, times, INTERVALS)[0], EVALUATIONS)
    return coefficients(net)


def differences(series: Series) -> Found:
    """Return what least squares of central differences find."""
    F = Stencil(1, series.length, taps=TAPS).double()
    return by_differences(torch.from_numpy(series.parts["train"]), series.interval, F)


def pysindy(series: Series, weak: bool) -> Found:
    """Return what sequentially thresholded least squares of PySINDy find, in the strong or in the weak form.

    The library holds ``u, u^2``, derivatives up to the fourth, and their products; the threshold is 0.3.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ps = import_module("pysindy")
        u = [v.T[:, :, None] for v in series.parts["train"][:, :, 0]]  # (points, times, 1)
        x, t = (
            step * np.arange(n)
            for step, n in ((series.length / len(u[0]), len(u[0])), (series.interval, u[0].shape[1]))
        )
        functions = ps.PolynomialLibrary(degree=2, include_bias=False)
        grid = np.stack(np.meshgrid(x, t, indexing="ij"), -1)
        np.random.seed(0)  # noqa: NPY002  # the weak form draws its patches from numpy's global generator
        library = (
            ps.WeakPDELibrary(functions, spatiotemporal_grid=grid, derivative_order=4, K=200, p=6, H_xt=[4, 2])
            if weak
            else ps.PDELibrary(functions, spatial_grid=x, derivative_order=4, diff_kwargs={"periodic": True})
        )
        model = ps.SINDy(feature_library=library, optimizer=ps.STLSQ(threshold=0.3, alpha=1e-10))
        model.fit(u, t=t if weak else series.interval)
        values = zip(model.get_feature_names(), model.coefficients()[0].tolist(), strict=True)
    return {TERMS.get(name, name): value for name, value in values if value}


WAYS: dict[str, Callable[[Series], Found]] = {
    "ours": ours,
    "differences": differences,
    "PySINDy": lambda series: pysindy(series, weak=False),
    "PySINDy, weak form": lambda series: pysindy(series, weak=True),
}
