"""The benchmark: its figures, its processes, and a tiny run of our side. PyTorch is not needed."""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from support.paths import ROOT
from support.tiny import write_corpus, write_tiny_model

from bert_tf.errors import UserError

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

# Takes the place of both sides' workers: answers at once, and writes down when it was asked.
STAND_IN = """
import pathlib, sys, time
sys.path.insert(0, SCRIPTS)
from benchmark_process import serve

def prepare(job):
    kind = job["kind"]
    who = kind if kind in ("peak", "input") else ("ours" if "peer.py" not in sys.argv[0] else "theirs")
    if kind == "examples":
        import numpy
        lengths = numpy.arange(256) % 60 + 3
        pieces = numpy.zeros(lengths.sum(), numpy.int32)
        numpy.savez(job["path"], input_ids=pieces, type_ids=pieces, lengths=lengths, label_ids=lengths % 2)
    if kind == "start":
        pathlib.Path(next(f.partition("=")[2] for f in job["flags"] if f.startswith("--output_dir"))).mkdir()
    print("noise on standard output")
    seconds = {"ours": 2.0, "theirs": 4.0 if job.get("dtype") == "float32" or "cast_weights" in job else 3.0}.get(who)

    def measure():
        with open(TURNS, "a") as file:
            print(who, file=file)
        print("more noise")
        return {
            "seconds": {str(n): seconds for n in (16, 32, 64, 128)} if kind == "lengths" else seconds,
            "memory": 3e9, **({"first_batch_seconds": 1.0} if who == "ours" and kind == "inference" else {}),
             "flops_per_second": 1e9, "tokenizing": 0.5, "batching": 0.25,
        }

    facts = {"examples": 128, "tokens": 6000, "flops": 5e8, "memory": 1e9, "first_step_at": time.time()}
    return facts | {"steps_done_at": [time.time() + n * n for n in range(4)], "step_tokens": [1, 1, 1, 1]}, measure

serve(prepare)
"""


@pytest.fixture(scope="module", autouse=True)
def scripts() -> Iterator[None]:
    """Lets the tests import the scripts."""
    sys.path.insert(0, str(ROOT / "scripts"))
    yield
    sys.path.remove(str(ROOT / "scripts"))


@pytest.fixture
def benchmark() -> ModuleType:
    return importlib.import_module("benchmark")


@pytest.fixture
def stand_in(benchmark, tmp_path, monkeypatch) -> Path:
    """The benchmark with workers that answer at once; the file in which they write whose turn it was."""
    turns = tmp_path / "turns"
    program = STAND_IN.replace("SCRIPTS", repr(str(ROOT / "scripts"))).replace("TURNS", repr(str(turns)))
    for name in ("OURS", "PEER"):
        script = tmp_path / f"{name.lower()}.py"
        script.write_text(program)
        monkeypatch.setattr(benchmark, name, script)
    monkeypatch.setattr(benchmark, "MODELS", {"tiny": (TINY, 4)})
    monkeypatch.setattr(benchmark, "peer_versions", lambda python: {"torch": "2", "transformers": "5"})
    return turns


def worker_of(program: str, folder: Path):
    """A worker whose program serves a `prepare`."""
    script = folder / "program.py"
    head = f"import sys\nsys.path.insert(0, {str(ROOT / 'scripts')!r})\nfrom benchmark_process import *\n"
    script.write_text(head + program)
    process = importlib.import_module("benchmark_process")
    return process.Worker("fake", [sys.executable, str(script)], {"step": 2}, folder / "fake.log")


def test_a_ratio_is_that_of_medians_and_its_spread_that_of_neighbours():
    report = importlib.import_module("benchmark_report")
    ratio = report.ratio_of("training", "base", "ours / theirs", [2.0, 30.0, 4.0], [1.0, 2.0, 3.0])
    assert ratio.value == 2.0
    assert ratio.values == [2.0, 15.0, pytest.approx(4 / 3)]
    assert ratio.row() == "| training | base | ours / theirs | 2 | 1.333 to 15 |"
    median = report.median_of("training", "base", "ours", "examples/s", [12.0, 10.0, 11.0])
    assert median.row() == "| training | base | ours | 11 examples/s | 10 to 12 |"


def test_the_report_names_the_machine_and_has_ratios_first():
    report = importlib.import_module("benchmark_report")
    figures = [
        report.median_of("training", "base", "ours", "examples/s", [12.0]),
        report.ratio_of("training", "base", "ours / theirs", [2.0], [1.0]),
    ]
    facts = {"machine": report.machine(), "versions": {"tensorflow": "2.20.0"}, "repetitions": 1}
    text = report.markdown(facts, figures)
    assert text.index("ours / theirs") < text.index("12 examples/s")
    assert facts["machine"]["cpu"] in text
    assert f"{facts['machine']['cores']} cores" in text
    assert "tensorflow 2.20.0" in text


