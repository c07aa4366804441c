"""Smaller networks: pruning, clustering, fewer channels."""
