import sys

import pytest
from support.benchmark_project import BenchmarkProject, values

OWN = "ours, bfloat16, batch 32"


@pytest.fixture
def project(tmp_path) -> BenchmarkProject:
    return BenchmarkProject(tmp_path)


@pytest.mark.slow
def test_all_sections_are_measured_in_turns_against_the_fastest_peer(project, tmp_path):
    output, sst2 = tmp_path / "benchmark.json", tmp_path / "train.tsv"
    sst2.touch()
    done = project.run(f"--peer_python={sys.executable}", f"--output={output}", f"--sst2={sst2}", "--repetitions=2")
    assert done.returncode == 0, done.stderr
    # Two comparisons of training: a warm-up and two repetitions, each side and the peak.
    assert project.turns.read_text().split()[:18] == ["ours", "theirs", "peak"] * 6
    found = values(output)
    autocast = "transformers, bfloat16 autocast, grouped by length, batch 32"
    assert found["training", f"{OWN} / {autocast}"] == pytest.approx(1.5)
    assert found["training", f"of peak: {OWN}"] == pytest.approx(0.25)
    assert found["memory", f"{OWN} / {autocast}"] == 1.0
    assert found["notebook", f"{OWN} / transformers, float32, padded to 512, batch 8"] == pytest.approx(2)
    # Of the two bfloat16 peers the one that casts its weights takes longer.
    peers = [what for section, what in found if section == "inference" and what.startswith(f"{OWN} / ")]
    assert peers == [f"{OWN} / transformers, bfloat16 autocast, sorted by length, batch 32"]
    questions = f"training, {OWN} / training, {autocast}"
    assert found["questions", questions] == pytest.approx(1.5)
    masks = "length 512, ours, bfloat16, batch 8 / length 512, transformers, bfloat16 autocast, batch 8"
    assert found["pretraining", masks] == pytest.approx(1.5)
    assert found["start", "slowest later step / median, each per real token"] == pytest.approx(5 / 3, rel=0.01)
    assert found["input", f"tokenizing a batch / a training step, {OWN}"] == pytest.approx(0.25)
    assert found["input", f"padding a batch / a training step, {OWN}"] == pytest.approx(0.125)
    assert found["input", "padding a batch"] == pytest.approx(62.5)
    assert found["input", "tokenizing 128 sentences of train.tsv"] == 2.0
    assert found["lengths", "tokens/s at length 16 / at length 64"] == 1.0
    firsts = [what for section, what in found if what.startswith("first batch of a call")]
    assert firsts and all(": ours, " in what for what in firsts)
    assert found["latency", "ms of one text: ours, bert_tf.load / transformers, pipeline"] == pytest.approx(0.5)
    assert found["latency", "ms of one text: ours, LiteRT / ONNX Runtime"] == pytest.approx(0.25)
    assert found["latency", "one text, median: ours, SavedModel"] == pytest.approx(3)
    assert found["latency", "one text, 90th percentile: ours, SavedModel"] > 3
    assert found["latency", "texts/s in batches of 128: ours, SavedModel / ONNX Runtime"] == pytest.approx(0.75)
    starts = [what for section, what in found if section == "first answer" and " / " not in what]
    assert len(starts) == 6 and "process start to first answer: ours, scripts/predict.py" in starts
    assert f"| {autocast} | 42.67 examples/s |" in done.stdout
    assert "torch 5, transformers 5, onnxruntime 5" in done.stdout
    assert f"training base: {OWN}, 2/2" in done.stderr
    assert "noise" not in done.stdout


def test_without_a_peer_only_ours_and_the_peak_are_measured(project):
    done = project.run("--sections=training", "--repetitions=1")
    assert done.returncode == 0, done.stderr
    assert set(project.turns.read_text().split()) == {"ours", "peak"}
    assert "of peak: ours, float32, batch 32" in done.stdout
    assert "transformers" not in done.stdout


def test_sides_that_answer_differently_are_not_compared(tmp_path):
    project = BenchmarkProject(tmp_path, difference=0.001)
    done = project.run(f"--peer_python={sys.executable}", "--sections=latency", "--repetitions=1")
    assert done.returncode == 1
    expected = "benchmark: error: ONNX Runtime: a probability differs from that of ours, bert_tf.load by 0.001"
    assert done.stderr.splitlines()[-1].startswith(expected)


def test_without_a_peer_only_our_answers_are_measured(project):
    done = project.run("--sections=latency,first_answer", "--repetitions=1")
    assert done.returncode == 0, done.stderr
    assert "one text, median: ours, LiteRT" in done.stdout
    assert "ONNX" not in done.stdout and "pipeline" not in done.stdout
