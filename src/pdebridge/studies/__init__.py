"""Measurements on trained networks: one study, one file; each returns quantities for tables and arrays for figures."""
