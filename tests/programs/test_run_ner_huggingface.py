"""`python scripts/run_ner.py` with models of transformers, and its models for transformers."""

import functools
import json

import numpy as np
import pytest
from scipy.special import softmax
from support.commands import Command, assert_one_error_line, become_script
from support.outputs import rows
from support.paths import SCRIPTS
from support.tagged_files import write_tagged_files
from support.tagging_models import write_tagging_model

from bert_tf.data.tag_schemes import to_bio
from bert_tf.exports.huggingface import write_huggingface
from bert_tf.models.fine_tuned import read_fine_tuned

pytestmark = pytest.mark.slow
become_run_ner = functools.partial(become_script, script=SCRIPTS / "run_ner.py")


@pytest.fixture
def ner(tmp_path):
    def ner(*flags: str):
        return Command(tmp_path / "command", list(flags), target=become_run_ner).result()

    return ner


def test_a_model_of_transformers_gives_the_tags_of_transformers(golden, ner, tmp_path):
    answers = json.loads((golden / "huggingface" / "answers.json").read_text())["tagger"]
    text = "\n\n".join("\n".join(f"{word} O" for word in answer["words"]) for answer in answers)
    (tmp_path / "dev.conll").write_text(f"{text}\n", encoding="utf-8")
    flags = [f"--bert_model={golden / 'huggingface' / 'tagger'}", f"--output_dir={tmp_path / 'out'}"]
    lengths = ["--max_seq_length=24", "--doc_context=4"]
    result = ner("--do_eval", f"--dev_file={tmp_path / 'dev.conll'}", *flags, *lengths)
    assert result.code == 0, result.stderr
    assert "pooler" not in result.stderr
    table = rows(tmp_path / "out" / "eval_predictions.tsv")[1:]
    for row, answer in zip(table, answers, strict=True):
        probabilities = softmax(np.array(answer["logits"]), axis=1)
        tags = [("O", "B-RAIN", "I-RAIN")[number] for number in probabilities.argmax(1)]
        assert json.loads(row[4]) == answer["words"] and json.loads(row[6]) == list(to_bio(tags))
        assert float(row[3]) == pytest.approx(probabilities.max(1).prod(), abs=1e-6)


def test_an_exported_model_evaluates_as_its_run(ner, tmp_path):
    data = write_tagged_files(tmp_path / "data", {"dev": 20})
    # All names that the model knows are PER or LOC.
    (data / "dev.conll").write_text((data / "dev.conll").read_text().replace("-ORG", "-PER"))
    run, exported = write_tagging_model(tmp_path / "run"), tmp_path / "exported"
    exported.mkdir()
    write_huggingface(exported, read_fine_tuned(run))
    found = []
    for model in (run, exported):
        out = tmp_path / f"out_{model.name}"
        flags = [f"--bert_model={model}", f"--output_dir={out}", "--max_seq_length=24", "--doc_context=4"]
        result = ner("--do_eval", f"--dev_file={data / 'dev.conll'}", *flags)
        assert result.code == 0, result.stderr
        found.append((out / "eval_predictions.tsv").read_bytes())
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("classifier", "config.json: is of no BertForTokenClassification, which finds entities; name another model"),
        ("cased_masked_lm", "config.json: is of no BertForTokenClassification"),
        ("token_classifier", "config.json: the label 0 is 'LABEL_0', which is no tag; tags of entities are O, and B-"),
    ],
)
def test_a_model_of_transformers_without_tags_is_refused(golden, ner, tmp_path, name, message):
    data = write_tagged_files(tmp_path / "data", {"dev": 3})
    flags = [f"--bert_model={golden / 'huggingface' / name}", f"--output_dir={tmp_path / 'out'}"]
    result = ner("--do_eval", f"--dev_file={data / 'dev.conll'}", "--max_seq_length=24", "--doc_context=4", *flags)
    assert_one_error_line(result, message, "run_ner.py")
    assert not (tmp_path / "out").exists()
