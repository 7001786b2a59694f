"""Images per second of a training step, and its floating-point rate beside the convolutions' peak of the same run."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from pdebridge.bench.gradients import shortest_times
from pdebridge.configuration.classification import Augmentation, Training
from pdebridge.configuration.optimisers import SGD
from pdebridge.networks.published import build
from pdebridge.training.classification import Classification
from pdebridge.training.optimisers import optimiser

PRECISIONS = {"float32": torch.float32, "bf16-mixed": torch.bfloat16}
GRADIENTS = ("stored", "reversible")
WIDTHS = (64, 128, 256)  # of the convolutions that are timed for the peak


def measure(
    network: str = "jmiv-hamiltonian-cifar10", batch: int = 125, pixels: int = 32, rounds: int = 4
) -> dict[str, Any]:
    """Return the speed of training steps on random images, by precision and gradient mode.

    A step is what a training does: shifts and reflections, both passes of the regularised objective, an update, the
    projection. Its operations are counted by torch where they are matrix products or convolutions, two for each
    multiplication with addition; what the reversible gradient does a second time is no gain and does not count.
    Steps and the convolutions that give the peak take turns; the shortest times count.

    Args:
        network: a published one.
        batch: number of images.
        pixels: height and width of the images.
        rounds: turns of each.

    Returns:
        ``ratios``: the rate of each step as a share of the peak of its precision, times of one to another, ``raw``:
        images a second, operations a second, peaks, and ``name``.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    steps = {
        f"{precision}, {gradient}": training_step(network, precision, gradient, batch, pixels, device)
        for precision in PRECISIONS
        for gradient in GRADIENTS
    }
    peaks = {(name, width): convolution(dtype, width, device) for name, dtype in PRECISIONS.items() for width in WIDTHS}
    work = operations(steps["float32, stored"])
    labelled = {f"{name}, {width}": run for (name, width), run in peaks.items()}
    seconds = shortest_times(steps | labelled, rounds)
    peak = {
        name: max(operations(peaks[name, width]) / seconds[f"{name}, {width}"] for width in WIDTHS)
        for name in PRECISIONS
    }
    rates = {name: work / seconds[name] for name in steps}
    shares = {f"{name}: share of the convolution peak": rates[name] / peak[name.split(",")[0]] for name in steps}
    low, full = (seconds[f"{name}, stored"] for name in ("bf16-mixed", "float32"))
    return {
        "name": "images",
        "ratios": shares | {"time, stored: bf16-mixed / float32": low / full},
        "raw": {
            "images per second": {name: batch / seconds[name] for name in steps},
            "operations per second": rates,
            "convolution peak": peak,
            "operations a step": work,
            "device": device.type,
            "threads": torch.get_num_threads(),
        },
    }


def training_step(
    network: str, precision: Any, gradient: str, batch: int, pixels: int, device: torch.device
) -> Callable[[], None]:
    """Return a function that takes one step of the published training of a network on random images."""
    torch.manual_seed(0)
    net = build(network, gradient=gradient).to(device)
    spec = Training(
        optimizer=SGD(name="sgd", weight_decay=2e-4),
        epochs=1,
        batch_size=batch,
        augmentation=Augmentation(pad=pixels // 16, flip=True),
        precision=precision,
        variation=2e-4,
        box=1.0,
    )
    x, c = torch.randn(batch + 1, 3, pixels, pixels, device=device), torch.arange(batch + 1, device=device) % 10
    task = Classification(net, spec, 0, {"train": (x, c), "val": (x, c)})  # a full batch would not be augmented
    batches, (sgd, _) = task.loaders()[0], optimiser(spec, net, 1)

    def run() -> None:
        x, c = next(iter(batches))
        sgd.zero_grad()
        task.objective(task.logits(x), c).backward()
        sgd.step()
        task.on_train_batch_end(None, (x, c), 0)
        finish(device)

    return run


def convolution(dtype: torch.dtype, width: int, device: torch.device) -> Callable[[], None]:
    """Return a function that runs a 3x3 convolution large enough for the device to show what it can do."""
    u = torch.randn(32, width, 16, 16, dtype=dtype, device=device).contiguous(memory_format=torch.channels_last)
    K = torch.randn(width, width, 3, 3, dtype=dtype, device=device).contiguous(memory_format=torch.channels_last)

    @torch.no_grad()
    def run() -> None:
        functional.conv2d(u, K, padding=1)
        finish(device)

    return run


def finish(device: torch.device) -> None:
    """Wait until the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def operations(computation: Callable[[], None]) -> int:
    """Return the floating-point operations of matrix products and convolutions."""
    with FlopCounterMode(display=False) as counter:
        computation()
    return int(counter.get_total_flops())
