#!/usr/bin/env python
r"""Measures the memory of training and writes the largest batch for each length and memory, as the original's README.

    python scripts/memory_table.py
    python scripts/memory_table.py --models=base --precisions=none

Each point of a model, batch size and length is measured in a process of its own: the most memory that it held in two
steps. Through the points of a model goes, by non-negative least squares,

    bytes = fixed + batch * (by_token * length + by_pair * length^2)

The weights, their gradients and Adam's moments are in the fixed part, the activations in the others; those of attention
grow with the square of the length. Everything outside of the measured points is extrapolated. Without a GPU it is the
memory of the whole process that is measured, which holds TensorFlow's code as well: a GPU needs less for that, and more
for its libraries.
"""

import dataclasses
import itertools
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from absl import flags
from scipy.optimize import nnls

from bert_tf.errors import UserError
from bert_tf.flags import run_program

if TYPE_CHECKING:
    from bert_tf.data.features import Features
    from bert_tf.training.loop import Training

# Hidden size, layers, heads.
SIZES = {"base": (768, 12, 12), "large": (1024, 24, 16)}
# Batch size and length.
POINTS = ((4, 128), (16, 128), (4, 512))
LENGTHS = (64, 128, 256, 320, 384, 512)
GIGABYTES = (8, 12, 16, 24)
_POLICIES = {"none": "float32", "bfloat16": "mixed_bfloat16"}
_STEPS = 2


@dataclasses.dataclass(frozen=True)
class Setting:
    """The model and the way it is trained, apart from the sizes of a batch."""

    model: str
    precision: str
    recompute: bool

    def __str__(self) -> str:
        precision = "float32" if self.precision == "none" else self.precision
        return f"BERT-{self.model}, {precision}{', --recompute' if self.recompute else ''}"


