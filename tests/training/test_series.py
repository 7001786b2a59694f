"""Series are trained like everything else, and the equation that made them is read off the weights."""

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from pdebridge.configuration.settings import Tracking
from pdebridge.errors import UserError
from pdebridge.files import read_json
from pdebridge.training import trajectories
from pdebridge.training.describe import describe_cell
from pdebridge.training.fit import train
from pdebridge.training.modules import modules
from pdebridge.training.series import TimeSeries, assemble, coefficient_error

OFF = Tracking(mode="disabled")
SOLVE = {"optimizer": {"name": "least-squares", "iterations": 20}, "epochs": 1}
METHODS = {
    "least-squares": {"optimizer": {"name": "least-squares", "iterations": 2}},
    "lbfgs": {},
    "adamw": {"optimizer": {"name": "adamw", "lr": 0.01}, "batch_size": 8},
}
EQUATIONS = {
    "kuramoto-sivashinsky": ({"points": 48, "discard": 100}, 0.2, [0, 1, 2, 3, 4], [[0, 1]]),
    "burgers": ({"points": 64}, 0.1, [0, 1, 2], [[0, 1]]),
    "heat": ({"points": 32}, 0.1, [0, 1, 2], []),
    "front": ({"points": 64}, 0.1, [0, 1, 2], [[0, 0], [0, 1]]),
}


@pytest.mark.parametrize("name", EQUATIONS)
def test_the_equation_is_read_off_the_weights(name, small_series, tmp_path):
    options, interval, orders, products = EQUATIONS[name]
    cell = small_series(
        series={"name": name, "options": options},
        sampling={"interval": interval, "samples": 12},
        network={"dynamics": {"options": {"orders": orders, "products": products}}},
        training=SOLVE,
    )
    summary = read_json(train(cell, OFF, tmp_path, [])[0] / "summary.json")
    assert summary["coefficient/error"] < 1
    truth = trajectories.series(cell, 0).coefficients
    for term, value in truth.items():
        assert summary[f"coefficient/{trajectories.slug(term)}"] == pytest.approx(value, rel=0.01)
    assert summary["test/one-step"] < 0.1 and summary["test/loss"] < 1e-3


def test_the_error_of_a_coefficient_counts_terms_that_should_not_be_there():
    truth = {"u u_x": -1.0, "u_xx": 0.1}
    assert coefficient_error({"u u_x": -1.0, "u_xx": 0.11}, truth) == pytest.approx(0.1)
    assert coefficient_error({"u u_x": -1.0, "u_xx": 0.1, "u": 0.02}, truth) == pytest.approx(0.02)
    assert coefficient_error({"u u_x": -1.0}, truth) == 1


@pytest.mark.parametrize("method", METHODS)
def test_an_interrupted_training_resumes_to_bit_equal_weights(method, small_series, tmp_path):
    cell = small_series(training=METHODS[method])
    with pytest.MonkeyPatch.context() as patched, pytest.raises(ConnectionAbortedError):
        original = TimeSeries.on_train_batch_start

        def stop(self, batch, batch_idx):
            if self.current_epoch == 2:
                raise ConnectionAbortedError
            original(self, batch, batch_idx)

        patched.setattr(TimeSeries, "on_train_batch_start", stop)
        train(cell, OFF, tmp_path / "cut", [])
    runs = [train(cell, OFF, tmp_path / name, [])[0] for name in ("cut", "straight")]
    cut, straight = (load_file(run / "weights.safetensors") for run in runs)
    assert all(torch.equal(cut[name], straight[name]) for name in straight)
    histories = [pd.read_csv(run / "history.csv").drop(columns="seconds") for run in runs]
    pd.testing.assert_frame_equal(*histories)
    assert histories[0]["train/loss"].is_monotonic_decreasing or method == "adamw"


def test_the_summary_is_what_the_run_directory_can_repeat(small_series, tmp_path):
    run = train(small_series(training={"steps": 2}), OFF, tmp_path, [])[0]
    summary, found = read_json(run / "summary.json"), trajectories.restore(run)
    u = torch.from_numpy(found.series.parts["test"])
    error = (found.net(u[0, :6]) - u[0, 1:7]).norm() / u[0, 1:7].norm()
    assert summary["test/one-step"] == pytest.approx(100 * float(error), rel=1e-6)
    assert summary["coefficient/u-xx"] == trajectories.coefficients(found.net)["u_xx"]
    assert summary["parameters"] == 4


def test_no_change_has_the_loss_one(small_series):
    module = assemble(small_series(training={"steps": 3}), 0)
    first, others = next(iter(module.loaders()[0]))
    with torch.no_grad():
        loss = module.training_step((first, others), 0)
    assert float(loss) == pytest.approx(1)


