"""Data sets as numpy arrays: fetched and verified, or made from a formula and a seed. Nothing here needs torch."""
