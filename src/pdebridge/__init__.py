"""Reproducible results that join deep learning and differential equations.

Importing the package itself costs nothing: torch and Lightning are imported by the rooms that need them, when a name
of the table below, or a room such as ``pdebridge.dynamics``, is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pdebridge.datasets.dataset import DataSet as DataSet
    from pdebridge.datasets.make import make as data  # noqa: F401
    from pdebridge.dynamics.base import Dynamics as Dynamics
    from pdebridge.dynamics.base import Instant as Instant
    from pdebridge.dynamics.control import Control as Control
    from pdebridge.errors import UserError as UserError
    from pdebridge.face import cell as cell
    from pdebridge.face import experiments as experiments
    from pdebridge.face import names as names
    from pdebridge.face import restore as restore
    from pdebridge.face import study as study
    from pdebridge.face import train as train
    from pdebridge.gradients.mode import Mode as Mode
    from pdebridge.integrators.base import Integrator as Integrator
    from pdebridge.meanfield.games import Game as Game
    from pdebridge.meanfield.potential import Potential as Potential
    from pdebridge.networks.certificate import contractive as contractive
    from pdebridge.networks.certificate import spectral as spectral
    from pdebridge.networks.check import check as check
    from pdebridge.networks.flow import Flow as Flow
    from pdebridge.networks.flow import flow as flow
    from pdebridge.networks.published import build as network  # noqa: F401
    from pdebridge.paper.published import read_published as published  # noqa: F401
    from pdebridge.paper.verdict import verdict as verdict
    from pdebridge.training.games import by_name as game  # noqa: F401

__version__ = "0.1.0"
ROOMS = (
    *("bench", "datasets", "dynamics", "gradients", "integrators", "meanfield", "meshes", "networks", "optimisation"),
    *("paper", "studies", "training"),
)
FACE = {
    "Control": "dynamics.control:Control",
    "DataSet": "datasets.dataset:DataSet",
    "Dynamics": "dynamics.base:Dynamics",
    "Flow": "networks.flow:Flow",
    "Game": "meanfield.games:Game",
    "Instant": "dynamics.base:Instant",
    "Integrator": "integrators.base:Integrator",
    "Mode": "gradients.mode:Mode",
    "Potential": "meanfield.potential:Potential",
    "UserError": "errors:UserError",
    "cell": "face:cell",
    "check": "networks.check:check",
    "contractive": "networks.certificate:contractive",
    "data": "datasets.make:make",
    "experiments": "face:experiments",
    "flow": "networks.flow:flow",
    "game": "training.games:by_name",
    "names": "face:names",
    "network": "networks.published:build",
    "published": "paper.published:read_published",
    "restore": "face:restore",
    "spectral": "networks.certificate:spectral",
    "study": "face:study",
    "train": "face:train",
    "verdict": "paper.verdict:verdict",
}
"""Classes to build on; ``flow``, ``network``, ``data``, ``game`` and their ``names``; and the work of the pipeline."""


def __getattr__(name: str) -> Any:
    """Import a name of the table, or a room, when it is asked for."""
    if name in ROOMS:
        return import_module(f"pdebridge.{name}")
    if name not in FACE:
        there = ", ".join(sorted({*FACE, *ROOMS}))
        raise AttributeError(f"module 'pdebridge' has no attribute {name!r}; it has {there}")
    module, _, attribute = FACE[name].partition(":")
    return getattr(import_module(f"pdebridge.{module}"), attribute)


def __dir__() -> list[str]:
    """Return the names of the table and the rooms, too."""
    return sorted({*globals(), *FACE, *ROOMS})
