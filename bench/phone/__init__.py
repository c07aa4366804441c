"""Measuring on phones: what is sent, run, fetched, and made into the records that a host's measurements are."""
