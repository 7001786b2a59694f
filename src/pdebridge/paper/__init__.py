"""Published numbers, verdicts, regression, tables and figures. Imports neither torch nor Lightning."""
