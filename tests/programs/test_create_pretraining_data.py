"""`python scripts/create_pretraining_data.py`: the original's records, for files of all kinds; mistakes in one line."""

import functools
import gzip
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support.commands import Command, assert_one_error_line, become_script
from support.paths import GOLDEN, ROOT, SCRIPTS

from bert_tf.data.pretraining_file import record_writers
from bert_tf.data.pretraining_shards import Made
from bert_tf.data.vocabulary import load_vocab
from bert_tf.errors import UserError
from bert_tf.programs.create_pretraining_data import create_pretraining_data
from bert_tf.programs.pretraining_data_config import PretrainingDataConfig
from bert_tf.programs.pretraining_output import OutputFiles, opened_record
from bert_tf.remote import as_path

become_create = functools.partial(become_script, script=SCRIPTS / "create_pretraining_data.py")
FOLDER = GOLDEN / "pretraining_data"
VOCAB_FILE = GOLDEN / "squad_programs" / "inputs" / "vocab.txt"
INDEX = json.loads((FOLDER / "index.json").read_text())


def create(**flags: object) -> Made:
    return create_pretraining_data(PretrainingDataConfig(**{"vocab_file": VOCAB_FILE, **flags}))


def start(folder: Path, **flags: object) -> Command:
    """The program in a process of its own."""
    return Command(folder / "command", [f"--{name}={value}" for name, value in flags.items()], become_create)


@pytest.fixture
def flags(tmp_path) -> dict[str, object]:
    """Of a command that makes several shards in little time."""
    return {
        "input_file": f"{FOLDER}/docs_1.txt,{FOLDER}/docs_2.txt",
        "output_file": str(tmp_path / "new" / "x.tfrecord"),
        "do_lower_case": True,
        "max_seq_length": 40,
        "max_predictions_per_seq": 6,
        "dupe_factor": 2,
        "shard_megabytes": 0.001,
    }


@pytest.fixture
def folder(flags) -> Path:
    return Path(flags["output_file"]).parent


def write_texts(folder: Path, text: str) -> str:
    (folder / "texts.txt").write_text(text, encoding="utf-8")
    return str(folder / "texts.txt")


def contents_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("[!.]*"))}


def read_records(path: Path) -> list[tf.train.Example]:
    return [tf.train.Example.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(path))]


def arrays_of(path: Path) -> dict[str, np.ndarray]:
    """The features of all records of a file, by name."""
    columns = {}
    for record in read_records(path):
        for name, feature in record.features.feature.items():
            columns.setdefault(name, []).append(
                (feature.int64_list if feature.int64_list.value else feature.float_list).value
            )
    return {name: np.array(column) for name, column in columns.items()}


@pytest.mark.parametrize("name", INDEX)
def test_records_are_those_of_the_original(name, tmp_path):
    setting = INDEX[name]
    outputs = [tmp_path / f"{number}.tfrecord" for number in range(len(setting["outputs"]))]
    files = ",".join(str(FOLDER / file) for file in setting["input_files_in_order"])
    create(input_file=files, output_file=",".join(map(str, outputs)), **setting["flags"])
    assert sorted(tmp_path.glob("[!.]*")) == outputs
    for output, expected in zip(outputs, setting["outputs"], strict=True):
        assert output.stat().st_size == expected["bytes_of_tfrecord"]
        with np.load(FOLDER / expected["file"]) as arrays:
            found = arrays_of(output)
            assert found.keys() == set(arrays)
            for key, array in arrays.items():
                np.testing.assert_array_equal(found[key], array)


def test_records_of_the_original_and_ours_have_the_same_features(tmp_path):
    files = f"{FOLDER}/docs_1.txt,{FOLDER}/docs_2.txt"
    create(input_file=files, output_file=str(tmp_path / "ours.tfrecord"), **INDEX["pretraining"]["flags"])
    assert read_records(tmp_path / "ours.tfrecord") == read_records(FOLDER / "pretraining_0.tfrecord")


