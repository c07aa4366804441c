"""How certain a difference is, and whether a candidate passes."""
