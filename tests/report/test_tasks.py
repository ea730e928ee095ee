import numpy as np
import pytest
from support.synthetic_runs import (
    LABELS,
    draw_probabilities,
    edit_results,
    write_numbers_run,
    write_run,
)

from bert_tf.report.comparison import compare
from bert_tf.report.report import write_report
from bert_tf.report.runs import read_runs
from bert_tf.report.tasks import glue_score, in_order_of_tasks, task_rows

ACCURACIES = {"SST-2": 0.9, "MRPC": 0.8, "QQP": 0.85, "MNLI": 0.7, "QNLI": 0.75, "RTE": 0.65, "WNLI": 0.6}


def write(folder, task, accuracy, seeds=1, rate=2e-5, headline="eval_accuracy", **scores):
    for seed in range(seeds):
        probabilities = draw_probabilities(LABELS, accuracy, seed)
        run = write_run(
            folder / f"{task}-{rate}-{seed}",
            probabilities,
            seed=seed,
            learning_rate=rate,
            task_name=task,
            dataset=f"/glue/{task}",
        )
        edit_results(run, headline=headline, **scores)


def write_glue(folder, accuracies=ACCURACIES):
    for task, accuracy in accuracies.items():
        write(folder, task, accuracy, eval_f1=accuracy - 0.1)
    write(folder, "CoLA", 0.8, headline="eval_matthews", eval_matthews=0.5)
    run = write_numbers_run(folder / "STS-B", 0.5, 0, dataset="/glue/STS-B")
    edit_results(run, headline="eval_spearman", eval_pearson=None, eval_spearman=0.8)
    (run / "eval_predictions.tsv").unlink()


def rows_of(folder):
    return task_rows(in_order_of_tasks(compare(read_runs([folder]))))


def test_each_task_has_a_row_with_the_metrics_of_glue_in_its_order(tmp_path):
    write(tmp_path, "RTE", 0.65, seeds=2)
    write(tmp_path, "sst2", 0.9)
    write(tmp_path, "MRPC", 0.8, eval_f1=0.875)
    write(tmp_path, "CoLA", 0.8, headline="eval_matthews", eval_matthews=0.521)
    found = [(row.number, row.task, row.dataset, row.metrics, row.score, row.seeds) for row in rows_of(tmp_path)]
    assert found == [
        (1, "CoLA", "CoLA", "Matthews", "52.1", 1),
        (2, "sst2", "sst2", "Accuracy", "90.0", 1),
        (3, "MRPC", "MRPC", "F1 / Accuracy", "87.5 / 80.0", 1),
        (4, "RTE", "RTE", "Accuracy", "65.0 ± 0.0", 2),
    ]


def test_a_row_is_that_of_the_best_configuration(tmp_path):
    write(tmp_path, "SST-2", 0.9)
    write(tmp_path, "RTE", 0.6, rate=1e-5)
    write(tmp_path, "RTE", 0.7, rate=3e-5)
    assert [(row.score, row.configuration) for row in rows_of(tmp_path)][1] == ("70.0", "lr 3e-5")


def test_another_task_has_its_own_main_score_and_no_part_in_glue(tmp_path):
    write(tmp_path, "SST-2", 0.9)
    write(tmp_path, "reviews", 0.8, headline="eval_macro_f1", eval_macro_f1=0.771)
    row = rows_of(tmp_path)[1]
    assert (row.task, row.metrics, row.score, row.mean) == ("reviews", "Macro-F1", "77.1", None)


def test_a_task_of_which_all_runs_collapsed_has_a_row_without_a_score(tmp_path):
    write(tmp_path, "SST-2", 0.9)
    write_run(tmp_path / "collapsed", np.tile(np.float32([0.3, 0.7]), (len(LABELS), 1)), task_name="RTE")
    row = rows_of(tmp_path)[1]
    assert (row.task, row.score, row.seeds, row.configuration) == ("RTE", "\N{EN DASH}", 0, "all runs collapsed")


def test_one_task_has_no_table(tmp_path):
    write(tmp_path, "SST-2", 0.9)
    write(tmp_path, "sst-2", 0.9, rate=1e-5)
    assert rows_of(tmp_path) == []


def test_the_score_of_glue_is_the_mean_of_the_tasks_means(tmp_path):
    write_glue(tmp_path)
    edit_results(tmp_path / "STS-B", eval_pearson=0.9)
    write(tmp_path, "MNLI-MM", 0.8)
    # MRPC and QQP have two metrics, MNLI two dev sets.
    means = [50, 90, 75, 85, 80, 75, 75, 65, 60]
    assert glue_score(rows_of(tmp_path)) == pytest.approx(sum(means) / 9)


def test_without_one_of_the_metrics_there_is_no_score_of_glue(tmp_path):
    write_glue(tmp_path)
    rows = rows_of(tmp_path)
    assert len(rows) == 9 and glue_score(rows) is None


def test_the_sample_corpus_has_no_part_in_the_score_of_glue(tmp_path):
    write_glue(tmp_path, {task: accuracy for task, accuracy in ACCURACIES.items() if task != "MRPC"})
    edit_results(tmp_path / "STS-B", eval_pearson=0.9)
    assert glue_score(rows_of(tmp_path)) is None
    write_run(tmp_path / "MRPC", draw_probabilities(LABELS, 0.8, 0), dataset="sample")
    assert len(rows_of(tmp_path)) == 9 and glue_score(rows_of(tmp_path)) is None


def test_the_page_has_the_table_first_and_then_a_section_for_each_task(tmp_path):
    write(tmp_path, "SST-2", 0.9)
    write(tmp_path, "CoLA", 0.8, seeds=2, headline="eval_matthews", eval_matthews=0.521)
    write_report([tmp_path], tmp_path)
    text = (tmp_path / "report.html").read_text()
    order = [
        "<h1>CoLA, SST-2",
        '<h2 id="tasks">',
        'href="#s1">CoLA<',
        'href="#s2">SST-2<',
        '<h2 id="s1">CoLA<',
        '<h2 id="s2">SST-2<',
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert "GLUE score" not in text and "neither pooled" not in text


def test_studies_of_one_task_among_several_are_told_apart(tmp_path):
    write(tmp_path, "SST-2", 0.9)
    write(tmp_path, "RTE", 0.6)
    write_run(tmp_path / "other", draw_probabilities(LABELS, 0.7, 0), task_name="RTE", dataset="export")
    write_report([tmp_path], tmp_path)
    text = (tmp_path / "report.html").read_text()
    assert "The runs of RTE form 2 studies" in text and "RTE on export" in text
