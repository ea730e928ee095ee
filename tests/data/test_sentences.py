"""Paragraphs become sentences."""

import sys

import pytest

from bert_tf.data.sentences import sentence_splitter
from bert_tf.errors import UserError


@pytest.mark.parametrize(
    "language, sentences",
    [
        ("en", ["Dr. Vell paid $3.50 on Jan. 5.", "Did she?", '"Yes," she said.', "It is No. 12-B, i.e. not ours."]),
        ("de", ["Der Zug fährt um 12.30 Uhr.", "Prof. Dr. Müller kommt z.B. nicht."]),
        ("zh", ["今天天气很好。", "我们去公园。"]),
    ],
)
def test_abbreviations_and_numbers_end_no_sentence(language, sentences):
    pytest.importorskip("sentencex")
    paragraph = ("" if language == "zh" else " ").join(sentences)
    assert sentence_splitter(language)(f"  {paragraph} ") == sentences


def test_without_the_library_the_extra_to_install_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentencex", None)
    with pytest.raises(UserError, match=r"sentencex is missing; install it with: pip install -e '\.\[sentences\]'"):
        sentence_splitter("en")
