"""The contract of a task, and the tasks: examples, head, scores and files."""
