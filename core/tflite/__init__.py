"""TFLite files: their graph, the card inside, the interpreter, and the networks that come with the package."""
