"""A bundle -> a TFLite file that was checked after it was written."""
