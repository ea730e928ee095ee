"""The configuration of a run: defaults, recipes, bounds, and what may change on resume."""

import dataclasses
import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from support.tiny import make_tiny_features, make_tiny_head

from bert_tf.devices import one_device
from bert_tf.errors import UserError
from bert_tf.training.config import (
    RECIPES,
    ActionConfig,
    FolderConfig,
    ModelConfig,
    RunConfig,
    TextConfig,
    TrainingConfig,
    resume_differences,
    resume_fields,
    settle,
)
from bert_tf.training.fields import flags_of
from bert_tf.training.loop import Training
from bert_tf.training.model import reinitialize
from bert_tf.training.output_dir import OutputDir

SMALL, BASE, CASED = "all-MiniLM-L6-v2", "uncased_L-12_H-768_A-12", "cased_L-12_H-768_A-12"
NUM_EXAMPLES = 22
ORIGINALS = {
    "mixed_precision": "none",
    "max_seq_length": 128,
    "train_batch_size": 32,
    "learning_rate": 5e-5,
    "num_train_epochs": 3.0,
}


def config_for(**fields) -> RunConfig:
    return RunConfig(**{"data_dir": "data", "output_dir": "output", "do_train": True, **fields})


def settled(earlier: dict | None = None, **fields) -> dict:
    config = settle(config_for(**fields), earlier or {})
    return {name: getattr(config, name) for name in ORIGINALS}


# Defaults and recipes


def test_the_defaults_are_the_originals():
    for model in (BASE, "multi_cased_L-12_H-768_A-12", "some/folder", None):
        assert settled(model=model) == ORIGINALS


def test_only_the_small_checkpoint_has_a_recipe_of_its_own():
    assert RECIPES.keys() == {SMALL}
    assert RECIPES[SMALL].keys() <= ORIGINALS.keys()
    assert settled(model=SMALL) == ORIGINALS | RECIPES[SMALL] != ORIGINALS


def test_what_the_user_says_wins():
    given = {
        "mixed_precision": "float16",
        "max_seq_length": 64,
        "train_batch_size": 7,
        "learning_rate": 3e-4,
        "num_train_epochs": 0.5,
    }
    for model in (SMALL, BASE, CASED):
        assert settled(model=model, **given) == given


def test_the_files_of_the_model_decide_the_case_unless_the_user_does():
    assert settle(config_for(model=CASED), {}).do_lower_case is None
    assert settle(config_for(model=CASED, do_lower_case=True), {}).do_lower_case is True


def test_evaluation_alone_uses_what_training_was_started_with():
    given = {"max_seq_length": 64, "learning_rate": 3e-4, "mixed_precision": "bfloat16"}
    earlier = resume_fields(settle(config_for(model=CASED, **given), {}))
    found = settled(earlier, do_train=False, do_eval=True)
    assert found | given == found
    assert settled(earlier, do_train=False, do_eval=True, max_seq_length=32)["max_seq_length"] == 32
    # Training again uses nothing of the earlier run.
    assert settled(earlier, model=BASE)["max_seq_length"] == 128


# Steps


@pytest.mark.parametrize(
    "num_examples, batch_size, epochs, steps",
    [
        (3668, 32, 3.0, 344),
        (96, 32, 3.0, 9),
        (97, 32, 1.0, 4),
        (100, 10, 0.3, 3),
        (10, 32, 3.0, 1),
        (10, 32, 0.001, 1),
        (1, 1, 7.0, 7),
        (4000, 32, 0.1, 13),
    ],
)
def test_the_steps_suffice_for_all_examples_of_each_epoch(num_examples, batch_size, epochs, steps):
    config = TrainingConfig(train_batch_size=batch_size, num_train_epochs=epochs)
    assert config.num_train_steps(num_examples) == steps


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
def test_warmup_is_a_share_of_the_steps_or_a_number_of_them(fields, warmup):
    assert TrainingConfig(**fields).num_warmup_steps(344) == warmup


# Bounds


