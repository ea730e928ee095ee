"""The face of the library: eleven names, loaded when they are used."""

import doctest
import os
import subprocess
import sys

import pytest
from support.paths import ROOT

import bert_tf

NAMES = {
    *("BertConfig", "BertEncoder", "DataProcessor", "FullTokenizer", "InputExample", "TsvFile", "UserError"),
    *("fine_tune", "load", "load_encoder", "load_tokenizer"),
}


def test_these_names_are_the_whole_list():
    assert set(bert_tf.__all__) == NAMES
    assert set(dir(bert_tf)) >= NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_name_is_there_and_documented(name):
    found = getattr(bert_tf, name)
    assert found.__name__ == name
    assert found.__doc__ and found.__module__.startswith("bert_tf.")


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'fine_tun'"):
        bert_tf.fine_tun  # noqa: B018


def test_importing_the_library_loads_nothing_else():
    code = (
        "import sys; before = set(sys.modules); import bert_tf; "
        "print(*{name.split('.')[0] for name in set(sys.modules) - before})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"bert_tf", *sys.stdlib_module_names}


def test_names_that_need_no_tensorflow_do_not_load_it():
    code = (
        "import sys, bert_tf; bert_tf.TsvFile, bert_tf.DataProcessor, bert_tf.UserError, bert_tf.InputExample; "
        "sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def last_line_of(code: str, *options: str, **environment: str) -> str:
    command = [sys.executable, *options, "-c", code]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    return done.stderr.splitlines()[-1]


@pytest.mark.slow
def test_a_setting_of_keras_3_that_stops_tensorflow_is_named(tmp_path):
    environment = {"TF_USE_LEGACY_KERAS": "0", "KERAS_BACKEND": "no-such-backend"}
    line = last_line_of("import bert_tf; bert_tf.load", **environment)
    assert line.startswith("bert_tf.errors.UserError: bert_tf.load: Keras cannot be loaded")
    (tmp_path / "keras.json").write_text('{"floatx": "int8"}')
    line = last_line_of("import bert_tf; bert_tf.load", KERAS_HOME=str(tmp_path))
    assert line.startswith("bert_tf.errors.UserError: bert_tf.load: Keras cannot be loaded")


def test_a_package_that_is_missing_is_named():
    # -S leaves out all installed packages.
    line = last_line_of("import bert_tf; bert_tf.load", "-S", PYTHONPATH="")
    assert line.startswith("bert_tf.errors.UserError: the package numpy is missing; install this project")


def test_the_docstrings_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(bert_tf).failed == 0
