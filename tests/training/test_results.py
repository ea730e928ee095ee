"""The numbers of results.json."""

import dataclasses
import json

from bert_tf.data.processors import MrpcProcessor
from bert_tf.tasks.classification import ClassificationTask
from bert_tf.training.config import RECIPES, RunConfig, settle
from bert_tf.training.output_dir import OutputDir
from bert_tf.training.results import run_facts, speed

SMALL = "all-MiniLM-L6-v2"
MRPC = ClassificationTask("MRPC", MrpcProcessor())


def config_for(**fields) -> RunConfig:
    return settle(RunConfig(**{"data_dir": "data", "output_dir": "output", "do_train": True, **fields}), {})


def test_the_facts_of_a_run_are_enough_to_repeat_it(tmp_path):
    config = config_for(model=SMALL, dataset="sample", seed=5)
    facts = json.loads(json.dumps(run_facts(MRPC, config, OutputDir(tmp_path))))
    assert (facts["dataset"], facts["model"], facts["seed"]) == ("sample", SMALL, 5)
    assert facts["flags"]["learning_rate"] == RECIPES[SMALL].get("learning_rate", 5e-5)
    assert {"python", "bert-tf", "tensorflow", "tf-keras"} <= facts["versions"].keys()
    assert run_facts(MRPC, dataclasses.replace(config, dataset=None), OutputDir(tmp_path))["dataset"] == "data"


def test_the_report_is_told_by_which_score_to_rank(tmp_path):
    assert run_facts(MRPC, config_for(), OutputDir(tmp_path))["headline"] == "eval_accuracy"


def test_evaluation_alone_keeps_the_facts_of_training(tmp_path):
    output_dir, config = OutputDir(tmp_path), config_for(model=SMALL, seed=5, dataset="MRPC")
    output_dir.write_results(run_facts(MRPC, config, output_dir) | {"train_loss": 0.5})
    config = dataclasses.replace(config, do_train=False, do_eval=True, model=None, seed=0, dataset="sample")
    facts = run_facts(MRPC, config, output_dir)
    assert (facts["model"], facts["seed"], facts["flags"]["seed"], facts["train_loss"]) == (SMALL, 5, 5, 0.5)
    assert facts["dataset"] == "sample"


def test_speed_is_per_second():
    assert speed("eval", seconds=4.0, examples=100, steps=10) == {
        "eval_runtime": 4.0,
        "eval_samples_per_second": 25.0,
        "eval_steps_per_second": 2.5,
    }
