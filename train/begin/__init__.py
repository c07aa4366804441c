"""Where training begins: weights of another network, and teachers."""
