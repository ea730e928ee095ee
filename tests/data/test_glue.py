"""The tasks of GLUE, from files in the published forms."""

import logging

import pytest
from support.corpora import write

from bert_tf.data.examples import InputExample
from bert_tf.data.folders import exported_dir
from bert_tf.data.processors import PROCESSORS, canonical_name, find_processor, glue_class
from bert_tf.errors import UserError

# The published files of each task in small: a row has every column of the real ones.
_MNLI_HEADER = (
    "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\tsentence2_parse"
    "\tsentence1\tsentence2"
)
_MNLI_ROW = "{}\t31193\t31193n\tgovernment\t( A . )\t( B . )\t(ROOT A)\t(ROOT B)\t{}\t{}"
_STSB_HEADER = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2"
_STSB_ROW = "{}\tmain-captions\tMSRvid\t2012test\t0001\tnone\tnone\t{}\t{}"


def read(task, folder, split):
    return getattr(find_processor(task), f"get_{split}_examples")(folder)


def lines(*rows):
    return "".join(f"{row}\n" for row in rows)


@pytest.mark.parametrize(
    ("task", "counts"),
    [
        ("CoLA", (8_551, 1_043, 1_063)),
        ("SST-2", (67_349, 872, 1_821)),
        ("MRPC", (3_668, 408, 1_725)),
        ("RTE", (2_490, 277, 3_000)),
    ],
)
def test_real_files_have_the_published_numbers_of_examples(glue_dir, task, counts):
    found = tuple(len(read(task, glue_dir / task, split)) for split in ("train", "dev", "test"))
    assert found == counts


@pytest.mark.parametrize("split", ["train", "dev"])
def test_a_label_and_both_texts_of_real_rte_and_sst_2_are_where_they_are_looked_for(glue_dir, split):
    rows = (glue_dir / "RTE" / f"{split}.tsv").read_text("utf-8").rstrip("\n").split("\n")[1:]
    fields = [row.split("\t") for row in rows]
    expected = [InputExample(f"{split}-{index}", a, b, label) for index, a, b, label in fields]
    assert read("RTE", glue_dir / "RTE", split) == expected
    rows = (glue_dir / "SST-2" / f"{split}.tsv").read_text("utf-8").rstrip("\n").split("\n")[1:]
    fields = [row.split("\t") for row in rows]
    expected = [InputExample(f"{split}-{number}", a, None, label) for number, (a, label) in enumerate(fields, start=1)]
    assert read("SST-2", glue_dir / "SST-2", split) == expected


@pytest.mark.parametrize("task", ["CoLA", "SST-2", "MRPC", "RTE"])
def test_the_real_test_sets_can_be_submitted(glue_dir, task):
    find_processor(task).check_test_set(read(task, glue_dir / task, "test"))


def test_sst_2_has_the_text_first_and_an_index_only_in_its_test_set(tmp_path):
    write(tmp_path / "train.tsv", lines("sentence\tlabel", '" warm " and funny \t1', "a bore \t0"))
    write(tmp_path / "test.tsv", lines("index\tsentence", "0\tuneasy mishmash .", '1\t"no"'))
    assert read("SST-2", tmp_path, "train") == [
        InputExample("train-1", '" warm " and funny ', None, "1"),
        InputExample("train-2", "a bore ", None, "0"),
    ]
    assert read("SST-2", tmp_path, "test") == [
        InputExample("test-0", "uneasy mishmash .", None, "0"),
        InputExample("test-1", '"no"', None, "0"),
    ]


def test_sts_b_has_scores_that_are_numbers(tmp_path):
    rows = [_STSB_ROW.format(0, "A plane .", '"An air plane" .') + "\t5.000", _STSB_ROW.format(1, "A", "B") + "\t3.8"]
    write(tmp_path / "train.tsv", lines(_STSB_HEADER + "\tscore", *rows))
    write(tmp_path / "test.tsv", lines(_STSB_HEADER, _STSB_ROW.format(0, "A girl .", "A boy .")))
    assert read("STS-B", tmp_path, "train") == [
        InputExample("train-0", "A plane .", '"An air plane" .', 5.0),
        InputExample("train-1", "A", "B", 3.8),
    ]
    assert read("STS-B", tmp_path, "test") == [InputExample("test-0", "A girl .", "A boy .", 0.0)]


def test_a_score_of_sts_b_that_is_no_number_is_reported_with_its_line(tmp_path):
    rows = [_STSB_ROW.format(0, "A", "B") + "\t5.000", _STSB_ROW.format(1, "A", "B") + "\tfour"]
    path = write(tmp_path / "dev.tsv", lines(_STSB_HEADER + "\tscore", *rows))
    with pytest.raises(UserError, match=r"column 10: the label 'four' is no number") as caught:
        read("STS-B", tmp_path, "dev")
    assert str(caught.value).startswith(f"{path}:3: ")


QQP_HEADER = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate"


