"""The arguments that programs which export a model have in common: what to export, and the folder for it."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from bert_tf.checkpoints.completeness import check_files
from bert_tf.checkpoints.locate import resolve
from bert_tf.errors import UserError
from bert_tf.modeling.config import BertConfig
from bert_tf.paths import checked_path, local_path
from bert_tf.training.fields import FlagConfig, flag


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportConfig(FlagConfig):
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
    return checked_path(arguments[0], "model"), Path(local_path(arguments[1], "folder"))


def check_model_files(path_or_name: str) -> None:
    """Finds the files of a model and checks them as far as it is possible without TensorFlow.

    Raises:
        UserError: there is no such model, or a file is missing or broken.
    """
    files = resolve(path_or_name)
    check_files(files, BertConfig.from_json_file(files.config_file))
