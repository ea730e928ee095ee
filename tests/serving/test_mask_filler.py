"""A pre-trained model finds the pieces behind masks that transformers and the original find."""

import json
import os
import threading

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import softmax
from support.fine_tuned import write_fine_tuned
from support.pretraining_models import write_pretrained_model, write_pretraining_run
from support.question_models import write_question_model
from support.tagging_models import write_tagging_model
from support.tiny import WORDS

import bert_tf
from bert_tf.data.vocabulary import load_vocab
from bert_tf.errors import UserError
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.pretraining_head import PretrainingHead
from bert_tf.models.pretrained import read_pretrained
from bert_tf.serving.mask_filler import MaskFiller

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_pretraining_run(tmp_path_factory.mktemp("model") / "run")


@pytest.fixture(scope="module")
def model(folder) -> MaskFiller:
    return bert_tf.load(folder)


def assert_same(fillings, others) -> None:
    """Asserts that pieces and texts are the same, and scores up to their last digits."""
    for each, other in zip(fillings, others, strict=True):
        assert [(filling.token, filling.text) for filling in each] == [
            (filling.token, filling.text) for filling in other
        ]
        np.testing.assert_allclose([filling.score for filling in each], [filling.score for filling in other], atol=1e-6)


@pytest.mark.usefixtures("minilm_dir")
def test_a_name_of_the_catalogue_without_a_head_is_one_line():
    with pytest.raises(UserError, match=r"^all-MiniLM-L6-v2: is pre-trained and fills no masks; fine-tune it first"):
        bert_tf.load("all-MiniLM-L6-v2")


@pytest.mark.parametrize("name", ["cased_masked_lm", "pretraining"])
def test_models_of_transformers_have_its_probabilities(golden, name):
    folder = golden / "huggingface" / name
    model = bert_tf.load(folder)
    vocab = bert_tf.load_tokenizer(folder).inv_vocab
    for case in json.loads((golden / "huggingface" / "answers.json").read_text())[name]:
        found = model.fill_mask(case["text"], top_k=100)
        assert len(found) == len(case["logits"])
        for fillings, logits in zip(found, case["logits"], strict=True):
            expected = softmax(np.float64(logits))
            scores = {filling.token: filling.score for filling in fillings}
            np.testing.assert_allclose([scores[vocab[index]] for index in range(len(vocab))], expected, atol=2e-6)
            assert [filling.score for filling in fillings] == sorted(scores.values(), reverse=True)


def test_the_pieces_are_those_that_training_computes(folder, model):
    pretrained, text = read_pretrained(folder), "w1 w2 [MASK] w3"
    head = PretrainingHead(BertEncoder(pretrained.config), seed=0)
    for name, variable in head.variables_by_name.items():
        variable.assign(pretrained.arrays[name].reshape(variable.shape))
    [fillings] = model.fill_mask(text, top_k=95)
    ids = tf.constant([ids_of(pretrained, ["[CLS]", *text.split(), "[SEP]"])])
    batch = {"input_word_ids": ids, "input_mask": tf.ones_like(ids), "input_type_ids": tf.zeros_like(ids)}
    logits = head.masked_lm_logits(head.encoder(batch)["sequence_output"], tf.constant([[3]]))
    expected = tf.nn.softmax(logits)[0, 0].numpy()
    found = ids_of(pretrained, [filling.token for filling in fillings])
    np.testing.assert_allclose([filling.score for filling in fillings], expected[found], atol=1e-6)


def ids_of(pretrained, pieces) -> list[int]:
    vocab = load_vocab(pretrained.vocab_file)
    return [vocab[piece] for piece in pieces]


def test_the_same_weights_give_the_same_in_each_form_of_folder(tmp_path, folder, model):
    from bert_tf.exports.huggingface import write_huggingface
    from bert_tf.models.pretrained import read_model

    original, exported = write_pretrained_model(tmp_path / "original"), tmp_path / "exported"
    exported.mkdir()
    write_huggingface(exported, read_model(folder))
    text = "w1 w2 [MASK] w3"
    for other in (original, exported):
        assert bert_tf.load(other).fill_mask(text) == model.fill_mask(text)


