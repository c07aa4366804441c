"""TFLite files: reading, the card inside, the interpreter, the networks that come with the package."""
