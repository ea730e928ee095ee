"""Misuse of the command line: each mistake is one line, and nothing is written."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import (
    SCRIPT,
    STEPS,
    TIMEOUT,
    Result,
    assert_one_error_line,
    subprocess_environment,
    train_flags,
)
from support.language_files import write_xnli
from support.outputs import content

pytestmark = pytest.mark.slow


# Before TensorFlow is loaded.


def run_without_tensorflow(tmp_path: Path, *flags: str) -> Result:
    """The command in a process of its own, where loading TensorFlow fails."""
    poison = tmp_path / "poison" / "tensorflow"
    poison.mkdir(parents=True)
    (poison / "__init__.py").write_text("raise ImportError('TensorFlow was loaded')\n")
    path = os.pathsep.join([str(poison.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *flags],
        cwd=tmp_path,
        env=subprocess_environment(PYTHONPATH=path),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "task_name: is missing"),
        (["--do_train"], "task_name: is missing"),
        (["--task_name=MRCP", "--do_train"], "task_name: 'MRCP' is unknown"),
        (["--task_name=MRPC"], "nothing to do"),
        (["--task_name=MRPC", "--do_train", "do_eval"], "'do_eval'"),
        (
            ["--task_name=MRPC", "--do_train", "--bert_model=tiny", "--init_checkpoint=x"],
            "bert_model: contradicts --init_checkpoint",
        ),
        (["--task_name=MRPC", "--do_train", "--bert_config_file=x"], "bert_config_file: also needs"),
        (["--task_name=MRPC", "--do_train", "--tpu_name=x"], "tpu_name: only valid with --use_tpu"),
        (
            ["--task_name=MRPC", "--do_train", "--use_tpu", "--distribution_strategy=mirrored"],
            "use_tpu: contradicts --distribution_strategy=mirrored",
        ),
        (["--task_name=MRPC", "--do_eval", "--overwrite_output_dir"], "overwrite_output_dir"),
        (["--task_name=MRPC", "--do_train", "--num_train_epochs=inf"], "num_train_epochs"),
        (["--task_name=MRPC", "--do_train", "--learning_rate=nan"], "learning_rate"),
        (
            ["--task_name=MRPC", "--do_train", "--label_smoothing=1"],
            "label_smoothing=1: 1.0 is not a number in the range [0.0, 0.99]",
        ),
        (["--task_name=COLA", "--do_train"], "data_dir: there is no"),
        (["--task_name=MRPC", "--do_train", "--train_language=en"], "train_language: only valid for PAWS-X and XNLI"),
        (
            ["--task_name=XNLI", "--do_train", "--train_language=all"],
            "train_language: is 'all'; it must be one of ar, ",
        ),
        (["--task_name=XNLI", "--do_eval", "--xnli_language=en,ja"], "xnli_language: has 'ja'; choose from ar, bg, "),
    ],
)
def test_contradictory_flags_fail_in_one_line_before_tensorflow_is_loaded(flags, message, tmp_path):
    result = run_without_tensorflow(tmp_path, *flags)
    assert_one_error_line(result, message)
    assert len(result.stderr.splitlines()) == 1 and not result.stdout


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--do_train", "--train_language=sw"], "multinli/multinli.train.sw.tsv: there is no such file; "),
        (["--do_eval", "--xnli_language=all"], "xnli.dev.tsv:1: there are no rows with 'bg', 'de', 'el', 'en' and "),
        (["--do_predict", "--xnli_language=th,sw"], "xnli.test.tsv:1: there are no rows with 'sw', 'th' in column 1, "),
    ],
)
def test_languages_without_files_or_rows_are_one_line_before_tensorflow_is_loaded(flags, message, tmp_path, tiny):
    write_xnli(tmp_path / "xnli", ("ar", "zh"))
    places = [f"--data_dir={tmp_path / 'xnli'}", f"--output_dir={tmp_path / 'out'}", f"--bert_model={tiny}"]
    result = run_without_tensorflow(tmp_path, "--task_name=XNLI", *flags, *places)
    assert_one_error_line(result, message)
    assert not (tmp_path / "out").exists()


def test_data_and_models_are_looked_at_before_tensorflow_is_loaded(tmp_path, corpus, tiny):
    wrong_row = shutil.copytree(corpus, tmp_path / "wrong_row")
    (wrong_row / "train.tsv").write_text("w1\tw2\t7\n")
    no_config, bad_config = (shutil.copytree(tiny, tmp_path / name) for name in ("no_config", "bad_config"))
    (no_config / "bert_config.json").unlink()
    (bad_config / "bert_config.json").write_text('{"vocab_size": "many"}')
    named = [f"--bert_config_file={tiny}/bert_config.json", f"--vocab_file={tiny}/vocab.txt"]
    for number, (flags, message) in enumerate(
        [
            ([f"--bert_model={tiny}", f"--data_dir={wrong_row}"], "train.tsv:1: column 3: unknown label '7'"),
            ([f"--bert_model={tiny}", "--data_dir=nowhere"], "nowhere/train.tsv: there is no such file"),
            (["--bert_model=./nowhere"], "nowhere: no such file or folder"),
            ([f"--bert_model={no_config}"], "has neither bert_config.json nor config.json"),
            ([f"--bert_model={bad_config}"], "bad_config/bert_config.json: vocab_size is 'many'"),
            ([*named, "--init_checkpoint=nowhere.ckpt"], "nowhere.ckpt: there is no checkpoint"),
            (["--bert_config_file=nowhere", "--vocab_file=x"], "bert_config_file: nowhere: there is no such file"),
            ([named[0], "--vocab_file=nowhere"], "vocab_file: nowhere: there is no such file"),
            (
                [f"--bert_model={tiny}", "--class_weight=1,2,3"],
                "class_weight: is '1,2,3', but there are 2 labels (0, 1)",
            ),
            ([f"--bert_model={tiny}", "--class_weight=no"], "class_weight: 'no' is no weight; write balanced, or a"),
            ([f"--bert_model={tiny}", "--num_train_epochs=1e30"], "num_train_epochs: is 1e+30; of 64 examples at most"),
            ([f"--bert_model={tiny}", "--max_seq_length=1000000000"], "max_seq_length: 1000000000 is more than the 64"),
        ]
    ):
        data_dir = [] if any(flag.startswith("--data_dir") for flag in flags) else [f"--data_dir={corpus}"]
        result = run_without_tensorflow(
            tmp_path / str(number), "--task_name=MRPC", "--do_train", "--output_dir=out", *data_dir, *flags
        )
        assert_one_error_line(result, message)
        # The line before says how many examples were read.
        assert len(result.stderr.splitlines()) <= 2 and not (tmp_path / str(number) / "out").exists()


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--output_dir=foo://bucket/out", "output_dir: 'foo://bucket/out': foo: addresses cannot be opened"),
        ("--data_dir=S3://bucket", "data_dir: 'S3://bucket': S3: addresses cannot be opened"),
        ("--data_dir=hf://google/bert", "data_dir: 'hf://google/bert': hf: addresses cannot be opened"),
        ("--bert_model=hs://google/bert", "bert_model: 'hs://google/bert': hs: addresses cannot be opened"),
        ("--output_dir=file:///out", "output_dir: 'file:///out': is an address; give the path without file://"),
        ("--output_dir=", "output_dir: is empty"),
        ("--output_dir=~nobody-of-this-name/x", "output_dir: '~nobody-of-this-name/x': ~nobody-of-this-name is not"),
        ("--vocab_file=" + "x" * 5000, "vocab_file: 'xxx"),
        (b"--output_dir=caf\xe9", "output_dir: 'caf\\udce9': is not UTF-8"),
    ],
)
def test_what_is_no_local_path_is_refused_before_anything_is_made(flag, message, tmp_path):
    result = run_without_tensorflow(tmp_path, "--task_name=MRPC", "--do_train", flag)
    assert_one_error_line(result, message)
    assert [path.name for path in tmp_path.iterdir()] == ["poison"]


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--do_trian", "Did you mean: do_train"),
        ("--train_batch_size=0", "train_batch_size"),
        ("--seed=-1", "seed"),
        ("--mixed_precision=float8", "mixed_precision"),
        ("--multi_label=maybe", "flag --multi_label=maybe: write true or false; see --help"),
        ("--nomulti_label=1", "--nomulti_label=1 does not take an argument; see --help"),
    ],
)
def test_flags_that_absl_refuses_fail_before_tensorflow_is_loaded(flag, message, tmp_path):
    result = run_without_tensorflow(tmp_path, "--task_name=MRPC", "--do_train", flag)
    assert_one_error_line(result, message)
    assert len(result.stderr.splitlines()) == 1 and "see --help" in result.stderr


def test_help_tells_every_flag_of_the_original_without_tensorflow(tmp_path):
    shown = run_without_tensorflow(tmp_path, "--help").stdout
    original = {
        *("data_dir", "bert_config_file", "task_name", "vocab_file", "output_dir", "init_checkpoint", "do_lower_case"),
        *("max_seq_length", "do_train", "do_eval", "do_predict", "train_batch_size", "eval_batch_size"),
        *("predict_batch_size", "learning_rate", "num_train_epochs", "warmup_proportion", "save_checkpoints_steps"),
        *("iterations_per_loop", "use_tpu", "tpu_name", "tpu_zone", "gcp_project", "master", "num_tpu_cores"),
    }
    assert original <= set(re.findall(r"^ +--(?:\[no\])?(\w+):", shown, re.MULTILINE))


# Later. The corrected command must not be refused because of files that the wrong one left.


def cut_checkpoint(model: Path) -> None:
    data = model / "bert_model.ckpt.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:5000])


def add_to_vocabulary(model: Path) -> None:
    with (model / "vocab.txt").open("a") as file:
        file.write("one\nmore\n")


@pytest.mark.parametrize(
    ("break_model", "message"),
    [
        (cut_checkpoint, "bert_model.ckpt: cannot be read"),
        (add_to_vocabulary, "vocab.txt: has 97 pieces, but"),
        (lambda model: (model / "vocab.txt").unlink(), "vocab.txt is missing"),
    ],
    ids=["cut checkpoint", "vocabulary too large", "no vocabulary"],
)
def test_a_broken_model_is_refused_and_nothing_written(break_model, message, corpus, tiny, tmp_path, run):
    model = shutil.copytree(tiny, tmp_path / "model")
    break_model(model)
    assert_one_error_line(run(*train_flags(corpus, model, tmp_path / "out")), message)
    assert content(tmp_path / "out") == {}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--max_seq_length=65"], "max_seq_length: 65 is more than the 64 positions"),
        (["--bert_model=uncased_L-12_H-768_A-13"], "did you mean uncased_L-12_H-768_A-12"),
        (["--data_dir={folder}/nowhere"], "nowhere/train.tsv: there is no such file"),
        (["--data_dir={folder}/a_file"], "a_file"),
        (["--data_dir={folder}/bad_label"], "bad_label/train.tsv:7: column 3: unknown label '7'"),
        (["--use_tpu"], "use_tpu: no TPU answers"),
        (["--use_tpu", "--tpu_name=grpc://127.0.0.1:1"], "use_tpu: no TPU answers as 'grpc://127.0.0.1:1'"),
    ],
)
def test_wrong_values_are_refused_in_one_line_and_nothing_written(flags, message, corpus, tiny, tmp_path, run):
    (tmp_path / "a_file").write_text("")
    bad_label = shutil.copytree(corpus, tmp_path / "bad_label")
    lines = (bad_label / "train.tsv").read_text().splitlines(keepends=True)
    (bad_label / "train.tsv").write_text("".join([*lines[:6], "w1\tw2\t7\n", *lines[7:]]))
    flags = [flag.format(folder=tmp_path) for flag in flags]
    assert_one_error_line(run(*train_flags(corpus, tiny, tmp_path / "out"), *flags), message)
    assert content(tmp_path / "out") == {}


@pytest.mark.parametrize("output_dir", ["a_file", "a_file/out"])
def test_an_output_dir_that_cannot_be_written_to_is_refused(output_dir, corpus, tiny, tmp_path, run):
    (tmp_path / "a_file").write_text("mine")
    result = run(*train_flags(corpus, tiny, tmp_path / output_dir))
    assert_one_error_line(
        result, f"output_dir: {tmp_path / output_dir}: cannot be written to: {tmp_path / 'a_file'} is a file"
    )
    assert (tmp_path / "a_file").read_text() == "mine"


def test_an_output_dir_that_another_run_writes_to_is_refused(finished_copy, corpus, tiny, run):
    before = content(finished_copy)
    with (finished_copy / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        result = run(*train_flags(corpus, tiny, finished_copy, seed=5), "--overwrite_output_dir")
    assert_one_error_line(result, "another run is writing there")
    assert content(finished_copy) == before


@pytest.mark.parametrize("overwrites", ["the model", "an earlier run"])
def test_overwriting_removes_nothing_where_the_new_run_cannot_start(overwrites, finished_copy, corpus, tiny, run):
    if overwrites == "the model":
        folder = model = shutil.copytree(tiny, finished_copy.with_name("model"))
    else:
        folder, model = finished_copy, "uncased_L-12_H-768_A-13"
    before = content(folder)
    result = run(*train_flags(corpus, model, folder), "--overwrite_output_dir")
    assert_one_error_line(result, "")
    assert content(folder) == before


def test_prediction_from_a_folder_without_a_checkpoint_is_refused_before_tensorflow_and_makes_no_folder(
    corpus, tmp_path
):
    flags = ["--task_name=MRPC", "--do_predict", f"--data_dir={corpus}", f"--output_dir={tmp_path / 'out'}"]
    result = run_without_tensorflow(tmp_path, *flags)
    assert_one_error_line(result, "holds no trained model; pass --do_train, or name one with --bert_model or --init_ch")
    assert not (tmp_path / "out").exists()


def test_a_length_that_the_model_has_no_positions_for_is_refused_before_tensorflow_for_predictions_too(
    finished_copy, corpus, tiny, tmp_path
):
    for number, flags in enumerate([[f"--bert_model={finished_copy}"], [f"--output_dir={finished_copy}"]]):
        result = run_without_tensorflow(
            tmp_path / str(number),
            "--task_name=MRPC",
            "--do_predict",
            f"--data_dir={corpus}",
            "--max_seq_length=65",
            *flags,
        )
        assert_one_error_line(result, "max_seq_length: 65 is more than the 64 positions of")


def test_prediction_with_a_model_that_has_no_classifier_is_refused(corpus, tiny, tmp_path, run):
    result = run(
        *("--task_name=MRPC", "--do_predict", f"--data_dir={corpus}", f"--output_dir={tmp_path / 'out'}"),
        *(f"--bert_config_file={tiny / 'bert_config.json'}", f"--vocab_file={tiny / 'vocab.txt'}"),
        *(f"--init_checkpoint={tiny / 'bert_model.ckpt'}", "--max_seq_length=48"),
    )
    assert_one_error_line(result, "has no head for MRPC to evaluate or predict with")


def test_prediction_from_a_folder_with_other_labels_is_refused(finished_copy, corpus, run):
    (finished_copy / "labels.txt").write_text("1\n0\n")
    before = content(finished_copy)
    result = run("--task_name=MRPC", "--do_predict", f"--data_dir={corpus}", f"--output_dir={finished_copy}")
    assert_one_error_line(result, "labels.txt")
    assert content(finished_copy) == before


def test_prediction_from_a_checkpoint_cut_short_is_refused(finished_copy, corpus, run):
    data = finished_copy / f"model.ckpt-{STEPS}.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:5000])
    before = content(finished_copy)
    result = run("--task_name=MRPC", "--do_predict", f"--data_dir={corpus}", f"--output_dir={finished_copy}")
    assert_one_error_line(result, f"model.ckpt-{STEPS}: cannot be read")
    assert content(finished_copy) == before
