"""Lower bounds of games in tables: a bound that is lost in its own noise is said in words."""

from typing import Any

from pdebridge.paper.measurements import Key
from pdebridge.paper.tables import mean_and_half_width

LIMIT = 0.05
"""Standard error of a gap, as a share of the cost, beyond which neither gap nor lower bound says anything."""


def in_words(found: dict[Key, dict[str, Any]], key: Key) -> str:
    """Return mean and half-width of a measurement or, for a bound or gap that says nothing, why it does not.

    The seed with the largest ``certificate/error`` decides.
    """
    experiment, cell, quantity = key
    error, cost = (found.get((experiment, cell, name)) for name in ("certificate/error", "cost/total"))
    if quantity in ("certificate/bound", "certificate/gap") and error and cost:
        share = max(error["values"]) / min(abs(value) for value in cost["values"])
        if not share <= LIMIT:
            return f"meaningless: standard error {100 * share:.2g} % of the cost"
    return mean_and_half_width(found[key]["values"])
