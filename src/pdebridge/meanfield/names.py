"""The games by the names that configurations use; each value is ``module:function``, called with d and options."""

GAMES = {
    "optimal-transport": "pdebridge.meanfield.games:optimal_transport",
    "crowd-motion": "pdebridge.meanfield.games:crowd_motion",
    "gaussian": "pdebridge.meanfield.games:gaussian",
    "lq-entropy": "pdebridge.meanfield.games:linear_quadratic",
    "own": "pdebridge.training.own_game:own_game",
}
