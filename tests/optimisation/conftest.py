import pytest
import torch


@pytest.fixture(autouse=True)
def float64():
    """Mathematics is checked in double precision; the tests of single precision cast."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)
