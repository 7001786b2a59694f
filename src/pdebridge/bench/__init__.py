"""Speed as ratios within one run: against a plain loop or a peer that does the same work."""
