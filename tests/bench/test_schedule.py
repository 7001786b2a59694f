"""The schedule has the length of the cost model of multigrid in time."""

import pytest

from pdebridge.bench.schedule import chain

# serial steps over the chain of one cycle on 4, 8, 16, ... processes
GAINS = [
    (256, {}, [1.0, 1.9, 3.4, 4.9, 6.4]),
    (512, {}, [1.0, 2.0, 3.7, 6.4, 9.1, 11.6]),
    (1024, {}, [1.0, 2.0, 3.8, 6.9, 11.6, 16.0, 19.7]),
    (1024, {"relaxations": (0, 1)}, [1.3, 2.6, 5.0, 8.8, 14.2, 18.3, 21.3]),
]


@pytest.mark.parametrize(("steps", "options", "gains"), GAINS)
def test_the_chain_is_that_of_the_cost_model(steps: int, options: dict, gains: list[float]) -> None:
    for k, gain in enumerate(gains):
        assert steps / chain(steps, 4 * 2**k, **options) == pytest.approx(gain, abs=0.06)


def test_later_cycles_start_from_filled_intervals() -> None:
    first, second = chain(1024, cycles=1), chain(1024, cycles=2)
    assert second - first == first - 1024 * 3 // 4


def test_a_nested_start_costs_less_than_a_cycle() -> None:
    assert chain(1024, cycles=0, nested=True) < 0.6 * chain(1024)
