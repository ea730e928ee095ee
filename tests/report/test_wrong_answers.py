import json

import pytest
from support.question_runs import make_squad, questions_of, write_question_run

from bert_tf.report.runs import read_runs
from bert_tf.report.wrong_answers import MISSING, NEEDLESS, WRONG, worst_answers

SQUAD = make_squad()
RIGHT = [(qas["answers"][0]["text"] if qas["answers"] else "", 0.5) for _, qas in questions_of(SQUAD)]
IDS = [qas["id"] for _, qas in questions_of(SQUAD)]


def write(folder, changes, squad=SQUAD, predict_file=None, **options):
    """Writes a run with the right answers but for these changes, by the number of the question."""
    path = folder.parent / "dev.json"
    path.write_text(json.dumps(squad))
    answers = [changes.get(number, answer) for number, answer in enumerate(RIGHT)]
    return write_question_run(folder, SQUAD, answers, predict_file=predict_file or path, **options)


def found(folder, **options):
    groups, reason = worst_answers(read_runs([folder]).runs, **options)
    return {group.kind: group for group in groups}, reason


def marked(answer):
    return {label: part for part, label in answer.excerpt if label}


def test_a_wrong_answer_comes_with_its_question_and_both_marked(tmp_path):
    write(tmp_path / "run", {2: ("a lamp for petroleum", 0.9)})
    groups, reason = found(tmp_path / "run")
    assert reason is None and list(groups) == [WRONG] and groups[WRONG].number == 1
    (answer,) = groups[WRONG].worst
    assert answer.guid == IDS[2] and answer.answers == ("whale oil",) and answer.probability == 0.9 and answer.f1 == 0
    assert answer.question.text == "What did the lamp burn before 1861?"
    assert answer.question.title == "Lighthouse_of_Arvel"
    assert marked(answer) == {"gold": "whale oil", "prediction": "a lamp for petroleum"}


def test_the_surest_come_first_and_a_partly_right_one_counts_less(tmp_path):
    partly = ("the brothers Tomas and Per Lindal. Its", 0.95)
    write(tmp_path / "run", {1: partly, 2: ("Arvel", 0.6), 3: ("31 meters", 0.8)})
    groups, _ = found(tmp_path / "run")
    assert [answer.guid for answer in groups[WRONG].worst] == [IDS[3], IDS[2], IDS[1]]


def test_needless_and_missing_answers_are_told_apart_from_wrong_ones(tmp_path):
    write(tmp_path / "run", {0: ("", 0.7), 5: ("Anna Moe", 0.8), 4: ("1861", 0.9)})
    groups, _ = found(tmp_path / "run")
    assert {kind: [answer.guid for answer in group.worst] for kind, group in groups.items()} == {
        WRONG: [IDS[4]],
        NEEDLESS: [IDS[5]],
        MISSING: [IDS[0]],
    }
    assert marked(groups[NEEDLESS].worst[0]) == {"prediction": "Anna Moe"}
    assert marked(groups[MISSING].worst[0]) == {"gold": "in 1794"}


def test_no_more_are_given_than_asked_for_and_all_are_counted(tmp_path):
    write(tmp_path / "run", {number: ("Arvel", 0.5) for number in range(5)})
    groups, _ = found(tmp_path / "run", count=2)
    assert len(groups[WRONG].worst) == 2 and groups[WRONG].number == 5


def test_several_seeds_speak_by_the_answer_with_the_highest_mean_probability(tmp_path):
    write(tmp_path / "a", {2: ("Arvel", 0.9), 3: ("1861", 0.4)}, seed=0)
    write(tmp_path / "b", {2: ("petroleum", 0.3)}, seed=1)
    write(tmp_path / "c", {2: ("petroleum", 0.2)}, seed=2)
    groups, _ = found(tmp_path)
    (answer,) = groups[WRONG].worst
    assert answer.predicted == "Arvel" and answer.probability == pytest.approx(0.3)


def test_without_mistakes_no_file_is_read(tmp_path):
    write(tmp_path / "run", {}, predict_file=tmp_path / "missing.json")
    assert found(tmp_path / "run") == ({}, None)


def changed(squad, number, **changes):
    squad = json.loads(json.dumps(squad))
    questions_of(squad)[number][1].update(changes)
    return squad


@pytest.mark.parametrize(
    "squad",
    [
        changed(SQUAD, 2, id="other"),
        changed(SQUAD, 2, answers=[{"text": "oil", "answer_start": 3}]),
        changed(SQUAD, 2, answers=[]),
        {"data": []},
    ],
    ids=["id", "answer", "no answer", "empty"],
)
def test_a_file_that_has_changed_is_said(tmp_path, squad):
    write(tmp_path / "run", {2: ("Arvel", 0.9)}, squad)
    groups, reason = found(tmp_path / "run")
    assert reason == f"the questions in {tmp_path / 'dev.json'} are not those that were predicted"
    (answer,) = groups[WRONG].worst
    assert answer.question is None and answer.excerpt == [] and answer.predicted == "Arvel"


def test_a_missing_file_is_said(tmp_path):
    write(tmp_path / "run", {2: ("Arvel", 0.9)}, predict_file=tmp_path / "gone.json")
    assert found(tmp_path / "run")[1] == (
        f"{tmp_path / 'gone.json'}: cannot be read (No such file or directory); "
        "the questions are shown without their texts"
    )


def test_offsets_that_do_not_fit_the_text_are_not_believed(tmp_path):
    for start in (3, -5, 10**30):
        squad = changed(SQUAD, 2, answers=[{"text": "whale oil", "answer_start": start}])
        write(tmp_path / str(start), {2: ("Arvel", 0.9)}, squad)
        groups, reason = found(tmp_path / str(start))
        assert reason is None and marked(groups[WRONG].worst[0]) == {"gold": "whale oil", "prediction": "Arvel"}


def test_an_offset_from_the_end_is_not_believed(tmp_path):
    squad = changed(SQUAD, 4, answers=[{"text": "31 meters", "answer_start": -15}])
    write(tmp_path / "run", {4: ("Arvel", 0.9)}, squad)
    (answer,) = found(tmp_path / "run")[0][WRONG].worst
    assert marked(answer) == {"gold": "31 meters", "prediction": "Arvel"}
    assert "".join(part for part, _ in answer.excerpt) == answer.question.context


def test_a_prediction_that_is_there_several_times_is_marked_next_to_a_gold_answer(tmp_path):
    write(tmp_path / "run", {4: ("lamp", 0.9)})
    groups, _ = found(tmp_path / "run")
    before, (prediction, label), after, *_ = groups[WRONG].worst[0].excerpt
    assert (prediction, label) == ("lamp", "prediction")
    assert before.text.endswith("replaced it by a ") and after.text.startswith(" for petroleum")
