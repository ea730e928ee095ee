"""Writes a model as a folder of Hugging Face's transformers."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bert_tf import run_files
from bert_tf.checkpoints.huggingface_config import TOKENIZER_CONFIG, config_json
from bert_tf.checkpoints.huggingface_tokenizer import PADDING, tokenizer_config, tokenizer_json
from bert_tf.checkpoints.safetensors_format import write_safetensors
from bert_tf.data.targets import MASKED_LM
from bert_tf.data.vocabulary import load_vocab
from bert_tf.files import write_json
from bert_tf.modeling.shapes import POOLER_SCOPE
from bert_tf.models.pretrained import Model


def write_huggingface(folder: Path, model: Model) -> None:
    """Writes configuration, weights, tokenizer and vocabulary into a folder.

    A fine-tuned model becomes a `BertForSequenceClassification` or, without a pooler, a `BertForQuestionAnswering` or a
    `BertForTokenClassification`; a pre-trained one a `BertForPreTraining`, a `BertForMaskedLM` without a pooler, or,
    if it has no heads, a `BertModel`.

    Args:
        folder: it must exist.
        model: the result of `read_model`.

    Raises:
        UserError: the disk is full.
    """
    vocab = load_vocab(model.vocab_file)
    write_json(folder / "config.json", config_json(model.config, vocab.get(PADDING, 0), model.head_kind, model.labels))
    write_safetensors(folder / "model.safetensors", _arrays(model))
    write_json(folder / "tokenizer.json", tokenizer_json(vocab, model.do_lower_case))
    config = tokenizer_config(vocab, model.do_lower_case, model.max_seq_length, model.fills_masks)
    write_json(folder / TOKENIZER_CONFIG, config)
    (folder / run_files.VOCAB).write_bytes(model.vocab_file.read_bytes())


def _arrays(model: Model) -> Mapping[str, np.ndarray]:
    """Returns the weights that its class there has: a `BertForMaskedLM` has no pooler, which it would not use."""
    if model.head_kind != MASKED_LM:
        return model.arrays
    return {name: array for name, array in model.arrays.items() if not name.startswith(f"{POOLER_SCOPE}/")}
