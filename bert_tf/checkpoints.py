"""Checkpoints in and out: a name or a path becomes an encoder's weights, whatever the format.

    encoder = load_encoder("uncased_L-12_H-768_A-12")  # a name of the catalogue, or a folder, or a zip file
    write_checkpoint("output/model.ckpt-100", encoder.variables_by_name)

Three formats are read: the original's (TensorFlow 1, variables by name), the Model Garden's (TensorFlow 2,
variables by object) and Hugging Face's `model.safetensors`. Inside the program there is one: arrays under the
original's variable names and in the original's shapes. The original's format is the one that is written.
Nothing is ever unpickled.
"""

import contextlib
import dataclasses
import math
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from safetensors import SafetensorError, safe_open
from tensorflow.core.protobuf import trackable_object_graph_pb2

from bert_tf import catalogue
from bert_tf.errors import UserError
from bert_tf.modeling import BertConfig, BertEncoder, original_name

_SHOWN_NAMES = 4
_CONFIG_NAMES = ("bert_config.json", "config.json")
_PICKLED_SUFFIXES = (".bin", ".pt", ".pth", ".pkl")
_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"

# Optimizers keep their slots below these attributes of the object graph.
_SLOT_KEY = re.compile(r"(^|/)(optimizer|_optimizer|_variables|_momentums|_velocities|\.OPTIMIZER_SLOT)/")

# What real checkpoints hold besides the encoder: heads, the optimizer's state, counters, constant buffers.
_OUTSIDE_ENCODER = re.compile(
    r"training/|(bert/)?cls[/.]|classifier[/.]|qa_outputs\.|sentence_prediction/|next_sentence/|predictions/"
    r"|(global_step|save_counter|beta[12]_power)$"
    r"|(.*/)?(output_weights|output_bias|adam_[mv]|Adam|Adam_1|position_ids|token_type_ids)$"
)


@dataclasses.dataclass(frozen=True)
class CheckpointFiles:
    """Where the three parts of a pre-trained model are.

    Attributes:
        config_file: the original's `bert_config.json` or Hugging Face's `config.json`.
        vocab_file: the vocabulary, one word piece a line.
        checkpoint: the prefix of a TensorFlow checkpoint (`.../bert_model.ckpt`), or a `.safetensors` file.

    Example:
        files = resolve("uncased_L-12_H-768_A-12")
        arrays = read_checkpoint(files.checkpoint)
    """

    config_file: Path
    vocab_file: Path
    checkpoint: Path


def load_encoder(path_or_name: str | os.PathLike) -> BertEncoder:
    """Builds the encoder of a pre-trained model and fills it with its weights.

    Args:
        path_or_name: what `resolve` takes.

    Raises:
        UserError: a file is missing or broken, or configuration and weights do not fit.

    Example:
        encoder = load_encoder("all-MiniLM-L6-v2")
    """
    files = resolve(path_or_name)
    encoder = BertEncoder(BertConfig.from_json_file(files.config_file))
    fill(encoder, read_checkpoint(files.checkpoint), files.checkpoint)
    return encoder


def resolve(path_or_name: str | os.PathLike) -> CheckpointFiles:
    """Finds configuration, vocabulary and weights of a pre-trained or fine-tuned model.

    Args:
        path_or_name: a folder (an unpacked official checkpoint, a folder around one, an output folder of a
            fine-tuning run, a Hugging Face folder), a zip file of an official checkpoint, or a name of
            `catalogue.CATALOGUE`, which is downloaded if it is not in the cache.

    Raises:
        UserError: there is no such folder or name, or something is missing in it.

    Example:
        >>> resolve("all-MiniLM-L6-v2").vocab_file.name
        'vocab.txt'
    """
    path = Path(path_or_name).expanduser()
    if path.is_dir():
        return _files_in(_inner_folder(path))
    if path.is_file():
        if path.suffix != ".zip":
            raise UserError(f"{path}: is a file; give the folder that holds it, or a zip file")
        return _files_in(catalogue.unpack_zip(path))
    if len(path.parts) != 1 or path.suffix == ".zip" or str(path_or_name).startswith((".", "~")):
        raise UserError(f"{path}: no such folder; give the folder of a checkpoint, or a name of the catalogue")
    return _files_in(catalogue.fetch(str(path_or_name)))


