"""Finds, downloads, reads and writes checkpoints, and fills encoders with their weights."""
