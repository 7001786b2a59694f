import pytest
import torch

from pdebridge.meanfield.games import crowd_motion, optimal_transport
from pdebridge.meanfield.sampling import Samples


@pytest.mark.parametrize("method", ["independent", "stratified", "sobol"])
def test_levels_grow_and_draws_are_renewed(method):
    draws = list(Samples(optimal_transport(2).initial, [(16, 5), (32, 3)], every=2, method=method))
    assert [len(d.x) for d in draws] == [16] * 5 + [32] * 3
    assert [d.fresh for d in draws] == [True, False, True, False, True, True, False, True]
    assert [d.level for d in draws] == [0] * 5 + [1] * 3
    assert draws[0].x is draws[1].x
    assert not torch.equal(draws[1].x, draws[2].x)


def test_a_resumed_run_sees_the_same_draws():
    samples = Samples(crowd_motion(2).initial, [(8, 7), (4, 6)], every=3, seed=5)
    whole = list(samples)
    for start in (0, 4, 7, 9, 12):
        resumed = list(samples.starting_at(start))
        assert len(resumed) == 13 - start
        assert resumed[0].fresh
        assert all(torch.equal(a.x, b.x) for a, b in zip(resumed, whole[start:], strict=True))


def test_seeds_differ():
    one, other = (next(iter(Samples(crowd_motion(2).initial, [(8, 1)], seed=seed))).x for seed in (1, 2))
    assert not torch.equal(one, other)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"levels": []}, "every level needs"),
        ({"levels": [(0, 5)]}, "every level needs"),
        ({"levels": [(8, 5)], "every": 0}, "every level needs"),
        ({"levels": [(12, 5)], "method": "stratified"}, "12 points cannot be divided"),
    ],
)
def test_bad_input_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Samples(optimal_transport(2).initial, **options)