def read_checkpoint(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads a checkpoint of any format into arrays under the original's variable names.

    Args:
        path: the prefix of a TensorFlow checkpoint (name-based or object-based), such as `bert_model.ckpt` or
            `model.ckpt-343`; a folder with one; or a `.safetensors` file.

    Returns:
        Arrays by name, such as `bert/encoder/layer_0/attention/self/query/kernel` [hidden, hidden], in the
        original's shapes (attention kernels are matrices, `output_weights` is [labels, hidden]). A name-based
        checkpoint gives all its variables with their types, from the others floating-point arrays come as
        float32, and variables of optimizers are left out.

    Raises:
        UserError: there is no checkpoint, it is pickled, or it is broken.

    Example:
        arrays = read_checkpoint("uncased_L-12_H-768_A-12/bert_model.ckpt")
        arrays["bert/embeddings/word_embeddings"].shape  # (30522, 768)
    """
    path = Path(path)
    if path.is_dir():
        path = _checkpoint_in(path)
    if path.suffix in _PICKLED_SUFFIXES:
        raise UserError(_pickled(path))
    in_tensorflow = path.suffix != ".safetensors"
    file = Path(f"{path}.index") if in_tensorflow else path
    if not file.is_file():
        raise UserError(f"{path}: no checkpoint there ({file.name} is missing); check the path")
    return _read_tensorflow(path) if in_tensorflow else _read_safetensors(path)


def fill(encoder: BertEncoder, arrays: Mapping[str, np.ndarray], origin: str | os.PathLike = "the checkpoint") -> None:
    """Sets every variable of an encoder, or none.

    Heads, optimizer state and counters among the arrays are passed over; everything else must fit.

    Args:
        encoder: the encoder, or anything else with `variables_by_name`.
        arrays: what `read_checkpoint` gives; each array in the original's or the Model Garden's shape.
        origin: what to call the arrays in an error.

    Raises:
        UserError: an array is missing, left over, of another shape or not finite; one line tells which. No
            variable has been changed then.

    Example:
        >>> encoder = BertEncoder(BertConfig(vocab_size=10, hidden_size=4, num_hidden_layers=1,
        ...                                  num_attention_heads=2, intermediate_size=8))
        >>> fill(encoder, {name: np.zeros(v.shape) for name, v in encoder.variables_by_name.items()})
    """
    variables = encoder.variables_by_name
    problems = [
        ("missing", [name for name in variables if name not in arrays]),
        (
            "left over",
            [name for name in arrays if name not in variables and not _OUTSIDE_ENCODER.match(name)],
        ),
        ("of another shape", _other_shapes(variables, arrays)),
    ]
    if not any(names for _, names in problems):
        # Only what fits is worth the pass over all numbers.
        values = {name: np.asarray(arrays[name], np.float32) for name in variables}
        problems.append(("not finite", [name for name, value in values.items() if not np.isfinite(value).all()]))
    told = [f"{kind}: {_some(names)}" for kind, names in problems if names]
    if told:
        raise UserError(
            f"{origin}: does not fill the encoder; {'; '.join(told)}; "
            "check that the checkpoint is whole and belongs to the configuration"
        )
    for name, value in values.items():
        variables[name].assign(value.reshape(variables[name].shape))


def write_checkpoint(prefix: str | os.PathLike, arrays: Mapping[str, np.ndarray | tf.Tensor]) -> None:
    """Writes a TensorFlow 1 name-based checkpoint, which the original reads with `--init_checkpoint`.

    It is written in a temporary folder beside it; the index file, without which there is no checkpoint, comes
    last. Attention kernels in the Model Garden's shape are stored in the original's.

    Args:
        prefix: the path without `.index` and `.data-00000-of-00001`; its folder must exist.
        arrays: arrays, tensors or variables under the original's names.

    Raises:
        UserError: it cannot be written, for instance because the disk is full.

    Example:
        >>> write_checkpoint("example.ckpt", {"output_bias": np.zeros(2, np.float32)})
        >>> read_checkpoint("example.ckpt")["output_bias"]
        array([0., 0.], dtype=float32)
    """
    prefix = Path(prefix)
    partial = prefix.with_name(f".{prefix.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        _save(partial / "checkpoint", arrays)
        _move(partial / "checkpoint", prefix)
    except (OSError, tf.errors.OpError) as error:
        raise UserError(f"{prefix}: cannot be written ({_reason(error)}); make room or name another folder") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _files_in(folder: Path) -> CheckpointFiles:
    checkpoint = _checkpoint_in(folder)
    # "gelu" means another function in Hugging Face's files, so weights go with their own configuration.
    configs = reversed(_CONFIG_NAMES) if checkpoint.suffix == ".safetensors" else _CONFIG_NAMES
    found = [folder / name for name in configs if (folder / name).is_file()]
    if not found:
        raise UserError(f"{folder}: neither bert_config.json nor config.json is there; put the model's beside it")
    if not (folder / "vocab.txt").is_file():
        raise UserError(f"{folder}: vocab.txt is missing; put the vocabulary of the model there")
    return CheckpointFiles(config_file=found[0], vocab_file=folder / "vocab.txt", checkpoint=checkpoint)


def _inner_folder(folder: Path) -> Path:
    """The only subfolder of a folder without a configuration, as unzipping there leaves it; or the folder."""
    if any((folder / name).is_file() for name in _CONFIG_NAMES):
        return folder
    inner = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))]
    return inner[0] if len(inner) == 1 else folder


def _checkpoint_in(folder: Path) -> Path:
    if (folder / "checkpoint").is_file():
        return _latest_checkpoint(folder)
    if (folder / "bert_model.ckpt.index").is_file():
        return folder / "bert_model.ckpt"
    if (folder / "model.safetensors").is_file():
        return folder / "model.safetensors"
    indexes = sorted(folder.glob("*.index"))
    if len(indexes) == 1:
        return indexes[0].with_suffix("")
    if indexes:
        raise UserError(f"{folder}: holds {_some([path.stem for path in indexes])}; name one with --init_checkpoint")
    for pickled in sorted(path for path in folder.iterdir() if path.suffix in _PICKLED_SUFFIXES):
        raise UserError(_pickled(pickled))
    raise UserError(f"{folder}: no checkpoint there (bert_model.ckpt.index or model.safetensors); give its folder")


def _latest_checkpoint(folder: Path) -> Path:
    state = tf.train.get_checkpoint_state(str(folder))
    if state is None:
        raise UserError(f"{folder / 'checkpoint'}: cannot be read; remove it or name a checkpoint")
    # The state file may hold the absolute path of where the folder was before it was moved.
    checkpoint = folder / Path(state.model_checkpoint_path).name
    if not Path(f"{checkpoint}.index").is_file():
        raise UserError(f"{folder / 'checkpoint'}: names {checkpoint.name}, which is not there; restore or remove it")
    return checkpoint


def _pickled(path: Path) -> str:
    return (
        f"{path}: is a pickled file and may run any code when opened, so it is not read; convert it to "
        "model.safetensors (in transformers: model.save_pretrained(DIR, safe_serialization=True))"
    )


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    with _broken_means_user_error(path), safe_open(path, framework="np") as file:
        pairs = [(_from_hugging_face(name), file.get_tensor(name)) for name in file.keys()]  # noqa: SIM118
    # A PyTorch linear layer keeps [out, in] where TensorFlow keeps [in, out].
    return {
        name: _widened(array.T if name.endswith("/kernel") else array)
        for name, array in _without_doubles(pairs, path).items()
    }


def _from_hugging_face(name: str) -> str:
    """`bert.encoder.layer.0.output.LayerNorm.weight` -> `bert/encoder/layer_0/output/LayerNorm/gamma`."""
    bare = name.removeprefix("bert.")
    if not bare.startswith(("embeddings.", "encoder.", "pooler.")):
        return name
    scope, _, leaf = bare.rpartition(".")
    scope = "bert/" + scope.replace(".", "/").replace("encoder/layer/", "encoder/layer_")
    if scope.endswith("_embeddings"):
        return scope
    if scope.endswith("/LayerNorm"):
        leaf = {"weight": "gamma", "bias": "beta"}.get(leaf, leaf)
    return f"{scope}/{leaf.replace('weight', 'kernel')}"


def _read_tensorflow(prefix: Path) -> dict[str, np.ndarray]:
    with _broken_means_user_error(prefix):
        reader = tf.train.load_checkpoint(str(prefix))
        names = reader.get_variable_to_shape_map()
        if _OBJECT_GRAPH not in names:
            return {name: reader.get_tensor(name) for name in sorted(names)}
        variables = _variables_of_object_graph(reader.get_tensor(_OBJECT_GRAPH))
        pairs = [(original_name(name), reader.get_tensor(key)) for name, key in variables]
    return {
        name: _widened(array).reshape(_original_shape(name, array.shape))
        for name, array in _without_doubles(pairs, prefix).items()
    }


def _variables_of_object_graph(serialized: bytes) -> list[tuple[str, str]]:
    """(variable name, checkpoint key) of what is no optimizer's, from the object graph stored along."""
    graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(serialized)
    attributes = [attribute for node in graph.nodes for attribute in node.attributes]
    return [
        (attribute.full_name, attribute.checkpoint_key)
        for attribute in attributes
        if attribute.name == "VARIABLE_VALUE" and not _SLOT_KEY.search(attribute.checkpoint_key)
    ]


def _original_shape(name: str, shape: Iterable[int]) -> tuple[int, ...]:
    """The shape without the Model Garden's axis of attention heads; a shape without one stays as it is."""
    shape = tuple(shape)
    if "/attention/self/" in name:
        return (*shape[:1], math.prod(shape[1:])) if "/kernel" in name else (math.prod(shape),)
    if "/attention/output/dense/kernel" in name:
        return (math.prod(shape[:-1]), *shape[-1:])
    return shape


def _without_doubles(pairs: list[tuple[str, np.ndarray]], path: Path) -> dict[str, np.ndarray]:
    arrays = dict(pairs)
    if len(arrays) != len(pairs):
        raise UserError(f"{path}: holds more than one encoder; save the one that is meant in a checkpoint alone")
    return arrays


def _widened(array: np.ndarray) -> np.ndarray:
    # bfloat16 is no floating type to numpy, but kind "V" like every type that it does not know.
    return array.astype(np.float32, copy=False) if array.dtype.kind in "fV" else array


def _other_shapes(variables: Mapping[str, tf.Variable], arrays: Mapping[str, np.ndarray]) -> list[str]:
    found = []
    for name in variables.keys() & arrays.keys():
        wanted, given = (_original_shape(name, values[name].shape) for values in (variables, arrays))
        if wanted != given:
            found.append(f"{name} {list(given)} for {list(wanted)}")
    return sorted(found)


def _some(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return ", ".join(names[:_SHOWN_NAMES]) + more


def _save(prefix: Path, arrays: Mapping[str, np.ndarray | tf.Tensor]) -> None:
    with tf.device("cpu:0"):
        tensors = [tf.convert_to_tensor(array) for array in arrays.values()]
        tensors = [tf.reshape(t, _original_shape(name, t.shape)) for name, t in zip(arrays, tensors, strict=True)]
        tf.raw_ops.SaveV2(
            prefix=str(prefix),
            tensor_names=list(arrays),
            shape_and_slices=[""] * len(arrays),
            tensors=tensors,
        )


def _move(source: Path, prefix: Path) -> None:
    # An old index must never stand beside new data.
    Path(f"{prefix}.index").unlink(missing_ok=True)
    for suffix in (".data-00000-of-00001", ".index"):
        written = Path(f"{source}{suffix}")
        with written.open("rb") as file:
            os.fsync(file.fileno())
        written.replace(f"{prefix}{suffix}")


@contextlib.contextmanager
def _broken_means_user_error(path: Path) -> Iterator[None]:
    # TensorFlow's reader says IndexError for a truncated data file, and ValueError for a broken object graph.
    kinds = (OSError, SafetensorError, tf.errors.OpError, IndexError, ValueError, RuntimeError, DecodeError)
    try:
        yield
    except kinds as error:
        raise UserError(f"{path}: cannot be read, it is broken or cut off ({_reason(error)}); get it again") from error


def _reason(error: Exception) -> str:
    # TensorFlow puts the name of the operation in front, in double braces.
    return " ".join(re.sub(r"\{\{.*?\}\}", "", str(error)).split())[:200]
