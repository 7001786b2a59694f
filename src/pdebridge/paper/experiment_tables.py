"""The tables of our own experiments: one row a cell, one column a quantity, mean and interval over seeds."""

from typing import Any

import pandas as pd

from pdebridge.configuration.grid import labels
from pdebridge.paper.certificates import BOUND, PROOF, in_words
from pdebridge.paper.measurements import Key

MEGABYTE = 1e-6
HEADINGS: dict[str, tuple[str, float]] = {
    "train/accuracy": ("training (%)", 1),
    "val/accuracy": ("validation (%)", 1),
    "test/accuracy": ("test (%)", 1),
    "noise-0.3/accuracy": ("with noise 0.3 (%)", 1),
    "pgd-0.05/accuracy": ("under PGD 0.05 (%)", 1),
    "clean/accuracy": ("clean (%)", 1),
    **{
        f"{kind}-{r}/accuracy": (f"{kind} at {r}/255 (%)", 1.0)
        for r in (36, 72, 108)
        for kind in ("certified", "attacked")
    },
    "lipschitz": ("proved Lipschitz constant", 1),
    "cost/total": ("L + F + G", 1),
    "cost/L": ("L", 1),
    "cost/F": ("F", 1),
    "cost/G": ("G", 1),
    "exact/total": ("exact L + F + G", 1),
    "error/cost": ("error of the cost (%)", 1),
    "error/velocity": ("error of the velocity (%)", 1),
    "certificate/proof": (PROOF, 1),
    "certificate/bound": (BOUND, 1),
    "certificate/gap": ("gap", 1),
    "certificate/error": ("standard error of the gap", 1),
    "mesh/error": ("above the mesh (%)", 1),
    "mesh/density": ("density, from the mesh (%)", 1),
    "mesh/velocity": ("velocity, from the mesh (%)", 1),
    "mesh/potential": ("potential, from the mesh (%)", 1),
    "cost/running-shift": ("shift of F", 1),
    "exact/running-shift": ("exact shift of F", 1),
    "limit": ("limit of L + F + G", 1),
    "order": ("order", 1),
    "refinement/change": ("change at 4 nt (%)", 1),
    "test/one-step": ("error of an interval (%)", 1),
    "coefficient/error": ("error of the coefficients (%)", 1),
    "baseline/error": ("by differences (%)", 1),
    "horizon": ("Lyapunov times", 1),
    "energy/error": ("error of the energies (%)", 1),
    "largest-step": ("largest step", 1),
    "test/dice-lung": ("Dice, lung (%)", 1),
    "test/dice-lesion": ("Dice, lesion (%)", 1),
    "test/fraction-error": ("error of the share (points)", 1),
    "fraction/half-width": ("half of its interval (points)", 1),
    "fraction/coverage": ("which holds in (%)", 1),
    "paired/dice-lesion": ("Dice of the lesion, beside", 1),
    "paired/fraction-error": ("error of the share, beside", 1),
    "side-in-16GiB": ("largest side in 16 GiB", 1),
    "parameters": ("weights", 1),
    "seconds": ("seconds", 1),
    "memory": ("memory of a step (MB)", MEGABYTE),
    "nfe/forward": ("NFE", 1),
    "nfe/rejected": ("rejected", 1),
    "nfe/backward": ("NFE back", 1),
    "nfe/backward-per-forward": ("back / forward", 1),
    "nfe/growth": ("growth of NFE", 1),
    "reversal/error": ("error of reversal", 1),
    "growth": ("growth", 1),
    "contractive/growth": ("proved growth", 1),
    "spectral/margin": ("frozen: stable step / h", 1),
    "spectral/certified": ("frozen: stable steps (%)", 1),
    "bytes": ("memory (MB)", MEGABYTE),
    "formula/bytes": ("formula (MB)", MEGABYTE),
    "counted/bytes": ("counted (MB)", MEGABYTE),
    "resident/bytes": ("resident (MB)", MEGABYTE),
}
"""Quantities that the tables for reading show, in this order, with the unit that they have there."""


def all_quantities(found: dict[Key, dict[str, Any]]) -> pd.DataFrame:
    """Return one row a cell of every experiment: mean and 95 % half-width over seeds of all that was measured."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for (experiment, cell, quantity), measurement in found.items():
        row = rows.setdefault((experiment, cell), {"experiment": experiment, "cell": cell})
        # of a grid, the values of its keys
        row |= {key: _plain(value) for key, value in measurement.get("varied", {}).items()}
        row["seeds"] = str(len(measurement["values"]))
        row[quantity] = in_words(found, (experiment, cell, quantity))
    return pd.DataFrame(list(rows.values())).fillna("")


def of_experiment(found: dict[Key, dict[str, Any]], experiment: str) -> pd.DataFrame:
    """Return the table for reading of one experiment.

    Trained cells show the quantities of `HEADINGS`; where nothing was trained, a study's own quantities follow.
    """
    mine = {key: m for key, m in found.items() if key[0] == experiment}
    trained = any(quantity == "parameters" for _, _, quantity in mine)
    shown = {key: m for key, m in mine.items() if key[2] in HEADINGS or not trained}
    table = all_quantities({key: _in_unit(key, m) for key, m in shown.items()})
    ordered = [name for name in HEADINGS if name in table] + [name for name in table if name not in HEADINGS]
    varied = list(dict.fromkeys(name for m in mine.values() for name in m.get("varied", {})))
    front = [name for name in ("cell", *varied, "seeds") if name in table]
    columns = front + [name for name in ordered if name not in ("experiment", *front)]
    return table[columns].rename(columns=labels(varied) | {name: heading for name, (heading, _) in HEADINGS.items()})


def _plain(value: Any) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _in_unit(key: Key, measurement: dict[str, Any]) -> dict[str, Any]:
    _, factor = HEADINGS.get(key[2], ("", 1))
    return {**measurement, "values": [factor * value for value in measurement["values"]]}
