"""`python scripts/run_pretraining.py` in processes of its own: the original's command, resume, what follows, errors."""

import dataclasses
import functools
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from absl.flags import FlagValues
from safetensors.numpy import load_file, save_file
from support.commands import Command, Result, assert_one_error_line, become_script
from support.fake_bucket import FakeBucket
from support.outputs import assert_same_bits, content, latest_step, read_eval_results, rows, weights
from support.paths import GOLDEN, SCRIPTS
from support.pretraining_records import (
    CLS,
    LENGTH,
    MASK,
    PREDICTIONS,
    SEP,
    features_of,
    grammar_features,
    random_features,
    write_records,
)
from support.tiny import write_corpus

from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.errors import UserError
from bert_tf.flags import config_from_flags, define_flags
from bert_tf.programs.export_huggingface import export
from bert_tf.programs.pretraining_config import PretrainingConfig
from bert_tf.programs.run_pretraining import find_records, ids_for_masking, run_task, with_defaults
from bert_tf.report.command import command
from bert_tf.report.runs import OTHER_FLAGS, read_runs

pytestmark = pytest.mark.slow
become_run_pretraining = functools.partial(become_script, script=SCRIPTS / "run_pretraining.py")


def start(folder: Path, *flags: str) -> Command:
    return Command(folder, list(flags), target=become_run_pretraining)


@pytest.fixture
def pretrain(tmp_path):
    def pretrain(*flags: str) -> Result:
        return start(tmp_path / "command", *flags).result()

    return pretrain


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for number in range(2):
        write_records(folder / f"train_{number}.tfrecord", random_features(30, number))
    write_records(folder / "dev.tfrecord", random_features(22, 2))
    return folder


def train_flags(data: Path, tiny: Path, output_dir: Path, **changes: object) -> list[str]:
    flags = {
        "input_file": data / "train_?.tfrecord",
        "eval_file": data / "dev.tfrecord",
        "bert_config_file": tiny / "bert_config.json",
        "init_checkpoint": tiny / "bert_model.ckpt",
        "output_dir": output_dir,
        "max_seq_length": LENGTH,
        "max_predictions_per_seq": PREDICTIONS,
        "train_batch_size": 8,
        "num_train_steps": 40,
        "num_warmup_steps": 5,
        "learning_rate": 1e-3,
        "save_checkpoints_steps": 6,
        "eval_steps": 20,
        **changes,
    }
    return ["--do_train", "--do_eval", "--mask_anew", *(f"--{name}={value}" for name, value in flags.items())]


