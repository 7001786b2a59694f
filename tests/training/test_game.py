"""Games are trained like everything else: the same run directory, exact resume, one line when it diverges."""

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from pdebridge.configuration.settings import Tracking
from pdebridge.errors import UserError
from pdebridge.files import read_json
from pdebridge.meanfield.evaluation import validate
from pdebridge.meanfield.exact import exact_solution
from pdebridge.optimisation.quasi_newton import LBFGS
from pdebridge.training import games
from pdebridge.training.fit import train
from pdebridge.training.game import Draws, MeanFieldGame, assemble

OFF = Tracking(mode="disabled")
METHODS = {"adam": {"name": "adam", "lr": 0.01}, "lbfgs": {"name": "lbfgs"}, "bfgs": {"name": "bfgs"}}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_an_interrupted_training_resumes_to_bit_equal_weights(method, epoch, small_game, tmp_path):
    cell = small_game(training={"optimizer": METHODS[method]})
    with pytest.MonkeyPatch.context() as patched, pytest.raises(ConnectionAbortedError):
        original = MeanFieldGame.on_train_batch_start

        def stop(self, batch, batch_idx):
            if self.current_epoch == epoch:
                raise ConnectionAbortedError
            original(self, batch, batch_idx)

        patched.setattr(MeanFieldGame, "on_train_batch_start", stop)
        train(cell, OFF, tmp_path / "cut", [])
    assert list((tmp_path / "cut" / "seed-0.partial" / "checkpoints").glob("epoch-*.ckpt"))
    runs = [train(cell, OFF, tmp_path / name, [])[0] for name in ("cut", "straight")]
    cut, straight = (load_file(run / "weights.safetensors") for run in runs)
    assert all(torch.equal(cut[name], straight[name]) for name in straight)
    histories = [pd.read_csv(run / "history.csv").drop(columns="seconds") for run in runs]
    pd.testing.assert_frame_equal(*histories)


def test_the_weights_of_the_least_validation_loss_are_kept_as_a_copy(small_game):
    module = assemble(small_game(), 0)
    kept = {}
    for epoch, loss in enumerate((3.0, 1.0, 2.0)):
        module.losses, module.tested = [torch.tensor(0.0)], [torch.tensor([loss, 0.0, 0.0, 0.0, 0.0])]
        kept[epoch] = module.net.w.clone()
        assert module.epoch_figures()["val/loss"] == loss
        module.net.w.data += 1
    module.return_to_best()
    assert torch.equal(module.net.w, kept[1])


def test_the_summary_is_what_the_run_directory_can_repeat(small_game, tmp_path):
    run = train(small_game(), OFF, tmp_path, [])[0]
    summary, solved = read_json(run / "summary.json"), games.restore(run)
    fine = validate(solved.game, solved.potential, 32, 256)
    assert summary["cost/total"] == pytest.approx(float(fine.cost), rel=1e-6)
    assert summary["cost/total"] == pytest.approx(summary["cost/L"] + summary["cost/F"] + summary["cost/G"], rel=1e-5)
    assert summary["hjb/path"] == pytest.approx(float(fine.hjb_path), rel=1e-6)
    assert summary["kl/min"] <= summary["cost/G"] / 5
    assert summary["parameters"] == sum(w.numel() for w in solved.potential.parameters())
    assert summary["epochs"] == 4
    assert summary["iteration/seconds"] == pytest.approx(summary["seconds"] / 20)


def test_training_reaches_the_exact_optimum(small_game, tmp_path):
    levels = [{"samples": 256, "iterations": 60}]
    cell = small_game(training={"levels": levels, "epoch": 20, "steps": 4, "precision": "float64"})
    run = train(cell, OFF, tmp_path, [])[0]
    summary, optimum = read_json(run / "summary.json"), exact_solution(games.game(cell)).costs().value
    assert optimum < summary["cost/total"] + 0.02 * optimum  # 256 points are not exact
    assert summary["cost/total"] == pytest.approx(optimum, rel=0.02)
    assert summary["refinement/flag"] == 0


def test_an_exploited_integrator_is_flagged(small_game, tmp_path):
    cell = small_game(
        game={"name": "optimal-transport", "d": 2, "alpha": {"hjb_path": 0, "hjb_final": 0}},
        training={"levels": [{"samples": 128, "iterations": 100}], "epoch": 50, "steps": 1},
    )
    assert read_json(train(cell, OFF, tmp_path, [])[0] / "summary.json")["refinement/flag"] == 1


def test_draws_are_a_function_of_seed_and_epoch(small_game):
    cell = small_game(training={"resample": 1})
    solved = games.game(cell)
    draws, again = (Draws(games.samples(cell, solved, seed=3), 5) for _ in range(2))
    again.set_epoch(3)
    everything = []
    for epoch in range(4):
        draws.set_epoch(epoch)
        assert draws.opens_a_level == (epoch in (0, 2))
        everything += list(draws)
    assert len(everything) == 20
    assert [len(x) for x in everything] == [64] * 10 + [128] * 10
    assert all(torch.equal(x, y) for x, y in zip(everything[15:], again, strict=True))
    assert not torch.equal(everything[10], everything[11])


def test_an_epoch_has_one_draw_unless_told_otherwise(small_game):
    cell = small_game()
    first, *others = Draws(games.samples(cell, games.game(cell), seed=0), 5)
    assert all(x.data_ptr() == first.data_ptr() for x in others)


def test_a_quasi_newton_method_forgets_values_at_draws_and_pairs_at_levels(small_game, tmp_path, monkeypatch):
    calls = []
    for name in ("resampled", "reset"):
        original = getattr(LBFGS, name)
        monkeypatch.setattr(LBFGS, name, lambda self, name=name, run=original: (calls.append(name), run(self)))
    train(small_game(), OFF, tmp_path, [])
    level = ["resampled", "reset", "resampled"]
    assert calls == level + level


def test_divergence_is_one_line_with_the_settings_to_change(small_game, tmp_path):
    cell = small_game(training={"optimizer": {"name": "adam", "lr": 1e30}})
    with pytest.raises(UserError, match=r"the loss is .* at step .*lower training.optimizer.lr \(now 1e\+30\)"):
        train(cell, OFF, tmp_path, [])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"game": {"name": "crowd-motion", "d": 1}}, "game: the obstacle lies in the plane"),
        ({"game": {"options": {"std2": 1}}}, "game: unknown option of game 'gaussian': 'std2'; did you mean 'std1'"),
        ({"potential": {"rank": 4}}, r"potential: the rank of A must be between 1 and d \+ 1 = 3, not 4"),
        (
            {
                "game": {"name": "optimal-transport", "d": 2},
                "training": {"sampling": "stratified", "levels": [{"samples": 9, "iterations": 5}]},
            },
            "training.levels: 9 points cannot be divided",
        ),
        ({"game": {"name": "no.such.module:game", "d": 2}}, "game: No module named 'no'"),
    ],
)
def test_what_cannot_be_built_is_one_line(changes, expected, small_game):
    with pytest.raises(UserError, match=rf"config/experiments/small.yaml, cell 'small': {expected}"):
        assemble(small_game(**changes), 0)
