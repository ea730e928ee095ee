import csv
import doctest
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import ROOT

from bert_tf.data import processors
from bert_tf.data.examples import InputExample
from bert_tf.data.processors import (
    PROCESSORS,
    ColaProcessor,
    DataProcessor,
    MnliProcessor,
    MrpcProcessor,
    XnliProcessor,
)
from bert_tf.data.tsv import TsvFile
from bert_tf.errors import UserError

GLUE_HEADER = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"
GLUE_TRAIN = (
    "\ufeff" + GLUE_HEADER + '1\t11\t12\t" Yes , " he said .\tHe said " yes .\n0\t21\t22\tRain fell .\tSnow fell .\n'
)
EXPORT_TRAIN = '""" Yes , "" he said ."\t"He said "" yes ."\t1\nRain fell .\tSnow fell .\t0\n'
TRAIN_EXAMPLES = [
    InputExample("train-1", '" Yes , " he said .', 'He said " yes .', "1"),
    InputExample("train-2", "Rain fell .", "Snow fell .", "0"),
]
LINE_ENDS_OF_UNICODE = "a\u2028b\x0bc\x0cd\x85e\u2029f\x1cg"


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def mrpc_error(folder: Path, content: str | bytes) -> str:
    """The message for a bad train.tsv of MRPC, without the path that it must begin with."""
    path = write(folder / "train.tsv", content)
    with pytest.raises(UserError) as caught:
        MrpcProcessor().get_train_examples(folder)
    message = str(caught.value)
    assert message.startswith(f"{path}:") and "; " in message and "\n" not in message
    return message.removeprefix(f"{path}:")


@pytest.fixture(scope="module")
def glue_dir() -> Path:
    if "GLUE_DIR" not in os.environ:
        pytest.skip("GLUE_DIR is not set: it names the folder that holds GLUE's tasks")
    return Path(os.environ["GLUE_DIR"])


@pytest.fixture(scope="module")
def export_dir(glue_dir: Path) -> Path:
    folder = glue_dir.resolve().parent / "notebook_export"
    if not folder.is_dir():
        pytest.skip("there is no notebook_export beside GLUE_DIR: MRPC as pandas exports it")
    return folder


def original_lines(path: Path) -> list[list[str]]:
    """The lines as the original's _read_tsv gives them."""
    with path.open(encoding="utf-8", newline="\n") as file:
        return list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize(("set_type", "count"), [("train", 3668), ("dev", 408), ("test", 1725)])
def test_real_mrpc_gives_the_examples_of_the_original(glue_dir, set_type, count):
    examples = getattr(MrpcProcessor(), f"get_{set_type}_examples")(glue_dir / "MRPC")
    lines = original_lines(glue_dir / "MRPC" / f"{set_type}.tsv")[1:]
    assert len(examples) == count
    assert examples == [
        InputExample(f"{set_type}-{i}", line[3], line[4], "0" if set_type == "test" else line[0])
        for i, line in enumerate(lines, start=1)
    ]


@pytest.mark.parametrize("set_type", ["train", "dev"])
def test_real_mrpc_and_its_export_give_the_same_examples(glue_dir, export_dir, set_type):
    get = getattr(MrpcProcessor(), f"get_{set_type}_examples")
    assert get(glue_dir / "MRPC") == get(export_dir)


@pytest.mark.parametrize(("set_type", "count"), [("train", 8551), ("dev", 1043), ("test", 1063)])
def test_real_cola_gives_the_examples_of_the_original(glue_dir, set_type, count):
    examples = getattr(ColaProcessor(), f"get_{set_type}_examples")(glue_dir / "CoLA")
    lines = list(enumerate(original_lines(glue_dir / "CoLA" / f"{set_type}.tsv")))
    assert len(examples) == count
    if set_type == "test":
        assert examples == [InputExample(f"test-{i}", line[1], None, "0") for i, line in lines[1:]]
    else:
        assert examples == [InputExample(f"{set_type}-{i}", line[3], None, line[1]) for i, line in lines]


