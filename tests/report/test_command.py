import subprocess
from types import SimpleNamespace

from support.question_runs import draw_answers, make_squad, write_question_run
from support.synthetic_runs import LABELS, draw_probabilities, edit_results, edit_training, write_run

from bert_tf.programs.classifier_config import ClassifierConfig
from bert_tf.programs.pretraining_config import PretrainingConfig
from bert_tf.programs.squad_config import SquadConfig
from bert_tf.report.command import command
from bert_tf.report.runs import read_runs
from bert_tf.training.fields import flag_name, flags_of

GOOD = draw_probabilities(LABELS, 0.8, seed=1)


def arguments_of(folder):
    """The arguments that a shell makes of the command."""
    (run,) = read_runs([folder]).runs
    script = f"printf '%s\\0' {command(run)}"
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.split("\0")[:-1]


def known_flags(config):
    return {flag_name(name, declared) for name, declared in flags_of(config).items()}


def test_the_command_has_the_flags_of_the_training_under_the_names_of_the_program(tmp_path):
    folder = write_run(
        tmp_path / "run", GOOD, seed=3, learning_rate=2e-5, data_dir="/data/MRPC", adam_bias_correction=False
    )
    arguments = arguments_of(folder)
    assert arguments[:6] == [
        "python",
        "run_classifier.py",
        "--do_train",
        "--do_eval",
        "--task_name=MRPC",
        "--data_dir=/data/MRPC",
    ]
    assert {"--learning_rate=2e-5", "--seed=3", "--noadam_bias_correction", f"--output_dir={folder}"} <= set(arguments)
    known = known_flags(ClassifierConfig)
    names = [argument[2:].partition("=")[0] for argument in arguments[2:]]
    assert (
        len(names) == len(set(names))
        and {name.removeprefix("no") if name == "noadam_bias_correction" else name for name in names} <= known
    )


def test_the_learning_rate_is_the_trainings_where_a_later_evaluation_says_another(tmp_path):
    folder = write_run(tmp_path / "run", GOOD, learning_rate=2e-5)
    edit_results(folder, flags={"seed": 9, "task_name": "MRPC", "learning_rate": 5e-5, "do_train": False})
    assert {"--learning_rate=2e-5", "--seed=0"} <= set(arguments_of(folder))


def test_values_that_a_shell_would_take_apart_are_quoted(tmp_path):
    folder = write_run(tmp_path / "a run; rm", GOOD, data_dir="$HOME/my data'")
    edit_training(folder, model="`date`")
    assert {"--data_dir=$HOME/my data'", "--bert_model=`date`", f"--output_dir={folder}"} <= set(arguments_of(folder))


def test_numbers_keep_all_their_digits(tmp_path):
    folder = write_run(tmp_path / "run", GOOD, learning_rate=1.23456789e-5, warmup_proportion=0.123456789)
    assert {"--learning_rate=1.23456789e-5", "--warmup_proportion=0.123456789"} <= set(arguments_of(folder))


def test_the_folder_of_an_evaluation_has_the_command_of_the_evaluation(tmp_path):
    folder = write_run(tmp_path / "run", GOOD, model="output/MNLI/x")
    for name in ("train_log.csv", "run.json"):
        (folder / name).unlink()
    edit_results(folder, train_runtime=None)
    arguments = arguments_of(folder)
    assert arguments[2:4] == ["--do_eval", "--task_name=MRPC"] and "--bert_model=output/MNLI/x" in arguments


def test_examples_that_were_objects_of_python_have_a_call(tmp_path):
    folder = write_run(tmp_path / "run", GOOD, seed=3, task_name="own-01234567", data_dir=None, learning_rate=2e-5)
    (run,) = read_runs([folder]).runs
    given = {}
    fine_tune = lambda train, **flags: given.update(flags)  # noqa: E731  # what the call is given
    eval(command(run), {"bert_tf": SimpleNamespace(fine_tune=fine_tune)})  # noqa: S307  # our own text
    assert given["task_name"] == "own-01234567" and given["learning_rate"] == 2e-5 and given["seed"] == 3
    assert given["output_dir"] == str(folder) and given["bert_model"]


def test_runs_that_answer_questions_have_the_command_of_their_program(tmp_path):
    squad = make_squad()
    options = {"predict_file": "/data/dev v2.json", "seed": 3, "learning_rate": 3e-5}
    folder = write_question_run(tmp_path / "run", squad, draw_answers(squad, 0.8, 0), **options)
    arguments = arguments_of(folder)
    assert arguments[:5] == [
        "python",
        "scripts/run_squad.py",
        "--do_train",
        "--do_predict",
        "--predict_file=/data/dev v2.json",
    ]
    assert {"--version_2_with_negative", "--seed=3", "--n_best_size=20", "--doc_stride=128"} <= set(arguments)
    names = {argument[2:].partition("=")[0] for argument in arguments[2:]}
    assert names <= known_flags(SquadConfig)


def test_an_evaluation_of_a_pretrained_model_has_the_command_of_its_program(tmp_path):
    folder = write_run(tmp_path / "run", GOOD, task_name="pretraining", model="output/pretraining/x", data_dir=None)
    for name in ("train_log.csv", "run.json"):
        (folder / name).unlink()
    flags = {"task_name": "pretraining", "eval_file": "dev.tfrecord", "model": "output/pretraining/x", "train_steps": 5}
    edit_results(folder, train_runtime=None, program="run_pretraining", flags={"seed": 0, **flags})
    arguments = arguments_of(folder)
    assert arguments[:4] == ["python", "scripts/run_pretraining.py", "--do_eval", "--eval_file=dev.tfrecord"]
    assert {"--bert_model=output/pretraining/x", "--num_train_steps=5"} <= set(arguments)
    names = {argument[2:].partition("=")[0] for argument in arguments[2:]}
    assert names <= known_flags(PretrainingConfig)
