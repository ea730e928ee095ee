"""The original's optimizer and learning rate (`optimization.py` of the original).

One update of a model:

    schedule = WarmupPolynomialDecay(5e-5, num_train_steps=343, num_warmup_steps=34)
    optimizer = AdamWeightDecayOptimizer(model.variables_by_name)
    optimizer.apply_gradients(gradients, schedule(tf.identity(optimizer.global_step)))
"""

import re
from collections.abc import Iterable, Mapping

import tensorflow as tf

# Parameters that are not decayed: the original's create_optimizer.
EXCLUDE_FROM_WEIGHT_DECAY = ("LayerNorm", "layer_norm", "bias")
CLIP_NORM = 1.0

_FIRST_LOSS_SCALE = 2.0**15
_STEPS_BEFORE_GROWTH = 2000


class WarmupPolynomialDecay:
    """Linear warm-up from 0, then linear decay to 0: the original's `create_optimizer`.

    Under the Estimator the original's update k, counted from 0, has the rate of step k: with warm-up the rate of the
    first update is 0.

    Args:
        learning_rate: the rate at the end of warm-up.
        num_train_steps: the step at which the rate reaches 0.
        num_warmup_steps: steps of warm-up; 0 for none.

    Example:
        >>> schedule = WarmupPolynomialDecay(1.0, num_train_steps=10, num_warmup_steps=4)
        >>> [round(float(schedule(step)), 6) for step in (0, 1, 4, 10)]
        [0.0, 0.25, 0.6, 0.0]
    """

    def __init__(self, learning_rate: float, num_train_steps: int, num_warmup_steps: int):
        self.learning_rate = learning_rate
        self.num_train_steps = num_train_steps
        self.num_warmup_steps = num_warmup_steps

    def __call__(self, step: tf.Tensor | int) -> tf.Tensor:
        """Returns the learning rate of update `step`, counted from 0; float32 []."""
        step = tf.cast(step, tf.float32)
        # As in the original, the decay is counted from step 0 and not from the end of warm-up. So the rate does not
        # quite reach its peak, and drops by the warm-up's share there.
        decayed = self.learning_rate * (1.0 - tf.minimum(step / self.num_train_steps, 1.0))
        if not self.num_warmup_steps:
            return decayed
        warming = self.learning_rate * step / self.num_warmup_steps
        return tf.where(step < self.num_warmup_steps, warming, decayed)


def layerwise_rates(names: Iterable[str], num_layers: int, decay: float) -> dict[str, float]:
    """Returns the factor of each variable's learning rate in layerwise decay (Zhang et al. 2021, section 2).

    Head, pooler and the top layer have the factor 1; each layer below has that of the layer above times `decay`, and
    the embeddings have the smallest.

    Example:
        >>> names = ["output_bias", "bert/encoder/layer_1/output/dense/bias", "bert/embeddings/word_embeddings"]
        >>> layerwise_rates(names, num_layers=2, decay=0.5)
        {'output_bias': 1.0, 'bert/encoder/layer_1/output/dense/bias': 1.0, 'bert/embeddings/word_embeddings': 0.25}
    """
    return {name: decay ** _layers_above(name, num_layers) for name in names}


def _layers_above(name: str, num_layers: int) -> int:
    if name.startswith("bert/embeddings/"):
        return num_layers
    layer = re.match(r"bert/encoder/layer_(\d+)/", name)
    return num_layers - 1 - int(layer[1]) if layer else 0


