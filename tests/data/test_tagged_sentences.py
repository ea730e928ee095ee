"""Sentences whose words have tags: what is read from CoNLL files and JSON lines, and what is refused."""

import json
import os
import random
from pathlib import Path

import pytest
from seqeval.metrics.sequence_labeling import get_entities

from bert_tf.data.tag_schemes import entities
from bert_tf.data.tagged_sentences import (
    TaggedData,
    TaggedSentence,
    entity_types,
    read_tagged_sentences,
    sentences_digest,
    tag_names,
)
from bert_tf.errors import UserError

TWO_SENTENCES = [(("Alice", "saw", "Rome"), ("B-PER", "O", "B-LOC")), (("Why", "?"), ("O", "O"))]


def read(folder: Path, content: str | bytes, needs_tags: bool = True, name: str = "train.conll") -> TaggedData:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    return read_tagged_sentences(path, needs_tags)


def read_json(folder: Path, *lines: object, needs_tags: bool = True, name: str = "train.jsonl") -> TaggedData:
    return read(folder, "".join(json.dumps(line) + "\n" for line in lines), needs_tags, name)


def message_for(folder: Path, content: str | bytes, needs_tags: bool = True, name: str = "train.conll") -> str:
    with pytest.raises(UserError) as error:
        read(folder, content, needs_tags, name)
    message = str(error.value)
    assert "\n" not in message
    assert message.isprintable()
    assert "; " in message, "it does not say what to do"
    return message.removeprefix(f"{folder}/{name}")


def words_and_tags(data: TaggedData) -> list[tuple]:
    return [(sentence.words, sentence.tags) for sentence in data.sentences]


# CoNLL files


@pytest.mark.parametrize(
    "content",
    [
        "Alice\tB-PER\nsaw\tO\nRome\tB-LOC\n\nWhy\tO\n?\tO\n",
        "Alice B-PER\nsaw O\nRome B-LOC\n\nWhy O\n? O",
        "\n\n\nAlice B-PER\nsaw O\nRome B-LOC\n\n\n\nWhy O\n? O\n\n",
        "\ufeffAlice\tB-PER\r\nsaw\tO\r\nRome\tB-LOC\r\n\r\nWhy\tO\r\n?\tO\r\n",
        "Alice\tB-PER\nsaw\tO\nRome\tB-LOC\n\t\nWhy\tO\n?\tO\n\t\t\n",
        "Alice B-PER\nsaw O\nRome B-LOC\n  \t \nWhy O\n? O\n",
        "Alice   \tB-PER\nsaw \t O\nRome\tB-LOC\t\t\n\nWhy\tO \n?\tO\n",
        "Alice NNP B-NP B-PER\nsaw VBD B-VP O\nRome NNP B-NP B-LOC\n\nWhy WRB O O\n? . O O\n",
        "Alice    NNP  B-PER\nsaw   VBD\t O\nRome NNP B-LOC \n\nWhy WRB O\n? . O\n",
        "Alice\t\tB-PER\nsaw\t\tO\nRome\t\tB-LOC\n\nWhy\t\tO\n?\t\tO\n",
    ],
    ids=[
        "tabs",
        "spaces",
        "blank lines",
        "crlf",
        "tab lines",
        "space lines",
        "both",
        "columns",
        "many spaces",
        "empty",
    ],
)
def test_the_forms_of_a_conll_file_are_one(tmp_path, content):
    data = read(tmp_path, content)
    assert words_and_tags(data) == TWO_SENTENCES
    assert [sentence.guid for sentence in data.sentences] == ["0", "1"]


def test_a_docstart_line_begins_a_document_and_is_no_sentence(tmp_path):
    data = read(tmp_path, "-DOCSTART- -X- O\n\na O\n\nb O\n-DOCSTART- -X- O\nc O\n\n-DOCSTART-\n\n-DOCSTART-\n\nd O\n")
    assert [(*sentence.words, sentence.document) for sentence in data.sentences] == [
        ("a", 0),
        ("b", 0),
        ("c", 1),
        ("d", 2),
    ]