def test_an_output_folder_of_the_original_is_completed_by_configuration_and_vocabulary(tmp_path, model):
    folder = write_pretrained_model(tmp_path / "original")
    (tmp_path / "files").mkdir()
    files = {
        name: folder / file for name, file in (("bert_config_file", "bert_config.json"), ("vocab_file", "vocab.txt"))
    }
    moved = {name: path.rename(tmp_path / "files" / path.name) for name, path in files.items()}
    (folder / "checkpoint").write_text('model_checkpoint_path: "bert_model.ckpt"\n')
    assert bert_tf.load(folder, **moved).fill_mask("[MASK]") == model.fill_mask("[MASK]")
    with pytest.raises(UserError, match=r"was written by the original: .*answers questions or fills masks has no lab"):
        bert_tf.load(folder)
    with pytest.raises(UserError, match=r"^labels: .* is pre-trained and fills masks, so it has none; leave them out$"):
        bert_tf.load(folder, labels=["a", "b"], **moved)


def test_the_downloaded_model_is_loaded_by_its_name(splade_tiny_dir):
    model = bert_tf.load("splade-tiny")
    [fillings] = model.fill_mask("Paris is the [MASK] of France .", top_k=3)
    # The numbers are those of transformers 5.24.
    assert [filling.token for filling in fillings] == ["city", "mountains", "france"]
    np.testing.assert_allclose([filling.score for filling in fillings], [0.1136807, 0.0570120, 0.0405385], atol=1e-6)
    assert fillings[0].text == "Paris is the city of France ."


def test_each_mask_of_each_text_gets_its_pieces(model):
    texts = ["[MASK]", "w1 [MASK] w2 [MASK]", "w3[MASK]"]
    found = model.fill_mask(texts, top_k=3)
    assert [len(fillings) for fillings in found] == [1, 2, 1]
    assert all(len(fillings) == 3 for each in found for fillings in each)
    for each, text in zip(found, texts, strict=True):
        assert_same(each, model.fill_mask(text, top_k=3))
    first, second = found[1]
    assert first[0].text == f"w1 {first[0].token} w2 [MASK]" and second[0].text == f"w1 [MASK] w2 {second[0].token}"
    assert model.fill_mask([]) == [] and model.fill_mask(iter(texts), top_k=3) == found


def test_the_size_of_batches_does_not_change_the_answers(model):
    random = np.random.default_rng(0)
    texts = [" ".join([*random.choice(WORDS, random.integers(0, 20)), "[MASK]"]) for _ in range(50)]
    whole, single = (model.fill_mask(texts, top_k=95, batch_size=size) for size in (50, 1))
    for [one], [other] in zip(whole, single, strict=True):
        scores = [{filling.token: filling.score for filling in each} for each in (one, other)]
        np.testing.assert_allclose([scores[1][token] for token in scores[0]], list(scores[0].values()), atol=1e-6)
        assert len(scores[0]) == 95 and sum(scores[0].values()) == pytest.approx(1)


def test_more_masks_than_are_computed_at_a_time_are_all_filled(model):
    texts = ["[MASK] " * 20] * 30
    found = model.fill_mask(texts, top_k=1)
    assert [len(fillings) for fillings in found] == [20] * 30
    assert len({json.dumps([fillings[0].token for fillings in each]) for each in found}) == 1


def test_only_the_characters_of_a_mask_are_one(model):
    with pytest.raises(UserError, match=r"^fill_mask: 'w1 \[mask\] \[ MASK \]' has no \[MASK\]; write it in place of"):
        model.fill_mask("w1 [mask] [ MASK ]")
    # As in the original, all other pieces in brackets are characters of the text.
    assert len(model.fill_mask("[CLS] [SEP] [MASK]")) == 1


def test_a_long_text_loses_its_end_with_one_warning(model, caplog):
    whole = "w1 [MASK] " + "w2 " * 20
    [cut, *_] = model.fill_mask([whole + "w3 w4", whole, "[MASK]"])
    assert cut[0][0].score == pytest.approx(model.fill_mask(whole)[0][0].score)
    assert cut[0][0].text.endswith("w3 w4")
    assert caplog.messages == ["fill_mask: 1 of 3 texts is longer than 24 word pieces and was cut."]
    model.fill_mask(["[MASK]" + " w1" * 22] * 2)
    assert caplog.messages[1:] == ["fill_mask: 2 of 2 texts are longer than 24 word pieces and were cut."]


