"""Measure TFLite files: records of accuracy and latency, decisions on them, and reports."""
