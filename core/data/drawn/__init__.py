"""Drawn people whose keypoints are exactly known."""
