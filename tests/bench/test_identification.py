"""Both ways here find the equation, and a peer that is not installed is said to be missing."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from pdebridge.bench import identification
from pdebridge.bench.identification import measure
from pdebridge.datasets.series import Sampling


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(identification, "NOISES", (0.0,))
    monkeypatch.setattr(identification, "SAMPLING", Sampling(0.2, 8, 2, 1, 1))
    monkeypatch.setattr(identification, "EVALUATIONS", 12)


def test_a_peer_that_is_missing_is_said_to_be(few, monkeypatch):
    monkeypatch.setitem(sys.modules, "pysindy", None)
    found = measure()
    assert found["raw"]["ours, noise 0"]["error"] < 0.1 < found["raw"]["differences, noise 0"]["error"]
    assert found["raw"]["PySINDy, noise 0"] == {"missing": "pysindy: pip install pysindy"}
    assert list(found["ratios"]) == ["error: ours / differences, noise 0"]


def test_terms_that_should_not_be_there_are_errors(few, monkeypatch):
    """A peer that finds the equation and a tenth of u besides is wrong by 10 % of the largest coefficient."""
    names, values = ["x0", "x0x0_1", "x0_11", "x0_1111", "x0^2"], np.array([[0.1, -1.0, -1.0, -1.0, 0.0]])
    model = SimpleNamespace(fit=lambda u, t: None, get_feature_names=lambda: names, coefficients=lambda: values)
    made = ("PolynomialLibrary", "PDELibrary", "WeakPDELibrary", "STLSQ")
    peer = SimpleNamespace(SINDy=lambda **_: model, **{name: lambda *_, **__: None for name in made})
    monkeypatch.setitem(sys.modules, "pysindy", peer)
    assert measure()["raw"]["PySINDy, weak form, noise 0"]["error"] == pytest.approx(10)
