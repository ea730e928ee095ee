"""BERT's arithmetic on weights of any kind: variables of a Keras layer, of an exported model, or constants.

Needs no Keras. `BertEncoder` computes with it in training, and `bert_tf.serving` without Keras.

    weights = product_weights(config, variables, tf.float32)
    outputs = Transformer(config, variables, weights)(inputs)
    outputs["sequence_output"]  # [batch, length, hidden]
"""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from bert_tf.modeling.attention import attend
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.layout import Layout
from bert_tf.modeling.operations import (
    ACTIVATIONS,
    TRAINING_ACTIVATIONS,
    add_bias,
    dropout,
    dropout_add_norm,
    layer_norm,
    take_positions,
)

Variables = Mapping[str, tf.Variable | tf.Tensor]
ProductWeights = dict[str, tuple[tf.Tensor, tf.Tensor]]
# The positions that the last layer computes: the first ones, or those of each example, int32 [batch, positions].
Queries = int | tf.Tensor | None

_DROPOUTS_OF_LAYER = 3


def product_weights(config: BertConfig, variables: Variables, dtype: tf.DType | str) -> ProductWeights:
    """Returns each dense layer's kernel [in, out] and bias [out] in the type that products are computed in.

    Query, key and value are one layer.

    Args:
        config: the shape of the encoder.
        variables: float32, under the original's names; in its shapes or in the Model Garden's.
        dtype: of the products.

    Example:
        >>> from bert_tf.modeling.shapes import variable_shapes
        >>> config = BertConfig(vocab_size=100, hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
        >>> variables = {name: tf.zeros(shape) for name, shape in variable_shapes(config).items()}
        >>> product_weights(config, variables, "bfloat16")["encoder/layer_0/attention/self"][0].shape
        TensorShape([8, 24])
    """

    def kernel_and_bias(scope: str) -> tuple[tf.Tensor, tf.Tensor]:
        leaves = (tf.convert_to_tensor(variables[f"bert/{scope}/{leaf}"]) for leaf in ("kernel", "bias"))
        kernel, bias = (tf.cast(leaf, dtype) for leaf in leaves)
        bias = tf.reshape(bias, [-1])
        return tf.reshape(kernel, [-1, bias.shape[0]]), bias

    weights = {}
    for layer in range(config.num_hidden_layers):
        scope = f"encoder/layer_{layer}"
        parts = [kernel_and_bias(f"{scope}/attention/self/{part}") for part in ("query", "key", "value")]
        weights[f"{scope}/attention/self"] = tuple(tf.concat(part, axis=-1) for part in zip(*parts, strict=True))
        for part in ("attention/output/dense", "intermediate/dense", "output/dense"):
            weights[f"{scope}/{part}"] = kernel_and_bias(f"{scope}/{part}")
    return weights


