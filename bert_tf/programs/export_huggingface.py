r"""Exports a model as a folder that Hugging Face's transformers reads.

    python scripts/export_huggingface.py output/MRPC/all-MiniLM-L6-v2 my-mrpc

A fine-tuned model becomes a `BertForSequenceClassification` or a `BertForTokenClassification` with the names of its
labels or tags, or a `BertForQuestionAnswering`; a pre-trained one (a folder, a zip file or a name) becomes a
`BertForPreTraining` or a `BertForMaskedLM` if it has their heads, and else a `BertModel`. The folder has config.json,
model.safetensors, tokenizer.json, tokenizer_config.json, vocab.txt and README.md, a model card.
"""

import math
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from absl import logging

from bert_tf import run_files
from bert_tf.data.targets import MASKED_LM, PRETRAINING, QUESTION_ANSWERING, TOKEN_CLASSIFICATION
from bert_tf.errors import counted, printable
from bert_tf.files import read_json_or_empty
from bert_tf.flags import config_from_flags, run_program
from bert_tf.folders import new_folder
from bert_tf.programs.export_arguments import ExportConfig, check_model, described, source_and_folder
from bert_tf.report.model_card import ModelFacts, model_card
from bert_tf.streams import hide_start_up_messages

if TYPE_CHECKING:
    from bert_tf.models.pretrained import Model

# The classes of models that do not choose labels for whole texts.
_CLASSES = {
    None: "BertModel",
    QUESTION_ANSWERING: "BertForQuestionAnswering",
    TOKEN_CLASSIFICATION: "BertForTokenClassification",
    PRETRAINING: "BertForPreTraining",
    MASKED_LM: "BertForMaskedLM",
}
# The name of the data, and a digest of the dev set, in results.json.
_DATA = ("dataset", "dev_data")


def main(arguments: list[str]) -> None:
    """Exports the model that the first argument names to the folder that the second one names."""
    source, path = source_and_folder(arguments)
    config = config_from_flags(ExportConfig)
    with new_folder(path, config.overwrite) as folder:
        check_model(source, config)
        hide_start_up_messages()
        export(source, folder, path.name, **config.model_files)
    print(printable(path))


def export(source: str, folder: Path, name: str, **model_files: object) -> None:
    """Writes all files of an export.

    Args:
        source: what `read_model` takes.
        folder: an empty folder.
        name: of the model, for its card.
        **model_files: see `read_model`.

    Raises:
        UserError: the model is broken, or the disk is full.
    """
    # TensorFlow takes seconds to load: mistakes are reported before.
    from bert_tf.checkpoints.huggingface_tokenizer import tokenizer_difference
    from bert_tf.exports.huggingface import write_huggingface
    from bert_tf.models.pretrained import read_model

    model = read_model(source, **model_files)
    difference = tokenizer_difference(model.do_lower_case, model.fills_masks)
    kind = described(model, _CLASSES.get(model.head_kind, "BertForSequenceClassification"))
    logging.info("%s: is %s.", printable(source), kind)
    logging.info("%s", difference)
    write_huggingface(folder, model)
    facts = ModelFacts(name, _shape(model), difference, model.max_seq_length, **_training_facts(model))
    (folder / "README.md").write_text(model_card(facts), encoding="utf-8")


def _shape(model: "Model") -> str:
    config = model.config
    weights = f"{config.num_parameters() / 1e6:,.1f} million weights"
    casing = "uncased" if model.do_lower_case else "cased"
    return f"A BERT of {counted(config.num_hidden_layers, 'layer')} of width {config.hidden_size} ({weights}, {casing})"


def _training_facts(model: "Model") -> dict:
    """Returns what a card says of the model besides its shape."""
    if model.kind is None:
        return {"kind": model.head_kind, "training": model.training}
    results = read_json_or_empty(model.folder / run_files.RESULTS)
    dataset, dev_data = (value if isinstance(value, str) else None for value in map(results.get, _DATA))
    return {
        "kind": model.kind,
        "labels": model.labels,
        "pairs": model.pairs,
        "scores": {name: value for name, value in model.scores.items() if math.isfinite(value)},
        "training": model.run.get("training", {}),
        # It may be a path on the machine of the run.
        "dataset": dataset and PurePath(dataset).name,
        "dev_data": dev_data,
    }


def run_main() -> None:
    """Starts the program."""
    run_program(main, ExportConfig, takes_arguments=True)
