import numpy as np
from support.synthetic_runs import LABELS, draw_probabilities, edit_results, write_regression_run, write_run

from bert_tf.report import table
from bert_tf.report.comparison import compare
from bert_tf.report.runs import read_runs

COLLAPSED = np.tile(np.float32([0.3, 0.7]), (len(LABELS), 1))


def study_of(folder):
    (study,) = compare(read_runs([folder]))
    return study


def write(folder, rate, accuracy, seed):
    probabilities = draw_probabilities(LABELS, accuracy, int(1e6 * rate) + seed)
    return write_run(folder / f"{rate}-{seed}", probabilities, seed=seed, learning_rate=rate)


def row_of(study, configuration):
    texts = [cell.text for cell in table.cells(study, configuration)]
    return dict(zip(table.header(study), texts, strict=True))


def test_accuracy_and_f1_are_shown_in_percent(tmp_path):
    write(tmp_path, 2e-5, 0.9, 0)
    study = study_of(tmp_path)
    assert table.header(study) == [
        "#",
        "Configuration",
        "Seeds",
        "Accuracy, %",
        "F1, %",
        "Eval loss",
        "Worst seed, %",
        "p",
        "Train ex./s",
        "Eval ex./s",
        "Run time",
    ]
    row = row_of(study, study.best)
    assert (row["Accuracy, %"], row["Worst seed, %"]) == ("90.0", "90.0 (seed 0)")
    assert table.header(study)[table.HEADLINE_COLUMN] == "Accuracy, %"


def test_a_regression_has_plain_numbers_and_no_accuracy(tmp_path):
    folder = write_regression_run(tmp_path / "run", 0.5, 0)
    edit_results(folder, eval_spearman=0.75, eval_own=2.0, eval_peak_memory_bytes=9, eval_tokens_per_second=3.0)
    study = study_of(tmp_path)
    assert table.header(study)[3:7] == ["Pearson", "Spearman", "eval_own", "Eval loss"]
    row = row_of(study, study.best)
    assert (row["Pearson"], row["Spearman"], row["eval_own"]) == (f"{study.best.score:.3f}", "0.750", "2.000")
    assert row["Worst seed"] == f"{study.best.score:.3f} (seed 0)"


def test_a_score_that_only_some_runs_have_is_a_column(tmp_path):
    write(tmp_path, 2e-5, 0.9, 0)
    edit_results(write(tmp_path, 3e-5, 0.8, 0), eval_f1=None)
    study = study_of(tmp_path)
    assert [row_of(study, each)["F1, %"] for each in study.configurations] == ["92.5", "\N{EN DASH}"]


def test_the_best_and_the_configurations_near_it_are_marked(tmp_path):
    for rate, accuracy in ((1e-5, 0.5), (2e-5, 0.9), (3e-5, 0.89)):
        for seed in range(3):
            write(tmp_path, rate, accuracy, seed)
    study = study_of(tmp_path)
    marks = [table.mark(study, each) for each in study.configurations]
    assert marks == ["best", "not significantly different from the best", ""]


def test_one_configuration_is_not_marked(tmp_path):
    write(tmp_path, 1e-5, 0.8, 0)
    study = study_of(tmp_path)
    assert table.mark(study, study.best) == ""


def test_runs_that_do_not_count_stand_beside_the_seeds(tmp_path):
    write(tmp_path, 1e-5, 0.9, 0)
    write_run(tmp_path / "collapsed", COLLAPSED, seed=1, learning_rate=1e-5)
    (write(tmp_path, 1e-5, 0.9, 2) / "results.json").unlink()
    assert table.seeds(study_of(tmp_path).best) == "1 (and 1 collapsed, 1 without results)"
