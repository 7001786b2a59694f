"""The published networks by name, readable without importing torch."""

from typing import Any, NamedTuple

from pdebridge.cube import known, load

STAGED = "pdebridge.networks.staged:staged"
POOLED = "pdebridge.networks.pooled:pooled"
RESIDUAL = "pdebridge.networks.baselines:residual"
FEEDFORWARD = "pdebridge.networks.feedforward:FeedForward"
ODENET, RESNET = "pdebridge.networks.odenet:odenet", "pdebridge.networks.odenet:resnet"
SQUEEZENEXT = "pdebridge.networks.anode:squeezenext"
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
    """The table of Chang et al. (AAAI 2018); counts of the Hamiltonian networks from the authors' code."""
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
    narrow, wide = (32, 64, 112), (32, 64, 128)
    rows: list[tuple[str, dict[str, Any], int, tuple[int, ...], int | None]] = [
        ("hamiltonian-74", hamiltonian, 6, narrow, 432_010),
        ("hamiltonian-218", hamiltonian, 18, wide, 1_690_890),
        ("hamiltonian-1202", hamiltonian, 100, wide, 9_699_338),
        ("midpoint-26", midpoint, 4, narrow, None),
        ("leapfrog-26", leapfrog, 4, narrow, None),
    ]
    source = "Chang et al., AAAI 2018"
    return {
        f"aaai-{name}-cifar10": Layout(
            POOLED, {**F, "units": (n, n, n), "widths": widths, "classes": 10}, weights, source
        )
        for name, F, n, widths, weights in rows
    }


def _baselines() -> dict[str, Layout]:
    """ResNet-32 and RevNet-38; the counts are those of the RevNet authors' layout, 0.46 million each in print."""
    resnet = {"coupled": False, "units": (5, 5, 5), "widths": (16, 32, 64), "classes": 10}
    revnet = {"coupled": True, "units": (3, 3, 3), "widths": (32, 64, 112), "classes": 10}
    return {
        "resnet-32-cifar10": Layout(RESIDUAL, resnet, 464_154, "He et al., 2016; Gomez et al., NeurIPS 2017"),
        "revnet-38-cifar10": Layout(RESIDUAL, revnet, 464_890, "Gomez et al., NeurIPS 2017"),
    }


def _neural_odes() -> dict[str, Layout]:
    """The MNIST networks of torchdiffeq's example by stem, the MLP of the paper's table, and ANODE's for CIFAR-10.

    ODE-Net and RK-Net are one network that is differentiated in two ways. Group normalisation in the flows, which is
    not ANODE's, lets the reverse-time adjoint pass.
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
        "anode-squeezenext-group-cifar10": Layout(
            SQUEEZENEXT, {"integrator": "rk2", "normalisation": "group"}, 461_466, gholami
        ),
    }


def _others() -> dict[str, Layout]:
    image = {"channels": 3, "classes": 10, "units": ((4, "down"), (4, "down"), (4, ""))}
    volume = {"channels": 1, "classes": 2, "units": ((4, "down"), (4, "up"), (4, "")), "dimension": 3, "dense": True}
    lensink, imex = "Lensink, Peters & Haber, 2022", "Haber et al., ICML 2019"
    return {
        "hyperbolic-2d": Layout(HYPERBOLIC, image, None, lensink),
        "hyperbolic-3d": Layout(HYPERBOLIC, volume, None, lensink),
        "imexnet": Layout("pdebridge.networks.imex:imexnet", {"channels": 1, "classes": 4}, None, imex),
        "higham-2-2-3-2": Layout(FEEDFORWARD, {}, 23, "Higham & Higham, SIAM Review 2019"),
    }


PUBLISHED: dict[str, Layout] = _jmiv() | _aaai() | _baselines() | _neural_odes() | _others()


def build(name: str, **options: Any) -> Any:
    """Return the network of a published name as a module; ``options`` replace those of the layout.

    Raises:
        ValueError: the name is unknown.
    """
    layout = known(name, PUBLISHED, "network")
    return load(layout.reference)(**{**layout.options, **options})
