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

from bert_tf.report import table, wording
from bert_tf.report.comparison import compare
from bert_tf.report.runs import read_runs

COLLAPSED = np.tile(np.float32([0.3, 0.7]), (len(LABELS), 1))


def write(folder, rate, accuracy, seed, **changes):
    probabilities = draw_probabilities(LABELS, accuracy, int(1e6 * rate) + seed)
    return write_run(folder / f"{rate}-{seed}{len(changes)}", probabilities, seed=seed, learning_rate=rate, **changes)


def studies_of(folder):
    return compare(read_runs([folder]))


@pytest.mark.parametrize(("examples", "points"), [(408, "1.8"), (10_000, "0.4")])
def test_the_standard_error_is_given_for_the_number_of_dev_examples(tmp_path, examples, points):
    labels = (LABELS * (examples // len(LABELS) + 1))[:examples]
    write_run(tmp_path / "run", draw_probabilities(labels, 0.84, 0), labels)
    (study,) = studies_of(tmp_path)
    sentence = wording.precision(study)
    assert f"{examples:,} examples" in sentence
    assert f"standard error of {points} points" in sentence


def test_the_conclusion_counts_significant_differences(tmp_path):
    for rate, accuracy in ((1e-5, 0.5), (2e-5, 0.9), (3e-5, 0.89)):
        for seed in range(3):
            write(tmp_path, rate, accuracy, seed)
    (study,) = studies_of(tmp_path)
    text = " ".join(wording.conclusion(study))
    assert "(lr 2e-5; 3 seeds)" in text
    assert "Of the 2 other configurations tested, 1 is significantly different from it and 1 is not" in text
    assert "Always answering “1” would be right for 66.7 %" in text


@pytest.mark.parametrize("accuracy, verdict", [(0.5, "significantly"), (0.89, "not significantly")])
def test_one_other_configuration_is_spoken_of_by_itself(tmp_path, accuracy, verdict):
    for seed in range(3):
        write(tmp_path, 1e-5, 0.9, seed)
        write(tmp_path, 2e-5, accuracy, seed)
    (study,) = studies_of(tmp_path)
    assert f"The one other configuration tested is {verdict} different from it" in " ".join(wording.conclusion(study))


@pytest.mark.parametrize("accuracy, which", [(0.5, "Each"), (0.89, "None")])
def test_configurations_that_are_all_alike_are_not_counted(tmp_path, accuracy, which):
    for seed in range(3):
        write(tmp_path, 1e-5, 0.9, seed)
        write(tmp_path, 2e-5, accuracy, seed)
        write(tmp_path, 3e-5, accuracy, seed)
    (study,) = studies_of(tmp_path)
    text = " ".join(wording.conclusion(study))
    assert (
        f"{which} of the 2 other configurations tested is significantly different from it (adjusted p < 0.05)." in text
    )


def test_only_the_methods_used_are_named(tmp_path):
    for rate in (1e-5, 2e-5):
        write(tmp_path, rate, 0.8, 0)
    text = " ".join(wording.methods(studies_of(tmp_path)[0]))
    assert "McNemar" in text and "bootstrap" not in text and "Holm" in text and "single seed" in text
    for rate in (1e-5, 2e-5):
        write(tmp_path, rate, 0.8, 1)
    text = " ".join(wording.methods(studies_of(tmp_path)[0]))
    assert "McNemar" not in text and "bootstrap" in text and "single seed" not in text


def test_one_configuration_is_not_called_the_best_of_many(tmp_path):
    write(tmp_path, 1e-5, 0.8, 0)
    (study,) = studies_of(tmp_path)
    for text in map(" ".join, (wording.conclusion(study), wording.methods(study))):
        assert "best" not in text and "optimistic" not in text
    assert wording.separation([study]) is None


def test_what_separates_studies_is_named(tmp_path):
    write(tmp_path, 1e-5, 0.8, 0)
    write(tmp_path, 1e-5, 0.8, 1, versions={**VERSIONS, "tensorflow": "2.21.0"})
    studies = studies_of(tmp_path)
    sentence = wording.separation(studies)
    assert "2 studies, which are neither pooled" in sentence
    assert "tensorflow (2.20.0, 2.21.0)" in sentence and "data" not in sentence
    assert set(wording.titles(studies)) == {
        "MRPC on sample, tensorflow 2.20.0",
        "MRPC on sample, tensorflow 2.21.0",
    }


def test_a_digest_of_training_examples_is_not_taken_for_their_number(tmp_path):
    for seed, digest in enumerate(("1022006028d936aa", "0831686ea9dd8dc3")):
        write(tmp_path, 1e-5, 0.9, seed, train_data=digest)
    titles = wording.titles(studies_of(tmp_path))
    assert any("training examples digest 10220060" in title for title in titles)


def test_a_collapsed_run_is_named_with_the_mean_that_it_would_give(tmp_path):
    write(tmp_path, 1e-5, 0.9, 0)
    write_run(tmp_path / "collapsed", COLLAPSED, seed=1, learning_rate=1e-5)
    (study,) = studies_of(tmp_path)
    (sentence,) = wording.left_out(study)
    mean = (study.best.score + 2 / 3) / 2
    assert "dev examples: collapsed (" in sentence and f"would be {100 * mean:.1f} %" in sentence


def test_a_study_without_a_run_that_counts_says_so(tmp_path):
    write_run(tmp_path / "collapsed", COLLAPSED)
    (study,) = studies_of(tmp_path)
    assert "there is no mean" in wording.conclusion(study)[0]
    assert wording.precision(study) is None
    assert len(table.cells(study, study.configurations[0])) == len(table.header(study))


def test_studies_with_other_packages_have_titles(tmp_path):
    write(tmp_path, 1e-5, 0.8, 0)
    write(tmp_path, 1e-5, 0.8, 1, versions={**VERSIONS, "tf-keras": "2.20"})
    studies = studies_of(tmp_path)
    assert set(wording.titles(studies)) == {
        "MRPC on sample, tf-keras none",
        "MRPC on sample, tf-keras 2.20",
    }


def test_an_old_accuracy_has_a_standard_error_without_any_file_of_examples(tmp_path):
    (make_old(write(tmp_path, 1e-5, 0.8, 0)) / "eval_predictions.tsv").unlink()
    (study,) = studies_of(tmp_path)
    assert "standard error of 5.2 points" in wording.precision(study)


def test_a_headline_that_is_no_mean_is_not_said_to_be_tested(tmp_path):
    for rate, error in ((1e-5, 0.5), (2e-5, 1.5)):
        for seed in range(2):
            write_regression_run(tmp_path / f"{rate}-{seed}", error, seed, learning_rate=rate)
    (study,) = studies_of(tmp_path)
    text = " ".join(wording.methods(study))
    assert "The Pearson correlation is not a mean over examples" in text and "mean value per example" in text
    assert "equal Pearson" not in text and "accuracy" not in text
    assert "mean value per example is" in wording.precision(study) and "points" not in wording.precision(study)
    assert f"The best mean Pearson correlation is {study.best.score:.3f} " in wording.conclusion(study)[0]


def test_a_mean_of_real_values_has_their_standard_error(tmp_path):
    values = [1.0, 0.5, 0.0, 0.5]
    results = {"headline": "eval_f1", "eval_f1": 0.5}
    write_scored_run(tmp_path / "run", values, results=results)
    (study,) = studies_of(tmp_path)
    sentence = wording.precision(study)
    assert "the F1 of 50.0 % has a standard error of 17.7 points" in sentence and "p(1" not in sentence


def test_an_unknown_headline_goes_by_its_key(tmp_path):
    write_scored_run(tmp_path / "run", [12.0, 30.5], results={"headline": "eval_bleu", "eval_bleu": 21.25})
    (study,) = studies_of(tmp_path)
    assert wording.conclusion(study)[0].startswith("The mean eval_bleu is 21.250 (")
    assert "the eval_bleu of 21.250 has a standard error of 6.5 " in wording.precision(study)


@pytest.mark.parametrize("size", [30, 60])
def test_all_right_is_not_said_to_be_certain(tmp_path, size):
    labels = LABELS[:size]
    for seed in range(2):
        right = 0.8 * np.eye(2, dtype=np.float32)[[int(label) for label in labels]] + 0.1
        write_run(tmp_path / str(seed), right, labels, seed=seed)
    (study,) = studies_of(tmp_path)
    low = {30: "88.6", 60: "94.0"}[size]
    sentence = wording.precision(study)
    assert f"the accuracy of 100.0 % has a 95 % interval from {low} to 100.0 % (Wilson 1927)" in sentence
    assert "±" not in sentence and "standard error" not in sentence


def test_the_interval_of_a_mean_value_that_is_not_the_headline_is_in_its_own_unit(tmp_path):
    edit_results(write(tmp_path, 1e-5, 0.9, 0), headline="eval_f1")
    (study,) = studies_of(tmp_path)
    assert (
        "mean value per example is 0.9, with a standard error of 0.039 and a 95 % interval from 0.7985 to 0.9534 ("
        in (wording.precision(study))
    )


@pytest.mark.parametrize(
    ("accuracy", "verdict"),
    [(0.95, "significantly better than"), (0.7, "not significantly different from"), (0.3, "significantly worse than")],
)
def test_the_best_is_compared_with_the_majority_class(tmp_path, accuracy, verdict):
    write(tmp_path, 1e-5, accuracy, 0)
    (study,) = studies_of(tmp_path)
    sentence = wording.conclusion(study)[-1]
    assert f"66.7 % of the dev examples; the configuration is {verdict} that (adjusted p " in sentence
    write(tmp_path, 2e-5, accuracy - 0.1, 0)
    (study,) = studies_of(tmp_path)
    assert "; the best configuration is" in wording.conclusion(study)[-1]
    text = " ".join(wording.methods(study))
    assert "The majority class is tested against the best one in the same way." in text
    assert "adjusted for 2 comparisons by Holm's method" in text


def test_unfinished_runs_are_counted_apart(tmp_path):
    write(tmp_path, 1e-5, 0.9, 0)
    edit_results(write(tmp_path, 1e-5, 0.9, 1), num_train_steps=300)
    inventory = read_runs([tmp_path])
    studies = compare(inventory)
    assert wording.overview(studies, inventory) == "1 finished run of 1 configuration, 1 unfinished."
    assert table.seeds(studies[0].best) == "1 (and 1 unfinished)"


def test_very_many_studies_have_short_titles_and_a_short_sentence(tmp_path):
    for number in range(30):
        versions = {f"package-{each}": str(number) for each in range(30)}
        write(tmp_path, 1e-5, 0.8, number, versions=versions, dataset="d" * 10_000)
    studies = studies_of(tmp_path)
    assert all(len(title) < 1000 for title in wording.titles(studies))
    assert len(wording.separation(studies)) < 2000
