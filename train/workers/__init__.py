"""Training on several GPUs, processes or machines."""
