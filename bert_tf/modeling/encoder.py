"""BERT as a Keras encoder, and the classifier on top of it.

The variables are those of the Model Garden's `BertEncoderV2`, so its checkpoints and exports stay readable. The
arithmetic is written out here in plain operations: measured on two CPU cores (BERT-base, batch 32 x 64, every token
real, the same optimizer), a training step with the Model Garden's blocks takes 1.33 times as long in float32 and 2.2
times in bfloat16, and it computes padding as well. `BertEncoderV2` remains the reference that the tests compare with.

    config = BertConfig.from_json_file("uncased_L-12_H-768_A-12/bert_config.json")
    encoder = BertEncoder(config)
    outputs = encoder({"input_word_ids": ids, "input_mask": mask, "input_type_ids": segments})
    outputs["sequence_output"]  # [batch, length, hidden]
"""

import dataclasses

import tensorflow as tf
import tf_keras
from official.nlp.modeling.networks.bert_encoder import BertEncoderV2

from bert_tf.modeling.config import BertConfig
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


def _dense(x: tf.Tensor, kernel_and_bias: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
    kernel, bias = kernel_and_bias
    return add_bias(tf.matmul(x, kernel), bias)


class _DropoutSeeds:
    """Hands each dropout of one forward pass its own seed, in the order in which they stand in the model."""

    def __init__(self, seed: tf.Tensor | None, count: int):
        self._seeds = None if seed is None else iter(tf.unstack(tf.random.experimental.stateless_split(seed, count)))

    @property
    def training(self) -> bool:
        return self._seeds is not None

    def next(self) -> tf.Tensor:
        return next(self._seeds)

    def apply(self, x: tf.Tensor, rate: float) -> tf.Tensor:
        return dropout(x, rate, self.next()) if self.training else x


class BertEncoder(BertEncoderV2):
    """BERT's encoder (Devlin et al. 2019, section 3): the original's `modeling.BertModel`.

    All variables exist once it is constructed, randomly set as the original sets them.

    Args:
        config: the shape of the model.
        dtype: a Keras policy: `"float32"`, `"mixed_bfloat16"` or `"mixed_float16"`. Variables, layer
            normalisation, the pooler and the outputs that are not per token are float32 in all three.

    Attributes:
        variables_by_name: the variables under the original's names, such as
            `bert/encoder/layer_0/attention/self/query/kernel`. Query, key, value and attention output kernels
            have the Model Garden's shapes, a reshape of the original's.

    Example:
        >>> encoder = BertEncoder(BertConfig(vocab_size=100, hidden_size=8, num_attention_heads=2,
        ...                                  num_hidden_layers=1, intermediate_size=16))
        >>> ids = tf.constant([[1, 2, 3]])
        >>> inputs = {"input_word_ids": ids, "input_mask": tf.ones_like(ids), "input_type_ids": ids * 0}
        >>> encoder(inputs)["sequence_output"].shape
        TensorShape([1, 3, 8])
    """

    def __init__(self, config: BertConfig, dtype: str = "float32", name: str = "bert_encoder"):
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
        )
        self.config = config
        self._create_variables()
        self.variables_by_name = {original_name(variable.name.split(":")[0]): variable for variable in self.variables}

    def _create_variables(self) -> None:
        """Runs the Model Garden's own call once on one token: it builds every sublayer."""
        token = tf.zeros([1, 1], tf.int32)
        super().call({"input_word_ids": token, "input_mask": token, "input_type_ids": token})
        self.built = True

    def get_config(self) -> dict:
        """The constructor's arguments, for Keras."""
        return {"config": dataclasses.asdict(self.config), "dtype": self.dtype_policy.name, "name": self.name}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "BertEncoder":
        """Makes an encoder of the same shape from `get_config()`."""
        return cls(**{**config, "config": BertConfig(**config["config"])})

    def call(
        self,
        inputs: dict[str, tf.Tensor],
        dropout_seed: tf.Tensor | None = None,
        output_range: int | None = None,
        weights: dict[str, tuple[tf.Tensor, tf.Tensor]] | None = None,
    ) -> dict[str, tf.Tensor | list[tf.Tensor]]:
        """Encodes a batch.

        Args:
            inputs: `input_word_ids`, `input_mask` (1 for a token, 0 for padding) and `input_type_ids`, each
                int32 [batch, length]. And, if nothing is to be computed for padding, `token_rows`, int32
                [rows]: which positions of the flattened [batch * length] are computed, ascending: all tokens
                and the first position of each example, and what padding is wanted. The outputs at the others
                are zero then.
            dropout_seed: int32 [2]; with it the dropouts of training are applied, a pure function of it.
                Without it nothing is dropped.
            output_range: the last layer computes only the first `output_range` positions (1 is enough for a
                classifier); all of them by default.
            weights: what `product_weights` gave, where the variables have not changed since.

        Returns:
            `sequence_output` [batch, length or output_range, hidden] in the compute type; `pooled_output`
            [batch, hidden], float32; `encoder_outputs`, a list of each layer's output.
        """
        weights = self.product_weights() if weights is None else weights
        seeds = _DropoutSeeds(dropout_seed, 1 + 3 * self.config.num_hidden_layers)
        layout = Layout(inputs, self.config.num_attention_heads)
        x = self._embed(inputs, layout, seeds)
        # As in the original: a padded position is not minus infinity but 10,000 less.
        attention_bias = tf.cast((1.0 - tf.cast(inputs["input_mask"], tf.float32)) * -10000.0, self.compute_dtype)
        attention_bias = attention_bias[:, tf.newaxis, tf.newaxis, :]
        encoder_outputs = []
        for layer in range(self.config.num_hidden_layers - 1):
            x = self._transformer_layer(layer, x, weights, layout, attention_bias, seeds)
            encoder_outputs.append(layout.to_grid(x))
        last = self.config.num_hidden_layers - 1
        x = self._transformer_layer(last, x, weights, layout, attention_bias, seeds, queries=output_range)
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
        """Each dense layer's kernel [in, out] and bias [out] in the compute type; query, key and value are one layer.

        Where many batches are computed from the same variables, making them once saves what is, in bfloat16 and for
        batches of 8, a good part of the time.
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
        """[tokens, hidden]: words, positions and types added, normalised (the paper's figure 2)."""
        word_table = self.variables_by_name["bert/embeddings/word_embeddings"]
        words = tf.gather(word_table, layout.to_rows(inputs["input_word_ids"]))
        # A product with one-hot rows, as in the original: its gradient is dense and quick for so few types.
        types = tf.one_hot(layout.to_rows(inputs["input_type_ids"]), self.config.type_vocab_size)
        types = tf.matmul(types, self._float32("embeddings/token_type_embeddings"))
        positions = self._float32("embeddings/position_embeddings")[tf.newaxis, : layout.length]
        positions = layout.to_rows(tf.repeat(positions, layout.batch, axis=0))
        x = tf.cast(self._layer_norm("embeddings/LayerNorm", words + types + positions), self.compute_dtype)
        return seeds.apply(x, self.config.hidden_dropout_prob)

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
        """One layer of the original's `transformer_model`, on rows [tokens, hidden].

        With `queries` only for the first so many positions of each example, [batch * queries, hidden].
        """
        scope = f"encoder/layer_{layer}"
        qkv = _dense(x, weights[f"{scope}/attention/self"])
        context = self._attention(qkv, layout, attention_bias, seeds, queries)
        if queries:
            x = tf.reshape(layout.to_grid(x)[:, :queries], [-1, self.config.hidden_size])
        attended = _dense(context, weights[f"{scope}/attention/output/dense"])
        x = self._add_and_norm(f"{scope}/attention/output/LayerNorm", x, attended, seeds)
        activations = ACTIVATIONS | TRAINING_ACTIVATIONS if seeds.training else ACTIVATIONS
        inner = activations[self.config.hidden_act](_dense(x, weights[f"{scope}/intermediate/dense"]))
        inner = _dense(inner, weights[f"{scope}/output/dense"])
        return self._add_and_norm(f"{scope}/output/LayerNorm", x, inner, seeds)

    def _attention(
        self,
        qkv: tf.Tensor,
        layout: Layout,
        attention_bias: tf.Tensor,
        seeds: _DropoutSeeds,
        queries: int | None,
    ) -> tf.Tensor:
        """The original's `attention_layer`, on query, key and value side by side, [tokens, 3 * hidden]."""
        query, key, value = layout.split_heads(qkv)
        if queries:
            query = query[:, :, :queries]
        scale = tf.cast(query.shape[-1] ** -0.5, self.compute_dtype)
        probabilities = tf.nn.softmax(tf.matmul(query, key, transpose_b=True) * scale + attention_bias)
        probabilities = seeds.apply(probabilities, self.config.attention_probs_dropout_prob)
        context = tf.matmul(probabilities, value)
        return layout.merge_heads(context, whole=not queries)

    def _add_and_norm(self, scope: str, x: tf.Tensor, h: tf.Tensor, seeds: _DropoutSeeds) -> tf.Tensor:
        """What stands at the end of both halves of a layer: dropout, the residual connection, normalisation."""
        rate = self.config.hidden_dropout_prob
        if not seeds.training:
            return self._layer_norm(scope, x + h)
        return dropout_add_norm(x, h, rate, seeds.next(), *self._gamma_and_beta(scope), self.config.layer_norm_eps)

    def _layer_norm(self, scope: str, x: tf.Tensor) -> tf.Tensor:
        return layer_norm(x, *self._gamma_and_beta(scope), self.config.layer_norm_eps)

    def _gamma_and_beta(self, scope: str) -> tuple[tf.Tensor, tf.Tensor]:
        return self._float32(f"{scope}/gamma"), self._float32(f"{scope}/beta")
