"""The absl flags of a program, made from the fields of its config, and how a program starts and ends.

if __name__ == "__main__":
    run_program(main, ClassifierConfig)
"""

import functools
import logging as standard_logging
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from absl import app, flags, logging

from bert_tf.errors import UserError, missing_package, printable
from bert_tf.streams import forgive_unwritable_streams
from bert_tf.termination import EXIT_CODE, Terminated, handled
from bert_tf.training.fields import Flag, flag_name, flag_types, flags_of

Config = TypeVar("Config")

_DEFAULT_ADVICE = "run the same command again"


def define_flags(config_class: type, values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines one flag for each field of a config; they are the ones that `--help` shows."""
    types = flag_types(config_class)
    for field, declared in flags_of(config_class).items():
        name = flag_name(field, declared)
        _define(name, types[field], declared, values)
        values.register_key_flag_for_module(sys.argv[0], values[name])


def _define(name: str, kind: type, declared: Flag, values: flags.FlagValues) -> None:
    arguments = {"name": name, "default": declared.default, "help": declared.help, "flag_values": values}
    bounds = {"lower_bound": declared.lower_bound, "upper_bound": declared.upper_bound}
    if declared.choices:
        flags.DEFINE_enum(**arguments, enum_values=declared.choices)
    elif kind is bool:
        flags.DEFINE_bool(**arguments)
    elif kind is int:
        flags.DEFINE_integer(**arguments, **bounds)
    elif kind is float:
        flags.DEFINE_float(**arguments, **bounds)
    else:
        flags.DEFINE_string(**arguments)


def config_from_flags(config_class: type[Config], values: flags.FlagValues = flags.FLAGS) -> Config:
    """Makes the config from the parsed flags. A field with a recipe stays None unless the user passed its flag.

    Raises:
        UserError: a value is out of its bounds, or two values contradict each other.
    """
    fields = {}
    for field, declared in flags_of(config_class).items():
        parsed = values[flag_name(field, declared)]
        if parsed.present or not declared.recipe:
            fields[field] = parsed.value
    return config_class(**fields)


def run_program(
    main: Callable[..., None],
    config_class: type | None = None,
    takes_arguments: bool = False,
    advice: Callable[[], str] = lambda: _DEFAULT_ADVICE,
    argv: list[str] | None = None,
) -> None:
    """Runs a program: parses its flags, calls `main`, and prints what a user can fix in one line.

    The exit code is 0, 1 after an error, 130 after Ctrl-C, or 143 after SIGTERM.

    Args:
        main: reads the flags itself; gets the other words of the command line if `takes_arguments`.
        config_class: whose flags the program has, see `define_flags`; None if they are defined already.
        takes_arguments: True if words without -- are not a mistake; flags may then follow them.
        advice: is called after Ctrl-C or SIGTERM and returns what the user can do.
        argv: the command line to parse; by default this process's.
    """
    forgive_unwritable_streams()
    if sys.flags.optimize > 1:
        sys.exit(_error_line("python -OO removes docstrings, which TensorFlow needs; use -O, or PYTHONOPTIMIZE=1"))
    _prepare_tensorflow()
    if config_class:
        define_flags(config_class)
    flags.FLAGS.set_gnu_getopt(takes_arguments)
    parse = functools.partial(_parse, takes_arguments=takes_arguments)
    app.run(lambda words: _run(main, words[1:] if takes_arguments else None, advice), argv, parse)


def _prepare_tensorflow() -> None:
    """Sets the environment variables that TensorFlow and Keras read when they are loaded."""
    # TensorFlow's own messages at the start are noise to most users; TF_CPP_MIN_LOG_LEVEL=0 brings them back.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # We compute with Keras 2. What the user chose for Keras 3, such as KERAS_BACKEND=torch, is not for us.
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    # There is no keras.json in this folder, and none can be written there.
    os.environ["KERAS_HOME"] = os.devnull


def _parse(argv: list[str], takes_arguments: bool) -> list[str]:
    try:
        rest = flags.FLAGS(argv)
    except (flags.Error, ValueError) as error:  # absl raises the second one for --noFLAG=VALUE
        problem = re.sub(r"\('Non-boolean argument.*\)", "write true or false", str(error))
        sys.exit(_error_line(f"{problem}; see --help"))
    if len(rest) > 1 and not takes_arguments:
        sys.exit(_error_line(f"unexpected argument {rest[1]!r}: flags start with --; see --help"))
    return rest


def _run(main: Callable[..., None], arguments: list[str] | None, advice: Callable[[], str]) -> None:
    _log_our_own_lines()
    try:
        with handled():
            main() if arguments is None else main(arguments)
    except UserError as error:
        sys.exit(_error_line(error))
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "bert_tf":
            raise
        sys.exit(_error_line(missing_package(error)))
    except KeyboardInterrupt:
        print(f"{_program()}: interrupted; {printable(_advice(advice))}", file=sys.stderr)
        sys.exit(130)
    except Terminated as ended:
        print(f"{_program()}: ended by SIGTERM{_what_then(ended, advice)}", file=sys.stderr)
        sys.exit(EXIT_CODE)


def _what_then(ended: Terminated, advice: Callable[[], str]) -> str:
    if ended.step:
        return f" after step {ended.step}; the same command continues from there"
    return f"; {printable(_advice(advice))}"


def _log_our_own_lines() -> None:
    """Shows our lines from level INFO, and those of other packages from WARNING."""
    logging.set_verbosity(logging.INFO)
    logging.get_absl_handler().setFormatter(None)
    # absl sets the level of Python's root logger, which others inherit, and leaves that of its own open.
    logging.get_absl_logger().setLevel(logging.converter.absl_to_standard(logging.INFO))
    standard_logging.getLogger().setLevel(standard_logging.WARNING)


def _advice(advice: Callable[[], str]) -> str:
    try:
        return advice()
    except UserError:
        return _DEFAULT_ADVICE


def _error_line(error: object) -> str:
    """Returns the line that `sys.exit` prints; the exit code is 1 then."""
    return f"{_program()}: error: {printable(error)}"


def _program() -> str:
    return Path(sys.argv[0]).name
