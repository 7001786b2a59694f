"""What is shared goes on training, the fields are new; an interrupted run gives the same numbers."""

import pytest
import torch

from pdebridge.studies import mnist_trials as study
from pdebridge.studies.mnist_trials import NETWORKS, Images, Shared, Shrinking, mnist_trials


@pytest.fixture(scope="module")
def images():
    torch.manual_seed(0)
    x, c = torch.rand(64, 1, 28, 28), torch.arange(64) % 10
    return Images(x, c, x[:20], c[:20])


def test_the_field_shrinks_and_grows_by_a_pixel():
    torch.manual_seed(0)
    F = Shrinking(4)
    theta = list(F.initial().values())
    theta[3] = torch.full((4,), 7.0)
    u = F(torch.rand(2, 4, 5, 5), theta, None)
    assert u.shape == (2, 4, 5, 5)
    assert bool((u[:, :, 0] == 7).all() and (u[:, :, :, -1] == 7).all() and (u[:, :, 2, 2] != 7).all())


def test_the_notebooks_layers_are_shared():
    shared = Shared()
    resnet, other, rk, ode = (shared.network(name) for name in ("resnet", "resnet", "rk-net", "ode-net"))
    weights = [set(map(id, net.parameters())) for net in (resnet, other, rk, ode)]
    assert weights[0] == weights[1]
    assert len(weights[0] & weights[2]) == len(weights[2] & weights[3]) == len(list(shared.stem.parameters())) + 4
    assert sum(w.numel() for w in shared.network("mlp").parameters()) == 784 * 64 + 64 + 2 + 64 * 10 + 10
    assert shared.stem(torch.rand(1, 1, 28, 28)).shape == (1, 64, 5, 5)


def test_an_interrupted_run_gives_the_same_numbers(images, tmp_path, monkeypatch):
    options = {"networks": ("mlp", "ode-net"), "trials": 1, "epochs": 2, "images": images}

    def errors(**more):
        rows = mnist_trials([], **options, **more).measurements
        return {(m.cell, m.quantity): m.values for m in rows if "time" not in m.quantity}

    whole, keep = errors(), str(tmp_path / "kept.pt")
    real, left = study.one_epoch, [3]

    def interrupted(*arguments):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return real(*arguments)

    monkeypatch.setattr(study, "one_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        errors(keep=keep)
    monkeypatch.setattr(study, "one_epoch", real)
    assert errors(keep=keep) == whole
    assert errors(keep=keep) == whole  # a finished one trains no more


def test_every_network_has_its_quantities(images):
    found = {(m.cell, m.quantity) for m in mnist_trials([], trials=1, epochs=1, images=images).measurements}
    assert found == {(name, q) for name in NETWORKS for q in ("min/test/error", "test/error", "time/training")}
