import numpy as np
import pytest
from support.synthetic_runs import (
    LABELS,
    VERSIONS,
    draw_probabilities,
    edit_results,
    make_old,
    write_regression_run,
    write_run,
    write_scored_run,
)

from bert_tf.report.comparison import compare
from bert_tf.report.runs import read_runs
from bert_tf.report.significance import holm, mcnemar_exact, paired_bootstrap
from bert_tf.report.study import BOOTSTRAP, MCNEMAR

COLLAPSED = np.tile(np.float32([0.3, 0.7]), (len(LABELS), 1))


def write(folder, rate, accuracy, seed, **changes):
    number = int(1e6 * rate) * 10 + seed
    probabilities = draw_probabilities(changes.get("labels", LABELS), accuracy, number)
    return write_run(folder / f"{rate}-{seed}-{len(changes)}", probabilities, seed=seed, learning_rate=rate, **changes)


def studies_of(folder):
    return compare(read_runs([folder]))


def test_runs_that_differ_in_nothing_but_the_seed_are_one_configuration(tmp_path):
    runs = [write(tmp_path, rate, 0.8, seed) for rate in (1e-5, 2e-5) for seed in (0, 1, 2)]
    (study,) = studies_of(tmp_path)
    assert len(runs) == 6
    assert sorted([run.seed for run in each.runs] for each in study.configurations) == [[0, 1, 2], [0, 1, 2]]
    assert {each.label for each in study.configurations} == {"lr 1e-5", "lr 2e-5"}


def test_means_and_spreads_are_those_of_the_seeds(tmp_path):
    for seed, accuracy in enumerate((0.7, 0.8, 0.9)):
        write(tmp_path, 1e-5, accuracy, seed)
    (study,) = studies_of(tmp_path)
    (configuration,) = study.configurations
    accuracies = [run.results["eval_accuracy"] for run in configuration.runs]
    assert configuration.summary("eval_accuracy") == pytest.approx((np.mean(accuracies), np.std(accuracies, ddof=1)))
    assert configuration.worst.results["eval_accuracy"] == min(accuracies)
    assert study.standard_error == pytest.approx((np.mean(accuracies) * (1 - np.mean(accuracies)) / 60) ** 0.5)


def test_configurations_stand_by_mean_accuracy(tmp_path):
    for rate, accuracy in ((1e-5, 0.6), (2e-5, 0.9), (3e-5, 0.75)):
        write(tmp_path, rate, accuracy, 0)
    (study,) = studies_of(tmp_path)
    assert [(each.number, each.label) for each in study.configurations] == [
        (1, "lr 2e-5"),
        (2, "lr 3e-5"),
        (3, "lr 1e-5"),
    ]


def test_single_seeds_are_compared_by_mcnemar_with_holms_correction(tmp_path):
    for rate, accuracy in ((1e-5, 0.6), (2e-5, 0.9), (3e-5, 0.85)):
        write(tmp_path, rate, accuracy, 0)
    (study,) = studies_of(tmp_path)
    best, *others = (each.runs[0].predictions.correct for each in study.configurations)
    majority = study.best.runs[0].predictions.label_ids == 1
    p_values = [mcnemar_exact(best, other) for other in (*others, majority)]
    comparisons = [*(each.comparison for each in study.configurations[1:]), study.constant_comparison]
    assert [each.p_value for each in comparisons] == p_values
    assert [each.adjusted for each in comparisons] == holm(p_values)
    assert {each.comparison.method for each in study.configurations[1:]} == {MCNEMAR}
    assert study.best.comparison is None


def test_several_seeds_are_compared_by_the_bootstrap_and_marked(tmp_path):
    for rate, accuracy in ((1e-5, 0.5), (2e-5, 0.9), (3e-5, 0.89)):
        for seed in range(3):
            write(tmp_path, rate, accuracy, seed)
    (study,) = studies_of(tmp_path)
    best, near, far = study.configurations
    assert near.comparison.p_value == paired_bootstrap(best.values, near.values)[0]
    majority = (best.runs[0].predictions.label_ids == 1)[None]
    assert study.constant_comparison.p_value == paired_bootstrap(best.values, majority)[0]
    assert near.comparison.method == study.constant_comparison.method == BOOTSTRAP
    assert study.ties == [near]
    assert far.comparison.is_significant


