"""What a tolerance costs: the study, its figure, and what it says of the published one; histories side by side."""

import numpy as np
import pytest

from pdebridge.files import read_json
from pdebridge.paper import gradient_race
from pdebridge.paper import nfe as figure
from pdebridge.studies import nfe as study
from pdebridge.studies.training_curves import training_curves


def test_the_study_and_its_figure(trained, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(study, "TOLERANCES", (1e-2, 1e-4, 1e-6))
    runs = [trained("neural-ode/ode-net"), trained("neural-ode/resnet-1")]
    result = study.nfe(runs)
    found = {m.quantity: m.values for m in result.measurements}
    assert {m.cell for m in result.measurements} == {"ode-net"}
    errors, spent = (
        [found[f"rtol-{t}/{name}"][0] for t in ("0.01", "0.0001", "1e-06")] for name in ("logits/error", "nfe/forward")
    )
    assert errors[0] > 10 * errors[1] > 100 * errors[2] > 0
    assert spent == sorted(spent) and spent[0] < spent[2]
    assert found["rtol-1e-06/gradient/error"][0] < 1e-3 < found["rtol-0.01/gradient/error"][0]
    assert found["figure3a/holds"] == [1.0] and found["figure3c/holds"] == [0.0]
    figure.draw(result.arrays, tmp_path / "nfe")
    assert (tmp_path / "nfe.png").stat().st_size > 20_000


def test_runs_tell_their_evaluations(trained) -> None:
    summary = read_json(trained("neural-ode/ode-net") / "summary.json")
    history = training_curves([trained("neural-ode/ode-net")]).arrays
    assert summary["nfe/forward"] == history["ode-net/nfe/forward"][0, -1] >= 14
    assert summary["nfe/backward"] >= 14 and summary["nfe/rejected"] == 0 < summary["reversal/error"]
    fixed = read_json(trained("neural-ode/resnet-1") / "summary.json")
    assert fixed["nfe/forward"] == 1 and "nfe/backward" not in fixed
    assert "resnet-1/nfe/forward" not in training_curves([trained("neural-ode/resnet-1")]).arrays


@pytest.mark.parametrize(
    ("change", "panel"),
    [
        ({"logits/error": [1, 2, 3]}, "a"),
        ({"seconds": [3, 1, 2]}, "b"),
        ({"back": 1.0}, "c"),
        ({"back": 0.0}, "c"),
        ({"epochs": [9, 9, 9]}, "d"),
    ],
)
def test_a_panel_that_does_not_hold_is_told(change, panel) -> None:
    columns = {
        "nfe/forward": [1, 2, 3],
        "logits/error": [3, 2, 1],
        "seconds": [1, 2, 3],
        "epochs": [8, 9, 10],
        "back": 0.5,
    }
    columns |= change
    epochs = np.array(columns.pop("epochs"), float)
    back = epochs * columns.pop("back")
    rows = {float(i): {name: values[i] for name, values in columns.items()} for i in range(3)}
    each = study.Swept(None, rows, {"nfe/forward": epochs, "nfe/backward": back})
    assert [name for name, holds in study.panels(each).items() if not holds] == [panel]


def test_histories_side_by_side(trained, tmp_path) -> None:
    cells = [f"euler-N2-{gradient}" for gradient in ("exact", "reverse")]
    arrays = training_curves([trained(f"anode-digits/{cell}") for cell in cells]).arrays
    first, second = (arrays[f"{cell}/train/loss"] for cell in cells)
    assert first.shape == (1, 1) and 0 < abs(first - second) < 0.1  # the same seed, data and steps
    assert arrays["euler-N2-reverse/reversal/error"][0, 0] > 0.01
    assert figure.holds({"x/holds": np.array([[1, 0], [1, 1]])}, ["x"]) == ["as published", "as published in 1/2"]
    gradient_race.draw(arrays, tmp_path / "race")
    assert (tmp_path / "race.png").stat().st_size > 10_000
