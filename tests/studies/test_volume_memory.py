"""The bytes of a step by shapes alone are those of one that computes; reversible ones do not grow with depth."""

import pytest

from pdebridge.configuration.load import cells, merge, parse_cell, read_experiment, settings_from
from pdebridge.studies import volume_memory as study


def cell(name="hyperbolic", **options):
    """Return a cell of the experiment with other options of the network."""
    settings = settings_from({"scale": "test"})
    (found,) = (c for c in cells(read_experiment("volumes"), settings) if c.cell == name)
    return parse_cell(merge(found.model_dump(), {"network": {"options": options}}))


@pytest.mark.parametrize(("name", "mode"), [("hyperbolic", "reversible"), ("hyperbolic", "stored"), ("unet", "stored")])
def test_what_is_counted_is_what_is_made(name, mode):
    for side in (16, 32):
        assert study.counted(cell(name), mode, side) == study.computed(cell(name), mode, side)


def test_depth_costs_the_stored_gradient_alone():
    few, many = (cell(units=[[0, "down"], [steps, ""]]) for steps in (2, 12))
    bytes_of = {m: [study.counted(one, m, 64) for one in (few, many)] for m in ("reversible", "stored")}
    states = 10 * 16 * 32**3 * 4  # of ten steps, sixteen numbers of float32 a voxel of the halved grid
    assert bytes_of["reversible"][0] == bytes_of["reversible"][1]
    assert bytes_of["stored"][1] - bytes_of["stored"][0] == pytest.approx(states, rel=0.01)


def test_the_largest_side_fits_and_the_next_does_not():
    available = 2**26
    side = int(study.largest(cell(), "reversible", available))
    assert side % 4 == 0
    assert study.counted(cell(), "reversible", side) <= available < study.counted(cell(), "reversible", side + 4)


def test_a_process_of_its_own_sees_what_tensors_need():
    made, seen = study.computed(cell("unet"), "stored", 48), study.resident(cell("unet"), "stored", 48)
    assert 0.7 * made < seen < 20 * made
