"""TensorFlow's checkpoint files: as TensorFlow reads them, and those at which its own reader ends the process."""

import os

import numpy as np
import pytest
import tensorflow as tf
from support.checkpoint_files import write_index
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf.tensor_bundle_pb2 import BundleEntryProto, BundleHeaderProto

from bert_tf.checkpoints.formats import read_array, read_checkpoint, write_checkpoint
from bert_tf.checkpoints.table import read_table
from bert_tf.crc32c import crc32c, masked_crc32c
from bert_tf.errors import UserError

HEADER = {b"": BundleHeaderProto(num_shards=1).SerializeToString()}
VALUES = np.arange(6, dtype=np.float32)


def entry(dtype=types_pb2.DT_FLOAT, dims=(2, 3), **fields) -> BundleEntryProto:
    """The entry of `VALUES`."""
    fields = {"size": VALUES.nbytes, "crc32c": masked_crc32c(VALUES), **fields}
    made = BundleEntryProto(dtype=dtype, **fields)
    for size in dims:
        made.shape.dim.add(size=size)
    return made


def write_bundle(prefix, entries: dict[str, BundleEntryProto], header=HEADER) -> None:
    values = {name.encode(): made.SerializeToString() for name, made in entries.items()}
    write_index(prefix, header | values)
    prefix.with_name(f"{prefix.name}.data-00000-of-00001").write_bytes(VALUES.tobytes())


def problem_of(prefix) -> str:
    with pytest.raises(UserError) as error:
        read_checkpoint(prefix)
    assert str(error.value).startswith(f"{prefix}: ")
    assert "\n" not in str(error.value)
    return str(error.value)


# What TensorFlow writes.


def bitwise_crc32c(data: bytes) -> int:
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 5685, 5686, 45_480, 45_485])
def test_the_checksum_is_that_of_the_definition(size):
    data = np.random.default_rng(size).bytes(size)
    assert crc32c(data) == bitwise_crc32c(data)


def test_arrays_of_every_type_are_as_tensorflow_reads_them(tmp_path):
    types = [tf.float16, tf.bfloat16, tf.float32, tf.float64, tf.bool]
    types += [tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8, tf.uint16, tf.uint32, tf.uint64]
    shapes = [(), (0, 3), (5,), (2, 3, 4), (300, 400)]
    arrays = {
        f"{dtype.name}/{len(shape)}": np.random.default_rng(1).integers(0, 100, shape).astype(dtype.as_numpy_dtype)
        for dtype in types
        for shape in shapes
    }
    write_checkpoint(tmp_path / "x", arrays)
    reader = tf.train.load_checkpoint(str(tmp_path / "x"))
    read = read_checkpoint(tmp_path / "x")
    assert read.keys() == arrays.keys() == reader.get_variable_to_shape_map().keys()
    for name in arrays:
        np.testing.assert_array_equal(read[name], reader.get_tensor(name), strict=True)


def test_a_checkpoint_of_several_data_files_is_read(tmp_path):
    for part in range(3):
        tf.raw_ops.SaveV2(
            prefix=str(tmp_path / f"part{part}"),
            tensor_names=[f"array{part}"],
            shape_and_slices=[""],
            tensors=[tf.fill([4], float(part))],
        )
    parts = [str(tmp_path / f"part{part}") for part in range(3)]
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=parts, destination_prefix=str(tmp_path / "whole"))
    read = read_checkpoint(tmp_path / "whole")
    assert {name: array.tolist() for name, array in read.items()} == {
        f"array{part}": [float(part)] * 4 for part in range(3)
    }
    (tmp_path / "whole.data-00001-of-00003").unlink()
    assert "whole.data-00001-of-00003 is missing" in problem_of(tmp_path / "whole")


SLICED = np.arange(5000 * 3, dtype=np.float32).reshape(5000, 3)