def test_qqp_has_its_id_first_and_fewer_columns_in_its_test_set(tmp_path):
    write(tmp_path / "dev.tsv", lines(QQP_HEADER, '201359\t303345\t303346\tWhy "x"?\tWhy y?\t0'))
    write(tmp_path / "test.tsv", lines("id\tquestion1\tquestion2", "0\tWould it ?\tCan it ?"))
    assert read("QQP", tmp_path, "dev") == [InputExample("dev-201359", 'Why "x"?', "Why y?", "0")]
    assert read("QQP", tmp_path, "test") == [InputExample("test-0", "Would it ?", "Can it ?", "0")]


def qqp_rows(count):
    return [f"{number}\t1\t2\tWhy {number} ?\tHow {number} ?\t{number % 2}" for number in range(count)]


@pytest.mark.parametrize("line_end", ["\n", "\r", "\r\n"])
def test_rows_of_qqp_in_pieces_are_left_out_and_counted(tmp_path, caplog, line_end):
    rows = qqp_rows(400)
    rows[7] = f"7\t1\t2\tWhy does{line_end}a line end ?\tHow 7 ?\t1"
    path = write(tmp_path / "train.tsv", lines(QQP_HEADER, *rows))
    examples = read("QQP", tmp_path, "train")
    assert [each.guid for each in examples] == [f"train-{number}" for number in range(400) if number != 7]
    assert caplog.messages[-1].startswith(f"{path}: 399 examples; ")
    assert caplog.messages[-1].endswith("; skipped 2 rows with fewer than 6 columns, the first in line 9.")
    assert caplog.records[-1].levelno == logging.WARNING


def test_a_file_of_qqp_with_many_short_rows_is_refused(tmp_path):
    write(tmp_path / "train.tsv", lines(QQP_HEADER, *qqp_rows(4), "4\t1\t2\tWhy does"))
    with pytest.raises(UserError, match=r"train\.tsv:6: the row has 4 columns, but at least 6 are needed"):
        read("QQP", tmp_path, "train")


def test_quotes_of_qqp_are_characters_even_where_they_look_like_those_of_csv(tmp_path):
    rows = ['0\t1\t2\t"Why ""x"" ?"\t"How\t1', '1\t1\t2\tIs it"\t"Is ""it"" ?"\t0']
    write(tmp_path / "train.tsv", lines(QQP_HEADER, *rows))
    assert [(each.text_a, each.text_b) for each in read("QQP", tmp_path, "train")] == [
        ('"Why ""x"" ?"', '"How'),
        ('Is it"', '"Is ""it"" ?"'),
    ]


def test_a_short_row_of_qqps_test_set_is_an_error_because_every_row_is_submitted(tmp_path):
    write(tmp_path / "test.tsv", lines("id\tquestion1\tquestion2", *(f"{n}\tA ?\tB ?" for n in range(300)), "300\tA ?"))
    with pytest.raises(UserError, match=r"test\.tsv:302: the row has 2 columns, but at least 3 are needed"):
        read("QQP", tmp_path, "test")


def write_mnli(folder):
    write(
        folder / "train.tsv",
        lines(_MNLI_HEADER + "\tlabel1\tgold_label", _MNLI_ROW.format(7, "A .", "B .") + "\tx\tneutral"),
    )
    for kind in ("matched", "mismatched"):
        dev = _MNLI_ROW.format(3, f"A {kind} .", "B .") + "\tx" * 5 + "\tentailment"
        write(
            folder / f"dev_{kind}.tsv",
            lines(_MNLI_HEADER + "\tlabel1\tlabel2\tlabel3\tlabel4\tlabel5\tgold_label", dev),
        )
        write(folder / f"test_{kind}.tsv", lines(_MNLI_HEADER, _MNLI_ROW.format(0, f"C {kind} .", '"D" .')))


@pytest.mark.parametrize(("task", "kind"), [("MNLI", "matched"), ("MNLI-MM", "mismatched")])
def test_mnli_is_evaluated_on_its_matched_sets_and_mnli_mm_on_the_others(tmp_path, task, kind):
    write_mnli(tmp_path)
    assert read(task, tmp_path, "train") == [InputExample("train-7", "A .", "B .", "neutral")]
    assert read(task, tmp_path, "dev") == [InputExample(f"dev_{kind}-3", f"A {kind} .", "B .", "entailment")]
    assert read(task, tmp_path, "test") == [InputExample("test-0", f"C {kind} .", '"D" .', "contradiction")]


