"""What is settled before a run computes anything: the task, the defaults, the output folder."""

import dataclasses
import json
from pathlib import Path

import pytest
import tensorflow as tf

from bert_tf.data.examples import InputExample
from bert_tf.errors import UserError
from bert_tf.training import run as classifier
from bert_tf.training.config import DEFAULTS, RECIPES, ClassifierConfig
from bert_tf.training.output_dir import OutputDir

SMALL, BASE, CASED = "all-MiniLM-L6-v2", "uncased_L-12_H-768_A-12", "cased_L-12_H-768_A-12"
EXAMPLES = [InputExample("train-1", "It rains .", "Rain falls .", "1"), InputExample("train-2", "a", "b", "0")]
ONE_DEVICE = tf.distribute.get_strategy()


@pytest.fixture
def output_dir(tmp_path) -> OutputDir:
    folder = OutputDir(tmp_path / "output")
    folder.create()
    return folder


def config_for(output_dir: OutputDir, **fields) -> ClassifierConfig:
    return ClassifierConfig(
        **{"task_name": "MRPC", "data_dir": "data", "output_dir": str(output_dir.path), "do_train": True, **fields}
    )


def settled(output_dir: OutputDir, **fields) -> dict:
    config = classifier._settle(config_for(output_dir, **fields), output_dir)
    return {name: getattr(config, name) for name in DEFAULTS}


def start(output_dir: OutputDir, examples: list[InputExample] = EXAMPLES, **fields) -> None:
    """Everything of a run up to the first step of training, its model left out."""
    config = classifier._settle(config_for(output_dir, **fields), output_dir)
    with classifier._prepared(output_dir, config, {"train": examples}, ONE_DEVICE):
        classifier._start(config, output_dir, examples)


def one_line(error: pytest.ExceptionInfo) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


# Defaults and recipes


def test_the_defaults_are_the_originals(output_dir):
    originals = {
        "do_lower_case": True,
        "max_seq_length": 128,
        "train_batch_size": 32,
        "learning_rate": 5e-5,
        "num_train_epochs": 3.0,
    }
    assert originals == DEFAULTS
    for model in (BASE, "multi_cased_L-12_H-768_A-12", "some/folder", None):
        assert settled(output_dir, model=model) == originals | {"do_lower_case": model != "multi_cased_L-12_H-768_A-12"}


def test_only_the_small_checkpoint_has_a_recipe_of_its_own(output_dir):
    assert RECIPES.keys() == {SMALL}
    assert RECIPES[SMALL].keys() <= DEFAULTS.keys()
    assert settled(output_dir, model=SMALL) == DEFAULTS | RECIPES[SMALL] != DEFAULTS


def test_what_the_user_says_wins(output_dir):
    given = {
        "do_lower_case": False,
        "max_seq_length": 64,
        "train_batch_size": 7,
        "learning_rate": 3e-4,
        "num_train_epochs": 0.5,
    }
    for model in (SMALL, BASE, CASED):
        assert settled(output_dir, model=model, **given) == given


def test_a_model_of_the_catalogue_knows_its_case(output_dir):
    assert settled(output_dir, model=CASED)["do_lower_case"] is False
    assert settled(output_dir, model=BASE)["do_lower_case"] is True
    assert settled(output_dir, model=CASED, do_lower_case=True)["do_lower_case"] is True


def test_evaluation_alone_takes_what_training_was_started_with(output_dir):
    start(output_dir, model=CASED, max_seq_length=64, learning_rate=3e-4)
    found = settled(output_dir, model=SMALL, do_train=False, do_eval=True)
    assert (found["do_lower_case"], found["max_seq_length"], found["learning_rate"]) == (False, 64, 3e-4)
    assert settled(output_dir, do_train=False, do_eval=True, max_seq_length=32)["max_seq_length"] == 32
    # Training anew takes nothing from the earlier run.
    assert settled(output_dir, model=BASE)["max_seq_length"] == 128