def write_slices(prefix, places: list[str], name: str = "a") -> None:
    """Writes `SLICED` as partitioners of TensorFlow 1 do; places are such as "0,5:-"."""
    corners = [[part.split(",") for part in place.split(":")] for place in places]
    indices = [
        tuple(slice(None) if part == ["-"] else slice(int(part[0]), int(part[0]) + int(part[1])) for part in corner)
        for corner in corners
    ]
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=[name] * len(places),
        shape_and_slices=[f"5000 3 {place}" for place in places],
        tensors=[SLICED[index] for index in indices],
    )


@pytest.mark.parametrize(
    "places",
    [
        ["-:-"],
        ["0,4000:-", "4000,1000:-"],
        ["100,4900:-", "0,60:-", "60,40:-"],
        ["-:2,1", "-:0,2"],
        ["0,4200:0,1", "0,4200:1,2", "4200,800:-"],
        [f"{start},10:-" for start in range(0, 5000, 10)],
    ],
)
def test_an_array_in_slices_is_put_together_as_tensorflow_does_it(tmp_path, places):
    write_slices(tmp_path / "x", places)
    read = read_checkpoint(tmp_path / "x")
    assert list(read) == ["a"]
    np.testing.assert_array_equal(read["a"], SLICED, strict=True)
    np.testing.assert_array_equal(tf.train.load_variable(str(tmp_path / "x"), "a"), SLICED)


def test_arrays_in_slices_may_be_in_several_data_files(tmp_path):
    write_slices(tmp_path / "part0", ["0,4000:-"])
    write_slices(tmp_path / "part1", ["4000,1000:-"])
    write_slices(tmp_path / "part2", ["-:0,1", "-:1,2"], name="ab")
    parts = [str(tmp_path / f"part{part}") for part in range(3)]
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=parts, destination_prefix=str(tmp_path / "whole"))
    read = read_checkpoint(tmp_path / "whole")
    np.testing.assert_array_equal(read["a"], SLICED)
    np.testing.assert_array_equal(read["ab"], SLICED)


@pytest.mark.parametrize(
    ("places", "problem"),
    [
        (["0,4000:-"], "the slices of a are not the whole array"),
        (["0,4000:-", "3000,1000:-"], "the slices of a overlap"),
        (["0,4000:-", "3000,2000:-"], "the slices of a are not the whole array"),
    ],
)
def test_slices_that_leave_something_out_or_overlap_are_refused(tmp_path, places, problem):
    write_slices(tmp_path / "x", places)
    assert problem in problem_of(tmp_path / "x")


def test_one_array_is_read_without_the_others(tmp_path):
    write_checkpoint(tmp_path / "x", {"global_step": np.int64(7), "output_bias": np.zeros(2, np.float32)})
    assert read_array(tmp_path / "x", "global_step") == 7
    assert read_array(tmp_path / "x", "loss_scale") is None
    with pytest.raises(UserError, match=r"y: there is no checkpoint"):
        read_array(tmp_path / "y", "global_step")


# Folders.