def test_a_docstart_line_may_have_other_columns_than_words(tmp_path):
    assert read(tmp_path, "-DOCSTART- O\n\na\tNN\tO\n").sentences[0].words == ("a",)


def test_a_file_without_documents_is_one(tmp_path):
    assert {sentence.document for sentence in read(tmp_path, "a O\n\nb O\n").sentences} == {0}


def test_sentences_know_their_line(tmp_path):
    assert [sentence.line for sentence in read(tmp_path, "\n-DOCSTART- O\n\na O\nb O\n\t\n\nc O\n").sentences] == [4, 8]


def test_a_file_of_one_column_has_no_tags(tmp_path):
    data = read(tmp_path, "Alice\nsaw\n\nWhy\t\n?\n", needs_tags=False)
    assert words_and_tags(data) == [(("Alice", "saw"), None), (("Why", "?"), None)]
    assert data.scheme is None


def test_a_test_set_keeps_the_tags_that_it_has(tmp_path):
    assert read(tmp_path, "Alice I-PER\n", needs_tags=False).sentences[0].tags == ("B-PER",)


def test_a_test_set_whose_last_column_has_no_tags_is_read_without_and_says_so(tmp_path, caplog):
    data = read(tmp_path, "Alice O\nsaw VBD\n", needs_tags=False)
    assert words_and_tags(data) == [(("Alice", "saw"), None)]
    assert caplog.messages == [f"{tmp_path}/train.conll:2: unknown tag 'VBD'; the file is read without tags."]


@pytest.mark.parametrize(
    "word", ["#", "#tag", '"', "''", "\u00a0", "\u200b", "\u2028", "\x85", "\x1b", "B-PER", "-X-", "😀"]
)
@pytest.mark.parametrize("separator", ["\t", " "])
def test_a_word_may_be_anything_but_white_space(tmp_path, word, separator):
    (sentence,) = read(tmp_path, f"{word}{separator}O\n{word}{separator}B-x\n").sentences
    assert sentence.words == (word, word)


def test_a_word_of_a_no_break_space_is_no_blank_line(tmp_path):
    assert read(tmp_path, "a\n\u00a0\nb\n", needs_tags=False).sentences[0].words == ("a", "\u00a0", "b")


def test_between_tabs_words_and_types_may_have_spaces(tmp_path):
    (sentence,) = read(tmp_path, "New York\tB-big city\n").sentences
    assert (sentence.words, sentence.tags) == (("New York",), ("B-big city",))


def test_words_that_are_numbers_are_words(tmp_path):
    assert read(tmp_path, "1 O\n2 O\n\n3 O\n").sentences[0].words == ("1", "2")
    assert read(tmp_path, "1 O\n\n1 O\n").sentences[0].words == ("1",)
    assert read(tmp_path, "1\n2\n", needs_tags=False).sentences[0].words == ("1", "2")


# Schemes


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        ("B-PER I-PER B-PER O B-LOC", "BIO"),
        ("I-PER I-PER B-PER O I-LOC", "IOB1"),
        ("B-PER E-PER S-PER O S-LOC", "BIOES"),
    ],
)
def test_the_scheme_is_found_out_and_said(tmp_path, caplog, tags, scheme):
    caplog.set_level("INFO", "absl")
    data = read(tmp_path, "".join(f"w {tag}\n" for tag in tags.split()))
    assert data.scheme == scheme
    assert data.sentences[0].tags == ("B-PER", "I-PER", "B-PER", "O", "B-LOC")
    (line,) = caplog.messages
    assert line.startswith(
        f"{tmp_path}/train.conll: 1 sentence of 5 words, 3 entities of 2 types (LOC, PER); tags are {scheme}"
    )
    assert line.endswith("read as BIO.") == (scheme != "BIO")


