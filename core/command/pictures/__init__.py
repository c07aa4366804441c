"""What `predict` reads and writes: photos, films, people in them, keypoints."""
