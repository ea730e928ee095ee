"""A file that is read from the disk again each time reads as one in memory, in little memory."""

import csv
import itertools
import json
import multiprocessing
import resource
from pathlib import Path

import pytest
from support.own_files import ALL_FILES

from bert_tf.data.columns import WantedColumns
from bert_tf.data.own_files import open_source
from bert_tf.data.texts import Text, TextOnDisk, read_whole
from bert_tf.errors import UserError

ROWS = 600_000
# The first 4 million characters are kept, and two blocks with their rows.
PEAK = 24 << 20


def found(path: Path, read: type[Text]) -> object:
    """All rows of a file, or the error."""
    try:
        source = open_source(path, WantedColumns(), read)
        return [source.columns, source.remarks, list(source.whole_rows())]
    except UserError as error:
        return str(error)


def test_files_in_all_forms_read_the_same_in_memory_and_from_the_disk(tmp_path):
    for number, file in enumerate(ALL_FILES):
        path = tmp_path / f"{number}-{file.name}"
        path.write_bytes(file.content)
        assert found(path, TextOnDisk) == found(path, read_whole), file.id


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Path:
    """A folder with 600,000 rows as CSV, TSV and JSON lines, 20 to 30 MB each."""
    folder = tmp_path_factory.mktemp("large")
    rows = [[str(number), f'He said "{number}",\nnot more'] for number in range(1000)]
    for name, delimiter in (("x.csv", ","), ("x.tsv", "\t")):
        with (folder / name).open("w", newline="") as file:
            writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
            writer.writerow(["id", "text"])
            for _ in range(ROWS // 1000):
                writer.writerows(rows)
    lines = "".join(json.dumps({"id": number, "text": text}) + "\n" for number, text in rows)
    with (folder / "x.jsonl").open("w") as file:
        file.writelines(itertools.repeat(lines, ROWS // 1000))
    return folder


def count_and_measure(path: Path) -> tuple[int, int]:
    """The number of rows whose text has two lines, and the memory that it took to count them."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    source = open_source(path, WantedColumns(), TextOnDisk)
    count = sum(1 for _, row in source.rows() if row[1].count("\n") == 1)
    return count, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10


@pytest.mark.slow
@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.jsonl"])
def test_rows_of_a_file_larger_than_its_start_are_read_to_the_end_in_little_memory(large, name):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        count, peak = pool.apply(count_and_measure, (large / name,))
    assert count == ROWS
    assert peak < PEAK, peak


@pytest.mark.slow
def test_a_mistake_far_behind_the_start_is_named_with_its_line(large, tmp_path):
    content = (large / "x.csv").read_bytes()
    content = content[: content.rfind(b'"\n', 0, 5 << 20) + 2]
    lines = content.count(b"\n")
    for end, message in (
        (b"1,\xe4\n", f"x.csv:{lines + 1}: byte 0xe4 is not UTF-8"),
        (b"1,a\x00\n", f"x.csv:{lines + 1}: there is a NUL character"),
        (b'1,a\n2,"b\n3,c\n', f"x.csv:{lines + 2}: a quoted field begins here and is not closed"),
        (b"1,a,b\n", f"x.csv:{lines + 1}: the row has 3 columns, but line 1 has 2"),
    ):
        (tmp_path / "x.csv").write_bytes(content + end)
        assert message in str(found(tmp_path / "x.csv", TextOnDisk))


def test_a_raw_file_whose_start_has_an_odd_number_of_double_quotes_stays_raw(tmp_path):
    row = '15" screen\tgood\n'
    (tmp_path / "x.tsv").write_text("text\tlabel\n" + row + "a text\tbad\n" * 400_000)
    text = TextOnDisk(tmp_path / "x.tsv")
    assert len(text.start) >= 4 << 20
    source = open_source(tmp_path / "x.tsv", WantedColumns(), TextOnDisk)
    assert not source.is_quoted and next(source.rows()) == (2, ['15" screen', "good"])


def test_a_start_ends_with_a_whole_row(tmp_path):
    # Rows of 100,001 lines in quotes: the first 4 million characters end inside one.
    row = '"' + "a line\n" * 100_000 + 'end",good\n'
    (tmp_path / "x.csv").write_text("text,label\n" + row * 10)
    assert TextOnDisk(tmp_path / "x.csv").start.endswith('end",good\n')


def test_a_line_that_has_no_end_is_refused(tmp_path):
    with (tmp_path / "x.csv").open("wb") as file:
        file.truncate(20 << 20)
    with pytest.raises(UserError, match=r"x\.csv:1: the line has more than 16 MiB"):
        TextOnDisk(tmp_path / "x.csv")


def test_missing_and_empty_files_are_named(tmp_path):
    (tmp_path / "empty.csv").touch()
    for name, message in (
        ("none.csv", "none.csv: there is no such file; check the path"),
        ("empty.csv", "empty.csv:1: the file is empty"),
        (".", "cannot be read"),
    ):
        with pytest.raises(UserError, match=message):
            TextOnDisk(tmp_path / name)


def test_an_object_of_json_lines_keeps_keys_that_the_first_lacks(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"text": "a"}\n{"id": 7, "text": "b"}\n')
    rows = list(open_source(tmp_path / "x.jsonl", WantedColumns(), TextOnDisk).whole_rows())
    assert [(row.values, list(row.names), list(row.cells)) for row in rows] == [
        (["a"], ["text"], ["a"]),
        (["b"], ["id", "text"], [7, "b"]),
    ]
