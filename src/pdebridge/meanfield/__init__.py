"""Potential mean field games in high dimension: densities, potential, characteristics, objective, certificates."""
