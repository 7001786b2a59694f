"""The steps that are timed are training steps, and their operations are those of the network."""

import pytest
import torch

from pdebridge.bench.images import GRADIENTS, PRECISIONS, convolution, measure, operations, training_step

CPU = torch.device("cpu")


def test_every_precision_and_gradient_has_a_speed_and_a_share() -> None:
    found = measure(batch=2, pixels=16, rounds=1)
    names = {f"{precision}, {gradient}" for precision in PRECISIONS for gradient in GRADIENTS}
    assert found["name"] == "images" and set(found["raw"]["images per second"]) == names
    shares = [value for name, value in found["ratios"].items() if "share" in name]
    assert len(shares) == len(names) and all(0 < share < 1 for share in shares)
    speed, work = found["raw"]["images per second"], found["raw"]["operations a step"]
    for name, rate in found["raw"]["operations per second"].items():
        assert rate == pytest.approx(speed[name] * work / 2)


def test_operations_of_a_step_are_those_of_its_convolutions() -> None:
    """36 convolutions of the flows, opening, connectors and classifier: once forth, twice back but for the images."""
    pixels, halves = 32, (16, 32, 56)
    flows = sum(12 * 9 * w * w * (pixels // 2**k) ** 2 for k, w in enumerate(halves))
    connectors = sum(a * b * (pixels // 2**k) ** 2 for k, (a, b) in enumerate(((32, 64), (64, 112), (112, 112))))
    opening, classifier = 27 * 32 * pixels**2, 1120
    expected = 3 * (flows + connectors + classifier) + 2 * opening
    step = training_step("jmiv-hamiltonian-cifar10", "float32", "stored", 2, pixels, CPU)
    assert operations(step) == pytest.approx(2 * 2 * expected)


def test_operations_of_a_convolution() -> None:
    assert operations(convolution(torch.float32, 8, CPU)) == 2 * 32 * 8 * 8 * 9 * 256
