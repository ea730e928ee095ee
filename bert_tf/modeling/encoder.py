"""BERT as a Keras encoder.

The variables are those of the Model Garden's `BertEncoderV2`, so that its checkpoints and exports stay readable. The
arithmetic is written here in plain operations: measured on two CPU cores (BERT-base, batch 32 x 64, every token real,
the same optimizer), a training step with the Model Garden's blocks takes 1.33 times as long in float32 and 2.2 times
in bfloat16, and it computes padding as well. The tests compare with `BertEncoderV2`.

    config = BertConfig.from_json_file("uncased_L-12_H-768_A-12/bert_config.json")
    encoder = BertEncoder(config)
    outputs = encoder({"input_word_ids": ids, "input_mask": mask, "input_type_ids": segments})
    outputs["sequence_output"]  # [batch, length, hidden]
"""

import dataclasses
import functools
import random
from collections.abc import Sequence

import tensorflow as tf
import tf_keras
from official.nlp.modeling.networks.bert_encoder import BertEncoderV2
from tensorflow.python.saved_model import save_context

from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.construction import float32_policy, initial_values, truncated_normal
from bert_tf.modeling.fusion import is_fusing
from bert_tf.modeling.layout import Layout
from bert_tf.modeling.names import original_name
from bert_tf.modeling.operations import (
    ACTIVATIONS,
    TRAINING_ACTIVATIONS,
    add_bias,
    dropout,
    dropout_add_norm,
    layer_norm,
)

_INPUTS = ("input_word_ids", "input_mask", "input_type_ids")
_DROPOUTS_OF_LAYER = 3
_UNSUPPORTED_INPUTS = ("input_word_embeddings", "dense_inputs", "dense_mask", "dense_type_ids")


def _zeros(name: str, shape: tf.TensorShape) -> tf.Tensor:
    return tf.zeros(shape)


def _fresh_dropout_seed() -> tf.Tensor:
    """Draws a dropout seed, int32 [2]: another one at each call and at each step of a graph.

    A stateful operation draws it, as in `tf_keras.layers.Dropout`: it follows `tf_keras.utils.set_random_seed`, each
    replica of a strategy has its own, and no variable is added to the model.
    """
    return tf.random.uniform([2], tf.int32.min, tf.int32.max, tf.int32)


