import pytest
from support.tag_runs import SENTENCES, write_tag_run

from bert_tf.report.runs import read_runs
from bert_tf.report.wrong_taggings import LIMITS, MISSING, NEEDLESS, SEVERAL, TYPE, worst_taggings

RIGHT = [(tags, 0.5) for _, tags in SENTENCES]


def write(folder, changes, sentences=SENTENCES, **options):
    """Writes a run with the right tags but for these changes, by the number of the sentence."""
    answers = [(tags, 0.5) for _, tags in sentences]
    for number, (tags, probability) in changes.items():
        answers[number] = (tags.split(), probability)
    return write_tag_run(folder, sentences, answers, **options)


def found(folder, **options):
    groups, mistakes = worst_taggings([run.predictions for run in read_runs([folder]).runs], **options)
    return {group.kind: group for group in groups}, mistakes


def one_tagging(tmp_path, sentence, predicted):
    words, gold = sentence
    write(tmp_path / "run", {0: (predicted, 0.9)}, [(words.split(), gold.split())])
    groups, mistakes = found(tmp_path)
    ((tagging,),) = [group.worst for group in groups.values()]
    return tagging, mistakes


@pytest.mark.parametrize(
    ("gold", "predicted", "mistakes", "kind"),
    [
        ("B-PER I-PER O O", "B-ORG I-ORG O O", [TYPE], TYPE),
        ("B-PER I-PER O O", "B-PER O O O", [LIMITS], LIMITS),
        ("B-PER I-PER O O", "O B-LOC I-LOC O", [LIMITS], LIMITS),
        ("B-PER I-PER O O", "B-PER B-PER O O", [LIMITS], LIMITS),
        ("B-PER B-PER O O", "B-PER I-PER O O", [LIMITS, LIMITS], LIMITS),
        ("B-PER I-PER O O", "O O O O", [MISSING], MISSING),
        ("O O O O", "O O O B-PER", [NEEDLESS], NEEDLESS),
        ("B-PER O B-LOC O", "B-PER I-PER B-LOC O", [LIMITS], LIMITS),
        ("B-PER O B-LOC O", "O O B-LOC B-ORG", [MISSING, NEEDLESS], SEVERAL),
        ("B-PER B-LOC B-LOC O", "B-ORG B-LOC O O", [TYPE, MISSING], SEVERAL),
    ],
)
def test_each_mistake_has_a_kind(tmp_path, gold, predicted, mistakes, kind):
    tagging, counts = one_tagging(tmp_path, ("Ada Moe in Brenn", gold), predicted)
    assert tagging.mistakes == mistakes and tagging.kind == kind
    assert counts.total() == len(mistakes) and all(counts[each] == mistakes.count(each) for each in mistakes)


def test_the_surest_come_first_and_no_more_than_asked_for(tmp_path):
    changes = {0: ("O O O O O O", 0.3), 3: ("O O O O", 0.9), 4: ("O O O O", 0.6)}
    write(tmp_path / "run", changes)
    groups, mistakes = found(tmp_path, count=2)
    assert [tagging.guid for tagging in groups[MISSING].worst] == ["dev-4", "dev-5"]
    assert groups[MISSING].number == 3 and mistakes == {MISSING: 4}


def test_several_seeds_speak_by_the_tags_with_the_highest_mean_probability(tmp_path):
    write(tmp_path / "a", {4: ("O O O B-ORG", 0.9), 5: ("O O O", 0.4)}, seed=0)
    write(tmp_path / "b", {4: ("O O O O", 0.3)}, seed=1)
    write(tmp_path / "c", {4: ("O O O O", 0.2)}, seed=2)
    groups, _ = found(tmp_path)
    (tagging,) = groups[TYPE].worst
    assert list(groups) == [TYPE] and tagging.probability == pytest.approx(0.3)
    assert [entity.type for entity in tagging.wrong] == ["ORG"]


def test_entities_that_touch_are_marked_apart(tmp_path):
    tagging, _ = one_tagging(tmp_path, ("so Ada Moe Eva sang", "O B-PER I-PER B-PER O"), "O B-PER I-PER O B-LOC")
    assert tagging.parts == [
        ("so", None, None, False),
        ("Ada Moe", "PER", "PER", True),
        ("Eva", "PER", None, False),
        ("sang", None, "LOC", False),
    ]


def test_the_words_on_which_two_taggings_agree_in_part_are_marked_with_both(tmp_path):
    tagging, _ = one_tagging(tmp_path, ("the Peace of Sarre", "O B-MISC I-MISC I-MISC"), "O O O B-LOC")
    assert tagging.parts[1:] == [("Peace of", "MISC", None, False), ("Sarre", "MISC", "LOC", False)]


def test_a_long_sentence_is_shown_around_its_first_mistake(tmp_path):
    words, gold = " ".join(f"w{number}" for number in range(1000)), " ".join(["O"] * 1000)
    predicted = " ".join(["O"] * 500 + ["B-PER"] + ["O"] * 499)
    before, marked, after = (tagging := one_tagging(tmp_path, (words, gold), predicted)[0]).parts[1:-1]
    assert tagging.parts[0].text == tagging.parts[-1].text == "…" and marked.text == "w500"
    assert before.text.split()[0] == "w450" and after.text.split()[-1] == "w649"


def test_a_long_word_is_shortened(tmp_path):
    tagging, _ = one_tagging(tmp_path, (f"{'x' * 100_000} b", "B-PER O"), "O O")
    assert len(tagging.parts[0].text) < 300