def _dense(x: tf.Tensor, kernel_and_bias: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
    kernel, bias = kernel_and_bias
    return add_bias(tf.matmul(x, kernel), bias)


def _chosen(x: tf.Tensor, queries: int | tf.Tensor) -> tf.Tensor:
    """Returns some positions of [batch, ..., length, width]."""
    return x[..., :queries, :] if isinstance(queries, int) else take_positions(x, queries)


def _number_of(queries: int | tf.Tensor) -> int:
    return queries if isinstance(queries, int) else queries.shape[1]


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


class Transformer:
    """One forward pass of BERT's encoder (Devlin et al. 2019, section 3): the original's `modeling.BertModel`.

    Args:
        config: the shape of the encoder.
        variables: the embeddings, the layer norms and the pooler, float32, under the original's names.
        weights: the result of `product_weights`; products are computed in their type.
        fuse: whether to compile what can be compiled for this machine, see `fusion.fused`.
        recompute: whether training computes each layer again in the backward pass, see `BertEncoder`.
    """

    def __init__(
        self,
        config: BertConfig,
        variables: Variables,
        weights: ProductWeights,
        *,
        fuse: bool = False,
        recompute: bool = False,
    ):
        self._config = config
        self._variables = variables
        self._weights = {**weights, **self._norm_weights()}
        self._compute_dtype = next(iter(weights.values()))[0].dtype
        self._fuse = fuse
        self._recompute = recompute

    def __call__(
        self, inputs: dict[str, tf.Tensor], dropout_seed: tf.Tensor | None = None, output_range: Queries = None
    ) -> dict[str, tf.Tensor | list[tf.Tensor]]:
        """Encodes a batch; see `BertEncoder.call` for arguments and outputs."""
        config = self._config
        seeds = _DropoutSeeds.split(dropout_seed, 1 + _DROPOUTS_OF_LAYER * config.num_hidden_layers)
        layout = Layout(inputs, config.num_attention_heads)
        x = self._embed(inputs, layout, seeds)
        # As in the original: a padded position is not minus infinity but 10,000 less.
        attention_bias = tf.cast((1.0 - tf.cast(inputs["input_mask"], tf.float32)) * -10000.0, self._compute_dtype)
        attention_bias = tf.reshape(attention_bias, [layout.batch, 1, 1, layout.length])
        compute = self._recomputed_layer if self._recompute and seeds.training else self._transformer_layer
        encoder_outputs = []
        for layer in range(config.num_hidden_layers - 1):
            x = compute(layer, x, self._weights, layout, attention_bias, seeds)
            encoder_outputs.append(layout.to_grid(x))
        last = config.num_hidden_layers - 1
        x = compute(last, x, self._weights, layout, attention_bias, seeds, queries=output_range)
        width = config.hidden_size
        is_whole = output_range is None
        encoder_outputs.append(layout.to_grid(x) if is_whole else tf.reshape(x, [-1, _number_of(output_range), width]))
        pooled = tf.cast(encoder_outputs[-1][:, 0], tf.float32)
        pooled = tf.matmul(pooled, self._float32("pooler/dense/kernel")) + self._float32("pooler/dense/bias")
        return {
            "sequence_output": encoder_outputs[-1],
            "pooled_output": tf.tanh(pooled),
            "encoder_outputs": encoder_outputs,
        }

    def _embed(self, inputs: dict[str, tf.Tensor], layout: Layout, seeds: _DropoutSeeds) -> tf.Tensor:
        """[tokens, hidden]: words, positions and types added, normalized (the paper's figure 2)."""
        word_table = self._variables["bert/embeddings/word_embeddings"]
        words = tf.gather(word_table, layout.to_rows(inputs["input_word_ids"]))
        # A product with one-hot rows, as in the original: its gradient is dense and quick for so few types.
        types = tf.one_hot(layout.to_rows(inputs["input_type_ids"]), self._config.type_vocab_size)
        types = tf.matmul(types, self._float32("embeddings/token_type_embeddings"))
        positions = self._float32("embeddings/position_embeddings")[: layout.length]
        positions = layout.to_rows(tf.repeat(tf.expand_dims(positions, 0), layout.batch, axis=0))
        gamma, beta = self._gamma_and_beta("embeddings/LayerNorm")
        x = layer_norm(words + types + positions, gamma, beta, self._config.layer_norm_eps, fuse=self._fuse)
        x = tf.cast(x, self._compute_dtype)
        return seeds.apply(x, self._config.hidden_dropout_prob)

    def _recomputed_layer(
        self,
        layer: int,
        x: tf.Tensor,
        weights: ProductWeights,
        layout: Layout,
        attention_bias: tf.Tensor,
        seeds: _DropoutSeeds,
        queries: Queries = None,
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
        weights: ProductWeights,
        layout: Layout,
        attention_bias: tf.Tensor,
        seeds: _DropoutSeeds,
        queries: Queries = None,
    ) -> tf.Tensor:
        """Computes one layer of the original's `transformer_model` on rows [tokens, hidden].

        With `queries` it computes only these positions of each example, [batch * positions, hidden].
        """
        scope = f"encoder/layer_{layer}"
        qkv = _dense(x, weights[f"{scope}/attention/self"])
        context = self._attention(qkv, layout, attention_bias, seeds, queries)
        if queries is not None:
            x = tf.reshape(_chosen(layout.to_grid(x), queries), [-1, self._config.hidden_size])
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
        queries: Queries,
    ) -> tf.Tensor:
        """Computes the original's `attention_layer`; `qkv` is query, key and value, [tokens, 3 * hidden]."""
        groups, biases = layout.split_heads(qkv), layout.by_group(attention_bias)
        chosen = layout.rows_by_group(queries) if tf.is_tensor(queries) else [queries] * len(groups)
        seed = seeds.next() if seeds.training else None
        contexts = []
        for number, ((query, key, value), bias) in enumerate(zip(groups, biases, strict=True)):
            query = query if queries is None else _chosen(query, chosen[number])
            # Groups of the same shape must not drop the same elements.
            own_seed = tf.random.experimental.stateless_fold_in(seed, number) if number and seeds.training else seed
            rate = self._config.attention_probs_dropout_prob
            # The first few queries have so few scores that compiling for them is not worth the time.
            fuse = self._fuse and not isinstance(queries, int)
            contexts.append(attend(query, key, value, bias, rate, own_seed, fuse))
        return layout.merge_heads(contexts, whole=queries is None)

    def _activation(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        if training and self._config.hidden_act in TRAINING_ACTIVATIONS:
            return TRAINING_ACTIVATIONS[self._config.hidden_act](x, fuse=self._fuse)
        return ACTIVATIONS[self._config.hidden_act](x)

    def _add_and_norm(
        self, x: tf.Tensor, branch: tf.Tensor, gamma_and_beta: tuple[tf.Tensor, tf.Tensor], seeds: _DropoutSeeds
    ) -> tf.Tensor:
        """Dropout, residual connection and layer norm: the end of each half-layer."""
        rate, epsilon = self._config.hidden_dropout_prob, self._config.layer_norm_eps
        if not seeds.training:
            return layer_norm(x + branch, *gamma_and_beta, epsilon, fuse=self._fuse)
        return dropout_add_norm(x, branch, rate, seeds.next(), *gamma_and_beta, epsilon, fuse=self._fuse)

    def _norm_weights(self) -> dict[str, tuple[tf.Tensor, tf.Tensor]]:
        """Returns gamma and beta of each layer norm in the layers."""
        scopes = [
            f"encoder/layer_{layer}/{part}/LayerNorm"
            for layer in range(self._config.num_hidden_layers)
            for part in ("attention/output", "output")
        ]
        return {scope: self._gamma_and_beta(scope) for scope in scopes}

    def _gamma_and_beta(self, scope: str) -> tuple[tf.Tensor, tf.Tensor]:
        return self._float32(f"{scope}/gamma"), self._float32(f"{scope}/beta")

    def _float32(self, name: str) -> tf.Tensor:
        return tf.convert_to_tensor(self._variables[f"bert/{name}"])
