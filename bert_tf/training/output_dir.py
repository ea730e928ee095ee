"""What a run leaves in its output folder, and how the next one finds it again.

    folder = OutputDir("output/MRPC/all-MiniLM-L6-v2")
    folder.write_results({"eval_accuracy": 0.87})

Every file is written whole or not at all, so that a run can be killed at any moment.
"""

import contextlib
import fcntl
import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from bert_tf.checkpoints.formats import read_checkpoint, write_checkpoint
from bert_tf.errors import UserError
from bert_tf.files import atomic_write

# What --overwrite_output_dir removes, and nothing else: a wrong --output_dir costs nobody's files.
_OUR_FILES = (
    "checkpoint",
    "model.ckpt-[0-9]*.*",
    ".model.ckpt-[0-9]*.partial",
    "run.json",
    "results.json",
    "eval_results.txt",
    "eval_predictions.tsv",
    "test_results.tsv",
    "train_log.csv",
    "events.out.tfevents.*",
    "bert_config.json",
    "vocab.txt",
    "labels.txt",
)


class OutputDir:
    """The output folder of one fine-tuning run.

    Args:
        path: the folder; `create` makes it.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)

    @property
    def config_file(self) -> Path:
        """The model's `bert_config.json`."""
        return self.path / "bert_config.json"

    @property
    def vocab_file(self) -> Path:
        """The model's vocabulary."""
        return self.path / "vocab.txt"

    def create(self) -> None:
        """Makes the folder and those above it.

        Raises:
            UserError: a file stands in the way, or it may not be written to.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            probe = self.path / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise UserError(f"output_dir: {self.path}: cannot be written to: {error.strerror}") from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from writing here at the same time; the lock dies with the process.

        Raises:
            UserError: another process holds it.
        """
        with (self.path / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UserError(
                    f"output_dir: {self.path}: another run is writing there; wait for it or name another folder"
                ) from error
            yield

    def remove_earlier_run(self) -> None:
        """Removes the files of an earlier run, and no others."""
        for pattern in _OUR_FILES:
            for path in self.path.glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    # The run: what it was started with.

    def read_run(self) -> dict | None:
        """What `write_run` wrote; None where no run was started."""
        path = self.path / "run.json"
        if not path.exists():
            return None
        try:
            run = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: cannot be read: {error}; --overwrite_output_dir starts anew") from error
        if not isinstance(run, dict) or not isinstance(run.get("training"), dict):
            raise UserError(f"{path}: is not a run's description; --overwrite_output_dir starts anew")
        return run

    def write_run(self, run: dict) -> None:
        """Keeps what the run was started with."""
        self._write_json("run.json", run)

    def write_model_files(self, config_json: str, vocab_file: Path, labels: Sequence[str]) -> None:
        """Keeps what prediction needs besides the weights."""
        for name, text in (
            ("bert_config.json", config_json),
            ("labels.txt", "".join(f"{x}\n" for x in labels)),
        ):
            with atomic_write(self.path / name) as file:
                file.write(text)
        if vocab_file.resolve() != self.vocab_file.resolve():
            with atomic_write(self.vocab_file, "wb") as file:
                file.write(vocab_file.read_bytes())

    def check_labels(self, labels: Sequence[str]) -> None:
        """Raises `UserError` where the model was fine-tuned for other labels than `labels`, or in another order."""
        path = self.path / "labels.txt"
        try:
            found = path.read_text(encoding="utf-8").split("\n")[:-1]
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}; the folder is not whole") from error
        if found != list(labels):
            raise UserError(f"{path}: the model was fine-tuned for {found}, not for {list(labels)}; name its task")

    # Checkpoints.

    def latest_step(self) -> int:
        """The step of the newest checkpoint; 0 where there is none."""
        try:
            state = tf.train.get_checkpoint_state(str(self.path))
        except ValueError:  # Empty, or no UTF-8.
            return 0
        if state is None:
            return 0
        match = re.fullmatch(r"model\.ckpt-(\d+)", Path(state.model_checkpoint_path).name)
        return int(match[1]) if match else 0

    def checkpoint(self, step: int) -> Path:
        """The prefix of the checkpoint of a step."""
        return self.path / f"model.ckpt-{step}"

    def read_checkpoint(self, step: int) -> dict[str, np.ndarray]:
        """All arrays of the checkpoint of a step, by name."""
        return read_checkpoint(self.checkpoint(step))

    def write_checkpoint(self, step: int, arrays: Mapping[str, np.ndarray | tf.Tensor]) -> None:
        """Writes the checkpoint of a step, makes it the newest, and removes the older ones."""
        prefix = self.checkpoint(step)
        write_checkpoint(prefix, arrays)
        with atomic_write(self.path / "checkpoint") as file:
            file.write(f'model_checkpoint_path: "{prefix.name}"\nall_model_checkpoint_paths: "{prefix.name}"\n')
        for path in self.path.glob("model.ckpt-[0-9]*.*"):
            if path.stem != prefix.name:
                path.unlink()

    # Results.

    def read_results(self) -> dict:
        """What `results.json` says; nothing where it is missing or was broken by somebody."""
        try:
            results = json.loads((self.path / "results.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return results if isinstance(results, dict) else {}

    def write_results(self, results: dict) -> None:
        """Adds to `results.json`; a later value of a key replaces an earlier one."""
        self._write_json("results.json", {**self.read_results(), **results})

    def write_eval_results(self, results: Mapping[str, float]) -> None:
        """Writes `eval_results.txt` as the original does: sorted keys, `key = value`."""
        with atomic_write(self.path / "eval_results.txt") as file:
            for key in sorted(results):
                file.write(f"{key} = {results[key]}\n")

    def write_eval_predictions(
        self, guids: Sequence[str], labels: Sequence[str], classes: Sequence[str], probabilities: np.ndarray
    ) -> None:
        """Writes `eval_predictions.tsv`: under a header line, guid, label and a probability for each class."""
        with atomic_write(self.path / "eval_predictions.tsv") as file:
            file.write("\t".join(("guid", "label", *classes)) + "\n")
            for guid, label, row in zip(guids, labels, probabilities, strict=True):
                file.write("\t".join((guid, label, *(str(probability) for probability in row))) + "\n")

    def write_test_results(self, probabilities: np.ndarray) -> None:
        """Writes `test_results.tsv` as the original does: a row an example, a column a class."""
        with atomic_write(self.path / "test_results.tsv") as file:
            for row in probabilities:
                file.write("\t".join(str(probability) for probability in row) + "\n")

    def _write_json(self, name: str, content: dict) -> None:
        with atomic_write(self.path / name) as file:
            json.dump(content, file, indent=2, sort_keys=True)
            file.write("\n")
