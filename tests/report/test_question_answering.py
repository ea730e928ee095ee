"""Runs that answer questions, from their folders to the three files of the report."""

import csv
import json
import re

import numpy as np
import pytest
from support.html_checks import checked
from support.question_runs import draw_answers, make_squad, questions_of, write_question_run
from support.synthetic_runs import edit_results, write_curve

from bert_tf.report import captions, table, wording
from bert_tf.report.comparison import compare
from bert_tf.report.predictions import AnswerPredictions
from bert_tf.report.report import write_report
from bert_tf.report.runs import read_runs
from bert_tf.report.significance import mcnemar_exact, paired_bootstrap
from bert_tf.report.study import BOOTSTRAP, MCNEMAR
from bert_tf.report.tasks import task_rows

SQUAD11, SQUAD20 = (make_squad(5, has_impossible) for has_impossible in (False, True))


def write(folder, squad=SQUAD20, accuracy=0.7, seed=0, rate=2e-5, **options):
    answers = draw_answers(squad, accuracy, int(rate * 1e6) + seed)
    return write_question_run(folder, squad, answers, seed=seed, learning_rate=rate, **options)


def study_of(folder):
    (study,) = compare(read_runs([folder]))
    return study


def rewrite(path, edit):
    path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")


# Reading.


def test_a_run_is_read_whole(tmp_path):
    folder = write(tmp_path / "run", predict_file="somewhere.json")
    inventory = read_runs([folder])
    assert not inventory.skipped
    (run,) = inventory.runs
    assert (run.kind, run.task, run.predict_file) == ("question_answering", "SQuAD-v2.0", "somewhere.json")
    assert run.headline.key == "eval_f1" and isinstance(run.predictions, AnswerPredictions) and not run.collapsed
    answers = draw_answers(SQUAD20, 0.7, 20)
    assert run.predictions.predicted == tuple(text for text, _ in answers)
    np.testing.assert_allclose(run.predictions.confidence, [probability for _, probability in answers])
    gold = [tuple(answer["text"] for answer in qas["answers"]) for _, qas in questions_of(SQUAD20)]
    assert run.predictions.answers == tuple(gold) and run.num_dev_examples == len(gold) == 55
    np.testing.assert_allclose(run.values.values, run.predictions.f1)


def test_the_folder_of_an_evaluation_has_no_task_and_its_program_says_the_kind(tmp_path):
    folder = write(tmp_path / "run")
    for name in ("task.json", "run.json", "train_log.csv"):
        (folder / name).unlink()
    edit_results(folder, program="run_squad", train_runtime=None)
    inventory = read_runs([folder])
    assert not inventory.skipped and isinstance(inventory.runs[0].predictions, AnswerPredictions)


def test_a_later_evaluation_names_another_file_and_other_settings(tmp_path):
    folder = write(tmp_path / "run", predict_file="old.json")
    edit_results(folder, evaluation={"predict_file": "new.json", "n_best_size": 5, "do_lower_case": True})
    (run,) = read_runs([folder]).runs
    assert run.predict_file == "new.json" and run.flags["n_best_size"] == 5 and "do_lower_case" not in run.flags


def test_without_values_f1_is_taken_of_the_predictions(tmp_path):
    folder = write(tmp_path / "run")
    (folder / "eval_values.tsv").unlink()
    (run,) = read_runs([folder]).runs
    np.testing.assert_array_equal(run.values.values, run.predictions.f1)


def test_a_model_that_never_answers_has_collapsed(tmp_path):
    write_question_run(tmp_path / "run", SQUAD20, [("", 0.9)] * 55)
    (run,) = read_runs([tmp_path]).runs
    assert run.collapsed and run.score == pytest.approx(10 / 55)


ROW = "Ligh0p0q0\t1.0\t1.0\t0.5\t"


def broken(edit):
    """A change of the first row."""

    def change(text):
        header, first, rest = text.split("\n", 2)
        return "\n".join([header, "\t".join(edit(first.split("\t"))), rest])

    return change


