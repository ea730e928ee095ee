"""Pre-trained and fine-tuned weights: where they are, and how they are read and written."""
