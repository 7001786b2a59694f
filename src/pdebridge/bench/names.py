"""The benchmarks by name; each value is ``module:function`` and the function returns ``{name, ratios, raw}``."""

BENCHES = {
    "control": "pdebridge.bench.control:measure",
    "gradients": "pdebridge.bench.gradients:measure",
    "images": "pdebridge.bench.images:measure",
    "maximum-principle": "pdebridge.bench.maximum_principle:measure",
    "meanfield": "pdebridge.bench.meanfield:measure",
    "ode": "pdebridge.bench.ode:measure",
    "second-order": "pdebridge.bench.second_order:measure",
    "training": "pdebridge.bench.training:measure",
    "device": "pdebridge.bench.device:measure",
}
