"""A fine-tuned model in use."""
