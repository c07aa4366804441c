"""Training samples: one person becomes an augmented crop with its target."""
