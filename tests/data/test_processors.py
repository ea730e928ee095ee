"""The tasks of the original, from their files to examples."""

import csv
import doctest
import subprocess
import sys
from pathlib import Path

import pytest
from support.corpora import EXPORT_TRAIN, GLUE_HEADER, GLUE_TRAIN, write
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
    find_processor,
)
from bert_tf.data.tsv import TsvFile
from bert_tf.errors import UserError

TRAIN_EXAMPLES = [
    InputExample("train-1", '" Yes , " he said .', 'He said " yes .', "1"),
    InputExample("train-2", "Rain fell .", "Snow fell .", "0"),
]


def mrpc_error(folder: Path, content: str | bytes) -> str:
    """The message for a bad train.tsv of MRPC, without the path at its beginning."""
    path = write(folder / "train.tsv", content)
    with pytest.raises(UserError) as caught:
        MrpcProcessor().get_train_examples(folder)
    message = str(caught.value)
    assert message.startswith(f"{path}:") and "; " in message and "\n" not in message
    return message.removeprefix(f"{path}:")


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


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        ("", 1, "the file is empty"),
        (GLUE_TRAIN + "2\t31\t32\tA\tB\n", 4, "column 1: unknown label '2'; use one of the task's: 0, 1"),
        (GLUE_TRAIN.removeprefix("\ufeff" + GLUE_HEADER), 1, "the header line of GLUE's MRPC files is missing"),
        (EXPORT_TRAIN + "A\tB\n", 3, "the row has 2 columns, but 3 are needed"),
        (EXPORT_TRAIN + "A\tB\t-1\n", 3, "column 3: unknown label '-1'; use one of the task's: 0, 1"),
        ('"A\n\nA"\t"B\nB"\t1\nC\tD\t7\n', 5, "unknown label '7'"),
    ],
)
def test_a_bad_file_is_reported_in_one_line_with_its_line_number(tmp_path, content, line, what):
    message = mrpc_error(tmp_path, content)
    assert message.startswith(f"{line}: ") and what in message


def test_crlf_does_not_change_line_numbers(tmp_path):
    assert mrpc_error(tmp_path, (EXPORT_TRAIN + "A\tB\t9\n").replace("\n", "\r\n")).startswith("3: ")
    assert mrpc_error(tmp_path, (GLUE_TRAIN + "9\t1\t2\tA\tB\n").replace("\n", "\r\n")).startswith("4: ")


def test_a_path_that_is_not_a_file_is_reported_in_one_line(tmp_path):
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


def test_a_row_of_mnli_without_its_label_is_reported(tmp_path):
    path = write(tmp_path / "train.tsv", "header\n" + mnli_row(1, "neutral") + mnli_row(2))
    with pytest.raises(UserError) as caught:
        MnliProcessor().get_train_examples(tmp_path)
    assert str(caught.value).startswith(f"{path}:3: the row has 10 columns, but at least 11 are needed; ")


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
    with pytest.raises(UserError, match="XnliProcessor: the task has no test set; run without --do_predict"):
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


@pytest.mark.parametrize("name", ["Capital", "capital", "CAPITAL"])
def test_a_task_is_found_whatever_the_capitals_of_its_name(monkeypatch, name):
    monkeypatch.setitem(PROCESSORS, "Capital", ColaProcessor)
    assert type(find_processor(name)) is ColaProcessor


def test_two_tasks_that_differ_in_capitals_are_found_by_their_exact_names(monkeypatch):
    monkeypatch.setitem(PROCESSORS, "CoLA", MnliProcessor)
    assert type(find_processor("CoLA")) is MnliProcessor
    assert type(find_processor("cola")) is ColaProcessor


@pytest.mark.parametrize("name", ["coal", "", None, 7, ["mrpc"]])
def test_an_unknown_task_is_one_line_with_the_known_ones(name):
    with pytest.raises(UserError) as caught:
        find_processor(name)
    assert str(caught.value) == f"task_name: {name!r} is unknown; known: cola, mnli, mrpc, xnli"


def test_an_object_in_place_of_a_class_is_named(monkeypatch):
    monkeypatch.setitem(PROCESSORS, "cola", ColaProcessor())
    with pytest.raises(UserError, match=r"PROCESSORS\['CoLA'\]: is not a class; enter the class itself"):
        find_processor("CoLA")
