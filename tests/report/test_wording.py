import numpy as np
import pytest
from support.synthetic_runs import LABELS, VERSIONS, draw_probabilities, write_run

from bert_tf.report import wording
from bert_tf.report.comparison import compare
from bert_tf.report.runs import read_runs

COLLAPSED = np.tile(np.float32([0.3, 0.7]), (len(LABELS), 1))


def write(folder, rate, accuracy, seed, **changes):
    probabilities = draw_probabilities(LABELS, accuracy, int(1e6 * rate) + seed)
    return write_run(folder / f"{rate}-{seed}{len(changes)}", probabilities, seed=seed, learning_rate=rate, **changes)


def studies_of(folder):
    return compare(read_runs([folder]))


@pytest.mark.parametrize(("examples", "points"), [(408, "1.8"), (10_000, "0.4")])
def test_the_standard_error_is_told_for_the_number_of_dev_examples(tmp_path, examples, points):
    labels = (LABELS * (examples // len(LABELS) + 1))[:examples]
    write_run(tmp_path / "run", draw_probabilities(labels, 0.84, 0), labels)
    (study,) = studies_of(tmp_path)
    sentence = wording.precision(study)
    assert f"{examples:,} examples" in sentence
    assert f"standard error of {points} points" in sentence


def test_the_conclusion_counts_what_can_be_told_apart(tmp_path):
    for rate, accuracy in ((1e-5, 0.5), (2e-5, 0.9), (3e-5, 0.89)):
        for seed in range(3):
            write(tmp_path, rate, accuracy, seed)
    (study,) = studies_of(tmp_path)
    text = " ".join(wording.conclusion(study))
    assert "(lr 2e-5; 3 seeds)" in text
    assert "Of the 2 other configurations tested, 1 cannot be told from it and 1 can" in text
    assert "Always answering “1” would be right on 66.7 %" in text
    assert [wording.mark(study, each) for each in study.configurations] == ["best", "not told from the best", ""]


@pytest.mark.parametrize("accuracy, verdict", [(0.5, "can"), (0.89, "cannot")])
def test_one_other_configuration_is_spoken_of_by_itself(tmp_path, accuracy, verdict):
    for seed in range(3):
        write(tmp_path, 1e-5, 0.9, seed)
        write(tmp_path, 2e-5, accuracy, seed)
    (study,) = studies_of(tmp_path)
    assert f"The one other configuration tested {verdict} be told from it" in " ".join(wording.conclusion(study))


@pytest.mark.parametrize("accuracy, which", [(0.5, "Each"), (0.89, "None")])
def test_configurations_that_are_all_alike_are_not_counted(tmp_path, accuracy, which):
    for seed in range(3):
        write(tmp_path, 1e-5, 0.9, seed)
        write(tmp_path, 2e-5, accuracy, seed)
        write(tmp_path, 3e-5, accuracy, seed)
    (study,) = studies_of(tmp_path)
    text = " ".join(wording.conclusion(study))
    assert f"{which} of the 2 other configurations tested can be told from it (adjusted p < 0.05)." in text


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
    assert wording.mark(study, study.best) == ""
    assert wording.methods(study) == []
    assert wording.separation([study]) is None


def test_what_separates_studies_is_named(tmp_path):
    write(tmp_path, 1e-5, 0.8, 0)
    write(tmp_path, 1e-5, 0.8, 1, versions={**VERSIONS, "tensorflow": "2.21.0"})
    studies = studies_of(tmp_path)
    sentence = wording.separation(studies)
    assert "2 studies that are not pooled" in sentence
    assert "tensorflow (2.20.0, 2.21.0)" in sentence and "data" not in sentence
    assert {wording.title(study, studies) for study in studies} == {
        "MRPC on sample, tensorflow 2.20.0",
        "MRPC on sample, tensorflow 2.21.0",
    }


def test_a_collapsed_run_is_named_with_the_mean_that_it_would_give(tmp_path):
    write(tmp_path, 1e-5, 0.9, 0)
    folder = write_run(tmp_path / "collapsed", COLLAPSED, seed=1, learning_rate=1e-5)
    (study,) = studies_of(tmp_path)
    (sentence,) = wording.left_out(study)
    mean = (study.best.accuracy + 2 / 3) / 2
    assert str(folder) in sentence and f"would be {100 * mean:.1f} %" in sentence
    assert wording.seeds(study.best) == "1 (and 1 collapsed)"


def test_a_study_without_a_run_that_counts_says_so(tmp_path):
    write_run(tmp_path / "collapsed", COLLAPSED)
    (study,) = studies_of(tmp_path)
    assert "nothing to average" in wording.conclusion(study)[0]
    assert wording.precision(study) is None
    assert len(wording.cells(study, study.configurations[0])) == len(wording.HEADER)


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "\N{EN DASH}"), (12, "12 s"), (59.9, "1 min 0 s"), (3600, "1 h 0 min")]
)
def test_durations_are_rounded_once(seconds, text):
    assert wording.duration(seconds) == text
