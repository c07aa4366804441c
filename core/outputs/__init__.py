"""What the output tensors of a pose network mean, and how the kinds that other projects use become keypoints."""
