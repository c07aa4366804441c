"""Measure on phones: send files, run them, fetch the results, and make records like those of a host."""
