"""A model that tags words finds the parts of texts that its run finds."""

import itertools

import numpy as np
import pytest
from support.tagging_models import TAGS, write_tagging_model
from support.tiny import WORDS

import bert_tf
from bert_tf.data.sentence_windows import convert_sentences_to_features
from bert_tf.data.tag_schemes import entities
from bert_tf.data.tagged_sentences import TaggedSentence
from bert_tf.devices import one_device
from bert_tf.errors import UserError
from bert_tf.exports.saved_model import export
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import TokenHead
from bert_tf.models.fine_tuned import read_fine_tuned
from bert_tf.serving.tagger import Tagger
from bert_tf.tasks.tagging import TaggingTask, TagSettings
from bert_tf.training.inference import predict

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tagging_model(tmp_path_factory.mktemp("model") / "run")


@pytest.fixture(scope="module", params=["run", "export"])
def model(request, folder) -> Tagger:
    if request.param == "export":
        export(read_fine_tuned(folder), folder.parent / "export")
        return bert_tf.load(folder.parent / "export")
    return bert_tf.load(folder)


def sentences(count: int, longest: int) -> list[tuple[str, ...]]:
    """Random sentences; with rows of 24 pieces some need several windows, and one word has no piece."""
    random = np.random.default_rng(0)
    words = [*WORDS, "w1'w2", "\x01"]
    return [tuple(random.choice(words, random.integers(1, longest))) for _ in range(count)]


def tags_of_a_run(folder, texts: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The tags that run_ner's task gives these words."""
    model = read_fine_tuned(folder)
    head = TokenHead(BertEncoder(model.config), len(TAGS))
    pooler = {f"bert/pooler/dense/{leaf}": None for leaf in ("kernel", "bias")}
    for name, variable in head.variables_by_name.items():
        if name not in pooler:
            variable.assign(model.arrays[name].reshape(variable.shape))
    examples = [TaggedSentence(str(number), words, None, 0, 1) for number, words in enumerate(texts)]
    task = TaggingTask("NER", TAGS, TagSettings(model.tagging.doc_context, False, model.tagging.repair))
    features = convert_sentences_to_features(examples, TAGS, model.tokenizer(), 24, model.tagging.doc_context, False)
    answers = predict(head, features, 8, one_device())
    return [answer.tags for answer in task.combine(answers, features, examples)]


@pytest.mark.parametrize("longest", [12, 90])
def test_words_have_the_tags_of_a_run(model, folder, longest):
    texts = sentences(40, longest)
    found = model.tag_all(texts, batch_size=7)
    number = 0
    for words, tags, spans in zip(texts, tags_of_a_run(folder, texts), found, strict=True):
        assert [(span.type, span.start, span.end) for span in spans] == list(map(tuple, entities(tags)))
        for span in spans:
            assert span.text == " ".join(words[span.start : span.end])
            assert 0.0 < span.score <= 1.0
            number += 1
    assert number > 40


def test_texts_have_the_parts_of_their_words_at_their_places(model):
    texts = [[word for word in words if word.isalnum()] for words in sentences(30, 60)]
    texts = [words for words in texts if words]
    for of_words, of_text, words in zip(
        model.tag_all(texts), model.tag_all([" \u3000".join(words) for words in texts]), texts, strict=True
    ):
        text = " \u3000".join(words)
        assert [span.type for span in of_text] == [span.type for span in of_words]
        np.testing.assert_allclose([s.score for s in of_text], [s.score for s in of_words], rtol=1e-4)
        for span, other in zip(of_text, of_words, strict=True):
            assert text[span.start : span.end] == span.text
            assert span.text.split() == words[other.start : other.end]


def test_places_are_right_where_lowercasing_changes_the_number_of_characters(model):
    text = "\u0130\u0130 W1\u0301 \ufb01 w2\x01w3 \uac00\U0001f642 W4, w5. w1w2w3"
    for span in model.tag(text):
        assert span.text and text[span.start : span.end] == span.text


def test_the_size_of_a_batch_does_not_change_what_is_found(model):
    texts = sentences(20, 40)
    found = [model.tag_all(texts, batch_size=size) for size in (1, 32)]
    for one, other in itertools.chain(zip(*found, strict=True)):
        assert [span.text for span in one] == [span.text for span in other]


@pytest.mark.parametrize("text", ["", " \x01", []])
def test_a_text_without_words_has_no_parts(model, text):
    assert model.tag(text) == []
    assert model.tag_all([]) == []


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda model: model.tag(3), "^tag: 3 is neither a text nor a list of words"),
        (lambda model: model.tag(["a", 3]), "is neither a text nor a list of words"),
        (lambda model: model.tag("\ud800"), "has half of a surrogate pair"),
        (lambda model: model.tag_all("a text"), "^tag_all: needs a list of texts; call tag for one of them"),
        (lambda model: model.tag_all(["a", ["b"]]), "some are texts and others lists of words"),
        (lambda model: model.tag_all(["a"], batch_size=0), "^tag_all: batch_size is 0"),
        (lambda model: model.predict(["a"]), "this model tags words; call tag"),
        (lambda model: model.answer("a", "b"), "this model tags words; call tag"),
    ],
)
def test_a_wrong_call_is_one_line(model, call, message):
    with pytest.raises(UserError, match=message):
        call(model)


def test_a_model_says_what_it_finds(folder):
    assert repr(bert_tf.load(folder)) == "Tagger(types=['LOC', 'PER'])"
