"""Does the comparison see? Faults are injected into the numbers of a finished run, and each must be found by name.

Two truths are tried. *Same*: the run was computed with the reference's arithmetic, so that all but the fault is bit for
bit the reference's. *Other*: every training with repeats is another draw, one of its repeats, compared with the rest.
Without a fault neither may give an alarm.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pdebridge.errors import UserError
from pdebridge.paper.evidence import Evidence, read
from pdebridge.paper.measurements import Key
from pdebridge.paper.quantities import chaotic
from pdebridge.paper.regression import Comparison, compare

Values = list[float]
Change = Callable[[Values], Values]


@dataclass(frozen=True)
class Fault:
    """What is wrong: the name, the quantity that shows it, and what happens to its values.

    Attributes:
        name: what it stands for.
        quantity: the quantity; one cell of the first experiment that has it is changed.
        change: of its values.
        every: whether all cells of the experiment are changed.
        news: whether it is an improvement, which must be news and no alarm.
    """

    name: str
    quantity: str
    change: Change
    every: bool = False
    news: bool = False


def shifted(by: float) -> Change:
    """Return a change by an amount."""
    return lambda values: [value + by for value in values]


def scaled(by: float) -> Change:
    """Return a change by a factor."""
    return lambda values: [value * by for value in values]


def first(change: Change) -> Change:
    """Return a change of the first seed alone."""
    return lambda values: change(values[:1]) + values[1:]


FAULTS = (
    Fault("a cell's accuracy falls by 10 points", "test/accuracy", shifted(-10)),
    Fault("a cell's accuracy falls by 2 points", "test/accuracy", shifted(-2)),
    Fault("a cell's validation accuracy falls by 2 points", "val/accuracy", shifted(-2)),
    Fault("one seed is wrong by 12 points", "test/accuracy", first(shifted(-12))),
    Fault("all cells of an experiment lose a point", "val/accuracy", shifted(-1), every=True),
    Fault("a loss doubles", "test/loss", scaled(2)),
    Fault("a loss rises by 60 %", "val/loss", scaled(1.6)),
    Fault("an objective is half as large again in all cells", "train/objective", scaled(1.5), every=True),
    Fault("one seed is not a number", "test/accuracy", first(lambda values: [float("nan")])),
    Fault("a loss is infinite", "val/loss", lambda values: [float("inf")] * len(values)),
    Fault("a network has one weight more", "parameters", shifted(1)),
    Fault("a budget is cut by an epoch", "epochs", shifted(-1)),
    Fault("a game's cost rises by 2 %", "cost/total", scaled(1.02)),
    Fault("a game's cost is a tenth larger", "cost/total", scaled(1.1)),
    Fault("an error of 2e-3 becomes 0.49", "error/relative-l2", lambda values: [0.49] * len(values)),
    Fault("a gradient's error grows threefold", "gradient/error", scaled(3)),
    Fault("a closed form is off by 1 %", "eigenvalue/real", lambda values: [1.01 * v + 0.01 for v in values]),
    Fault("a step grows what it should keep", "growth/step", scaled(1.05)),
    Fault("memory doubles", "bytes", scaled(2)),
    Fault("an adaptive solver takes twice the steps", "nfe/forward", scaled(2)),
    Fault("a schedule takes one step more", "steps/forward", shifted(1)),
    Fault("a certificate's bound falls by 10 %", "certificate/bound", scaled(0.9)),
    Fault("robustness falls by 20 points", "noise-0.1/accuracy", shifted(-20)),
    Fault("a claim no longer holds", "figure3a/holds", lambda values: [0] * len(values)),
    Fault("digits of reversal are lost", "float64/N100/digits", shifted(-2)),
    Fault("an accuracy is better by 3 points", "test/accuracy", shifted(3), news=True),
    Fault("a loss is halved", "val/loss", scaled(0.5), news=True),
)


def victims(fault: Fault, reference: Evidence) -> list[Key]:
    """Return the measurements that a fault changes: those of the first experiment where it would matter."""
    keys = [
        key
        for key, m in reference.measurements.items()
        if key[2] == fault.quantity and m["values"] and not chaotic(key) and fault.change(m["values"]) != m["values"]
    ]
    repeated = [key for key in keys if key in reference.repeats] or keys
    # the one of median spread: neither the quietest cell nor the wildest
    repeated.sort(key=lambda key: float(np.std(reference.measurements[key]["values"])))
    middle = repeated[len(repeated) // 2 : len(repeated) // 2 + 1]
    return [key for key in repeated if key[0] == middle[0][0]] if fault.every and middle else middle


def inject(fault: Fault, run: Evidence, keys: list[Key]) -> Evidence:
    """Return a run with a fault in some of its measurements."""
    wrong = deepcopy(run)
    for key in keys:
        wrong.measurements[key]["values"] = fault.change(wrong.measurements[key]["values"])
    return wrong


def redrawn(reference: Evidence, number: int) -> tuple[Evidence, Evidence]:
    """Return a run whose trainings are the repeats ``number``, and the reference without them."""
    run, rest = deepcopy(reference), deepcopy(reference)
    for key, draws in reference.repeats.items():
        for seed, values in draws.items():
            if number < len(values) and seed < len(run.measurements[key]["values"]):
                run.measurements[key]["values"][seed] = values[number]
                rest.repeats[key][seed] = values[:number] + values[number + 1 :]
    for facts in run.provenance.values():
        facts.pop("arithmetic", None)
    return run, rest


def found(fault: Fault, keys: list[Key], comparison: Comparison) -> bool:
    """Tell whether a comparison names a fault where it is; an improvement may be named as news only."""
    places = {("/".join(key[:2]), key[2]) for key in keys} | {(key[0], key[2]) for key in keys}
    named = {(f.cell, f.quantity) for f in comparison.findings if bool(f.problem) is not fault.news}
    alarms = {(f.cell, f.quantity) for f in comparison.faults}
    return not (alarms & places) if fault.news else bool(named & places)


def trials(reference: Evidence) -> list[tuple[str, Evidence, Evidence]]:
    """Return runs without a fault and what they are compared with, by name."""
    draws = max((len(v) for seeds in reference.repeats.values() for v in seeds.values()), default=0)
    other = [(f"repeat {i + 1}", *redrawn(reference, i)) for i in range(draws)]
    return [("same arithmetic", reference, reference), *other]


def self_test(folder: Path) -> int:
    """Print what is found of every fault in every trial; 1 if one is missed or a run without one gives an alarm."""
    reference = read(folder)
    if not reference.measurements:
        raise UserError(f"{folder}: no reference there")
    missed, alarms = [], []
    for name, run, rest in trials(reference):
        alarms += [f"{name}: {f.problem}: {f.cell}/{f.quantity}" for f in compare(run, rest).faults]
        for fault in FAULTS:
            keys = victims(fault, reference)
            if keys and not found(fault, keys, compare(inject(fault, run, keys), rest)):
                missed.append(f"{name}: {fault.name} ({'/'.join(keys[0])})")
    tried = [fault for fault in FAULTS if victims(fault, reference)]
    print(*(f"missed: {what}" for what in missed), *(f"false alarm: {what}" for what in alarms), sep="\n")
    print(f"{len(tried)} faults in {len(trials(reference))} runs: {len(missed)} missed, {len(alarms)} false alarms")
    return int(bool(missed or alarms))