@pytest.mark.parametrize(
    "fields, warmup",
    [
        ({}, 34),
        ({"warmup_proportion": 0.5}, 172),
        ({"warmup_proportion": 0.0}, 0),
        ({"warmup_steps": 7}, 7),
        ({"warmup_steps": 0, "warmup_proportion": 0.5}, 0),
    ],
)
def test_warmup_is_a_share_of_the_steps_or_a_number_of_them(output_dir, fields, warmup):
    config = classifier._settle(config_for(output_dir, model=BASE, **fields), output_dir)
    options = classifier._training_options(config, 3668)
    assert (options.num_train_steps, options.num_warmup_steps) == (344, warmup)


def test_the_options_of_training_are_the_runs(output_dir):
    given = {
        "train_batch_size": 4,
        "learning_rate": 1e-3,
        "weight_decay": 0.5,
        "adam_bias_correction": False,
        "seed": 9,
        "save_checkpoints_steps": 5,
        "iterations_per_loop": 6,
        "logging_steps": 7,
    }
    config = classifier._settle(config_for(output_dir, **given), output_dir)
    options = classifier._training_options(config, 10)
    assert {name: getattr(options, name) for name in given} == given
    assert options.num_train_steps == 8


@pytest.mark.parametrize("mixed_precision, told", [("none", True), ("bfloat16", False), ("float16", False)])
def test_fast_bfloat16_is_told_of_only_to_who_asked_for_no_mixed_precision(
    output_dir, monkeypatch, mixed_precision, told
):
    lines = []
    monkeypatch.setattr(classifier, "bfloat16_hint", lambda: "It is fast.")
    monkeypatch.setattr(classifier.logging, "info", lambda line, *_: lines.append(line))
    config = classifier._settle(config_for(output_dir, mixed_precision=mixed_precision), output_dir)
    classifier._announce(config, classifier._training_options(config, 8), 8, 0, ONE_DEVICE)
    assert ("It is fast." in lines) is told


# The output folder


def test_the_same_run_may_go_on(output_dir):
    start(output_dir, model=BASE)
    before = (output_dir.path / "run.json").read_text()
    start(output_dir, model=BASE, learning_rate=5e-5, do_eval=True, eval_batch_size=3, save_checkpoints_steps=7)
    assert (output_dir.path / "run.json").read_text() == before


@pytest.mark.parametrize(
    "fields",
    [
        {"task_name": "CoLA"},
        {"model": CASED},
        {"max_seq_length": 64},
        {"train_batch_size": 16},
        {"learning_rate": 2e-5},
        {"num_train_epochs": 4.0},
        {"warmup_proportion": 0.2},
        {"warmup_steps": 3},
        {"weight_decay": 0.1},
        {"adam_bias_correction": False},
        {"mixed_precision": "bfloat16"},
        {"distribution_strategy": "mirrored"},
        {"do_lower_case": False},
        {"seed": 1},
    ],
)
def test_other_flags_than_it_was_started_with_are_refused_by_name(output_dir, fields):
    start(output_dir, model=BASE)
    before = (output_dir.path / "run.json").read_text()
    with pytest.raises(UserError) as error:
        start(output_dir, **{"model": BASE, **fields})
    (name, value), *_ = fields.items()
    message = one_line(error)
    assert message.startswith(f"output_dir: {output_dir.path}: was started otherwise: ")
    assert f"{name} was " in message and f", is {value!r}" in message
    assert "--overwrite_output_dir" in message
    assert (output_dir.path / "run.json").read_text() == before


@pytest.mark.parametrize("field", ["text_a", "text_b", "label"])
def test_other_training_data_is_refused(output_dir, field):
    start(output_dir, model=BASE)
    changed = [EXAMPLES[0], dataclasses.replace(EXAMPLES[1], **{field: "1"})]
    for other in (changed, EXAMPLES[::-1], EXAMPLES[:1]):
        with pytest.raises(UserError, match="train_data was "):
            start(output_dir, other, model=BASE)


def test_overwriting_starts_anew(output_dir):
    start(output_dir, model=BASE)
    output_dir.write_results({"loss": 1.0})
    (output_dir.path / "mine.txt").write_text("mine")
    start(output_dir, model=CASED, overwrite_output_dir=True)
    assert output_dir.read_run()["training"]["model"] == CASED
    assert {path.name for path in output_dir.path.iterdir()} - {".lock"} == {"run.json", "mine.txt"}


