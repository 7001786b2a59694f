"""MNIST by a perceptron, a residual network and two neural ODEs, as ktcarr/neural-ode ran its trials."""

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from pdebridge.allocator import keep_freed_memory
from pdebridge.datasets.fetch import fetch
from pdebridge.datasets.images import unit
from pdebridge.datasets.mnist import MNIST, read_idx
from pdebridge.dynamics.base import Dynamics, Instant, Structure, Theta
from pdebridge.dynamics.control import Constant, PiecewiseConstant
from pdebridge.dynamics.draw import uniform
from pdebridge.dynamics.normalisation import GroupNorm
from pdebridge.files import whole
from pdebridge.gradients.reverse_time import ReverseTime
from pdebridge.gradients.stored import stored
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.integrators.runge_kutta import RK4
from pdebridge.networks.flow import Flow
from pdebridge.networks.odenet import CHANNELS, Norm
from pdebridge.studies.result import Measurement, StudyResult

NETWORKS = ("mlp", "resnet", "rk-net", "ode-net")  # in the order of a trial
BATCH = 32


class Images(NamedTuple):
    """Training and test images ``(N, 1, 28, 28)`` with grey levels in [0, 1], and their labels."""

    x: Tensor
    c: Tensor
    x_test: Tensor
    c_test: Tensor


class Shrinking(Dynamics):
    """``F(u) = K_2 relu(N(K_1 relu(N(u)) + b_1)) + b_2``, ``K_1`` 3x3 without padding, ``K_2`` 1x1 with a pixel of it.

    The images shrink by a pixel on each side and grow again, so that the outermost pixels of ``F`` are ``b_2``.

    Args:
        width: channels.
    """

    structure: Structure = "explicit"

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width, self.before, self.between = width, GroupNorm(width), GroupNorm(width)

    def initial(self) -> dict[str, Tensor]:
        """Draw kernels and biases as torch draws them by default; scales are 1, shifts 0."""
        weights: dict[str, Tensor] = {}
        for i, taps in ((1, 3), (2, 1)):
            deviation = (3 * self.width * taps**2) ** -0.5
            weights[f"K{i}"] = uniform((self.width, self.width, taps, taps), deviation)
            weights[f"b{i}"] = uniform((self.width,), deviation)
        for name, norm in (("before", self.before), ("between", self.between)):
            weights |= {f"{part}_{name}": w for part, w in norm.initial().items()}
        return weights

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        """Return ``F(u)``."""
        K1, b1, K2, b2 = theta[:4]
        u = functional.conv2d(torch.relu(self.before(u, theta[4:6], at)), K1, b1)
        return functional.conv2d(torch.relu(self.between(u, theta[6:8], at)), K2, b2, padding=1)