def test_weights_of_the_least_validation_loss_are_the_result(small_series):
    module = assemble(small_series(), 0)
    for loss in (3.0, 1.0, 2.0):
        module.losses, module.tested = [torch.tensor(0.0)], [torch.tensor([loss, 1.0, 1.0])]
        with torch.no_grad():
            module.net.control.a.fill_(loss)
        module.epoch_figures()
    module.return_to_best()
    assert (module.net.control.a == 1).all()


@pytest.mark.parametrize("gradient", ["taped", "checkpointed", {"name": "revolve", "options": {"slots": 2}}], ids=str)
@pytest.mark.parametrize("integrator", ["crank-nicolson", "ars-222", "etd-rk2", "rk4"])
def test_every_point_of_the_cube_has_the_same_gradient(gradient, integrator, small_series):
    def gradients(name):
        options = {"implicit": integrator != "rk4"}
        network = {"dynamics": {"options": options}, "integrator": integrator, "steps": 4, "gradient": name}
        module = assemble(small_series(network=network, training={"steps": 2}), 0)
        with torch.no_grad():
            for w in module.net.parameters():
                w.add_(0.1)
        module.misses(*next(iter(module.loaders()[0]))).square().mean().backward()
        return [w.grad for w in module.net.parameters()]

    for g, exact in zip(gradients(gradient), gradients("stored"), strict=True):
        torch.testing.assert_close(g, exact, rtol=1e-5, atol=1e-9)


def test_a_network_without_a_prior_learns_too(small_series, tmp_path):
    dynamics = {"name": "stencil-network", "options": {"features": "values", "hidden": 8, "implicit": False, "taps": 7}}
    network = {"dynamics": dynamics, "integrator": "forward-euler", "control": "piecewise-constant", "steps": 2}
    cell = small_series(network=network, training={"optimizer": {"iterations": 30}})
    summary = read_json(train(cell, OFF, tmp_path, [])[0] / "summary.json")
    assert summary["train/loss"] < 0.1
    assert not [name for name in summary if name.startswith("coefficient")]


def test_a_parameter_is_an_input(small_series):
    cell = small_series(
        series={"name": "scaled-kuramoto-sivashinsky", "options": {"points": 32, "alphas": [2, 6]}},
        sampling={"interval": 4e-3},
    )
    net = trajectories.build(cell, 0)
    assert net.dynamics.width == 2 and trajectories.coefficients(net) == {}


def test_it_is_described_and_its_code_counts(small_series):
    cell = small_series()
    described = describe_cell(cell)
    assert described["parameters"] == 4 and described["series"] == "burgers" and described["h"] == [0.1]
    assert {"pdebridge.training.series:assemble", "pdebridge.integrators.exponential:ETDRK4"} <= set(modules(cell))


def test_divergence_is_one_line_with_the_settings_to_change(small_series, tmp_path):
    cell = small_series(training={"optimizer": {"name": "adamw", "lr": 1e200}})
    with pytest.raises(UserError, match=r"the loss is .* at step .*lower training.optimizer.lr .*network.steps"):
        train(cell, OFF, tmp_path, [])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"training": {"steps": 8}},
            "training.steps: a piece of 8 intervals needs 9 samples, and sampling.samples is 8",
        ),
        ({"training": {"optimizer": {"iterations": 1}, "batch_size": 4}}, "training.batch_size: lbfgs wants the full"),
        ({"training": SOLVE, "network": {"gradient": "taped"}}, "network.gradient: least-squares wants stored"),
        ({"devices": 2}, "devices must be 1"),
        ({"sampling": {"noise": 1.5}}, "sampling.noise"),
        ({"sampling": {"interval": 0}}, "sampling.interval"),
        ({"sampling": {"samples": 1}}, "sampling.samples"),
        ({"sampling": {"trian": 1}}, "did you mean 'train'"),
    ],
)
def test_what_cannot_be_is_refused_by_the_configuration(changes, expected, small_series):
    with pytest.raises(UserError, match=expected):
        small_series(**changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"network": {"integrator": "rk4"}}, "network: RK4 integrates explicit dynamics, Stencil is implicit-explicit"),
        ({"network": {"dynamics": {"options": {"tap": 5}}}}, "network: .*tap"),
        ({"network": {"dynamics": {"options": {"taps": 4}}}}, "network: a central stencil has an odd number of taps"),
        ({"series": {"options": {"points": 4}}}, "series: points must be at least 24"),
        ({"series": {"options": {"viscosty": 1}}}, "series: unknown option.*did you mean 'viscosity'"),
    ],
)
def test_what_cannot_be_built_is_one_line(changes, expected, small_series):
    with pytest.raises(UserError, match=f"config/experiments/small.yaml, cell 'small': {expected}") as refused:
        trajectories.build(small_series(**changes), 0)
    assert "\n" not in str(refused.value)