@pytest.mark.parametrize(
    ("edit", "word"),
    [
        (lambda text: "", "is empty or its last line is cut off"),
        (lambda text: text[:-5], "its last line is cut off"),
        (lambda text: text.partition("\n")[0] + "\n", "no rows"),
        (lambda text: text.replace("probability", "x", 1), "is not a file of answers to questions"),
        (lambda text: text.partition("\n")[2], "is not a file of answers to questions"),
        (broken(lambda row: [row[0], "0.0", *row[2:]]), "exact match differs"),
        (broken(lambda row: row[:-1]), ":2: is cut off"),
        (broken(lambda row: [*row, "x"]), ":2: is cut off"),
        (broken(lambda row: [*row[:1], "x", *row[2:]]), ":2: has something other than a number"),
        (broken(lambda row: [*row[:2], "nan", *row[3:]]), "not finite"),
        (broken(lambda row: [*row[:1], "0.5", *row[2:]]), "not exact match, F1 and probability"),
        (broken(lambda row: [*row[:2], "100.0", *row[3:]]), "not exact match, F1 and probability"),
        (broken(lambda row: [*row[:3], "-0.1", *row[4:]]), "not exact match, F1 and probability"),
        (broken(lambda row: [*row[:4], "1794", row[5]]), ":2: has something other than a text and a list"),
        (broken(lambda row: [*row[:4], "null", row[5]]), ":2: has something other than a text and a list"),
        (broken(lambda row: [*row[:4], '"1794', row[5]]), ":2: has an answer that is cut off or not JSON"),
        (broken(lambda row: [*row[:4], "[" * 100_000, row[5]]), ":2: has an answer that is cut off or not JSON"),
        (broken(lambda row: [*row[:5], '"1794"']), ":2: has something other than a text and a list"),
        (broken(lambda row: [*row[:5], '["1794", 3]']), ":2: has something other than a text and a list"),
        (broken(lambda row: [*row[:5], "{}"]), ":2: has something other than a text and a list"),
        (broken(lambda row: [row[0], "1.0", "0.9", *row[3:]]), "F1 differs"),
    ],
)
def test_answers_that_cannot_be_used_are_named_and_the_run_stays(tmp_path, edit, word):
    path = write(tmp_path / "run", accuracy=1.0) / "eval_predictions.tsv"
    rewrite(path, edit)
    inventory = read_runs([tmp_path])
    assert inventory.runs[0].predictions is None and inventory.runs[0].values is not None
    (line,) = inventory.skipped
    assert line.startswith(str(path)) and word in line and "\n" not in line and len(line) < 400
    study = study_of(tmp_path)
    assert captions.no_predictions(study).endswith("without usable answers, so calibration and mistakes are not shown.")


def test_values_of_another_evaluation_are_not_taken(tmp_path):
    folder, other = write(tmp_path / "run"), write(tmp_path / "other", accuracy=0.3, seed=1)
    (folder / "eval_predictions.tsv").unlink()
    (folder / "eval_values.tsv").write_text((other / "eval_values.tsv").read_text())
    inventory = read_runs([folder])
    assert inventory.runs[0].values is None
    assert "eval_values.tsv: does not belong to results.json: its F1 differs" in inventory.skipped[0]


# Comparing.


def test_exact_match_is_tested_beside_f1(tmp_path):
    for rate, accuracy in ((1e-5, 0.6), (2e-5, 0.9), (3e-5, 0.8)):
        for seed in range(2):
            write(tmp_path / f"{rate}-{seed}", accuracy=accuracy, seed=seed, rate=rate)
    study = study_of(tmp_path)
    assert [score.key for score in study.also_tested] == ["eval_exact_match"]
    best, *others = study.configurations
    assert best.label == "lr 2e-5" and best.other_comparisons == {}
    for each in others:
        assert each.comparison.p_value == paired_bootstrap(best.values, each.values)[0]
        exact = [np.stack([run.predictions.exact_match for run in side.runs]) for side in (best, each)]
        comparison = each.other_comparisons["eval_exact_match"]
        assert (comparison.p_value, comparison.method) == (paired_bootstrap(*exact)[0], BOOTSTRAP)
        assert comparison.p_value <= comparison.adjusted
    assert "The exact match is tested in the same way" in " ".join(wording.methods(study))


def test_the_exact_match_of_single_seeds_is_tested_by_mcnemar(tmp_path):
    write(tmp_path / "a", accuracy=0.6, rate=1e-5)
    write(tmp_path / "b", accuracy=0.9, rate=2e-5)
    study = study_of(tmp_path)
    best, other = study.configurations
    comparison = other.other_comparisons["eval_exact_match"]
    exact = [side.runs[0].predictions.exact_match for side in (best, other)]
    assert (comparison.p_value, comparison.method) == (mcnemar_exact(*exact), MCNEMAR)
    assert other.comparison.method == BOOTSTRAP
    methods = " ".join(wording.methods(study))
    assert "Paired bootstrap" in methods and "McNemar's exact test" in methods


