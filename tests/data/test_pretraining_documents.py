"""Documents of pre-training: files of all kinds, and shards of them."""

import gzip
import random
import re
from pathlib import Path

import numpy as np
import pytest
from support.paths import GOLDEN

from bert_tf.data.pretraining_documents import TextFiles, bytes_of, tokenized
from bert_tf.data.pretraining_instances import InstanceSettings
from bert_tf.data.pretraining_shards import Recipe, shards_of, single_shard
from bert_tf.errors import UserError

GOLDEN_DOCUMENTS = GOLDEN / "pretraining_data" / "docs_1.txt"


def write(folder: Path, **contents: bytes) -> list[Path]:
    paths = [folder / f"{name}.txt" for name in contents]
    for path, content in zip(paths, contents.values(), strict=True):
        path.write_bytes(content)
    return paths


def documents_of(*files: Path) -> list[list[str]]:
    return list(TextFiles(files).documents())


def test_a_document_goes_on_in_the_next_file_unless_a_blank_line_ends_it(tmp_path):
    files = write(tmp_path, a=b"one\n\ntwo\n", b=b"three\n \n", c=b"four")
    assert documents_of(*files) == [["one"], ["two", "three"], ["four"]]


def test_compressed_files_are_known_by_their_first_bytes(tmp_path):
    content = GOLDEN_DOCUMENTS.read_bytes()
    # Two members, as `cat a.gz b.gz` makes them, and no suffix.
    half = len(content) // 2
    packed = gzip.compress(content[:half]) + gzip.compress(content[half:])
    assert documents_of(*write(tmp_path, packed=packed)) == documents_of(GOLDEN_DOCUMENTS)


@pytest.mark.parametrize(
    "content, message",
    [
        (gzip.compress(b"It rains .\n" * 999)[:-12], "a.txt: the file cannot be read (Compressed file ended before"),
        (b"\x1f\x8b\x08\x00broken, and not at all compressed", "a.txt: the file cannot be read ("),
        (gzip.compress(gzip.compress(b"It rains .")), "a.txt:1: the file is compressed with gzip"),
        (b"one\ntwo\n\xe9t\xe9\n", "a.txt:3: byte 0xe9 is not UTF-8 (in Windows-1252, cp1252, it is 'é')"),
        ("It rains .\n".encode("utf-16"), "a.txt:1: the file is UTF-16; save it as a text file in UTF-8"),
        (b"one\ntw\0o\n", "a.txt:2: there is a NUL character in the line; remove it"),
        (b"x" * (17 << 20), "a.txt:1: the line has more than 16 MiB; check that it is a text"),
    ],
)
def test_a_file_that_is_no_text_is_one_line(tmp_path, content, message):
    with pytest.raises(UserError, match=re.escape(message)):
        documents_of(*write(tmp_path, a=content))


def test_a_missing_file_or_a_folder_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"none\.txt: there is no such file; check input_file"):
        TextFiles([tmp_path / "none.txt"])
    with pytest.raises(UserError, match="Is a directory"):
        documents_of(tmp_path)


def test_files_without_text_are_counted(tmp_path):
    texts = TextFiles(write(tmp_path, a=b"", b=b"one\n", c=b"\n \n\t\n"))
    assert list(texts.documents()) == [["one"]]
    assert [path.name for path in texts.empty] == ["a.txt", "c.txt"]
    assert texts.bytes_read == texts.total_bytes == 9


@pytest.mark.parametrize("packed", [False, True])
def test_what_was_read_grows_from_document_to_document(packed, tmp_path):
    content = b"".join(b"%d\n" % random.Random(number).getrandbits(999) + b"\n" for number in range(5000))
    texts = TextFiles(write(tmp_path, a=gzip.compress(content) if packed else content, b=b"one\n"))
    found = [texts.bytes_read / texts.total_bytes for _ in texts.documents()]
    # A compressed file is read in parts of many lines.
    np.testing.assert_allclose(found[:-1], np.linspace(0, 1, 5000), atol=0.2 if packed else 0.01)
    assert found[-1] == 1.0


def test_lines_and_documents_without_pieces_are_counted():
    found = tokenized([["a b", ""], ["", ""], ["c"]], lambda texts: [text.split() for text in texts])
    assert found == ([[["a", "b"]], [["c"]]], 3, 1)


def test_shards_have_all_documents_in_order_whatever_their_size(tmp_path):
    random_lengths = random.Random(0)
    lines = [f"sentence {number}" + "\n" * random_lengths.choice((1, 1, 1, 2)) for number in range(500)]
    files = write(tmp_path, a="".join(lines).encode())
    whole = documents_of(*files)
    for size in (1_000, 3_000, 10**9):
        shards = list(shards_of(TextFiles(files), size))
        assert [shard.number for shard in shards] == list(range(len(shards)))
        assert [document for shard in shards for document in shard.documents] == whole
        sizes = [sum(bytes_of(line) for document in shard.documents for line in document) for shard in shards]
        assert all(size <= found < size + 300 for found in sizes[:-1])
    assert shards[0] == single_shard(TextFiles(files))


def test_a_document_that_is_longer_than_a_shard_is_cut_and_counted(tmp_path):
    texts = TextFiles(write(tmp_path, a=b"0123456789\n" * 10 + b"\nshort\n\nshort\n"))
    shards = list(shards_of(texts, 25))
    assert [len(shard.documents[0]) for shard in shards] == [3, 3, 3, 1]
    assert shards[-1].documents[1:] == [["short"], ["short"]]
    assert texts.num_cut == 1


def test_each_seed_gives_each_shard_random_draws_of_its_own():
    recipes = [Recipe(Path("vocab.txt"), True, None, seed, InstanceSettings()) for seed in (1, 2, 3)]
    draws = {recipe.rng_of_shard(number).random() for recipe in recipes for number in range(20)}
    assert len(draws) == 60
    # A command that continues draws what the killed one would have drawn, with whatever version of this program.
    assert recipes[0].rng_of_shard(7).random() == 0.5628704542068789


def test_a_shard_has_another_digest_if_a_line_or_a_blank_line_changes(tmp_path):
    contents = {"a": b"one\ntwo\n", "b": b"one\n\ntwo\n", "c": b"onetwo\n", "d": b"one two\n", "e": b"one\r\ntwo"}
    digests = [single_shard(TextFiles([path])).sha256 for path in write(tmp_path, **contents)]
    assert len(set(digests)) == 4 and digests[0] == digests[-1]
