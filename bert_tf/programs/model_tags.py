"""Finds the tags of a fine-tuned model, for a run that does not train. Needs no TensorFlow."""

from bert_tf import run_files
from bert_tf.checkpoints.huggingface_config import check_tags, described_head
from bert_tf.checkpoints.locate import CheckpointFiles, is_safetensors, latest_checkpoint
from bert_tf.checkpoints.safetensors_format import classifier_outputs
from bert_tf.data.label_files import read_kind, read_tags
from bert_tf.data.targets import TOKEN_CLASSIFICATION
from bert_tf.errors import UserError, printable
from bert_tf.models.tagging_models import tags_words
from bert_tf.programs.default_model import model_folder
from bert_tf.programs.ner_config import NerConfig
from bert_tf.remote import AnyPath
from bert_tf.training.early_checks import named_model

_REMEDY = "copy the file there again"


def find_model_tags(config: NerConfig) -> tuple[str, ...]:
    """Returns the tags in the order of the head's outputs.

    Args:
        config: of a run that does not train, whose model is there; see `check_model`.

    Raises:
        UserError: the model has no tags, or they cannot be read.
    """
    if not latest_checkpoint(config.output_dir):
        files = named_model(config)
        if is_safetensors(files.checkpoint):
            return _tags_of_huggingface(files)
    return _tags_of_run(model_folder(config))


def _tags_of_huggingface(files: CheckpointFiles) -> tuple[str, ...]:
    where = printable(files.config_file)
    if not tags_words(files):
        raise UserError(f"{where}: is of no BertForTokenClassification, which finds entities; name another model")
    tags = described_head(files.config_file, classifier_outputs(files.checkpoint)).labels
    check_tags(tags, where)
    return tags


def _tags_of_run(folder: AnyPath) -> tuple[str, ...]:
    where = printable(folder)
    if not (folder / run_files.TASK).is_file():
        remedy = "name the folder of a fine-tuned one with --output_dir or --bert_model, or pass --do_train"
        raise UserError(f"{where}: has no task.json that says the tags of a model; {remedy}")
    kind = read_kind(folder, _REMEDY)
    if kind != TOKEN_CLASSIFICATION:
        raise UserError(f"{where}: has a model of the kind {kind}, which finds no entities; name another folder")
    return read_tags(folder, _REMEDY)
