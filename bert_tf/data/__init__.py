"""Text and files become examples, word pieces and batches. Knows no model and no flag."""
