"""The tasks of the original, from their files to examples."""

import csv
import doctest
import subprocess
import sys
from pathlib import Path

import pytest
from support.corpora import EXPORT_TRAIN, GLUE_TRAIN, write
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


@pytest.mark.parametrize("task", ["RTE", "SST-2"])
@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_glues_other_raw_files_keep_every_quote(glue_dir, task, split):
    lines = original_lines(glue_dir / task / f"{split}.tsv")[1:]
    texts = [lines[0].index(cell) for cell in lines[0] if " " in cell]
    file = TsvFile(f"{split}.tsv", texts[0], texts[1] if len(texts) > 1 else None)
    assert [row.fields for _, row in file.read(glue_dir / task)] == lines


@pytest.mark.slow
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
@pytest.mark.parametrize("split", ["train", "dev", "test"])
@pytest.mark.parametrize(("task", "processor"), [("MRPC", MrpcProcessor()), ("CoLA", ColaProcessor())])
def test_what_csv_writes_comes_back_with_the_same_texts(glue_dir, tmp_path, task, processor, split, quoting):
    lines = original_lines(glue_dir / task / f"{split}.tsv")
    with (tmp_path / f"{split}.tsv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter="\t", quoting=quoting).writerows(lines)
    read = getattr(processor, f"get_{split}_examples")
    assert read(tmp_path) == read(glue_dir / task)


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


@pytest.mark.parametrize(
    "content",
    [
        "A .\tB .\nC .\tD .\n",
        "sentence1\tsentence2\nA .\tB .\nC .\tD .\n",
        "sentence1\tsentence2\tlabel\nA .\tB .\t1\nC .\tD .\t\n",
        '"A ."\t"B ."\n"C ."\t"D ."\n',
        "0\t1\nA .\tB .\nC .\tD .\n\n \n\t\n",
    ],
    ids=["two columns", "two with a header", "three with a header", "two quoted", "two under numbers, blank lines"],
)
def test_an_exported_test_set_of_mrpc_may_lack_labels_and_have_a_header(tmp_path, content):
    write(tmp_path / "test.tsv", content)
    expected = [InputExample("test-1", "A .", "B .", "0"), InputExample("test-2", "C .", "D .", "0")]
    assert MrpcProcessor().get_test_examples(tmp_path) == expected


def test_a_training_set_of_mrpc_needs_its_labels(tmp_path):
    assert "the row has 2 columns, but 3 are needed" in mrpc_error(tmp_path, "A .\tB .\nC .\tD .\n")


def test_five_quoted_columns_are_glues_own_form(tmp_path):
    rows = [["Quality", "#1 ID", "#2 ID", "#1 String", "#2 String"], ["1", "a", "b", '" Yes , " he', "C\tD\nE"]]
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL):
        with (tmp_path / "train.tsv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter="\t", quoting=quoting).writerows(rows)
        expected = [InputExample("train-1", '" Yes , " he', "C\tD\nE", "1")]
        assert MrpcProcessor().get_train_examples(tmp_path) == expected


def test_a_missing_header_costs_no_example_and_is_reported(tmp_path, caplog):
    write(tmp_path / "MRPC/train.tsv", "1\tjunk\tjunk\tA .\tB .\n0\tjunk\tjunk\tC .\tD .\n")
    write(tmp_path / "CoLA/test.tsv", "0\tA cat .\n1\tCat a .\n")
    write(tmp_path / "MNLI/train.tsv", mnli_row(31, "neutral"))
    write(tmp_path / "XNLI/multinli/multinli.train.zh.tsv", "一 。\t二 。\tcontradictory\n三 。\t四 。\tneutral \n")
    assert MrpcProcessor().get_train_examples(tmp_path / "MRPC") == [
        InputExample("train-0", "A .", "B .", "1"),
        InputExample("train-1", "C .", "D .", "0"),
    ]
    assert [each.guid for each in ColaProcessor().get_test_examples(tmp_path / "CoLA")] == ["test-0", "test-1"]
    assert [each.guid for each in MnliProcessor().get_train_examples(tmp_path / "MNLI")] == ["train-31"]
    labels = [each.label for each in XnliProcessor().get_train_examples(tmp_path / "XNLI")]
    assert labels == ["contradiction", "neutral"]
    assert len(caplog.messages) == 4
    assert caplog.messages[1].endswith("CoLA/test.tsv: 2 examples; line 1 is data, there is no header.")


def test_a_header_before_cola_is_no_example(tmp_path, caplog):
    write(tmp_path / "train.tsv", "source\tlabel\tnotes\tsentence\nx\t1\t\tA cat .\n")
    assert ColaProcessor().get_train_examples(tmp_path) == [InputExample("train-1", "A cat .", None, "1")]
    assert caplog.messages[-1].endswith(
        "line 1 is the header (source, label, notes, sentence), though the task expects none."
    )


def test_what_was_read_is_one_line_of_the_log(tmp_path, caplog):
    path = write(tmp_path / "train.tsv", GLUE_TRAIN + "\n")
    with caplog.at_level("INFO", logger="absl"):
        MrpcProcessor().get_train_examples(tmp_path)
    header = "line 1 is the header (Quality, #1 ID, #2 ID, #1 String and 1 more)"
    assert caplog.messages == [f"{path}: 2 examples; {header}; skipped 1 blank line at the end."]


@pytest.mark.parametrize("columns", ["1\t11\t12\t{}\t{}\n", "{}\t{}\t1\n"], ids=["glue", "export"])
def test_raw_quotes_swallow_no_rows(tmp_path, columns):
    texts = [('" Yes', "B"), ('" No " , he said', "D"), ("E", 'F "'), ("G", '" H "')]
    write(tmp_path / "train.tsv", "".join(columns.format(*pair) for pair in texts))
    assert [(each.text_a, each.text_b) for each in MrpcProcessor().get_train_examples(tmp_path)] == texts


def test_an_export_that_could_be_raw_or_quoted_is_refused(tmp_path):
    message = mrpc_error(tmp_path, '"A\tB\t1\nC"\tD\t0\n"E\tF\t1\nG"\tH\t0\n')
    assert message.startswith("1: has 4 rows if its double quotes are characters, and 2 if they quote; ")


def test_a_test_set_that_could_have_three_or_five_columns_is_refused(tmp_path):
    write(tmp_path / "test.tsv", 'A\t"B\tC\tD"\t1\n' * 2)
    with pytest.raises(UserError, match=r"can be read with 5 or 3 columns; quote all fields, as csv\.QUOTE_ALL does"):
        MrpcProcessor().get_test_examples(tmp_path)


def test_a_text_that_repeats_the_names_of_columns_is_an_example(tmp_path):
    write(tmp_path / "train.tsv", "sentence1\tsentence2\t1\nA .\tB .\t0\n")
    assert MrpcProcessor().get_train_examples(tmp_path)[0] == InputExample("train-1", "sentence1", "sentence2", "1")


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
        (GLUE_TRAIN.replace("\t", ","), 1, "the columns are separated by commas; separate them by tabs"),
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
    with pytest.raises(UserError, match=r"xnli\.dev\.tsv:1: there are no rows with 'sw' in column 1, only with 'de', "):
        processor.get_dev_examples(tmp_path)
    (tmp_path / "xnli.dev.tsv").rename(tmp_path / "xnli.test.tsv")
    tested = [InputExample(f"test-{row}", "zh one .", "zh two .", "contradiction") for row in (2, 4)]
    assert XnliProcessor().get_test_examples(tmp_path) == tested


def test_the_tasks_of_the_original_are_there_with_their_metrics():
    assert {name: processor().metrics for name, processor in PROCESSORS.items()} == {
        "AX": ("accuracy",),
        "CoLA": ("matthews",),
        "MNLI": ("accuracy",),
        "MNLI-MM": ("accuracy",),
        "MRPC": ("accuracy", "f1"),
        "PAWS-X": ("accuracy",),
        "QNLI": ("accuracy",),
        "QQP": ("accuracy", "f1"),
        "RTE": ("accuracy",),
        "SST-2": ("accuracy",),
        "STS-B": ("pearson", "spearman"),
        "WNLI": ("accuracy",),
        "XNLI": (),
    }


def test_a_users_task_with_quoted_files_is_one_short_class(tmp_path):
    class TicketProcessor(DataProcessor):
        labels = ("billing", "other")
        train = TsvFile("tickets.tsv", text_a=1, label=-1, header=True, quoted=True)
        label_aliases = {"bill": "billing"}  # noqa: RUF012

    write(tmp_path / "tickets.tsv", 'id\ttext\ttopic\n7\t"My ""bill""\nis wrong"\tbill\n')
    expected = [InputExample("train-1", 'My "bill"\nis wrong', None, "billing")]
    assert TicketProcessor().get_train_examples(tmp_path) == expected


def test_the_examples_in_the_docstrings_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # they write files
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
    monkeypatch.setitem(PROCESSORS, "cola", MnliProcessor)
    assert type(find_processor("cola")) is MnliProcessor
    assert type(find_processor("CoLA")) is ColaProcessor


@pytest.mark.parametrize("name", ["coal", "", None, 7, ["mrpc"]])
def test_an_unknown_task_is_one_line_with_the_known_ones(name):
    with pytest.raises(UserError) as caught:
        find_processor(name)
    known = "AX, CoLA, MNLI, MNLI-MM, MRPC, PAWS-X, QNLI, QQP, RTE, SST-2, STS-B, WNLI, XNLI"
    assert str(caught.value) == f"task_name: {name!r} is unknown; known: {known}"


def test_an_object_in_place_of_a_class_is_named(monkeypatch):
    monkeypatch.setitem(PROCESSORS, "CoLA", ColaProcessor())
    with pytest.raises(UserError, match=r"PROCESSORS\['CoLA'\]: is not a class; enter the class itself"):
        find_processor("CoLA")


def test_a_processor_of_the_original_reads_rows_as_it_did(tmp_path):
    class Original(DataProcessor):
        def get_train_examples(self, data_dir):
            return self._create_examples(self._read_tsv(Path(data_dir) / "train.tsv"), "train")

        def get_labels(self):
            return ["0", "1"]

        def _create_examples(self, lines, set_type):
            return [
                InputExample(guid=f"{set_type}-{i}", text_a=line[1], text_b=None, label=line[0])
                for i, line in enumerate(lines)
                if i > 0
            ]

    path = write(tmp_path / "train.tsv", 'label\ttext\n1\tA "cat" .\n0\t"Cat\n\n')
    assert Original().get_train_examples(str(tmp_path)) == [
        InputExample("train-1", 'A "cat" .', None, "1"),
        InputExample("train-2", '"Cat', None, "0"),
    ]
    write(path, "'a\tb'\t'c''d'\n" + "x" * 200_000 + "\ty\n")
    assert Original._read_tsv(str(path), quotechar="'") == [["a\tb", "c'd"], ["x" * 200_000, "y"]]
    with pytest.raises(UserError, match=r"train\.tsv: cannot be split"):
        Original._read_tsv(path, quotechar="''")


def test_get_labels_alone_is_enough_and_an_overridden_one_counts(tmp_path):
    class Overridden(ColaProcessor):
        labels = ("x",)

        def get_labels(self):
            return ["no", "yes"]

    class Alone(DataProcessor):
        train = ColaProcessor.train

        def get_labels(self):
            return ["no", "yes"]

    write(tmp_path / "train.tsv", "x\tyes\t\tA cat .\n")
    write(tmp_path / "test.tsv", "index\tsentence\n0\tA cat .\n")
    assert Overridden().get_train_examples(tmp_path)[0].label == "yes"
    assert Overridden().get_test_examples(tmp_path)[0].label == "no"
    assert Alone().get_train_examples(tmp_path)[0].label == "yes"
    write(tmp_path / "train.tsv", "x\tx\t\tA cat .\n")
    with pytest.raises(UserError, match="unknown label 'x'; use one of the task's: no, yes"):
        Overridden().get_train_examples(tmp_path)
    with pytest.raises(UserError, match="Alone: the task has no development set; run without --do_eval"):
        Alone().get_dev_examples(tmp_path)
