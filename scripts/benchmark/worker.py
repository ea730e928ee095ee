"""Our worker: a process that does one job, see `JOBS`, with the same code as run_classifier.py."""

import dataclasses
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

import bert_tf.training.run as training_run
from bert_tf.checkpoints.catalogue import DEFAULT_CHECKPOINT
from bert_tf.checkpoints.download import fetch
from bert_tf.checkpoints.formats import write_checkpoint
from bert_tf.data.batches import batch_dataset, training_order
from bert_tf.data.examples import InputExample
from bert_tf.data.features import Features, convert_examples_to_features
from bert_tf.data.processors import MrpcProcessor
from bert_tf.data.squad_examples import read_squad_examples
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.data.tsv import read_raw_tsv
from bert_tf.data.windows import convert_examples_to_features as convert_questions
from bert_tf.devices import Devices, create_devices
from bert_tf.errors import UserError
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.flops import forward_flops, training_flops
from bert_tf.modeling.fusion import is_fusing
from bert_tf.modeling.heads import ClassificationHead, Head, SpanHead
from bert_tf.modeling.pretraining_head import PretrainingHead
from bert_tf.programs import run_classifier
from bert_tf.streams import hide_start_up_messages
from bert_tf.training.config import TrainingConfig
from bert_tf.training.efficiency import device_peak, peak_memory_bytes
from bert_tf.training.inference import predict
from bert_tf.training.loop import Training
from bert_tf.training.model import POLICIES
from bert_tf.training.output_dir import OutputDir
from comparisons import QUESTIONS_LENGTH, predictions_of
from exports import write_models_and_texts
from serving import serve

LENGTHS = (16, 32, 64, 128)
# The names of the targets of each head.
TARGETS = {
    "classes": ("label_ids",),
    "spans": ("ends",),
    "masks": ("masked_lm_positions", "masked_lm_ids", "masked_lm_weights", "next_sentence_labels"),
}
TOKENS_OF_A_BATCH = 2048
# With 12 batches this is three epochs of MRPC.
_ROUNDS_OF_PADDING = 30

# The facts of a job, and a function that measures it once; None if it has nothing to repeat.
Prepared = tuple[dict, Callable[[], dict] | None]


def clock(work: Callable[[], object]) -> dict:
    """Does work; returns its seconds, and the peak memory of this process so far."""
    started = time.perf_counter()
    work()
    return {"seconds": time.perf_counter() - started, "memory": peak_memory_bytes()}


def vocab_file() -> Path:
    """Returns BERT's uncased vocabulary, from the small checkpoint."""
    return fetch(DEFAULT_CHECKPOINT) / "vocab.txt"


# Examples and models as files.


def write_examples(job: dict) -> Prepared:
    """Writes the tokenized training set in random order, so that any part of it resembles the whole."""
    features = read_corpus(job)
    order = training_order(len(features), len(features), 1, seed=0)[0]
    np.savez(
        job["path"],
        input_ids=tf.gather(features.input_ids, order).values,
        type_ids=tf.gather(features.type_ids, order).values,
        lengths=features.lengths[order],
        label_ids=tf.gather(features.targets["label_ids"], order),
    )
    return {"examples": len(features)}, None


def read_corpus(job: dict) -> Features:
    """Reads and tokenizes the training set."""
    examples = MrpcProcessor().get_train_examples(job["data_dir"])
    return to_features(examples, job["max_seq_length"])


def to_features(examples: list[InputExample], max_seq_length: int) -> Features:
    """Tokenizes examples of two classes."""
    tokenizer = FullTokenizer(str(vocab_file()), do_lower_case=True)
    return convert_examples_to_features(examples, ["0", "1"], max_seq_length, tokenizer)


def write_windows(job: dict) -> Prepared:
    """Writes the windows of questions to train on in random order, as `write_examples` does."""
    examples = read_squad_examples(job["squad"], is_training=True, version_2_with_negative=False).examples
    windows = convert_questions(
        examples, FullTokenizer(str(vocab_file())), QUESTIONS_LENGTH, 128, 64, is_training=True, pad_to_max_length=False
    )
    order = training_order(len(windows), len(windows), 1, seed=0)[0]
    batch = {
        name: tensor.numpy() for name, tensor in windows.padded_batch(tf.constant(order), QUESTIONS_LENGTH).items()
    }
    real = batch["input_mask"] > 0
    np.savez(
        job["path"],
        input_ids=batch["input_word_ids"][real],
        type_ids=batch["input_type_ids"][real],
        lengths=real.sum(axis=1),
        ends=batch["ends"],
    )
    return {"examples": len(windows)}, None