def test_a_checkpoint_of_something_else_is_not_trained_over(output_dir):
    output_dir.write_checkpoint(3, {"output_bias": tf.zeros([2])})
    with pytest.raises(UserError, match="holds a checkpoint of something else"):
        start(output_dir, model=BASE)
    assert output_dir.latest_step() == 3


def test_evaluation_alone_needs_a_fine_tuned_checkpoint(output_dir):
    with pytest.raises(UserError) as error:
        classifier._model_files(config_for(output_dir, model=SMALL, do_train=False), output_dir, 0, ["0", "1"])
    assert one_line(error).startswith(f"output_dir: {output_dir.path}: holds no fine-tuned checkpoint; ")


# Mistakes that are told before anything is loaded or written


def failing_run(path: Path, **fields) -> str:
    output = path / "output"
    with pytest.raises(UserError) as error:
        classifier.run(config_for(OutputDir(output), **fields))
    assert not output.exists()
    return one_line(error)


def test_an_unknown_task_names_the_known_ones(tmp_path):
    message = failing_run(tmp_path, task_name="MRPD")
    assert message.startswith("task_name: 'MRPD' is unknown; known: cola, mnli, mrpc, xnli")


def test_missing_data_names_its_file(tmp_path):
    message = failing_run(tmp_path, data_dir=str(tmp_path / "none"), do_eval=True)
    assert message.startswith(f"{tmp_path / 'none' / 'train.tsv'}: ")


def test_a_mistake_in_dev_data_is_told_before_training(tmp_path):
    (tmp_path / "train.tsv").write_text("a\tb\t1\n")
    (tmp_path / "dev.tsv").write_text("a\tb\t1\na\tb\n")
    message = failing_run(tmp_path, data_dir=str(tmp_path), do_eval=True)
    assert message.startswith(f"{tmp_path / 'dev.tsv'}:2: ")


# What results.json says of the run


def test_the_facts_of_a_run_are_enough_to_repeat_it(output_dir):
    config = classifier._settle(config_for(output_dir, model=SMALL, dataset="sample", seed=5), output_dir)
    facts = json.loads(json.dumps(classifier._facts(config, output_dir)))
    assert (facts["dataset"], facts["model"], facts["seed"]) == ("sample", SMALL, 5)
    assert facts["flags"]["learning_rate"] == RECIPES[SMALL].get("learning_rate", 5e-5)
    assert {"python", "bert-tf", "tensorflow", "tf-keras"} <= facts["versions"].keys()
    assert classifier._facts(dataclasses.replace(config, dataset=None), output_dir)["dataset"] == "data"


def test_evaluation_alone_keeps_what_training_said(output_dir):
    config = classifier._settle(config_for(output_dir, model=SMALL, seed=5, dataset="MRPC"), output_dir)
    output_dir.write_results(classifier._facts(config, output_dir) | {"train_loss": 0.5})
    config = dataclasses.replace(config, do_train=False, do_eval=True, model=None, seed=0, dataset="sample")
    facts = classifier._facts(config, output_dir)
    assert (facts["model"], facts["seed"], facts["flags"]["seed"], facts["train_loss"]) == (SMALL, 5, 5, 0.5)
    assert facts["dataset"] == "sample"


# Evaluation and prediction


@pytest.mark.parametrize("cpu_alone, asked, computed", [(True, 8, 32), (True, 64, 64), (False, 8, 8)])
def test_a_cpu_computes_32_examples_at_a_time_at_least(monkeypatch, cpu_alone, asked, computed):
    sizes = []
    monkeypatch.setattr(classifier, "is_cpu_alone", lambda: cpu_alone)
    monkeypatch.setattr(classifier, "predict", lambda model, features, batch_size, *_: sizes.append(batch_size))
    classifier._probabilities("eval", None, EXAMPLES, asked, ONE_DEVICE)
    assert sizes == [computed]
