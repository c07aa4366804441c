"""The bytes of a TFLite file: its tables, the walk that verifies them, constants and options of operations."""
