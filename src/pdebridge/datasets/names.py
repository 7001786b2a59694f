DATASETS = {
    "ellipses": "pdebridge.datasets.ellipses:ellipses",
}
