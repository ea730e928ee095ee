"""Fine-tuning BERT on TensorFlow 2: the original repository's workflow, files and numbers."""
