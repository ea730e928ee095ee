"""The programs: each chooses a task and calls `training.run`."""