NAMES = [
    "lr[1e-4]",
    "a*b?",
    "{1,2}",
    "a\\b",
    "[",
    " ",
    "a\nb",
    "\"'",
    "-a",
    "%s",
    "x" * 200,
    "ä",
    os.fsdecode(b"a\xff"),
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_checkpoint_is_written_and_read_in_a_folder_of_any_name(tmp_path, name):
    folder = tmp_path / name
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("the file system does not take this name")
    write_checkpoint(folder / "model.ckpt-7", {"output_bias": VALUES})
    assert len(list(folder.iterdir())) == 2
    np.testing.assert_array_equal(read_checkpoint(folder / "model.ckpt-7")["output_bias"], VALUES)


@pytest.mark.parametrize("damage", [b"", None])
def test_a_problem_in_a_folder_of_any_name_is_one_line(tmp_path, damage):
    folder = tmp_path / "a\n\x1b[31mb"
    folder.mkdir()
    if damage is not None:
        (folder / "x.index").write_bytes(damage)
    with pytest.raises(UserError) as error:
        read_checkpoint(folder / "x")
    assert str(error.value).startswith(f"{tmp_path}/a \\x1b[31mb/x: ")
    assert str(error.value).isprintable()


# What TensorFlow would not write.


def test_an_index_that_is_made_here_is_read(tmp_path):
    write_bundle(tmp_path / "x", {"a": entry(), "b": entry(dims=(0,), offset=24, size=0, crc32c=masked_crc32c(b""))})
    read = read_checkpoint(tmp_path / "x")
    np.testing.assert_array_equal(read["a"], VALUES.reshape(2, 3), strict=True)
    assert read["b"].shape == (0,)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (entry(dims=(-2, -3)), "a has a shape that does not fit its bytes"),
        (entry(dims=(2, 2)), "a has a shape that does not fit its bytes"),
        (entry(dims=(2**62, 2**62)), "a has a shape that does not fit its bytes"),
        (entry(dims=(2**40, 0), size=0, crc32c=masked_crc32c(b"")), None),
        (entry(dims=(1,) * 65 + (6,)), "a has a shape that does not fit its bytes"),
        (entry(dtype=types_pb2.DT_HALF), "a has a shape that does not fit its bytes"),
        (entry(dtype=types_pb2.DT_STRING), "a (string)"),
        (entry(dtype=types_pb2.DT_COMPLEX64, dims=(3,)), "a (complex64)"),
        (entry(dtype=types_pb2.DT_VARIANT), "a (variant)"),
        (entry(dtype=types_pb2.DT_RESOURCE), "a (resource)"),
        (entry(dtype=types_pb2.DT_FLOAT8_E5M2, dims=(24,)), "a (float8_e5m2)"),
        (entry(dtype=types_pb2.DT_FLOAT_REF), "a (float_ref)"),
        (entry(dtype=0), "a (invalid)"),
        (entry(dtype=12345), "a (12345)"),
        (entry(offset=4), "bytes that are not in x.data-00000-of-00001"),
        (entry(offset=-4), "bytes that are not in x.data-00000-of-00001"),
        (entry(size=-24), "bytes that are not in x.data-00000-of-00001"),
        (entry(size=2**62), "bytes that are not in x.data-00000-of-00001"),
        (entry(shard_id=1), "x.data-00001-of-00001 is missing"),
        (entry(shard_id=-1), "is missing"),
        (entry(crc32c=1), "the checksum of a is wrong"),
        (entry(slices=[{"extent": [{}]}]), "the slices of a are not the whole array"),
    ],
)
def test_an_entry_that_tensorflow_would_not_write_is_one_line_or_an_array(tmp_path, wrong, problem):
    write_bundle(tmp_path / "x", {"a": wrong})
    if problem is None:
        assert read_checkpoint(tmp_path / "x")["a"].size == 0
    else:
        assert problem in problem_of(tmp_path / "x")


def test_a_shape_of_unknown_rank_is_refused(tmp_path):
    unknown = entry(dims=())
    unknown.shape.unknown_rank = True
    write_bundle(tmp_path / "x", {"a": unknown})
    assert "a has a shape that does not fit its bytes" in problem_of(tmp_path / "x")


def test_arrays_that_share_bytes_are_refused(tmp_path):
    write_bundle(tmp_path / "x", {f"a{i:06}": entry() for i in range(100)})
    assert "arrays overlap" in problem_of(tmp_path / "x")


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({}, "has no header"),
        (HEADER | {b"a": b"\xff\xff"}, "the entry of a is no entry"),
        ({b"": b"\xff"}, "cannot be read"),
        ({b"": BundleHeaderProto(num_shards=0).SerializeToString(), b"a": entry().SerializeToString()}, "is missing"),
        ({b"": BundleHeaderProto(endianness=BundleHeaderProto.BIG).SerializeToString()}, "big-endian"),
        ({b"": BundleHeaderProto(version={"min_consumer": 2}).SerializeToString()}, "version 2 of the format"),
        (HEADER | {b"b": entry().SerializeToString(), b"a": entry().SerializeToString()}, "not in order"),
        (HEADER | {b"\xff": entry().SerializeToString()}, "cannot be read"),
        (HEADER | {b"a" * 5000: entry().SerializeToString()}, "outside its block"),
    ],
)
@pytest.mark.parametrize("block_size", [1, 10])
def test_a_table_that_tensorflow_would_not_write_is_refused_in_one_line(tmp_path, table, problem, block_size):
    write_bundle(tmp_path / "x", {})
    write_index(tmp_path / "x", table, block_size)
    assert problem in problem_of(tmp_path / "x")


