"""Measurements of time and memory that compare one way of computing with another, in one process."""
