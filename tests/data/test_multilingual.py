"""XNLI and PAWS-X, from files in the form of the real ones."""

import csv

import pytest
from support.language_files import (
    PAWSX_LANGUAGES,
    SENTENCES,
    XNLI_HEADER,
    XNLI_LANGUAGES,
    write_pawsx,
    write_xnli,
    xnli_row,
)

from bert_tf.data.examples import InputExample, examples_digest
from bert_tf.data.multilingual import PawsxProcessor, XnliProcessor
from bert_tf.data.processors import canonical_name, find_processor
from bert_tf.errors import UserError


def write_rows(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")


def test_xnli_is_chinese_as_in_the_original(tmp_path):
    write_xnli(tmp_path)
    processor = XnliProcessor()
    premise, entailed, contradicted, other = SENTENCES["zh"]
    assert processor.get_train_examples(tmp_path) == [
        InputExample("train-1", premise, entailed, "entailment"),
        InputExample("train-2", premise, contradicted, "contradiction"),
        InputExample("train-3", premise, other, "neutral"),
    ]
    first = 3 * XNLI_LANGUAGES.index("zh") + 1
    dev = processor.get_dev_examples(tmp_path)
    assert dev[0] == InputExample(f"dev-{first}", premise, entailed, "entailment")
    assert [each.guid for each in dev] == [f"dev-{first + row}" for row in range(3)]
    assert [each.guid for each in processor.get_test_examples(tmp_path)] == [f"test-{first + row}" for row in range(3)]


def test_all_languages_of_xnli_come_out_of_one_file_each_example_with_its_language(tmp_path):
    write_xnli(tmp_path)
    processor = find_processor("xnli", "en", "all")
    assert processor.get_train_examples(tmp_path)[0].text_a == SENTENCES["en"][0]
    for split in ("dev", "test"):
        examples = getattr(processor, f"get_{split}_examples")(tmp_path)
        languages = [language for language in XNLI_LANGUAGES for _ in range(3)]
        assert [each.group for each in examples] == languages
        assert [each.guid for each in examples] == [f"{split}-{lang}-{n}" for n, lang in enumerate(languages, start=1)]
        assert [each.text_b for each in examples] == [text for lang in XNLI_LANGUAGES for text in SENTENCES[lang][1:]]


def test_one_language_has_the_same_examples_however_it_is_chosen(tmp_path):
    write_xnli(tmp_path)
    alone = find_processor("XNLI", None, "hi").get_dev_examples(tmp_path)
    among = [each for each in find_processor("XNLI", None, "hi,th").get_dev_examples(tmp_path) if each.group == "hi"]
    assert [each.group for each in alone] == [None] * 3 and [each.guid for each in alone] != [
        each.guid for each in among
    ]
    assert examples_digest(alone) == examples_digest(among)

    class Hindi(XnliProcessor):
        language = "hi"

    assert Hindi().get_dev_examples(tmp_path) == alone
    assert Hindi().get_train_examples(tmp_path)[0].text_a == SENTENCES["hi"][0]


def test_xnlis_double_quotes_are_characters_as_in_the_originals_reading(tmp_path):
    texts = ['"Ja .', '"Ja ." sagt sie .', '""', 'Er sagt "nein" .', '"']
    write_rows(
        tmp_path / "multinli/multinli.train.de.tsv",
        [("premise", "hypo", "label"), *((text, f"{text} x", "neutral") for text in texts)],
    )
    rows = [xnli_row("de", text, f'"{text}', "contradiction") for text in texts]
    write_rows(tmp_path / "xnli.dev.tsv", [XNLI_HEADER, *rows, xnli_row("fr", '"Oui .', "Non .", "neutral")])
    processor = find_processor("XNLI", "de", "de,fr")

    def original(name):
        with (tmp_path / name).open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file, delimiter="\t", quotechar=None))[1:]

    train, dev = processor.get_train_examples(tmp_path), processor.get_dev_examples(tmp_path)
    assert [[each.text_a, each.text_b] for each in train] == [
        line[:2] for line in original("multinli/multinli.train.de.tsv")
    ]
    assert [[each.group, each.text_a, each.text_b] for each in dev] == [
        [line[0], *line[6:8]] for line in original("xnli.dev.tsv")
    ]


