"""Figures and drawn photos of the report."""
