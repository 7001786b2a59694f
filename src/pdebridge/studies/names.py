"""The studies by the names that configurations use; each value is ``module:function``."""

STUDIES = {
    "demonstration": "pdebridge.studies.demonstration:demonstration",
    "dimension": "pdebridge.studies.dimension:dimension",
    "exact-solution": "pdebridge.studies.exact_solution:exact_solution",
    "feed-forward": "pdebridge.studies.feed_forward:feed_forward",
    "games": "pdebridge.studies.games:games",
    "gradients": "pdebridge.studies.gradients:gradients",
    "layer-parallel": "pdebridge.studies.layer_parallel:layer_parallel",
    "memory": "pdebridge.studies.memory:memory",
    "mesh": "pdebridge.studies.mesh:mesh",
    "nfe": "pdebridge.studies.nfe:nfe",
    "one-class": "pdebridge.studies.one_class:one_class",
    "plane-ritz": "pdebridge.studies.plane_ritz:plane_ritz",
    "poisson-networks": "pdebridge.studies.poisson_networks:poisson_networks",
    "propagation": "pdebridge.studies.propagation:propagation",
    "rediscretisation": "pdebridge.studies.rediscretisation:rediscretisation",
    "reversal": "pdebridge.studies.reversal:reversal",
    "robustness": "pdebridge.studies.robustness:robustness",
    "stability": "pdebridge.studies.stability:stability",
    "transport-optimum": "pdebridge.studies.transport_optimum:transport_optimum",
    "training-curves": "pdebridge.studies.training_curves:training_curves",
}