def read_features(job: dict) -> Features:
    """Reads the examples that both sides get."""
    arrays = np.load(job["path"])
    lengths, targets = arrays["lengths"], TARGETS[job["head"]]
    return Features(
        input_ids=tf.RaggedTensor.from_row_lengths(arrays["input_ids"], lengths),
        type_ids=tf.RaggedTensor.from_row_lengths(arrays["type_ids"], lengths),
        targets={target: tf.constant(arrays[target]) for target in targets},
        max_seq_length=job["max_seq_length"],
    )


def write_model(job: dict) -> Prepared:
    """Writes a folder like an official checkpoint, with random weights."""
    folder = Path(job["folder"])
    folder.mkdir()
    config = BertConfig(**job["config"])
    (folder / "bert_config.json").write_text(config.to_json_string(), encoding="utf-8")
    shutil.copyfile(vocab_file(), folder / "vocab.txt")
    write_checkpoint(folder / "bert_model.ckpt", BertEncoder(config).variables_by_name)
    return {}, None


# The measurements.


def prepare_devices() -> Devices:
    """Prepares this process as run_classifier.py does, and returns its devices."""
    tf.config.experimental.enable_op_determinism()
    hide_start_up_messages()
    return create_devices(None)


def make_head(job: dict, devices: Devices) -> Head:
    """Creates a model with random weights."""
    mixed_precision = "none" if job["dtype"] == "float32" else job["dtype"]
    with devices.scope():
        encoder = BertEncoder(BertConfig(**job["config"]), dtype=POLICIES[mixed_precision])
        if job["head"] == "spans":
            return SpanHead(encoder, seed=0, masks_padding=True)
        if job["head"] == "masks":
            predictions = predictions_of(job["max_seq_length"])
            return PretrainingHead(encoder, 0, with_next_sentence=False, max_predictions_per_seq=predictions)
        return ClassificationHead(encoder, num_labels=2, seed=0)


def make_training(job: dict, steps: int) -> Training:
    """Creates a training with the defaults of run_classifier.py."""
    config = TrainingConfig(train_batch_size=job["batch_size"], learning_rate=5e-5)
    devices = prepare_devices()
    return Training(make_head(job, devices), config, steps, devices)


def train(job: dict) -> Prepared:
    """Prepares epochs of training, each in another order."""
    features = read_features(job)
    steps = len(features) // job["batch_size"]
    training = make_training(job, steps * (job["repetitions"] + 1))  # one more epoch, to warm up
    order = training.order(len(features))
    batches = training.batches(features, order)
    training.compile_ahead(batches, features, order).join()

    def epoch() -> None:
        losses = [training.train_step(batches) for _ in range(steps)]
        losses[-1].numpy()

    head = training.head
    flops = training_flops(head.encoder.config, features.lengths, head.positions, head.flops_of_a_row)
    return {**count(features), "flops": flops}, lambda: clock(epoch)


def count(features: Features) -> dict:
    """Counts the examples and their real tokens."""
    return {"examples": len(features), "tokens": int(features.lengths.sum())}


def infer(job: dict) -> Prepared:
    """Prepares the prediction of all examples, timed from the second batch on, because the first one builds the graph.

    A batch of copies of the shortest example comes first, so that all examples are timed.
    """
    devices, features = prepare_devices(), read_features(job)
    head = make_head(job, devices)
    rows = [int(features.lengths.argmin())] * job["batch_size"] + list(range(len(features)))
    with_first = dataclasses.replace(
        features,
        input_ids=tf.gather(features.input_ids, rows),
        type_ids=tf.gather(features.type_ids, rows),
        targets={name: tf.gather(target, rows) for name, target in features.targets.items()},
    )

    def measure() -> dict:
        done_at: list[float] = []
        started = time.perf_counter()
        predict(head, with_first, job["batch_size"], devices, lambda done: done_at.append(time.perf_counter()))
        return {"seconds": done_at[-1] - done_at[0], "first_batch_seconds": done_at[0] - started}

    flops = forward_flops(head.encoder.config, features.lengths, head.positions)
    return {**count(features), "flops": flops}, measure


