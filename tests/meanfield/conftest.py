import pytest
import torch


@pytest.fixture(autouse=True)
def float64():
    """Mathematics is checked in double precision; the tests of single precision cast."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def along_a_direction():
    """Return a function that draws a direction of all weights of a module and says how a value of theirs changes in it.

    It returns the derivative in that direction, by the value's own gradient, and the value at weights moved by ``h``.
    """

    def drawn(module, value):
        direction = [torch.randn_like(w) for w in module.parameters()]
        gradient = torch.autograd.grad(value(), module.parameters())

        @torch.no_grad()
        def moved(h):
            for w, v in zip(module.parameters(), direction, strict=True):
                w.add_(v, alpha=h)
            found = value()
            for w, v in zip(module.parameters(), direction, strict=True):
                w.sub_(v, alpha=h)
            return found

        return sum((g * v).sum() for g, v in zip(gradient, direction, strict=True)), moved

    return drawn
