"""Options of a gradient mode reach every flow of every layout; what does not fit is refused in one line."""

import pytest
from pydantic import TypeAdapter

from pdebridge.configuration.network import Network
from pdebridge.errors import UserError
from pdebridge.gradients.checkpointed import Checkpointed
from pdebridge.gradients.reversible import Reversible
from pdebridge.networks.regularisation import flows
from pdebridge.training.construct import network

LAYOUTS = {
    "dense": {"layout": "dense", "width": 4, "dynamics": "hamiltonian-pair", "steps": 6, "time": 1},
    "staged": {"layout": "staged", "widths": [4, 4], "dynamics": "hamiltonian"},
    **{
        name: {"layout": "published", "name": name}
        for name in ("jmiv-hamiltonian-cifar10", "aaai-hamiltonian-74-cifar10", "revnet-38-cifar10", "hyperbolic-2d")
    },
}
STEPS = {layout: {"integrator": "verlet"} for layout in ("dense", "staged")}


def build(layout, gradient, **changes):
    spec = {**LAYOUTS.get(layout, {"layout": "published", "name": layout}), **STEPS.get(layout, {}), **changes}
    return network(TypeAdapter(Network).validate_python({**spec, "gradient": gradient}), 3, 10)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_flow_has_a_mode_of_its_own_with_the_options(layout):
    for gradient, kind, option in (
        ({"name": "checkpointed", "options": {"every": 4}}, Checkpointed, ("every", 4)),
        ({"name": "reversible", "options": {"bound": 0.5}}, Reversible, ("bound", 0.5)),
    ):
        modes = [flow.gradient for flow in flows(build(layout, gradient))]
        assert all(isinstance(mode, kind) and getattr(mode, option[0]) == option[1] for mode in modes)
        assert len({id(mode) for mode in modes}) == len(modes) >= 1


@pytest.mark.parametrize(
    ("layout", "gradient", "changes", "message"),
    [
        ("staged", {"name": "checkpointed", "options": {"evry": 4}}, {}, "did you mean 'every'"),
        ("staged", {"name": "checkpointed", "options": {"every": 0}}, {}, "not every 0"),
        ("hyperbolic-2d", {"name": "stored", "options": {"every": 4}}, {}, "gradient 'stored' has no options"),
        ("imexnet", "checkpointed", {}, "unknown option of network 'imexnet': 'gradient'; valid: channels"),
        (
            "staged",
            "stored",
            {"integrator": {"name": "verlet", "options": {"order": 2}}},
            "integrator 'verlet' has no options, not even 'order'",
        ),
    ],
)
def test_what_does_not_fit_is_refused(layout, gradient, changes, message):
    with pytest.raises(UserError, match=message) as refusal:
        build(layout, gradient, **changes)
    assert "\n" not in str(refusal.value)


def test_an_option_of_the_wrong_type_is_named() -> None:
    dopri5 = {"name": "dopri5", "options": {"rtol": "small"}}
    with pytest.raises(UserError, match="integrator 'dopri5' with {'rtol': 'small'}: "):
        build("dense", "replay", dynamics="perceptron", integrator=dopri5)


def test_layouts_without_a_choice_are_built_as_they_are():
    assert sum(p.numel() for p in build("higham-2-2-3-2", "stored").parameters()) == 23