@pytest.mark.parametrize(
    "change",
    [
        {"task_name": "CoLA"},
        {"dataset": "another"},
        {"train_data": "fedcba9876543210"},
        {"versions": {**VERSIONS, "tensorflow": "2.21.0"}},
        {"labels": [*LABELS[1:], "1"]},
        {"guids": [f"dev-{number}" for number in range(2, 62)]},
    ],
)
def test_runs_of_other_data_tasks_or_versions_are_apart(tmp_path, change):
    write(tmp_path, 1e-5, 0.8, 0)
    write(tmp_path, 1e-5, 0.8, 1, **change)
    assert [len(study.configurations) for study in studies_of(tmp_path)] == [1, 1]


def test_a_collapsed_run_is_in_no_mean_and_no_test(tmp_path):
    write(tmp_path, 1e-5, 0.9, 0)
    write(tmp_path, 2e-5, 0.85, 0)
    write_run(tmp_path / "collapsed", COLLAPSED, seed=1, learning_rate=2e-5)
    (study,) = studies_of(tmp_path)
    other = study.configurations[1]
    assert [run.folder.name for run in other.collapsed] == ["collapsed"]
    assert len(other.runs) == 1 and other.score == other.runs[0].results["eval_accuracy"]
    assert other.worst.folder.name == "collapsed"
    assert other.comparison.method == MCNEMAR


def test_a_configuration_with_nothing_but_collapsed_runs_stands_last(tmp_path):
    write_run(tmp_path / "collapsed", COLLAPSED, learning_rate=2e-5)
    (study,) = studies_of(tmp_path)
    assert study.best is None and study.standard_error is None
    write(tmp_path, 1e-5, 0.4, 0)
    (study,) = studies_of(tmp_path)
    assert study.best.label == "lr 1e-5"
    assert study.configurations[1].score is None and study.configurations[1].comparison is None


def test_a_failed_run_is_counted_with_its_configuration(tmp_path):
    write(tmp_path, 1e-5, 0.8, 0)
    write(tmp_path, 2e-5, 0.8, 0)
    (write(tmp_path, 2e-5, 0.8, 1) / "results.json").unlink()
    (study,) = studies_of(tmp_path)
    assert {each.label: len(each.failed) for each in study.configurations} == {"lr 1e-5": 0, "lr 2e-5": 1}


def test_a_repeated_seed_is_counted_once_and_named(tmp_path):
    first = write(tmp_path / "a", 1e-5, 0.8, 0)
    write(tmp_path / "b", 1e-5, 0.8, 0)
    (study,) = studies_of(tmp_path)
    assert [run.folder for run in study.best.runs] == [first]
    assert study.notes == ["Not counted: b/1e-05-0-0 has the same flags and the same seed as a/1e-05-0-0."]


def test_a_run_without_results_per_example_is_averaged_but_not_tested(tmp_path):
    write(tmp_path, 1e-5, 0.9, 0)
    (make_old(write(tmp_path, 2e-5, 0.6, 0)) / "eval_predictions.tsv").unlink()
    (study,) = studies_of(tmp_path)
    assert study.configurations[1].score is not None
    assert study.configurations[1].comparison is None
    assert "No results per example" in study.notes[0]


def test_an_old_run_is_tested_by_its_predictions_against_a_new_one(tmp_path):
    write(tmp_path, 1e-5, 0.9, 0)
    make_old(write(tmp_path, 2e-5, 0.6, 0))
    (study,) = studies_of(tmp_path)
    best, other = (each.runs[0].predictions.correct for each in study.configurations)
    assert study.configurations[1].comparison.p_value == mcnemar_exact(best, other)


def test_a_run_without_predictions_is_tested_by_its_values(tmp_path):
    write(tmp_path, 1e-5, 0.9, 0)
    folder = write(tmp_path, 2e-5, 0.6, 0)
    (study,) = studies_of(tmp_path)
    before = study.configurations[1].comparison
    (folder / "eval_predictions.tsv").unlink()
    (study,) = studies_of(tmp_path)
    assert study.configurations[1].comparison == before