@pytest.mark.parametrize(
    "fields, problem",
    [
        ({"train_batch_size": 0}, "train_batch_size: is 0; it must be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate: is 0.0; it must be more than 0 and finite"),
        ({"learning_rate": float("nan")}, "learning_rate: is nan; it must be more than 0 and finite"),
        ({"num_train_epochs": float("inf")}, "num_train_epochs: is inf; it must be more than 0 and finite"),
        ({"warmup_proportion": 1.5}, "warmup_proportion: is 1.5; it must be at most 1.0"),
        ({"warmup_proportion": float("nan")}, "warmup_proportion: is nan; it must be at least 0.0"),
        ({"weight_decay": -0.1}, "weight_decay: is -0.1; it must be at least 0.0"),
        ({"learning_rate": 1e39}, "learning_rate: is 1e+39; it must be more than 0 and finite, also as a float32"),
        ({"learning_rate": 1e-50}, "learning_rate: is 1e-50; it must be more than 0 and finite, also as a float32"),
        ({"num_train_epochs": 1e300}, "num_train_epochs: is 1e+300; it must be more than 0 and finite"),
        ({"num_train_epochs": -1}, "num_train_epochs: is -1; it must be more than 0 and finite"),
        ({"num_train_epochs": 10**400}, "num_train_epochs: is 1000"),
        ({"weight_decay": 1e39}, "weight_decay: is 1e+39; it must be finite, also as a float32"),
        ({"weight_decay": float("inf")}, "weight_decay: is inf; it must be finite, also as a float32"),
        ({"train_batch_size": 2**40}, "train_batch_size: is 1099511627776; it must be at most 1048576"),
        ({"eval_batch_size": 2**40}, "eval_batch_size: is 1099511627776; it must be at most 1048576"),
        ({"warmup_steps": -1}, "warmup_steps: is -1; it must be at least 0"),
        ({"distribution_strategy": "parameter_server"}, "distribution_strategy: is 'parameter_server'; it must be one"),
        ({"seed": 2**31}, "seed: is 2147483648; it must be at most 2147483647"),
        ({"max_seq_length": 2}, "max_seq_length: is 2; it must be at least 3"),
        ({"mixed_precision": "int8"}, "mixed_precision: is 'int8'; it must be one of none, bfloat16, float16"),
        ({"learning_rate": "2e-5"}, "learning_rate: is '2e-5'; it must be a number"),
        ({"train_batch_size": 2.5}, "train_batch_size: is 2.5; it must be a whole number"),
        ({"seed": True}, "seed: is True; it must be a whole number"),
        ({"do_eval": "yes"}, "do_eval: is 'yes'; it must be True or False"),
        ({"model": 3}, "bert_model: is 3; it must be a text"),
        ({"eval_batch_size": 0}, "eval_batch_size: is 0; it must be at least 1"),
        ({"model": "a", "vocab_file": "b"}, "bert_model: contradicts --vocab_file"),
        ({"init_checkpoint": "a"}, "init_checkpoint: also needs --bert_config_file and --vocab_file"),
        ({"use_tpu": True, "distribution_strategy": "mirrored"}, "use_tpu: contradicts --distribution_strategy"),
        ({"tpu_zone": "a"}, "tpu_zone: only valid with --use_tpu"),
        ({"use_tpu": True, "tpu_name": "a", "master": "b"}, "master: contradicts --tpu_name"),
        ({"use_tpu": True, "mixed_precision": "float16"}, "mixed_precision: TPUs compute in bfloat16"),
        ({"do_train": False}, "nothing to do; pass at least one of --do_train, --do_eval, --do_predict"),
        (
            {"do_train": False, "do_eval": True, "overwrite_output_dir": True},
            "overwrite_output_dir: only valid with --do_train",
        ),
    ],
)
def test_a_value_out_of_bounds_or_a_contradiction_is_refused_in_one_line(fields, problem):
    with pytest.raises(UserError) as error:
        config_for(**fields)
    assert str(error.value).startswith(problem)
    assert "\n" not in str(error.value)


def test_path_objects_become_texts():
    config = config_for(data_dir=Path("a", "b"), model=Path("c"))
    assert (config.data_dir, config.model) == (str(Path("a", "b")), "c")


PATHS = ("data_dir", "output_dir", "model", "bert_config_file", "vocab_file", "init_checkpoint")


@pytest.mark.parametrize("field", PATHS)
@pytest.mark.parametrize("value", ["foo://bucket/x", "", "a\0b", "x" * 5000, "x\n", Path("s3://bucket"), "caf\udce9"])
def test_each_path_must_be_one_that_can_be_opened(field, value):
    with pytest.raises(UserError) as error:
        config_for(**{field: value})
    name = "bert_model" if field == "model" else field
    assert str(error.value).startswith(f"{name}: ") and "\n" not in str(error.value)


def test_each_path_may_begin_with_the_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    config = config_for(model="~/model", data_dir="~/data", output_dir=Path("~/out"))
    assert (config.model, config.data_dir, config.output_dir) == tuple(
        f"/home/somebody/{name}" for name in ("model", "data", "out")
    )
    files = config_for(bert_config_file="~/a", vocab_file="~/b", init_checkpoint="~/c")
    assert (files.bert_config_file, files.init_checkpoint) == ("/home/somebody/a", "/home/somebody/c")


