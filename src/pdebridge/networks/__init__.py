"""Networks as opening, flow and classifier, and the published ones by name."""
