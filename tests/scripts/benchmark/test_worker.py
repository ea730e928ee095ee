import sys
import time

import numpy as np
import pytest
from support.paths import SCRIPTS
from support.questions import write_questions
from support.tiny import write_corpus, write_tiny_model

from comparisons import predictions_of
from masked_texts import write_masked_texts
from worker_process import WorkerProcess

COMMAND = [sys.executable, str(SCRIPTS / "benchmark" / "worker.py")]
ANSWERING = SCRIPTS / "benchmark" / "answering.py"
TINY = {
    "vocab_size": 1000,
    "hidden_size": 24,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "hidden_act": "gelu",
    "max_position_embeddings": 128,
    "type_vocab_size": 2,
}


@pytest.fixture
def job(tmp_path) -> dict:
    """A job for a tiny model on 64 examples of 3 to 40 pieces."""
    random = np.random.default_rng(0)
    lengths = random.integers(3, 40, 64)
    ids = random.integers(0, 1000, lengths.sum()).astype(np.int32)
    labels = random.integers(0, 2, 64).astype(np.int32)
    np.savez(tmp_path / "e.npz", input_ids=ids, type_ids=ids % 2, lengths=lengths, label_ids=labels)
    settings = {"dtype": "float32", "batch_size": 32, "max_seq_length": 128, "repetitions": 1, "batches": 2}
    return {"config": TINY, "path": str(tmp_path / "e.npz"), "head": "classes", **settings}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["training", "inference", "lengths"])
def test_our_side_measures_a_tiny_model(kind, job, tmp_path):
    with WorkerProcess(kind, COMMAND, job | {"kind": kind}, tmp_path / "worker.log") as worker:
        facts, answers = worker.start(), [worker.measure(), worker.measure()]
    if kind == "lengths":
        assert facts == {"tokens": 2048}
        assert all(set(answer["seconds"]) == {"16", "32", "64", "128"} for answer in answers)
        return
    with np.load(job["path"]) as arrays:
        assert (facts["examples"], facts["tokens"]) == (64, arrays["lengths"].sum())
    assert facts["flops"] > 0
    assert all(answer["seconds"] > 0 for answer in answers)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["training", "inference"])
def test_our_side_measures_windows_of_questions(kind, job, tmp_path):
    data = write_questions(tmp_path / "data", {"train": 96})
    files = {"path": str(tmp_path / "w.npz"), "squad": str(data / "train.json")}
    with WorkerProcess("windows", COMMAND, {"kind": "windows", **files}, tmp_path / "windows.log") as worker:
        assert worker.start()["examples"] >= 96
    config = TINY | {"vocab_size": 30522, "max_position_embeddings": 384}
    job |= files | {"head": "spans", "config": config, "max_seq_length": 384, "kind": kind}
    with WorkerProcess(kind, COMMAND, job, tmp_path / "worker.log") as worker:
        facts, answer = worker.start(), worker.measure()
    with np.load(files["path"]) as arrays:
        assert facts["tokens"] == arrays["lengths"].sum() and arrays["ends"].max() < 384
    assert answer["seconds"] > 0


@pytest.mark.slow
def test_our_side_measures_training_on_masked_words(job, tmp_path):
    path = tmp_path / "masks.npz"
    write_masked_texts(path, rows=64, length=32, predictions=predictions_of(32), vocab_size=30522)
    job |= {"path": str(path), "head": "masks", "config": TINY | {"vocab_size": 30522}, "max_seq_length": 32}
    with WorkerProcess("masks", COMMAND, job | {"kind": "training"}, tmp_path / "worker.log") as worker:
        facts, answer = worker.start(), worker.measure()
    assert (facts["examples"], facts["tokens"]) == (64, 64 * 32)
    # The products with the vocabulary are most of this small model's work.
    assert facts["flops"] > 3 * 2 * 64 * 5 * TINY["hidden_size"] * 30522
    assert answer["seconds"] > 0


@pytest.mark.slow
def test_a_start_of_run_classifier_is_followed_to_its_first_step(tmp_path):
    corpus = write_corpus(tmp_path / "data", {"train": 64})
    model = write_tiny_model(tmp_path / "model")
    flags = ["--task_name=MRPC", "--do_train", f"--data_dir={corpus}", f"--bert_model={model}"]
    flags += [f"--output_dir={tmp_path / 'output'}", "--max_seq_length=48", "--iterations_per_loop=1"]
    side = {"kind": "start", "flags": flags, "steps": 2}
    with WorkerProcess("start", COMMAND, side, tmp_path / "start.log") as worker:
        facts = worker.start()
    assert worker.started < facts["steps_done_at"][0] < facts["steps_done_at"][1] < time.time()
    assert all(64 < tokens < 32 * 48 for tokens in facts["step_tokens"])
    assert facts["memory"] > 1e8


@pytest.mark.slow
def test_the_same_model_answers_alike_from_a_run_and_from_its_exports(tmp_path):
    corpus = write_corpus(tmp_path / "data", {"train": 64})
    with (corpus / "train.tsv").open("a") as file:
        file.write(" ".join(["rain"] * 30) + "\tIt rains .\t1\n")
    shared = {"models": str(tmp_path / "models"), "texts": str(tmp_path / "texts.json"), "batch_sizes": [8]}
    job = {"kind": "exports", "data_dir": str(corpus), "config": TINY | {"vocab_size": 30522}, "max_seq_length": 128}
    with WorkerProcess("exports", COMMAND, {**shared, **job, "num_texts": 32}, tmp_path / "exports.log") as worker:
        worker.start()
    answers = []
    for program in ("predictor", "saved_model", "litert"):
        side = {**shared, "kind": "answers", "program": program, "threads": 1}
        with WorkerProcess(program, [sys.executable, str(ANSWERING)], side, tmp_path / f"{program}.log") as worker:
            facts, measured = worker.start(), worker.measure()
        answers.append(facts["answers"])
        assert worker.started < facts["first_answer_at"] < time.time()
        assert len(measured["calls"]) == 100 and measured["texts_per_second"]["8"] > 0
    np.testing.assert_allclose(answers[1:], [answers[0]] * 2, atol=1e-5)
    # Random weights, but the texts differ.
    assert np.ptp(np.array(answers[0])[:, 0]) > 0.001