def _dense(x: tf.Tensor, kernel_and_bias: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
    kernel, bias = kernel_and_bias
    return add_bias(tf.matmul(x, kernel), bias)


class _DropoutSeeds:
    """Gives each dropout of one forward pass its own seed, in the order of the model."""

    def __init__(self, seeds: Sequence[tf.Tensor] | None):
        self.training = seeds is not None
        self._seeds = iter(seeds or ())

    @classmethod
    def split(cls, seed: tf.Tensor | None, count: int) -> "_DropoutSeeds":
        return cls(None if seed is None else tf.unstack(tf.random.experimental.stateless_split(seed, count)))

    def next(self) -> tf.Tensor:
        return next(self._seeds)

    def apply(self, x: tf.Tensor, rate: float) -> tf.Tensor:
        return dropout(x, rate, self.next()) if self.training else x


@tf_keras.utils.register_keras_serializable(package="bert_tf")
class BertEncoder(BertEncoderV2):
    """BERT's encoder (Devlin et al. 2019, section 3): the original's `modeling.BertModel`.

    It takes the place of the Model Garden's `BertEncoderV2` in Keras models: `fit`, `trainable`, `model.save` and the
    Model Garden's heads work on it. All variables exist once it is constructed.

    Args:
        config: the shape of the model.
        dtype: a Keras policy: `"float32"`, `"mixed_bfloat16"` or `"mixed_float16"`. Variables, layer
            normalization, the pooler and the outputs that are not per token are float32 in all three. Keras' global
            policy has no effect.
        name: the layer's name.
        seed: of the random initial weights. Each variable's values are a pure function of `seed` and its name.
            Without a seed one is drawn as Keras draws its seeds, so that it follows
            `tf_keras.utils.set_random_seed`; with one, no random number of the caller is used.
        initializer: `"random"` draws the initial weights as the original does; `"zeros"` saves that time if the
            weights are set right after.
        fuse: whether graphs may hold what is compiled for this machine, see `fuses`; None asks `fusion.is_fusing`.
            It can be set later, for graphs that are traced from then on.
        recompute: whether training keeps only the input of each layer and computes the layer again in the backward
            pass (Chen et al. 2016, arXiv 1604.06174): the same gradients, bit by bit, with less memory and in more
            time. It can be set later, as `fuse` can.
        trainable: see `tf_keras.layers.Layer`.

    Example:
        >>> encoder = BertEncoder(BertConfig(vocab_size=100, hidden_size=8, num_attention_heads=2,
        ...                                  num_hidden_layers=1, intermediate_size=16))
        >>> ids = tf.constant([[1, 2, 3]])
        >>> inputs = {"input_word_ids": ids, "input_mask": tf.ones_like(ids), "input_type_ids": ids * 0}
        >>> encoder(inputs)["sequence_output"].shape
        TensorShape([1, 3, 8])
    """

    def __init__(
        self,
        config: BertConfig,
        dtype: str = "float32",
        name: str = "bert_encoder",
        *,
        seed: int | None = None,
        initializer: str = "random",
        fuse: bool | None = None,
        recompute: bool = False,
        trainable: bool = True,
    ):
        with float32_policy():
            super().__init__(
                vocab_size=config.vocab_size,
                hidden_size=config.hidden_size,
                num_layers=config.num_hidden_layers,
                num_attention_heads=config.num_attention_heads,
                max_sequence_length=config.max_position_embeddings,
                type_vocab_size=config.type_vocab_size,
                inner_dim=config.intermediate_size,
                inner_activation=ACTIVATIONS[config.hidden_act],
                output_dropout=config.hidden_dropout_prob,
                attention_dropout=config.attention_probs_dropout_prob,
                initializer=tf_keras.initializers.TruncatedNormal(stddev=config.initializer_range),
                dtype=dtype,
                name=name,
                trainable=trainable,
            )
            self.config = config
            self.fuse = fuse
            self.recompute = recompute
            self._create_variables(seed, initializer)

    def _create_variables(self, seed: int | None, initializer: str) -> None:
        """Runs the Model Garden's own call once on one token: it builds every sublayer."""
        if initializer == "zeros":
            make = _zeros
        elif initializer == "random":
            seed = random.randint(1, 10**9) if seed is None else seed  # noqa: S311 - as Keras draws its own seeds
            make = functools.partial(truncated_normal, seed=seed, stddev=self.config.initializer_range)
        else:
            raise ValueError(f'initializer is {initializer!r}; it must be "random" or "zeros"')
        token = tf.zeros([1, 1], tf.int32)
        with initial_values(make):
            super().call(dict.fromkeys(_INPUTS, token))
        self.built = True

    # A property, because Keras would count the variables of an attribute as the encoder's own: the sublayers that hold
    # them could not be frozen one by one.
    @functools.cached_property
    def variables_by_name(self) -> dict[str, tf.Variable]:
        """The variables under the original's names, such as `bert/encoder/layer_0/attention/self/query/kernel`.

        Query, key, value and attention output kernels have the Model Garden's shapes, a reshape of the original's.
        """
        return {original_name(variable.name.split(":")[0]): variable for variable in self.variables}

    @property
    def fuses(self) -> bool:
        """True if graphs that are traced now may hold what is compiled for this machine.

        Graphs that are traced while a SavedModel is written never do: it must work on other machines. For a concrete
        function that is traced before, such as those that convert to LiteRT, set `fuse=False`.
        """
        if save_context.in_save_context():
            return False
        return is_fusing() if self.fuse is None else self.fuse

    def get_config(self) -> dict:
        """Returns what `from_config` takes: the fields of `BertConfig` and the arguments of the layer, for Keras."""
        layer = {name: getattr(self, name) for name in ("name", "fuse", "recompute", "trainable")}
        return {**dataclasses.asdict(self.config), "dtype": self.dtype_policy.name, **layer}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "BertEncoder":
        """Makes an encoder of the same shape from `get_config()`, with new weights."""
        shape = {field.name for field in dataclasses.fields(BertConfig)}
        layer = {name: value for name, value in config.items() if name not in shape}
        return cls(BertConfig(**{name: config[name] for name in shape}), **layer)

    def call(
        self,
        inputs: dict[str, tf.Tensor],
        training: bool | None = None,
        *,
        dropout_seed: tf.Tensor | None = None,
        output_range: int | None = None,
        weights: dict[str, tuple[tf.Tensor, tf.Tensor]] | None = None,
    ) -> dict[str, tf.Tensor | list[tf.Tensor]]:
        """Encodes a batch.

        Args:
            inputs: `input_word_ids`, `input_mask` (1 for a token, 0 for padding) and `input_type_ids`, each
                int32 [batch, length]. To compute nothing for padding, also `token_rows`, int32 [rows]: the
                positions of the flattened [batch * length] to compute, ascending. It must list all tokens and the
                first position of each example, and it may list padding. The outputs at other positions are zero.
            training: True applies the dropouts of training with a fresh seed at each call. None means what Keras is
                doing: `fit` trains, `predict` and a call outside of Keras do not.
            dropout_seed: int32 [2]; applies the dropouts of training, a pure function of it, for every `training`.
            output_range: the last layer computes only the first `output_range` positions (1 is enough for a
                classifier); all of them by default.
            weights: the result of `product_weights`, if the variables have not changed since.

        Returns:
            `sequence_output` [batch, length or output_range, hidden] in the compute type; `pooled_output`
            [batch, hidden], float32; `encoder_outputs`, a list of each layer's output.

        Raises:
            ValueError: an input is missing or is not supported.
        """
        _check_inputs(inputs)
        if dropout_seed is None and training:
            dropout_seed = _fresh_dropout_seed()
        weights = self.product_weights() if weights is None else weights
        weights = {**weights, **self._norm_weights()}
        seeds = _DropoutSeeds.split(dropout_seed, 1 + _DROPOUTS_OF_LAYER * self.config.num_hidden_layers)
        layout = Layout(inputs, self.config.num_attention_heads)
        x = self._embed(inputs, layout, seeds)
        # As in the original: a padded position is not minus infinity but 10,000 less.
        attention_bias = tf.cast((1.0 - tf.cast(inputs["input_mask"], tf.float32)) * -10000.0, self.compute_dtype)
        attention_bias = tf.reshape(attention_bias, [layout.batch, 1, 1, layout.length])
        compute = self._recomputed_layer if self.recompute and seeds.training else self._transformer_layer
        encoder_outputs = []
        for layer in range(self.config.num_hidden_layers - 1):
            x = compute(layer, x, weights, layout, attention_bias, seeds)
            encoder_outputs.append(layout.to_grid(x))
        last = self.config.num_hidden_layers - 1
        x = compute(last, x, weights, layout, attention_bias, seeds, queries=output_range)
        width = self.config.hidden_size
        encoder_outputs.append(tf.reshape(x, [-1, output_range, width]) if output_range else layout.to_grid(x))
        pooled = tf.cast(encoder_outputs[-1][:, 0], tf.float32)
        pooled = tf.matmul(pooled, self._float32("pooler/dense/kernel")) + self._float32("pooler/dense/bias")
        return {
            "sequence_output": encoder_outputs[-1],
            "pooled_output": tf.tanh(pooled),
            "encoder_outputs": encoder_outputs,
        }

    def product_weights(self) -> dict[str, tuple[tf.Tensor, tf.Tensor]]:
        """Returns each dense layer's kernel [in, out] and bias [out] in the compute type.

        Query, key and value are one layer. Compute these once and pass them to `call` when the weights do not change
        between batches: much faster in bfloat16 with small batches.
        """
        weights = {}
        for layer in range(self.config.num_hidden_layers):
            scope = f"encoder/layer_{layer}"
            parts = [self._kernel_and_bias(f"{scope}/attention/self/{part}") for part in ("query", "key", "value")]
            weights[f"{scope}/attention/self"] = tuple(tf.concat(part, axis=-1) for part in zip(*parts, strict=True))
            for part in ("attention/output/dense", "intermediate/dense", "output/dense"):
                weights[f"{scope}/{part}"] = self._kernel_and_bias(f"{scope}/{part}")
        return weights

    def _kernel_and_bias(self, scope: str) -> tuple[tf.Tensor, tf.Tensor]:
        kernel, bias = (tf.cast(self._float32(f"{scope}/{leaf}"), self.compute_dtype) for leaf in ("kernel", "bias"))
        bias = tf.reshape(bias, [-1])
        return tf.reshape(kernel, [-1, bias.shape[0]]), bias

    def _float32(self, name: str) -> tf.Tensor:
        return tf.convert_to_tensor(self.variables_by_name[f"bert/{name}"])

    def _embed(self, inputs: dict[str, tf.Tensor], layout: Layout, seeds: _DropoutSeeds) -> tf.Tensor:
        """[tokens, hidden]: words, positions and types added, normalized (the paper's figure 2)."""
        word_table = self.variables_by_name["bert/embeddings/word_embeddings"]
        words = tf.gather(word_table, layout.to_rows(inputs["input_word_ids"]))
        # A product with one-hot rows, as in the original: its gradient is dense and quick for so few types.
        types = tf.one_hot(layout.to_rows(inputs["input_type_ids"]), self.config.type_vocab_size)
        types = tf.matmul(types, self._float32("embeddings/token_type_embeddings"))
        positions = self._float32("embeddings/position_embeddings")[: layout.length]
        positions = layout.to_rows(tf.repeat(tf.expand_dims(positions, 0), layout.batch, axis=0))
        gamma, beta = self._gamma_and_beta("embeddings/LayerNorm")
        x = layer_norm(words + types + positions, gamma, beta, self.config.layer_norm_eps, fuse=self.fuses)
        x = tf.cast(x, self.compute_dtype)
        return seeds.apply(x, self.config.hidden_dropout_prob)

    def _recomputed_layer(
        self,
        layer: int,
        x: tf.Tensor,
        weights: dict[str, tuple[tf.Tensor, tf.Tensor]],
        layout: Layout,
        attention_bias: tf.Tensor,
        seeds: _DropoutSeeds,
        queries: int | None = None,
    ) -> tf.Tensor:
        """Computes a layer as `_transformer_layer` does, and again in the backward pass."""
        own = {name: pair for name, pair in weights.items() if name.startswith(f"encoder/layer_{layer}/")}
        # Drawn once: both passes drop the same.
        own_seeds = [seeds.next() for _ in range(_DROPOUTS_OF_LAYER)]

        def compute(x: tf.Tensor, *tensors: tf.Tensor) -> tf.Tensor:
            weights = tf.nest.pack_sequence_as(own, tensors)
            return self._transformer_layer(layer, x, weights, layout, attention_bias, _DropoutSeeds(own_seeds), queries)

        return tf.recompute_grad(compute)(x, *tf.nest.flatten(own))

    def _transformer_layer(
        self,
        layer: int,
        x: tf.Tensor,
        weights: dict[str, tuple[tf.Tensor, tf.Tensor]],
        layout: Layout,
        attention_bias: tf.Tensor,
        seeds: _DropoutSeeds,
        queries: int | None = None,
    ) -> tf.Tensor:
        """Computes one layer of the original's `transformer_model` on rows [tokens, hidden].

        With `queries` it computes only the first `queries` positions of each example, [batch * queries, hidden].
        """
        scope = f"encoder/layer_{layer}"
        qkv = _dense(x, weights[f"{scope}/attention/self"])
        context = self._attention(qkv, layout, attention_bias, seeds, queries)
        if queries:
            x = tf.reshape(layout.to_grid(x)[:, :queries], [-1, self.config.hidden_size])
        attended = _dense(context, weights[f"{scope}/attention/output/dense"])
        x = self._add_and_norm(x, attended, weights[f"{scope}/attention/output/LayerNorm"], seeds)
        inner = self._activation(_dense(x, weights[f"{scope}/intermediate/dense"]), seeds.training)
        inner = _dense(inner, weights[f"{scope}/output/dense"])
        return self._add_and_norm(x, inner, weights[f"{scope}/output/LayerNorm"], seeds)

    def _attention(
        self,
        qkv: tf.Tensor,
        layout: Layout,
        attention_bias: tf.Tensor,
        seeds: _DropoutSeeds,
        queries: int | None,
    ) -> tf.Tensor:
        """Computes the original's `attention_layer`; `qkv` is query, key and value, [tokens, 3 * hidden]."""
        query, key, value = layout.split_heads(qkv)
        if queries:
            query = query[:, :, :queries]
        scale = tf.cast(query.shape[-1] ** -0.5, self.compute_dtype)
        probabilities = tf.nn.softmax(tf.matmul(query, key, transpose_b=True) * scale + attention_bias)
        probabilities = seeds.apply(probabilities, self.config.attention_probs_dropout_prob)
        context = tf.matmul(probabilities, value)
        return layout.merge_heads(context, whole=not queries)

    def _activation(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        if training and self.config.hidden_act in TRAINING_ACTIVATIONS:
            return TRAINING_ACTIVATIONS[self.config.hidden_act](x, fuse=self.fuses)
        return ACTIVATIONS[self.config.hidden_act](x)

    def _add_and_norm(
        self, x: tf.Tensor, branch: tf.Tensor, gamma_and_beta: tuple[tf.Tensor, tf.Tensor], seeds: _DropoutSeeds
    ) -> tf.Tensor:
        """Dropout, residual connection and layer norm: the end of each half-layer."""
        rate, epsilon = self.config.hidden_dropout_prob, self.config.layer_norm_eps
        if not seeds.training:
            return layer_norm(x + branch, *gamma_and_beta, epsilon, fuse=self.fuses)
        return dropout_add_norm(x, branch, rate, seeds.next(), *gamma_and_beta, epsilon, fuse=self.fuses)

    def _norm_weights(self) -> dict[str, tuple[tf.Tensor, tf.Tensor]]:
        """Returns gamma and beta of each layer norm in the layers."""
        scopes = [
            f"encoder/layer_{layer}/{part}/LayerNorm"
            for layer in range(self.config.num_hidden_layers)
            for part in ("attention/output", "output")
        ]
        return {scope: self._gamma_and_beta(scope) for scope in scopes}

    def _gamma_and_beta(self, scope: str) -> tuple[tf.Tensor, tf.Tensor]:
        return self._float32(f"{scope}/gamma"), self._float32(f"{scope}/beta")


def _check_inputs(inputs: dict[str, tf.Tensor]) -> None:
    if not isinstance(inputs, dict):
        raise ValueError(f"BertEncoder takes a dict with {', '.join(_INPUTS)}, not a {type(inputs).__name__}")
    missing = [name for name in _INPUTS if name not in inputs]
    unsupported = [name for name in _UNSUPPORTED_INPUTS if name in inputs]
    if unsupported:
        raise ValueError(f"BertEncoder does not support the input {unsupported[0]}; the Model Garden's encoder does")
    if missing:
        raise ValueError(f"BertEncoder needs the input {missing[0]}; it takes {', '.join(_INPUTS)}")
