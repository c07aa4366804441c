"""Whether a converted file computes what its network computes."""
