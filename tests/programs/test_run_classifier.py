"""The command line, from flags to what is left in output_dir.

TensorFlow takes seconds to load, so most commands here run in processes that are forked from one that has loaded
it and nothing more. Commands that must not load it, and the main one, are processes of their own.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support.commands import (
    STEPS,
    TIMEOUT,
    Command,
    Result,
    assert_one_error_line,
    subprocess_environment,
    train_flags,
)
from support.outputs import assert_same_bits, content, latest_step, probabilities, read_eval_results, weights
from support.paths import ROOT

from bert_tf.checkpoints.formats import read_checkpoint, write_checkpoint
from bert_tf.modeling.config import BertConfig

pytestmark = pytest.mark.slow


# The main job.


@pytest.fixture(scope="module")
def main_job(tmp_path_factory, minilm_dir) -> tuple[Result, Path]:
    """The command of README's first lines, cut to three steps, where no MRPC was exported."""
    folder = tmp_path_factory.mktemp("main")
    for name in ("run_classifier.py", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    for name in ("bert_tf", "data/sample"):
        shutil.copytree(ROOT / name, folder / name)
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    flags = ["--task_name=MRPC", "--do_train", "--do_eval", "--num_train_epochs=0.05", "--logging_steps=1"]
    done = subprocess.run(
        [sys.executable, "run_classifier.py", *flags],
        cwd=folder,
        env=subprocess_environment(PYTHONPATH=path, BERT_TF_CACHE=str(minilm_dir.parent)),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Result(done.returncode, done.stdout, done.stderr), folder / "output" / "MRPC" / "all-MiniLM-L6-v2"


def test_main_job_says_that_it_takes_the_sample_corpus_and_how_to_get_the_real_one(main_job):
    result, folder = main_job
    assert "sample" in result.stderr and "scripts/export_mrpc.py" in result.stderr
    assert json.loads((folder / "results.json").read_text())["dataset"] == "sample"


def test_main_job_prints_its_recipe_its_progress_and_its_scores(main_job):
    result, folder = main_job
    assert "learning rate 0.0001" in result.stderr and "batch size 32" in result.stderr
    assert re.search(r"step 3/3, loss \d\.\d+, [\d.]+ examples/s, 00:00 left", result.stderr)
    for line in (folder / "eval_results.txt").read_text().splitlines():
        assert f"\n  {line}\n" in result.stderr


def test_main_job_leaves_the_originals_eval_results(main_job):
    keys = [line.split(" = ")[0] for line in (main_job[1] / "eval_results.txt").read_text().splitlines()]
    assert keys == ["eval_accuracy", "eval_f1", "eval_loss", "global_step", "loss"]
    results = read_eval_results(main_job[1])
    assert results["global_step"] == 3
    assert 0.3 < results["eval_accuracy"] < 1 and 0.3 < results["eval_loss"] < 1.5


def test_main_job_leaves_the_notebooks_results_and_what_repeats_the_run(main_job):
    results = json.loads((main_job[1] / "results.json").read_text())
    notebook = {
        *("train_runtime", "train_samples_per_second", "train_steps_per_second", "total_flos", "train_loss", "epoch"),
        *("eval_loss", "eval_runtime", "eval_samples_per_second", "eval_steps_per_second"),
    }
    assert results.keys() >= notebook | {"eval_accuracy", "eval_f1", "seed", "flags", "versions", "dataset", "model"}
    assert all(results[key] > 0 for key in notebook)
    assert results["epoch"] == round(96 / 1440, 2)
    assert results["train_samples_per_second"] == pytest.approx(96 / results["train_runtime"])
    assert (results["model"], results["seed"]) == ("all-MiniLM-L6-v2", 0)
    assert results["flags"]["learning_rate"] == 1e-4 and results["flags"]["max_seq_length"] == 128
    assert results["versions"]["tensorflow"] == tf.__version__


@pytest.mark.parametrize("part, runtime", [("train", "train_runtime"), ("eval", "eval_runtime")])
def test_main_job_says_how_near_it_came_to_what_its_device_can(main_job, part, runtime):
    results = json.loads((main_job[1] / "results.json").read_text())
    examples = results[f"{part}_samples_per_second"] * results[runtime]
    # Pairs of the sample corpus have 10 to 128 pieces.
    assert 10 < results[f"{part}_tokens_per_second"] * results[runtime] / examples < 128
    assert 0 < results[f"{part}_model_flops_utilization"] < 1
    assert results[f"{part}_device_peak_flops"] > 1e8 and results[f"{part}_device_peak_source"]
    # More than the checkpoint's 22 million float32 numbers, less than a machine has.
    assert 9e7 < results[f"{part}_peak_memory_bytes"] < 1e12


def test_main_job_logs_each_step_to_csv_and_to_tensorboard(main_job):
    folder = main_job[1]
    log = (folder / "train_log.csv").read_text().splitlines()
    assert log[0] == "step,loss,learning_rate"
    logged = {int(step): (float(loss), float(rate)) for step, loss, rate in (line.split(",") for line in log[1:])}
    assert sorted(logged) == [1, 2, 3]
    assert [rate for _, rate in logged.values()] == pytest.approx([1e-4, 2 / 3 * 1e-4, 1 / 3 * 1e-4])
    seen = {"loss": {}, "learning_rate": {}}
    for path in folder.glob("events.out.tfevents.*"):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                seen[value.tag][event.step] = float(tf.make_ndarray(value.tensor))
    assert seen["loss"] == pytest.approx({step: loss for step, (loss, _) in logged.items()})
    assert seen["learning_rate"] == pytest.approx({step: rate for step, (_, rate) in logged.items()})


def test_main_job_leaves_a_model_that_stands_alone(main_job, minilm_dir):
    folder = main_job[1]
    config = BertConfig.from_json_file(folder / "bert_config.json")
    assert config == BertConfig.from_json_file(minilm_dir / "config.json")
    assert (folder / "vocab.txt").read_bytes() == (minilm_dir / "vocab.txt").read_bytes()
    assert (folder / "labels.txt").read_text() == "0\n1\n"
    arrays = weights(folder)
    assert arrays["output_weights"].shape == (2, 384) and arrays["global_step"] == 3
    assert not [name for name in arrays if "adam" in name]


# Prediction.


def test_prediction_from_a_moved_output_dir_alone_has_a_row_an_example_in_file_order(finished_copy, corpus, run):
    wanted = probabilities(finished_copy)
    order = np.random.default_rng(0).permutation(len(wanted))
    moved = finished_copy.rename(finished_copy.with_name("moved"))
    permuted = moved.with_name("permuted")
    permuted.mkdir()
    lines = (corpus / "test.tsv").read_text().splitlines(keepends=True)
    (permuted / "test.tsv").write_text("".join(lines[index] for index in order))
    result = run("--task_name=MRPC", "--do_predict", f"--data_dir={permuted}", f"--output_dir={moved}")
    assert result.code == 0, result.stderr
    given = probabilities(moved)
    assert given.shape == (21, 2) and np.ptp(given[:, 1]) > 0.01
    np.testing.assert_allclose(given.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(given, wanted[order], atol=1e-6)


def test_prediction_leaves_what_results_json_says_of_the_training(finished_copy, corpus, run):
    before = json.loads((finished_copy / "results.json").read_text())
    other = shutil.copytree(corpus, finished_copy.with_name("other"))
    result = run("--task_name=MRPC", "--do_predict", f"--data_dir={other}", f"--output_dir={finished_copy}")
    assert result.code == 0, result.stderr
    after = json.loads((finished_copy / "results.json").read_text())
    for key in ("dataset", "model", "seed", "train_loss", "eval_accuracy"):
        assert after[key] == before[key], key


def test_the_originals_three_flags_give_the_same_scores_and_probabilities(finished, corpus, tmp_path, run):
    result = run(
        *("--task_name=MRPC", "--do_eval", "--do_predict", f"--data_dir={corpus}", f"--output_dir={tmp_path / 'new'}"),
        *(f"--bert_config_file={finished / 'bert_config.json'}", f"--vocab_file={finished / 'vocab.txt'}"),
        *(f"--init_checkpoint={finished / f'model.ckpt-{STEPS}'}", "--max_seq_length=48"),
    )
    assert result.code == 0, result.stderr
    np.testing.assert_array_equal(probabilities(tmp_path / "new"), probabilities(finished))
    wanted, given = read_eval_results(finished), read_eval_results(tmp_path / "new")
    assert {**given, "global_step": STEPS} == wanted


# Runs that are stopped, finished, repeated.


def test_a_run_killed_again_and_again_ends_with_the_bits_and_the_log_of_one_that_was_not(
    finished, corpus, tiny, tmp_path
):
    folder = tmp_path / "out"
    flags = train_flags(corpus, tiny, folder, seed=5)
    moments = [
        lambda: (folder / "run.json").exists(),
        lambda: (folder / ".model.ckpt-12.partial").exists(),
        lambda: (folder / "model.ckpt-40.data-00000-of-00001").exists(),
    ]
    for moment in moments:
        Command(tmp_path / "killed", flags).kill_when(moment)
    saved = latest_step(folder)
    assert saved in (36, 40, 44)
    result = Command(tmp_path / "last", flags).result()
    assert result.code == 0, result.stderr
    assert f"Resuming after step {saved}." in result.stderr
    assert_same_bits(weights(folder), weights(finished))
    assert (folder / "train_log.csv").read_bytes() == (finished / "train_log.csv").read_bytes()
    steps = [int(line.split(",")[0]) for line in (folder / "train_log.csv").read_text().splitlines()[1:]]
    assert steps == [*range(5, STEPS, 5), STEPS]
    assert sorted(path.name for path in folder.glob("*model.ckpt*")) == [
        f"model.ckpt-{STEPS}.data-00000-of-00001",
        f"model.ckpt-{STEPS}.index",
    ]


def test_a_finished_output_dir_is_evaluated_but_not_trained_again(finished_copy, corpus, tiny, run):
    before = content(finished_copy)
    result = run(*train_flags(corpus, tiny, finished_copy, seed=5), "--do_eval")
    assert result.code == 0, result.stderr
    assert "is finished" in result.stderr and "eval_accuracy = " in result.stderr
    after = content(finished_copy)
    unchanged = before.keys() - {"results.json"}
    assert {name: after[name] for name in unchanged} == {name: before[name] for name in unchanged}
    assert before.keys() == after.keys()
    # Nothing was trained, so what the training used stays as it was.
    earlier, later = (json.loads(files["results.json"]) for files in (before, after))
    measured = ("model_flops_utilization", "device_peak_flops", "device_peak_source", "peak_memory_bytes")
    for key in ("train_tokens_per_second", *(f"train_{name}" for name in measured)):
        assert later[key] == earlier[key], key


@pytest.mark.parametrize("difference", ["learning_rate was 0.001, is 0.002", "train_data"])
def test_other_flags_or_data_than_the_run_was_started_with_are_refused(difference, finished_copy, corpus, tiny, run):
    before = content(finished_copy)
    if difference == "train_data":
        corpus = shutil.copytree(corpus, finished_copy.with_name("other"))
        with (corpus / "train.tsv").open("a") as file:
            file.write("w1\tw2\t1\n")
    rate = {} if difference == "train_data" else {"learning_rate": 2e-3}
    result = run(*train_flags(corpus, tiny, finished_copy, seed=5, **rate))
    assert_one_error_line(result, difference)
    assert "--overwrite_output_dir" in result.stderr
    assert content(finished_copy) == before


def test_overwriting_trains_anew_with_another_seed_and_leaves_foreign_files_alone(finished_copy, corpus, tiny, run):
    earlier = weights(finished_copy)["training/losses"]
    (finished_copy / "notes.txt").write_text("mine")
    (finished_copy / "folder").mkdir()
    # A run that was killed while it wrote a checkpoint leaves such a folder.
    (finished_copy / ".model.ckpt-8.partial").mkdir()
    (finished_copy / ".model.ckpt-8.partial" / "checkpoint").write_text("half")
    flags = train_flags(corpus, tiny, finished_copy, seed=6, num_train_epochs=1)
    result = run(*flags, "--overwrite_output_dir")
    assert result.code == 0, result.stderr
    losses = weights(finished_copy)["training/losses"]
    assert losses.shape == (8,) and not np.isin(losses, earlier).any()
    assert (finished_copy / "notes.txt").read_text() == "mine" and (finished_copy / "folder").is_dir()
    assert not (finished_copy / ".model.ckpt-8.partial").exists()
    assert not (finished_copy / "eval_results.txt").exists()


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_step_and_a_good_checkpoint(corpus, tiny, tmp_path, run):
    folder = tmp_path / "out"
    flags = train_flags(corpus, tiny, folder)
    Command(tmp_path / "killed", flags).kill_when(lambda: latest_step(folder) >= 4)
    saved = latest_step(folder)
    # The next update is poisoned: its loss is still good, the weights after it are not, nor is the loss after that.
    arrays = read_checkpoint(folder / f"model.ckpt-{saved}")
    arrays["output_bias/adam_m"] = np.full_like(arrays["output_bias/adam_m"], np.inf)
    write_checkpoint(folder / f"model.ckpt-{saved}", arrays)
    result = run(*train_flags(corpus, tiny, folder, save_checkpoints_steps=1))
    assert_one_error_line(result, "last good checkpoint is")
    step, named = re.search(r"step (\d+): .* last good checkpoint is (\S+model\.ckpt-\d+)", result.stderr).groups()
    assert int(step) in (saved + 1, saved + 2)
    for name, array in read_checkpoint(named).items():
        assert "adam" in name or np.isfinite(array).all(), name


def test_weights_that_give_no_finite_loss_stop_the_run_at_its_first_step(corpus, tiny, tmp_path, run):
    huge = shutil.copytree(tiny, tmp_path / "huge")
    arrays = read_checkpoint(huge / "bert_model.ckpt")
    arrays["bert/pooler/dense/kernel"] = np.full_like(arrays["bert/pooler/dense/kernel"], 3e38)
    arrays["bert/encoder/layer_1/output/LayerNorm/gamma"][:] = 3e38
    write_checkpoint(huge / "bert_model.ckpt", arrays)
    result = run(*train_flags(corpus, huge, tmp_path / "out"))
    assert_one_error_line(result, "step 1: the loss is nan; no checkpoint was saved")
