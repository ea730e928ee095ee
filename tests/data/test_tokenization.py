"""The tokenizer in the graph against the original's rules in plain Python and its recorded output."""

# ruff: noqa: RUF001 (letters that look like others are what is tested)

import functools
import json
import random
import unicodedata

import pytest
import tensorflow as tf
from support.paths import GOLDEN as GOLDEN_FOLDER
from support.random_texts import random_long_word, random_text

from bert_tf.data import tokenization
from bert_tf.errors import UserError

GOLDEN = GOLDEN_FOLDER / "tokenization.jsonl"
CHINESE_BLOCKS = [
    range(0x4E00, 0xA000),
    range(0x3400, 0x4DC0),
    range(0x20000, 0x2A6E0),
    range(0x2A700, 0x2B740),
    range(0x2B740, 0x2B820),
    range(0x2B820, 0x2CEB0),
    range(0xF900, 0xFB00),
    range(0x2F800, 0x2FA20),
]
CHINESE = {c for block in CHINESE_BLOCKS for c in block}
CODE_POINTS = [chr(c) for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
category = functools.cache(unicodedata.category)
both_casings = pytest.mark.parametrize("lower", [True, False], ids=["uncased", "cased"])


# The reference: what google-research/bert's tokenization.py (commit eedf571) computes, step by step.


def cleaned(char):
    if char in "\t\n\r" or category(char) == "Zs":
        return " "
    if char in "\0\ufffd" or category(char) in ("Cc", "Cf"):
        return ""
    if ord(char) in CHINESE:
        return f" {char} "
    return char


@functools.cache
def cleaning_table():
    """For str.translate: what `_clean_text` and `_tokenize_chinese_chars` make of each character."""
    return {ord(c): new for c in CODE_POINTS if (new := cleaned(c)) != c}


def is_punctuation(char):
    ascii_symbol = "!" <= char <= "/" or ":" <= char <= "@" or "[" <= char <= "`" or "{" <= char <= "~"
    return ascii_symbol or category(char)[0] == "P"


@functools.cache
def splitting_table():
    """For str.translate: what `_run_split_on_punc` makes of punctuation."""
    return {ord(c): f" {c} " for c in CODE_POINTS if is_punctuation(c)}


@functools.cache
def accents():
    """For str.translate: what `_run_strip_accents` takes away."""
    return {ord(c): None for c in CODE_POINTS if category(c) == "Mn"}


def basic_tokens(text, lower):
    # The original lowercases and decomposes word by word, which is the same: neither reaches across a space.
    text = " ".join(text.translate(cleaning_table()).split())
    if lower:
        text = unicodedata.normalize("NFD", text.lower()).translate(accents())
    return text.translate(splitting_table()).split()


def pieces(word, vocab):
    if len(word) > 200:
        return ["[UNK]"]
    found, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = word[start:end] if start == 0 else "##" + word[start:end]
            if piece in vocab:
                break
        else:
            return ["[UNK]"]
        found.append(piece)
        start = end
    return found


def reference(text, vocab, lower):
    return [piece for word in basic_tokens(text, lower) for piece in pieces(word, vocab)]


# Fixtures and helpers.


@pytest.fixture(scope="module")
def tokenizers(vocab_file):
    return {lower: tokenization.FullTokenizer(vocab_file, lower) for lower in (True, False)}


@pytest.fixture(scope="module")
def spelling_tokenizers(tmp_path_factory):
    """Tokenizers that spell: each character is a piece, so that no difference hides behind an [UNK]."""
    letters = [c for c in CODE_POINTS if category(c) not in ("Cn", "Co") and cleaned(c).strip()]
    file = tmp_path_factory.mktemp("spelling") / "vocab.txt"
    file.write_text("[UNK]\n" + "".join(f"{c}\n##{c}\n" for c in letters), encoding="utf-8", newline="\n")
    return {lower: tokenization.FullTokenizer(file, lower) for lower in (True, False)}


def assert_equals_reference(tokenizer, lower, texts):
    vocab = dict(tokenizer.vocab)
    for text, tokens in zip(texts, tokenizer.tokenize(texts), strict=True):
        assert tokens == reference(text, vocab, lower), ascii(text)


def write_vocab(folder, content):
    file = folder / "vocab.txt"
    file.write_bytes(content)
    return file


# Equality with the original.


@both_casings
def test_gives_what_the_original_gave_on_every_golden_line(tokenizers, lower):
    lines = [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
    lines = [line for line in lines if line["do_lower_case"] == lower]
    assert len(lines) == 948
    for line, tokens in zip(lines, tokenizers[lower].tokenize([line["text"] for line in lines]), strict=True):
        assert tokens == line["tokens"], ascii(line["text"])


@pytest.mark.slow
@both_casings
def test_the_reference_gives_what_the_original_gave_on_every_golden_line(tokenizers, lower):
    vocab = dict(tokenizers[lower].vocab)
    for line in map(json.loads, GOLDEN.read_text(encoding="utf-8").splitlines()):
        if line["do_lower_case"] == lower:
            assert reference(line["text"], vocab, lower) == line["tokens"], ascii(line["text"])


@pytest.mark.slow
@both_casings
def test_every_code_point_alone_and_between_letters_equals_the_reference(spelling_tokenizers, lower):
    assert len(CODE_POINTS) == 1_112_064
    tokenizer = spelling_tokenizers[lower]
    vocab = dict(tokenizer.vocab)
    # The original treats each word between white space by itself, so one text can hold many words.
    for start in range(0, len(CODE_POINTS), 1 << 16):
        chars = CODE_POINTS[start : start + (1 << 16)]
        batch = [f"{c} a{c}b Α{c}Σ ΑΣ{c}Α" if lower else f"{c} a{c}b" for c in chars]
        ids = tokenizer.token_ids(tf.constant(batch))
        flat, splits = ids.values.numpy().tolist(), ids.row_splits.numpy().tolist()
        for text, first, end in zip(batch, splits, splits[1:], strict=False):
            expected = [vocab[piece] for piece in reference(text, vocab, lower)]
            assert flat[first:end] == expected, ascii(text)


@pytest.mark.slow
@both_casings
def test_random_mixtures_equal_the_reference(spelling_tokenizers, lower):
    rng = random.Random(20181031)
    texts = [random_text(rng) for _ in range(12_000)] + [random_long_word(rng) for _ in range(400)]
    assert_equals_reference(spelling_tokenizers[lower], lower, texts)


@both_casings
def test_a_word_of_200_code_points_is_split_and_one_of_201_is_unknown(spelling_tokenizers, lower):
    for letter in ("a", "д", "\u0e01", "\U00010428"):
        pieces_200, pieces_201 = spelling_tokenizers[lower].tokenize([letter * 200, letter * 201])
        assert pieces_200 == [letter] + ["##" + letter] * 199
        assert pieces_201 == ["[UNK]"]


def test_length_is_counted_after_accents_are_stripped(spelling_tokenizers):
    text = "e\u0301" * 200
    assert len(spelling_tokenizers[True].tokenize(text)) == 200
    assert spelling_tokenizers[False].tokenize(text) == ["[UNK]"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("ΑΣ", "ας"),
        ("Σ", "σ"),
        ("ΑΣΑ", "ασα"),
        ("ΑΣ Α", "ας α"),
        ("ΑΣ.Α", "ασ . α"),
        ("ΑΣ,Α", "ας , α"),
        ("ΑΣ中Α", "ας 中 α"),
        ("Α\u200bΣ\u200b", "ας"),
        ("Α\u0301Σ\u0301", "ας"),
        ("1Σ", "1σ"),
        ("ΑΣΣ", "ασς"),
    ],
)
def test_a_capital_sigma_is_final_only_at_the_end_of_a_cased_word(spelling_tokenizers, text, word):
    tokens = spelling_tokenizers[True].tokenize(text)
    assert "".join(t.removeprefix("##") if t.startswith("##") else f" {t}" for t in tokens).strip() == word


def test_sigmas_of_neighboring_texts_do_not_see_each_other(spelling_tokenizers):
    assert spelling_tokenizers[True].tokenize(["Α", "Σ", "ΑΣ", "Α"]) == [["α"], ["σ"], ["α", "##ς"], ["α"]]


@pytest.mark.parametrize("accent", ["", "\u0301", "\u0301\u0323", "\u200b"])
def test_marks_that_stay_come_in_canonical_order_across_accents(spelling_tokenizers, accent):
    tokens = spelling_tokenizers[True].tokenize(f"a\u302e{accent}\U0001d165\U00016ff0b\u302e\U00016ff0")
    assert tokens == ["a", "##\U00016ff0", "##\U0001d165", "##\u302e", "##b", "##\U00016ff0", "##\u302e"]


def test_a_stripped_mark_of_class_zero_parts_the_marks_around_it(spelling_tokenizers):
    assert spelling_tokenizers[True].tokenize("a\u302e\u034f\U00016ff0") == ["a", "##\u302e", "##\U00016ff0"]


def test_bytes_that_are_not_utf_8_are_left_out_as_by_decode_ignore(spelling_tokenizers):
    rng = random.Random(1)
    alphabet = b"Az \0\x80\xbf\x9f\xa0\xc0\xc1\xc3\xa9\xce\xa3\xdf\xe0\xe4\xb8\xad\xed"
    alphabet += b"\xef\xbf\xbd\xf0\x90\xf4\x8f\xf5\xff"
    texts = [bytes(rng.choices(alphabet, k=rng.randint(0, 12))) for _ in range(20_000)]
    decoded = [text.decode("utf-8", "ignore") for text in texts]
    for lower in (True, False):
        tokenizer = spelling_tokenizers[lower]
        vocab = dict(tokenizer.vocab)
        for text, tokens, string in zip(texts, tokenizer.tokenize(texts), decoded, strict=True):
            assert tokens == reference(string, vocab, lower), text


GLUE_TEXTS = {
    "MRPC/train.tsv": (3, 4),
    "MRPC/dev.tsv": (3, 4),
    "CoLA/train.tsv": (3,),
    "CoLA/dev.tsv": (3,),
    "RTE/train.tsv": (1, 2),
    "RTE/dev.tsv": (1, 2),
    "SST-2/dev.tsv": (0,),
    "SST-2/train.tsv": (0,),
}


def glue_texts(glue_dir):
    for name, columns in GLUE_TEXTS.items():
        lines = (glue_dir / name).read_text(encoding="utf-8-sig").split("\n")
        for line in lines[: 5000 if name == "SST-2/train.tsv" else None]:
            fields = line.split("\t")
            yield from (fields[column] for column in columns if column < len(fields))


@pytest.mark.slow
@both_casings
def test_glue_sentences_equal_the_reference(tokenizers, glue_dir, lower):
    texts = list(glue_texts(glue_dir))
    assert len(texts) > 25_000
    assert_equals_reference(tokenizers[lower], lower, texts)


# The graph.


def test_a_list_gives_a_list_for_each_text_and_a_string_gives_one(tokenizers):
    assert tokenizers[True].tokenize("Hello!") == ["hello", "!"]
    assert tokenizers[True].tokenize(["Hello!", "", " \0 ", "World"]) == [["hello", "!"], [], [], ["world"]]
    assert tokenizers[True].tokenize([]) == []


@pytest.mark.slow
def test_a_saved_model_gives_the_same_ids(tokenizers, tmp_path):
    texts = tf.constant([f"Naïve ΑΣ. 한글 中{c}\u302e\U00016ff0 'tokens'" for c in "aÉ\u0130½\u0301"] + ["", "x" * 201])
    for lower, tokenizer in tokenizers.items():
        folder = str(tmp_path / f"export_{lower}")
        module = tf.Module()
        module.tokenizer = tokenizer
        tf.saved_model.save(module, folder)
        loaded = tf.saved_model.load(folder).tokenizer.token_ids(texts)
        assert loaded.dtype == tf.int32
        assert loaded.to_list() == tokenizer.token_ids(texts).to_list()


@pytest.mark.slow
def test_a_tokenizer_first_used_inside_a_dataset_gives_the_same_ids_and_still_works_outside(vocab_file):
    tokenizer = tokenization.FullTokenizer(vocab_file)
    texts = ["Déjà vu", "ΑΣ", "", "한글 \u302e\U00016ff0"]
    dataset = tf.data.Dataset.from_tensor_slices(texts).batch(3).map(tokenizer.token_ids)
    mapped = [row for batch in dataset for row in batch.to_list()]
    assert mapped == tokenizer.token_ids(tf.constant(texts)).to_list()


def test_token_ids_agree_with_tokens(tokenizers):
    tokenizer = tokenizers[True]
    ids = tokenizer.token_ids(tf.constant(["Unaffable, naïve."])).to_list()[0]
    tokens = tokenizer.tokenize("Unaffable, naïve.")
    assert tokens == ["una", "##ffa", "##ble", ",", "naive", "."]
    assert tokenizer.convert_tokens_to_ids(tokens) == ids
    assert tokenizer.convert_ids_to_tokens(ids) == tokens


# The vocabulary.


def test_line_numbers_are_ids_and_the_last_of_equal_lines_counts(tmp_path):
    file = write_vocab(tmp_path, "[UNK]\na\n\n ##b \r\na\n\n##\nc\0d\n\u00a0é".encode())
    assert tokenization.load_vocab(file) == {"[UNK]": 0, "a": 4, "": 5, "##b": 3, "##": 6, "c\0d": 7, "é": 8}
    tokenizer = tokenization.FullTokenizer(file, do_lower_case=False)
    assert tokenizer.token_ids(tf.constant(["abb é c # ab"])).to_list() == [[4, 3, 3, 8, 0, 0, 4, 3]]


def test_a_vocabulary_of_only_the_unknown_token_works(tmp_path):
    tokenizer = tokenization.FullTokenizer(write_vocab(tmp_path, b"[UNK]"))
    assert tokenizer.tokenize("a \x11 [UNK]") == ["[UNK]"] * 4


def test_a_token_too_long_for_any_word_does_no_harm(tmp_path):
    tokenizer = tokenization.FullTokenizer(write_vocab(tmp_path, b"[UNK]\na\n##a\n" + b"a" * 5000 + b"\n"))
    assert tokenizer.tokenize("aaa") == ["a", "##a", "##a"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "vocab.txt: the vocabulary is empty"),
        (b"[PAD]\n[UNK]\n\xff\xfe\n", "vocab.txt:3: the vocabulary is not UTF-8"),
        (b"\n \n", "vocab.txt: the vocabulary is empty; give a BERT vocabulary"),
        (b"a\n##b\n", "vocab.txt: the vocabulary has no [UNK]; give a BERT vocabulary"),
        (b"[UNK]\n" + "\u0e01".encode() * 200, "vocab.txt: is not a usable vocabulary"),
    ],
)
def test_a_bad_vocabulary_is_a_user_error_of_one_line_that_names_the_file(tmp_path, content, message):
    with pytest.raises(UserError) as error:
        tokenization.FullTokenizer(write_vocab(tmp_path, content))
    assert message in str(error.value)
    assert "\n" not in str(error.value)
