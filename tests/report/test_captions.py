import numpy as np
from support.synthetic_runs import (
    LABELS,
    draw_probabilities,
    edit_results,
    write_label_sets_run,
    write_numbers_run,
    write_run,
)

from bert_tf.report import captions
from bert_tf.report.comparison import compare
from bert_tf.report.runs import read_runs

COLLAPSED = np.tile(np.float32([0.3, 0.7]), (len(LABELS), 1))


def write(folder, rate, accuracy, seed):
    probabilities = draw_probabilities(LABELS, accuracy, int(1e6 * rate) + seed)
    return write_run(folder / f"{rate}-{seed}", probabilities, seed=seed, learning_rate=rate)


def key_numbers_of(folder):
    (study,) = compare(read_runs([folder]))
    return captions.key_numbers(study)


def test_the_numbers_to_see_first_are_score_interval_majority_and_runs(tmp_path):
    for rate, accuracy in ((1e-5, 0.6), (2e-5, 0.9)):
        for seed in range(3):
            write(tmp_path, rate, accuracy, seed)
    write_run(tmp_path / "collapsed", COLLAPSED, seed=3, learning_rate=2e-5)
    assert key_numbers_of(tmp_path) == [
        ("90.0 ± 0.0 %", "best mean accuracy, 3 seeds: lr 2e-5"),
        ("79.9 to 95.3 %", "95 % interval, on 60 dev examples (Wilson)"),
        ("66.7 %", "accuracy by always answering “1”; the best is significantly better than that (adjusted p < 0.001)"),
        ("7", "finished runs of 2 configurations, 1 collapsed"),
    ]


def test_under_another_headline_the_test_is_said_to_be_one_of_accuracy(tmp_path):
    edit_results(write(tmp_path, 1e-5, 0.95, 0), headline="eval_matthews", eval_matthews=0.75)
    score, majority, runs = key_numbers_of(tmp_path)
    assert score[0] == "0.750" and runs == ("1", "finished run of 1 configuration")
    assert majority[0] == "0.000"
    assert "Matthews correlation by always answering “1”; in accuracy the model is significantly better" in majority[1]


def test_a_regression_has_no_score_of_a_constant_answer(tmp_path):
    write_numbers_run(tmp_path / "run", 0.5, 0)
    assert [number for number, _ in key_numbers_of(tmp_path)][1:] == ["1"]


def test_many_labels_have_the_most_frequent_set(tmp_path):
    has_label = np.random.default_rng(1).random((60, 2)) < [0.6, 0.5]
    probabilities = np.where(np.arange(60)[:, None] < 58, has_label, ~has_label) * 0.9
    write_label_sets_run(tmp_path / "run", probabilities, has_label, ("joy", "fear"))
    _, (_, meaning), _ = key_numbers_of(tmp_path)
    assert "micro-F1 by always answering “joy, fear”; in F1 per example the model is significantly better" in meaning


def test_without_a_run_that_counts_there_are_no_key_numbers(tmp_path):
    write_run(tmp_path / "collapsed", COLLAPSED)
    assert key_numbers_of(tmp_path) == []
