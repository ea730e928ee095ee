"""The flags of run_classifier.py that other programs do not have, and the folders that follow from them."""

import json
import shutil
from pathlib import Path

import pytest

from bert_tf.data.columns import WantedColumns
from bert_tf.errors import UserError
from bert_tf.programs import run_classifier
from bert_tf.programs.classifier_config import ClassifierConfig
from bert_tf.programs.own_task import find_processor_of, own_data_options
from bert_tf.programs.run_classifier import check_scores_are_kept, read_examples, with_defaults
from bert_tf.training.config import resume_differences, resume_fields


@pytest.mark.parametrize("name", ["SST-2", "sst2", "Sst_2"])
def test_a_task_of_glue_has_one_name_however_it_is_written(name):
    config = ClassifierConfig(task_name=name, do_train=True, data_dir="data")
    assert config.task_name == "SST-2"
    assert Path(with_defaults(config).output_dir).parts[:2] == ("output", "SST-2")


def test_a_run_of_an_earlier_version_is_resumed_under_glues_name():
    config = ClassifierConfig(task_name="CoLA", do_train=True)
    for earlier in ("cola", "COLA", "CoLA"):
        assert resume_differences(config, {**resume_fields(config), "task_name": earlier}) == []
    assert resume_differences(config, {**resume_fields(config), "task_name": "RTE"})


def test_another_task_keeps_the_name_that_was_given_and_has_its_folder_in_capitals():
    config = ClassifierConfig(task_name="xnli", do_train=True, data_dir="data")
    assert config.task_name == "xnli"
    assert Path(with_defaults(config).output_dir).parts[:2] == ("output", "XNLI")


@pytest.mark.parametrize(("name", "folder"), [("sst2", "SST-2"), ("MNLI-MM", "MNLI"), ("ax", "diagnostic")])
def test_without_data_one_line_says_where_to_get_it(name, folder, monkeypatch):
    monkeypatch.setattr(run_classifier, "exported_dir", lambda task_name: Path("nowhere"))
    config = ClassifierConfig(task_name=name, do_predict=True)
    with pytest.raises(UserError) as caught:
        with_defaults(config)
    assert str(caught.value) == (
        f"data_dir: there is no nowhere; `python scripts/export_glue.py {config.task_name}` gets it, or pass "
        f"--data_dir=$GLUE_DIR/{folder}"
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"task_name": "RTE", "do_eval": True}, "glue_submission: only valid with --do_predict"),
        ({"task_name": "xnli", "do_predict": True}, "glue_submission: xnli is no task of GLUE's leaderboard"),
    ],
)
def test_a_submission_needs_the_predictions_of_a_task_of_glue(flags, message):
    with pytest.raises(UserError, match=f"^{message}"):
        ClassifierConfig(glue_submission=True, **flags)


def evaluation(folder: Path, task_name: str, trained: object, **flags: bool) -> ClassifierConfig:
    (folder / "run.json").write_text(json.dumps({"training": trained}))
    return ClassifierConfig(task_name=task_name, output_dir=folder, **({"do_eval": True} | flags))


def test_scores_of_one_task_of_glue_are_not_replaced_by_those_of_another(tmp_path):
    config = evaluation(tmp_path, "mnli-mm", {"task_name": "mnli"})
    with pytest.raises(UserError) as caught:
        check_scores_are_kept(config)
    assert str(caught.value) == (
        f"output_dir: {tmp_path}: holds a run of mnli, and an evaluation on MNLI-MM would replace its scores; "
        f"pass --bert_model={tmp_path} and another --output_dir"
    )


@pytest.mark.parametrize(
    ("task_name", "trained", "flags"),
    [
        ("mnli", {"task_name": "MNLI"}, {}),
        ("AX", {"task_name": "MNLI"}, {"do_eval": False, "do_predict": True}),
        ("MNLI", {"task_name": "xnli"}, {}),
        ("xnli", {"task_name": "MNLI"}, {}),
        ("MNLI", {}, {}),
        ("MNLI", None, {}),
    ],
)
def test_all_other_evaluations_and_predictions_may_use_the_folder(tmp_path, task_name, trained, flags):
    check_scores_are_kept(evaluation(tmp_path, task_name, trained, **flags))


