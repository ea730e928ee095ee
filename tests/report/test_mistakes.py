import numpy as np
from support.synthetic_runs import (
    draw_numbers,
    edit_results,
    write_label_sets_run,
    write_numbers_run,
    write_run,
)

from bert_tf.report.mistakes import worst_mistakes
from bert_tf.report.runs import read_runs

LABELS = ["1", "0", "1", "0"]
PROBABILITIES = np.float32([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.05, 0.95]])
HEADER = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"


def write_dev(folder, labels=LABELS):
    folder.mkdir(exist_ok=True)
    rows = "".join(f"{label}\t{n}\t{n}\tfirst {n}\tsecond {n}\n" for n, label in enumerate(labels, start=1))
    (folder / "dev.tsv").write_text(HEADER + rows)
    return str(folder)


def mistakes_of(folder, **options):
    return worst_mistakes(read_runs([folder]).runs, **options)


def test_the_surest_mistake_comes_first_with_both_sentences(tmp_path):
    write_run(tmp_path / "run", PROBABILITIES, LABELS, data_dir=write_dev(tmp_path / "data"))
    mistakes, reason = mistakes_of(tmp_path / "run")
    assert reason is None
    assert [each.guid for each in mistakes] == ["dev-4", "dev-1", "dev-3"]
    assert (mistakes[0].label, mistakes[0].predicted, round(mistakes[0].probability, 2)) == ("0", "1", 0.95)
    assert (mistakes[0].example.text_a, mistakes[0].example.text_b) == ("first 4", "second 4")


def test_no_more_are_given_than_asked_for(tmp_path):
    write_run(tmp_path / "run", PROBABILITIES, LABELS)
    assert len(mistakes_of(tmp_path, count=2)[0]) == 2


def test_several_seeds_speak_by_their_mean(tmp_path):
    write_run(tmp_path / "a", PROBABILITIES, LABELS, seed=0)
    write_run(tmp_path / "b", PROBABILITIES[:, ::-1] * 0.5 + 0.25, LABELS, seed=1)
    mistakes, _ = mistakes_of(tmp_path)
    np.testing.assert_allclose(mistakes[0].probability, (0.95 + 0.275) / 2, atol=1e-6)


def test_data_that_cannot_be_read_is_said(tmp_path):
    write_run(tmp_path / "run", PROBABILITIES, LABELS, data_dir=str(tmp_path / "gone"))
    mistakes, reason = mistakes_of(tmp_path)
    assert "there is no such file" in reason
    assert mistakes[0].example is None


def test_data_that_has_changed_is_said(tmp_path):
    data = write_dev(tmp_path / "data", ["1", "0", "1", "1"])
    write_run(tmp_path / "run", PROBABILITIES, LABELS, data_dir=data)
    mistakes, reason = mistakes_of(tmp_path / "run")
    assert "not those that were predicted" in reason
    assert mistakes[0].example is None


def test_an_unknown_task_is_said(tmp_path):
    write_run(tmp_path / "run", PROBABILITIES, LABELS, task_name="Other")
    assert "unknown" in mistakes_of(tmp_path)[1]


def test_a_data_folder_that_cannot_exist_is_said(tmp_path):
    write_run(tmp_path / "run", PROBABILITIES, LABELS, data_dir="no\0folder")
    mistakes, reason = mistakes_of(tmp_path)
    assert reason and mistakes[0].example is None


def test_a_data_set_that_breaks_its_reader_is_said(tmp_path, monkeypatch):
    def fail(self, data_dir):
        raise RecursionError("too deep")

    monkeypatch.setattr("bert_tf.data.processors.MrpcProcessor.get_dev_examples", fail)
    write_run(tmp_path / "run", PROBABILITIES, LABELS, data_dir="folder")
    mistakes, reason = mistakes_of(tmp_path)
    assert reason.startswith("folder: cannot be read (too deep)") and mistakes


def test_a_data_folder_that_is_not_named_is_said(tmp_path):
    edit_results(write_run(tmp_path / "run", PROBABILITIES, LABELS), flags={"seed": 0})
    assert "does not name their folder" in mistakes_of(tmp_path)[1]


def test_the_largest_errors_of_a_regression_come_first(tmp_path):
    write_numbers_run(tmp_path / "run", 0.5, 0)
    labels, predicted = draw_numbers(0.5, 0)
    worst = np.argsort(-np.abs(labels - predicted))[:3]
    mistakes, reason = mistakes_of(tmp_path, count=3)
    assert [each.guid for each in mistakes] == [f"dev-{row + 1}" for row in worst]
    assert [each.label for each in mistakes] == [f"{labels[row]:.3g}" for row in worst]
    assert mistakes[0].probability is None and reason


def test_the_examples_with_the_most_wrong_labels_come_first(tmp_path):
    has_label = np.array([[1, 0], [0, 1], [1, 1], [0, 0]], bool)
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.2], [0.1, 0.1]])
    write_label_sets_run(tmp_path / "run", probabilities, has_label, ("joy", "fear"))
    mistakes, _ = mistakes_of(tmp_path)
    assert [(each.guid, each.label, each.predicted) for each in mistakes] == [
        ("dev-2", "fear", "joy"),
        ("dev-3", "joy, fear", "joy"),
    ]
