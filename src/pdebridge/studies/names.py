"""The studies by the names that configurations use; each value is ``module:function``."""

STUDIES = {
    "demonstration": "pdebridge.studies.demonstration:demonstration",
    "dimension": "pdebridge.studies.dimension:dimension",
    "exact-solution": "pdebridge.studies.exact_solution:exact_solution",
    "games": "pdebridge.studies.games:games",
    "memory": "pdebridge.studies.memory:memory",
    "mesh": "pdebridge.studies.mesh:mesh",
    "propagation": "pdebridge.studies.propagation:propagation",
    "reversal": "pdebridge.studies.reversal:reversal",
    "robustness": "pdebridge.studies.robustness:robustness",
    "stability": "pdebridge.studies.stability:stability",
}
