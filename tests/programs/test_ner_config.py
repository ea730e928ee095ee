"""The flags of run_ner.py that other programs do not have."""

import pytest

from bert_tf.errors import UserError
from bert_tf.programs.ner_config import NerConfig
from bert_tf.training.config import resume_fields, settle


@pytest.mark.parametrize("value", [-1, 99999999999999999999, 1.5, True])
def test_a_context_that_is_no_number_of_pieces_is_refused(value):
    with pytest.raises(UserError, match=r"^doc_context: is .*; it must be a"):
        NerConfig(do_train=True, doc_context=value)


def test_another_repair_is_refused():
    with pytest.raises(UserError, match=r"^repair: is 'strict'; it must be one of conll, discard$"):
        NerConfig(do_train=True, repair="strict")


def test_evaluation_alone_takes_the_settings_of_the_training_that_no_flag_gives():
    trained = NerConfig(do_train=True, doc_context=8, document_context=True, repair="discard", max_seq_length=64)
    evaluated = settle(NerConfig(do_eval=True, repair="conll"), resume_fields(trained))
    assert (evaluated.doc_context, evaluated.document_context, evaluated.max_seq_length) == (8, True, 64)
    assert evaluated.repair == "conll"


def test_each_split_has_a_file_of_its_own():
    config = NerConfig(do_train=True, do_eval=True, do_predict=True, train_file="a", dev_file="b", test_file="c")
    assert [config.file_of(split) for split in config.splits] == ["a", "b", "c"]
