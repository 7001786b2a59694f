"""Quantities against one variable: what a study measures, tabulates and hands to its figure."""

from dataclasses import dataclass

import numpy as np

from pdebridge.studies.result import Measurement


@dataclass(frozen=True)
class Curve:
    """Quantities by name at each value of a variable.

    Args:
        name: of the curve, ``E4/rk4``.
        variable: ``N``, ``rtol``.
        points: value of the variable to quantities by name, the same at each.
    """

    name: str
    variable: str
    points: dict[float, dict[str, float]]

    def arrays(self) -> dict[str, np.ndarray]:
        """Return per quantity, as ``name/quantity``, the rows ``x`` and ``y``."""
        columns = {quantity for figures in self.points.values() for quantity in figures}
        return {
            f"{self.name}/{quantity}": np.array([(x, figures[quantity]) for x, figures in self.points.items()]).T
            for quantity in sorted(columns)
        }


def measurements(experiment: str, curve: Curve) -> list[Measurement]:
    """Return one measurement a point and quantity; cells are ``name/variable=x``."""
    return [
        Measurement(experiment, f"{curve.name}/{curve.variable}={x:g}", quantity, [value], [])
        for x, figures in curve.points.items()
        for quantity, value in figures.items()
    ]
