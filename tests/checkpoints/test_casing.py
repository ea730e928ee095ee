"""The casing of a model, from its files, its names and its vocabulary."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.checkpoint_files import make_zip
from support.language_files import SENTENCES, XNLI_LANGUAGES, words_of
from support.paths import ROOT

from bert_tf.checkpoints.casing import check_casing, find_casing
from bert_tf.checkpoints.locate import CheckpointFiles, resolve
from bert_tf.data.basic_tokenizer import basic_tokens
from bert_tf.errors import UserError

CASED = ["[PAD]", "[UNK]", "The", "the", "##s", "Paris"]
UNCASED = ["[PAD]", "[UNK]", "the", "##s", "paris"]
UNDECIDED = ["[PAD]", "[UNK]", "1", "##2", "."]
OFFICIAL = "cased_L-12_H-768_A-12"


def make_model(folder: Path, pieces: list[str], **files: dict) -> Path:
    """A folder in which only the names of the weights matter, with JSON files by their names without suffix."""
    folder.mkdir(parents=True)
    (folder / "bert_config.json").write_text("{}")
    (folder / "bert_model.ckpt.index").write_text("")
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def find(path: Path) -> bool:
    return find_casing(resolve(path), path).do_lower_case


def run(do_lower_case: object) -> dict:
    return {"training": {"do_lower_case": do_lower_case}}


def tokenizer(lowercase: bool) -> dict:
    return {"normalizer": {"type": "BertNormalizer", "lowercase": lowercase}}


@pytest.mark.parametrize(
    ("pieces", "files", "found", "source"),
    [
        (CASED, {}, False, "vocab.txt"),
        (UNCASED, {}, True, "vocab.txt"),
        (UNDECIDED, {}, True, "default"),
        (UNDECIDED, {"tokenizer_config": {"do_lower_case": False}}, False, "tokenizer_config.json"),
        (UNDECIDED, {"tokenizer_config": {"do_lower_case": None}}, True, "default"),
        (UNDECIDED, {"tokenizer": tokenizer(False)}, False, "tokenizer.json"),
        (UNDECIDED, {"run": run(False)}, False, "run.json"),
        (UNDECIDED, {"run": {"training": 7}}, True, "default"),
        (CASED, {"tokenizer_config": {"do_lower_case": True}}, True, "tokenizer_config.json"),
        (CASED, {"tokenizer": tokenizer(False), "tokenizer_config": {"do_lower_case": True}}, True, "_config.json"),
        (CASED, {"tokenizer": tokenizer(True)}, True, "tokenizer.json"),
        (CASED, {"run": run(True), "tokenizer_config": {"do_lower_case": False}}, True, "run.json"),
        # The vocabulary proves Hugging Face's files wrong, as of bert-base-chinese, but not a run's.
        (UNCASED, {"tokenizer_config": {"do_lower_case": False}}, True, "vocab.txt"),
        (UNCASED, {"tokenizer": tokenizer(False)}, True, "vocab.txt"),
        (UNCASED, {"run": run(False)}, False, "run.json"),
    ],
)
def test_the_files_beside_a_model_say_its_casing(tmp_path, pieces, files, found, source):
    folder = make_model(tmp_path / "model", pieces, **files)
    casing = find_casing(resolve(folder), folder)
    assert casing.do_lower_case is found
    assert source in casing.source


@pytest.mark.parametrize(
    ("pieces", "found"),
    [
        ([f"w{i}" for i in range(500)] + ["COVID", "[NEW]", "<URL>"], True),
        ([f"w{i}" for i in range(90)] + ["Paris", "##S"], False),
        (["[unused1]", "[CLS]", "<S>", "word"], True),
        (["की", "में", "है", "##ों", "a"], False),
        (["中", "国", "a", "##b", "が"], True),
        (["über", "straße", "und", "die", "##s"], True),
        (["Я", "я", "##ть"], False),
        (["я", "##ть"], True),
    ],
)
def test_the_vocabulary_is_the_last_judge(tmp_path, pieces, found):
    assert find(make_model(tmp_path / "model", ["[PAD]", "[UNK]", *pieces])) is found


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (OFFICIAL, False),
        (OFFICIAL.upper(), False),
        ("bert-base-cased", False),
        ("BERT_Base_Cased-finetuned", False),
        ("my_wwm_cased_L-24_H-1024_A-16", False),
        ("bert-base-multilingual-uncased", True),
        ("chinese_L-12_H-768_A-12", True),
        ("cased-or-uncased", True),
        ("showcased", True),
        ("model", True),
    ],
)
def test_the_name_says_the_casing_if_the_vocabulary_does_not(tmp_path, name, found):
    folder = make_model(tmp_path / name, UNDECIDED)
    assert find(folder) is found
    assert find_casing(resolve(folder)).do_lower_case is found
    assert find(folder / "bert_model.ckpt.index") is found


@pytest.mark.parametrize("name", ["bert-base-cased", OFFICIAL])
def test_the_name_of_a_folder_around_the_model_or_behind_a_link_counts(tmp_path, name):
    make_model(tmp_path / name / "inner", UNDECIDED)
    assert find(tmp_path / name) is False
    make_model(tmp_path / "real" / name, UNDECIDED)
    (tmp_path / "link").symlink_to(tmp_path / "real" / name)
    assert find(tmp_path / "link") is False


def test_only_an_official_name_is_stronger_than_the_vocabulary(tmp_path):
    assert find(make_model(tmp_path / "bert-base-cased", UNCASED)) is True
    assert find(make_model(tmp_path / OFFICIAL, UNCASED)) is False


@pytest.mark.parametrize(("zip_name", "folder"), [(OFFICIAL, ""), (OFFICIAL, "bert/"), ("download", f"{OFFICIAL}/")])
def test_the_zip_file_of_a_cased_model_is_cased_and_refuses_the_other_casing(tmp_path, cache, zip_name, folder):
    names = ("bert_config.json", "vocab.txt", "bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001")
    path = tmp_path / f"{zip_name}.zip"
    path.write_bytes(make_zip({f"{folder}{name}": b"[UNK]\n1\n" for name in names}))
    files = resolve(path)
    assert find_casing(files, path).do_lower_case is False
    check_casing(False, files, path)
    with pytest.raises(UserError, match=rf"{OFFICIAL} is a cased model; pass --do_lower_case=False"):
        check_casing(True, files, path)


def test_the_fine_tuned_model_of_an_official_name_may_have_either_casing(tmp_path, caplog):
    folder = make_model(tmp_path / OFFICIAL, UNDECIDED)
    (folder / "bert_model.ckpt.index").rename(folder / "model.ckpt-7.index")
    for casing in (True, False):
        check_casing(casing, resolve(folder), folder)
    assert not caplog.messages


def test_files_named_one_by_one_are_looked_at_in_all_their_folders(tmp_path):
    run_folder = make_model(tmp_path / "run", UNDECIDED, run=run(False))
    other = make_model(tmp_path / "other", UNDECIDED)
    files = CheckpointFiles(other / "bert_config.json", other / "vocab.txt", run_folder / "model.ckpt-7")
    assert find_casing(files).do_lower_case is False
    assert find_casing(CheckpointFiles(files.config_file, files.vocab_file, None)).do_lower_case is True


# A casing that contradicts.


@pytest.mark.parametrize(
    ("pieces", "files", "do_lower_case", "warning"),
    [
        (UNCASED, {}, False, "vocab.txt, where 0 of 3 pieces have capital letters: words with capital letters become"),
        (CASED, {}, True, "vocab.txt, where 2 of 4 pieces have capital letters: a model trained with do_lower_case=F"),
        (CASED, {"tokenizer_config": {"do_lower_case": True}}, False, "tokenizer_config.json: a model trained"),
        (UNDECIDED, {"tokenizer": tokenizer(False)}, True, "tokenizer.json: a model trained"),
        (CASED, {"run": run(True)}, False, "run.json: a model trained with do_lower_case=True"),
    ],
)
def test_a_contradiction_is_one_warning(tmp_path, caplog, pieces, files, do_lower_case, warning):
    folder = make_model(tmp_path / "model", pieces, **files)
    check_casing(do_lower_case, resolve(folder), folder)
    (message,) = caplog.messages
    assert message.startswith(f"do_lower_case={do_lower_case} contradicts {folder}/{warning}")
    assert message.isprintable()


@pytest.mark.parametrize(
    ("pieces", "files", "do_lower_case"),
    [
        (UNCASED, {}, True),
        (CASED, {}, False),
        (UNDECIDED, {}, True),
        (UNDECIDED, {}, False),
        (CASED, {"run": run(False), "tokenizer_config": {"do_lower_case": False, "strip_accents": None}}, False),
    ],
)
def test_a_casing_that_fits_is_not_commented(tmp_path, caplog, pieces, files, do_lower_case):
    check_casing(do_lower_case, resolve(make_model(tmp_path / "model", pieces, **files)))
    assert not caplog.messages


def test_accents_that_are_kept_or_stripped_against_the_casing_are_a_warning(tmp_path, caplog):
    settings = {"do_lower_case": True, "strip_accents": False}
    check_casing(True, resolve(make_model(tmp_path / "german", ["ü", "straße"], tokenizer_config=settings)))
    (message,) = caplog.messages
    assert message.endswith("tokenizer_config.json: has strip_accents False; here do_lower_case decides.")


def test_tokens_that_were_added_to_a_tokenizer_are_a_warning(tmp_path, caplog):
    known = {"type": "WordPiece", "vocab": {"[UNK]": 0, "a": 1}}
    for name, added in (("plain", ["[UNK]"]), ("more", ["[UNK]", "new york", "[E1]"])):
        tokens = [{"id": number, "content": token} for number, token in enumerate(added)]
        tokenizer = {"model": known, "added_tokens": tokens}
        check_casing(True, resolve(make_model(tmp_path / name, UNDECIDED, tokenizer=tokenizer)))
    (message,) = caplog.messages
    assert message.endswith(
        "more/tokenizer.json: adds tokens that transformers keeps whole (new york, [E1]); here they are split like "
        "other words."
    )


@pytest.mark.parametrize("value", ["no", "false", 0, 1, [], {}])
@pytest.mark.parametrize("name", ["run", "tokenizer_config"])
def test_a_casing_that_is_neither_true_nor_false_is_refused(tmp_path, name, value):
    content = run(value) if name == "run" else {"do_lower_case": value}
    files = resolve(make_model(tmp_path / "model", CASED, **{name: content}))
    for use in (find_casing, lambda files: check_casing(True, files)):
        with pytest.raises(UserError, match=rf"{name}.json: do_lower_case is .*; true or false is needed"):
            use(files)


@pytest.mark.parametrize("name", ["run.json", "tokenizer_config.json", "tokenizer.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, "folder", "link"])
def test_a_broken_file_is_not_taken_for_none(tmp_path, name, content):
    folder = make_model(tmp_path / "model", CASED)
    if content == "folder":
        (folder / name).mkdir()
    elif content == "link":
        (folder / name).symlink_to(tmp_path / "gone")
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(UserError) as error:
        find_casing(resolve(folder))
    assert str(error.value).startswith(f"{folder}/{name}: cannot be read (")
    assert str(error.value).isprintable()


def test_finding_the_casing_needs_no_tensorflow(tmp_path):
    folder = make_model(tmp_path / "model", CASED)
    code = (
        "import sys; from bert_tf.checkpoints.casing import find_casing\n"
        "from bert_tf.checkpoints.locate import resolve\n"
        "assert not find_casing(resolve(sys.argv[1])).do_lower_case; assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, folder], cwd=ROOT, check=True)


@pytest.mark.parametrize(
    ("name", "languages", "is_uncased"),
    [
        ("multi_cased_L-12_H-768_A-12", XNLI_LANGUAGES, False),
        ("chinese_L-12_H-768_A-12", ["zh", "ja"], True),
        ("multilingual_L-12_H-768_A-12", XNLI_LANGUAGES, True),
    ],
)
def test_models_of_many_languages_have_the_casing_of_their_vocabulary(tmp_path, name, languages, is_uncased):
    words = words_of(languages, do_lower_case=is_uncased)
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, *"abcde"]
    official, renamed = (make_model(tmp_path / folder, pieces) for folder in (name, "renamed"))
    assert find_casing(resolve(official), official).source.endswith(name)
    assert find_casing(resolve(renamed), renamed).source.startswith(str(renamed / "vocab.txt"))
    assert find(official) is find(renamed) is is_uncased
    check_casing(is_uncased, resolve(official), official)
    with pytest.raises(UserError):
        check_casing(not is_uncased, resolve(official), official)
    # With its own casing each text of the languages is made of the vocabulary's words, accents and capitals included.
    for text in (text for language in languages for text in SENTENCES[language]):
        assert set(basic_tokens(text, find(renamed))) <= set(words)
