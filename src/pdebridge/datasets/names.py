"""The data sets by the names that configurations use; importing this table costs nothing.

A value of `DATASETS` is ``module:function``; the function takes keyword arguments, ``seed`` among them, and returns a
`pdebridge.datasets.dataset.DataSet`. A value of `SOURCES` is ``module:object``, the
`pdebridge.datasets.fetch.Source` of a data set that is downloaded; the others are made and need no network.
"""

DATASETS = {
    "cifar10": "pdebridge.datasets.cifar:cifar10",
    "cifar100": "pdebridge.datasets.cifar:cifar100",
    "digits": "pdebridge.datasets.digits:digits",
    "double-circles": "pdebridge.datasets.double_circles:double_circles",
    "double-moons": "pdebridge.datasets.double_moons:double_moons",
    "ellipses": "pdebridge.datasets.ellipses:ellipses",
    "higham": "pdebridge.datasets.higham:higham",
    "indian-pines": "pdebridge.datasets.hyperspectral:indian_pines",
    "mnist": "pdebridge.datasets.mnist:mnist",
    "peaks": "pdebridge.datasets.peaks:peaks",
    "salinas-a": "pdebridge.datasets.hyperspectral:salinas_a",
    "stl10": "pdebridge.datasets.stl10:stl10",
    "swiss-roll": "pdebridge.datasets.swiss_roll:swiss_roll",
}
SOURCES = {
    "cifar10": "pdebridge.datasets.cifar:CIFAR10",
    "cifar100": "pdebridge.datasets.cifar:CIFAR100",
    "indian-pines": "pdebridge.datasets.hyperspectral:INDIAN_PINES",
    "mnist": "pdebridge.datasets.mnist:MNIST",
    "salinas-a": "pdebridge.datasets.hyperspectral:SALINAS_A",
    "stl10": "pdebridge.datasets.stl10:STL10",
}
