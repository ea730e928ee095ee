"""The scores of pre-training are those of the original's evaluation, which may begin again at the first record."""

import json
import math
import re

import numpy as np
import pytest
from support.pretraining_records import PREDICTIONS

from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.load import fill
from bert_tf.data.pretraining_format import RecordForm
from bert_tf.data.pretraining_records import read_pretraining_records
from bert_tf.data.record_files import open_record_files
from bert_tf.devices import one_device
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.pretraining_head import PretrainingHead
from bert_tf.tasks.pretraining_metrics import MASKED_LM_SCORES, SCORES, pretraining_scores, record_values
from bert_tf.training.inference import predict


def random_answers(records: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    answers = random.uniform(0, 3, [records, PREDICTIONS + 1, 3]).astype(np.float32)
    answers[..., 1:] = answers[..., 1:] > 1.5
    answers[:, -1, 2] = 1.0
    return answers


@pytest.fixture(scope="module")
def golden_answers(golden) -> np.ndarray:
    files = open_record_files(str(golden / "pretraining_data" / "pretraining_0.tfrecord"), "input_file")
    records = read_pretraining_records(files, RecordForm(40, 6), 2400)
    config = BertConfig.from_json_file(golden / "squad" / "bert_config.json")
    head = PretrainingHead(BertEncoder(config), 0, max_predictions_per_seq=6)
    fill(head, read_checkpoint(golden / "squad" / "golden.ckpt"))
    return predict(head, records, 32, one_device())


@pytest.mark.slow
def test_evaluations_give_the_originals_numbers(golden, golden_answers):
    for case in json.loads((golden / "pretraining_model" / "eval.json").read_text()):
        found = pretraining_scores(golden_answers, case["eval_batch_size"], case["max_eval_steps"], True)
        expected = dict(re.findall(r"(\w+) = (\S+)", case["eval_results.txt"]))
        assert expected.pop("global_step") == "0"
        for name, value in expected.items():
            # They are sums of float32.
            assert found[name] == pytest.approx(float(value), rel=2e-6), name


def test_a_record_counts_as_often_as_its_batch_comes_again():
    answers = random_answers(5)
    again = np.concatenate([answers, answers, answers[:2]])
    assert pretraining_scores(answers, 4, 3, True) == pretraining_scores(again, 4, None, True)
    assert pretraining_scores(answers, 2, 2, True) == pretraining_scores(answers[:4], 2, None, True)


def test_perplexity_is_that_of_the_mean_loss_of_the_masked_words():
    answers = np.full([3, PREDICTIONS + 1, 3], 1.0, np.float32)
    answers[..., 0] = math.log(2)
    scores = pretraining_scores(answers, 2, None, True)
    assert scores["eval_masked_lm_perplexity"] == pytest.approx(2.0)
    answers[..., 0] = 1e4
    assert pretraining_scores(answers, 2, None, True)["eval_masked_lm_perplexity"] == math.inf


def test_scores_have_the_names_that_are_announced():
    answers = random_answers(5)
    assert {name for name in pretraining_scores(answers, 4, None, True) if name.startswith("eval_")} == set(SCORES)
    found = pretraining_scores(answers[:, :-1], 4, None, False)
    assert {name for name in found if name.startswith("eval_")} == set(MASKED_LM_SCORES)
    assert found["eval_loss"] == found["masked_lm_loss"]


def test_records_without_a_mask_count_for_next_sentences_alone():
    answers = random_answers(4)
    answers[:, :-1, 2] = 0.0
    scores = pretraining_scores(answers, 2, None, True)
    assert scores["masked_lm_loss"] == scores["masked_lm_accuracy"] == 0.0
    assert scores["loss"] == pytest.approx(scores["next_sentence_loss"])
    assert not record_values(answers, True).any()


def test_the_value_of_a_record_is_higher_if_its_words_are_more_probable():
    answers = random_answers(2)
    answers[..., 2] = 1.0
    answers[0, :-1, 0], answers[1, :-1, 0] = 0.5, 2.0
    assert record_values(answers, True).tolist() == [-0.5, -2.0]
