"""Models as plain data, read from their folders."""
