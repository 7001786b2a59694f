"""The three axes by the names that configurations use, readable without importing torch.

A value is ``module:Class``, or ``module:function`` for a gradient mode without options. A configuration may name an
object of its own in the same form, for example ``my_package.swirl:Swirl``.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any, TypeVar

T = TypeVar("T")

DYNAMICS = {
    "dense": "pdebridge.dynamics.dense:Dense",
    "antisymmetric": "pdebridge.dynamics.antisymmetric:Antisymmetric",
    "hamiltonian-pair": "pdebridge.dynamics.hamiltonian:HamiltonianPair",
    "hamiltonian": "pdebridge.dynamics.hamiltonian:Hamiltonian",
    "parabolic": "pdebridge.dynamics.parabolic:Parabolic",
    "second-order": "pdebridge.dynamics.parabolic:SecondOrder",
    "residual": "pdebridge.dynamics.residual:Residual",
    "coupling": "pdebridge.dynamics.residual:Coupling",
    "stencil": "pdebridge.dynamics.stencil:Stencil",
    "stencil-network": "pdebridge.dynamics.stencil_network:StencilNetwork",
    "imex": "pdebridge.dynamics.imex:ReactionDiffusion",
    "perceptron": "pdebridge.dynamics.perceptron:Perceptron",
    "half-damped": "pdebridge.dynamics.half_damped:HalfDamped",
    "time-convolution": "pdebridge.dynamics.time_convolution:TimeConvolution",
    "post-activation": "pdebridge.dynamics.post_activation:PostActivation",
}
INTEGRATORS = {
    "forward-euler": "pdebridge.integrators.euler:ForwardEuler",
    "rk2": "pdebridge.integrators.runge_kutta:ExplicitMidpoint",
    "rk4": "pdebridge.integrators.runge_kutta:RK4",
    "dopri5": "pdebridge.integrators.dormand_prince:DormandPrince",
    "midpoint": "pdebridge.integrators.midpoint:Midpoint",
    "verlet": "pdebridge.integrators.verlet:Verlet",
    "augmented-verlet": "pdebridge.integrators.verlet:AugmentedVerlet",
    "leapfrog": "pdebridge.integrators.leapfrog:Leapfrog",
    "leapfrog-pair": "pdebridge.integrators.leapfrog:LeapfrogPair",
    "imex-euler": "pdebridge.integrators.imex_euler:IMEXEuler",
    "crank-nicolson": "pdebridge.integrators.additive:CrankNicolson",
    "ars-222": "pdebridge.integrators.additive:ARS222",
    "ars-443": "pdebridge.integrators.additive:ARS443",
    "etd-rk2": "pdebridge.integrators.exponential:ETDRK2",
    "etd-rk4": "pdebridge.integrators.exponential:ETDRK4",
}
GRADIENTS = {
    "stored": "pdebridge.gradients.stored:stored",
    "taped": "pdebridge.gradients.taped:Taped",
    "checkpointed": "pdebridge.gradients.checkpointed:Checkpointed",
    "revolve": "pdebridge.gradients.checkpointed:Revolve",
    "reversible": "pdebridge.gradients.reversible:Reversible",
    "adjoint": "pdebridge.gradients.reverse_time:ReverseTime",
    "layer-parallel": "pdebridge.gradients.layer_parallel:LayerParallel",
    "replay": "pdebridge.gradients.frozen_steps:FrozenSteps",
}
CONTROLS = {
    "constant": "pdebridge.dynamics.control:Constant",
    "piecewise-constant": "pdebridge.dynamics.control:PiecewiseConstant",
    "piecewise-linear": "pdebridge.dynamics.spline:PiecewiseLinear",
    "b-spline": "pdebridge.dynamics.spline:BSpline",
}
AXES = {"dynamics": DYNAMICS, "integrator": INTEGRATORS, "gradient": GRADIENTS}


def target(axis: str, name: str) -> str:
    """Return the ``module:Class`` of a name on an axis; raise ``ValueError`` with the nearest names if unknown."""
    if ":" in name:
        return name
    return known(name, AXES[axis], axis)


def known(name: str, table: Mapping[str, T], kind: str) -> T:
    """Look a name up; raise ``ValueError`` naming the nearest match and what would be valid."""
    if name in table:
        return table[name]
    near = get_close_matches(name, table, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ValueError(f"unknown {kind} {name!r}; {hint}valid: {', '.join(sorted(table))}")


def check_options(options: Mapping[str, Any], valid: Iterable[str], owner: str) -> None:
    """Raise ``ValueError`` at the first of the options that is not valid, with the nearest one that is."""
    table = {name: name for name in valid}
    for option in options:
        if not table:
            raise ValueError(f"{owner} has no options, not even {option!r}")
        known(option, table, f"option of {owner}:")


def load(reference: str) -> Any:
    """Import the object that ``module:name`` points to."""
    module, _, attribute = reference.partition(":")
    return getattr(import_module(module), attribute)
