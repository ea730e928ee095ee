"""Paths that users give: what is a path, and what is refused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bert_tf.errors import UserError, printable
from bert_tf.paths import checked_path, local_path
from bert_tf.remote import schemes


@pytest.mark.parametrize(
    "path",
    [
        *("output", "/data/output", "a:b", "a:b/c", "./gs:/bucket", "out/gs://bucket", "C:", "a~", "out/~", "./~"),
        *("ordner/größe", "a b/c", "a" * 255, "[x]/*?", "12:/odd", ".:/odd"),
    ],
)
def test_a_path_is_returned_as_it_is(path):
    assert checked_path(path, "output_dir") == local_path(path, "output_dir") == path


@pytest.mark.parametrize("address", ["gs://bucket", "gs://bucket/out/", "ram://x/y z", "gs://bucket/größe"])
def test_an_address_that_tensorflow_opens_is_a_path(address):
    assert checked_path(address, "output_dir") == address


def test_tensorflow_is_asked_for_its_schemes_if_it_is_loaded(monkeypatch):
    assert schemes() == ["gs", "ram"]
    import tensorflow as tf

    monkeypatch.setattr(tf.io.gfile, "get_registered_schemes", lambda: ["", "file", "gs", "s3"])
    assert checked_path("s3://bucket/x", "output_dir") == "s3://bucket/x"


def test_an_address_is_refused_where_the_path_must_be_local():
    with pytest.raises(UserError, match=r"^BERT_TF_CACHE: 'gs://b/x': gs: addresses cannot be used here; give a local"):
        local_path("gs://b/x", "BERT_TF_CACHE")


def test_checking_a_path_loads_no_tensorflow():
    checks = "[checked_path(path, 'output_dir') for path in ('~/a', 'gs://bucket')]"
    code = f"import sys; from bert_tf.paths import checked_path; {checks}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "bert_tf.remote" in done.stdout and "tensorflow" not in done.stdout


def test_a_path_object_becomes_a_text():
    assert checked_path(Path("a", "b"), "output_dir") == "a/b"


def test_the_home_folder_is_filled_in(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    assert checked_path("~", "data_dir") == "/home/somebody"
    assert checked_path("~/data", "data_dir") == "/home/somebody/data"
    assert checked_path(Path("~", "data"), "data_dir") == "/home/somebody/data"
    assert checked_path("~root/x", "data_dir") == f"{Path('~root').expanduser()}/x"


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        (
            Path("gs://bucket/x"),
            "'gs:/bucket/x': has one slash after gs:, as pathlib leaves it; give it as a",
        ),
        ("GS://bucket", "'GS://bucket': GS: addresses cannot be opened (only gs, ram); give a local path"),
        (" s3://bucket", "' s3://bucket': s3: addresses cannot be opened"),
        ("gs://bucket ", "'gs://bucket ': begins or ends with white space; remove it"),
        ("gs://", "'gs://': names no bucket; give it as gs://BUCKET/FOLDER"),
        *((f"{name}://x/y", f"'{name}://x/y': {name}: addresses cannot be opened") for name in ("hdfs", "https")),
        (
            "abfss://container@account.dfs.core.windows.net/x",
            "'abfss://container@account.dfs.core.windows.net/x': abfss: addresses cannot be opened",
        ),
        ("dbfs:/x", "'dbfs:/x': dbfs: addresses cannot be opened (only gs, ram); give a local path"),
        ("file:///tmp/x", "'file:///tmp/x': is an address; give the path without file://"),
        ("~nobody-of-this-name/x", "'~nobody-of-this-name/x': ~nobody-of-this-name is not known here; write ./~"),
        ("", "is empty; give a path"),
        (" \n", "is empty; give a path"),
        ("a\0b", "'a\\x00b': has a NUL character, which no path can have; remove it"),
        ("out\n", "'out\\n': begins or ends with white space; remove it"),
        ("out ", "'out ': begins or ends with white space; remove it"),
        ("x" * 5000, f"'{'x' * 27}...{'x' * 28}': is too long for a path; give a shorter one"),
        ("/x" * 2500, f"'{'/x' * 13}/...{'/x' * 14}': is too long for a path; give a shorter one"),
        ("ö" * 128, "is too long for a path; give a shorter one"),
        ("caf\udce9", "'caf\\udce9': is not UTF-8; rename the file or folder"),
        (b"output", "is b'output'; it must be a path, as a text"),
        (None, "is None; it must be a path, as a text"),
        (3, "is 3; it must be a path, as a text"),
    ],
)
def test_what_is_no_path_is_refused_in_one_line(path, problem):
    with pytest.raises(UserError) as error:
        checked_path(path, "output_dir")
    message = str(error.value)
    assert message.startswith("output_dir: ") and problem in message
    assert message == printable(message) and len(message) < 200


def test_a_folder_that_ends_with_a_space_can_be_used_if_it_is_there(tmp_path):
    (tmp_path / "out ").mkdir()
    assert checked_path(tmp_path / "out ", "data_dir") == f"{tmp_path}/out "


def test_letters_that_python_cannot_write_are_refused():
    code = (
        "from bert_tf.errors import UserError\n"
        "from bert_tf.paths import checked_path\n"
        "try:\n    checked_path('gr\\u00f6\\u00dfe', 'output_dir')\n"
        "except UserError as error:\n    print(ascii(str(error)))\n"
    )
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "Python takes file names for ascii; set PYTHONUTF8=1 before it starts" in done.stdout