def test_languages_that_a_file_does_not_have_are_one_line(tmp_path):
    write_xnli(tmp_path, ("ar", "zh"))
    with pytest.raises(UserError) as caught:
        find_processor("XNLI", None, "all").get_dev_examples(tmp_path)
    missing = "'bg', 'de', 'el', 'en' and 9 more"
    problem = f"there are no rows with {missing} in column 1, only with 'ar', 'zh'"
    assert str(caught.value) == f"{tmp_path / 'xnli.dev.tsv'}:1: {problem}; check that this is the right file"
    for task, path in (("XNLI", "multinli/multinli.train.de.tsv"), ("PAWS-X", "x-final/de/translated_train.tsv")):
        with pytest.raises(UserError) as caught:
            find_processor(task, "de").get_train_examples(tmp_path)
        assert str(caught.value).startswith(f"{tmp_path / path}: there is no such file; ")


@pytest.mark.parametrize(
    ("task", "train", "languages", "message"),
    [
        ("XNLI", "ja", None, "train_language: is 'ja'; it must be one of ar, bg, de, el, "),
        ("XNLI", "all", None, "train_language: is 'all'; it must be one of ar, "),
        ("XNLI", "en,zh", None, "train_language: is 'en,zh'; it must be one of ar, "),
        ("XNLI", "", None, "train_language: is ''; it must be one of ar, "),
        ("XNLI", None, "en,klingon", "xnli_language: has 'klingon'; choose from ar, bg, "),
        ("XNLI", None, "en,", "xnli_language: has ''; choose from ar, "),
        ("XNLI", None, "all,en", "xnli_language: has 'all'; choose from ar, "),
        ("PAWS-X", None, "th", "xnli_language: has 'th'; choose from de, en, es, fr, ja, ko, zh, with commas"),
    ],
)
def test_a_language_that_the_corpus_does_not_have_is_one_line(task, train, languages, message):
    with pytest.raises(UserError) as caught:
        find_processor(task, train, languages)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_other_tasks_have_no_languages_to_choose():
    assert not hasattr(find_processor("MRPC", "en", "all"), "eval_languages")


# PAWS-X.


def test_pawsx_is_read_from_the_files_of_each_language(tmp_path):
    write_pawsx(tmp_path)
    processor = find_processor("pawsx", "en", "all")
    premise, same, *_ = SENTENCES["en"]
    assert processor.get_train_examples(tmp_path)[0] == InputExample("train-1", premise, same, "1")
    examples = processor.get_dev_examples(tmp_path)
    assert [each.group for each in examples] == [language for language in PAWSX_LANGUAGES for _ in range(3)]
    assert examples[-1] == InputExample("dev-zh-3", SENTENCES["zh"][0], SENTENCES["zh"][3], "0", "zh")
    tested = processor.get_test_examples(tmp_path)
    assert [each.guid for each in tested[:4]] == ["test-de-1", "test-de-2", "test-de-3", "test-en-1"]
    assert {each.label for each in tested} == {"0"}


def test_pawsx_is_chinese_by_default_too_and_its_guids_are_then_the_ids(tmp_path):
    write_pawsx(tmp_path)
    processor = PawsxProcessor()
    assert processor.get_train_examples(tmp_path)[0].text_a == SENTENCES["zh"][0]
    assert [(each.guid, each.group) for each in processor.get_dev_examples(tmp_path)] == [
        (f"dev-{number}", None) for number in (1, 2, 3)
    ]


def test_a_sentence_of_pawsx_that_was_not_translated_is_left_out_and_counted(tmp_path, caplog):
    header, rows = ("id", "sentence1", "sentence2", "label"), [("7", "NS", "b", "1"), ("8", "NS .", "", "0")]
    write_rows(tmp_path / "x-final/ko/dev_2k.tsv", [header, *rows, ("9", "a", " NS", "0"), ("10", '"a', "b", "1")])
    examples = find_processor("PAWS-X", None, "ko").get_dev_examples(tmp_path)
    assert examples == [InputExample("dev-8", "NS .", "", "0"), InputExample("dev-10", '"a', "b", "1")]
    (line,) = (each.getMessage() for each in caplog.records if each.levelname == "WARNING")
    assert line.endswith("dev_2k.tsv: left out 2 examples with NS in place of a sentence, which was not translated.")


@pytest.mark.parametrize("name", ["PAWS-X", "paws-x", "pawsx", "PAWS_X"])
def test_pawsx_has_one_name_however_it_is_written(name):
    assert canonical_name(name) == "PAWS-X" and isinstance(find_processor(name), PawsxProcessor)
