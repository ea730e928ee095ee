"""Tasks of GLUE from tensorflow-datasets, as GLUE's own files."""

import doctest
import os
from pathlib import Path

import pytest
from support.corpora import write
from support.offline import run_offline

import export_glue
from bert_tf.data.processors import find_processor, glue_class
from bert_tf.errors import UserError

_STSB = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2"
_MNLI = (
    "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\tsentence2_parse"
    "\tsentence1\tsentence2"
)
_MNLI_IDS = "31193\t31193n\tgovernment\t( A . )\t( B . )\t(ROOT A)\t(ROOT B)"


def rows(form: str, labels: list[str], first: int = 0) -> list[str]:
    """Twelve rows, so that the order of a hash is another one than that of the corpus."""
    return [form.format(number, label=labels[number % len(labels)]) for number in range(first, first + 12)]


def glue_file(path: Path, header: str | None, *data: str) -> None:
    write(path, "".join(f"{row}\n" for row in ([header] if header else []) + list(data)))


def write_pairs(folder: Path, names: str, labels: list[str], has_index: bool = True) -> None:
    form = '{0}\tWhen "did" it {0} ?\t"It" did {0} é .'
    for split in ("train", "dev"):
        glue_file(folder / f"{split}.tsv", f"index\t{names}\tlabel", *rows(form + "\t{label}", labels))
    glue_file(folder / "test.tsv", f"index\t{names}", *rows(form, labels))


@pytest.fixture(scope="module")
def glue(tmp_path_factory) -> Path:
    """GLUE as downloaded, in small."""
    folder = tmp_path_factory.mktemp("glue")
    for split in ("train", "dev"):
        glue_file(folder / "CoLA" / f"{split}.tsv", None, *rows('gj04\t{label}\t*\tA "cat" {0} .', ["0", "1"]))
        glue_file(folder / "SST-2" / f"{split}.tsv", "sentence\tlabel", *rows('" warm " {0} \t{label}', ["1", "0"]))
        form = "{0}\tcaptions\tMSRvid\t2012test\t{0:04}\tnone\tnone\tA plane {0} .\tB {0} .\t{label}"
        glue_file(folder / "STS-B" / f"{split}.tsv", f"{_STSB}\tscore", *rows(form, ["5.000", "2.667", "0.250"]))
        form = "{0}\t1{0}\t2{0}\tWhy {0} ?\tHow {0} ?\t{label}"
        header = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate"
        glue_file(folder / "QQP" / f"{split}.tsv", header, *rows(form, ["0", "1"]))
    for task in ("CoLA", "SST-2"):
        glue_file(folder / task / "test.tsv", "index\tsentence", *rows('{0}\tThe "end" {0} .', ["0"]))
    glue_file(folder / "STS-B" / "test.tsv", _STSB, *rows("{0}\tc\tM\t2012\t1\tn\tn\tA {0} .\tB .", ["0"]))
    glue_file(folder / "QQP" / "test.tsv", "id\tquestion1\tquestion2", *rows("{0}\tWhy {0} ?\tHow ?", ["0"]))
    write_pairs(folder / "QNLI", "question\tsentence", ["not_entailment", "entailment"])
    write_pairs(folder / "RTE", "sentence1\tsentence2", ["not_entailment", "entailment"])
    write_pairs(folder / "WNLI", "sentence1\tsentence2", ["1", "0"])
    labels = ["neutral", "contradiction", "entailment"]
    form = f"{{0}}\t{_MNLI_IDS}\tA {{0}} .\tB {{0}} ."
    glue_file(folder / "MNLI/train.tsv", f"{_MNLI}\tlabel1\tgold_label", *rows(form + "\tx\t{label}", labels))
    for kind in ("matched", "mismatched"):
        form = f"{{0}}\t{_MNLI_IDS}\tA {kind} {{0}} .\tB ."
        header = f"{_MNLI}\tlabel1\tlabel2\tlabel3\tlabel4\tlabel5\tgold_label"
        glue_file(folder / f"MNLI/dev_{kind}.tsv", header, *rows(form + "\tx" * 5 + "\t{label}", labels))
        glue_file(folder / f"MNLI/test_{kind}.tsv", _MNLI, *rows(form, labels))
    glue_file(folder / "diagnostic/diagnostic.tsv", "index\tsentence1\tsentence2", *rows("{0}\tA {0} .\tB .", ["0"]))
    return folder


