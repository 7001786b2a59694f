"""A class at every voxel: losses, scores, distortions, spacing, resuming, and what is refused."""

import numpy as np
import pytest
import torch

from pdebridge.configuration.load import merge, parse_cell
from pdebridge.configuration.segmentation import Distortion
from pdebridge.configuration.settings import Tracking
from pdebridge.datasets.volumes import Volume
from pdebridge.errors import UserError
from pdebridge.files import read_json
from pdebridge.training import fit, scans
from pdebridge.training.distortion import distort
from pdebridge.training.scans import Cases
from pdebridge.training.segmentation import dice, over_cases, soft_dice

BASE = {
    "task": "segmentation",
    "experiment": "small",
    "cell": "small",
    "title": "small volumes",
    "scale": "test",
    "source": {"reference": "lensink2020covid", "locator": "none"},
    "data": {"name": "thoraces", "options": {"cases": 4, "size": 16, "validation": 1, "test": 1}},
    "spacing": 20,
    "network": {
        "layout": "published",
        "name": "hyperbolic-3d",
        "options": {"units": [[0, "down"], [1, "down"], [1, "up"], [1, ""]], "spaced": True, "h": 0.5},
        "gradient": "reversible",
    },
    "training": {"optimizer": {"name": "adamw", "lr": 0.01}, "epochs": 3, "augmentation": {"flip": [2], "rotation": 5}},
    "seeds": 1,
}
UNET = {"layout": "published", "name": "unet-3d", "options": {"widths": [4, 8]}}


def small(**changes):
    return parse_cell(merge(BASE, changes))


@pytest.mark.parametrize("network", [{}, UNET], ids=["hyperbolic", "unet"])
def test_a_training_learns_and_is_read_back(tmp_path, network):
    cell = small(network=network)
    (run,) = fit.train(cell, Tracking(mode="disabled"), tmp_path, [])
    summary, found = read_json(run / "summary.json"), scans.restore(run)
    case = found.volumes.parts["test"][0]
    score = dice(found.labels(case), torch.as_tensor(case.mask), (1, 2))
    assert summary["test/dice-lung"] == pytest.approx(score, abs=1e-4)
    rows = np.genfromtxt(run / "history.csv", delimiter=",", names=True)
    assert rows["trainloss"][-1] < rows["trainloss"][0]


@pytest.mark.parametrize("precision", ["float64", "bf16-mixed"])
def test_other_precisions_train(tmp_path, precision):
    cell = small(training={"precision": precision, "epochs": 1})
    (run,) = fit.train(cell, Tracking(mode="disabled"), tmp_path, [])
    assert np.isfinite(read_json(run / "summary.json")["test/loss"])


def test_the_same_command_gives_the_same_numbers(tmp_path):
    cell = small(training={"epochs": 1})
    runs = [fit.train(cell, Tracking(mode="disabled"), tmp_path / name, [])[0] for name in "ab"]
    first, second = ((run / "weights.safetensors").read_bytes() for run in runs)
    assert first == second


def test_dice_of_known_masks():
    a, b = torch.zeros(4, 4), torch.zeros(4, 4)
    a[:2], b[1:3] = 2, 2
    assert dice(a.long(), b.long(), (2,)) == pytest.approx(50)
    assert np.isnan(dice(a.long(), b.long(), (1,)))
    certain = torch.stack([1 - a / 2, a / 2])[None] * 100
    assert float(soft_dice(certain, (a / 2).long()[None])) == pytest.approx(1)
    # 4 of 8 and 8 voxels in either class, and one voxel more
    assert float(soft_dice(certain, (b / 2).long()[None])) == pytest.approx((2 * 4 + 1) / (8 + 8 + 1))


def test_figures_over_cases_have_students_interval():
    cases = [{"loss": 1.0, "dice-lesion": value, "bias": bias} for value, bias in ((float("nan"), -2.0), (80.0, 4.0))]
    found = over_cases(cases, "test")
    assert found["test/dice-lesion"] == 80 and found["test/fraction-error"] == 3 and found["test/fraction-bias"] == 1
    # t(0.975, 1) = 12.706, deviation sqrt(2)
    assert found["test/fraction-error-high"] == pytest.approx(3 + 12.7062, abs=1e-3)
    assert "test/fraction-error-low" not in over_cases(cases[1:], "test")


