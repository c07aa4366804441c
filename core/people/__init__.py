"""Finding people in pictures and following them from frame to frame."""
