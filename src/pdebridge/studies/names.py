"""The studies by the names that configurations use; each value is ``module:function``."""

STUDIES = {
    "propagation": "pdebridge.studies.propagation:propagation",
}
