"""The studies by the names that configurations use; each value is ``module:function``."""

STUDIES = {
    "demonstration": "pdebridge.studies.demonstration:demonstration",
    "memory": "pdebridge.studies.memory:memory",
    "exact-solution": "pdebridge.studies.exact_solution:exact_solution",
    "games": "pdebridge.studies.games:games",
    "propagation": "pdebridge.studies.propagation:propagation",
    "reversal": "pdebridge.studies.reversal:reversal",
    "stability": "pdebridge.studies.stability:stability",
}
