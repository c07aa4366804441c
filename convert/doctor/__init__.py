"""What a .tflite file is, and what is wrong with it for a phone."""
