r"""Exports a model as a checkpoint that TensorFlow's Model Garden (`official.nlp`) reads.

    python scripts/export_model_garden.py output/MRPC/all-MiniLM-L6-v2 my-mrpc

A fine-tuned model becomes a `BertClassifier`; a pre-trained one (a folder, a zip file or a name) becomes an encoder.
The folder has bert_model.ckpt (by object, as TensorFlow 2 writes it), bert_config.json, vocab.txt,
tokenizer_config.json, which says only do_lower_case, and of a fine-tuned model task.json and labels.txt. Read it with

    tf.train.Checkpoint(encoder=bert_encoder).read("my-mrpc/bert_model.ckpt")     # BertEncoder or BertEncoderV2
    tf.train.Checkpoint(model=bert_classifier).read("my-mrpc/bert_model.ckpt")    # BertClassifier

or with --params_override=task.init_checkpoint=my-mrpc/bert_model.ckpt of the Garden's own programs.
"""

from pathlib import Path

from absl import logging

from bert_tf.checkpoints.locate import resolve
from bert_tf.errors import printable
from bert_tf.flags import config_from_flags, run_program
from bert_tf.folders import new_folder
from bert_tf.models.export_limits import check_exportable, check_kind
from bert_tf.programs.export_arguments import ExportConfig, check_model, described, source_and_folder
from bert_tf.streams import hide_start_up_messages

_TARGET = "the Model Garden"


def main(arguments: list[str]) -> None:
    """Exports the model that the first argument names to the folder that the second one names."""
    source, path = source_and_folder(arguments)
    config = config_from_flags(ExportConfig)
    with new_folder(path, config.overwrite) as folder:
        check_model(source, config)
        if not config.model_files:
            check_exportable(source, resolve(source), _TARGET)
        hide_start_up_messages()
        export(source, folder, **config.model_files)
    print(printable(path))


def export(source: str, folder: Path, **model_files: object) -> None:
    """Writes all files of an export.

    Args:
        source: what `read_model` takes.
        folder: an empty folder.
        **model_files: see `read_model`.

    Raises:
        UserError: the model is broken, the Garden cannot compute what it computes, or the disk is full.
    """
    # TensorFlow and the Garden take seconds to load: mistakes are reported before.
    from bert_tf.exports.model_garden import write_model_garden
    from bert_tf.models.pretrained import read_model

    model = read_model(source, **model_files)
    check_kind(source, model.kind, _TARGET)
    name = "BertEncoder" if model.kind is None else "BertClassifier"
    logging.info("%s: is %s.", printable(source), described(model, name))
    if model.config.hidden_act == "gelu_erf":
        logging.warning(
            "The model computes the exact GELU, which the Garden's configurations cannot name: build its encoder with "
            "activation=tf.nn.gelu."
        )
    write_model_garden(folder, model)


def run_main() -> None:
    """Starts the program."""
    run_program(main, ExportConfig, takes_arguments=True)
