"""Finished runs, compared in one page. Needs no TensorFlow."""
