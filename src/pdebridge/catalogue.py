"""Every name that a configuration may use, by its kind, and where the object stands: adding one is a line here.

A value is ``module:object``. This module imports nothing, so that every room may read it; `pdebridge.cube` looks names
up. No fingerprint depends on it. What a kind's objects are called with:

- dynamics: ``(width, **options)``, a `pdebridge.dynamics.base.Dynamics`;
- integrator: ``(**options)``, a `pdebridge.integrators.base.Integrator`;
- gradient: a function, or a class ``(**options)`` of such, that is called as `pdebridge.networks.flow.Gradient`;
- control: ``(dynamics, **options)``, a `pdebridge.dynamics.control.Control`;
- data set: ``(*, seed, **options)``, a `pdebridge.datasets.dataset.DataSet`; with ``folder`` and ``mirror`` if fetched;
- series: ``(*, seed, sampling, **options)``, a `pdebridge.datasets.series.Series`;
- volumes: ``(*, seed, **options)``, a `pdebridge.datasets.volumes.Volumes`; with ``folder`` and ``mirror`` if fetched;
- source: the `pdebridge.datasets.fetch.Source` of a data set that is downloaded; the others are made;
- game: ``(d, **options)``, a `pdebridge.meanfield.games.Game`;
- optimiser: ``(spec, setting)``, an optimiser of a classification and its schedule;
- study: ``(runs, **options)``, a `pdebridge.studies.result.StudyResult`;
- figure: ``(arrays, stem)``, which writes ``stem.png`` and ``stem.pdf``;
- benchmark: ``()``, ``{name, ratios, raw}``.
"""

