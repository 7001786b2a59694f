"""The benchmarks by name; each value is ``module:function`` and the function returns ``{name, ratios, raw}``."""

BENCHES = {
    "training": "pdebridge.bench.training:measure",
}
