"""The encoder, the heads and their arithmetic. Knows no file and no task."""
