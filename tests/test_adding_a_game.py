"""The page docs/adding-a-game.md does what it says."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from pdebridge.bench.training import OFF
from pdebridge.configuration.load import cells, read_experiment, settings_from
from pdebridge.errors import UserError
from pdebridge.files import read_json
from pdebridge.meanfield.objective import objective
from pdebridge.studies.games import games
from pdebridge.training import games as construct
from pdebridge.training.fit import train_seed
from pdebridge.training.progress import Progress

PAGE = (Path(__file__).parents[1] / "docs" / "adding-a-game.md").read_text()
WALL, CORRIDOR, SCRIPT = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
EXPERIMENT, CROWDS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
(REFUSAL,) = re.findall(r"^```text\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the page's files, where Python and the configuration find them."""
    for name, content in (("wall.py", WALL), ("corridor.py", CORRIDOR), ("evacuation.yaml", EXPERIMENT)):
        (tmp_path / name).write_text(content)
    positions = np.random.default_rng(0).normal([-3.0, 0.0], [0.5, 1.0], (60, 2))
    np.savetxt(tmp_path / "crowd.csv", positions, delimiter=",")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for module in ("wall", "corridor"):
        sys.modules.pop(module, None)


def cell(folder, **game):
    override = {"overrides": {"evacuation": {"game": game}}} if game else {}
    settings = settings_from({"scale": "test", "limits": {"epochs": 8}, **override}, "the page")
    (found,) = cells(read_experiment("evacuation", folder), settings, folder)
    return found


def test_it_is_trained_certified_and_drawn(folder):
    run = folder / "runs" / "seed-0"
    spelled = cell(folder)
    train_seed(spelled, 0, run, Progress(spelled.key, 1, 8), OFF, [])
    found = games([run], samples=16, starts=2, iterations=5)
    values = {m.quantity: m.values[0] for m in found.measurements}
    assert values["certificate/bound"] < read_json(run / "summary.json")["cost/total"]
    # the wall is drawn where it is, and its door
    x, y = np.meshgrid(*found.arrays["d2/axes"])
    expected = 20 * np.exp(-2 * x**2) * (1 - np.exp(-((y - 1) ** 2)))
    np.testing.assert_allclose(found.arrays["d2/obstacle"][0], expected, atol=1e-3)


def test_several_crowds_have_a_potential_each(folder):
    spelled = cell(folder, **yaml.safe_load(CROWDS)["game"])
    game, potential = construct.game(spelled), construct.build(spelled, 0)
    assert (game.crowds, game.d) == (2, 4)
    assert objective(game, potential, game.initial.sobol(32), 2).running > 0


def test_the_crowd_is_where_it_was_counted(folder):
    game = construct.game(cell(folder))
    counted = np.loadtxt(folder / "crowd.csv", delimiter=",")
    np.testing.assert_allclose(game.initial.sobol(2**12).mean(0), counted.mean(0), atol=0.02)
    assert tuple(game.alpha) == (1, 1, 5, 3, 3)


def test_the_function_is_found_and_its_script_runs(folder, capsys):
    assert construct.game(cell(folder, name="corridor:corridor", d=3, options={"height": 2.0})).d == 3
    exec(compile(SCRIPT.replace("range(200)", "range(2)"), "script", "exec"), {})
    assert "could still be saved" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("initial", "message"),
    [
        ({}, re.escape(REFUSAL)),
        ({"means": [[0, 0]]}, "initial: a density needs `means` and `covariance`, or `samples`"),
        ({"samples": "none.csv"}, "initial: .*none.csv"),
        ({"samples": "empty.csv"}, r"initial: empty.csv: a density in d dimensions needs samples \(n, d\) with n > d"),
        ({"samples": "words.csv"}, "initial: words.csv: could not convert string 'a'"),
        ({"samples": "crowd.csv", "bandwith": 1}, "did you mean 'bandwidth'"),
        (
            {"samples": "crowd.csv", "bandwidth": 0},
            r"initial: crowd.csv: bandwidth must be positive \(found 0\)",
        ),
        (
            {"means": [[0, 0]], "covariance": [[[1, 2], [2, 1]]]},
            "initial: a covariance must be symmetric positive definite",
        ),
        ({"means": [[0, 0, 0]], "covariance": 1}, "initial: it lives in 3 dimensions, the game in d = 2"),
    ],
)
def test_what_is_no_density_is_refused(initial, message, folder):
    (folder / "empty.csv").write_text("")
    (folder / "words.csv").write_text("a,b\n")
    (folder / "evacuation.yaml").write_text(EXPERIMENT.replace("{samples: crowd.csv}", json.dumps(initial)))
    with pytest.raises(UserError, match=message) as refused:
        construct.game(cell(folder))
    assert "\n" not in str(refused.value)


def test_other_mistakes_are_one_line(folder):
    for options, message in (
        ({"obstacle": "wall:well"}, "has no attribute 'well'"),
        ({"entropy": -1}, "not negative|must not be"),
    ):
        with pytest.raises(UserError, match=message):
            construct.game(cell(folder, options=options))
