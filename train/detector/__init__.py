"""Train a person detector: its network, targets, scenes and training run."""