def prepare_tfds(glue: Path, tfds_dir: Path, names: list[str]) -> Path:
    """Lets tensorflow-datasets' own GLUE build its data from these files instead of downloads."""
    tfds = pytest.importorskip("tensorflow_datasets")
    manager = tfds.download.DownloadManager
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manager, "download_and_extract", lambda self, url: str(glue))
        patch.setattr(manager, "download", lambda self, url: str(glue / "diagnostic" / "diagnostic.tsv"))
        for name in names:
            tfds.builder(f"glue/{name}", data_dir=tfds_dir).download_and_prepare()
    return tfds_dir


@pytest.fixture(scope="module")
def tfds_dir(glue, tmp_path_factory) -> Path:
    names = ["cola", "sst2", "stsb", "qqp", "mnli", "qnli", "rte", "wnli", "ax"]
    return prepare_tfds(glue, tmp_path_factory.mktemp("tfds"), names)


def assert_same_examples(task: str, folder: Path, glue: Path) -> None:
    processor = find_processor(task)
    for split in ("train", "dev", "test"):
        if getattr(processor, split):
            read = getattr(processor, f"get_{split}_examples")
            assert read(folder / processor.folder) == read(glue / processor.folder), (task, split)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["CoLA", "SST-2", "STS-B", "QQP", "MNLI", "MNLI-MM", "QNLI", "RTE", "WNLI", "AX"])
def test_an_export_has_the_examples_of_glues_own_files_with_their_guids(task, glue, tfds_dir, tmp_path):
    folder = glue_class(task).folder
    export_glue.export(folder, tmp_path / folder, str(tfds_dir))
    assert {path.name for path in (tmp_path / folder).iterdir()} == {path.name for path in (glue / folder).iterdir()}
    assert_same_examples(task, tmp_path, glue)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["SST-2", "QNLI", "RTE", "WNLI", "AX"])
def test_tasks_of_which_tensorflow_datasets_keeps_all_columns_come_back_byte_for_byte(task, glue, tfds_dir, tmp_path):
    folder = glue_class(task).folder
    export_glue.export(folder, tmp_path, str(tfds_dir))
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (glue / folder / path.name).read_bytes()


@pytest.mark.slow
def test_real_rte_comes_back_byte_for_byte_and_real_cola_with_its_examples(tmp_path):
    if "GLUE_DIR" not in os.environ:
        pytest.skip("GLUE_DIR is not set: it names the folder that holds GLUE's tasks")
    glue = Path(os.environ["GLUE_DIR"])
    prepared = prepare_tfds(glue, tmp_path / "tfds", ["rte", "cola"])
    for task in ("RTE", "CoLA"):
        export_glue.export(task, tmp_path / task, str(prepared))
    for name in ("train.tsv", "dev.tsv", "test.tsv"):
        assert (tmp_path / "RTE" / name).read_bytes() == (glue / "RTE" / name).read_bytes()
    assert_same_examples("CoLA", tmp_path, glue)


@pytest.mark.slow
def test_the_script_writes_a_folder_for_each_task_and_says_where(tfds_dir, tmp_path):
    result = run_offline("export_glue.py", "wnli", "ax", f"--tfds_dir={tfds_dir}", "--output_dir=out", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "test.tsv, dev.tsv, train.tsv are in out/WNLI",
        "diagnostic.tsv is in out/diagnostic",
    ]
    assert len(list((tmp_path / "out").glob("*/*.tsv"))) == 4


@pytest.mark.slow
def test_without_network_one_line_is_printed_and_nothing_is_written(tmp_path):
    result = run_offline("export_glue.py", "SST-2", "--tfds_dir=tfds", "--output_dir=out", cwd=tmp_path)
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.startswith("export_glue.py: error: no connection to ") and result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("flag", ["output_dir", "tfds_dir"])
def test_a_file_in_place_of_a_folder_is_refused_before_anything_is_downloaded(flag, tmp_path):
    (tmp_path / "file").touch()
    result = run_offline("export_glue.py", "SST-2", f"--{flag}=file", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"export_glue.py: error: {flag}: file: is a file; give a folder\n"


def test_all_tasks_have_their_folder_once():
    assert export_glue.folders_of(["all"]) == [
        *("diagnostic", "CoLA", "MNLI", "MRPC", "QNLI", "QQP", "RTE", "SST-2", "STS-B", "WNLI"),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no task given; give some of AX, CoLA"),
        (["sst2", "xnli"], "'xnli' is no task of GLUE; known: AX, CoLA"),
        (["all", "sst2"], "all: has every task; give no other name with it"),
    ],
)
def test_a_wrong_task_is_one_line(arguments, message):
    with pytest.raises(UserError, match=f"^{message}"):
        export_glue.folders_of(arguments)


def test_the_examples_in_the_docstrings_run():
    results = doctest.testmod(export_glue)
    assert results.attempted > 2 and results.failed == 0