@pytest.mark.parametrize(
    ("lines", "warning"),
    [
        (["B-x", "O", "I-x", "O", "B-x"], ":3: a tag continues no entity; read as B-, as conlleval does."),
        (
            ["S-x", "O", "S-x", "E-x", "I-y"],
            ":4: this tag and 1 more continue no entity; read as B-, as conlleval does.",
        ),
    ],
)
def test_tags_that_continue_no_entity_are_said_and_begin_one(tmp_path, caplog, lines, warning):
    data = read(tmp_path, "".join(f"w {tag}\n" for tag in lines))
    assert caplog.messages == [f"{tmp_path}/train.conll{warning}"]
    assert not {tag[0] for tag in data.sentences[0].tags} & {"I", "E", "S"}


def test_in_iob1_nothing_is_said_of_them(tmp_path, caplog):
    read(tmp_path, "w I-x\n")
    assert caplog.messages == []


# JSON lines


@pytest.mark.parametrize(("words", "tags"), [("words", "tags"), ("tokens", "ner_tags"), ("tokens", "tags")])
@pytest.mark.parametrize("name", ["a.jsonl", "a.JSON", "a.ndjson", "a.txt"])
def test_json_lines_are_known_by_suffix_and_content(tmp_path, words, tags, name):
    lines = [{words: list(sentence[0]), tags: list(sentence[1]), "id": 5} for sentence in TWO_SENTENCES]
    assert words_and_tags(read_json(tmp_path, *lines, name=name)) == TWO_SENTENCES


def test_json_lines_may_begin_with_blank_lines(tmp_path):
    assert read(tmp_path, '\n \n{ "words": ["a"], "tags": ["O"]}\n').sentences[0].line == 3


@pytest.mark.parametrize("name", ["a.jsonl", "a.JSON", "a.ndjson"])
def test_files_named_as_json_that_are_none_are_told_the_form(tmp_path, name):
    message = message_for(tmp_path, "a O\n", name=name)
    assert message.startswith(":1: is not JSON")
    assert message.endswith('write one object a line, such as {"words": ["Alice", "sleeps"], "tags": ["B-PER", "O"]}')


def test_each_change_of_document_begins_one(tmp_path):
    documents = ["a", "a", "b", 3, 3, None, "a"]
    data = read_json(tmp_path, *({"words": ["w"], "tags": ["O"], "document": each} for each in documents))
    assert [sentence.document for sentence in data.sentences] == [0, 0, 1, 2, 2, 3, 4]
    data = read_json(tmp_path, {"words": ["w"], "tags": ["O"]}, {"words": ["w"], "tags": ["O"]})
    assert [sentence.document for sentence in data.sentences] == [0, 0]


def test_lines_of_json_may_be_blank_and_are_counted(tmp_path):
    data = read(tmp_path, '\n{"words": ["a"], "tags": ["O"]}\n\n{"words": ["b"], "tags": ["O"]}\n', name="a.jsonl")
    assert [sentence.line for sentence in data.sentences] == [2, 4]


@pytest.mark.parametrize("line", [{"words": ["a"]}, {"words": ["a"], "tags": None}])
def test_json_lines_without_tags_are_a_test_set(tmp_path, line):
    assert words_and_tags(read_json(tmp_path, line, needs_tags=False)) == [(("a",), None)]
    assert message_for(tmp_path, json.dumps(line), name="a.jsonl").startswith(":1: there is no tag")


def test_where_a_tag_is_missing_a_test_set_has_none(tmp_path, caplog):
    data = read_json(tmp_path, {"words": ["a"], "tags": ["O"]}, {"words": ["b"]}, needs_tags=False)
    assert words_and_tags(data) == [(("a",), None), (("b",), None)]
    assert caplog.messages == [f"{tmp_path}/train.jsonl:2: there is no tag; the file is read without tags."]