class Perceptron(nn.Module):
    """784-64-10 with one affine batch normalisation of all 64 features together, and ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.second = nn.Linear(784, 64), nn.BatchNorm1d(1), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        hidden = self.norm(self.first(x.flatten(1)).unsqueeze(1)).squeeze(1)
        return self.second(torch.relu(hidden))


def stem() -> nn.Sequential:
    """Return three convolutions without padding, the last two of stride 2: 28 x 28 pixels become 5 x 5."""
    sizes = ((1, 3, 1), (CHANNELS, 4, 2), (CHANNELS, 4, 2))
    parts = [part for n, k, s in sizes for part in (nn.Conv2d(n, CHANNELS, k, stride=s), Norm(CHANNELS), nn.ReLU())]
    return nn.Sequential(*parts[:-2])


def head() -> nn.Sequential:
    """Return normalised, rectified means over the pixels and a linear classifier."""
    return nn.Sequential(Norm(CHANNELS), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(CHANNELS, 10))


class Shared:
    """What the notebook makes once and every network of every trial goes on training: stem, head, residual blocks."""

    def __init__(self) -> None:
        self.stem, self.head = stem(), head()
        F = Shrinking(CHANNELS)
        self.blocks = Flow(F, PiecewiseConstant(F, 6), ForwardEuler(), stored, 6, 6.0)

    def network(self, name: str) -> nn.Module:
        """Return a network: the perceptron and the fields of the neural ODEs are new, all else is shared.

        ``rk-net`` takes four steps of RK4 to ``T = 2`` and is differentiated through them. ``ode-net`` is evaluated at
        ``T = 1/2``, after one step, where the notebook picks the second of five output times, and has the reverse-time
        gradient.
        """
        if name == "mlp":
            return Perceptron()
        F = Shrinking(CHANNELS)
        made: dict[str, Callable[[], Flow]] = {
            "resnet": lambda: self.blocks,
            "rk-net": lambda: Flow(F, Constant(F), RK4(), stored, 4, 2.0),
            "ode-net": lambda: Flow(F, Constant(F), RK4(), ReverseTime(), 1, 0.5),
        }
        return nn.Sequential(self.stem, made[name](), self.head)


def mnist_trials(
    runs: list[Path],
    networks: Iterable[str] = NETWORKS,
    trials: int = 3,
    epochs: int = 20,
    folder: str = "data",
    keep: str = "",
    images: Images | None = None,
) -> StudyResult:
    """Train each network in turn, trial after trial, by Adam with batches of 32, and keep its least test error.

    Cells ``mlp``, ``resnet``, ``rk-net``, ``ode-net``, one value a trial: ``min/test/error`` (%) over the epochs, which
    chooses by the test images and so flatters; ``test/error`` (%) after the last; ``time/training``, the seconds of
    all epochs with their evaluations. Stem, head and the residual blocks are not new in each training, see `Shared`.

    Args:
        runs: not used; the study stands for itself.
        networks: in the order of a trial; the perceptron shares nothing with the others.
        trials: repetitions.
        epochs: of each training.
        folder: where downloads are kept.
        keep: a file from which an interrupted run goes on, written after every epoch; none if empty.
        images: instead of MNIST.
    """
    keep_freed_memory()
    names, data = tuple(networks), images or read(folder)
    file = Path(keep) if keep else None
    found: dict[str, list[list[dict[str, float]]]] = {name: [] for name in names}
    for name, course in courses(names, trials, epochs, data, file):
        found[name].append(course)
    rows = []
    for name, each in found.items():
        columns = {
            "min/test/error": [min(epoch["error"] for epoch in course) for course in each],
            "test/error": [course[-1]["error"] for course in each],
            "time/training": [sum(epoch["seconds"] for epoch in course) for course in each],
        }
        rows += [Measurement("mnist-trials", name, *column, []) for column in columns.items()]
    return StudyResult(rows)


def read(folder: str) -> Images:
    """Return MNIST: all 60,000 training images and the test images."""
    x, c, x_test, c_test = (read_idx(path) for path in fetch(MNIST, folder))
    arrays = (unit(x[:, None]), c.astype("int64"), unit(x_test[:, None]), c_test.astype("int64"))
    return Images(*(torch.from_numpy(array) for array in arrays))


def courses(
    names: tuple[str, ...], trials: int, epochs: int, data: Images, file: Path | None
) -> Iterator[tuple[str, list[dict[str, float]]]]:
    """Yield the epochs of each training, of which a kept file may hold the first ones."""
    kept = torch.load(file, weights_only=False) if file and file.exists() else None
    done: list[tuple[str, list[dict[str, float]]]] = kept["done"] if kept else []
    yield from done
    torch.manual_seed(0)
    shared: Shared = kept["shared"] if kept else Shared()
    for number in range(len(done), trials * len(names)):
        name = names[number % len(names)]
        torch.manual_seed(number)
        net = shared.network(name)
        adam = torch.optim.Adam(net.parameters())
        course: list[dict[str, float]] = []
        if kept and kept["net"] is not None:
            net, adam, course = kept["net"], kept["adam"], kept["course"]
            torch.set_rng_state(kept["rng"])
        kept = None
        while len(course) < epochs:
            course.append(one_epoch(net, adam, data))
            tell(name, number, course)
            save(file, done=done, shared=shared, net=net, adam=adam, course=course, rng=torch.get_rng_state())
        done = [*done, (name, course)]
        save(file, done=done, shared=shared, net=None, adam=None, course=[], rng=None)
        yield name, course


def one_epoch(net: nn.Module, adam: torch.optim.Optimizer, data: Images) -> dict[str, float]:
    """Train on all images once, in a new order; return the error of the test images in per cent, and the seconds."""
    started = perf_counter()
    net.train()
    for batch in torch.randperm(len(data.x)).split(BATCH):
        adam.zero_grad()
        functional.cross_entropy(net(data.x[batch]), data.c[batch]).backward()
        adam.step()
    net.eval()
    with torch.no_grad():
        parts = zip(data.x_test.split(500), data.c_test.split(500), strict=True)
        wrong = sum(int((net(x).argmax(1) != c).sum()) for x, c in parts)
    return {"error": 100 * wrong / len(data.x_test), "seconds": perf_counter() - started}


def tell(name: str, number: int, course: list[dict[str, float]]) -> None:
    """Print the last epoch."""
    print(
        f"training {number + 1}, {name}: epoch {len(course)}, {course[-1]['error']:.2f} %", file=sys.stderr, flush=True
    )


def save(file: Path | None, **state: Any) -> None:
    """Keep the state of the trials, if a file is named."""
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole(file) as path:
            torch.save(state, path)
