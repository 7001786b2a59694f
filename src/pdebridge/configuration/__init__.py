"""The typed configuration: the one truth that schemas, workflow and command line are generated from."""