def test_the_examples_of_a_shard_are_of_its_own_documents(flags, folder, tmp_path):
    texts = "\n".join(f"The {noun} sank .\nThe {noun} burned .\n" for noun in ("lamp", "dog", "ship"))
    made = create(**{**flags, "input_file": write_texts(tmp_path, texts), "shard_megabytes": 2e-5})
    files = sorted(folder.glob("[!.]*"))
    assert [path.name for path in files] == [f"x-0000{number}.tfrecord" for number in range(3)]
    ids = [arrays_of(path)["input_ids"] for path in files]
    assert made.examples == sum(map(len, ids)) and made.documents == 3 and made.sentences == 6
    vocab = load_vocab(VOCAB_FILE)
    lamps, dogs = ([(vocab[noun] == each).any() for each in ids] for noun in ("lamp", "dog"))
    assert lamps == [True, False, False] and dogs == [False, True, False]


def test_equal_shards_have_other_masks(flags, folder, tmp_path):
    texts = "The lamp sank .\nThe lamp burned .\n\n" * 2
    create(**{**flags, "input_file": write_texts(tmp_path, texts), "shard_megabytes": 2e-5})
    first, second = contents_of(folder).values()
    assert first != second


@pytest.mark.slow
def test_the_result_does_not_depend_on_the_number_of_workers(flags, folder):
    create(**flags)
    expected = contents_of(folder)
    create(**{**flags, "num_workers": 2, "output_file": str(folder / "two" / "x.tfrecord")})
    assert contents_of(folder / "two") == expected


def test_compressed_texts_give_the_same_examples(flags, folder, tmp_path):
    create(**flags)
    texts = b"".join((FOLDER / f"docs_{number}.txt").read_bytes() for number in (1, 2))
    (tmp_path / "docs").write_bytes(gzip.compress(texts))
    create(**{**flags, "input_file": str(tmp_path / "docs"), "output_file": str(tmp_path / "gz" / "x.tfrecord")})
    assert contents_of(tmp_path / "gz") == contents_of(folder)


def test_texts_and_examples_may_be_in_a_bucket(flags, folder):
    create(**flags)
    bucket = as_path("ram://create_pretraining_data")
    (bucket / "in").mkdir()
    for number in (1, 2):
        (bucket / "in" / f"docs_{number}.txt").write_bytes((FOLDER / f"docs_{number}.txt").read_bytes())
    change = {"input_file": f"{bucket}/in/docs_?.txt", "output_file": f"{bucket}/out/x.tfrecord"}
    made = create(**{**flags, **change})
    files = [path for path in (bucket / "out").iterdir() if path.name.startswith("x-")]
    assert {path.name: path.read_bytes() for path in files} == contents_of(folder)
    assert create(**{**flags, **change}) == made


def test_a_command_that_is_run_again_makes_only_what_is_missing(flags, folder):
    create(**flags)
    expected, times = contents_of(folder), {path: path.stat().st_mtime_ns for path in folder.glob("[!.]*")}
    (folder / "x-00001.tfrecord").unlink()
    (folder / "x-00003.tfrecord").write_bytes(b"cut")
    create(**flags)
    assert contents_of(folder) == expected
    changed = {path.name for path, time in times.items() if path.stat().st_mtime_ns != time}
    assert changed == {"x-00001.tfrecord", "x-00003.tfrecord"}


@pytest.mark.slow
def test_a_killed_command_continues_to_the_same_bytes(flags, folder, tmp_path):
    flags = {**flags, "vocab_file": VOCAB_FILE, "dupe_factor": 30}
    assert start(tmp_path, **flags).result().code == 0
    expected = contents_of(folder)
    killed = {**flags, "output_file": str(tmp_path / "killed" / "x.tfrecord")}
    start(tmp_path, **killed).kill_when((tmp_path / "killed" / "x-00001.tfrecord").exists)
    assert len(contents_of(tmp_path / "killed")) < len(expected)
    assert start(tmp_path, **killed).result().code == 0
    assert contents_of(tmp_path / "killed") == expected
    assert not list((tmp_path / "killed").glob(".x-*"))