def test_a_mask_that_would_be_cut_off_is_one_line(model):
    assert len(model.fill_mask("w1 " * 21 + "[MASK]")) == 1
    with pytest.raises(
        UserError, match=r"^fill_mask: '\[MASK\] w1 .*' has a \[MASK\] behind its first 22 word pieces, and the"
    ):
        model.fill_mask("[MASK] " + "w1 " * 21 + "[MASK]")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"text": 3}, "3 is neither a text nor a list of texts"),
        ({"text": b"[MASK]"}, "is neither a text nor a list of texts"),
        ({"text": {"[MASK]": 1}}, "is neither a text nor a list of texts"),
        ({"text": np.array("[MASK]")}, "is neither a text nor a list of texts"),
        ({"text": ["[MASK]", 3]}, "3 is no text; give strings"),
        ({"text": ["[MASK]", ("[MASK]",)]}, "is no text; give strings"),
        ({"text": ""}, r"'' has no \[MASK\]"),
        ({"text": ["[MASK]", "w1"]}, r"'w1' has no \[MASK\]"),
        ({"text": "[MASK] \ud800"}, "has half of a surrogate pair"),
        ({"text": "[MASK]", "top_k": 0}, "top_k is 0; it must be a whole number, at least 1"),
        ({"text": "[MASK]", "top_k": True}, "top_k is True"),
        ({"text": "[MASK]", "top_k": 1.5}, "top_k is 1.5"),
        ({"text": "[MASK]", "batch_size": 0}, "batch_size is 0"),
    ],
)
def test_a_wrong_argument_is_one_line(model, arguments, message):
    with pytest.raises(UserError, match=f"^fill_mask: .*{message}") as error:
        model.fill_mask(**arguments)
    assert str(error.value).isprintable()


def test_it_does_nothing_else_and_others_fill_no_masks(tmp_path, model):
    for method in ("predict", "answer", "answers", "tag", "tag_all"):
        with pytest.raises(
            UserError, match=r"^this model is pre-trained and fills masks; call fill_mask\(text\), or fine"
        ):
            getattr(model, method)("w1")
    for number, write in enumerate((write_fine_tuned, write_question_model, write_tagging_model)):
        with pytest.raises(UserError, match=r"call (predict|answer|tag)\("):
            bert_tf.load(write(tmp_path / str(number))).fill_mask("[MASK]")


def test_a_vocabulary_without_a_mask_is_one_line(tmp_path):
    folder = write_pretrained_model(tmp_path / "model")
    (folder / "vocab.txt").write_text((folder / "vocab.txt").read_text().replace("[MASK]", "mask"))
    with pytest.raises(UserError, match=r"vocab.txt: has no \[MASK\]; give the vocabulary of this model$"):
        bert_tf.load(folder)


def test_rows_without_a_piece_are_never_chosen(tmp_path):
    folder = write_pretrained_model(tmp_path / "model")
    lines = (folder / "vocab.txt").read_text().splitlines()
    (folder / "vocab.txt").write_text("".join(f"{'' if line == 'w5' else line}\n" for line in lines[:-2]))
    [fillings] = bert_tf.load(folder).fill_mask("w1 [MASK]", top_k=200)
    assert sorted(filling.token for filling in fillings) == sorted(set(lines[:-2]) - {"w5"})
    assert all(0 <= filling.score <= 1 for filling in fillings)


def test_it_answers_several_threads(model):
    texts = [f"w{number} [MASK]" for number in range(8)]
    expected, found = [model.fill_mask(text) for text in texts], {}

    def fill(number: int) -> None:
        found[number] = model.fill_mask(texts[number])

    threads = [threading.Thread(target=fill, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(8):
        assert_same(found[number], expected[number])


def test_a_fork_is_told_to_load_the_model_itself(model, monkeypatch):
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(UserError, match=r"^fill_mask: this process was forked"):
        model.fill_mask("[MASK]")


def test_it_says_what_it_is(model):
    assert (model.kind, model.labels, model.pairs, model.scores) == ("pretraining", (), None, {})
    assert repr(model) == "MaskFiller(max_seq_length=24)"