@pytest.mark.parametrize(
    ("fields", "plain"),
    [
        ({"seed": np.int64(3)}, 3),
        ({"seed": np.array(3)}, 3),
        ({"warmup_steps": np.uint8(3)}, 3),
        ({"learning_rate": np.float64(2e-5)}, 2e-5),
        ({"learning_rate": np.float32(2e-5)}, 1.9999999494757503e-05),
        ({"learning_rate": np.longdouble(0.5)}, 0.5),
        ({"learning_rate": Fraction(1, 2)}, 0.5),
        ({"num_train_epochs": 3}, 3.0),
        ({"adam_bias_correction": np.bool_(False)}, False),
        ({"mixed_precision": np.str_("bfloat16")}, "bfloat16"),
        ({"tpu_name": np.str_("grpc://a"), "use_tpu": True}, "grpc://a"),
    ],
)
def test_numbers_of_numpy_become_pythons_with_exactly_their_value(fields, plain):
    value = getattr(config_for(**fields), next(iter(fields)))
    assert type(value) is type(plain) and value == plain
    assert json.loads(json.dumps(resume_fields(config_for(**fields)))) == resume_fields(config_for(**fields))


@pytest.mark.parametrize("config_class", [ActionConfig, FolderConfig, ModelConfig, TextConfig, TrainingConfig])
@pytest.mark.parametrize("value", [object(), [], {}, 1j, b"x", (1,), np.array([1, 2]), math, print, UserError("a\nb")])
def test_no_field_takes_a_value_of_another_type(config_class, value):
    for field, declared in flags_of(config_class).items():
        with pytest.raises(UserError) as error:
            config_class(**{field: value})
        message = str(error.value)
        assert message.startswith(f"{declared.name or field}: is ") and "\n" not in message and len(message) < 200


def test_only_fields_that_may_be_open_take_none():
    assert TrainingConfig(learning_rate=None, warmup_steps=None).learning_rate is None
    for field in ("seed", "weight_decay", "adam_bias_correction"):
        with pytest.raises(UserError, match=f"{field}: is None; it must be"):
            TrainingConfig(**{field: None})


def test_more_examples_than_can_be_counted_are_refused():
    config = TrainingConfig(train_batch_size=32, num_train_epochs=1e30)
    with pytest.raises(UserError, match=r"num_train_epochs: is 1e\+30; of 3668 examples at most 585464 are possible"):
        config.check_size(3668)
    TrainingConfig(train_batch_size=32, num_train_epochs=500000).check_size(3668)


def test_two_names_of_the_tpu_are_one_value():
    old, new = config_for(use_tpu=True, master="a"), config_for(distribution_strategy="tpu", tpu_name="a")
    assert resume_fields(old) == resume_fields(new)
    assert old.tpu_name == new.tpu_name == "a"


def test_the_number_of_tpu_cores_counts_on_a_tpu_alone():
    assert config_for(num_tpu_cores=4).num_tpu_cores is None
    earlier = resume_fields(config_for(use_tpu=True))
    assert resume_differences(config_for(use_tpu=True, num_tpu_cores=4), earlier) == ["num_tpu_cores was 8, is 4"]
    del earlier["num_tpu_cores"]
    assert resume_differences(config_for(use_tpu=True), earlier) == []


# Resume


@pytest.mark.parametrize(
    "fields",
    [
        {"model": CASED},
        {"max_seq_length": 64},
        {"train_batch_size": 16},
        {"learning_rate": 2e-5},
        {"num_train_epochs": 4.0},
        {"warmup_proportion": 0.2},
        {"warmup_steps": 3},
        {"optimizer": "lamb"},
        {"weight_decay": 0.1},
        {"adam_bias_correction": False},
        {"mixed_precision": "bfloat16"},
        {"distribution_strategy": "mirrored"},
        {"do_lower_case": False},
        {"seed": 1},
    ],
)
def test_a_changed_setting_is_named_with_both_values(fields):
    earlier = resume_fields(settle(config_for(model=BASE), {}))
    (name, value), *_ = fields.items()
    found = resume_differences(settle(config_for(**{"model": BASE, **fields}), {}), earlier)
    shown = "bert_model" if name == "model" else name
    assert [line for line in found if line.startswith(f"{shown} was ") and line.endswith(f", is {value!r}")]


def test_what_does_not_shape_training_may_change():
    earlier = resume_fields(settle(config_for(), {}))
    changed = config_for(do_eval=True, eval_batch_size=3, save_checkpoints_steps=7, output_dir="moved")
    assert resume_differences(settle(changed, {}), earlier) == []


def test_a_flag_that_the_earlier_version_did_not_have_had_its_default():
    earlier = resume_fields(settle(config_for(), {}))
    del earlier["weight_decay"], earlier["num_tpu_cores"]
    assert resume_differences(settle(config_for(), {}), earlier) == []
    assert resume_differences(settle(config_for(weight_decay=0.5), {}), earlier) == ["weight_decay was 0.01, is 0.5"]


