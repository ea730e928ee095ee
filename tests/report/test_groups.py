"""Groups of dev examples, such as languages, from results.json to the report."""

import json

import numpy as np
import pytest
from support.html_checks import checked
from support.language_files import write_xnli
from support.synthetic_runs import draw_probabilities, edit_results, write_run

from bert_tf.data.processors import find_processor
from bert_tf.report import wording
from bert_tf.report.command import command
from bert_tf.report.comparison import compare
from bert_tf.report.dev_set import read_dev_examples
from bert_tf.report.groups import group_table, parse_groups
from bert_tf.report.report import write_report
from bert_tf.report.runs import read_runs


def groups(**accuracies):
    scores = {
        name: {"examples": 20, "eval_accuracy": value, "eval_loss": 1.0, "loss": 1.0}
        for name, value in accuracies.items()
    }
    return {"name": "language", "scores": scores, "mean": {"eval_accuracy": 7}}


def write(folder, seed=0, **accuracies):
    write_run(folder, draw_probabilities(["0", "1"] * 20, 0.7, seed), ["0", "1"] * 20, seed=seed)
    edit_results(folder, evaluation={"groups": groups(**accuracies), "xnli_language": "de,th"})
    return folder


def test_the_table_has_means_over_seeds_and_over_groups():
    table = group_table([parse_groups(groups(de=0.5, th=0.25)), parse_groups(groups(de=0.75, th=0.25))])
    assert (table.name, [score.key for score in table.scores]) == ("language", ["eval_accuracy"])
    assert table.rows == [
        ("de", 20, [(0.625, pytest.approx(np.std([0.5, 0.75], ddof=1)))]),
        ("th", 20, [(0.25, 0.0)]),
    ]
    assert table.means == [(0.4375, pytest.approx(np.std([0.375, 0.5], ddof=1)))]


def test_runs_with_other_groups_have_no_table():
    seeds = [parse_groups(groups(de=0.5, th=0.25)), parse_groups(groups(de=0.75))]
    assert group_table(seeds) is None and group_table([seeds[0], None]) is None and group_table([]) is None
    without_scores = {"name": "language", "scores": {"de": {"examples": 3}}}
    assert group_table([parse_groups(without_scores)]) is None


@pytest.mark.parametrize(
    "change",
    [
        {"name": None},
        {"name": ""},
        {"scores": None},
        {"scores": {}},
        {"scores": ["de"]},
        {"scores": {"de": 0.5}},
        {"scores": {"de": {"eval_accuracy": 0.5}}},
        {"scores": {"de": {"examples": -3, "eval_accuracy": 0.5}}},
        {"scores": {"de": {"examples": 2.5, "eval_accuracy": 0.5}}},
        {"scores": {"de": {"examples": 10**400, "eval_accuracy": 0.5}}},
        {"scores": {"de": {"examples": 2, "eval_accuracy": 84.3}}},
        {"scores": {"de": {"examples": 2, "eval_accuracy": "high"}}},
        {"scores": {"de": {"examples": 2, "eval_accuracy": float("nan")}}},
        {"scores": {str(n): {"examples": 2, "eval_accuracy": 0.5} for n in range(1001)}},
    ],
)
def test_anything_but_groups_with_scores_is_named_and_left_out(tmp_path, change):
    folder = write(tmp_path / "run", de=0.5)
    edit_results(folder, evaluation={"groups": groups(de=0.5) | change})
    inventory = read_runs([folder])
    assert [run.groups for run in inventory.runs] == [None]
    assert inventory.skipped == [
        f"{folder / 'results.json'}: has values that cannot be used: groups are not groups with scores"
    ]


def test_the_report_shows_the_scores_of_each_language(tmp_path):
    for seed, (de, th) in enumerate([(0.5, 0.25), (0.75, 0.25)]):
        write(tmp_path / f"runs/{seed}", seed, de=de, **{"th<b>": th})
    write_report([tmp_path / "runs"], tmp_path)
    checked(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<h4>Scores by language</h4>" in page and "th&lt;b&gt;" in page and "th<b>" not in page
    assert "Mean over all 2, which count the same: accuracy 43.8 ± 8.8 %." in page
    assert 'data-value="0.625">62.5' in page
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| Language | Dev examples | Accuracy, % |\n| --- | ---: | ---: |\n| de | 20 | 62.5 ± 17.7 |\n" in text
    assert "| mean | 40 | 43.8 ± 8.8 |\n" in text


def test_without_groups_the_report_has_no_table_of_them(tmp_path):
    write_run(tmp_path / "runs/0", draw_probabilities(["0", "1"] * 20, 0.7, 0), ["0", "1"] * 20)
    write_report([tmp_path / "runs"], tmp_path)
    assert "Scores by" not in (tmp_path / "report.html").read_text() + (tmp_path / "report.md").read_text()


def test_studies_of_other_training_languages_are_told_apart_by_them(tmp_path):
    probabilities, labels = draw_probabilities(["0", "1"] * 20, 0.7, 0), ["0", "1"] * 20
    for language in (None, "en"):
        flags = {"task_name": "PAWS-X", "train_language": language, "train_data": f"{language}-data"}
        write_run(tmp_path / f"runs/{language}", probabilities, labels, **flags)
    studies = compare(read_runs([tmp_path / "runs"]))
    languages = [title.split("training language ")[1][:2] for title in wording.titles(studies)]
    assert sorted(languages) == ["en", "zh"]
    assert "differ in training language (" in wording.separation(studies)


def test_the_command_names_the_languages_of_the_scores(tmp_path):
    (run,) = read_runs([write(tmp_path / "run", de=0.5)]).runs
    assert "--xnli_language=de,th" in command(run)


def test_the_texts_of_a_dev_set_in_several_languages_are_found(tmp_path):
    write_xnli(tmp_path / "xnli", ("ar", "th", "zh"))
    examples = find_processor("XNLI", None, "ar,th").get_dev_examples(tmp_path / "xnli")
    names = ("contradiction", "entailment", "neutral")
    folder = tmp_path / "run"
    labels = [str(names.index(each.label)) for each in examples]
    write_run(folder, np.tile(np.float32([[0.2, 0.5, 0.3]]), (6, 1)), labels, guids=[each.guid for each in examples])
    path = folder / "eval_predictions.tsv"
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    lines = [["guid", "label", *names], *([guid, names[int(label)], *rest] for guid, label, *rest in rows[1:])]
    path.write_text("".join("\t".join(line) + "\n" for line in lines))
    training = json.loads((folder / "run.json").read_text())["training"] | {"task_name": "XNLI"}
    (folder / "run.json").write_text(json.dumps({"training": training}))
    edit_results(folder, evaluation={"data_dir": str(tmp_path / "xnli"), "xnli_language": "ar,th"})
    (run,) = compare(read_runs([folder]))[0].runs
    found, reason = read_dev_examples(run)
    assert reason is None and [each.text_b for each in found] == [each.text_b for each in examples]
