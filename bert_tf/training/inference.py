"""A head's answers for a set of examples."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from bert_tf.data.batches import batch_dataset, evaluation_order
from bert_tf.data.features import Features
from bert_tf.devices import Devices, has_only_cpus
from bert_tf.modeling.heads import Batch, Head, ProductWeights

# A CPU is faster with larger batches than the original's 8, and the size does not change the answers.
_CPU_BATCH_SIZE = 32


def inference_batch_size(asked: int, num_examples: int) -> int:
    """Returns the number of examples to compute at a time, of those that the flags ask for."""
    batch_size = min(asked, num_examples)
    return max(batch_size, _CPU_BATCH_SIZE) if has_only_cpus() else batch_size


class Inference:
    """Computes a head's answers for a set of examples, as often as asked: graph and data set are made once.

    Examples of similar length share a batch. Rows of padding fill the last batch and the replicas' shares.

    Args:
        head: the encoder and its head.
        features: the examples.
        batch_size: examples a step, over all replicas; rounded up to a multiple of their number.
        devices: where to compute.
    """

    def __init__(self, head: Head, features: Features, batch_size: int, devices: Devices):
        self._head = head
        self._strategy = devices.strategy
        self._order = evaluation_order(features.lengths, -(-batch_size // devices.num_replicas) * devices.num_replicas)

        def make_dataset(num_replicas: int, replicas: range) -> tf.data.Dataset:
            groups = devices.attention_groups(features.lengths.max())
            shares = num_replicas, replicas
            return batch_dataset(features, self._order, devices.is_tpu, *shares, attention_groups=groups)

        self._dataset = devices.distribute(make_dataset)
        self._product_weights = tf.function(head.encoder.product_weights, autograph=False)

    def answers(self, progress: Callable[[int], None] = lambda done: None) -> np.ndarray:
        """Computes the answer of the head, as it is now, for each example.

        Args:
            progress: is called after each batch with the number of examples done so far.

        Returns:
            [examples, ...], in the order of the features. Answers of different lengths are padded with zeros at their
            end.
        """
        batches = iter(self._dataset)
        weights = self._strategy.run(self._product_weights)
        found, done = [], 0
        for rows in self._order:
            real = rows >= 0
            found.append(self._next_answers(batches, weights).numpy()[real])
            done += len(found[-1])
            progress(done)
        return _in_order(found, self._order[self._order >= 0])

    @tf.function(autograph=False)
    def _next_answers(
        self, batches: tf.data.Iterator | tf.distribute.DistributedIterator, weights: ProductWeights
    ) -> tf.Tensor:
        answers = self._strategy.run(self._answers, (batches.get_next(), weights))
        return self._strategy.gather(answers, axis=0)

    def _answers(self, batch: Batch, weights: ProductWeights) -> tf.Tensor:
        return self._head.answers(self._head(batch, weights=weights))


def predict(
    head: Head,
    features: Features,
    batch_size: int,
    devices: Devices,
    progress: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """Computes the head's answer for each example once; see `Inference`."""
    return Inference(head, features, batch_size, devices).answers(progress)


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
