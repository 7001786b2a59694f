"""Methods that find the weights: training seen as optimal control."""
