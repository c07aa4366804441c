"""What a training writes while it runs: log, curves, pictures, events."""
