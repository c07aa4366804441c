"""The engines that make a quantized flatbuffer."""
