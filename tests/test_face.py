"""The face of the library: eleven names, loaded when they are used."""

import doctest
import subprocess
import sys

import pytest

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


def test_the_docstrings_examples_run():
    assert doctest.testmod(bert_tf).failed == 0
