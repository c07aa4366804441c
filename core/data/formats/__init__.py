"""Other label formats: read into people, and written from them."""