def write_regression(folder, rate, error, seeds):
    for seed in seeds:
        write_regression_run(folder / f"{rate}-{seed}", error, seed, learning_rate=rate)


def test_a_regression_is_ranked_by_its_headline_and_tested_by_its_values(tmp_path):
    for rate, error in ((1e-5, 1.5), (2e-5, 0.5), (3e-5, 0.51)):
        write_regression(tmp_path, rate, error, range(3))
    (study,) = studies_of(tmp_path)
    best, near, far = study.configurations
    assert [each.label for each in study.configurations] == ["lr 2e-5", "lr 3e-5", "lr 1e-5"]
    assert best.score == np.mean([run.results["eval_pearson"] for run in best.runs])
    assert near.comparison.p_value == paired_bootstrap(best.values, near.values)[0]
    assert {near.comparison.method, far.comparison.method} == {BOOTSTRAP}
    assert study.ties == [near] and far.comparison.is_significant
    assert not study.headline_is_mean
    assert study.standard_error == pytest.approx(best.values.std() / 60**0.5)


def test_single_seeds_with_real_values_are_compared_by_the_bootstrap(tmp_path):
    write_regression(tmp_path, 1e-5, 0.5, [0])
    write_regression(tmp_path, 2e-5, 1.5, [0])
    (study,) = studies_of(tmp_path)
    assert study.configurations[1].comparison.method == BOOTSTRAP


def test_one_real_value_among_zeros_and_ones_is_no_case_for_mcnemar(tmp_path):
    for rate, last in ((1e-5, 1.0), (2e-5, 0.5)):
        values = [1.0, 0.0, 1.0, last]
        results = {"headline": "eval_f1", "eval_f1": float(np.mean(values))}
        write_scored_run(tmp_path / str(rate), values, results=results, learning_rate=rate)
    (study,) = studies_of(tmp_path)
    assert study.configurations[1].comparison.method == BOOTSTRAP
    assert study.headline_is_mean


def test_regressions_on_other_dev_sets_with_the_same_guids_are_apart(tmp_path):
    for seed in range(2):
        write_regression(tmp_path, 1e-5, 0.5, [seed])
        edit_results(tmp_path / f"1e-05-{seed}", dev_data=str(seed))
    assert len(studies_of(tmp_path)) == 2


def test_runs_with_other_headlines_are_apart(tmp_path):
    write(tmp_path, 1e-5, 0.8, 0)
    edit_results(write(tmp_path, 2e-5, 0.8, 0), headline="eval_f1")
    assert {study.headline.name for study in studies_of(tmp_path)} == {"Accuracy", "F1"}


def test_a_task_without_a_loss_is_ranked(tmp_path):
    for rate, f1 in ((1e-5, 0.5), (2e-5, 0.75)):
        values = [1.0, 0.0, 1.0, 4 * f1 - 2]
        results = {"headline": "eval_f1", "eval_f1": f1}
        write_scored_run(tmp_path / str(rate), values, results=results, learning_rate=rate)
    (study,) = studies_of(tmp_path)
    assert study.best.label == "lr 2e-5"


def test_nested_flags_of_a_foreign_file_do_no_harm(tmp_path):
    write_run(tmp_path / "run", draw_probabilities(LABELS, 0.8, 0), model={"a": [1]}, warmup_steps=[2])
    write(tmp_path, 1e-5, 0.8, 0)
    (study,) = studies_of(tmp_path)
    assert len(study.configurations) == 2


def test_the_majority_class_is_tested_where_there_is_one_configuration(tmp_path):
    write(tmp_path, 1e-5, 0.9, 0)
    (study,) = studies_of(tmp_path)
    correct, labels = study.best.runs[0].predictions.correct, study.best.runs[0].predictions.label_ids
    assert (study.constant.answer, study.constant.share) == ("1", np.mean(labels == 1))
    p_value = mcnemar_exact(correct, labels == 1)
    assert (study.constant_comparison.p_value, study.constant_comparison.adjusted) == (p_value, p_value)


