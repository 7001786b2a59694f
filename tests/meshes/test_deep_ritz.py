import pytest
import torch

from pdebridge.meshes.deep_ritz import (
    RitzNetwork,
    best_fit_errors,
    boundary,
    boundary_misfit,
    energy,
    interior,
    relative_error,
)


@pytest.mark.parametrize(("d", "width", "count"), [(10, 10, 671), (100, 100, 60701)])
def test_published_counts(d, width, count):
    assert sum(w.numel() for w in RitzNetwork(d, width).parameters()) == count


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("activation", ["cubic", "logcosh", "relu"])
def test_the_gradient_is_that_of_autograd(activation, positive):
    torch.manual_seed(1)
    network, x = RitzNetwork(3, 5, 2, activation, positive), torch.rand(7, 3, requires_grad=True)
    if positive:  # so that some values are cut off and some are not
        network.positive = False
        network.output.bias.data -= network(x).detach().mean()
        network.positive = True
    value, gradient = network.value_and_gradient(x)
    torch.testing.assert_close(value, network(x))
    plain = autograd_value(network, activation, x)
    torch.testing.assert_close(value, plain)
    torch.testing.assert_close(gradient, torch.autograd.grad(plain.sum(), x)[0])
    assert not positive or 0 < (value > 0).sum() < 7


def autograd_value(network, activation, x):
    phi = {"relu": torch.relu, "cubic": lambda a: a.clamp_min(0) ** 3, "logcosh": lambda a: torch.logaddexp(a, -a)}[
        activation
    ]
    s = torch.nn.functional.pad(x, (0, network.width - network.d))
    for first, second in zip(network.layers[::2], network.layers[1::2], strict=True):
        s = s + phi(second(phi(first(s))))
    u = network.output(s).squeeze(1)
    return u.relu() if network.positive else u


@pytest.mark.parametrize("activation", ["cubic", "logcosh"])
def test_the_derivative_of_the_energy(activation):
    network, x = RitzNetwork(3, 4, 2, activation), torch.rand(6, 3, requires_grad=True)
    ours = torch.autograd.grad(energy(network, x, torch.ones(6)), network.parameters())
    value = autograd_value(network, activation, x)
    gradient = torch.autograd.grad(value.sum(), x, create_graph=True)[0]
    reference = (0.5 * gradient.square().sum(1) - value).mean()
    # the output's bias enters the value alone
    for one, other in zip(ours, torch.autograd.grad(reference, network.parameters()), strict=True):
        torch.testing.assert_close(one, other)


def test_boundary_points_lie_on_every_face():
    x = boundary(4, 3)
    assert x.shape == (24, 3)
    assert bool(((x == 0) | (x == 1)).any(1).all())
    assert [(x[:, k] == side).sum().item() for k in range(3) for side in (0, 1)] == [4] * 6


def test_a_short_training_beats_the_best_affine_function():
    torch.manual_seed(0)
    network = RitzNetwork(2, 8, 2, "logcosh")
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(400):
        edge = boundary(25, 2)
        optimizer.zero_grad()
        loss = energy(network, interior(200, 2), torch.zeros(200)) + 500 * boundary_misfit(network, edge, edge.prod(1))
        loss.backward()
        optimizer.step()
    x = interior(1000, 2)
    error, trivial = relative_error(network, x, x.prod(1)), best_fit_errors(x, x.prod(1))
    assert error < 0.5 * trivial["affine"] < trivial["constant"]


def test_an_output_fitted_to_the_boundary_is_nearer_than_the_best_affine_function():
    """``sqrt(1 / (20 d + 16))`` for the sum of d squares: 2.2 % in d = 100."""
    torch.manual_seed(0)
    network, y, x = RitzNetwork(100, 100, activation="logcosh"), boundary(20, 100), interior(4000, 100)
    network.fit_output(y, y.square().sum(1))
    exact = x.square().sum(1)
    affine = best_fit_errors(x, exact)["affine"]
    assert affine == pytest.approx(1 / 2016**0.5, rel=0.05)
    assert relative_error(network, x, exact) < affine


def test_known_trivial_errors():
    x = interior(20000, 10)
    exact = (x[:, ::2] * x[:, 1::2]).sum(1)
    trivial = best_fit_errors(x, exact)
    assert trivial["constant"] == pytest.approx(0.367, abs=0.01)
    assert trivial["affine"] == pytest.approx(0.139, abs=0.01)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((3, 2), "width >= d"), ((2, 2, 0), "blocks >= 1"), ((2, 2, 1, "sin"), "unknown activation 'sin'")],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        RitzNetwork(*arguments)
