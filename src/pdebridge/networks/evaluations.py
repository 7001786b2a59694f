"""How often the right-hand side is evaluated: the NFE of the neural-ODE papers."""

from collections.abc import Sequence

from pdebridge.integrators.dormand_prince import DormandPrince, Evaluations
from pdebridge.networks.flow import Flow


def evaluations(flows: Sequence[Flow]) -> dict[str, float]:
    """Return the evaluations of ``F`` by all flows and set the counters of the adaptive ones back to zero.

    - ``nfe/forward``: of the forward pass. Those of fixed steps are ``N`` times the stages, once a call of this.
    - ``nfe/rejected``: of these, in rejected steps. Only where a flow is adaptive, like the next.
    - ``nfe/backward``: asked for by the backward pass: repeated ones, and those of the reverse-time adjoint.

    Args:
        flows: of a network.
    """
    counters = [taken(flow.integrator) for flow in flows if isinstance(flow.integrator, DormandPrince)]
    fixed = sum(flow.steps * flow.integrator.stages for flow in flows if not flow.integrator.adaptive)
    forward = {"nfe/forward": float(fixed + sum(counter.forward for counter in counters))} if flows else {}
    if not counters:
        return forward
    rejected, back = sum(counter.rejected for counter in counters), sum(counter.back for counter in counters)
    return forward | {"nfe/rejected": float(rejected), "nfe/backward": float(back)}


def taken(integrator: DormandPrince) -> Evaluations:
    """Return the integrator's counter and give it a new one."""
    counter, integrator.evaluations = integrator.evaluations, Evaluations()
    return counter
