"""Metrics of predicted keypoints."""
