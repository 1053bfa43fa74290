"""Encoders of NumPy, PyTorch and Keras, each with the function that is judged; a framework is imported for its own alone."""
