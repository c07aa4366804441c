"""The shipped networks: their .tflite files and, in a checkout, the bundles that these were converted from."""
