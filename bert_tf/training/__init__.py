"""A run: its config, its loop, its evaluation and its output folder. Knows no single task."""