@dataclasses.dataclass(frozen=True)
class Fit:
    """The memory of a setting: a fixed part, and parts that grow with the tokens and their pairs; in bytes."""

    fixed: float
    by_token: float
    by_pair: float

    def memory(self, batch: int, length: int) -> float:
        """Returns the bytes that a batch of this length takes.

        Example:
            >>> Fit(fixed=100.0, by_token=2.0, by_pair=1.0).memory(batch=3, length=10)
            460.0
        """
        return self.fixed + batch * (self.by_token * length + self.by_pair * length**2)

    def largest_batch(self, memory: float, length: int) -> int:
        """Returns the largest batch that fits; 0 if none does.

        Example:
            >>> Fit(fixed=100.0, by_token=2.0, by_pair=1.0).largest_batch(memory=470.0, length=10)
            3
        """
        return max(0, int((memory - self.fixed) // self.memory_of_example(length)))

    def memory_of_example(self, length: int) -> float:
        """Returns the bytes that each example of a batch adds."""
        return self.memory(1, length) - self.fixed


def fit(points: Sequence[tuple[int, int]], found: Sequence[float]) -> Fit:
    """Finds the parts from measured points of batch and length, and their bytes.

    Example:
        >>> wanted = Fit(fixed=100.0, by_token=2.0, by_pair=1.0)
        >>> points = [(1, 2), (4, 2), (1, 8)]
        >>> found = fit(points, [wanted.memory(*point) for point in points])
        >>> [round(part, 6) for part in dataclasses.astuple(found)]
        [100.0, 2.0, 1.0]
    """
    terms = np.array([[1, batch * length, batch * length**2] for batch, length in points], float)
    scale = terms.max(axis=0)
    parts, _ = nnls(terms / scale, np.array(found, float))
    return Fit(*(float(part) for part in parts / scale))


def table(fits: dict[Setting, Fit], gigabytes: int) -> list[str]:
    """Returns the lines of a Markdown table: the largest batch of each setting and length."""
    header = ("", *(f"length {length}" for length in LENGTHS))
    rows = [header, ("---", *("---:" for _ in LENGTHS))]
    for setting, found in fits.items():
        rows.append((str(setting), *(str(found.largest_batch(gigabytes * 1e9, length)) for length in LENGTHS)))
    return [f"| {' | '.join(row)} |" for row in rows]


def measure(setting: Setting, batch: int, length: int) -> int:
    """Returns the most bytes that training in this process holds."""
    from bert_tf.training.determinism import deterministic_operations
    from bert_tf.training.efficiency import peak_memory_bytes

    training, features = make_training(setting, batch), random_features(batch, length)
    order = training.order(batch)
    with deterministic_operations():
        batches = training.batches(features, order)
        compiling = training.compile_ahead(batches, features, order)
        for _ in range(_STEPS):
            training.train_step(batches).numpy()
            compiling.join()
    return peak_memory_bytes()


# TensorFlow is loaded only in the processes that measure.


def make_training(setting: Setting, batch: int) -> "Training":
    """Creates the training of a setting, from random weights."""
    from bert_tf.devices import one_device
    from bert_tf.modeling.config import BertConfig
    from bert_tf.modeling.encoder import BertEncoder
    from bert_tf.modeling.heads import ClassificationHead
    from bert_tf.training.config import TrainingConfig
    from bert_tf.training.loop import Training

    hidden, layers, heads = SIZES[setting.model]
    config = BertConfig(
        vocab_size=30522,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * hidden,
    )
    encoder = BertEncoder(config, _POLICIES[setting.precision], seed=0, recompute=setting.recompute)
    return Training(
        ClassificationHead(encoder, 2, seed=0),
        TrainingConfig(train_batch_size=batch, learning_rate=1e-5),
        _STEPS,
        one_device(),
    )


def random_features(batch: int, length: int) -> "Features":
    """Creates examples of random word pieces, all of the same length."""
    import tensorflow as tf

    from bert_tf.data.features import Features

    ids = np.random.default_rng(0).integers(1000, 30000, [batch, length])
    ids = tf.RaggedTensor.from_tensor(tf.constant(ids, tf.int32))
    return Features(ids, ids * 0, {"label_ids": tf.zeros([batch], tf.int32)}, length)


def measure_apart(setting: Setting, batch: int, length: int) -> int:
    """Returns what `measure` finds in a process of its own.

    Raises:
        UserError: the process was killed, mostly for memory.
    """
    point = json.dumps([dataclasses.astuple(setting), batch, length])
    done = subprocess.run([sys.executable, __file__, "--point", point], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise UserError(f"{setting}: batch {batch} of length {length} could not be measured: {reason}")
    return int(done.stdout.split()[-1])


def define_flags() -> None:
    """Defines the flags. This is a function so that importing this file defines no flags."""
    flags.DEFINE_list("models", list(SIZES), f"The models: {', '.join(SIZES)}.")
    flags.DEFINE_list("precisions", list(_POLICIES), "The precisions: none, bfloat16.")
    flags.DEFINE_string("point", None, "For the script itself: measures one point in this process.")


def settings_of(models: Iterable[str], precisions: Iterable[str]) -> list[Setting]:
    """Returns the settings to measure.

    Raises:
        UserError: there is no such model or precision.
    """
    for name, given, known in (("models", models, SIZES), ("precisions", precisions, _POLICIES)):
        unknown = [value for value in given if value not in known]
        if unknown:
            raise UserError(f"{name}: is {unknown[0]!r}; it must be one of {', '.join(known)}")
    return [Setting(*values) for values in itertools.product(models, precisions, (False, True))]


def main() -> None:
    """Measures, and prints points, fits and tables as Markdown."""
    if flags.FLAGS.point:
        setting, batch, length = json.loads(flags.FLAGS.point)
        print(measure(Setting(*setting), batch, length))
        return
    fits = {}
    for setting in settings_of(flags.FLAGS.models, flags.FLAGS.precisions):
        found = [measure_apart(setting, *point) for point in POINTS]
        fits[setting] = fit(POINTS, found)
        measured = ", ".join(f"{b} x {n}: {x / 1e9:.2f} GB" for (b, n), x in zip(POINTS, found, strict=True))
        extrapolated = f"extrapolated to 32 x 512: {fits[setting].memory(32, 512) / 1e9:.1f} GB"
        print(f"- {setting}: measured {measured}; {extrapolated}", flush=True)
    for gigabytes in GIGABYTES:
        print(f"\nThe largest batch in {gigabytes} GB, extrapolated:\n", *table(fits, gigabytes), sep="\n")


if __name__ == "__main__":
    define_flags()
    run_program(main)