@pytest.mark.parametrize(
    ("task", "names", "label", "label_id"),
    [
        ("QNLI", "question\tsentence", "not_entailment", 1),
        ("RTE", "sentence1\tsentence2", "not_entailment", 1),
        ("WNLI", "sentence1\tsentence2", "1", 1),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_tasks_with_an_index_two_texts_and_a_label_are_read(tmp_path, task, names, label, label_id, line_end):
    text = lines(f"index\t{names}\tlabel", f'0\tWhen "did" it ?\t"It" did .\t{label}').replace("\n", line_end)
    write(tmp_path / "dev.tsv", text)
    write(tmp_path / "test.tsv", lines(f"index\t{names}", "0\tWho ?\tHe .").replace("\n", line_end))
    assert read(task, tmp_path, "dev") == [InputExample("dev-0", 'When "did" it ?', '"It" did .', label)]
    first = find_processor(task).get_labels()[0]
    assert read(task, tmp_path, "test") == [InputExample("test-0", "Who ?", "He .", first)]
    assert find_processor(task).get_labels()[label_id] == label


def test_the_diagnostic_set_has_the_labels_of_mnli_and_only_a_test_set(tmp_path):
    write(tmp_path / "diagnostic.tsv", lines("index\tsentence1\tsentence2", "0\tThe cat sat .\tIt sat ."))
    assert find_processor("AX").get_labels() == find_processor("MNLI").get_labels()
    assert read("AX", tmp_path, "test") == [InputExample("test-0", "The cat sat .", "It sat .", "contradiction")]
    for split, flag in (("train", "do_train"), ("dev", "do_eval")):
        with pytest.raises(UserError, match=f"AxProcessor: the task has no .* set; run without --{flag}"):
            read("AX", tmp_path, split)


@pytest.mark.parametrize(("task", "labels"), [("RTE", ["entailment", "not_entailment"]), ("STS-B", ["5.0", "0.2"])])
def test_an_export_of_a_task_on_pairs_may_have_two_texts_and_a_label_alone(tmp_path, task, labels):
    write(tmp_path / "train.tsv", f'"A ""b"" ."\tC .\t{labels[0]}\nD .\tE .\t{labels[1]}\n')
    write(tmp_path / "test.tsv", "A .\tB .\nC .\tD .\n")
    examples = read(task, tmp_path, "train")
    assert [(each.text_a, each.text_b, str(each.label)) for each in examples] == [
        ('A "b" .', "C .", labels[0]),
        ("D .", "E .", labels[1]),
    ]
    assert [(each.guid, each.text_b) for each in read(task, tmp_path, "test")] == [("test-0", "B ."), ("test-1", "D .")]


@pytest.mark.parametrize(
    ("task", "content"),
    [
        ("SST-2", "a warm film .\t-1\na bore .\t-1\n"),
        ("RTE", "No weapons .\tWeapons .\t-1\nRain .\tSnow .\t-1\n"),
    ],
)
def test_a_test_set_whose_first_column_is_no_index_is_refused(tmp_path, task, content):
    path = write(tmp_path / "test.tsv", content)
    with pytest.raises(
        UserError, match=r"is no index of a row; GLUE's file has . columns, the first of them an index"
    ) as caught:
        read(task, tmp_path, "test")
    assert str(caught.value).startswith(f"{path}: '{content.split(chr(9))[0]}'")


NAMES = {
    "AX": ["ax", "Diagnostic"],
    "CoLA": ["cola", "COLA", "CoLA"],
    "SST-2": ["sst2", "SST2", "sst-2", "SST_2", "sst 2"],
    "MRPC": ["mrpc"],
    "STS-B": ["stsb", "STSB", "sts_b"],
    "QQP": ["qqp"],
    "MNLI": ["mnli", "MNLI-m", "mnli_matched"],
    "MNLI-MM": ["mnli-mm", "mnlimm", "MNLI_mismatched"],
    "QNLI": ["qnli"],
    "RTE": ["rte"],
    "WNLI": ["wnli"],
}


@pytest.mark.parametrize(("task", "name"), [(task, name) for task, names in NAMES.items() for name in names])
def test_a_task_of_glue_is_found_however_its_name_is_written(task, name):
    assert type(find_processor(name)) is glue_class(name) is PROCESSORS[task]
    assert canonical_name(name) == task


@pytest.mark.parametrize(
    ("name", "folder"), [("sst2", "SST-2"), ("MNLI-MM", "MNLI"), ("ax", "diagnostic"), ("xnli", "XNLI")]
)
def test_an_exported_corpus_has_the_folder_that_glue_gives_it(name, folder):
    assert exported_dir(name).name == folder


def test_a_task_of_ones_own_comes_before_the_other_names_of_glues(monkeypatch):
    monkeypatch.setitem(PROCESSORS, "sst2", PROCESSORS["XNLI"])
    assert type(find_processor("sst2")) is PROCESSORS["XNLI"]
    assert glue_class("sst2") is None and canonical_name("sst2") == "SST2"
    assert canonical_name("SST-2") == "SST-2"


def wnli_test_set(order):
    return [InputExample(f"test-{number}", "A .", "B .", "0") for number in order]


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        (range(145), r"the test set has 145 rows, but GLUE's has 146; pass --data_dir=\$GLUE_DIR/WNLI"),
        ([1, 0, *range(2, 146)], "in the test set test-0 follows test-1; keep its rows in GLUE's order"),
    ],
)
def test_another_test_set_than_glues_cannot_be_submitted(order, problem):
    with pytest.raises(UserError, match=f"^glue_submission: {problem}"):
        find_processor("WNLI").check_test_set(wnli_test_set(order))


def test_glues_test_set_can_be_submitted():
    find_processor("WNLI").check_test_set(wnli_test_set(range(146)))
