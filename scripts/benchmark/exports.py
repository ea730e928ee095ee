"""Writes a fine-tuned model with random weights in all forms that are compared, and the texts that they answer."""

import json
from pathlib import Path

import tensorflow as tf

from answering import HUGGING_FACE, LITERT, RUN, SAVED_MODEL
from bert_tf import run_files
from bert_tf.checkpoints.formats import write_checkpoint
from bert_tf.data.examples import InputExample
from bert_tf.data.processors import MrpcProcessor
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.errors import UserError
from bert_tf.exports.check_set import CheckSet
from bert_tf.exports.huggingface import write_huggingface
from bert_tf.exports.litert_graph import write_litert
from bert_tf.exports.portable import Runtime
from bert_tf.exports.portable import export as export_portable
from bert_tf.exports.saved_model import export
from bert_tf.files import write_json
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import ClassificationHead
from bert_tf.models.fine_tuned import FineTunedModel, read_fine_tuned
from bert_tf.serving.litert_model import LiteRTModel
from bert_tf.serving.portable import Shape

LABELS = ("0", "1")
CHECKED_TEXTS = 32
_SINGLE_LENGTH = 32
# Of all random weights, five times BERT's: texts differ in their probabilities without training.
_STDDEV = 0.1


def write_run(job: dict, vocab_file: Path) -> Path:
    """Writes a folder like that of a finished run; returns its path."""
    folder = Path(job["models"], RUN)
    folder.mkdir(parents=True)
    config = BertConfig(**{**job["config"], "initializer_range": _STDDEV})
    head = ClassificationHead(BertEncoder(config, seed=0), num_labels=len(LABELS), seed=0)
    weights = head.variables_by_name["output_weights"]
    weights.assign(tf.random.stateless_normal(weights.shape, [0, 0], stddev=_STDDEV))
    write_checkpoint(folder / "model.ckpt-1", head.variables_by_name)
    (folder / run_files.VOCAB).write_bytes(vocab_file.read_bytes())
    (folder / "bert_config.json").write_text(config.to_json_string(), encoding="utf-8")
    (folder / run_files.LABELS).write_text("".join(f"{label}\n" for label in LABELS), encoding="utf-8")
    training = {"do_lower_case": True, "max_seq_length": job["max_seq_length"]}
    write_json(folder / run_files.RUN, {"pairs": False, "training": training})
    return folder


def write_exports(model: FineTunedModel, models: Path, texts: list[str]) -> None:
    """Writes a model as a SavedModel, for LiteRT and for Hugging Face's transformers."""
    export(model, (models / SAVED_MODEL).parent)
    for folder in (HUGGING_FACE, LITERT):
        (models / folder).mkdir()
    write_huggingface(models / HUGGING_FACE, model)
    runtime = Runtime(".tflite", write_litert, LiteRTModel)
    check_set = CheckSet([InputExample("", text) for text in texts], "texts of the benchmark")
    export_portable(runtime, model, models / LITERT, Shape(), check_set)


def choose_texts(data_dir: str, tokenizer: FullTokenizer, count: int) -> dict[str, list[str]]:
    """Chooses first texts of the training set.

    Args:
        data_dir: of MRPC.
        tokenizer: counts their word pieces.
        count: the number of texts that are answered in batches.

    Returns:
        `single`, texts of 32 word pieces; `many` texts; `checked`, some of them to compare the answers of all sides.

    Raises:
        UserError: there are too few texts.
    """
    texts = list(dict.fromkeys(example.text_a for example in MrpcProcessor().get_train_examples(data_dir)))
    lengths = tokenizer.token_ids(tf.constant(texts)).row_lengths().numpy() + 2
    single = [text for text, length in zip(texts, lengths, strict=True) if length == _SINGLE_LENGTH]
    if not single or len(texts) < count:
        raise UserError(f"data_dir: {data_dir}: needs {count} different texts, and one of {_SINGLE_LENGTH} word pieces")
    return {"single": single, "many": texts[:count], "checked": texts[:CHECKED_TEXTS]}


def write_models_and_texts(job: dict, vocab_file: Path) -> tuple[dict, None]:
    """Writes everything that `answering.py` reads, except the model for ONNX Runtime."""
    model = read_fine_tuned(write_run(job, vocab_file))
    texts = choose_texts(job["data_dir"], model.tokenizer(), job["num_texts"])
    write_exports(model, Path(job["models"]), texts["checked"])
    Path(job["texts"]).write_text(json.dumps(texts), encoding="utf-8")
    return {}, None