@pytest.mark.parametrize(("percent", "told"), [(2.0, False), (54.8, True)])
def test_a_machine_that_has_something_else_to_do_is_told(percent, told):
    report = importlib.import_module("benchmark_report")
    facts = {"machine": report.machine(), "versions": {}, "repetitions": 1}
    text = report.markdown(facts, [report.median_of("training", "base", report.OTHERS, "%", [percent])])
    assert text.startswith("NOT QUIET: other processes took up to 55%") == told


def test_chosen_batches_are_of_like_length_and_like_the_corpus(benchmark):
    lengths = np.random.default_rng(0).integers(10, 100, 3668)
    chosen = benchmark.choose_batches(lengths, 4)
    assert len(set(chosen.tolist())) == 128
    assert abs(lengths[chosen].mean() - lengths.mean()) < 3
    assert np.ptp(lengths[chosen].reshape(4, 32), axis=1).max() < 10


def test_too_few_examples_are_told(benchmark):
    with pytest.raises(UserError, match="data_dir: has 100 training examples; 128 are needed"):
        benchmark.choose_batches(np.ones(100, int), 4)


def test_a_chosen_example_keeps_its_pieces(benchmark, tmp_path):
    lengths = np.arange(64) % 7 + 1
    ids = np.concatenate([np.full(length, row) for row, length in enumerate(lengths)])
    np.savez(tmp_path / "all.npz", input_ids=ids, type_ids=ids % 2, lengths=lengths, label_ids=np.arange(64))
    benchmark.write_chosen(tmp_path / "all.npz", tmp_path / "some.npz", 1)
    some = np.load(tmp_path / "some.npz")
    assert len(some["lengths"]) == 32
    np.testing.assert_array_equal(some["input_ids"], np.repeat(some["label_ids"], some["lengths"]))
    np.testing.assert_array_equal(some["lengths"], lengths[some["label_ids"]])


def test_a_worker_answers_once_for_each_repetition_and_ends_with_its_input(tmp_path):
    program = """
def prepare(job):
    print("noise")
    numbers = iter(range(0, 100, job["step"]))
    return {"examples": 7}, lambda: {"number": next(numbers)}
serve(prepare)
open(PATH, "w").close()
""".replace("PATH", repr(str(tmp_path / "ended")))
    with worker_of(program, tmp_path) as worker:
        assert worker.start() == {"examples": 7}
        answers = [worker.measure() for _ in range(3)]
    assert [answer["number"] for answer in answers] == [0, 2, 4]
    assert all(answer["cpu_seconds"] < 1 and answer["others"] >= 0 for answer in answers)
    assert (tmp_path / "ended").exists()
    assert "noise" in (tmp_path / "fake.log").read_text()


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("raise RuntimeError('out of luck')", "fake: RuntimeError: out of luck"),
        ("sys.exit(3)", "fake: ended with exit code 3"),
        ("def prepare(job):\n    raise UserError('data: is missing')\nserve(prepare)", "data: is missing"),
    ],
)
def test_a_worker_that_fails_is_told_in_one_line(tmp_path, program, message):
    with pytest.raises(UserError) as error, worker_of(program, tmp_path) as worker:
        worker.start()
    assert str(error.value) == message


def test_a_worker_that_computes_is_ended_when_the_benchmark_is_interrupted(tmp_path):
    program = "import os, time\nserve(lambda job: ({'pid': os.getpid()}, lambda: time.sleep(60)))"
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt), worker_of(program, tmp_path) as worker:
        pid = worker.start()["pid"]
        worker._process.stdin.write("go\n")
        worker._process.stdin.flush()
        raise KeyboardInterrupt
    assert time.monotonic() - started < 9
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_all_sections_are_measured_in_turns_against_the_fastest_peer(benchmark, stand_in, tmp_path, capsys):
    output, sst2 = tmp_path / "benchmark.json", tmp_path / "train.tsv"
    sst2.touch()
    flags = [f"--peer_python={sys.executable}", f"--output={output}", f"--sst2={sst2}", "--repetitions=2"]
    assert benchmark.main(flags) == 0
    turns = stand_in.read_text().split()
    # Two comparisons of training: a warm-up and two repetitions, each side and the peak.
    assert turns[:18] == ["ours", "theirs", "peak"] * 6
    content = json.loads(output.read_text())
    values = {(figure["section"], figure["what"]): figure["value"] for figure in content["figures"]}
    own = "ours, bfloat16, batch 32"
    autocast = "transformers, bfloat16 autocast, grouped by length, batch 32"
    assert values["training", f"{own} / {autocast}"] == pytest.approx(1.5)
    assert values["training", f"of peak: {own}"] == pytest.approx(0.25)
    assert values["memory", f"{own} / {autocast}"] == 1.0
    assert values["notebook", f"{own} / transformers, float32, padded to 512, batch 8"] == pytest.approx(2)
    # Of the two bfloat16 peers the one that casts its weights takes longer.
    peers = [what for section, what in values if section == "inference" and what.startswith(f"{own} / ")]
    assert peers == [f"{own} / transformers, bfloat16 autocast, sorted by length, batch 32"]
    assert values["start", "slowest later step / median, each per real token"] == pytest.approx(5 / 3, rel=0.01)
    assert values["input", f"tokenizing a batch / a training step, {own}"] == pytest.approx(0.25)
    assert values["input", f"padding a batch / a training step, {own}"] == pytest.approx(0.125)
    assert values["input", "padding a batch"] == pytest.approx(62.5)
    assert values["lengths", "tokens/s at length 16 / at length 64"] == 1.0
    firsts = [what for section, what in values if what.startswith("first batch of a call")]
    assert firsts and all(": ours, " in what for what in firsts)
    printed = capsys.readouterr()
    assert f"| {autocast} | 42.67 examples/s |" in printed.out
    assert "training tiny: ours, bfloat16, batch 32, 2/2" in printed.err


