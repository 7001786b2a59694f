"""The published networks by name, readable without importing torch."""

import inspect
from typing import Any, NamedTuple

from pdebridge.cube import check_options, known, load

STAGED = "pdebridge.networks.staged:staged"
POOLED = "pdebridge.networks.pooled:pooled"
RESIDUAL = "pdebridge.networks.baselines:residual"
FEEDFORWARD = "pdebridge.networks.feedforward:FeedForward"
ODENET, RESNET = "pdebridge.networks.odenet:odenet", "pdebridge.networks.odenet:resnet"
SQUEEZENEXT = "pdebridge.networks.anode:squeezenext"
LIPSCHITZ = "pdebridge.networks.lipschitz:lipschitz"
NORMALISED = "pdebridge.networks.normalised:NormalisedFeedForward"
UNET = "pdebridge.networks.unet:UNet"
HYPERBOLIC = "pdebridge.networks.hyperbolic:FullyHyperbolic"


class Layout(NamedTuple):
    """What makes a published network: a reference ``module:name``, its arguments, and its number of weights.

    `weights` is the exact count of the source, or that of the authors' code where the source rounds it; ``None``
    where neither is known.
    """

    reference: str
    options: dict[str, Any]
    weights: int | None
    source: str


def _jmiv() -> dict[str, Layout]:
    """Table 1 of arXiv:1804.04272v2, and the N = 5 networks of the code of the journal version for STL-10."""
    families = {
        "parabolic": ("parabolic", "forward-euler"),
        "hamiltonian": ("hamiltonian", "verlet"),
        "second-order": ("second-order", "leapfrog"),
    }
    data: dict[str, tuple[tuple[int, ...], int, int]] = {
        "stl10": ((16, 32, 64, 128, 128), 10, 3),
        "stl10-n5": ((16, 32, 64, 128, 128), 10, 5),
        "cifar10": ((32, 64, 112, 112), 10, 3),
        "cifar100": ((32, 64, 128, 256), 100, 3),
    }
    full, halved = (618_554, 1_011_194, 502_570, 652_484), (324_794, 521_594, 264_106, 362_180)
    return {
        f"jmiv-{family}-{name}": Layout(
            STAGED,
            {"dynamics": F, "integrator": step, "widths": widths, "classes": classes, "steps": steps},
            (halved if family == "hamiltonian" else full)[i],
            "Ruthotto & Haber, JMIV 2020",
        )
        for family, (F, step) in families.items()
        for i, (name, (widths, classes, steps)) in enumerate(data.items())
    }


def _aaai() -> dict[str, Layout]:
    """The tables of Chang et al. (AAAI 2018); counts of the Hamiltonian networks from the authors' code.

    The full-width networks have no public code; their steps ``h`` and normalisations are this project's.
    """
    batch = {"normalisation": "batch"}
    hamiltonian = {
        "dynamics": "hamiltonian",
        "integrator": "verlet",
        "prenormalise": (True, True),
        "first": {"prenormalise": (False, True)},
        **batch,
    }
    midpoint = {"dynamics": "antisymmetric", "integrator": "midpoint", "half": False, "activation": "relu", "h": 0.1}
    leapfrog = {"dynamics": "second-order", "integrator": "leapfrog", "prenormalise": True, **batch}
    narrow, wide, widest = (32, 64, 112), (32, 64, 128), (64, 128, 256)
    rows: list[tuple[str, dict[str, Any], int, tuple[int, ...], int | None]] = [
        ("hamiltonian-38", hamiltonian, 3, narrow, 191_050),
        ("hamiltonian-74", hamiltonian, 6, narrow, 432_010),
        ("hamiltonian-110", hamiltonian, 9, wide, 811_914),
        ("hamiltonian-218", hamiltonian, 18, wide, 1_690_890),
        ("hamiltonian-1202", hamiltonian, 100, wide, 9_699_338),
        ("hamiltonian-50w", hamiltonian, 4, widest, 1_283_082),
        ("midpoint-26", midpoint, 4, narrow, None),
        ("midpoint-62", midpoint, 10, wide, None),
        ("leapfrog-26", leapfrog, 4, narrow, None),
        ("leapfrog-62", leapfrog, 10, wide, None),
    ]
    source = "Chang et al., AAAI 2018"
    return {
        f"aaai-{name}-cifar{classes}": Layout(
            POOLED,
            {**F, "units": (n, n, n), "widths": widths, "classes": classes},
            weights and weights + (classes - 10) * (widths[-1] + 1),  # the rest of the network is the same
            source,
        )
        for classes in (10, 100)
        for name, F, n, widths, weights in rows
    }