@pytest.mark.parametrize("content", [GLUE_TRAIN, EXPORT_TRAIN], ids=["glue", "export"])
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: text.removeprefix("\ufeff"),
        lambda text: "\ufeff" + text.removeprefix("\ufeff"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.removesuffix("\n"),
        lambda text: text.replace("\n", "\r\n").removesuffix("\r\n"),
    ],
    ids=["as is", "no BOM", "BOM", "CRLF", "no final newline", "CRLF, no final one"],
)
def test_both_forms_of_mrpc_give_the_same_examples_whatever_the_line_ends(tmp_path, content, change):
    write(tmp_path / "train.tsv", change(content))
    assert MrpcProcessor().get_train_examples(tmp_path) == TRAIN_EXAMPLES


@pytest.mark.parametrize(
    "content",
    [
        "index\t#1 ID\t#2 ID\t#1 String\t#2 String\n0\t1\t2\tA .\tB .\n1\t1\t2\tC .\tD .\n",
        "A .\tB .\t-1\nC .\tD .\t1\n",
    ],
    ids=["glue", "export"],
)
def test_a_test_set_of_mrpc_gets_the_dummy_label(tmp_path, content):
    write(tmp_path / "test.tsv", content)
    expected = [InputExample("test-1", "A .", "B .", "0"), InputExample("test-2", "C .", "D .", "0")]
    assert MrpcProcessor().get_test_examples(tmp_path) == expected


def test_an_export_whose_first_fields_hold_tabs_and_line_ends_is_not_taken_for_glue(tmp_path):
    write(tmp_path / "train.tsv", 'A\t"b\tc\td\te"\t1\n"x\ny\r\nz\rw"\tB\t0\n')
    examples = MrpcProcessor().get_train_examples(tmp_path)
    assert [(e.guid, e.text_a, e.text_b) for e in examples] == [
        ("train-1", "A", "b\tc\td\te"),
        ("train-2", "x\ny\r\nz\rw", "B"),
    ]


@pytest.mark.parametrize("form", ["1\t1\t2\t{}\tB\n", "{}\tB\t1\n"], ids=["glue", "export"])
def test_line_ends_of_unicode_and_long_texts_are_text(tmp_path, form):
    limit = csv.field_size_limit()
    header = GLUE_HEADER if form.startswith("1") else ""
    texts = [LINE_ENDS_OF_UNICODE, "long " * limit, "it 's \\ fine"]
    write(tmp_path / "train.tsv", header + "".join(form.format(text) for text in texts))
    assert [example.text_a for example in MrpcProcessor().get_train_examples(tmp_path)] == texts
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        ("", 1, "the file is empty"),
        ("\ufeff", 1, "the file is empty"),
        (GLUE_HEADER, 1, "no rows below the header"),
        (GLUE_TRAIN + "1\t31\t32\tA\n", 4, "4 columns where 5 are needed"),
        (GLUE_TRAIN + "1\t31\t32\tA\tB\tC\n", 4, "6 columns where 5 are needed"),
        (GLUE_TRAIN + "\n", 4, "1 column where 5 are needed"),
        (GLUE_TRAIN + "2\t31\t32\tA\tB\n", 4, "column 1: unknown label '2'; use one of the known ones: 0, 1"),
        (GLUE_TRAIN + "1\t31\t32\tA\rC\tB\n", 4, "carriage return"),
        (GLUE_TRAIN.removeprefix("\ufeff" + GLUE_HEADER), 1, "without the header line"),
        (EXPORT_TRAIN + "A\tB\n", 3, "2 columns where 3 are needed"),
        (EXPORT_TRAIN + "A\tB\t1\t1\n", 3, "4 columns where 3 are needed"),
        (EXPORT_TRAIN + "\n", 3, "0 columns where 3 are needed"),
        (EXPORT_TRAIN + "A\tB\t-1\n", 3, "column 3: unknown label '-1'; use one of the known ones: 0, 1"),
        (EXPORT_TRAIN + "A\rC\tB\t1\n", 3, "carriage return"),
        (EXPORT_TRAIN + 'A\rC\t"B"\t1\n', 3, "carriage return"),
        (EXPORT_TRAIN + 'A\t"B\t1\nC\tD\t0\n', 3, "a quoted field begins here and is not closed"),
        (
            EXPORT_TRAIN + 'A\t"B\t1\nC\tD\t0\n' + EXPORT_TRAIN,
            3,
            "a quoted field begins here and is not closed",
        ),
        (EXPORT_TRAIN + '"A" C\tB\t1\n', 3, "a quoted field begins here and is not closed"),
        (EXPORT_TRAIN + '"A\n""A"""\t"B\t1\n', 4, "a quoted field begins here and is not closed"),
        ('"A\n\nA"\t"B\nB"\t1\nC\tD\t7\n', 5, "unknown label '7'"),
        (EXPORT_TRAIN.encode() + b"A \xe9\tB\t1\n", 3, "byte 0xe9 is not UTF-8"),
        (GLUE_TRAIN.encode("utf-16"), 1, "byte 0xff is not UTF-8"),
        (GLUE_TRAIN + "1\t31\t32\tA\0\tB\n", 4, "NUL"),
        (EXPORT_TRAIN + "A\0\tB\t1\n", 3, "NUL"),
    ],
)
def test_a_bad_file_is_told_in_one_line_with_its_line_number(tmp_path, content, line, what):
    message = mrpc_error(tmp_path, content)
    assert message.startswith(f"{line}: ") and what in message