class AdamWeightDecayOptimizer(tf.Module):
    """Adam with decoupled weight decay and gradient clipping: the original's optimizer of that name.

    It differs from the original in one point, which can be switched off: Adam's bias correction (Kingma and Ba 2015,
    algorithm 1). Without it runs on small tasks sometimes fail (Zhang et al. 2021, arXiv 2006.05987, section 4).

    Args:
        variables_by_name: the variables to train, under the original's names. The names decide which are decayed.
        weight_decay: decay per unit of learning rate.
        bias_correction: False gives the original's update.
        dynamic_loss_scale: for float16: the loss is scaled up so that small gradients do not become 0. A step whose
            gradients overflow is skipped and halves the scale (Micikevicius et al. 2018, section 3.2).
        rates: factors of the learning rate, by name; those that are not named have 1. See `layerwise_rates`.

    Attributes:
        global_step: int64 [], the number of calls of `apply_gradients`.
        state_by_name: everything that a checkpoint needs so that training resumes bit by bit; the moments have the
            original's names (`.../adam_m`, `.../adam_v`).
    """

    def __init__(
        self,
        variables_by_name: dict[str, tf.Variable],
        weight_decay: float = 0.01,
        bias_correction: bool = True,
        dynamic_loss_scale: bool = False,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-6,
        rates: Mapping[str, float] | None = None,
    ):
        super().__init__()
        self._variables = variables_by_name
        self._weight_decay = weight_decay
        self._bias_correction = bias_correction
        self._dynamic_loss_scale = dynamic_loss_scale
        self._rates = rates or {}
        self._beta_1, self._beta_2, self._epsilon = beta_1, beta_2, epsilon
        self._m = {name: _zeros_like(variable) for name, variable in variables_by_name.items()}
        self._v = {name: _zeros_like(variable) for name, variable in variables_by_name.items()}
        self.global_step = tf.Variable(0, dtype=tf.int64, trainable=False, name="global_step")
        self.loss_scale = tf.Variable(_FIRST_LOSS_SCALE if dynamic_loss_scale else 1.0, trainable=False)
        self._good_steps = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.state_by_name = {
            "global_step": self.global_step,
            "training/loss_scale": self.loss_scale,
            "training/loss_scale_good_steps": self._good_steps,
            **{f"{name}/adam_m": slot for name, slot in self._m.items()},
            **{f"{name}/adam_v": slot for name, slot in self._v.items()},
        }

    def apply_gradients(
        self,
        gradients: dict[str, tf.Tensor | tf.IndexedSlices],
        learning_rate: tf.Tensor,
        norm: tf.Tensor | None = None,
    ) -> None:
        """Makes one update.

        Args:
            gradients: of the loss times `loss_scale`, summed over replicas, under the names of the variables. A
                variable without a gradient is neither updated nor decayed, as in the original.
            learning_rate: float32 [].
            norm: the global norm of the gradients, float32 []; by default it is computed from them.
        """
        if self._dynamic_loss_scale:
            gradients = {name: _divide(gradient, self.loss_scale) for name, gradient in gradients.items()}
            norm = None if norm is None else norm / self.loss_scale
        norm = tf.linalg.global_norm(list(gradients.values())) if norm is None else norm
        if self._dynamic_loss_scale:
            finite = tf.math.is_finite(norm)
            tf.cond(finite, lambda: self._update(gradients, norm, learning_rate), tf.no_op)
            self._adapt_loss_scale(finite)
        else:
            self._update(gradients, norm, learning_rate)
        self.global_step.assign_add(1)

    def _update(self, gradients: dict, norm: tf.Tensor, learning_rate: tf.Tensor) -> tf.Operation:
        clipped = clipped_gradients(gradients, norm)
        # Decay after the gradients: otherwise TensorFlow computes the decayed copies first and keeps them through the
        # step.
        with tf.control_dependencies([norm]):
            self._decay(gradients, learning_rate)
        settings = self._adam_settings()
        updates = []
        for name, gradient in clipped.items():
            variable = self._variables[name]
            # One fused pass over the variable: a third of the time of Keras' AdamW on two CPU cores.
            update = tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=self._m[name].handle,
                v=self._v[name].handle,
                grad=gradient,
                lr=self._rate(name, learning_rate),
                **settings,
            )
            updates.append(update)
        return tf.group(updates)

    def _decay(self, names: Iterable[str], learning_rate: tf.Tensor) -> None:
        if self._weight_decay:
            for name in names:
                if not is_excluded(name):
                    variable = self._variables[name]
                    variable.assign_sub(self._rate(name, learning_rate) * self._weight_decay * variable)

    def _rate(self, name: str, learning_rate: tf.Tensor) -> tf.Tensor:
        factor = self._rates.get(name, 1.0)
        return learning_rate if factor == 1.0 else learning_rate * factor

    def _adam_settings(self) -> dict[str, tf.Tensor]:
        """Returns the settings of an update, as tensors that all variables share."""
        step = tf.cast(self.global_step + 1, tf.float32)
        beta_1, beta_2 = tf.constant(self._beta_1), tf.constant(self._beta_2)
        beta_2_power = tf.pow(beta_2, step) if self._bias_correction else tf.constant(0.0)
        return {
            "beta1": beta_1,
            "beta2": beta_2,
            "beta1_power": tf.pow(beta_1, step) if self._bias_correction else tf.constant(0.0),
            "beta2_power": beta_2_power,
            # The kernel adds epsilon to the uncorrected root, and algorithm 1 of the paper to the corrected one.
            "epsilon": self._epsilon * tf.sqrt(1.0 - beta_2_power),
        }

    def _adapt_loss_scale(self, finite: tf.Tensor) -> None:
        good_steps = tf.where(finite, self._good_steps + 1, 0)
        grow = good_steps >= _STEPS_BEFORE_GROWTH
        self._good_steps.assign(tf.where(grow, tf.zeros_like(good_steps), good_steps))
        factor = tf.where(finite, tf.where(grow, 2.0, 1.0), 0.5)
        self.loss_scale.assign(tf.maximum(self.loss_scale * factor, 1.0))


def _zeros_like(variable: tf.Variable) -> tf.Variable:
    return tf.Variable(tf.zeros(variable.shape, variable.dtype), trainable=False)


def clipped_gradients(gradients: dict[str, tf.Tensor | tf.IndexedSlices], norm: tf.Tensor) -> dict[str, tf.Tensor]:
    """Scales gradients down so that their global norm, `norm`, is at most `CLIP_NORM`; returns them as dense tensors.

    Example:
        >>> float(clipped_gradients({"bias": tf.constant([3.0])}, norm=tf.constant(6.0))["bias"][0])
        0.5
    """
    clipped, _ = tf.clip_by_global_norm(list(gradients.values()), CLIP_NORM, use_norm=norm)
    return {name: tf.convert_to_tensor(gradient) for name, gradient in zip(gradients, clipped, strict=True)}


def is_excluded(name: str) -> bool:
    """Returns True for a variable that is not decayed: those of LayerNorm, and biases.

    Example:
        >>> is_excluded("bert/pooler/dense/bias"), is_excluded("bert/pooler/dense/kernel")
        (True, False)
    """
    return any(re.search(pattern, name) for pattern in EXCLUDE_FROM_WEIGHT_DECAY)


def _divide(gradient: tf.Tensor | tf.IndexedSlices, divisor: tf.Variable) -> tf.Tensor | tf.IndexedSlices:
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(gradient.values / divisor, gradient.indices, gradient.dense_shape)
    return gradient / divisor
