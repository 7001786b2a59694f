"""How the derivative of a stack of steps is obtained: the same numbers, other memory and work."""
