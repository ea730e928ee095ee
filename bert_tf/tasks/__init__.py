"""What a task is: its examples, its head, its scores."""