def test_other_settings_of_the_answers_are_another_configuration(tmp_path):
    for threshold in (0.0, -2.0):
        folder = write(tmp_path / str(threshold))
        edit_results(folder, evaluation={"null_score_diff_threshold": threshold})
    failed = write(tmp_path / "failed", seed=1)
    (failed / "results.json").unlink()
    study = study_of(tmp_path)
    assert sorted(each.label for each in study.configurations) == [
        "null_score_diff_threshold -2",
        "null_score_diff_threshold 0",
    ]
    assert not study.notes and [len(each.failed) for each in study.configurations] == [1, 1]


def test_the_two_versions_are_two_studies(tmp_path):
    write(tmp_path / "1", SQUAD11)
    write(tmp_path / "2", SQUAD20)
    studies = compare(read_runs([tmp_path]))
    assert sorted(study.task for study in studies) == ["SQuAD", "SQuAD-v2.0"]


def test_never_answering_is_the_constant_answer_where_some_questions_have_none(tmp_path):
    for seed in range(3):
        write(tmp_path / str(seed), accuracy=0.9, seed=seed)
    study = study_of(tmp_path)
    assert study.constant.score == study.constant.share == pytest.approx(10 / 55)
    sentence = wording.conclusion(study)[-1]
    assert sentence.startswith(
        "Never giving an answer would be right for 18.2 % of the dev examples; the configuration"
    )
    assert "is significantly better than that" in sentence
    assert "by never giving an answer; the model is significantly better" in captions.key_numbers(study)[-2][1]
    assert "and of never giving an answer on the same dev examples" in wording.methods(study)[0]


def test_where_all_questions_have_an_answer_there_is_no_constant_one(tmp_path):
    write(tmp_path / "run", SQUAD11)
    study = study_of(tmp_path)
    assert study.constant is None and study.constant_comparison is None
    assert len(captions.key_numbers(study)) == 3 and len(wording.conclusion(study)) == 2


# Showing.


def test_exact_match_is_among_the_numbers_to_see_first(tmp_path):
    for seed in range(3):
        write(tmp_path / str(seed), SQUAD11, seed=seed)
    study = study_of(tmp_path)
    mean = study.best.summary("eval_exact_match")[0]
    (number, meaning), (exact, other), _ = captions.key_numbers(study)
    assert number == f"{100 * study.best.score:.1f} ± {100 * study.best.summary('eval_f1')[1]:.1f} %"
    assert meaning.startswith("mean F1, 3 seeds") and other == "mean exact match of the same runs"
    assert exact.startswith(f"{100 * mean:.1f} ± ")
    assert wording.conclusion(study)[1] == f"Its exact match is {exact}."


def test_scores_have_the_names_that_people_know(tmp_path):
    write(tmp_path / "run")
    assert table.header(study_of(tmp_path))[3:12] == [
        "F1, %",
        "Exact match, %",
        "With answer: exact match, %",
        "With answer: F1, %",
        "No answer: exact match, %",
        "Best threshold: exact match, %",
        "Threshold for exact match",
        "Best threshold: F1, %",
        "Threshold for F1",
    ]


def test_the_table_has_a_column_for_each_test(tmp_path):
    for rate, accuracy in ((1e-5, 0.5), (2e-5, 0.9)):
        write(tmp_path / str(rate), SQUAD11, accuracy, rate=rate)
    study = study_of(tmp_path)
    rows = [dict(zip(table.header(study), table.cells(study, each), strict=True)) for each in study.configurations]
    assert rows[0]["p, exact match"].text == "\N{EN DASH}" and rows[0]["p, exact match"].value is None
    assert rows[1]["p, exact match"].value == study.configurations[1].other_comparisons["eval_exact_match"].adjusted
    assert "the speeds count these" in wording.table_note(study)


def test_a_configuration_without_answers_is_not_tested_in_exact_match(tmp_path):
    for rate, accuracy in ((1e-5, 0.5), (2e-5, 0.9), (3e-5, 0.7)):
        write(tmp_path / str(rate), SQUAD11, accuracy, rate=rate)
    (tmp_path / "1e-05" / "eval_predictions.tsv").unlink()
    study = study_of(tmp_path)
    column = table.header(study).index("p, exact match")
    texts = {each.label: table.cells(study, each)[column].text for each in study.configurations}
    assert texts.pop("lr 2e-5") == "\N{EN DASH}" and texts.pop("lr 1e-5") == "not tested" and texts["lr 3e-5"]


def test_the_table_of_tasks_has_both_metrics(tmp_path):
    write(tmp_path / "1", SQUAD11, dataset="/squad/dev-v1.1.json")
    write(tmp_path / "2", SQUAD20, dataset="/squad/dev-v2.0.json")
    rows = task_rows(compare(read_runs([tmp_path])))
    assert sorted((row.task, row.dataset, row.metrics) for row in rows) == [
        ("SQuAD", "dev-v1.1.json", "F1 / Exact match"),
        ("SQuAD-v2.0", "dev-v2.0.json", "F1 / Exact match"),
    ]
    assert all(re.fullmatch(r"\d\d\.\d / \d\d\.\d", row.score) for row in rows)


