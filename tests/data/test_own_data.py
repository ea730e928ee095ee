"""Own files as a task: splits, folders, and what is said about them."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from absl import logging

from bert_tf.data.columns import WantedColumns
from bert_tf.data.found_labels import LabelOptions, known_targets
from bert_tf.data.own_data import OwnDataOptions, OwnDataProcessor, files_of
from bert_tf.data.own_files import find_files, task_name_of
from bert_tf.data.processors import find_processor
from bert_tf.errors import UserError

ROWS = [(f"text {number}", ("bad", "good", "ok")[number % 3]) for number in range(60)]


def write(path: Path, rows: list[tuple[str, str]] = ROWS, header: str = "review,stars") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jsonl":
        names = header.split(",")
        path.write_text("".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows))
    else:
        separator = "\t" if path.suffix == ".tsv" else ","
        path.write_text("".join(separator.join(row) + "\n" for row in [header.split(","), *rows]))
    return path


def task(train: Path | None, dev: Path | None = None, test: Path | None = None, **options: object) -> OwnDataProcessor:
    files = find_files(*(path and str(path) for path in (train, dev, test)))
    return OwnDataProcessor(files_of(files), OwnDataOptions(**options))


def texts(examples: list) -> list[str]:
    return [example.text_a for example in examples]


def test_without_a_dev_file_a_tenth_of_each_class_is_held_out_the_same_each_time(tmp_path):
    path = write(tmp_path / "reviews.csv")
    first, again = task(path), task(path)
    assert len(first.get_train_examples()) == 54 and len(first.get_dev_examples()) == 6
    assert sorted(example.label for example in first.get_dev_examples()) == ["bad", "bad", "good", "good", "ok", "ok"]
    assert first.get_dev_examples() == again.get_dev_examples()
    assert sorted(texts(first.get_train_examples() + first.get_dev_examples())) == sorted(text for text, _ in ROWS)
    assert task(path, split_seed=1).get_dev_examples() != first.get_dev_examples()


@pytest.mark.parametrize("separator", [",", ";", "|"])
def test_a_model_of_many_labels_reads_the_file_that_it_was_trained_on(tmp_path, separator):
    rows = [(f"text {number}", separator.join(("x", "y", "z")[number % 3 :])) for number in range(60)]
    path = write(tmp_path / "a.tsv", rows)
    trained = task(path, labels=LabelOptions(multi_label=True))
    known = known_targets("multi_label", trained.get_labels(), separator=None)
    assert trained.get_dev_examples() == task(path, known=known).get_dev_examples()


def test_with_a_dev_file_nothing_is_held_out(tmp_path):
    found = task(write(tmp_path / "a.csv"), write(tmp_path / "b.jsonl", ROWS[:6]))
    assert len(found.get_train_examples()) == 60 and texts(found.get_dev_examples()) == texts_of(ROWS[:6])


def texts_of(rows: list[tuple[str, str]]) -> list[str]:
    return [text for text, _ in rows]


@pytest.mark.parametrize("dev", ["dev.csv", "validation.jsonl", "valid.tsv", "VAL.csv"])
def test_a_folder_has_a_file_for_each_split(tmp_path, dev):
    write(tmp_path / "train.tsv")
    write(tmp_path / dev, ROWS[:9])
    write(tmp_path / "test.jsonl", ROWS[:3])
    (tmp_path / "README.md").write_text("about")
    found = task(tmp_path)
    assert len(found.get_train_examples()) == 60
    assert texts(found.get_dev_examples()) == texts_of(ROWS[:9])
    assert texts(found.get_test_examples()) == texts_of(ROWS[:3])


def test_a_test_file_needs_no_labels_and_its_labels_are_not_looked_at(tmp_path):
    train = write(tmp_path / "reviews.csv")
    for header, rows in (("review", [("a",), ("b",)]), ("review,stars", [("a", "?"), ("b", "")])):
        found = task(train, test=write(tmp_path / "test.csv", rows, header)).get_test_examples()
        assert [(each.guid, each.text_a, each.label) for each in found] == [
            ("test-1", "a", "bad"),
            ("test-2", "b", "bad"),
        ]


def test_a_dev_file_may_call_its_columns_otherwise(tmp_path):
    dev = write(tmp_path / "dev.csv", ROWS[:4], "text,label")
    assert texts(task(write(tmp_path / "reviews.csv"), dev).get_dev_examples()) == texts_of(ROWS[:4])


def test_columns_that_the_user_named_hold_for_all_files(tmp_path):
    wanted = WantedColumns(text="Kommentar", label="Urteil")
    train, dev = (write(tmp_path / f"{name}.csv", ROWS, "Kommentar,Urteil") for name in ("train", "dev"))
    assert len(task(train, dev, wanted=wanted).get_dev_examples()) == 60


def test_what_was_taken_for_what_is_one_line(tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "info", lambda text, *values: lines.append(text % values))
    path = write(tmp_path / "reviews.csv")
    task(path).get_train_examples()
    assert lines == [
        f"{path}: 60 examples; text is the column 'review', label is 'stars' (3 classes: bad, good, ok); 6 of "
        "them held out as the dev set."
    ]


def test_a_line_counts_the_texts_of_the_dev_set_that_are_also_trained_on(tmp_path, caplog):
    dev = [("Text 1 ", "bad"), ("text 2", "bad"), ("new", "ok")]
    for rows in (dev, dev[2:]):
        task(write(tmp_path / "a.csv"), write(tmp_path / "b.csv", rows)).get_dev_examples()
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        f"{tmp_path}/b.csv: 2 of 3 texts are in {tmp_path}/a.csv too; the scores of these say little about new texts."
    ]


def test_a_line_counts_equal_texts_with_different_labels(tmp_path, caplog):
    task(write(tmp_path / "a.csv")).get_train_examples()
    task(write(tmp_path / "c.csv", [*ROWS, ("Text 7", "ok"), ("text 7", "bad"), ("text 8", "ok")])).get_train_examples()
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        f"{tmp_path}/c.csv: 1 text has more than one label, such as 'text 7'."
    ]


@pytest.mark.parametrize(
    ("path", "name"), [("reviews.csv", "reviews"), ("a/train.csv", "a"), ("a/b.c.jsonl", "b.c"), ("train", "train")]
)
def test_the_name_of_the_task_is_that_of_the_file_or_else_of_its_folder(path, name):
    assert task_name_of(Path(path)) == name


def test_mistakes_with_files_are_one_line(tmp_path):
    train = write(tmp_path / "reviews.csv")
    write(tmp_path / "two" / "train.csv")
    write(tmp_path / "two" / "train.tsv")
    write(tmp_path / "none" / "data.csv")
    write(tmp_path / "only_dev" / "dev.csv")
    (tmp_path / "x.xlsx").write_bytes(b"PK\x03\x04")
    (tmp_path / "x.csv.gz").write_bytes(b"\x1f\x8b")
    for use, message in [
        (lambda: task(tmp_path / "two"), "two: has train.csv, train.tsv for the train split; keep one of them there"),
        (lambda: task(tmp_path / "none"), "none: there is no train.csv, dev.csv or test.csv (or .tsv, .jsonl) in it"),
        (lambda: task(tmp_path / "only_dev").get_labels(), "train_file: is missing; pass --train_file=FILE"),
        (lambda: task(tmp_path / "no.csv").get_labels(), "no.csv: there is no such file; check the path"),
        (lambda: task(tmp_path / "x.xlsx").get_labels(), "x.xlsx: is .xlsx, which is not read; save it as CSV"),
        (lambda: task(tmp_path / "x.csv.gz").get_labels(), "x.csv.gz: is compressed; save it as CSV"),
        (lambda: task(train, tmp_path / "two").get_dev_examples(), "two: is a folder; name a file in it"),
        (lambda: task(train, dev_split=0.0).get_dev_examples(), "dev_split: 0 of the training set gives no example"),
        (lambda: task(train).get_test_examples(), "test_file: is missing; pass --test_file=FILE"),
        (
            lambda: task(train, write(tmp_path / "d.csv", [("a", "b")])).get_dev_examples(),
            "d.csv:2: column 'stars': unk",
        ),
    ]:
        with pytest.raises(UserError) as caught:
            use()
        assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["SST-2", "RTE", "MRPC"])
def test_folders_of_glue_are_read_without_their_names_as_with_them(glue_dir, name):
    own, known = task(glue_dir / name), find_processor(name)
    for split in ("train", "dev", "test"):
        found, wanted = (getattr(each, f"get_{split}_examples")(glue_dir / name) for each in (own, known))
        assert [(x.text_a, x.text_b, x.label) for x in found] == [(x.text_a, x.text_b, x.label) for x in wanted]


READ_IN_A_PROCESS = """
import sys
from pathlib import Path
from bert_tf.data.own_data import OwnDataOptions, OwnDataProcessor, files_of
from bert_tf.data.own_files import OwnFiles
from bert_tf.tasks.example_reader import ExampleReader
assert "tensorflow" not in sys.modules
reader = ExampleReader(OwnDataProcessor(files_of(OwnFiles(train=Path(sys.argv[1]))), OwnDataOptions()))
train, dev = reader.read("train", ""), reader.read("dev", "")
# Not getrusage, which counts what the starting process had.
print(len(train), len(dev), Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="only Linux says how much memory a process took")
def test_rows_of_short_text_take_a_few_hundred_bytes_each(tmp_path):
    pick = random.Random(0)
    path = tmp_path / "reviews.csv"
    with path.open("w") as file:
        file.write("text,label\n")
        file.writelines(f'"This, and {number}",{pick.choice("abc")}\n' for number in range(300_000))
    found = subprocess.run([sys.executable, "-c", READ_IN_A_PROCESS, path], capture_output=True, text=True, check=True)
    train, dev, kilobytes = map(int, found.stdout.split())
    # 160 MB; the InputExamples alone are 75.
    assert (train, dev) == (270_000, 30_000) and kilobytes < 250_000