DYNAMICS = {
    "dense": "pdebridge.dynamics.dense:Dense",
    "antisymmetric": "pdebridge.dynamics.antisymmetric:Antisymmetric",
    "hamiltonian-pair": "pdebridge.dynamics.hamiltonian:HamiltonianPair",
    "hamiltonian": "pdebridge.dynamics.hamiltonian:Hamiltonian",
    "parabolic": "pdebridge.dynamics.parabolic:Parabolic",
    "second-order": "pdebridge.dynamics.parabolic:SecondOrder",
    "residual": "pdebridge.dynamics.residual:Residual",
    "coupling": "pdebridge.dynamics.residual:Coupling",
    "stencil": "pdebridge.dynamics.stencil:Stencil",
    "stencil-network": "pdebridge.dynamics.stencil_network:StencilNetwork",
    "imex": "pdebridge.dynamics.imex:ReactionDiffusion",
    "perceptron": "pdebridge.dynamics.perceptron:Perceptron",
    "half-damped": "pdebridge.dynamics.half_damped:HalfDamped",
    "time-convolution": "pdebridge.dynamics.time_convolution:TimeConvolution",
    "post-activation": "pdebridge.dynamics.post_activation:PostActivation",
}
INTEGRATORS = {
    "forward-euler": "pdebridge.integrators.euler:ForwardEuler",
    "rk2": "pdebridge.integrators.runge_kutta:ExplicitMidpoint",
    "rk4": "pdebridge.integrators.runge_kutta:RK4",
    "dopri5": "pdebridge.integrators.dormand_prince:DormandPrince",
    "midpoint": "pdebridge.integrators.midpoint:Midpoint",
    "momentum": "pdebridge.integrators.momentum:Momentum",
    "reversible-euler": "pdebridge.integrators.paired:PairedEuler",
    "reversible-rk2": "pdebridge.integrators.paired:PairedMidpoint",
    "reversible-rk4": "pdebridge.integrators.paired:PairedRK4",
    "reversible-dopri5": "pdebridge.integrators.paired_adaptive:PairedDormandPrince",
    "verlet": "pdebridge.integrators.verlet:Verlet",
    "augmented-verlet": "pdebridge.integrators.verlet:AugmentedVerlet",
    "leapfrog": "pdebridge.integrators.leapfrog:Leapfrog",
    "leapfrog-pair": "pdebridge.integrators.leapfrog:LeapfrogPair",
    "imex-euler": "pdebridge.integrators.imex_euler:IMEXEuler",
    "crank-nicolson": "pdebridge.integrators.additive:CrankNicolson",
    "ars-222": "pdebridge.integrators.additive:ARS222",
    "ars-443": "pdebridge.integrators.additive:ARS443",
    "etd-rk2": "pdebridge.integrators.exponential:ETDRK2",
    "etd-rk4": "pdebridge.integrators.exponential:ETDRK4",
}
GRADIENTS = {
    "stored": "pdebridge.gradients.stored:stored",
    "taped": "pdebridge.gradients.taped:Taped",
    "checkpointed": "pdebridge.gradients.checkpointed:Checkpointed",
    "revolve": "pdebridge.gradients.checkpointed:Revolve",
    "reversible": "pdebridge.gradients.reversible:Reversible",
    "adjoint": "pdebridge.gradients.reverse_time:ReverseTime",
    "layer-parallel": "pdebridge.gradients.layer_parallel:LayerParallel",
    "replay": "pdebridge.gradients.frozen_steps:FrozenSteps",
}
CONTROLS = {
    "constant": "pdebridge.dynamics.control:Constant",
    "piecewise-constant": "pdebridge.dynamics.control:PiecewiseConstant",
    "norm-tied": "pdebridge.dynamics.norm_tied:NormTied",
    "piecewise-linear": "pdebridge.dynamics.spline:PiecewiseLinear",
    "b-spline": "pdebridge.dynamics.spline:BSpline",
}
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
SERIES = {
    "burgers": "pdebridge.datasets.series:burgers",
    "file": "pdebridge.datasets.series:file",
    "front": "pdebridge.datasets.series:front",
    "heat": "pdebridge.datasets.series:heat",
    "kuramoto-sivashinsky": "pdebridge.datasets.series:kuramoto_sivashinsky",
    "scaled-kuramoto-sivashinsky": "pdebridge.datasets.series:scaled_kuramoto_sivashinsky",
}
VOLUMES = {
    "covid-ct": "pdebridge.datasets.covid_ct:covid_ct",
    "nifti": "pdebridge.datasets.nifti:nifti",
    "thoraces": "pdebridge.datasets.thoraces:thoraces",
}
SOURCES = {
    "cifar10": "pdebridge.datasets.cifar:CIFAR10",
    "cifar100": "pdebridge.datasets.cifar:CIFAR100",
    "covid-ct": "pdebridge.datasets.covid_ct:COVID_CT",
    "indian-pines": "pdebridge.datasets.hyperspectral:INDIAN_PINES",
    "mnist": "pdebridge.datasets.mnist:MNIST",
    "salinas-a": "pdebridge.datasets.hyperspectral:SALINAS_A",
    "stl10": "pdebridge.datasets.stl10:STL10",
}
GAMES = {
    "optimal-transport": "pdebridge.meanfield.games:optimal_transport",
    "crowd-motion": "pdebridge.meanfield.games:crowd_motion",
    "gaussian": "pdebridge.meanfield.games:gaussian",
    "lq-entropy": "pdebridge.meanfield.games:linear_quadratic",
    "own": "pdebridge.training.own_game:own_game",
    "crowds": "pdebridge.training.own_crowds:own_crowds",
}
OPTIMISERS = {
    "sgd": "pdebridge.training.optimisers:sgd",
    "adamw": "pdebridge.training.optimisers:adamw",
    "lbfgs": "pdebridge.training.optimisers:lbfgs",
    "one-shot": "pdebridge.training.optimisers:one_shot",
    "binary-msa": "pdebridge.training.optimisers:binary_msa",
    "ternary-msa": "pdebridge.training.optimisers:ternary_msa",
    "msa": "pdebridge.training.optimisers:msa",
    "e-msa": "pdebridge.training.optimisers:msa",
    "gauss-newton": "pdebridge.training.optimisers:gauss_newton",
    "newton-cg": "pdebridge.training.optimisers:gauss_newton",
}
STUDIES = {
    "attractor": "pdebridge.studies.attractor:attractor",
    "bifurcations": "pdebridge.studies.bifurcations:bifurcations",
    "certified": "pdebridge.studies.certified:certified",
    "demonstration": "pdebridge.studies.demonstration:demonstration",
    "dimension": "pdebridge.studies.dimension:dimension",
    "exact-solution": "pdebridge.studies.exact_solution:exact_solution",
    "feed-forward": "pdebridge.studies.feed_forward:feed_forward",
    "games": "pdebridge.studies.games:games",
    "gradients": "pdebridge.studies.gradients:gradients",
    "identification": "pdebridge.studies.identification:identification",
    "largest-step": "pdebridge.studies.largest_step:largest_step",
    "layer-parallel": "pdebridge.studies.layer_parallel:layer_parallel",
    "memory": "pdebridge.studies.memory:memory",
    "mesh": "pdebridge.studies.mesh:mesh",
    "mnist-trials": "pdebridge.studies.mnist_trials:mnist_trials",
    "nfe": "pdebridge.studies.nfe:nfe",
    "one-class": "pdebridge.studies.one_class:one_class",
    "plane-ritz": "pdebridge.studies.plane_ritz:plane_ritz",
    "poisson-networks": "pdebridge.studies.poisson_networks:poisson_networks",
    "propagation": "pdebridge.studies.propagation:propagation",
    "rediscretisation": "pdebridge.studies.rediscretisation:rediscretisation",
    "reversal": "pdebridge.studies.reversal:reversal",
    "robustness": "pdebridge.studies.robustness:robustness",
    "stability": "pdebridge.studies.stability:stability",
    "sweep": "pdebridge.studies.sweep:sweep",
    "transport-optimum": "pdebridge.studies.transport_optimum:transport_optimum",
    "training-curves": "pdebridge.studies.training_curves:training_curves",
    "volume-memory": "pdebridge.studies.volume_memory:volume_memory",
    "volumes": "pdebridge.studies.volumes:volumes",
}
FIGURES = {
    "certified": "pdebridge.paper.certified:draw",
    "control-methods": "pdebridge.paper.control_methods:draw",
    "demonstration": "pdebridge.paper.demonstration:draw",
    "dimension": "pdebridge.paper.dimension:draw",
    "feed-forward": "pdebridge.paper.feed_forward:draw",
    "figure1": "pdebridge.paper.figure1:draw",
    "gallery": "pdebridge.paper.gallery:draw",
    "game": "pdebridge.paper.game:draw",
    "gradient-race": "pdebridge.paper.gradient_race:draw",
    "gradients": "pdebridge.paper.gradients:draw",
    "identification": "pdebridge.paper.identification:draw",
    "instability": "pdebridge.paper.instability:draw",
    "layer-parallel": "pdebridge.paper.layer_parallel:draw",
    "memory": "pdebridge.paper.memory:draw",
    "mesh": "pdebridge.paper.mesh:draw",
    "nfe": "pdebridge.paper.nfe:draw",
    "rediscretisation": "pdebridge.paper.rediscretisation:draw",
    "reversal": "pdebridge.paper.reversal:draw",
    "robustness": "pdebridge.paper.robustness:draw",
    "samples": "pdebridge.paper.samples:draw",
    "second-order": "pdebridge.paper.second_order:draw",
    "spectrum": "pdebridge.paper.spectrum:draw",
    "stability": "pdebridge.paper.stability:draw",
    "sweep": "pdebridge.paper.sweep:draw",
    "training-share": "pdebridge.paper.training_share:draw",
    "volumes": "pdebridge.paper.volumes:draw",
}
DRAWN_FROM = {
    "certified": "certified",
    "control-methods": "training-curves",
    "demonstration": "demonstration",
    "dimension": "dimension",
    "feed-forward": "feed-forward",
    "figure1": "propagation",
    "gallery": "games",
    "game": "games",
    "gradient-race": "training-curves",
    "gradients": "gradients",
    "identification": "attractor",
    "instability": "propagation",
    "layer-parallel": "layer-parallel",
    "memory": "memory",
    "mesh": "mesh",
    "nfe": "nfe",
    "rediscretisation": "rediscretisation",
    "reversal": "reversal",
    "robustness": "robustness",
    "samples": "mesh",
    "second-order": "training-curves",
    "spectrum": "stability",
    "stability": "stability",
    "sweep": "sweep",
    "training-share": "robustness",
    "volumes": "volumes",
}
"""The study whose arrays a figure draws."""
BENCHES = {
    "identification": "pdebridge.bench.identification:measure",
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

CATALOGUE = {
    "dynamics": DYNAMICS,
    "integrator": INTEGRATORS,
    "gradient": GRADIENTS,
    "control": CONTROLS,
    "data set": DATASETS,
    "series": SERIES,
    "volumes": VOLUMES,
    "source": SOURCES,
    "game": GAMES,
    "optimiser": OPTIMISERS,
    "study": STUDIES,
    "figure": FIGURES,
    "benchmark": BENCHES,
}
AXES = ("dynamics", "integrator", "gradient")