def _baselines() -> dict[str, Layout]:
    """ResNets and RevNets; the counts are those of the RevNet authors' layout, 0.46 million in print for the small."""
    he, gomez = "He et al., 2016; Gomez et al., NeurIPS 2017", "Gomez et al., NeurIPS 2017"
    rows: list[tuple[str, bool, int, tuple[int, ...], int | None, str]] = [
        ("resnet-32", False, 5, (16, 32, 64), 464_154, he),
        ("resnet-110", False, 18, (16, 32, 64), None, he),
        ("revnet-38", True, 3, (32, 64, 112), 464_890, gomez),
        ("revnet-110", True, 9, (32, 64, 128), None, gomez),
    ]
    return {
        f"{name}-cifar{classes}": Layout(
            RESIDUAL,
            {"coupled": coupled, "units": (n, n, n), "widths": widths, "classes": classes},
            weights and weights + (classes - 10) * (widths[-1] + 1),
            source,
        )
        for classes in (10, 100)
        for name, coupled, n, widths, weights, source in rows
    }


def _neural_odes() -> dict[str, Layout]:
    """The MNIST networks of torchdiffeq's example by stem, the MLP of the paper's table, and ANODE's for CIFAR-10.

    ODE-Net and RK-Net are one network that is differentiated in two ways.
    """
    chen, gholami = "Chen et al., NeurIPS 2018; torchdiffeq's odenet_mnist.py", "Gholami, Keutzer & Biros, IJCAI 2019"
    adaptive = {"integrator": "dopri5", "integrator_options": {"rtol": 1e-3}}
    rows: list[tuple[str, str, dict[str, Any], dict[str, int]]] = [
        ("odenet", ODENET, adaptive, {"conv": 208_266, "res": 232_970}),
        ("rknet", ODENET, adaptive, {"conv": 208_266, "res": 232_970}),
        ("resnet", RESNET, {"blocks": 6}, {"conv": 576_778, "res": 601_482}),
        ("resnet-1", RESNET, {"blocks": 1}, {"conv": 206_858, "res": 231_562}),
    ]
    return {
        **{
            f"{name}-mnist-{stem}": Layout(reference, {**options, "stem": stem}, weights, chen)
            for name, reference, options, counts in rows
            for stem, weights in counts.items()
        },
        "mlp-mnist-300": Layout(FEEDFORWARD, {"widths": (784, 300, 10)}, 238_510, "LeCun et al., 1998"),
        "anode-resnet18-cifar10": Layout(
            "pdebridge.networks.anode:resnet18", {"integrator": "forward-euler"}, 11_173_962, gholami
        ),
        "anode-squeezenext-cifar10": Layout(SQUEEZENEXT, {"integrator": "rk2"}, 461_466, gholami),
    }


def _others() -> dict[str, Layout]:
    image = {"channels": 3, "classes": 10, "units": ((4, "down"), (4, "down"), (4, ""))}
    volume = {"channels": 1, "classes": 2, "units": ((4, "down"), (4, "up"), (4, "")), "dimension": 3, "dense": True}
    tied = {"dynamics": "parabolic", "integrator": "forward-euler"} | {"pixels": 8, "classes": 10, "steps": 3}
    unet2, unet3 = {"widths": (16, 32, 64)}, {"widths": (16, 32, 48), "dimension": 3}
    lensink, imex = "Lensink, Peters & Haber, 2022", "Haber et al., ICML 2019"
    return {
        "hyperbolic-2d": Layout(HYPERBOLIC, image, None, lensink),
        "hyperbolic-3d": Layout(HYPERBOLIC, volume, None, lensink),
        "unet-2d": Layout(
            UNET, {"channels": 1, "classes": 2, **unet2}, None, "Ronneberger, Fischer & Brox, MICCAI 2015"
        ),
        "unet-3d": Layout(UNET, {"channels": 1, "classes": 2, **unet3}, None, "Çiçek et al., MICCAI 2016"),
        "imexnet": Layout("pdebridge.networks.imex:imexnet", {"channels": 1, "classes": 4}, None, imex),
        "convex-potential": Layout(
            LIPSCHITZ, tied | {"widths": (16, 16)}, None, "after Meunier et al., ICML 2022; widths of our own"
        ),
        "discrete-msa-mnist": Layout(NORMALISED, {}, 10_027_028, "Li & Hao, ICML 2018"),
        "higham-2-2-3-2": Layout(FEEDFORWARD, {}, 23, "Higham & Higham, SIAM Review 2019"),
    }


PUBLISHED: dict[str, Layout] = _jmiv() | _aaai() | _baselines() | _neural_odes() | _others()


def build(name: str, **options: Any) -> Any:
    """Return the network of a published name as a module; ``options`` replace those of the layout.

    Raises:
        ValueError: the name is unknown, or the layout has no such option.
    """
    layout = known(name, PUBLISHED, "network")
    make = load(layout.reference)
    parameters = inspect.signature(make).parameters.values()
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        check_options(options, [p.name for p in parameters], f"network {name!r}")
    return make(**{**layout.options, **options})