@pytest.mark.parametrize("sharded", [True, False])
def test_files_of_other_texts_or_settings_stay_unless_they_may_be_replaced(flags, folder, tmp_path, sharded):
    flags = {**flags, "shard_megabytes": 0.001 if sharded else None}
    create(**flags)
    made = contents_of(folder)
    (tmp_path / "other.txt").write_bytes((FOLDER / "docs_2.txt").read_bytes())
    other = {"input_file": str(tmp_path / "other.txt")}
    for change, message in (
        ({"random_seed": 1}, "was made with other settings: random_seed was 12345, is 1; name another file, or pass"),
        (other, "was made of other texts; name another file, or pass --overwrite"),
    ):
        with pytest.raises(UserError, match=message):
            create(**{**flags, **change})
        assert contents_of(folder) == made
    create(**{**flags, **other}, overwrite=True)
    replaced = contents_of(folder)
    create(**{**flags, **other, "output_file": str(tmp_path / "fresh" / "x.tfrecord")})
    assert replaced == contents_of(tmp_path / "fresh") != made


def test_shards_of_more_texts_stay_unless_they_may_be_replaced(flags, folder, tmp_path):
    texts = [f"The {noun} sank .\nThe {noun} burned .\n" for noun in ("lamp", "dog", "ship")]
    flags = {**flags, "shard_megabytes": 2e-5}
    create(**{**flags, "input_file": write_texts(tmp_path, "\n".join(texts))})
    made = contents_of(folder)
    fewer = {**flags, "input_file": write_texts(tmp_path, "\n".join(texts[:2]))}
    with pytest.raises(UserError, match="was made of more texts; name another file, or pass --overwrite"):
        create(**fewer)
    assert contents_of(folder) == made
    create(**fewer, overwrite=True)
    assert contents_of(folder) == dict(list(made.items())[:2])


def test_every_setting_that_decides_the_examples_is_compared(flags, folder, tmp_path):
    create(**flags)
    made = contents_of(folder)
    (tmp_path / "vocab.txt").write_text(VOCAB_FILE.read_text(encoding="utf-8") + "more\n", encoding="utf-8")
    changes = {
        "do_lower_case": False,
        "do_whole_word_mask": True,
        "max_seq_length": 41,
        "max_predictions_per_seq": 7,
        "random_seed": 1,
        "dupe_factor": 3,
        "masked_lm_prob": 0.2,
        "short_seq_prob": 0.2,
        "shard_megabytes": 0.002,
        "vocab_file": str(tmp_path / "vocab.txt"),
    }
    for name, value in changes.items():
        with pytest.raises(UserError, match=f"was made with other settings: {name} was "):
            create(**{**flags, name: value})
        assert contents_of(folder) == made
    change = {"output_file": f"{folder}/a.tfrecord", "shard_megabytes": None}
    create(**{**flags, **change})
    with pytest.raises(UserError, match="was made with other settings: output_files was 1, is 2"):
        create(**{**flags, **change, "output_file": f"{folder}/a.tfrecord,{folder}/b.tfrecord"})


def test_what_a_killed_command_left_is_removed(flags, folder):
    folder.mkdir()
    (folder / ".x-00002.tfrecord.0123abcd").write_bytes(b"half")
    (folder / ".y-00002.tfrecord.0123abcd").write_bytes(b"of another command")
    create(**flags)
    assert [path.name for path in folder.glob(".?-*")] == [".y-00002.tfrecord.0123abcd"]


def test_a_file_of_somebody_else_stays_unless_it_may_be_replaced(flags, folder):
    folder.mkdir()
    mine = folder / "x-00007.tfrecord"
    mine.write_text("mine")
    with pytest.raises(UserError, match=r"x-00007\.tfrecord: is there already; name another file, or pass --overwrite"):
        create(**flags)
    assert mine.read_text() == "mine"
    create(**flags, overwrite=True)
    assert not mine.exists() and len(contents_of(folder)) == 6


@pytest.mark.parametrize(("is_sharded", "name"), [(False, "x.tfrecord"), (True, "x-00007.tfrecord")])
def test_a_file_stays_until_the_new_one_is_there_and_old_shards_do_not_mix_with_new_ones(is_sharded, name, tmp_path):
    (tmp_path / name).write_bytes(b"old")
    with opened_record(OutputFiles([tmp_path / "x.tfrecord"], is_sharded), {}, overwrite=True):
        assert (tmp_path / name).exists() != is_sharded