# What is refused


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a O\nb\n", ":2: the line has 1 column, but line 1 has 2"),
        ("\na\tO\nb O\n", ":3: the line has 1 column, but line 2 has 2"),
        ("# id 1\na _ _ O\n", ":2: the line has 4 columns, but line 1 has 3; remove the comments"),
        ("a _ _ O\n\n# id 1\nb _ _ O\n", ":3: the line has 3 columns, but line 1 has 4; remove the comments"),
        ("a O\n\nb VBD\n", ":3: unknown tag 'VBD'; write O outside of entities"),
        ("a O\nb B\n", ":2: unknown tag 'B'"),
        ("a O\nb B-\x1b[31m\n", ":2: unknown tag 'B-\\x1b[31m'"),
        ("a\nb\n", ":1: there is no tag"),
        ("a\tO\n\tO\n", ":2: there is no word in front of the tag"),
        ("a\tO\n  \tO\n", ":2: there is no word in front of the tag"),
        (" O\n", ":1: there is no word in front of the tag"),
        ("1 a O\n2 b O\n\n1 c O\n", ":1: column 1 has the numbers of the words"),
        ("-DOCSTART- O\n\n0\ta\tO\n1\tb\tO\n", ":3: column 1 has the numbers of the words"),
        ("a O\rb O\r", ":1: the line has a carriage return in it"),
        ("a O\n\nb O\0\n", ":3: there is a NUL character in the line"),
        (b"a O\n\xe9t\xe9 O\n", ":2: byte 0xe9 is not UTF-8"),
        ("a O\n".encode("utf-16"), ":1: the file is UTF-16"),
        ("", ":1: the file is empty"),
        ("\n\t\n", ":1: there is no sentence in the file"),
        ("-DOCSTART- -X- O\n\n", ":1: there is no sentence in the file"),
    ],
)
def test_bad_conll_files_are_one_line(tmp_path, content, message):
    assert message_for(tmp_path, content).startswith(message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"words": ["a"], "tags": ["O"]}\n{"words": ["a"\n', ":2: is not JSON"),
        ('[{"words": ["a"], "tags": ["O"]}]', ":1: is no JSON object; write one object a line"),
        ("[" * 100_000, ":1: is not JSON"),
        ('{"text": "a"}', ':1: has no "words" or "tokens"; write one sentence a line, such as {"words"'),
        ('{"words": "a b", "tags": ["O", "O"]}', ":1: has 'a b' (str) as \"words\", which must be a list"),
        ('{"words": ["a"], "tags": "O"}', ":1: has 'O' (str) as \"tags\", which must be a list"),
        ('{"words": [], "tags": []}', ':1: there is no word in "words"'),
        ('{"tokens": ["a", 3], "tags": ["O", "O"]}', ':1: "tokens"[1] is 3 (int), but must be a text'),
        ('{"words": ["a", " "], "tags": ["O", "O"]}', ':1: "words"[1] is empty'),
        ('{"words": ["a\\tb"], "tags": ["O"]}', ':1: "words"[0] has a tab'),
        ('{"words": ["a\\u0000"], "tags": ["O"]}', ':1: "words"[0] has a tab, a line end or a NUL'),
        ('{"words": ["\\ud83d"], "tags": ["O"]}', ':1: "words"[0] has half of a surrogate pair'),
        ('{"words": ["a"], "tags": ["O", "O"]}', ":1: has 1 word, but 2 tags"),
        ('{"words": ["a"], "ner_tags": [3]}', ":1: unknown tag 3"),
        ('{"words": ["a"], "tags": [["O"]]}', ":1: unknown tag ['O']"),
        ('{"words": ["a"], "tags": ["B-\\ud83d"]}', ":1: unknown tag 'B-\\ud83d'"),
    ],
)
def test_bad_json_lines_are_one_line(tmp_path, content, message):
    assert message_for(tmp_path, content, name="a.json").startswith(message)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"none\.conll: there is no such file; check the path"):
        read_tagged_sentences(tmp_path / "none.conll", needs_tags=True)


def test_whatever_is_in_a_file_there_is_data_or_one_line(tmp_path):
    chance = random.Random(3)
    parts = [
        *'aO\t\n \r#0{}[]",:',
        "\n\n",
        " O",
        "\tO",
        "B-x",
        "I-x",
        "-DOCSTART-",
        '{"words": ["a"], "tags": ["O"]}\n',
        "\u2028",
    ]
    for _ in range(300):
        content = "".join(chance.choices(parts, k=chance.randrange(1, 12)))
        try:
            data = read(tmp_path, content, needs_tags=chance.random() < 0.5, name=chance.choice(["a.conll", "a.jsonl"]))
        except UserError as error:
            assert str(error).isprintable(), content
        else:
            assert all(sentence.words and all(sentence.words) for sentence in data.sentences), content
            assert all(
                sentence.tags is None or len(sentence.tags) == len(sentence.words) for sentence in data.sentences
            )


