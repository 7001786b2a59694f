"""Back propagation by hand is the gradient, and the ten points are learned."""

import numpy as np
import torch

from pdebridge.datasets.higham import higham
from pdebridge.networks.feedforward import FeedForward
from pdebridge.paper.feed_forward import draw
from pdebridge.studies.feed_forward import WIDTHS, cost, descend, feed_forward, initial, propagate


def layers(seeds=2):
    return initial([np.random.default_rng(seed) for seed in range(seeds)], 0.5)


def test_a_step_is_one_of_gradient_descent_through_the_network():
    weights, x, y = layers(), np.random.default_rng(1).random((2, 2, 1)), np.array([[[1.0], [0.0]], [[0.0], [1.0]]])
    after = descend(weights, x, y, 0.05)
    for seed in range(2):
        net = FeedForward(WIDTHS).double()
        for part, (W, b) in zip(net.layers, weights, strict=True):
            part.weight.data, part.bias.data = torch.tensor(W[seed]), torch.tensor(b[seed, :, 0])
        loss = (net(torch.tensor(x[seed].T)) - torch.tensor(y[seed].T)).square().sum() / 2
        loss.backward()
        for part, (W, b) in zip(net.layers, after, strict=True):
            np.testing.assert_allclose(W[seed], part.weight.data - 0.05 * part.weight.grad, atol=1e-15)
            np.testing.assert_allclose(b[seed, :, 0], part.bias.data - 0.05 * part.bias.grad, atol=1e-15)


def test_the_cost_sums_the_ten_points_of_each_seed():
    weights, data = layers(), higham()
    y = np.eye(2)[data.c_train]
    costs = cost(weights, data.x_train[:, :, None], y[:, :, None])
    for seed in range(2):
        own = [(W[seed : seed + 1], b[seed : seed + 1]) for W, b in weights]
        a = [propagate(own, x[None, :, None])[-1][0, :, 0] for x in data.x_train]
        np.testing.assert_allclose(costs[seed], np.square(y - a).sum())


def test_the_cost_falls_and_is_drawn(tmp_path):
    result = feed_forward([], steps=40_000, rate=0.3)
    found = {m.quantity: m.values for m in result.measurements}
    assert all(end < start for end, start in zip(found["cost"], found["cost/start"], strict=True))
    # a seed may rest on a plateau for long
    assert min(found["cost"]) < 0.1
    assert max(found["train/accuracy"]) == 100
    draw(result.arrays, tmp_path / "f")
    assert (tmp_path / "f.png").stat().st_size > 10_000
