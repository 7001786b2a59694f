"""The page docs/adding-a-dynamics.md does what it says."""

import re
import sys
from pathlib import Path

import pytest
import torch

from pdebridge.bench.training import OFF
from pdebridge.cli.training import measurements_of
from pdebridge.configuration.load import cells, read_experiment, settings_from
from pdebridge.errors import UserError
from pdebridge.files import write_json
from pdebridge.paper.experiment_tables import all_quantities
from pdebridge.paper.measurements import collect
from pdebridge.studies.stability import stability
from pdebridge.training import construct
from pdebridge.training.fit import train_seed
from pdebridge.training.progress import Progress

PAGE = (Path(__file__).parents[1] / "docs" / "adding-a-dynamics.md").read_text()


def block(language):
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return found


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    """The files of the page, where Python and the configuration find them."""
    (tmp_path / "damped.py").write_text(block("python"))
    (tmp_path / "damped.yaml").write_text(block("yaml"))
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda **settings: {
        cell.cell: cell
        for cell in cells(read_experiment("damped", tmp_path), settings_from(settings, "the page"), tmp_path)
    }
    sys.modules.pop("damped", None)


def test_the_plain_loop_learns_and_the_layer_is_right(capsys):
    torch.manual_seed(0)
    place = {"__name__": "plain"}
    exec(block("py"), place)
    assert place["losses"][-1] < 0.9 * place["losses"][0]
    assert "WRONG" not in capsys.readouterr().out


def test_it_is_trained_measured_and_tabled(experiment, tmp_path):
    files = []
    for name, cell in experiment(scale="test", limits={"seeds": 1, "epochs": 2}).items():
        run = tmp_path / name / "seed-0"
        train_seed(cell, 0, run, Progress(cell.key, 1, 2), OFF, [])
        files.append(tmp_path / f"{name}.json")
        write_json(files[-1], {"runs": [str(run)], "measurements": measurements_of(cell, [run])})
    found = stability([tmp_path / name / "seed-0" for name in ("euler", "rk4", "checkpointed")])
    margins = {m.cell: m.values[0] for m in found.measurements if m.quantity == "spectral/margin"}
    assert margins["rk4"] > 0
    # the gradient mode changes nothing but memory and time
    assert margins["euler"] == pytest.approx(margins["checkpointed"])
    assert max(m.values[0] for m in found.measurements if m.quantity == "spectrum/real") <= -0.1 + 1e-9
    assert set(all_quantities(collect(files))["cell"]) == {"euler", "rk4", "checkpointed"}


def test_the_bound_of_the_spectrum_holds(experiment):
    net = construct.network(experiment()["euler"].network, 2, 2).double()
    flow = net.flow
    theta = [w.detach()[0] for w in flow.control.parameters()]
    J = torch.func.jacrev(lambda u: flow.dynamics(u[None], theta, None)[0])(torch.zeros(4, dtype=torch.float64))
    bound = flow.dynamics.spectrum(theta).real
    assert torch.linalg.eigvalsh(J).min() == pytest.approx(bound, rel=1e-6)


def test_it_convolves(experiment):
    import damped

    images = torch.randn(2, 3, 5, 5)
    F = damped.Damped(3, operator="conv2d")
    assert F(images, list(F.initial().values()), None).shape == images.shape


def test_the_refusal_is_the_one_on_the_page(experiment):
    network = experiment()["euler"].network.model_dump() | {"integrator": "verlet"}
    with pytest.raises(UserError) as refused:
        construct.network(type(experiment()["euler"].network).model_validate(network), 2, 2)
    assert block("text").strip() in str(refused.value)