def test_a_setting_that_is_still_open_does_not_differ():
    earlier = resume_fields(settle(config_for(), {})) | {"do_lower_case": False}
    assert resume_differences(settle(config_for(), {}), earlier) == []
    assert resume_differences(settle(config_for(do_lower_case=True), {}), earlier) == [
        "do_lower_case was False, is True"
    ]


def other_value(config: TrainingConfig, field: str) -> object:
    declared, value = flags_of(config)[field], getattr(config, field)
    if declared.choices:
        return next(choice for choice in declared.choices if choice != value)
    if isinstance(value, bool):
        return not value
    return (value or 0) + 1 if isinstance(value, int | None) else value * 0.5


def weights_after_training(config: TrainingConfig, steps: int, folder: OutputDir) -> bytes:
    policies = {"none": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
    head = make_tiny_head(dtype=policies[config.mixed_precision])
    # With another seed: the tiny head's weights are already those of a model from scratch.
    reinitialize(head.encoder, config.reinit_layers, seed=config.seed + 7)
    Training(head, config, steps, one_device()).run(make_tiny_features(NUM_EXAMPLES), folder)
    return b"".join(variable.numpy().tobytes() for variable in head.variables_by_name.values())


@pytest.mark.slow
def test_every_flag_that_changes_the_trained_weights_is_compared_on_resume(tmp_path):
    base = TrainingConfig(
        train_batch_size=4,
        learning_rate=1e-2,
        num_train_epochs=1.0,
        mixed_precision="none",
        warmup_proportion=0.6,
        save_checkpoints_steps=2,
        logging_steps=2,
        iterations_per_loop=2,
    )
    steps = base.num_train_steps(NUM_EXAMPLES)
    expected = weights_after_training(base, steps, OutputDir(tmp_path))
    assert weights_after_training(base, steps, OutputDir(tmp_path)) == expected
    for field, declared in flags_of(base).items():
        changed = dataclasses.replace(base, **{field: other_value(base, field)})
        found = weights_after_training(changed, changed.num_train_steps(NUM_EXAMPLES), OutputDir(tmp_path))
        assert (found != expected) == declared.resume, field


def test_every_flag_that_names_what_is_trained_is_compared_on_resume():
    # Training takes all of TrainingConfig, see the test above; of the rest these choose model, text and devices.
    compared = {field for field in resume_fields(config_for()) if field not in flags_of(TrainingConfig)}
    assert compared == {
        *("model", "bert_config_file", "vocab_file", "init_checkpoint"),
        *("do_lower_case", "max_seq_length"),
        *("distribution_strategy", "num_tpu_cores"),
        *("eval_steps", "keep_best", "early_stopping_patience"),
    }
    others = flags_of(RunConfig).keys() - compared - flags_of(TrainingConfig).keys()
    assert others == {
        *("do_train", "do_eval", "do_predict", "eval_batch_size", "predict_batch_size", "eval_all_checkpoints"),
        *("data_dir", "output_dir", "overwrite_output_dir"),  # the data is compared by its digest
        *("use_tpu", "tpu_name", "tpu_zone", "gcp_project", "master"),
    }


# Evaluations while training.


@pytest.mark.parametrize(
    "value, kept", [(50, "50"), ("050", "50"), (np.int64(7), "7"), ("epoch", "epoch"), (None, None)]
)
def test_eval_steps_is_a_number_or_a_word(value, kept):
    config = config_for(do_train=True, eval_steps=value)
    assert config.eval_steps == kept and config.splits == ["train", "dev"][: 1 + (kept is not None)]


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "", "epochs", "1e3", "9" * 5000])
def test_other_eval_steps_are_refused_in_one_line(value):
    with pytest.raises(UserError, match=r"^eval_steps: is [^\n]+; it must be a whole number of at least 1, or epoch$"):
        config_for(do_train=True, eval_steps=value)


@pytest.mark.parametrize("fields", [{"keep_best": "eval_f1"}, {"early_stopping_patience": 1}])
def test_what_needs_evaluations_evaluates_each_epoch(fields):
    config = config_for(do_train=True, **fields)
    assert config.eval_steps == "epoch" and config.keep_best in ("f1", None)
    assert config_for(do_train=True, eval_steps=3, **fields).eval_steps == "3"


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"eval_steps": "3"}, "eval_steps: only valid with --do_train"),
        ({"keep_best": "loss"}, "keep_best: only valid with --do_train"),
        ({"early_stopping_patience": 3}, "early_stopping_patience: only valid with --do_train"),
    ],
)
def test_evaluations_while_training_need_training(fields, message):
    with pytest.raises(UserError, match=f"^{message}$"):
        config_for(do_train=False, do_eval=True, **fields)


def test_all_checkpoints_are_evaluated_only_where_the_dev_set_is():
    with pytest.raises(UserError, match=r"^eval_all_checkpoints: only valid with --do_eval$"):
        config_for(do_train=True, eval_all_checkpoints=True)