def test_crlf_does_not_change_line_numbers(tmp_path):
    assert mrpc_error(tmp_path, (EXPORT_TRAIN + "A\tB\t9\n").replace("\n", "\r\n")).startswith("3: ")
    assert mrpc_error(tmp_path, (GLUE_TRAIN + "9\t1\t2\tA\tB\n").replace("\n", "\r\n")).startswith("4: ")


def test_an_unclosed_quote_in_a_large_export_is_found_quickly(tmp_path):
    assert mrpc_error(tmp_path, 'A\t"B\t1\n' + 'He said "" yes\tB\t1\n' * 200_000).startswith("1: ")


def test_what_is_no_file_is_told_in_one_line(tmp_path):
    with pytest.raises(UserError, match=r"train\.tsv: there is no such file; check data_dir"):
        MrpcProcessor().get_train_examples(tmp_path)
    with pytest.raises(UserError, match=r"missing.*train\.tsv: there is no such file"):
        ColaProcessor().get_train_examples(tmp_path / "missing")
    (tmp_path / "dev.tsv").mkdir()
    with pytest.raises(UserError, match=r"dev\.tsv: the file cannot be read \(Is a directory\); check data_dir"):
        MrpcProcessor().get_dev_examples(tmp_path)
    path = write(tmp_path / "test.tsv", "A\tB\t1\n")
    with pytest.raises(UserError, match=r"cannot be read \(Not a directory\); check data_dir"):
        ColaProcessor().get_test_examples(str(path))


def test_cola_has_a_header_only_in_its_test_set(tmp_path):
    write(tmp_path / "train.tsv", 'x\t1\t\tThe "dog runs .\nx\t0\t*\tDog the runs .\n')
    write(tmp_path / "test.tsv", "index\tsentence\n0\tA cat .\n")
    processor = ColaProcessor()
    assert processor.get_labels() == ["0", "1"]
    assert processor.get_train_examples(tmp_path) == [
        InputExample("train-0", 'The "dog runs .', None, "1"),
        InputExample("train-1", "Dog the runs .", None, "0"),
    ]
    assert processor.get_test_examples(tmp_path) == [InputExample("test-1", "A cat .", None, "0")]


def mnli_row(number: int, *labels: str) -> str:
    return "\t".join([str(number), *"bcdefgh", f"Premise {number} .", f"Hypothesis {number} .", *labels]) + "\n"


