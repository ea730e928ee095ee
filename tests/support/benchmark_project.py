"""The real benchmark with workers that answer at once, run as a user runs it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from support.paths import SCRIPTS

# Replaces the workers of both sides, and writes down whose turn it is.
STAND_IN = """
import json, pathlib, sys, time
from serving import serve

RUN = "run"

def prepare(job):
    kind = job["kind"]
    who = kind if kind in ("peak", "input") else ("ours" if "peer.py" not in sys.argv[0] else "theirs")
    if kind in ("examples", "windows"):
        import numpy
        lengths = numpy.arange(256) % 60 + 3
        pieces = numpy.zeros(lengths.sum(), numpy.int32)
        target = {"label_ids": lengths % 2} if kind == "examples" else {"ends": numpy.zeros([256, 2])}
        numpy.savez(job["path"], input_ids=pieces, type_ids=pieces, lengths=lengths, **target)
    if kind == "start":
        pathlib.Path(next(f.partition("=")[2] for f in job["flags"] if f.startswith("--output_dir"))).mkdir()
    if kind == "exports":
        pathlib.Path(job["models"]).mkdir()
        pathlib.Path(job["texts"]).write_text(json.dumps({"single": ["It rains ."]}))
    program = job.get("program", "")
    milliseconds = {"predictor": 2, "saved_model": 3, "litert": 1}.get(program, 4)
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
             "calls": [milliseconds / 1000] * 9 + [1], "texts_per_second": {str(n): milliseconds for n in (8, 32, 128)},
        }

    facts = {"examples": 128, "tokens": 6000, "flops": 5e8, "memory": 1e9, "first_step_at": time.time()}
    facts |= {"first_answer_at": time.time(), "answers": [[0.25, 0.75 + DIFFERENCE * (program == "onnx_runtime")]]}
    return facts | {"steps_done_at": [time.time() + n * n for n in range(4)], "step_tokens": [1, 1, 1, 1]}, measure

if __name__ == "__main__":
    serve(prepare)
"""


class BenchmarkProject:
    """A copy of the benchmark's folder with stand-ins for its workers and for the packages of the peer.

    `difference` is that of the answers of one peer from all others.
    """

    def __init__(self, folder: Path, difference: float = 0.0):
        self.folder = folder / "a project"
        self.turns = folder / "turns"
        shutil.copytree(SCRIPTS / "benchmark", self.folder / "benchmark")
        stand_in = STAND_IN.replace("TURNS", repr(str(self.turns))).replace("DIFFERENCE", repr(difference))
        for name in ("worker.py", "peer.py", "answering.py"):
            (self.folder / "benchmark" / name).write_text(stand_in)
        (self.folder / "predict.py").write_text("import sys\nprint(sys.argv[2])")
        self.data = self.folder / "data"
        self.data.mkdir()
        for name in ("torch", "transformers", "onnxruntime", "onnx", "onnxscript"):
            (self.folder / f"{name}.py").write_text('__version__ = "5"')

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        paths = [str(self.folder), os.environ.get("PYTHONPATH", "")]
        return subprocess.run(
            [sys.executable, str(self.folder / "benchmark"), f"--data_dir={self.data}", "--models=base", *arguments],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            capture_output=True,
            text=True,
        )


def values(path: Path) -> dict[tuple[str, str], float]:
    """The values of all figures that a benchmark wrote, by section and label."""
    return {(figure["section"], figure["what"]): figure["value"] for figure in json.loads(path.read_text())["figures"]}