def test_a_compressed_index_is_refused(tmp_path):
    write_bundle(tmp_path / "x", {})
    write_index(tmp_path / "x", HEADER, compression=1)
    assert "the index is compressed" in problem_of(tmp_path / "x")


def test_an_index_that_lists_a_block_twice_is_refused(tmp_path):
    write_bundle(tmp_path / "x", {})
    write_index(tmp_path / "x", HEADER, listed=2)
    assert "blocks of the index overlap" in problem_of(tmp_path / "x")


def test_an_index_of_more_arrays_than_any_model_has_is_refused(tmp_path):
    write_bundle(tmp_path / "x", {})
    write_index(tmp_path / "x", HEADER | {b"%06d" % i: b"" for i in range(100_000)}, block_size=200_000)
    assert "the index has more than 100000 entries" in problem_of(tmp_path / "x")


def is_read_or_refused(prefix) -> bool:
    try:
        read_checkpoint(prefix)
    except UserError as error:
        return len(str(error).splitlines()) == 1
    return True


def changed(content: bytes, rng: np.random.Generator) -> bytes:
    content = bytearray(content)
    for place in rng.integers(len(content), size=rng.integers(1, 4)):
        content[place] = rng.integers(256)
    return bytes(content[: rng.integers(len(content)) if rng.integers(9) == 0 else None])


def test_changed_entries_with_the_right_checksums_are_arrays_or_one_line(tmp_path):
    rng = np.random.default_rng(1)
    write_bundle(tmp_path / "x", {})
    for _ in range(300):
        table = {**HEADER, b"a": entry().SerializeToString(), b"b": entry(dims=(0,), size=0).SerializeToString()}
        key = list(table)[rng.integers(3)]
        table[key] = changed(table[key], rng)
        write_index(tmp_path / "x", table, block_size=int(rng.integers(1, 4)))
        assert is_read_or_refused(tmp_path / "x")


def test_changed_slices_with_the_right_checksums_are_arrays_or_one_line(tmp_path):
    rng = np.random.default_rng(1)
    write_slices(tmp_path / "x", ["0,4000:-", "4000,1000:0,1", "4000,1000:1,2"])
    written = read_table((tmp_path / "x.index").read_bytes())
    for _ in range(300):
        table = dict(written)
        key = list(table)[rng.integers(len(table))]
        table[key] = changed(table[key], rng)
        write_index(tmp_path / "x", table, block_size=int(rng.integers(1, 5)))
        assert is_read_or_refused(tmp_path / "x")


def test_slices_that_ask_for_all_memory_are_refused(tmp_path):
    write_slices(tmp_path / "x", ["0,4000:-", "4000,1000:-"])
    table = read_table((tmp_path / "x.index").read_bytes())
    whole = BundleEntryProto.FromString(table[b"a"])
    whole.shape.dim[0].size = 2**50
    write_index(tmp_path / "x", table | {b"a": whole.SerializeToString()})
    assert "the slices of a are not the whole array" in problem_of(tmp_path / "x")


def test_changed_bytes_of_an_index_are_arrays_or_one_line(tmp_path):
    rng = np.random.default_rng(1)
    write_checkpoint(tmp_path / "x", {f"layer_{i}/kernel": np.ones((i, 3), np.float32) for i in range(5)})
    index = tmp_path / "x.index"
    content = index.read_bytes()
    for _ in range(300):
        index.write_bytes(changed(content, rng))
        assert is_read_or_refused(tmp_path / "x")
