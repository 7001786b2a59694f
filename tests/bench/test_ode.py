"""The passes that are timed against each other compute the same gradient."""

import torch

from pdebridge.bench.ode import LONG, computations, cpu_times, errors
from pdebridge.gradients.allocation import peak_bytes


def test_peers_compute_the_same_gradient() -> None:
    found = {name: run() for name, run in computations().items()}
    for name, g in found.items():
        reference = found["rk4: torchdiffeq" if name.startswith("rk4") else "dopri5: torchdiffeq direct"]
        assert torch.linalg.vector_norm(g - reference) < 1e-3 * torch.linalg.vector_norm(reference), name
    wrong = errors(found)
    for ours in ("dopri5: replay", "dopri5: reversible"):
        assert wrong[ours] < 0.1 * wrong["dopri5: torchdiffeq adjoint"] < 1e-3


def test_the_memory_of_a_reversible_solution_does_not_grow_with_its_length() -> None:
    short, long = (computations(time=time) for time in (1.0, LONG))
    one, many = (peak_bytes(passes["dopri5: reversible"]) for passes in (short, long))
    assert many < 1.001 * one < peak_bytes(long["dopri5: replay"])


def test_turns_alternate() -> None:
    order: list[str] = []
    passes = {name: lambda name=name: order.append(name) or torch.zeros(1) for name in ("a", "b")}
    times = cpu_times(passes, 3)
    assert order == ["a", "b"] * 3 and all(len(turns) == 3 for turns in times.values())
