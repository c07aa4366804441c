"""The network as a graph: frozen, rewritten in float, with a decoder behind it, joined, and written smaller."""
