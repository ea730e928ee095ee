"""A head's answers for a set of examples."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from bert_tf.data.batches import batch_dataset, evaluation_order
from bert_tf.data.features import Features
from bert_tf.devices import Devices
from bert_tf.modeling.heads import Batch, Head, ProductWeights


def predict(
    head: Head,
    features: Features,
    batch_size: int,
    devices: Devices,
    progress: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """Computes the head's answer for each example.

    Examples of similar length share a batch. Rows of padding fill the last batch and the replicas' shares.

    Args:
        head: the encoder and its head.
        features: the examples.
        batch_size: examples a step, over all replicas; rounded up to a multiple of their number.
        devices: where to compute.
        progress: is called after each batch with the number of examples done so far.

    Returns:
        [examples, ...], in the order of `features`. Answers of different lengths are padded with zeros at their end.
    """
    order = evaluation_order(features.lengths, -(-batch_size // devices.num_replicas) * devices.num_replicas)

    def make_dataset(num_replicas: int, replicas: range) -> tf.data.Dataset:
        return batch_dataset(features, order, devices.is_tpu, num_replicas, replicas)

    def answers(batch: Batch, weights: ProductWeights) -> tf.Tensor:
        return head.answers(head(batch, weights=weights))

    @tf.function(autograph=False)
    def next_answers(
        batches: tf.data.Iterator | tf.distribute.DistributedIterator, weights: ProductWeights
    ) -> tf.Tensor:
        return devices.strategy.gather(devices.strategy.run(answers, (batches.get_next(), weights)), axis=0)

    batches = iter(devices.distribute(make_dataset))
    weights = devices.strategy.run(tf.function(head.encoder.product_weights, autograph=False))
    found, done = [], 0
    for rows in order:
        real = rows >= 0
        found.append(next_answers(batches, weights).numpy()[real])
        done += len(found[-1])
        progress(done)
    return _in_order(found, order[order >= 0])


def _in_order(batches: Sequence[np.ndarray], order: np.ndarray) -> np.ndarray:
    """Puts the rows of all batches at the places that `order` gives, padded with zeros to the largest shape."""
    shape = np.max([batch.shape[1:] for batch in batches], axis=0).astype(int)
    result = np.zeros([len(order), *shape], batches[0].dtype)
    start = 0
    for batch in batches:
        places = order[start : start + len(batch)]
        result[(places, *map(slice, batch.shape[1:]))] = batch
        start += len(batch)
    return result
