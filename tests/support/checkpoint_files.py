"""Checkpoints in several formats, and comparisons of their content."""

import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np

from bert_tf.crc32c import masked_crc32c
from bert_tf.modeling.encoder import BertEncoder

# The name and the folder of the official zip files made here.
NAME = "uncased_L-2_H-128_A-2"


def official_files(golden: Path) -> dict[str, bytes]:
    """The files of an official checkpoint by name, with the golden weights."""
    names = ["bert_config.json", "bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001"]
    return {name: (golden / name).read_bytes() for name in names} | {"vocab.txt": b"[PAD]\n[UNK]\n"}


def make_zip(members: dict) -> bytes:
    """A zip file with these members, by name or `ZipInfo`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zip_file:
        for member, content in members.items():
            zip_file.writestr(member, content)
    return buffer.getvalue()


def official_zip(golden: Path, folder: str = f"{NAME}/") -> bytes:
    """An official checkpoint as its authors publish it, with a file that nobody needs."""
    members = {f"{folder}{name}": content for name, content in official_files(golden).items()}
    return make_zip({f"{folder}bert_model.ckpt.meta": b"graph", **members})


def content_of(folder: Path) -> list[str]:
    """The names in a folder, none if there is no folder."""
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def model_files(folder: Path) -> dict[str, bytes]:
    """The files of a folder in the cache by name, without the cache's own record."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".sha256.json"}


def huggingface(arrays: dict[str, np.ndarray], prefix: str = "", old_names: bool = False) -> dict[str, np.ndarray]:
    """The same weights under the names and in the shapes of PyTorch's BertModel."""
    renamed = {}
    for name, array in arrays.items():
        torch_name = re.sub(r"layer_(\d+)", r"layer.\1", name.removeprefix("bert/")).replace("/", ".")
        if torch_name.endswith("_embeddings"):
            torch_name += ".weight"
        if not old_names:
            torch_name = torch_name.replace("gamma", "weight").replace("beta", "bias")
        if torch_name.endswith(".kernel"):
            torch_name, array = torch_name.replace(".kernel", ".weight"), array.T
        renamed[prefix + torch_name] = np.ascontiguousarray(array)
    return renamed


def write_index(
    prefix: Path, entries: dict[bytes, bytes], block_size: int = 1, compression: int = 0, listed: int = 1
) -> None:
    """Writes the index of a TensorFlow checkpoint: values by key in the order given, so many to a block.

    Each block is listed so many times; TensorFlow lists it once.
    """
    content, places = b"", {}
    for keys in (list(entries)[i : i + block_size] for i in range(0, len(entries), block_size)):
        start = len(content)
        content = _with_block(content, {key: entries[key] for key in keys}, compression)
        for i in range(listed):
            places[keys[-1] + bytes(i)] = _handle(start, len(content))
    start = len(content)
    content = _with_block(content, places, compression)
    footer = (_handle(0, 5) + _handle(start, len(content))).ljust(40, b"\0")
    Path(f"{prefix}.index").write_bytes(content + footer + (0xDB4775248B80FB57).to_bytes(8, "little"))


def _handle(start: int, end: int) -> bytes:
    return varint(start) + varint(end - start - 5)


def _with_block(content: bytes, entries: dict[bytes, bytes], compression: int) -> bytes:
    """Adds a block of a table, without shared starts of keys; it says how it is compressed, but it is not."""
    pairs = (b"\0" + varint(len(key)) + varint(len(value)) + key + value for key, value in entries.items())
    block = b"".join(pairs) + bytes(4) + (1).to_bytes(4, "little") + bytes([compression])
    return content + block + masked_crc32c(block).to_bytes(4, "little")


def varint(number: int) -> bytes:
    """A number in 7 bits a byte, the lowest first."""
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + varint(number >> 7)


def forward_error(encoder: BertEncoder, golden: Path) -> float:
    """The largest difference from the original's outputs, over all layers."""
    with np.load(golden / "forward.npz") as data:
        outputs = encoder(
            {
                "input_word_ids": data["input_ids"],
                "input_mask": data["input_mask"],
                "input_type_ids": data["segment_ids"],
            }
        )
        return max(
            np.abs(np.stack(outputs["encoder_outputs"]) - data["all_encoder_layers"]).max(),
            np.abs(outputs["pooled_output"] - data["pooled_output"]).max(),
        )


def assert_same(read: dict[str, np.ndarray], arrays: dict[str, np.ndarray]) -> None:
    """Asserts that `read` has all of `arrays`, with the same types, shapes and numbers."""
    assert arrays.keys() <= read.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array, err_msg=name, strict=True)


def break_json(path: Path, **fields: object) -> None:
    """Gives fields of a JSON object other values; None removes a field."""
    content = json.loads(path.read_text()) | fields
    path.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))