def test_without_a_peer_ours_and_the_peak_are_measured(benchmark, stand_in, capsys):
    assert benchmark.main(["--sections=training", "--repetitions=1"]) == 0
    assert "theirs" not in stand_in.read_text()
    printed = capsys.readouterr().out
    assert "of peak: ours, float32, batch 32" in printed
    assert "transformers" not in printed


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--models=huge", "models: 'huge' is unknown; known: base, small"),
        ("--sections=training,inferense", "sections: 'inferense' is unknown; known: training,"),
        ("--repetitions=0", "repetitions: 0 is no number from 1 on"),
        ("--sst2=nowhere.tsv", "sst2: nowhere.tsv: there is no such file"),
        ("--output=nowhere/b.json", "output: nowhere: there is no such folder"),
        ("--peer_python=/nowhere/python", "peer_python: /nowhere/python: cannot be run: No such file"),
    ],
)
def test_a_mistake_in_a_flag_is_told(benchmark, flag, message):
    with pytest.raises(UserError) as error:
        benchmark.main([flag])
    assert str(error.value).startswith(message)


def test_a_peer_without_torch_is_one_line_and_exit_code_1(tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho \"ModuleNotFoundError: No module named 'torch'\" >&2\nexit 1\n")
    python.chmod(0o755)
    command = [sys.executable, str(ROOT / "scripts" / "benchmark.py"), f"--peer_python={python}"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr == (
        f"benchmark.py: error: peer_python: {python}: ModuleNotFoundError: No module named 'torch'; "
        "name a Python that has torch and transformers\n"
    )


def test_sigterm_leaves_no_folder_behind(benchmark, stand_in, tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark.tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(benchmark.Benchmark, "_tell", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(KeyboardInterrupt):
        benchmark.main(["--sections=training"])
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.fixture
def job(tmp_path) -> dict:
    """A job for a tiny model on 64 examples of 3 to 40 pieces."""
    random = np.random.default_rng(0)
    lengths = random.integers(3, 40, 64)
    ids = random.integers(0, 1000, lengths.sum()).astype(np.int32)
    labels = random.integers(0, 2, 64).astype(np.int32)
    np.savez(tmp_path / "e.npz", input_ids=ids, type_ids=ids % 2, lengths=lengths, label_ids=labels)
    settings = {"dtype": "float32", "batch_size": 32, "max_seq_length": 128, "repetitions": 1, "batches": 2}
    return {"config": TINY, "path": str(tmp_path / "e.npz"), **settings}


@pytest.mark.parametrize("kind", ["training", "inference", "lengths"])
def test_our_side_measures_a_tiny_model(kind, job, monkeypatch):
    worker = importlib.import_module("benchmark_worker")
    monkeypatch.setattr(worker, "LENGTHS", (64, 128))
    facts, measure = worker.JOBS[kind](job)
    answers = [measure(), measure()]
    if kind == "lengths":
        assert facts == {"tokens": 2048}
        assert all(set(answer["seconds"]) == {64, 128} for answer in answers)
        return
    with np.load(job["path"]) as arrays:
        assert (facts["examples"], facts["tokens"]) == (64, arrays["lengths"].sum())
    assert facts["flops"] > 0
    assert all(answer["seconds"] > 0 for answer in answers)


def test_a_start_of_run_classifier_is_followed_to_its_first_step(benchmark, tmp_path):
    corpus = write_corpus(tmp_path / "data", {"train": 64})
    model = write_tiny_model(tmp_path / "model")
    flags = ["--task_name=MRPC", "--do_train", f"--data_dir={corpus}", f"--bert_model={model}"]
    flags += [f"--output_dir={tmp_path / 'output'}", "--max_seq_length=48", "--iterations_per_loop=1"]
    side = {"kind": "start", "flags": flags, "steps": 2}
    process = importlib.import_module("benchmark_process")
    command = [sys.executable, str(benchmark.OURS)]
    with process.Worker("start", command, side, tmp_path / "start.log") as worker:
        facts = worker.start()
    assert worker.started < facts["steps_done_at"][0] < facts["steps_done_at"][1] < time.time()
    assert all(64 < tokens < 32 * 48 for tokens in facts["step_tokens"])
    assert facts["memory"] > 1e8