def test_an_error_while_files_are_written_leaves_what_was_there(tmp_path):
    path = tmp_path / "x.tfrecord"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), record_writers([path, tmp_path / "y.tfrecord"]) as writers:
        writers[0].write(b"new")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == [path] and path.read_bytes() == b"old"


@pytest.mark.parametrize(("is_sharded", "name"), [(False, "x.tfrecord"), (True, "x-00000.tfrecord")])
def test_a_command_that_ended_before_it_recorded_its_file_may_be_run_again(is_sharded, name, tmp_path):
    files = OutputFiles([tmp_path / "x.tfrecord"], is_sharded)
    with pytest.raises(KeyboardInterrupt), opened_record(files, {}, overwrite=False):
        (tmp_path / name).write_bytes(b"new")
        raise KeyboardInterrupt
    with pytest.raises(UserError, match="was made with other settings"), opened_record(files, {"a": 1}, False):
        pass
    with opened_record(files, {}, overwrite=False) as record:
        assert len(record) == 0


def test_a_file_that_is_written_after_a_command_failed_is_of_somebody_else(tmp_path):
    files = OutputFiles([tmp_path / "x.tfrecord"], is_sharded=False)
    with pytest.raises(KeyboardInterrupt), opened_record(files, {}, overwrite=False):
        raise KeyboardInterrupt
    (tmp_path / "x.tfrecord").write_bytes(b"mine")
    with pytest.raises(UserError, match="is there already"), opened_record(files, {}, overwrite=False):
        pass


def test_a_command_without_shards_keeps_what_is_known_of_shards(flags, folder):
    made = create(**flags)
    create(**{**flags, "shard_megabytes": None})
    times = {path: path.stat().st_mtime_ns for path in folder.glob("x-*")}
    assert create(**flags) == made
    assert {path: path.stat().st_mtime_ns for path in folder.glob("x-*")} == times


def test_an_output_file_that_is_named_twice_is_refused(flags, folder):
    path = folder / "x.tfrecord"
    names = f"{path},{folder}/../{folder.name}/x.tfrecord"
    with pytest.raises(UserError, match=r"x\.tfrecord: is named twice; name another file"):
        create(**{**flags, "shard_megabytes": None, "output_file": names})
    assert not folder.exists()


def test_two_commands_do_not_write_the_same_file(flags, folder):
    files = OutputFiles([Path(flags["output_file"])], is_sharded=True)
    with opened_record(files, {}, overwrite=False), pytest.raises(UserError, match="another process is writing it"):
        create(**flags)
    assert not contents_of(folder)


def test_a_broken_record_counts_as_none(flags, folder):
    create(**flags)
    record = folder / ".x.tfrecord.made" / "shards.json"
    for content in ("", "[]", "{}", json.dumps({**json.loads(record.read_text()), "shards": {"0": {"made": 1}}})):
        record.write_text(content)
        with pytest.raises(UserError, match="is there already"):
            create(**flags)


@pytest.mark.parametrize("shard_megabytes", [None, 0.001])
@pytest.mark.parametrize(
    "text, message",
    [
        ("", "texts.txt: there is no text; give texts, a sentence a line"),
        ("\n \n\t\n", "texts.txt: there is no text; give texts, a sentence a line"),
        ("\u200b\n\u200b\u200b\n", "input_file: no line has a word piece; give texts, a sentence a line"),
    ],
)
def test_texts_without_words_are_one_line(flags, folder, tmp_path, text, message, shard_megabytes):
    with pytest.raises(UserError, match=re.escape(message)):
        create(**{**flags, "input_file": write_texts(tmp_path, text), "shard_megabytes": shard_megabytes})
    assert not folder.exists() or not contents_of(folder)


@pytest.mark.parametrize(
    "text, message",
    [
        ("It rains.\n\nIt pours.\n", "No document has two sentences, so no second text follows the first one"),
        ("It rains.\nIt pours.\n", "The texts are one document: random second texts are of the same document"),
        ("It rains.\n\u200b\nIt pours.", "Dropped 1 line without a word piece.\n"),
        ("It rains.\n\u200b\n\n\u200b\n\nIt pours.", "Dropped 2 lines without a word piece, and with them 1 document."),
        ("天 地 玄 黄\n宇 宙\n", "% of the word pieces are [UNK]"),
    ],
)
def test_texts_from_which_a_model_learns_little_are_said(flags, tmp_path, caplog, text, message):
    create(**{**flags, "input_file": write_texts(tmp_path, text)})
    assert message in caplog.text