def test_the_majority_class_is_tested_by_right_answers_under_another_headline(tmp_path):
    edit_results(write(tmp_path, 1e-5, 0.9, 0), headline="eval_f1")
    (study,) = studies_of(tmp_path)
    correct, labels = study.best.runs[0].predictions.correct, study.best.runs[0].predictions.label_ids
    assert study.constant.answer == "1" and study.constant.score == pytest.approx(2 * 2 / 3 / (1 + 2 / 3))
    assert study.constant_comparison.p_value == mcnemar_exact(correct, labels == 1)


def test_the_majority_class_is_not_tested_against_values_of_another_meaning(tmp_path):
    folder = write(tmp_path, 1e-5, 0.9, 0)
    edit_results(folder, headline="eval_f1")
    path = folder / "eval_values.tsv"
    path.write_text(path.read_text().replace("\t1.0", "\t0.5"))
    (study,) = studies_of(tmp_path)
    assert study.constant.answer == "1" and study.constant_comparison is None


def test_very_many_configurations_are_tested_from_the_best_on_as_if_all_were(tmp_path, monkeypatch):
    for number in range(5):
        write(tmp_path, 1e-5 * (number + 1), 0.9 - 0.1 * number, 0)
    (study,) = studies_of(tmp_path)
    all_tested = [each.comparison for each in study.configurations]
    monkeypatch.setattr("bert_tf.report.comparison.MAX_TESTED", 2)
    (study,) = studies_of(tmp_path)
    assert [bool(each.comparison) for each in study.configurations] == [False, True, True, False, False]
    assert [each.number for each in study.untested] == [4, 5]
    comparisons = [*(each.comparison for each in study.configurations[1:3]), study.constant_comparison]
    assert [each.p_value for each in comparisons[:2]] == [each.p_value for each in all_tested[1:3]]
    assert [each.adjusted for each in comparisons] == holm([*(each.p_value for each in comparisons), 1.0, 1.0])[:3]


def test_an_unfinished_run_is_counted_with_its_configuration(tmp_path):
    write(tmp_path, 1e-5, 0.8, 0)
    write(tmp_path, 2e-5, 0.8, 0)
    edit_results(write(tmp_path, 2e-5, 0.8, 1), num_train_steps=300)
    (study,) = studies_of(tmp_path)
    assert {each.label: len(each.unfinished) for each in study.configurations} == {"lr 1e-5": 0, "lr 2e-5": 1}
    assert sum(len(each.runs) for each in study.configurations) == 2


@pytest.mark.parametrize(
    ("precisions", "note"),
    [
        (["none", "none", None], None),
        (["bfloat16", None, None], None),
        (["none", "bfloat16", "none"], "(1 in bfloat16, 2 in float32)"),
    ],
)
def test_evaluations_in_different_precision_are_noted(tmp_path, precisions, note):
    for seed, precision in enumerate(precisions):
        evaluation = precision and {"mixed_precision": precision, "versions": VERSIONS}
        edit_results(write(tmp_path, 1e-5, 0.8, seed), evaluation=evaluation)
    (study,) = studies_of(tmp_path)
    assert [note in line for line in study.notes] == [True] * bool(note)


def test_very_many_flags_and_scores_leave_a_table_that_can_be_read(tmp_path):
    for seed in range(2):
        flags = {f"flag{number}": f"{number} {seed}" for number in range(1000)}
        results = {f"eval_own{number}": 0.5 for number in range(1000)}
        write(tmp_path, 1e-5, 0.8, seed, results=results, **flags)
    (study,) = studies_of(tmp_path)
    assert len(study.other_scores) == 100
    assert all(each.label.endswith(" and 992 more") and len(each.label) < 200 for each in study.configurations)


def test_a_single_configuration_is_named_by_epochs_or_by_steps(tmp_path):
    write(tmp_path / "epochs", 1e-5, 0.8, 0)
    write(tmp_path / "steps", 1e-5, 0.8, 0, num_train_epochs=None, train_steps=200, task_name="pretraining")
    labels = {study.task: study.best.label for study in studies_of(tmp_path)}
    model_and_batch = "all-MiniLM-L6-v2, lr 1e-5, batch 32"
    assert labels == {"MRPC": f"{model_and_batch}, epochs 3", "pretraining": f"{model_and_batch}, steps 200"}
