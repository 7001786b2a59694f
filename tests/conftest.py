"""Puts this folder on the path, so that tests of several rooms share `families`."""
