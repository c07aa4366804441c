"""Sets of people: formats, images, checks, statistics, packing."""
