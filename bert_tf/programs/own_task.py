"""Chooses the processor of a run: that of a known task, or one for own files. Needs no TensorFlow."""

from collections.abc import Mapping, Sequence

from bert_tf import run_files
from bert_tf.checkpoints.huggingface_config import described_head
from bert_tf.checkpoints.locate import is_safetensors, latest_checkpoint
from bert_tf.checkpoints.safetensors_format import classifier_outputs
from bert_tf.data.columns import WantedColumns
from bert_tf.data.found_labels import LabelOptions, known_targets
from bert_tf.data.label_files import read_kind, read_labels
from bert_tf.data.own_data import OwnDataOptions, OwnDataProcessor, files_of
from bert_tf.data.own_files import find_files
from bert_tf.data.processors import DataProcessor, find_processor
from bert_tf.data.targets import PRETRAINING, QUESTION_ANSWERING, TOKEN_CLASSIFICATION
from bert_tf.errors import UserError, printable
from bert_tf.files import read_json_or_empty
from bert_tf.paths import is_hub_name
from bert_tf.programs.classifier_config import ClassifierConfig
from bert_tf.remote import AnyPath, as_path
from bert_tf.training.early_checks import check_model, named_model

# A run without training takes a group of these from the training, if the user says nothing of it.
_KEPT = (("text_column", "text_pair_column", "label_column"), ("label_separator",))
_REMEDY = "copy the file there again"
# The kinds of models that are for another program.
_OTHERS = {
    QUESTION_ANSWERING: "answers questions; use run_squad.py",
    TOKEN_CLASSIFICATION: "tags words; use run_ner.py",
    PRETRAINING: "is pre-trained and knows no labels; fine-tune it with --do_train",
}


def find_processor_of(config: ClassifierConfig) -> DataProcessor:
    """Returns the processor of a run.

    Args:
        config: with a value for `output_dir`.

    Raises:
        UserError: the task is unknown, or files are missing.
    """
    if not config.has_own_data:
        return find_processor(config.task_name, config.train_language, config.xnli_language)
    files = find_files(config.train_file or config.data_dir, config.dev_file, config.test_file)
    if files.dev:
        config.check_dev_split(f"{printable(files.dev)}, the dev set; leave the flag out")
    return OwnDataProcessor(files_of(files), own_data_options(config))


def own_data_options(config: ClassifierConfig) -> OwnDataOptions:
    """Returns what the flags say about own data. Without training the fine-tuned model has the rest.

    Raises:
        UserError: a file of the model is broken.
    """
    folder = None if config.do_train else _model_folder(config)
    foreign = None if config.do_train or folder else _huggingface_head(config)
    if not config.do_train and folder is None and foreign is None:
        check_model(config)  # says it if there is no model at all
        raise UserError(
            f"output_dir: {config.output_dir}: has no labels.txt that says the labels of a model; name the folder of a "
            "fine-tuned one with --output_dir or --bert_model"
        )
    said = _with_kept(config, folder)
    head = foreign or (folder and _head_of_run(folder))
    return OwnDataOptions(
        WantedColumns(said["text_column"], said["text_pair_column"], said["label_column"]),
        LabelOptions(config.regression, config.multi_label, said["label_separator"]),
        config.dev_split,
        config.split_seed,
        head and known_targets(*head, said["label_separator"]),
    )


def _with_kept(config: ClassifierConfig, folder: AnyPath | None) -> Mapping[str, str | None]:
    said = {field: getattr(config, field) for group in _KEPT for field in group}
    training = read_json_or_empty(folder / run_files.RUN).get("training") if folder else None
    kept = training if isinstance(training, dict) else {}
    for group in _KEPT:
        if not any(said[field] for field in group):
            said |= {field: kept[field] for field in group if isinstance(kept.get(field), str)}
    return said


def _model_folder(config: ClassifierConfig) -> AnyPath | None:
    """Returns the folder that says what the labels of the fine-tuned model are; None if none does."""
    model = config.model or (config.init_checkpoint and as_path(config.init_checkpoint).parent)
    folders = [as_path(folder) for folder in (config.output_dir, model) if folder and not is_hub_name(folder)]
    return next(
        (each for each in folders if any((each / name).is_file() for name in (run_files.TASK, run_files.LABELS))), None
    )


def _head_of_run(folder: AnyPath) -> tuple[str, Sequence[str]]:
    """Returns the kind and the names of the labels."""
    kind = read_kind(folder, _REMEDY)
    _refuse_others(folder, kind)
    return kind, read_labels(folder, kind, _REMEDY)


def _huggingface_head(config: ClassifierConfig) -> tuple[str, Sequence[str]] | None:
    """Returns kind and labels of the named Hugging Face classifier; None if the flags name none, or another counts."""
    if not config.names_model or latest_checkpoint(config.output_dir):
        return None
    files = named_model(config)
    is_huggingface = files.checkpoint is not None and is_safetensors(files.checkpoint)
    num_outputs = classifier_outputs(files.checkpoint) if is_huggingface else None
    if not num_outputs:
        return None
    head = described_head(files.config_file, num_outputs)
    _refuse_others(files.checkpoint.parent, head.kind)
    return head.kind, head.labels


def _refuse_others(folder: AnyPath, kind: str) -> None:
    """Raises `UserError` if a model of this kind gives texts no labels."""
    if kind in _OTHERS:
        raise UserError(f"{printable(folder)}: has a model that {_OTHERS[kind]}")
