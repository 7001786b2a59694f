"""The figures by the names that configurations use; each value is ``module:function``."""

FIGURES = {
    "control-methods": "pdebridge.paper.control_methods:draw",
    "demonstration": "pdebridge.paper.demonstration:draw",
    "dimension": "pdebridge.paper.dimension:draw",
    "feed-forward": "pdebridge.paper.feed_forward:draw",
    "figure1": "pdebridge.paper.figure1:draw",
    "game": "pdebridge.paper.game:draw",
    "gradient-race": "pdebridge.paper.gradient_race:draw",
    "gradients": "pdebridge.paper.gradients:draw",
    "instability": "pdebridge.paper.instability:draw",
    "layer-parallel": "pdebridge.paper.layer_parallel:draw",
    "memory": "pdebridge.paper.memory:draw",
    "mesh": "pdebridge.paper.mesh:draw",
    "nfe": "pdebridge.paper.nfe:draw",
    "rediscretisation": "pdebridge.paper.rediscretisation:draw",
    "reversal": "pdebridge.paper.reversal:draw",
    "robustness": "pdebridge.paper.robustness:draw",
    "samples": "pdebridge.paper.samples:draw",
    "spectrum": "pdebridge.paper.spectrum:draw",
    "stability": "pdebridge.paper.stability:draw",
    "training-share": "pdebridge.paper.training_share:draw",
}
