"""Measurements on phones: files are sent, run and fetched, and the results become records like those of a host."""
