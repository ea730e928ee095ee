"""Runs that tag words, from their folders to the three files of the report."""

import csv
import json
import random
import re

import numpy as np
import pytest
from support.html_checks import checked
from support.synthetic_runs import edit_results
from support.tag_runs import SENTENCES, draw_tags, write_tag_run

from bert_tf.report import captions, table, wording
from bert_tf.report.classes import scores_of_types
from bert_tf.report.command import command
from bert_tf.report.comparison import compare
from bert_tf.report.predictions import TagPredictions
from bert_tf.report.report import write_report
from bert_tf.report.runs import read_runs
from bert_tf.report.significance import paired_bootstrap
from bert_tf.report.study import BOOTSTRAP
from bert_tf.tasks.tag_metrics import per_type, sentence_f1, tag_scores

MANY = SENTENCES * 8
RIGHT = [(tags, 0.5) for _, tags in SENTENCES]


def write(folder, accuracy=0.7, seed=0, rate=2e-5, **options):
    answers = draw_tags(MANY, accuracy, int(rate * 1e6) + seed)
    return write_tag_run(folder, MANY, answers, seed=seed, learning_rate=rate, **options)


def study_of(folder):
    (study,) = compare(read_runs([folder]))
    return study


# Reading.


def test_a_run_is_read_whole(tmp_path):
    folder = write(tmp_path / "run")
    inventory = read_runs([folder])
    assert not inventory.skipped
    (run,) = inventory.runs
    assert (run.kind, run.task, run.headline.key) == ("token_classification", "NER", "eval_f1")
    assert isinstance(run.predictions, TagPredictions) and not run.collapsed and run.num_dev_examples == len(MANY)
    answers = draw_tags(MANY, 0.7, 20)
    assert run.predictions.words == tuple(tuple(words) for words, _ in MANY)
    assert run.predictions.gold == tuple(tuple(tags) for _, tags in MANY)
    assert run.predictions.predicted == tuple(tuple(tags) for tags, _ in answers)
    np.testing.assert_allclose(run.predictions.confidence, [probability for _, probability in answers])
    np.testing.assert_allclose(run.values.values, run.predictions.f1)


def test_the_folder_of_an_evaluation_has_no_task_and_its_program_says_the_kind(tmp_path):
    folder = write(tmp_path / "run")
    for name in ("task.json", "run.json", "train_log.csv"):
        (folder / name).unlink()
    edit_results(folder, train_runtime=None)
    inventory = read_runs([folder])
    assert not inventory.skipped and isinstance(inventory.runs[0].predictions, TagPredictions)


def test_without_values_f1_is_taken_of_the_tags(tmp_path):
    folder = write(tmp_path / "run")
    (folder / "eval_values.tsv").unlink()
    (run,) = read_runs([folder]).runs
    np.testing.assert_array_equal(run.values.values, run.predictions.f1)


@pytest.mark.parametrize("type_", ["", "LOC"])
def test_a_model_that_gives_all_words_the_same_type_has_collapsed(tmp_path, type_):
    tags = [[f"B-{type_}"] + [f"I-{type_}"] * (len(tags) - 1) if type_ else ["O"] * len(tags) for _, tags in SENTENCES]
    write_tag_run(tmp_path / "run", SENTENCES, [(each, 0.9) for each in tags])
    (run,) = read_runs([tmp_path]).runs
    assert run.collapsed
    (sentence,) = wording.left_out(study_of(tmp_path))
    assert sentence.startswith("Collapsed, the same type or none for all words: run (")


def broken(edit):
    """A change of the first row."""

    def change(text):
        header, first, rest = text.split("\n", 2)
        return "\n".join([header, "\t".join(edit(first.split("\t"))), rest])

    return change


def with_cell(column, text):
    return broken(lambda row: [*row[:column], text, *row[column + 1 :]])


_LISTS = ":2: has something other than a list of words and two lists of their tags"


@pytest.mark.parametrize(
    ("edit", "word"),
    [
        (lambda text: "", "is empty or its last line is cut off"),
        (lambda text: text[:-5], "its last line is cut off"),
        (lambda text: text.partition("\n")[0] + "\n", "no rows"),
        (lambda text: text.replace("probability", "x", 1), "is not a file of tags of words"),
        (broken(lambda row: row[:-1]), ":2: is cut off"),
        (broken(lambda row: [*row, "x"]), ":2: is cut off"),
        (with_cell(1, "0"), "has other scores of sentences than its tags have"),
        (with_cell(2, "0.5"), "has other scores of sentences than its tags have"),
        (with_cell(2, "nan"), "not finite"),
        (with_cell(3, "x"), ":2: has something other than a number"),
        (with_cell(3, "1.5"), "not probabilities"),
        (with_cell(3, "-0.1"), "not probabilities"),
        (with_cell(4, '["Bo"'), ":2: has a list that is cut off or not JSON"),
        (with_cell(4, "[" * 100_000), ":2: has a list that is cut off or not JSON"),
        (with_cell(4, '"Bo Lindal"'), _LISTS),
        (with_cell(4, "[1, 2, 3, 4, 5, 6]"), _LISTS),
        (with_cell(5, '["O"]'), _LISTS),
        (with_cell(6, '["O", "O", "O", "O", "O", "NNP"]'), _LISTS),
        (broken(lambda row: [*row[:4], "[]", "[]", "[]"]), _LISTS),
        (broken(lambda row: [row[0], "0", "0", row[3], *row[4:6], '["O", "O", "O", "O", "O", "O"]']), "recall differs"),
    ],
)
def test_tags_that_cannot_be_used_are_named_and_the_run_stays(tmp_path, edit, word):
    path = write_tag_run(tmp_path / "run", SENTENCES, RIGHT) / "eval_predictions.tsv"
    path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
    inventory = read_runs([tmp_path])
    assert inventory.runs[0].predictions is None and inventory.runs[0].values is not None
    (line,) = inventory.skipped
    assert line.startswith(str(path)) and word in line and "\n" not in line and len(line) < 400
    assert captions.no_predictions(study_of(tmp_path)).endswith(
        "without usable tags, so calibration, types and mistakes are not shown."
    )


