"""Measurements on this machine: accuracy over a data set, and time per person, per operation and per thread."""
