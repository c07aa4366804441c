"""Networks, training data and the training loop: from COCO people to a bundle."""

import os

# TensorFlow trains unless KERAS_BACKEND says otherwise, whatever backend a user's ~/.keras/keras.json names
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
