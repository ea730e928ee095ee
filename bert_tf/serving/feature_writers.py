"""Writes hidden layers, text after text, as the original's JSON lines or as NumPy arrays.

writer = WRITERS["json"]((-1,), "none", tokenizer.inv_vocab, width=384)
writer.contents(first, pieces, values)  # {"lines": b'{"linex_index": 0, ...'}
"""

import abc
import functools
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from bert_tf.files import atomic_write, sync_folder
from bert_tf.serving.text_pieces import TextPieces

_DIGITS = 6
_BLOCK_BYTES = 1 << 20


class FeatureWriter(abc.ABC):
    """Turns what was computed into the bytes of growing files, and those into the output.

    Args:
        layers: the numbers of the layers.
        pooling: `"none"`, `"cls"` or `"mean"`.
        tokens: the piece of each id.
        width: of the layers.
    """

    def __init__(self, layers: Sequence[int], pooling: str, tokens: Mapping[int, str], width: int):
        self._layers = layers
        self._is_pooled = pooling != "none"
        self._tokens = tokens
        self._width = width

    @property
    @abc.abstractmethod
    def names(self) -> Sequence[str]:
        """The names of the growing files."""

    @abc.abstractmethod
    def contents(self, first: int, pieces: TextPieces, values: np.ndarray) -> dict[str, bytes]:
        """Returns what some texts add to the growing files.

        Args:
            first: the number of the first text.
            pieces: of the texts.
            values: of the texts, see `HiddenLayers.compute`.
        """

    @abc.abstractmethod
    def finish(self, path: Callable[[str], Path], output: Path) -> None:
        """Makes the output of the growing files, whole or not at all.

        Args:
            path: returns the path of a growing file.
            output: the file to write.
        """


class JsonLinesWriter(FeatureWriter):
    """Writes the original's JSON lines. Pooled vectors are in `layers` of the line itself, without tokens."""

    names = ("lines",)

    def contents(self, first: int, pieces: TextPieces, values: np.ndarray) -> dict[str, bytes]:
        """Returns a line for each text; see `FeatureWriter`."""
        # Exactly as Python's round: a float32 times a million is exact in float64.
        values = np.round(values.astype(np.float64), _DIGITS)
        text = self._pooled_text if self._is_pooled else self._text_of_pieces
        lines = (json.dumps({"linex_index": first + row, **text(row, pieces, values)}) for row in range(len(pieces)))
        return {"lines": "".join(f"{line}\n" for line in lines).encode()}

    def _pooled_text(self, row: int, pieces: TextPieces, values: np.ndarray) -> dict[str, object]:
        return {"layers": self._layers_of(values[row])}

    def _text_of_pieces(self, row: int, pieces: TextPieces, values: np.ndarray) -> dict[str, object]:
        places = range(*pieces.offsets[row : row + 2])
        token = [self._tokens[index] for index in pieces.ids[places.start : places.stop].tolist()]
        return {
            "features": [
                {"token": token, "layers": self._layers_of(values[place])}
                for token, place in zip(token, places, strict=True)
            ]
        }

    def _layers_of(self, values: np.ndarray) -> list[dict[str, object]]:
        return [{"index": layer, "values": row} for layer, row in zip(self._layers, values.tolist(), strict=True)]

    def finish(self, path: Callable[[str], Path], output: Path) -> None:
        """Renames the lines; see `FeatureWriter`."""
        path("lines").replace(output)
        sync_folder(output.parent)


class ArraysWriter(FeatureWriter):
    """Writes an `.npz` file; see `feature_arrays` for what is in it."""

    @property
    def names(self) -> Sequence[str]:
        """One for each array; see `FeatureWriter`."""
        return [*self._row_types]

    @property
    def _row_types(self) -> dict[str, np.dtype]:
        layers = {f"layer_{layer}": np.dtype((np.float32, self._width)) for layer in self._layers}
        of_pieces = {
            "input_ids": np.dtype(np.int32),
            "input_type_ids": np.dtype(np.int32),
            "offsets": np.dtype(np.int64),
        }
        return layers if self._is_pooled else {**layers, **of_pieces}

    def contents(self, first: int, pieces: TextPieces, values: np.ndarray) -> dict[str, bytes]:
        """Returns the rows of each array; see `FeatureWriter`. Lengths of texts become offsets in the end."""
        arrays = {f"layer_{layer}": values[:, number] for number, layer in enumerate(self._layers)}
        of_pieces = {"input_ids": pieces.ids, "input_type_ids": pieces.type_ids, "offsets": pieces.lengths}
        arrays = arrays if self._is_pooled else {**arrays, **of_pieces}
        return {name: array.tobytes() for name, array in arrays.items()}

    def finish(self, path: Callable[[str], Path], output: Path) -> None:
        """Copies the arrays into one file; see `FeatureWriter`."""
        with atomic_write(output, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            for name, row_type in self._row_types.items():
                with path(name).open("rb") as source:
                    blocks = iter(functools.partial(source.read, _BLOCK_BYTES), b"")
                    num_rows = path(name).stat().st_size // row_type.itemsize
                    if name == "offsets":
                        blocks, num_rows = _offsets(blocks), num_rows + 1
                    _add_array(archive, name, row_type, num_rows, blocks)


def _offsets(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yields where each text begins, and where the last one ends, of their lengths; int64."""
    total = np.zeros(1, np.int64)
    yield total.tobytes()
    for block in blocks:
        ends = total + np.cumsum(np.frombuffer(block, np.int64))
        total = ends[-1:]
        yield ends.tobytes()


def _add_array(archive: zipfile.ZipFile, name: str, row_type: np.dtype, num_rows: int, blocks: Iterable[bytes]) -> None:
    shape = (num_rows, *row_type.shape)
    header = {"descr": row_type.base.str, "fortran_order": False, "shape": shape}
    # A fixed date: the same features are the same bytes.
    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as target:
        np.lib.format.write_array_header_1_0(target, header)
        for block in blocks:
            target.write(block)


WRITERS: dict[str, type[FeatureWriter]] = {"json": JsonLinesWriter, "npz": ArraysWriter}
