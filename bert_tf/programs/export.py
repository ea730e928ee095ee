r"""Exports a fine-tuned model as a SavedModel that takes raw texts.

    python scripts/export.py output/MRPC/all-MiniLM-L6-v2
    python scripts/export.py output/MRPC/all-MiniLM-L6-v2 /srv/models/mrpc

The first argument is the output folder of a finished run. The SavedModel goes into the next numbered folder below the
second one, by default the folder `export` of the first, as TensorFlow Serving wants it. A folder whose newest export is
of the same model stays as it is.
"""

from absl import logging

from bert_tf.errors import UserError, printable
from bert_tf.flags import config_from_flags, run_program
from bert_tf.paths import checked_model, is_hub_name, local_path
from bert_tf.programs.export_arguments import check_fine_tuned, check_folder, check_model
from bert_tf.programs.model_files_config import ModelFilesConfig
from bert_tf.remote import AnyPath, as_path
from bert_tf.streams import hide_start_up_messages

EXPORTS = "export"  # the folder in an output folder


def main(arguments: list[str]) -> None:
    """Exports the model in the folder that `arguments` name first."""
    if len(arguments) not in (1, 2):
        raise UserError("give the output folder of a finished run, and optionally a folder for the export")
    config = config_from_flags(ModelFilesConfig)
    source = checked_model(arguments[0], "model")
    target = local_path(arguments[1] if len(arguments) > 1 else _folder_for(source), "folder")
    check_folder(source)
    check_model(source, config)
    check_fine_tuned(source, config)
    hide_start_up_messages()
    # TensorFlow takes seconds to load.
    from bert_tf.exports.saved_model import export
    from bert_tf.models.fine_tuned import read_fine_tuned

    print(printable(export(read_fine_tuned(source, **config.model_files), target)))


def export_finished(folder: AnyPath, output_dir: str) -> None:
    """Writes the model in the folder of a finished run as a SavedModel, into a numbered folder of `output_dir`."""
    from bert_tf.exports.saved_model import export
    from bert_tf.models.fine_tuned import read_fine_tuned

    path = export(read_fine_tuned(folder), as_path(output_dir) / EXPORTS)
    logging.info("%s: the exported model.", printable(path))


def _folder_for(source: str) -> AnyPath:
    """Returns the folder for exports in the folder of a model."""
    if is_hub_name(source) or as_path(source).is_file():
        raise UserError(f"{printable(source)}: is no folder on this machine; also give a folder for the export")
    return as_path(source) / EXPORTS


def run_main() -> None:
    """Starts the program."""
    run_program(main, ModelFilesConfig, takes_arguments=True)
