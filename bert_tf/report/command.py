"""Writes the command that repeats a run."""

import shlex

from bert_tf.data.processors import is_known_task
from bert_tf.report.formatting import flag_text
from bert_tf.report.inventory import Run
from bert_tf.report.programs import program_for
from bert_tf.report.runs import OTHER_FLAGS

# The flags of all programs whose names differ from those of the settings in run.json.
_FLAG_NAMES = {"model": "bert_model"}
# The flags to see first.
_FIRST = (
    *("task_name", "data_dir", "train_file", "dev_file", "predict_file", "input_file", "eval_file"),
    *("model", "learning_rate", "train_batch_size", "num_train_epochs", "max_seq_length"),
)
_DATA = ("data_dir", "train_file", "dev_file", "predict_file", "input_file", "eval_file")


def command(run: Run) -> str:
    """Returns the command line of a run, one flag a line, for a shell; the call if its examples were objects of Python.

    The settings of the training are those of run.json, and what names the data is from results.json.
    """
    flags = {name: run.all_flags.get(name) for name in _FIRST}
    flags |= {name: value for name, value in run.all_flags.items() if name not in OTHER_FLAGS}
    flags |= run.flags | {"xnli_language": run.languages, "seed": run.seed, "output_dir": str(run.folder)}
    program = program_for(run.kind)
    given = {name: value for name, value in flags.items() if value is not None and name not in program.no_flags}
    flag_names = {**_FLAG_NAMES, **program.flag_names}
    named = {flag_names.get(name, name): value for name, value in given.items()}
    if is_call(run):
        return (
            ",\n    ".join(["bert_tf.fine_tune(train=...", *(f"{name}={value!r}" for name, value in named.items())])
            + ")"
        )
    actions = program.evaluates if run.is_evaluation else f"--do_train {program.evaluates}"
    return " \\\n    ".join(
        [f"{program.command} {actions}", *(_argument(name, value) for name, value in named.items())]
    )


def is_call(run: Run) -> bool:
    """Returns True if the examples of a run were objects of Python, which no command can name."""
    return not any(run.all_flags.get(name) for name in _DATA) and not is_known_task(run.task)


def _argument(name: str, value: object) -> str:
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no{name}"
    if isinstance(value, (list, tuple)):
        value = ",".join(map(_text, value))
    return shlex.quote(f"--{name}={_text(value)}")


def _text(value: object) -> str:
    """Returns a value as short as it can be written without loss."""
    is_short = isinstance(value, float) and float(flag_text(value)) == value
    return flag_text(value) if is_short else str(value)
