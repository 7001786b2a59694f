"""What all tests share: one thread, hypothesis without a clock, and the project's root as working directory."""

import os
from pathlib import Path

# before torch is imported: test files run side by side, one a core
os.environ["OMP_NUM_THREADS"] = "1"

import pytest
import torch
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parents[1]

# time belongs to the machine: a slow draw is no failure
settings.register_profile("pdebridge", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pdebridge")


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    """Configuration is read relative to the project's root."""
    monkeypatch.chdir(ROOT)


@pytest.fixture(autouse=True)
def seeded():
    """What a test draws does not depend on the tests that its worker ran before."""
    torch.manual_seed(0)