def test_values_of_another_evaluation_are_not_taken(tmp_path):
    folder, other = write(tmp_path / "run"), write(tmp_path / "other", accuracy=0.3, seed=1)
    (folder / "eval_values.tsv").write_text((other / "eval_values.tsv").read_text())
    inventory = read_runs([folder])
    assert "eval_values.tsv: has other values than eval_predictions.tsv" in inventory.skipped[0]


# Scores.


def draw_bio(draw, length):
    return [draw.choice(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]) for _ in range(length)]


def test_all_scores_are_those_of_seqeval():
    draw = random.Random(1)
    for _ in range(50):
        lengths = [draw.randint(1, 8) for _ in range(draw.randint(1, 6))]
        gold, predicted = (tuple(tuple(draw_bio(draw, length)) for length in lengths) for _ in range(2))
        words = tuple(("word",) * length for length in lengths)
        found = TagPredictions(tuple(map(str, range(len(gold)))), words, gold, predicted, np.ones(len(gold)))
        assert found.scores == pytest.approx(tag_scores(gold, predicted))
        assert found.f1.tolist() == pytest.approx(list(map(sentence_f1, gold, predicted)))
        of_types = {
            each.name: {
                "precision": each.precision[0],
                "recall": each.recall[0],
                "f1": each.f1[0],
                "support": each.number,
            }
            for each in scores_of_types([found])
        }
        expected = per_type(gold, predicted)
        assert list(of_types) == list(expected)
        for name, scores in expected.items():
            assert of_types[name] == pytest.approx(scores)


def test_scores_of_types_have_the_spread_of_the_seeds(tmp_path):
    missed = [(["O"] * len(tags), 0.5) if number == 4 else (tags, 0.5) for number, (_, tags) in enumerate(SENTENCES)]
    for seed, answers in enumerate((RIGHT, missed)):
        write_tag_run(tmp_path / str(seed), SENTENCES, answers, seed=seed)
    location, *_ = scores_of_types([run.predictions for run in read_runs([tmp_path]).runs])
    assert (location.name, location.number) == ("LOC", 3)
    assert location.recall == pytest.approx((5 / 6, np.std([1, 2 / 3], ddof=1))) and location.precision == (1, 0)


# Comparing.


def test_configurations_are_tested_in_f1_per_sentence(tmp_path):
    for rate, accuracy in ((1e-5, 0.3), (2e-5, 0.9), (3e-5, 0.8)):
        for seed in range(2):
            write(tmp_path / f"{rate}-{seed}", accuracy=accuracy, seed=seed, rate=rate)
    study = study_of(tmp_path)
    best, *others = study.configurations
    assert best.label == "lr 2e-5" and not study.also_tested
    for each in others:
        assert each.comparison.p_value == paired_bootstrap(best.values, each.values)[0]
        assert each.comparison.method == BOOTSTRAP
    assert others[-1].comparison.is_significant
    methods = " ".join(wording.methods(study))
    assert "The F1 is not a mean over examples, so the test compares the mean F1 per sentence" in methods
    assert "Tagging every word O is tested against the best one in the same way." in methods
    assert "configuration's mean F1 per sentence is" in wording.precision(study)


def test_tagging_every_word_o_is_the_constant_answer(tmp_path):
    for seed in range(3):
        write(tmp_path / str(seed), accuracy=0.9, seed=seed)
    study = study_of(tmp_path)
    assert study.constant.share == pytest.approx(1 / 6) and study.constant.score is None
    np.testing.assert_array_equal(study.constant.values[0], [0, 1, 0, 0, 0, 0] * 8)
    sentence = wording.conclusion(study)[-1]
    assert sentence.startswith("Tagging every word O would be right for 16.7 % of the dev examples; in F1 per sentence")
    assert "the configuration is significantly better than that" in sentence
    assert "right by tagging every word O; in F1 per sentence the model is" in captions.key_numbers(study)[1][1]


