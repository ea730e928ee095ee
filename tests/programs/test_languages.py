"""A model is trained on one language and evaluated on others, from the command line to the report."""

import collections
import json
import re
from pathlib import Path

import pytest
from support.commands import Command, Result
from support.language_files import PAWSX_LANGUAGES, XNLI_LANGUAGES, words_of, write_pawsx, write_xnli
from support.outputs import read_eval_results, rows
from support.tiny import write_tiny_model

from bert_tf.report.report import write_report

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def multi_cased(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "multi_cased_L-12_H-768_A-12"
    languages = {*XNLI_LANGUAGES, *PAWSX_LANGUAGES}
    return write_tiny_model(folder, pieces=words_of(languages, do_lower_case=False))


@pytest.fixture(scope="module")
def xnli(tmp_path_factory) -> Path:
    return write_xnli(tmp_path_factory.mktemp("corpus") / "XNLI", repeats=8)


def flags_of(task: str, data_dir: Path, model: Path, output_dir: Path) -> list[str]:
    settings = ["--max_seq_length=48", "--train_batch_size=8", "--num_train_epochs=12", "--learning_rate=2e-3"]
    return [
        f"--task_name={task}",
        f"--data_dir={data_dir}",
        f"--bert_model={model}",
        f"--output_dir={output_dir}",
        *settings,
    ]


@pytest.fixture(scope="module")
def zero_shot(tmp_path_factory, multi_cased, xnli) -> tuple[Result, Path]:
    folder = tmp_path_factory.mktemp("zero_shot")
    flags = flags_of("XNLI", xnli, multi_cased, folder / "out")
    flags += ["--do_train", "--do_eval", "--do_predict", "--train_language=en", "--xnli_language=all"]
    result = Command(folder / "command", flags).result()
    assert result.code == 0, result.stderr
    return result, folder / "out"


def accuracies(path: Path) -> dict[str, float]:
    """Computes the accuracy of each language from the predictions."""
    header, *predictions = rows(path)
    right = collections.defaultdict(list)
    for guid, label, *probabilities in predictions:
        found = header[2:][max(range(3), key=lambda column: float(probabilities[column]))]
        right[guid.split("-")[1]].append(found == label)
    return {language: sum(found) / len(found) for language, found in right.items()}


def test_zero_shot_ends_with_one_table_of_all_languages(zero_shot):
    result, folder = zero_shot
    expected = accuracies(folder / "eval_predictions.tsv")
    assert list(expected) == list(XNLI_LANGUAGES) and len(set(expected.values())) > 1
    table = result.stderr.split("***** Eval results by language *****\n")[1].splitlines()[: len(expected) + 2]
    assert table[0].split() == ["language", "examples", "accuracy", "loss"]
    assert [line.split()[:3] for line in table[1:-1]] == [
        [language, "3", f"{accuracy:.3f}"] for language, accuracy in expected.items()
    ]
    mean = sum(expected.values()) / len(expected)
    assert table[-1].split()[:3] == ["mean", "45", f"{mean:.3f}"]
    assert read_eval_results(folder)["eval_accuracy"] == pytest.approx(mean)


def test_results_have_the_scores_of_each_language(zero_shot):
    _, folder = zero_shot
    results = json.loads((folder / "results.json").read_text())
    groups = results["evaluation"]["groups"]
    expected = accuracies(folder / "eval_predictions.tsv")
    assert groups["name"] == "language"
    assert {name: scores["eval_accuracy"] for name, scores in groups["scores"].items()} == pytest.approx(expected)
    assert groups["mean"]["eval_accuracy"] == pytest.approx(results["eval_accuracy"])
    assert results["evaluation"]["xnli_language"] == "all"
    training = json.loads((folder / "run.json").read_text())["training"]
    assert training["train_language"] == "en" and training["do_lower_case"] is False


def test_the_test_set_of_each_language_is_predicted(zero_shot):
    _, folder = zero_shot
    header, *predictions = rows(folder / "test_predictions.tsv")
    assert header == ["guid", "label", "contradiction", "entailment", "neutral"]
    assert [row[0].split("-")[1] for row in predictions] == [language for language in XNLI_LANGUAGES for _ in range(3)]
    assert len(rows(folder / "test_results.tsv")) == 45


def test_a_later_evaluation_has_the_languages_that_it_asks_for(zero_shot, tmp_path, multi_cased, xnli, run):
    _, folder = zero_shot
    flags = ["--task_name=XNLI", f"--data_dir={xnli}", f"--bert_model={folder}", "--do_eval"]
    result = run(*flags, f"--output_dir={tmp_path / 'some'}", "--xnli_language=zh,hi")
    assert result.code == 0, result.stderr
    results = json.loads((tmp_path / "some" / "results.json").read_text())
    assert list(results["evaluation"]["groups"]["scores"]) == ["hi", "zh"]
    result = run(*flags, f"--output_dir={tmp_path / 'some'}")
    assert result.code == 0 and "by language" not in result.stderr, result.stderr
    results = json.loads((tmp_path / "some" / "results.json").read_text())
    assert "groups" not in results["evaluation"] and results["evaluation"]["xnli_language"] is None


def test_the_report_has_the_table_and_finds_the_texts(zero_shot, tmp_path):
    _, folder = zero_shot
    write_report([folder], tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert re.search(r"\| Language \| Dev examples \| Accuracy, % \|\n\|[^\n]*\n\| ar \| 3 \| \d+\.\d \|\n", text)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Scores by language" in page and "most confident mistake" in page
    assert "their predictions are shown without them" not in page


def test_pawsx_is_trained_in_german_and_evaluated_in_all_languages(tmp_path, multi_cased, run):
    data_dir = write_pawsx(tmp_path / "PAWS-X", repeats=4)
    flags = flags_of("pawsx", data_dir, multi_cased, tmp_path / "out")
    actions = ["--do_train", "--do_eval", "--do_predict", "--num_train_epochs=1"]
    result = run(*flags, *actions, "--train_language=de", "--xnli_language=all")
    assert result.code == 0, result.stderr
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert list(results["evaluation"]["groups"]["scores"]) == list(PAWSX_LANGUAGES)
    assert results["flags"]["task_name"] == "PAWS-X"
    assert rows(tmp_path / "out" / "test_predictions.tsv")[-1][0] == "test-zh-12"
