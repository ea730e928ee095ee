"""The arguments that programs which export a model have in common: what to export, and the folder for it."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bert_tf.checkpoints.completeness import check_files
from bert_tf.checkpoints.locate import resolve
from bert_tf.data.label_files import read_kind, read_labels
from bert_tf.errors import UserError, counted, printable, user_error_for
from bert_tf.files import is_there
from bert_tf.modeling.config import BertConfig
from bert_tf.models.folder_forms import is_folder_of_run, refuse_bare
from bert_tf.models.pretraining_models import fills_masks, not_fine_tuned
from bert_tf.paths import checked_model, is_hub_name, local_path
from bert_tf.programs.model_files_config import ModelFilesConfig
from bert_tf.remote import as_path
from bert_tf.training.fields import flag

if TYPE_CHECKING:
    from bert_tf.models.pretrained import Model

_REMEDY = "give the output folder of a finished run, or a pre-trained model"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportConfig(ModelFilesConfig):
    """The flags of an export; each field is one flag."""

    overwrite: bool = flag(
        False, "Replace FOLDER if an export wrote it. A folder with any other file is never replaced.", resume=False
    )


def source_and_folder(arguments: Sequence[str]) -> tuple[str, Path]:
    """Returns the model and the new folder, the two words of the command line. Needs no TensorFlow.

    Raises:
        UserError: there are not two, or one is no path.
    """
    if len(arguments) != 2:
        raise UserError(
            f"{len(arguments)} arguments given; give two: the output folder of a run (or a pre-trained model) and the "
            "new folder"
        )
    return checked_model(arguments[0], "model"), Path(local_path(arguments[1], "folder"))


def check_folder(path: str) -> None:
    """Raises `UserError` if this is neither a folder or file, which a fine-tuned model could be in, nor on the hub."""
    if is_hub_name(path):
        return
    with user_error_for(OSError, path, "cannot be read", "check the path and its permissions"):
        if not is_there(as_path(path)):
            raise UserError(f"{printable(path)}: there is no such folder; give the output folder of a finished run")


def check_model(path_or_name: str, config: ModelFilesConfig) -> None:
    """Finds the files of a model and checks them as far as it is possible without TensorFlow.

    A model that is completed by flags is only looked at when it is read.

    Args:
        path_or_name: what `read_model` takes.
        config: the flags.

    Raises:
        UserError: there is no such model, or a file is missing or broken.
    """
    if config.model_files:
        return
    if not is_hub_name(path_or_name):
        refuse_bare(as_path(path_or_name))
    files = resolve(path_or_name)
    check_files(files, BertConfig.from_json_file(files.config_file))
    folder = files.checkpoint.parent
    if is_folder_of_run(folder):
        read_labels(folder, read_kind(folder, _REMEDY), _REMEDY)


def check_fine_tuned(path_or_name: str, config: ModelFilesConfig) -> None:
    """Checks that a model is fine-tuned, for an export of nothing else.

    Args:
        path_or_name: what `read_fine_tuned` takes.
        config: the flags; a model that is completed by them is only looked at when it is read.

    Raises:
        UserError: it is pre-trained and fills masks.
    """
    if not config.model_files and fills_masks(resolve(path_or_name)):
        raise not_fine_tuned(path_or_name)


def described(model: "Model", name: str) -> str:
    """Returns what a model is and which class it becomes there, for a message.

    Args:
        model: the result of `read_model`.
        name: of its class there.
    """
    if model.kind is None:
        return f"a pre-trained {'model' if model.head_kind else 'encoder'} and becomes a {name}"
    labels = f", {counted(len(model.labels), 'label')}" if model.labels else ""
    return f"fine-tuned ({model.kind}{labels}) and becomes a {name}"
