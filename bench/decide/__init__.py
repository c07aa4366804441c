"""Decisions on measurements: intervals of a difference, and a gate that passes or refuses a candidate."""
