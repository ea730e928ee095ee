"""The flags of run_pretraining: the original's, what they mean together, and mistakes in them."""

import pytest

from bert_tf.errors import UserError
from bert_tf.programs.pretraining_config import PretrainingConfig
from bert_tf.training.config import settle
from bert_tf.training.fields import flag_name, flags_of

ORIGINALS = (
    *("bert_config_file", "input_file", "output_dir", "init_checkpoint", "max_seq_length", "max_predictions_per_seq"),
    *("do_train", "do_eval", "train_batch_size", "eval_batch_size", "learning_rate", "num_train_steps"),
    *("num_warmup_steps", "save_checkpoints_steps", "iterations_per_loop", "max_eval_steps", "use_tpu", "tpu_name"),
    *("tpu_zone", "gcp_project", "master", "num_tpu_cores"),
)


def test_the_originals_flags_have_the_originals_defaults():
    flags = {flag_name(field, declared): declared.default for field, declared in flags_of(PretrainingConfig).items()}
    assert set(ORIGINALS) <= flags.keys()
    settled = settle(PretrainingConfig(do_train=True, bert_config_file="bert_config.json"), {})
    assert settled.learning_rate == 5e-5 and settled.train_batch_size == 32 and settled.eval_batch_size == 8
    assert settled.num_train_steps(1000) == 100_000 and settled.num_warmup_steps(100_000) == 10_000
    assert settled.max_seq_length == 128 and settled.max_predictions_per_seq == 20
    assert settled.save_checkpoints_steps == 1000 and settled.num_tpu_cores is None


def test_without_do_train_and_do_eval_both_are_done():
    assert PretrainingConfig().splits == ["train", "dev"]
    assert PretrainingConfig(do_train=True).splits == ["train"]
    assert PretrainingConfig(do_eval=True).splits == ["dev"]
    with pytest.raises(UserError, match="nothing to do; pass at least one of --do_train, --do_eval"):
        PretrainingConfig(do_train=False)


def test_evaluation_is_as_long_as_the_originals_unless_there_are_records_for_it():
    assert PretrainingConfig().eval_limit == 100
    assert PretrainingConfig(eval_file="dev.tfrecord").eval_limit is None
    assert PretrainingConfig(eval_file="dev.tfrecord", max_eval_steps=7).eval_limit == 7


def test_epochs_follow_from_the_steps():
    assert settle(PretrainingConfig(train_steps=50, train_batch_size=8), {}).epochs(200) == 2.0


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"eval_file": "dev", "do_train": True}, "eval_file: only valid with --do_eval or --eval_steps"),
        ({"model": "m", "bert_config_file": "c"}, "bert_model: contradicts --bert_config_file; pass only one of them"),
        ({"init_checkpoint": "c"}, "init_checkpoint: also needs --bert_config_file; or pass --bert_model"),
        ({"train_steps": 0}, "num_train_steps: is 0; it must be at least 1"),
        ({"max_eval_steps": 0}, "max_eval_steps: is 0; it must be at least 1"),
        ({"max_predictions_per_seq": -1}, "max_predictions_per_seq: is -1; it must be at least 1"),
    ],
)
def test_mistakes_are_one_line(fields, message):
    with pytest.raises(UserError) as raised:
        PretrainingConfig(**fields)
    assert str(raised.value) == message


def test_more_steps_than_can_be_counted_are_refused():
    config = settle(PretrainingConfig(do_train=True, train_steps=2**30), {})
    with pytest.raises(UserError, match=r"num_train_steps: is 1073741824; at most 67108863 of this batch are possible"):
        config.check_size(100)