def test_mnli_takes_the_number_the_texts_and_the_last_column(tmp_path):
    write(tmp_path / "train.tsv", "header\n" + mnli_row(31193, "neutral", "entailment"))
    write(tmp_path / "dev_matched.tsv", "header\n" + mnli_row(5, *["neutral"] * 5, "contradiction"))
    write(tmp_path / "test_matched.tsv", "header\n" + mnli_row(9))
    processor = MnliProcessor()
    assert processor.get_labels() == ["contradiction", "entailment", "neutral"]
    assert processor.get_train_examples(tmp_path) == [
        InputExample("train-31193", "Premise 31193 .", "Hypothesis 31193 .", "entailment")
    ]
    assert processor.get_dev_examples(tmp_path) == [
        InputExample("dev_matched-5", "Premise 5 .", "Hypothesis 5 .", "contradiction")
    ]
    assert processor.get_test_examples(tmp_path) == [
        InputExample("test-9", "Premise 9 .", "Hypothesis 9 .", "contradiction")
    ]


def test_a_row_of_mnli_without_its_label_is_told(tmp_path):
    path = write(tmp_path / "train.tsv", "header\n" + mnli_row(1, "neutral") + mnli_row(2))
    with pytest.raises(UserError) as caught:
        MnliProcessor().get_train_examples(tmp_path)
    assert str(caught.value).startswith(f"{path}:3: the row has 10 columns where at least 11 are needed; ")


def xnli_row(language: str, label: str) -> str:
    return "\t".join([language, label, *"cdef", f"{language} one .", f"{language} two ."]) + "\n"


def test_xnli_takes_one_language_and_spells_contradiction_in_one_way(tmp_path):
    write(tmp_path / "multinli/multinli.train.zh.tsv", "premise\thypo\tlabel\n一 。\t二 。\tcontradictory\n")
    rows = xnli_row("de", "neutral") + xnli_row("zh", "entailment") + xnli_row("fr", "neutral")
    write(tmp_path / "xnli.dev.tsv", "header\n" + rows + xnli_row("zh", "neutral"))
    processor = XnliProcessor()
    assert processor.get_train_examples(tmp_path) == [InputExample("train-1", "一 。", "二 。", "contradiction")]
    assert processor.get_dev_examples(tmp_path) == [
        InputExample("dev-2", "zh one .", "zh two .", "entailment"),
        InputExample("dev-4", "zh one .", "zh two .", "neutral"),
    ]
    processor.language = "fr"
    assert [example.guid for example in processor.get_dev_examples(tmp_path)] == ["dev-3"]
    processor.language = "sw"
    with pytest.raises(UserError, match=r"xnli\.dev\.tsv:1: there are no rows with 'sw' in column 1; "):
        processor.get_dev_examples(tmp_path)
    with pytest.raises(UserError, match="XnliProcessor has no test set"):
        processor.get_test_examples(tmp_path)


def test_the_tasks_of_the_original_are_there_with_their_metrics():
    assert {name: processor().metrics for name, processor in PROCESSORS.items()} == {
        "cola": ("accuracy",),
        "mnli": ("accuracy",),
        "mrpc": ("accuracy", "f1"),
        "xnli": ("accuracy",),
    }


def test_a_users_task_with_quoted_files_is_one_short_class(tmp_path):
    class TicketProcessor(DataProcessor):
        labels = ("billing", "other")
        train = TsvFile("tickets.tsv", text_a=1, label=-1, header=True, quoted=True)
        label_aliases = {"bill": "billing"}  # noqa: RUF012

    write(tmp_path / "tickets.tsv", 'id\ttext\ttopic\n7\t"My ""bill""\nis wrong"\tbill\n')
    expected = [InputExample("train-1", 'My "bill"\nis wrong', None, "billing")]
    assert TicketProcessor().get_train_examples(tmp_path) == expected


def test_the_examples_in_the_docstrings_run():
    results = doctest.testmod(processors)
    assert results.attempted > 3 and results.failed == 0


def test_reading_examples_needs_no_tensorflow():
    code = "import sys, bert_tf.data.processors; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_an_empty_text_is_an_example_as_in_the_original(tmp_path):
    (tmp_path / "dev.tsv").write_text('A\t""\t1\n', encoding="utf-8")
    assert MrpcProcessor().get_dev_examples(tmp_path) == [InputExample("dev-1", "A", "", "1")]