@pytest.mark.parametrize("name", [".", "..", "a/b", "a\nb", "a\x1bb", " a", "reviews\0"])
def test_a_name_that_no_folder_should_have_is_refused(name):
    with pytest.raises(UserError, match=r"task_name: .* is no name for a folder; use letters and digits"):
        ClassifierConfig(task_name=name, do_train=True, train_file="reviews.csv")


@pytest.mark.parametrize("name", ["my  reviews (new)", "نمی\u200cشود", "-x", "MRPC"])
def test_the_name_of_a_file_may_be_odd(name):
    assert ClassifierConfig(do_train=True, train_file=f"data/{name}.csv").task_name == name


def test_an_empty_name_is_none():
    assert ClassifierConfig(task_name="", do_train=True, train_file="reviews.csv").task_name == "reviews"


def test_a_share_to_hold_out_contradicts_the_dev_file_of_a_folder(tmp_path):
    for name in ("train.csv", "dev.csv"):
        (tmp_path / name).write_text("text,label\na,x\nb,y\n")
    config = ClassifierConfig(data_dir=str(tmp_path), do_train=True, dev_split=0.2, model="m", output_dir="o")
    with pytest.raises(UserError, match=r"dev_split: contradicts .*dev\.csv, the dev set; leave the flag out"):
        find_processor_of(config)


def test_the_folder_of_another_task_of_glue_is_named(tmp_path):
    folder = tmp_path / "MRPC"
    folder.mkdir()
    (folder / "train.tsv").write_text(
        "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t2\t3\tIt rains .\tRain falls .\n"
    )
    copy = shutil.copytree(folder, tmp_path / "other")
    for data_dir, message in [
        (folder, "MRPC: is the folder of MRPC, not of SST-2; pass --data_dir=$GLUE_DIR/SST-2, or --task_name=MRPC"),
        (copy, "other/train.tsv:2: the row has 5 columns, but 2 are needed"),
    ]:
        config = ClassifierConfig(task_name="sst2", do_train=True, data_dir=str(data_dir))
        with pytest.raises(UserError) as caught:
            read_examples(find_processor_of(config), config)
        assert message in str(caught.value)


def test_the_folder_of_another_task_whose_files_have_the_same_form_is_one_line(tmp_path, caplog):
    (tmp_path / "RTE").mkdir()
    (tmp_path / "RTE" / "dev.tsv").write_text("index\tsentence1\tsentence2\tlabel\n0\ta\tb\tentailment\n")
    config = ClassifierConfig(task_name="QNLI", do_eval=True, data_dir=str(tmp_path / "RTE"))
    read_examples(find_processor_of(config), config)
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == [f"data_dir: {tmp_path}/RTE: is the folder of RTE, not of QNLI."]


def test_an_evaluation_takes_the_columns_of_the_training_also_if_the_separator_is_another_one(tmp_path):
    training = {"text_column": "Kommentar", "label_column": "Urteil", "label_separator": "/"}
    (tmp_path / "run.json").write_text(json.dumps({"training": training}))
    (tmp_path / "task.json").write_text('{"kind": "multi_label"}')
    (tmp_path / "labels.txt").write_text("a\nb\n")
    flags = {"do_eval": True, "dev_file": "dev.csv", "output_dir": str(tmp_path), "multi_label": True}
    for said, wanted, separator in [
        ({}, WantedColumns("Kommentar", None, "Urteil"), "/"),
        ({"label_separator": ";"}, WantedColumns("Kommentar", None, "Urteil"), ";"),
        ({"text_column": "text"}, WantedColumns("text"), "/"),
    ]:
        options = own_data_options(ClassifierConfig(**flags, **said))
        assert (options.wanted, options.known.separator) == (wanted, separator)


@pytest.mark.parametrize(
    ("kind", "name", "advice"),
    [
        ("question_answering", None, "answers questions; use run_squad.py"),
        ("token_classification", "tagger", "tags words; use run_ner.py"),
    ],
)
def test_a_model_that_gives_texts_no_labels_is_for_another_program(tmp_path, golden, kind, name, advice):
    run = tmp_path / "run"
    run.mkdir()
    (run / "task.json").write_text(json.dumps({"kind": kind}))
    flags = [{"output_dir": str(run)}]
    flags += [{"model": str(golden / "huggingface" / name), "output_dir": str(tmp_path / "new")}] if name else []
    for where in flags:
        with pytest.raises(UserError, match=f": has a model that {advice}$"):
            own_data_options(ClassifierConfig(do_eval=True, dev_file="dev.csv", **where))