def test_the_table_has_precision_recall_and_f1_in_percent(tmp_path):
    for seed in range(2):
        write(tmp_path / str(seed), seed=seed)
    study = study_of(tmp_path)
    assert table.header(study)[3:7] == ["F1, %", "Precision, %", "Recall, %", "Token accuracy, %"]
    cells = table.cells(study, study.best)[3:7]
    assert all(re.fullmatch(r"\d\d\.\d ± \d+\.\d", cell.text) for cell in cells)
    assert cells[2].value == study.best.summary("eval_recall")[0]
    assert "A long sentence is read in several windows" in wording.table_note(study)


def test_the_command_is_that_of_run_ner(tmp_path):
    folder = write(tmp_path / "run")
    flags = json.loads((folder / "results.json").read_text())["flags"]
    edit_results(folder, flags=flags | {"dev_file": "my dev.conll", "train_file": "train.conll"})
    (run,) = read_runs([tmp_path]).runs
    text = command(run)
    assert text.startswith("python scripts/run_ner.py --do_train --do_eval")
    assert "'--dev_file=my dev.conll'" in text and "--repair=conll" in text and "task_name" not in text


# Showing.


def test_the_page_has_types_calibration_and_mistakes_with_both_taggings(tmp_path):
    answers = list(RIGHT)
    answers[0] = (["B-PER", "I-PER", "O", "O", "B-ORG", "O"], 0.75)
    answers[2] = (["O", "O", "B-PER", "I-PER", "I-PER", "O", "B-ORG", "I-ORG", "O"], 0.625)
    write_tag_run(tmp_path / "run", SENTENCES, answers)
    write_report([tmp_path], tmp_path)
    text = (tmp_path / "report.html").read_text()
    assert (
        "<h4>Types of entities</h4>" in text and '<th scope="row" data-value="ORG">ORG</th><td data-value="2">2' in text
    )
    assert "the difference between sentence accuracy and mean confidence" in text
    assert "probability of the tags of a sentence" in text
    assert "<h5>Another type: 1 of 6 sentences</h5>" in text and "<h5>Other limits: 1 of 6 sentences</h5>" in text
    assert "Of 8 entities, 5 were found, 1 got another type, 2 other limits, and 0 were missed; 0 more were" in text
    assert "<li><p>Sentence dev-1: all tags together with 75.0 %, F1 50.0 %</p>" in text
    assert (
        '<blockquote><mark class="right"><small>PER</small> Bo Lindal</mark> sailed to '
        '<mark class="gold prediction"><small>gold LOC, predicted ORG</small> Arvel</mark> .</blockquote>'
    ) in text
    assert "<dt>Predicted</dt><dd>“Arvel” (ORG)</dd><dt>Gold</dt><dd>“Arvel” (LOC)</dd>" in text
    both = '<mark class="gold prediction"><small>gold and predicted PER</small>'
    assert f"{both} Ada Moe</mark> {both} Eva</mark> and " in text
    assert "<dd>“Ada Moe Eva” (PER)</dd><dt>Gold</dt><dd>“Ada Moe” (PER), “Eva” (PER)</dd>" in text


def test_without_mistakes_the_page_says_so(tmp_path):
    write_tag_run(tmp_path / "run", SENTENCES, RIGHT)
    write_report([tmp_path], tmp_path)
    text = (tmp_path / "report.html").read_text()
    assert "<h4>Mistakes</h4>" in text and "There are no mistakes on the dev set." in text


SCRIPT = "<script>document.title='taken'</script>\x00\u202e&amp;"


def test_hostile_words_and_types_are_shown_as_text_on_a_page_that_stays_valid(tmp_path):
    kind = "<b>'\"&_x"
    sentences = [([SCRIPT, "a\ud800", SCRIPT], [f"B-{kind}", "O", "O"])] * 3
    write_tag_run(tmp_path / "run", sentences, [([f"B-{SCRIPT[:20]}", "O", f"B-{kind}"], 0.9)] * 3)
    write_report([tmp_path / "run"], tmp_path / "report")
    checker = checked(tmp_path / "report" / "report.html")
    assert not checker.errors and not checker.open
    text = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert text.count("<script") == 1 and "<b>" not in text and not re.search("[\x00-\x08\u202e]", text)
    assert {tag for tag, _ in checker.seen} >= {"mark", "dl", "h5"} and "&lt;script&gt;document.title" in text


def test_the_csv_file_and_markdown_have_the_scores(tmp_path):
    for rate, accuracy in ((1e-5, 0.3), (2e-5, 0.9)):
        write(tmp_path / "runs" / str(rate), accuracy, rate=rate)
    write_report([tmp_path / "runs"], tmp_path)
    with (tmp_path / "report.csv").open() as file:
        best, other = csv.DictReader(file)
    assert float(best["f1_mean"]) > float(other["f1_mean"]) and float(best["precision_mean"]) > 0.5
    assert float(other["p_adjusted"]) < 0.05 and other["test"] == BOOTSTRAP and best["calibration_error"]
    text = (tmp_path / "report.md").read_text()
    assert "| F1, % | Precision, % | Recall, % | Token accuracy, % |" in text and "Lindal" not in text
