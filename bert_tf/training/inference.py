"""A model's probabilities for a set of examples, and what they are worth."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from bert_tf.data.batches import batch_dataset, evaluation_order
from bert_tf.data.features import Features
from bert_tf.devices import distribute, is_tpu
from bert_tf.modeling.heads import BertClassifier
from bert_tf.tasks import metrics


def predict(
    model: BertClassifier,
    features: Features,
    batch_size: int,
    strategy: tf.distribute.Strategy,
    progress: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """Computes the probability of each class for each example.

    Examples of like length share a batch; the last batch and the replicas' shares are filled up with rows
    that do not count.

    Args:
        model: the classifier.
        features: the examples.
        batch_size: examples a step, over all replicas; rounded up to a multiple of their number.
        strategy: where to compute.
        progress: called after each batch with the number of examples done so far.

    Returns:
        float32 [examples, classes], in the order of `features`.
    """
    replicas = strategy.num_replicas_in_sync
    order = evaluation_order(features.lengths, -(-batch_size // replicas) * replicas)

    def make_dataset(num_replicas: int, here: range) -> tf.data.Dataset:
        return batch_dataset(features, order, is_tpu(strategy), num_replicas, here)

    def probabilities(batch: dict[str, tf.Tensor], weights: dict[str, tuple[tf.Tensor, tf.Tensor]]) -> tf.Tensor:
        return tf.nn.softmax(model(batch, weights=weights))

    @tf.function(autograph=False)
    def next_probabilities(
        batches: tf.data.Iterator | tf.distribute.DistributedIterator, weights: dict[str, tuple[tf.Tensor, tf.Tensor]]
    ) -> tf.Tensor:
        return strategy.gather(strategy.run(probabilities, (batches.get_next(), weights)), axis=0)

    result = np.zeros([len(features), model.num_labels], np.float32)
    batches = iter(distribute(strategy, make_dataset))
    weights = strategy.run(tf.function(model.encoder.product_weights, autograph=False))
    done = 0
    for rows in order:
        real = rows >= 0
        result[rows[real]] = next_probabilities(batches, weights).numpy()[real]
        done += int(real.sum())
        progress(done)
    return result


def evaluate(
    probabilities: np.ndarray, label_ids: np.ndarray, metric_names: Sequence[str], batch_size: int
) -> dict[str, float]:
    """The original's evaluation: `eval_accuracy`, `eval_loss`, `loss`, and what else the task asks for.

    Args:
        probabilities: float [examples, classes].
        label_ids: int [examples].
        metric_names: of `metrics.METRICS`.
        batch_size: shapes only `loss`, see `metrics.mean_of_batches`.
    """
    losses = metrics.per_example_loss(probabilities, label_ids)
    predictions = probabilities.argmax(axis=1)
    scores = {f"eval_{name}": metrics.METRICS[name](label_ids, predictions) for name in metric_names}
    return {**scores, "eval_loss": float(losses.mean()), "loss": metrics.mean_of_batches(losses, batch_size)}


def speed(prefix: str, seconds: float, examples: int, steps: int) -> dict[str, float]:
    """`PREFIX_runtime` in seconds, `PREFIX_samples_per_second` and `PREFIX_steps_per_second`."""
    return {
        f"{prefix}_runtime": seconds,
        f"{prefix}_samples_per_second": examples / seconds,
        f"{prefix}_steps_per_second": steps / seconds,
    }
