import doctest
import os
from pathlib import Path

import pytest
from support.offline import run_offline

import export_mrpc
from bert_tf.data.examples import InputExample
from bert_tf.data.processors import MrpcProcessor
from bert_tf.errors import UserError

HEADER = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"
# The sources of tensorflow-datasets' MRPC hold train and dev rows in one file; a list of ids picks dev's.
MSR_TRAIN = HEADER + "".join(f'{n % 2}\t{n}\t{100 + n}\tFirst " {n} .\tSecond {n} .\n' for n in range(1, 13))
MSR_TEST = HEADER + "1\t31\t32\tA test .\tTests it .\n0\t41\t42\tB , é .\tC .\n"
DEV_IDS = "3\t103\n10\t110\n"
NASTY_ROWS = [
    ('"quoted"', 'ends with "', 1),
    ("tab\there", "line\nend", 0),
    ("crlf\r\nend", "lone\rreturn", -1),
    ("", "", 0),
    (" spaces ", "'single' \\ back", 1),
    ("é 漢字 \U0001f600", "a\u2028b\x0bc\x85d", 0),
    ("nan", "NA", 1),
    ('"', '""', 0),
]


def prepare_tfds(folder: Path, train: str, test: str, dev_ids: str) -> Path:
    """Lets tensorflow-datasets' own glue/mrpc build its data from these sources instead of downloads."""
    tfds = pytest.importorskip("tensorflow_datasets")
    sources = {}
    for name, content in {"train": "\ufeff" + train, "test": test, "dev_ids": dev_ids}.items():
        sources[name] = folder / name
        sources[name].write_bytes(content.encode("utf-8"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tfds.download.DownloadManager, "download", lambda manager, urls: sources)
        tfds.builder("glue/mrpc", data_dir=folder / "tfds").download_and_prepare()
    return folder / "tfds"


@pytest.fixture(scope="module")
def tfds_dir(tmp_path_factory) -> Path:
    return prepare_tfds(tmp_path_factory.mktemp("mrpc"), MSR_TRAIN, MSR_TEST, DEV_IDS)


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.slow
def test_the_script_exports_what_tensorflow_datasets_has_in_the_order_of_the_corpus(tfds_dir, tmp_path):
    result = run_offline("export_mrpc.py", "--output_dir=out/MRPC", f"--tfds_dir={tfds_dir}", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    folder = tmp_path / "out" / "MRPC"
    assert files_below(tmp_path / "out") == ["MRPC", "MRPC/dev.tsv", "MRPC/test.tsv", "MRPC/train.tsv"]
    dev = '"First "" 3 ."\tSecond 3 .\t1\n"First "" 10 ."\tSecond 10 .\t0\n'
    assert (folder / "dev.tsv").read_bytes() == dev.encode()
    assert (folder / "test.tsv").read_bytes() == "A test .\tTests it .\t-1\nB , é .\tC .\t-1\n".encode()
    numbers = [n for n in range(1, 13) if n not in (3, 10)]
    assert MrpcProcessor().get_train_examples(folder) == [
        InputExample(f"train-{row}", f'First " {n} .', f"Second {n} .", str(n % 2))
        for row, n in enumerate(numbers, start=1)
    ]


def test_without_network_one_line_is_printed_and_nothing_is_written(tmp_path):
    result = run_offline("export_mrpc.py", "--output_dir=out/MRPC", "--tfds_dir=tfds", cwd=tmp_path)
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.startswith("export_mrpc.py: error: no connection to ") and result.stderr.count("\n") == 1
    assert files_below(tmp_path) == []


@pytest.mark.slow
def test_the_export_of_the_real_corpus_is_the_notebooks_byte_for_byte(tmp_path):
    if "GLUE_DIR" not in os.environ:
        pytest.skip("GLUE_DIR is not set: it names the folder that holds GLUE's tasks")
    mrpc = Path(os.environ["GLUE_DIR"], "MRPC")
    expected = mrpc.resolve().parent.parent / "notebook_export"
    if not expected.is_dir():
        pytest.skip("there is no notebook_export beside GLUE_DIR: MRPC as pandas exports it")
    rows = {name: (mrpc / f"{name}.tsv").read_text("utf-8-sig").split("\n")[1:-1] for name in ("train", "dev")}
    train = HEADER + "\n".join(rows["train"] + rows["dev"]) + "\n"
    dev_ids = "".join("\t".join(row.split("\t")[1:3]) + "\n" for row in rows["dev"])
    tfds_dir = prepare_tfds(tmp_path, train, (mrpc / "test.tsv").read_text("utf-8"), dev_ids)
    export_mrpc.export(tmp_path / "out", str(tfds_dir))
    for name in ("train.tsv", "dev.tsv"):
        assert (tmp_path / "out" / name).read_bytes() == (expected / name).read_bytes()
    assert MrpcProcessor().get_test_examples(tmp_path / "out") == MrpcProcessor().get_test_examples(mrpc)


def test_nasty_texts_are_written_as_pandas_writes_them():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(NASTY_ROWS)
    expected = frame.to_csv(index=False, header=False, sep="\t", lineterminator="\n")
    assert export_mrpc.tsv_bytes(NASTY_ROWS) == expected.encode("utf-8")
    for row in NASTY_ROWS:
        expected = pandas.DataFrame([row]).to_csv(index=False, header=False, sep="\t", lineterminator="\n")
        assert export_mrpc.tsv_bytes([row]) == expected.encode("utf-8")


def test_an_output_dir_that_is_a_file_is_reported_in_one_line(tfds_dir, tmp_path):
    path = tmp_path / "MRPC"
    path.write_text("a file")
    with pytest.raises(UserError, match="MRPC: not written"):
        export_mrpc.export(path, str(tfds_dir))
    assert path.read_text() == "a file"


def test_the_example_in_the_docstring_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results = doctest.testmod(export_mrpc)
    assert results.attempted == 1 and results.failed == 0
