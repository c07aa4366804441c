"""Find people in pictures and follow them from frame to frame."""
