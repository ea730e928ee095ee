"""LAMB, the optimizer for large batches (You et al. 2020, arXiv 1904.00962, algorithm 2).

optimizer = LambOptimizer(model.variables_by_name)
optimizer.apply_gradients(gradients, learning_rate)
"""

import tensorflow as tf

from bert_tf.training.optimization import AdamWeightDecayOptimizer, clipped_gradients, is_excluded


class LambOptimizer(AdamWeightDecayOptimizer):
    """Adam whose update of each variable is scaled to the norm of the variable.

    It computes what `official.modeling.optimization.lamb.LAMB` of the Model Garden does, after the clipping of all
    optimizers here. That class keeps its moments under Keras' names and knows no loss scale, so the state of its
    checkpoints would be another one than that of `AdamWeightDecayOptimizer`. Here both have the same.

    Variables that are not decayed are not scaled either: LayerNorm and biases. Arguments and attributes are those of
    `AdamWeightDecayOptimizer`.
    """

    def _update(self, gradients: dict, norm: tf.Tensor, learning_rate: tf.Tensor) -> tf.Operation:
        settings = self._adam_settings()
        updates = [
            self._update_variable(name, gradient, self._rate(name, learning_rate), settings)
            for name, gradient in clipped_gradients(gradients, norm).items()
        ]
        return tf.group(updates)

    def _update_variable(
        self, name: str, gradient: tf.Tensor, rate: tf.Tensor, settings: dict[str, tf.Tensor]
    ) -> tf.Operation:
        variable = self._variables[name]
        beta_1, beta_2 = settings["beta1"], settings["beta2"]
        m = self._m[name].assign(beta_1 * self._m[name] + (1.0 - beta_1) * gradient)
        v = self._v[name].assign(beta_2 * self._v[name] + (1.0 - beta_2) * tf.square(gradient))
        m_hat = m / (1.0 - settings["beta1_power"])
        v_hat = v / (1.0 - settings["beta2_power"])
        update = m_hat / (tf.sqrt(v_hat) + self._epsilon)
        if not is_excluded(name):
            update += self._weight_decay * variable
            update *= _trust_ratio(variable, update)
        return variable.assign_sub(rate * update)


def _trust_ratio(variable: tf.Variable, update: tf.Tensor) -> tf.Tensor:
    """Returns the norm of the variable by that of its update; 1 if one of them is 0."""
    ratio = tf.math.divide_no_nan(tf.norm(variable), tf.norm(update))
    return tf.where(ratio > 0, ratio, 1.0)
