"""Augmented images are shifted and reflected copies, and a generator decides which."""

import pytest
import torch

from pdebridge.training.augmentation import augment


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def candidates(image, pad):
    """Return every shift and reflection of an image, slowly."""
    _, rows, columns = image.shape
    for source in (image, image.flip(2)):
        padded = torch.nn.functional.pad(source, (pad, pad, pad, pad))
        for i in range(2 * pad + 1):
            for j in range(2 * pad + 1):
                yield padded[:, i : i + rows, j : j + columns]


@pytest.mark.parametrize("channels", [1, 3])
def test_every_image_is_a_shifted_or_reflected_copy(channels):
    x = torch.randn(20, channels, 6, 5)
    y = augment(x, generator(), pad=2, flip=True)
    assert y.shape == x.shape
    for before, after in zip(x, y, strict=True):
        assert any(torch.equal(after, one) for one in candidates(before, 2))


def test_all_shifts_and_reflections_occur():
    x = torch.arange(1.0, 10.0).reshape(1, 1, 3, 3).expand(600, 1, 3, 3)
    seen = {tuple(image.flatten().tolist()) for image in augment(x, generator(), pad=1, flip=True)}
    assert seen == {tuple(one.flatten().tolist()) for one in candidates(x[0], 1)}


def test_nothing_asked_nothing_changed():
    x = torch.randn(4, 3, 8, 8)
    assert torch.equal(augment(x, generator()), x)


def test_the_generator_decides():
    x = torch.randn(30, 3, 8, 8)
    first = augment(x, generator(1), pad=2, flip=True)
    assert torch.equal(first, augment(x, generator(1), pad=2, flip=True))
    assert not torch.equal(first, augment(x, generator(2), pad=2, flip=True))


def test_augmented_images_have_their_channels_last():
    changed = augment(torch.randn(2, 3, 8, 8), torch.Generator().manual_seed(0), pad=1)
    assert changed.is_contiguous(memory_format=torch.channels_last)
