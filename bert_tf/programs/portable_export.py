"""Runs an export to another runtime: the flags, checks and steps that these programs share."""

import dataclasses
from collections.abc import Callable, Sequence

from bert_tf.checkpoints.locate import resolve
from bert_tf.errors import UserError, counted, printable
from bert_tf.flags import config_from_flags
from bert_tf.folders import new_folder
from bert_tf.modeling.config import BertConfig
from bert_tf.models.export_limits import check_exportable, check_kind
from bert_tf.programs.export_arguments import (
    ExportConfig,
    check_fine_tuned,
    check_folder,
    check_model,
    source_and_folder,
)
from bert_tf.serving.portable import Shape
from bert_tf.streams import hide_start_up_messages
from bert_tf.training.fields import flag

# Neither a file of ONNX nor one of LiteRT can have 2 GiB.
_MOST_PARAMETERS = (2**31 - 1) // 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class PortableExportConfig(ExportConfig):
    """The flags of an export to another runtime."""

    max_seq_length: int | None = flag(
        None,
        "The only length in word pieces that the exported model takes, for a device that needs one. Shorter texts are "
        "padded, longer ones truncated. By default it takes every length.",
        resume=False,
        lower_bound=3,
    )
    batch_size: int | None = flag(
        None,
        "The only number of texts that the exported model takes at a time, for a device that needs one. By default it "
        "takes any number.",
        resume=False,
        lower_bound=1,
        upper_bound=1024,
    )


def export_portable(target: str, arguments: Sequence[str], export: Callable[..., str]) -> None:
    """Exports the model of the first argument to the folder of the second, and prints the table of its check.

    Args:
        target: the name of the other runtime.
        arguments: the words of the command line.
        export: gets the fine-tuned model, an empty folder, the shape of the inputs and the texts of the check; returns
            the table. It is called when all has been checked that needs no TensorFlow.

    Raises:
        UserError: a mistake in the command line or the model.
    """
    config = config_from_flags(PortableExportConfig)
    source, path = source_and_folder(arguments)
    with new_folder(path, config.overwrite) as folder:
        _check_source(source, config, target)
        hide_start_up_messages()
        # TensorFlow and scipy take seconds to load: mistakes in flags and folders are reported before.
        from bert_tf.models.fine_tuned import read_fine_tuned
        from bert_tf.programs.dev_set import read_check_set

        model = read_fine_tuned(source, **config.model_files)
        check_kind(source, model.kind, target)
        _check_size(source, model.config, config.max_seq_length)
        shape = Shape(config.batch_size, config.max_seq_length)
        text = export(model, folder, shape, read_check_set(model.folder, model.pairs))
    print(f"{text}\n{printable(path)}")


def _check_source(source: str, config: PortableExportConfig, target: str) -> None:
    """Checks the model as far as it is possible without TensorFlow."""
    check_folder(source)
    check_model(source, config)
    check_fine_tuned(source, config)
    if config.model_files:
        return
    files = resolve(source)
    check_exportable(source, files, target)
    _check_size(source, BertConfig.from_json_file(files.config_file), config.max_seq_length)


def _check_size(source: str, config: BertConfig, max_seq_length: int | None) -> None:
    positions, parameters = config.max_position_embeddings, config.num_parameters()
    if max_seq_length and max_seq_length > positions:
        raise UserError(f"max_seq_length: is {max_seq_length}; the model has {positions} positions")
    if parameters > _MOST_PARAMETERS:
        described = f"has {counted(parameters, 'parameter')}, and one file holds at most {_MOST_PARAMETERS:,}"
        raise UserError(f"{printable(source)}: {described}; choose a smaller model")
