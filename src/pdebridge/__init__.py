"""Reproducible results that join deep learning and differential equations.

Importing the package itself costs nothing: torch and Lightning are imported by the rooms that need them.
"""

__version__ = "0.1.0"
