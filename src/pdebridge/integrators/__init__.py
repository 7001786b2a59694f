"""One step of a numerical integrator and its inverse, nothing else."""
