"""The file that GLUE's leaderboard takes."""

import numpy as np
import pytest

from bert_tf.data.examples import InputExample
from bert_tf.data.processors import find_processor
from bert_tf.tasks.classification import ClassificationTask
from bert_tf.tasks.glue_submission import GlueSubmission, submission_lines

HEADER = "index\tprediction"


def submitted(name: str) -> GlueSubmission:
    processor = find_processor(name)
    return GlueSubmission(ClassificationTask(name, processor), processor)


def examples(count: int) -> list[InputExample]:
    return [InputExample(f"test-{number}", "A .", "B .", None) for number in range(count)]


@pytest.mark.parametrize(
    ("name", "file", "answers", "predictions"),
    [
        ("MRPC", "MRPC.tsv", [[0.9, 0.1], [0.4, 0.6]], ["0", "1"]),
        ("SST-2", "SST-2.tsv", [[0.9, 0.1], [0.4, 0.6]], ["0", "1"]),
        ("WNLI", "WNLI.tsv", [[0.1, 0.9], [0.6, 0.4]], ["1", "0"]),
        ("QNLI", "QNLI.tsv", [[0.9, 0.1], [0.4, 0.6]], ["entailment", "not_entailment"]),
        ("RTE", "RTE.tsv", [[0.9, 0.1], [0.4, 0.6]], ["entailment", "not_entailment"]),
        ("MNLI", "MNLI-m.tsv", [[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]], ["contradiction", "neutral"]),
        ("MNLI-MM", "MNLI-mm.tsv", [[0.2, 0.6, 0.2], [0.1, 0.2, 0.7]], ["entailment", "neutral"]),
        ("AX", "AX.tsv", [[0.2, 0.6, 0.2], [0.1, 0.2, 0.7]], ["entailment", "neutral"]),
    ],
)
def test_a_prediction_is_the_label_in_glues_words_under_the_index_of_its_row(name, file, answers, predictions):
    task = submitted(name)
    files = task.result_files("test", np.array(answers), examples(2))
    assert list(files[file]) == [HEADER, *(f"{index}\t{label}" for index, label in enumerate(predictions))]
    assert "test_results.tsv" in files


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_similarities_stay_within_the_scale_of_sts_b(shape):
    answers = np.array([-0.5, 2.75, 5.5, 0.1], np.float32).reshape(shape)
    lines = list(submission_lines(answers, []))
    assert lines[:4] == [HEADER, "0\t0.0", "1\t2.75", "2\t5.0"]
    assert float(lines[4].split("\t")[1]) == pytest.approx(0.1)


def test_an_evaluation_leaves_the_files_of_the_task_alone():
    answers, dev = np.array([[0.9, 0.1]]), [InputExample("dev-1", "A .", "B .", "1")]
    processor = find_processor("MRPC")
    plain = ClassificationTask("MRPC", processor).result_files("dev", answers, dev)
    files = submitted("MRPC").result_files("dev", answers, dev)
    assert {name: list(lines) for name, lines in files.items()} == {name: list(lines) for name, lines in plain.items()}


def test_in_all_else_it_is_the_task():
    task = submitted("MRPC")
    assert task.name == "MRPC" and task.headline == "eval_accuracy"
    assert task.evaluate(np.array([[0.9, 0.1]]), [InputExample("dev-1", "A .", "B .", "0")], 8).values.tolist() == [1.0]
