"""Certified <= attacked <= clean on any network, and radii that are those of the closed form where there is one."""

import math

import pytest
import torch

import pdebridge as pb
from pdebridge.networks.lipschitz import lipschitz
from pdebridge.paper import certified as figure
from pdebridge.studies.certified import certified, margin, projected, withstands
from pdebridge.training.losses import margin as margin_loss


def network(**options):
    torch.manual_seed(0)
    net = lipschitz("parabolic", "forward-euler", (4, 6), 8, 3, 2, **options).eval().requires_grad_(False)
    return net, torch.rand(40, 1, 8, 8)


@pytest.mark.parametrize("options", [{}, {"control": "piecewise-constant", "scale": 0.3}, {"norm": 0.5}])
def test_no_attack_beats_the_proof(options) -> None:
    net, x = network(**options)
    c = net(x).argmax(1)
    c[::5] = (c[::5] + 1) % 3
    radii = net.radii(x, c)
    assert torch.equal(radii > 0, margin(net, x, c) > 0) and not (radii[::5] > 0).any()
    for radius in (0.25 * float(radii.median()), float(radii.median()), 2.0, 10.0):
        torch.manual_seed(0)
        held = withstands(net, x, c, radius)
        assert (held | ~(radii > radius)).all() and (~held | (radii > 0)).all()
    assert not held.all() and (options or net.lipschitz() == pytest.approx(1))


def test_the_radius_is_the_distance_to_the_boundary_of_a_linear_network() -> None:
    """With operators of norm near 0 the classifier alone decides: an attack reaches it from just beyond the radius."""
    net, x = network(norm=1e-6)
    x = x[:, :, :, :].expand(-1, 1, 8, 8)
    c = net(x).argmax(1)
    rows = net.classifier.rows()
    flat = lambda v: net.pool(net.embeddings[1](net.pool(net.embeddings[0](v)))).flatten(1)  # noqa: E731
    torch.testing.assert_close(net(x), flat(x) @ rows.T + net.classifier.bias, rtol=1e-4, atol=1e-4)
    basis = torch.eye(64).view(64, 1, 8, 8)
    assert torch.linalg.matrix_norm(flat(basis), 2) <= 1 + 1e-6
    z = net(x)
    bound = (z.gather(1, c[:, None]) - z).masked_fill(torch.nn.functional.one_hot(c, 3) == 1, math.inf).amin(1)
    assert (net.radii(x, c) >= bound / (math.sqrt(2) * torch.linalg.matrix_norm(rows, 2)) * (1 - 1e-5)).all()
    pulled = torch.stack([torch.func.vjp(flat, basis[:1])[1](r[None])[0].flatten() for r in rows])
    true = ((z.gather(1, c[:, None]) - z) / torch.cdist(pulled, pulled)[c]).nan_to_num(math.inf)
    true = true.masked_fill(torch.nn.functional.one_hot(c, 3) == 1, math.inf).amin(1)
    assert (net.radii(x, c) <= true * (1 + 1e-4)).all()
    for i in range(0, 40, 8):
        one, label = x[i : i + 1], c[i : i + 1]
        assert withstands(net, one, label, 0.99 * float(true[i])) and not withstands(
            net, one, label, 1.1 * float(true[i])
        )


def test_projection_and_loss() -> None:
    d = torch.randn(5, 1, 3, 3)
    assert (projected(d, 0.5).flatten(1).norm(dim=1) <= 0.5 + 1e-6).all() and torch.equal(projected(d, 1e3), d)
    z = torch.tensor([[1.0, 0.0, 0.5], [0.0, 2.0, 0.0]])
    assert margin_loss(z, torch.tensor([0, 1])) == pytest.approx((0.2 / 3 + 0) / 2)
    with pytest.raises(ValueError, match="until nothing is left"):
        lipschitz("parabolic", "forward-euler", (4, 4, 4, 4), 8, 3, 1)


def test_the_study_measures_the_part_that_it_is_told(tmp_path) -> None:
    small = {"seeds": 1, "training.epochs": 1, "network.options.widths": [4, 4]}
    (run,) = pb.train(pb.cell("certified/convex-potential", small), tmp_path)
    test, seen = (certified([run], images=40, part=part) for part in ("test", "val"))
    assert [m.quantity for m in test.measurements] == [m.quantity for m in seen.measurements]
    assert [m.values for m in test.measurements] != [m.values for m in seen.measurements]
    value = {m.quantity: m.values[0] for m in test.measurements}
    for r in ("36", "72", "108"):
        assert value[f"certified-{r}/accuracy"] <= value[f"attacked-{r}/accuracy"] <= value["clean/accuracy"]
    few = certified([run], images=40, attacked=10)
    differing = {m.quantity for m, n in zip(few.measurements, test.measurements, strict=True) if m.values != n.values}
    assert differing <= {f"attacked-{r}/accuracy" for r in (36, 72, 108)} and few.measurements[-1].values[0] % 10 < 1e-9
    figure.draw(test.arrays, tmp_path / "certified")
    assert (tmp_path / "certified.png").stat().st_size > 10_000
