"""The encoder, the heads and their arithmetic. Imports nothing that reads files or knows a task."""