def test_wrong_answers_are_described_with_their_numbers(tmp_path):
    path = tmp_path / "dev.json"
    path.write_text(json.dumps(SQUAD20))
    answers = [(qas["answers"][0]["text"] if qas["answers"] else "", 0.5) for _, qas in questions_of(SQUAD20)]
    answers[0], answers[5], answers[1] = ("", 0.75), ("whale oil", 0.625), ("Per Lindal", 0.8)
    write_question_run(tmp_path / "run", SQUAD20, answers, predict_file=path)
    write_report([tmp_path], tmp_path)
    text = (tmp_path / "report.html").read_text()
    assert "<h5>Wrong answers: 1 of 55 questions</h5>" in text
    assert "<h5>Answered, although the text has no answer: 1 of 55 questions</h5>" in text
    assert "<h5>Not answered, although the text has an answer: 1 of 55 questions</h5>" in text
    assert "<li><p>Lighthouse of Arvel, Ligh0p0q0</p>" in text
    assert "<dt>Question</dt><dd>When was the lighthouse built?</dd><dt>Predicted</dt><dd>no answer with 75.0 %" in text
    assert "<dt>Gold</dt><dd>“1794” or “in 1794”</dd>" in text
    assert "<dt>Predicted</dt><dd>“whale oil” with 62.5 %, F1 0.0 %</dd><dt>Gold</dt><dd>no answer</dd>" in text
    assert 'built <mark class="gold"><small>gold</small> in 1794</mark> by' in text
    both = '<mark class="gold and prediction"><small>gold and prediction</small> Per Lindal</mark>. Its'
    assert f'<mark class="gold"><small>gold</small> the brothers Tomas and </mark>{both}' in text
    assert "difference between exact match and mean confidence" in text and "probability of the answer" in text


def test_without_the_file_answers_are_shown_and_one_sentence_says_why(tmp_path):
    write(tmp_path / "run", predict_file=tmp_path / "gone.json")
    write_report([tmp_path], tmp_path)
    text = (tmp_path / "report.html").read_text()
    assert text.count("Questions and texts are not shown: ") == 1 and "gone.json: cannot be read (No such file" in text
    assert "<dt>Gold</dt>" in text and "<dt>Question</dt>" not in text and "<mark" not in text


SCRIPT = "<script>document.title = 'taken'</script>\x00\u202e&amp;"


def test_hostile_texts_are_shown_as_text_on_a_page_that_stays_valid(tmp_path):
    context = f"The {SCRIPT} of {SCRIPT} is here."
    qas = [
        {"id": f"{SCRIPT}{n}", "question": SCRIPT, "answers": [{"text": SCRIPT.replace("\x00", ""), "answer_start": 4}]}
        for n in range(3)
    ]
    squad = {"data": [{"title": SCRIPT, "paragraphs": [{"context": context.replace("\x00", ""), "qas": qas}]}]}
    (tmp_path / "<b>.json").write_text(json.dumps(squad))
    folder = write_question_run(tmp_path / "run", squad, [("of", 0.9)] * 3, predict_file=tmp_path / "<b>.json")
    write_curve(folder, {"eval_f1": [0.1, 0.2], "eval_exact_match": [0.0, 0.1]})
    write_report([tmp_path / "run"], tmp_path / "report")
    checker = checked(tmp_path / "report" / "report.html")
    assert not checker.errors and not checker.open
    assert {tag for tag, _ in checker.seen} >= {"mark", "dl", "h5", "svg"} and "img" not in dict(checker.seen)
    text = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert text.count("<script") == 1 and not re.search("[\x00-\x08\u202e]", text)
    assert text.count("&lt;script&gt;document.title") >= 9
    assert '<mark class="prediction"><small>prediction</small> of</mark>' in text


def test_the_csv_file_has_the_tests_of_exact_match(tmp_path):
    for rate, accuracy in ((1e-5, 0.5), (2e-5, 0.9)):
        write(tmp_path / "runs" / str(rate), SQUAD11, accuracy, rate=rate)
    write_report([tmp_path / "runs"], tmp_path)
    with (tmp_path / "report.csv").open() as file:
        best, other = csv.DictReader(file)
    assert float(best["exact_match_mean"]) == pytest.approx(0.9, abs=0.02) and best["p_adjusted_exact_match"] == ""
    assert float(other["p_adjusted_exact_match"]) < 0.05 and other["test_exact_match"] == MCNEMAR