def test_shards_of_one_document_and_empty_files_are_counted(flags, tmp_path, caplog):
    (tmp_path / "empty.txt").write_text("")
    text = "\n".join(f"It rains {number} times .\nIt pours .\n{'It hails . ' * 50}\n" for number in range(4))
    files = f"{write_texts(tmp_path, text)},{tmp_path}/empty.txt"
    create(**{**flags, "input_file": files, "shard_megabytes": 0.0003})
    assert "4 shards of one document: random second texts are of the same document" in caplog.text
    assert f"input_file: 1 file without text: {tmp_path}/empty.txt." in caplog.text


def test_documents_that_are_longer_than_a_shard_are_counted(flags, tmp_path, caplog):
    create(**{**flags, "input_file": write_texts(tmp_path, "It rains .\n" * 100), "shard_megabytes": 0.0005})
    assert "Cut 1 document of more text than a shard." in caplog.text


def test_a_casing_that_the_vocabulary_contradicts_is_said(flags, tmp_path, caplog):
    pieces = VOCAB_FILE.read_text(encoding="utf-8").splitlines()
    uncased = [piece for piece in pieces if piece.startswith("[") or piece == piece.lower()]
    (tmp_path / "vocab.txt").write_text("\n".join(uncased), encoding="utf-8")
    create(**{**flags, "vocab_file": str(tmp_path / "vocab.txt"), "do_lower_case": False})
    assert f"do_lower_case=False contradicts {tmp_path}/vocab.txt, where 0 of " in caplog.text
    assert "words with capital letters become [UNK]" in caplog.text


def test_few_predictions_are_said(flags, caplog):
    create(**{**flags, "max_predictions_per_seq": 5})
    assert "max_predictions_per_seq: 5 is less than masked_lm_prob of max_seq_length, 6;" in caplog.text


def test_paragraphs_are_split_into_sentences(flags, tmp_path):
    pytest.importorskip("sentencex")
    lines = (FOLDER / "docs_2.txt").read_text().split("\n")
    sentences = ["Mrs. Vell rows.", "It rains on Jan. 5.", "She waits.", "Did it stop?"]
    made = [
        create(**{**flags, "input_file": write_texts(tmp_path, text), "output_file": str(tmp_path / name), **change})
        for name, text, change in (
            ("a", "\n".join([*lines, "", *sentences]), {}),
            ("b", "\n".join([*lines, "", " ".join(sentences)]), {"split_sentences": True}),
        )
    ]
    assert made[0].sentences <= made[1].sentences and made[0].pieces == made[1].pieces