# The data set as a whole


def test_the_digest_depends_on_words_tags_and_documents_only():
    sentence = TaggedSentence("0", ("Alice", "sleeps"), ("B-PER", "O"), 0, 1)
    same = TaggedSentence("7", ("Alice", "sleeps"), ("B-PER", "O"), 0, 9)
    others = [
        TaggedSentence("0", ("Alice", "slept"), ("B-PER", "O"), 0, 1),
        TaggedSentence("0", ("Alice", "sleeps"), ("B-LOC", "O"), 0, 1),
        TaggedSentence("0", ("Alice", "sleeps"), None, 0, 1),
        TaggedSentence("0", ("Alice", "sleeps"), ("B-PER", "O"), 1, 1),
    ]
    assert sentences_digest([sentence]) == sentences_digest([same])
    assert sentences_digest([sentence]) not in [sentences_digest([other]) for other in others]
    assert sentences_digest([sentence, others[0]]) != sentences_digest([others[0], sentence])


def test_the_scheme_of_a_file_does_not_change_its_digest(tmp_path):
    digests = {
        sentences_digest(read(tmp_path, "".join(f"w {tag}\n" for tag in tags.split())).sentences)
        for tags in ("B-x I-x B-x O B-y", "I-x I-x B-x O I-y", "B-x E-x S-x O S-y")
    }
    assert len(digests) == 1


def test_types_and_tags_have_an_order_that_the_file_does_not_change():
    sentences = [
        TaggedSentence("0", ("a", "b"), ("B-person", "I-person"), 0, 1),
        TaggedSentence("1", ("c",), ("B-creative-work",), 0, 4),
        TaggedSentence("2", ("c",), None, 0, 6),
    ]
    types = entity_types(sentences)
    assert types == entity_types(sentences[::-1]) == ("creative-work", "person")
    assert tag_names(types) == ("O", "B-creative-work", "I-creative-work", "B-person", "I-person")


# WNUT 2017


@pytest.fixture
def ner_dir() -> Path:
    if not os.environ.get("NER_DIR"):
        pytest.skip("NER_DIR is not set; set it to the folder that holds WNUT 2017 as train.conll and dev.conll")
    return Path(os.environ["NER_DIR"])


@pytest.mark.parametrize(
    ("split", "num_sentences", "num_words", "num_entities"), [("train", 3394, 62730, 1975), ("dev", 1009, 15733, 836)]
)
def test_all_of_wnut_is_read(ner_dir, split, num_sentences, num_words, num_entities):
    data = read_tagged_sentences(ner_dir / f"{split}.conll", needs_tags=True)
    assert data.scheme == "BIO"
    assert len(data.sentences) == num_sentences
    assert sum(len(sentence.words) for sentence in data.sentences) == num_words
    found = [entities(sentence.tags) for sentence in data.sentences]
    assert sum(map(len, found)) == num_entities
    assert found == [
        [(kind, first, last + 1) for kind, first, last in get_entities(list(sentence.tags))]
        for sentence in data.sentences
    ]
    assert entity_types(data.sentences) == ("corporation", "creative-work", "group", "location", "person", "product")


def test_words_and_tags_of_wnut_are_those_of_its_lines(ner_dir):
    data = read_tagged_sentences(ner_dir / "train.conll", needs_tags=True)
    lines = (ner_dir / "train.conll").read_text(encoding="utf-8").split("\n")
    assert sum(len(sentence.words) for sentence in data.sentences) == sum(bool(line.strip()) for line in lines)
    for sentence in data.sentences:
        rows = [f"{word}\t{tag}" for word, tag in zip(sentence.words, sentence.tags, strict=True)]
        assert lines[sentence.line - 1 : sentence.line - 1 + len(rows)] == rows
