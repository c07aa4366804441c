"""Checks that a converted file is what its recipe says and computes what its network computes."""