def test_whether_and_how_sentences_are_split_is_compared(flags):
    pytest.importorskip("sentencex")
    create(**flags)
    for change, found in (({}, "en"), ({"language": "de"}, "de")):
        with pytest.raises(UserError, match=f"was made with other settings: split_sentences was None, is '{found}'"):
            create(**flags, split_sentences=True, **change)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"input_file": ""}, "input_file: is empty; give a path"),
        ({"output_file": ""}, "output_file: is empty; give a path"),
        ({"input_file": "none.txt"}, "input_file: none.txt: there is no such file; check the path"),
        ({"input_file": str(FOLDER)}, "is a folder; name its files, such as"),
        ({"output_file": "gs:/x"}, "output_file: 'gs:/x': has one slash after gs:"),
        ({"output_file": "/dev/null"}, "output_file: /dev/null: is not a regular file; name another one"),
        ({"output_file": str(FOLDER)}, "is a folder; name a file in it"),
        ({"input_file": f"{FOLDER}/docs_1.txt", "output_file": f"{FOLDER}/docs_1.txt"}, "is one of the input files"),
        ({"output_file": "a.tfrecord,b.tfrecord"}, "output_file: names several files; with shard_megabytes name one"),
        (
            {"num_workers": 4, "shard_megabytes": None},
            "num_workers: the workers need shards; pass --shard_megabytes=10",
        ),
        (
            {"runner": "DirectRunner", "shard_megabytes": None},
            "runner: the workers need shards; pass --shard_megabytes=10",
        ),
        (
            {"runner": "DirectRunner", "num_workers": 2},
            "num_workers: contradicts --runner; name the number of its workers",
        ),
        ({"beam_options": "--project=p"}, "beam_options: is only valid with --runner"),
        ({"language": "de"}, "language: is only valid with --split_sentences"),
        ({"language": "German", "split_sentences": True}, "language: is 'German'; give its ISO 639 code, such as de"),
        ({"num_workers": 0}, "num_workers: is 0; it must be at least 1"),
        ({"shard_megabytes": 0.0}, "shard_megabytes: is 0.0; it must be more than 0"),
        ({"max_seq_length": 4}, "max_seq_length: is 4; it must be at least 5"),
        ({"max_seq_length": 10**9}, "max_seq_length: is 1000000000; it must be at most 1048576"),
        ({"max_predictions_per_seq": 0}, "max_predictions_per_seq: is 0; it must be at least 1"),
        ({"dupe_factor": 0}, "dupe_factor: is 0; it must be at least 1"),
        ({"masked_lm_prob": 1.5}, "masked_lm_prob: is 1.5; it must be at most 1.0"),
        ({"short_seq_prob": float("nan")}, "short_seq_prob: is nan; it must be at least 0.0"),
        ({"vocab_file": "none.txt"}, "none.txt: cannot read the vocabulary (No such file or directory)"),
        ({"vocab_file": str(FOLDER / "docs_1.txt")}, "docs_1.txt: lacks [CLS]; give the vocabulary of a BERT"),
        ({"model": "m"}, "bert_model: contradicts --vocab_file; pass only one of them"),
        ({"vocab_file": None, "model": "no/such"}, "no/such: no such file or folder"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(flags, folder, change, message):
    with pytest.raises(UserError, match=re.escape(message)):
        create(**{**flags, **change})
    assert not folder.exists()


def test_a_model_without_room_for_the_examples_is_refused(flags, folder, tiny, tmp_path):
    tiny = shutil.copytree(tiny, tmp_path / "model")
    change = {"vocab_file": None, "model": str(tiny), "max_seq_length": 65}
    with pytest.raises(UserError, match="max_seq_length: 65 is more than the 64 positions of"):
        create(**{**flags, **change})
    (tiny / "vocab.txt").write_text((tiny / "vocab.txt").read_text() + "more\n")
    with pytest.raises(UserError, match=r"has 96 pieces, but .* has room for 95; give the vocabulary of this model"):
        create(**{**flags, **change, "max_seq_length": 64})
    assert not folder.exists()


def test_more_files_than_examples_are_refused(flags, folder, tmp_path):
    names = ",".join(str(folder / f"{number}.tfrecord") for number in range(4))
    texts = write_texts(tmp_path, "It rains.\n")
    with pytest.raises(UserError, match="names 4 files for 2 examples; name fewer files"):
        create(**{**flags, "input_file": texts, "output_file": names, "shard_megabytes": None})
    assert not contents_of(folder)


@pytest.mark.slow
def test_the_sample_corpus_is_used_if_no_texts_are_named(tmp_path, minilm_dir):
    result = start(tmp_path, output_file=tmp_path / "x.tfrecord", dupe_factor=1).result()
    assert result.code == 0 and f"using the sample corpus {ROOT}/data/sample/pretraining." in result.stderr
    assert "30 documents of 466 sentences." in result.stderr
    assert re.search(r"x\.tfrecord: 1\d\d examples\.", result.stderr)
    again = start(tmp_path, output_file=tmp_path / "x.tfrecord", dupe_factor=1).result()
    assert again.code == 0 and "made by an earlier command of the same texts with the same settings." in again.stderr


@pytest.mark.slow
def test_the_program_reports_a_mistake_in_one_line(tmp_path):
    result = start(tmp_path, input_file=FOLDER / "docs_1.txt", vocab_file=VOCAB_FILE, num_workers=2).result()
    assert_one_error_line(result, "num_workers: the workers need shards", "create_pretraining_data.py")