def test_distortions_move_mask_and_image_alike():
    c = torch.zeros(1, 8, 16, 16, dtype=torch.long)
    c[:, 2:5, 4:9, 3:10] = 1
    x, generator = c[:, None].double(), torch.Generator().manual_seed(0)
    for _ in range(4):
        moved, labels = distort(x, c, generator, (3.0, 1.0, 1.0), flip=[0, 2], rotation=20, scale=0.1)
        assert float(((moved[:, 0] > 0.5) == (labels == 1)).double().mean()) > 0.98
        assert not torch.equal(labels, c)


def test_a_rotation_is_one_in_millimetres():
    """A square of millimetres on voxels of 2 x 1 stays one, and keeps its volume."""
    c = torch.zeros(1, 4, 32, 64, dtype=torch.long)
    c[:, :, 10:22, 20:44] = 1
    generator = torch.Generator().manual_seed(1)
    _, labels = distort(c[:, None].double(), c, generator, (1.0, 2.0, 1.0), rotation=45)
    where = labels[0, 0].nonzero().double() * torch.tensor([2.0, 1.0])
    assert len(where) == pytest.approx(12 * 24, rel=0.06)
    spread = torch.cov(where.T)
    assert spread[0, 0] == pytest.approx(float(spread[1, 1]), rel=0.06)
    assert abs(float(spread[0, 1])) < 0.06 * float(spread[0, 0])


def test_cases_resume_in_the_middle_and_keep_spacings_apart():
    image, mask = np.zeros((4, 4, 4), np.float32), np.zeros((4, 4, 4), np.uint8)
    cases = [Volume(f"{i}", image + i, mask, (1.0 + i // 3, 1, 1)) for i in range(6)]
    batches = Cases(cases, torch.float32, 2, 0, Distortion())
    sizes = [len(x) for x, _, _ in batches]
    assert sum(sizes) == 6 and max(sizes) == 2
    first = [float(x.flatten()[0]) for x, _, _ in batches]
    again = Cases(cases, torch.float32, 2, 0)
    again.load_state_dict({"epoch": 0, "done": 2})
    assert [float(x.flatten()[0]) for x, _, _ in again] == first[2:]


def test_grids_that_cannot_be_halved_are_continued():
    cell = small()
    net = scans.build(cell, 0)
    x = torch.randn(1, 1, 9, 10, 7)
    values = scans.logits(net, x, (1, 1, 1))
    assert values.shape == (1, 3, 9, 10, 7)
    whole = torch.nn.functional.pad(x, (0, 1, 0, 2, 0, 3), mode="replicate")
    torch.testing.assert_close(values, scans.logits(net, whole, (1, 1, 1))[:, :, :9, :10, :7])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data": {"options": {"size": 8}}}, "size must be at least 16 voxels"),
        ({"data": {"options": {"cases": 2}}}, "cases must be more than the 1 \\+ 1"),
        ({"network": {"name": "unet-3d", "layout": "published", "gradient": "reversible"}}, "no option|option of"),
        ({"network": {"name": "hyperbolic-2d", "layout": "published"}}, "hyperbolic-2d"),
        ({"network": {"options": {"units": [[1, "up"]]}}}, "finer than the image"),
        ({"network": {"options": {"classes": 5}}}, "not \\(1, 3, 16, 16, 16\\)"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(changes, said):
    with pytest.raises(UserError, match=said) as refused:
        scans.build(small(**changes), 0)
    assert "\n" not in str(refused.value)


def test_nothing_to_minimise_is_refused():
    with pytest.raises(UserError, match="dice or cross_entropy"):
        small(training={"dice": 0, "cross_entropy": 0})
    with pytest.raises(UserError, match="devices must be 1"):
        small(devices=2)
