"""`python scripts/run_ner.py` in processes of its own: files, scores, resume, the settings of a model, and errors."""

import functools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.commands import Command, Result, assert_one_error_line, become_script
from support.outputs import assert_same_bits, latest_step, read_eval_results, rows, weights
from support.paths import SCRIPTS
from support.tagged_files import read_columns, write_tagged_files

pytestmark = pytest.mark.slow
become_run_ner = functools.partial(become_script, script=SCRIPTS / "run_ner.py")

TAGS = ["O", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-PER", "I-PER"]


def start(folder: Path, *flags: str) -> Command:
    return Command(folder, list(flags), target=become_run_ner)


@pytest.fixture
def ner(tmp_path):
    def ner(*flags: str) -> Result:
        return start(tmp_path / "command", *flags).result()

    return ner


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = write_tagged_files(tmp_path_factory.mktemp("data"), {"train": 60, "dev": 30})
    return write_tagged_files(folder, {"test": 12}, has_tags=False)


def train_flags(data: Path, tiny: Path, output_dir: Path, **changes: object) -> list[str]:
    flags = {
        "train_file": data / "train.conll",
        "dev_file": data / "dev.conll",
        "test_file": data / "test.conll",
        "bert_model": tiny,
        "output_dir": output_dir,
        "max_seq_length": 20,
        "doc_context": 4,
        "train_batch_size": 8,
        "num_train_epochs": 12,
        "learning_rate": 3e-3,
        "save_checkpoints_steps": 8,
        **changes,
    }
    return ["--do_train", "--do_eval", "--do_predict", *(f"--{name}={value}" for name, value in flags.items())]


@pytest.fixture(scope="module")
def trained(data, tiny, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    result = start(folder / "command", *train_flags(data, tiny, folder / "out")).result()
    assert result.code == 0, result.stderr
    return folder / "out"


def test_a_run_finds_entities_and_leaves_its_scores(trained, data):
    scores, results = read_eval_results(trained), json.loads((trained / "results.json").read_text())
    assert results["program"] == "run_ner" and results["headline"] == "eval_f1"
    assert scores["global_step"] == 90 and scores["eval_f1"] > 0.1
    for name in ("eval_f1", "eval_precision", "eval_recall", "eval_token_accuracy"):
        assert 0 <= scores[name] <= 1 and results[name] == scores[name]
    assert list(results["per_class"]) == ["LOC", "ORG", "PER"]
    header, *table = rows(trained / "eval_predictions.tsv")
    assert header == ["guid", "correct", "f1", "probability", "words", "gold", "prediction"] and len(table) == 30
    values = rows(trained / "eval_values.tsv")[1:]
    assert [float(row[2]) for row in table] == pytest.approx([float(row[1]) for row in values])
    gold = read_columns(data / "dev.conll")
    for row, sentence in zip(table, gold, strict=True):
        assert [list(pair) for pair in zip(json.loads(row[4]), json.loads(row[5]), strict=True)] == sentence


def test_predictions_are_the_words_of_the_test_set_with_a_tag_each(trained, data):
    predicted = read_columns(trained / "predictions.conll")
    assert [[row[0] for row in rows] for rows in predicted] == [
        [row[0] for row in rows] for rows in read_columns(data / "test.conll")
    ]
    found = {row[1] for rows in predicted for row in rows}
    assert found <= set(TAGS) and len(found) > 1


def test_a_killed_run_resumes_to_the_same_bits(trained, data, tiny, tmp_path):
    flags = train_flags(data, tiny, tmp_path / "out")
    command = start(tmp_path / "first", *flags)
    command.kill_when(lambda: latest_step(tmp_path / "out") >= 8)
    assert latest_step(tmp_path / "out") < 90
    result = start(tmp_path / "second", *flags).result()
    assert result.code == 0 and "Resuming after step" in result.stderr, result.stderr
    assert_same_bits(weights(tmp_path / "out"), weights(trained))
    for name in ("predictions.conll", "eval_predictions.tsv", "eval_results.txt", "task.json", "train_log.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (trained / name).read_bytes(), name


def test_evaluation_alone_takes_tags_and_settings_of_the_training(trained, data, ner, tmp_path):
    result = ner(
        *("--do_eval", "--do_predict", f"--bert_model={trained}", f"--output_dir={tmp_path / 'out'}"),
        *(f"--dev_file={data / 'dev.conll'}", f"--test_file={data / 'test.conll'}"),
    )
    assert result.code == 0, result.stderr
    for name in ("predictions.conll", "eval_predictions.tsv"):
        assert (tmp_path / "out" / name).read_bytes() == (trained / name).read_bytes(), name


def test_another_repair_and_context_can_be_tried_on_a_model(trained, data, ner, tmp_path):
    flags = ("--repair=discard", "--document_context", "--doc_context=2")
    model = (f"--bert_model={trained}", f"--output_dir={tmp_path / 'out'}")
    result = ner("--do_eval", f"--dev_file={data / 'dev.conll'}", *model, *flags)
    assert result.code == 0, result.stderr
    evaluation = json.loads((tmp_path / "out" / "results.json").read_text())["evaluation"]
    assert (evaluation["repair"], evaluation["document_context"], evaluation["doc_context"]) == ("discard", True, 2)


def test_the_best_weights_are_kept_by_recall(data, tiny, ner, tmp_path):
    result = ner(*train_flags(data, tiny, tmp_path / "out", keep_best="recall", num_train_epochs=3))
    assert result.code == 0 and "The weights are those of step" in result.stderr, result.stderr
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["best"]["metric"] == "eval_recall" and results["best"]["value"] == results["eval_recall"]


def test_types_that_only_the_dev_set_has_are_named(trained, data, ner, tmp_path):
    text = (data / "dev.conll").read_text().replace("B-PER", "B-DATE").replace("I-PER", "I-DATE")
    (tmp_path / "dev.conll").write_text(text)
    model = (f"--bert_model={trained}", f"--output_dir={tmp_path / 'out'}")
    result = ner("--do_eval", f"--dev_file={tmp_path / 'dev.conll'}", *model)
    assert result.code == 0, result.stderr
    line = f"{tmp_path / 'dev.conll'}: has the types DATE; the model does not know them, and their entities count as"
    assert line in result.stderr
    per_class = json.loads((tmp_path / "out" / "results.json").read_text())["per_class"]
    assert per_class["DATE"]["recall"] == 0 and per_class["DATE"]["support"] > 0


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ('{"kind": "classification"}', "has a model of the kind classification, which finds no entities"),
        ('{"kind": "token_classification"}', "task.json: cannot be read"),
        ('{"kind": "token_classification", "tags": ["O", 3]}', "task.json: cannot be read"),
        (None, "has no task.json that says the tags of a model"),
    ],
)
def test_a_folder_that_does_not_say_its_tags_is_refused(description, message, trained, data, ner, tmp_path):
    model = shutil.copytree(trained, tmp_path / "model")
    (model / "task.json").unlink()
    if description:
        (model / "task.json").write_text(description)
    flags = (f"--bert_model={model}", f"--output_dir={tmp_path / 'out'}")
    result = ner("--do_eval", f"--dev_file={data / 'dev.conll'}", *flags)
    assert_one_error_line(result, message, "run_ner.py")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--do_eval", "--train_file=x.conll"], "dev_file: is missing; pass --dev_file=FILE"),
        ([], "nothing to do; pass at least one of --do_train, --do_eval, --do_predict"),
        (["--do_train", "--doc_context=-1"], "doc_context"),
        (["--do_train", "--max_seq_length=99"], "max_seq_length: 99 is more than the 64 positions"),
        (["--do_train", "--repair=strict"], "repair"),
        (["--do_train", "--keep_best=accuracy"], "is 'accuracy'; the scores of this task are precision, recall, f1"),
        (["--do_eval", "--eval_steps=4"], "eval_steps: only valid with --do_train"),
        (["--do_eval"], "holds no trained model; pass --do_train"),
        (["--do_train", "--task_name=MRPC"], "task_name"),
    ],
)
def test_a_mistake_is_one_line(flags, message, data, tiny, ner, tmp_path):
    named = [] if any("_file" in flag for flag in flags) else [f"--{x}_file={data / x}.conll" for x in ("train", "dev")]
    model = [f"--bert_model={tiny}"] if "--do_train" in flags else []
    result = ner(*named, *flags, *model, f"--output_dir={tmp_path / 'out'}")
    assert_one_error_line(result, message, "run_ner.py")
    assert not (tmp_path / "out").exists()


def test_a_training_set_without_an_entity_is_refused(tiny, ner, tmp_path):
    (tmp_path / "train.conll").write_text("It O\nrains O\n")
    flags = (f"--train_file={tmp_path / 'train.conll'}", f"--bert_model={tiny}", f"--output_dir={tmp_path / 'out'}")
    result = ner("--do_train", "--max_seq_length=20", *flags)
    assert_one_error_line(result, "has no entity to learn, every tag is O", "run_ner.py")


def test_the_values_of_sentences_are_compared_by_f1(trained):
    values = np.array([float(row[1]) for row in rows(trained / "eval_values.tsv")[1:]])
    assert values.min() >= 0 and values.max() <= 1 and len(values) == 30