def measure_peak(job: dict) -> Prepared:
    """Prepares the measurement of the machine's matrix products."""

    def measure() -> dict:
        device_peak.cache_clear()
        return {"flops_per_second": device_peak(job["dtype"]).flops_per_second}

    return {}, measure


def measure_input(job: dict) -> Prepared:
    """Prepares tokenizing and then padding of as many batches as a repetition of training has.

    A run builds its data set once, and so does this: it pads the batches many times and returns the mean.
    """
    size, steps = job["batch_size"], job["batches"]
    examples = MrpcProcessor().get_train_examples(job["data_dir"])[: size * steps]
    tokenizer = FullTokenizer(str(vocab_file()), do_lower_case=True)
    features = read_features(job)
    order = training_order(len(features), size, steps * _ROUNDS_OF_PADDING, seed=0)

    def measure() -> dict:
        tokenized = clock(lambda: convert_examples_to_features(examples, ["0", "1"], job["max_seq_length"], tokenizer))
        batched = clock(lambda: sum(1 for _ in batch_dataset(features, order, few_row_counts=is_fusing())))
        return {"tokenizing": tokenized["seconds"], "batching": batched["seconds"] / _ROUNDS_OF_PADDING}

    return {}, measure


def tokenize(job: dict) -> Prepared:
    """Prepares the tokenizing of all sentences of SST-2's train.tsv."""
    rows = read_raw_tsv(Path(job["sst2"]))[1:]
    examples = [InputExample("", row.fields[0], label="0") for row in rows]
    return {"examples": len(examples)}, lambda: clock(lambda: to_features(examples, job["max_seq_length"]))


def train_on_lengths(job: dict) -> Prepared:
    """Prepares training on random tokens: examples of several lengths, with the same number of tokens in a batch."""
    training = make_training(job, steps=10_000)
    vocab_size, steps = job["config"]["vocab_size"], max(1, job["batches"] // 2)
    sources = {}
    for length in LENGTHS:
        size = TOKENS_OF_A_BATCH // length
        ids = tf.random.stateless_uniform([size, length], [0, 0], 0, vocab_size, tf.int32)
        ids = tf.RaggedTensor.from_tensor(ids)
        features = Features(ids, ids % 2, {"label_ids": tf.range(size) % 2}, job["max_seq_length"])
        order = np.tile(np.arange(size), [steps * (job["repetitions"] + 1), 1])
        sources[length] = training.batches(features, order)

    def steps_of(batches: Iterator) -> None:
        losses = [training.train_step(batches) for _ in range(steps)]
        losses[-1].numpy()

    def measure() -> dict:
        return {"seconds": {length: clock(lambda b=b: steps_of(b))["seconds"] for length, b in sources.items()}}

    return {"tokens": TOKENS_OF_A_BATCH * steps}, measure


class _EnoughError(Exception):
    """Ends a training after the steps that are measured."""


def start(job: dict) -> Prepared:
    """Runs run_classifier.py for some steps; returns when each was done, in seconds since 1970, and its real tokens."""
    found: dict[str, list] = {"steps_done_at": [], "step_tokens": []}

    class WatchedTraining(Training):
        def run(self, features: Features, output_dir: OutputDir, *_: object) -> None:
            order = self.order(len(features))

            def note(step: int, loss: float) -> None:
                found["steps_done_at"].append(time.time())
                found["step_tokens"].append(int(features.lengths[order[step - 1]].sum()))
                if step == min(job["steps"], self.num_train_steps):
                    raise _EnoughError

            super().run(features, output_dir, progress=note)

    training_run.Training = WatchedTraining
    sys.argv = ["run_classifier.py", *job["flags"]]
    try:
        run_classifier.run_main()
    except _EnoughError:
        return {**found, "memory": peak_memory_bytes()}, None


JOBS: dict[str, Callable[[dict], Prepared]] = {
    "examples": write_examples,
    "windows": write_windows,
    "checkpoint": write_model,
    "training": train,
    "inference": infer,
    "peak": measure_peak,
    "input": measure_input,
    "tokenize": tokenize,
    "lengths": train_on_lengths,
    "start": start,
    "exports": lambda job: write_models_and_texts(job, vocab_file()),
}

if __name__ == "__main__":
    serve(lambda job: JOBS[job["kind"]](job), (UserError,))
