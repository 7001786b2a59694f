"""Training with Lightning: data, objective, optimisers, run directories, tracking."""
