"""TFLite files -> records of accuracy and latency, and what follows from them."""
