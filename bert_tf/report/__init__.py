"""Compares finished runs in one page. Needs no TensorFlow."""