@pytest.fixture(scope="module")
def finished(data, tiny, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    result = start(folder / "command", *train_flags(data, tiny, folder / "out")).result()
    assert result.code == 0, result.stderr
    return folder / "out"


def test_the_originals_command_gives_the_originals_scores(pretrain, tmp_path):
    inputs, squad = GOLDEN / "squad_programs" / "inputs", GOLDEN / "squad"
    case = json.loads((GOLDEN / "pretraining_model" / "eval.json").read_text())[1]
    result = pretrain(
        f"--input_file={GOLDEN / 'pretraining_data' / 'pretraining_0.tfrecord'}",
        f"--output_dir={tmp_path / 'out'}",
        "--do_train=False",
        "--do_eval=True",
        f"--bert_config_file={inputs / 'bert_config.json'}",
        f"--init_checkpoint={squad / 'golden.ckpt'}",
        *("--eval_batch_size=8", "--max_seq_length=40", "--max_predictions_per_seq=6"),
        f"--max_eval_steps={case['max_eval_steps']}",
    )
    assert result.code == 0, result.stderr
    # Each record is computed once, though the original computes some again.
    assert "example 137/137" in result.stderr
    found = read_eval_results(tmp_path / "out")
    for name, value in re.findall(r"(\w+) = (\S+)", case["eval_results.txt"]):
        assert found[name] == pytest.approx(float(value), rel=2e-6), name


def test_a_run_leaves_its_scores_and_what_the_next_programs_need(finished, data):
    scores, results = read_eval_results(finished), json.loads((finished / "results.json").read_text())
    assert results["program"] == "run_pretraining" and results["headline"] == "eval_masked_lm_accuracy"
    assert scores["global_step"] == 40
    for name in ("masked_lm_accuracy", "masked_lm_loss", "next_sentence_accuracy", "next_sentence_loss"):
        assert results[f"eval_{name}"] == scores[f"eval_{name}"] == scores[name]
    assert scores["eval_masked_lm_perplexity"] == pytest.approx(np.exp(scores["masked_lm_loss"]))
    values = rows(finished / "eval_values.tsv")
    assert [row[0] for row in values[1:]] == [f"dev.tfrecord:{number}" for number in range(1, 23)]
    assert json.loads((finished / "task.json").read_text()) == {"kind": "pretraining", "next_sentence": True}
    assert (finished / "vocab.txt").is_file() and (finished / "bert_config.json").is_file()


def parsed(arguments: list[str]) -> dict[str, object]:
    values = FlagValues()
    define_flags(PretrainingConfig, values)
    values(arguments)
    return dataclasses.asdict(config_from_flags(PretrainingConfig, values))


def test_the_command_in_a_report_repeats_the_training(finished, data, tiny):
    (run,) = read_runs([finished]).runs
    python, *arguments = shlex.split(command(run))
    assert [python, *arguments[:3]] == ["python", "scripts/run_pretraining.py", "--do_train", "--do_eval"]
    wanted, found = parsed(["", *train_flags(data, tiny, finished)]), parsed(arguments)
    differs = {name for name, value in wanted.items() if value is not None and found[name] != value}
    assert differs <= set(OTHER_FLAGS) and found["input_file"] == wanted["input_file"] and found["train_steps"] == 40


def test_a_killed_run_resumes_in_the_middle_of_an_epoch_to_the_same_bits(finished, data, tiny, tmp_path):
    flags = train_flags(data, tiny, tmp_path / "out")
    command = start(tmp_path / "first", *flags)
    command.kill_when(lambda: latest_step(tmp_path / "out") >= 6)
    assert latest_step(tmp_path / "out") < 40
    result = start(tmp_path / "second", *flags).result()
    assert result.code == 0 and "Resuming after step" in result.stderr, result.stderr
    assert_same_bits(weights(tmp_path / "out"), weights(finished))
    for name in ("eval_results.txt", "train_log.csv", "eval_values.tsv"):
        assert (tmp_path / "out" / name).read_bytes() == (finished / name).read_bytes(), name


def test_a_run_is_not_resumed_with_other_records(finished, data, tiny, pretrain):
    before = content(finished)
    result = pretrain(*train_flags(data, tiny, finished, input_file=data / "train_0.tfrecord"))
    assert_one_error_line(result, "was started with other settings: train_data was ", "run_pretraining.py")
    assert content(finished) == before


def test_more_steps_are_another_run_from_the_weights_of_the_first(finished, data, tiny, pretrain):
    result = pretrain(*train_flags(data, tiny, finished, num_train_steps=80))
    message = (
        f"num_train_steps was 40, is 80; --bert_model={finished} with another --output_dir trains further from its"
    )
    assert_one_error_line(result, message, "run_pretraining.py")


def test_fine_tuning_goes_on_from_the_checkpoint(finished, tmp_path):
    corpus = write_corpus(tmp_path / "data", {"train": 16, "dev": 8})
    flags = {
        "data_dir": corpus,
        "bert_config_file": finished / "bert_config.json",
        "vocab_file": finished / "vocab.txt",
        "init_checkpoint": finished / "model.ckpt-40",
        "output_dir": tmp_path / "out",
        "max_seq_length": 32,
        "num_train_epochs": 1e-3,
        "learning_rate": 1e-12,
    }
    result = Command(tmp_path / "command", ["--task_name=MRPC", "--do_train", *_as_flags(flags)]).result()
    assert result.code == 0, result.stderr
    before, after = (
        read_checkpoint(folder / f"model.ckpt-{latest_step(folder)}") for folder in (finished, tmp_path / "out")
    )
    for name in ("bert/embeddings/word_embeddings", "bert/pooler/dense/kernel"):
        np.testing.assert_allclose(after[name], before[name], rtol=0, atol=1e-6)
    assert "output_weights" in after and not any(name.startswith("cls/") for name in after)


def _as_flags(values: dict[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in values.items()]


def test_training_goes_on_from_the_checkpoint_with_its_head(finished, data, tiny, pretrain, tmp_path):
    result = pretrain(
        *("--do_eval", f"--eval_file={data / 'dev.tfrecord'}"),
        *(f"--bert_model={finished}", f"--output_dir={tmp_path / 'out'}"),
    )
    assert result.code == 0, result.stderr
    assert read_eval_results(tmp_path / "out") == read_eval_results(finished)


def test_records_are_read_from_a_bucket(finished, data, tmp_path):
    with FakeBucket(tmp_path) as bucket:
        bucket.objects["data/dev.tfrecord"] = (data / "dev.tfrecord").read_bytes()
        flags = ["--do_eval", "--eval_file=gs://bucket/data/*.tfrecord", f"--bert_model={finished}"]
        command = Command(
            tmp_path / "command",
            [*flags, f"--output_dir={tmp_path / 'out'}"],
            become_run_pretraining,
            **bucket.environment,
        )
        result = command.result()
    assert result.code == 0, result.stderr
    assert read_eval_results(tmp_path / "out") == read_eval_results(finished)
    # TensorFlow would download 64 MB for each record.
    assert [name for method, name, part in bucket.requests if part] == ["data/dev.tfrecord"]


def config(data: Path, tiny: Path, output_dir: Path, **fields: object) -> PretrainingConfig:
    settings = {
        "do_train": True,
        "input_file": str(data / "train_0.tfrecord"),
        "bert_config_file": str(tiny / "bert_config.json"),
        "output_dir": str(output_dir),
        "max_seq_length": LENGTH,
        "max_predictions_per_seq": PREDICTIONS,
        "train_batch_size": 8,
        "train_steps": 4,
        "warmup_steps": 0,
        "learning_rate": 1e-3,
    }
    return with_defaults(PretrainingConfig(**(settings | fields)))


def test_masks_are_chosen_with_the_vocabulary_of_the_model(data, tiny, tmp_path):
    assert ids_for_masking(config(data, tiny, tmp_path / "out", mask_anew=True)) == (95, MASK, (CLS, SEP))
    (tmp_path / "vocab.txt").write_text((tiny / "vocab.txt").read_text().replace("[MASK]", "[MUSK]"))
    without = config(data, tiny, tmp_path / "out", mask_anew=True, vocab_file=str(tmp_path / "vocab.txt"))
    with pytest.raises(UserError, match=r"^mask_anew: .*vocab\.txt lacks \[MASK\]; give the vocabulary of a BERT, or"):
        ids_for_masking(without)


def test_a_tiny_model_learns_a_made_up_grammar_as_well_as_it_can_be_known(tiny, tmp_path):
    write_records(tmp_path / "train.tfrecord", grammar_features(3000, seed=0))
    write_records(tmp_path / "dev.tfrecord", grammar_features(200, seed=1))
    run = config(
        tmp_path,
        tiny,
        tmp_path / "out",
        input_file=str(tmp_path / "train.tfrecord"),
        eval_file=str(tmp_path / "dev.tfrecord"),
        do_eval=True,
        masked_lm_only=True,
        train_batch_size=32,
        train_steps=400,
        warmup_steps=40,
        learning_rate=3e-3,
    )
    results = run_task(run, find_records(run))
    # See `grammar_features`: by chance it is a little more or less than 2, because the words are drawn.
    assert results["eval_masked_lm_perplexity"] == pytest.approx(2.0, abs=0.12)
    assert "eval_next_sentence_loss" not in results
    assert not any("seq_relationship" in name for name in weights(tmp_path / "out"))


def test_a_model_with_a_matrix_of_its_own_in_place_of_the_word_embeddings_is_one_line(
    finished, data, pretrain, tmp_path
):
    folder = tmp_path / "untied"
    folder.mkdir()
    export(finished, folder, "untied")
    arrays = load_file(folder / "model.safetensors")
    table = arrays["bert.embeddings.word_embeddings.weight"]
    save_file(arrays | {"cls.predictions.decoder.weight": table + 1}, folder / "model.safetensors", {"format": "pt"})
    result = pretrain(
        *("--do_eval", f"--eval_file={data / 'dev.tfrecord'}", f"--bert_model={folder}"),
        *(f"--max_seq_length={LENGTH}", f"--max_predictions_per_seq={PREDICTIONS}", f"--output_dir={tmp_path / 'out'}"),
    )
    message = (
        "its cls.predictions.decoder.weight is not the matrix of the word embeddings, as it is in BERT; give another"
    )
    assert_one_error_line(result, message, "run_pretraining.py")


def test_a_model_of_both_tasks_may_be_evaluated_on_masked_words_only_in_another_folder(finished, data, tmp_path):
    evaluation = PretrainingConfig(
        do_eval=True,
        eval_file=str(data / "dev.tfrecord"),
        model=str(finished),
        output_dir=str(tmp_path / "out"),
        max_seq_length=LENGTH,
        max_predictions_per_seq=PREDICTIONS,
        masked_lm_only=True,
    )
    found = run_task(evaluation, find_records(evaluation))
    assert "eval_masked_lm_loss" in found and "eval_next_sentence_loss" not in found
    with pytest.raises(UserError, match=r"^masked_lm_only: the model in .* finds next sentences too"):
        find_records(dataclasses.replace(evaluation, model=None, output_dir=str(finished)))


def test_a_model_of_masked_words_only_finds_no_next_sentences(data, golden, tmp_path):
    model = str(golden / "huggingface" / "cased_masked_lm")
    only = PretrainingConfig(do_eval=True, eval_file=str(data / "dev.tfrecord"), output_dir=str(tmp_path), model=model)
    with pytest.raises(UserError, match="has no head for next sentences; pass --masked_lm_only"):
        find_records(only)


def test_records_of_two_lengths_are_made_again_as_no_flag_fits_both(data, tiny, tmp_path):
    features = random_features(2)
    longer = [features_of([2, *range(5, 15), 3], [3], length=40, predictions=PREDICTIONS) for _ in features]
    other = write_records(tmp_path / "other.tfrecord", longer)
    message = "other.tfrecord: record 1: has 40 values of input_ids, but max_seq_length is 32; make all records with"
    for change in ({"eval_file": str(other), "do_eval": True}, {"input_file": f"{data}/train_0.tfrecord,{other}"}):
        with pytest.raises(UserError, match=f"{message} --max_seq_length=32"):
            find_records(config(data, tiny, tmp_path / "out", **change))


def test_a_warm_up_as_long_as_the_training_is_said_and_a_loss_that_is_no_number_names_the_flag(
    data, tiny, tmp_path, caplog
):
    hot = config(data, tiny, tmp_path / "out", learning_rate=1e30, warmup_steps=4)
    with pytest.raises(UserError, match="try a lower --learning_rate or more --num_warmup_steps"):
        run_task(hot, find_records(hot))
    assert "so the learning rate never reaches its peak; pass fewer --num_warmup_steps." in caplog.text


def test_a_checkpoint_with_only_one_of_the_heads_gets_the_other_one(data, tiny, tmp_path, caplog):
    first = config(data, tiny, tmp_path / "first", masked_lm_only=True)
    run_task(first, find_records(first))
    caplog.clear()
    second = config(
        data, tiny, tmp_path / "second", init_checkpoint=str(tmp_path / "first" / "model.ckpt-4"), learning_rate=1e-12
    )
    run_task(second, find_records(second))
    assert "model.ckpt-4: has no head for next sentences; it starts with new weights." in caplog.text
    before, after = weights(tmp_path / "first"), weights(tmp_path / "second")
    name = "cls/predictions/transform/dense/kernel"
    np.testing.assert_allclose(after[name], before[name], rtol=0, atol=1e-6)
    assert "cls/seq_relationship/output_weights" in after


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"input_file": "{data}/no.tfrecord"}, "input_file: {data}/no.tfrecord: there is no such file; check the path"),
        (
            {"max_seq_length": 64},
            "record 1: has 32 values of input_ids, but max_seq_length is 64; pass --max_seq_length=32",
        ),
        ({"max_predictions_per_seq": 5}, "but max_predictions_per_seq is 5; pass --max_predictions_per_seq=4"),
        ({"keep_best": "accuracy"}, "keep_best: is 'accuracy'; the scores of this task are masked_lm_accuracy, "),
        ({"init_checkpoint": "{data}/no.ckpt"}, "no.ckpt: there is no checkpoint"),
        ({"bert_config_file": "{data}/c.json"}, "c.json: there is no such file; check the path"),
        ({"eval_file": "{data}/train_0.tfrecord,"}, "eval_file: is empty; give a path"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(changes, message, data, tiny, pretrain, tmp_path):
    changes = {name: str(value).format(data=data) for name, value in changes.items()}
    result = pretrain(*train_flags(data, tiny, tmp_path / "out", **changes))
    assert_one_error_line(result, message.format(data=data), "run_pretraining.py")
    assert not (tmp_path / "out").exists()


def test_a_vocabulary_that_is_too_small_is_one_line(data, tiny, pretrain, tmp_path):
    vocabulary = (tiny / "vocab.txt").read_text().splitlines()
    (tmp_path / "vocab.txt").write_text("".join(f"{piece}\n" for piece in vocabulary[:60]))
    result = pretrain(*train_flags(data, tiny, tmp_path / "out", vocab_file=tmp_path / "vocab.txt"))
    message = "but the vocabulary has 60; give the vocabulary it was made with"
    assert_one_error_line(result, message, "run_pretraining.py")


def test_a_configuration_without_a_vocabulary_beside_it_is_one_line(data, tiny, pretrain, tmp_path):
    (tmp_path / "c.json").write_text((tiny / "bert_config.json").read_text())
    result = pretrain(
        "--do_train",
        *(
            f"--input_file={data}/dev.tfrecord",
            f"--bert_config_file={tmp_path / 'c.json'}",
            f"--output_dir={tmp_path}/out",
        ),
    )
    message = f"vocab_file: there is no {tmp_path / 'vocab.txt'}; pass the one that made the records"
    assert_one_error_line(result, message, "run_pretraining.py")
