"""Flags made from the fields of a config, and how a program ends."""

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from absl import flags

from bert_tf.errors import UserError
from bert_tf.flags import config_from_flags, define_flags
from bert_tf.programs.classifier_config import ClassifierConfig
from bert_tf.training.config import RunConfig
from bert_tf.training.fields import FlagConfig, flag, flags_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class SmallConfig(FlagConfig):
    rate: float = flag(0.5, "A rate.", resume=True, lower_bound=0.0, upper_bound=1.0)
    steps: int | None = flag(None, "A number of steps.", resume=True, lower_bound=1)
    kind: str = flag("good", "A kind.", resume=False, choices=("good", "bad"))
    model: str | None = flag(None, "A model.", resume=True, name="bert_model")
    length: int | None = flag(128, "A length that a model may set.", resume=True, recipe=True)
    quick: bool = flag(False, "Whether to be quick.", resume=False)
    not_a_flag: str | None = None


def parse(*words: str, config_class: type = SmallConfig) -> flags.FlagValues:
    values = flags.FlagValues()
    define_flags(config_class, values)
    values(["program", *words])
    return values


def test_each_field_is_a_flag_with_its_default_help_and_type():
    values = parse()
    assert set(values) == {"rate", "steps", "kind", "bert_model", "length", "quick"}
    assert {name: values[name].value for name in values} == {
        "rate": 0.5,
        "steps": None,
        "kind": "good",
        "bert_model": None,
        "length": 128,
        "quick": False,
    }
    assert values["rate"].help == "A rate." and values["steps"].flag_type() == "int"


def test_the_config_has_what_was_parsed():
    config = config_from_flags(
        SmallConfig, parse("--rate=0.25", "--steps=3", "--kind=bad", "--bert_model=x", "--quick")
    )
    assert config == SmallConfig(rate=0.25, steps=3, kind="bad", model="x", quick=True)


def test_a_field_with_a_recipe_stays_open_until_its_flag_is_passed():
    assert config_from_flags(SmallConfig, parse()).length is None
    assert config_from_flags(SmallConfig, parse("--length=128")).length == 128


@pytest.mark.parametrize("word", ["--rate=1.5", "--rate=x", "--steps=0", "--kind=ugly", "--kindd=good"])
def test_a_value_that_a_flag_cannot_have_is_refused(word):
    with pytest.raises(flags.Error):
        parse(word)


def test_the_same_bounds_hold_without_flags():
    with pytest.raises(UserError, match=r"rate: is 1\.5; it must be at most 1\.0"):
        SmallConfig(rate=1.5)


def test_a_program_adds_the_flags_of_its_task_to_those_of_every_run():
    added = flags_of(ClassifierConfig).keys() - flags_of(RunConfig).keys()
    assert {"task_name", "train_file", "class_weight"} <= added
    assert flags_of(RunConfig).keys() < flags_of(ClassifierConfig).keys()
    config = config_from_flags(
        ClassifierConfig, parse("--task_name=MRPC", "--do_eval", "--bert_model=x", config_class=ClassifierConfig)
    )
    assert (config.task_name, config.do_eval, config.model, config.learning_rate) == ("MRPC", True, "x", None)


def run_code(code: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Runs a program of these lines in a process of its own."""
    (folder / "program.py").write_text(code)
    command = [sys.executable, "program.py", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_interrupting_a_program_is_one_line_of_advice_and_exit_code_130(tmp_path):
    code = (
        "from bert_tf.flags import run_program\n"
        "def main():\n    raise KeyboardInterrupt\n"
        "run_program(main, advice=lambda: 'try again')\n"
    )
    done = run_code(code, tmp_path)
    assert (done.returncode, done.stderr) == (130, "program.py: interrupted; try again\n")


def test_a_program_may_take_arguments_before_its_flags(tmp_path):
    code = (
        "from absl import flags\n"
        "from bert_tf.flags import run_program\n"
        "flags.DEFINE_integer('count', 1, 'How many.')\n"
        "run_program(lambda words: print(words, flags.FLAGS.count), takes_arguments=True)\n"
    )
    done = run_code(code, tmp_path, "a", "--count=3", "b")
    assert done.stdout == "['a', 'b'] 3\n"


def test_only_our_own_lines_of_information_are_shown(tmp_path):
    code = (
        "import logging\n"
        "from absl import logging as ours\n"
        "from bert_tf.flags import run_program\n"
        "def main():\n"
        "    logging.getLogger('matplotlib.font_manager').info('generated new fontManager')\n"
        "    logging.getLogger('other').warning('a warning of another package')\n"
        "    ours.info('our information')\n"
        "run_program(main)\n"
    )
    done = run_code(code, tmp_path)
    assert done.returncode == 0
    assert done.stderr.splitlines() == ["a warning of another package", "our information"]


def test_advice_that_cannot_be_given_is_to_run_the_command_again(tmp_path):
    code = (
        "from bert_tf.errors import UserError\n"
        "from bert_tf.flags import run_program\n"
        "def main():\n    raise KeyboardInterrupt\n"
        "def advice():\n    raise UserError('no such folder')\n"
        "run_program(main, advice=advice)\n"
    )
    done = run_code(code, tmp_path)
    assert (done.returncode, done.stderr) == (130, "program.py: interrupted; run the same command again\n")


@pytest.fixture
def start(tmp_path) -> Callable[..., subprocess.CompletedProcess]:
    """Runs a program with this `main`, with these environment variables."""

    def start(main: str, *options: str, **environment: str) -> subprocess.CompletedProcess:
        code = f"from bert_tf.flags import run_program\ndef main():\n    {main}\nrun_program(main)\n"
        (tmp_path / "program.py").write_text(code, encoding="utf-8")
        command = [sys.executable, *options, "program.py"]
        environment = {**os.environ, **environment}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return start


def test_a_program_takes_nothing_from_the_settings_of_keras_3(start):
    show = "import os; print(*(os.environ[name] for name in ('TF_USE_LEGACY_KERAS', 'KERAS_HOME')))"
    done = start(show, TF_USE_LEGACY_KERAS="0", KERAS_HOME="/home/somebody")
    assert done.stdout == f"1 {os.devnull}\n"


@pytest.mark.slow
def test_a_backend_of_keras_3_and_a_broken_keras_json_do_not_matter(start, tmp_path):
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text('{"backend": "torch", "floatx": "int8"}')
    main = "import bert_tf, tf_keras; print(bert_tf.load.__name__, tf_keras.backend.floatx())"
    done = start(main, HOME=str(tmp_path), KERAS_BACKEND="no-such-backend")
    assert done.stdout == "load float32\n", done.stderr


def test_a_package_that_is_missing_is_one_line(start):
    done = start("import no_such_package.part")
    assert (done.returncode, done.stderr) == (
        1,
        "program.py: error: the package no_such_package is missing; install this project with: pip install -e .\n",
    )


def test_the_removal_of_docstrings_is_refused(start):
    done = start("pass", "-OO")
    assert done.returncode == 1 and done.stderr.startswith("program.py: error: python -OO removes docstrings")


def test_letters_that_the_terminal_lacks_do_not_end_a_program(start):
    done = start("print('gr\u00f6\u00dfe')", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout) == (0, "gr\\xf6\\xdfe\n")
