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
import json
import re
from pathlib import Path

import tensorflow as tf
import tf_keras
from official.nlp.modeling.networks.bert_encoder import BertEncoderV2

from bert_tf.errors import UserError
from bert_tf.layout import Layout
from bert_tf.operations import add_bias, dropout, dropout_add_norm, gelu, gelu_erf, layer_norm

# The original's names of activations (modeling.get_activation), and "gelu_erf" for the exact form that Hugging
# Face's files call "gelu": the original's "gelu" is the tanh approximation.
ACTIVATIONS = {
    "gelu": lambda x: tf.nn.gelu(x, approximate=True),
    "gelu_erf": lambda x: tf.nn.gelu(x, approximate=False),
    "relu": tf.nn.relu,
    "tanh": tf.tanh,
    "linear": tf.identity,
}
# Those that have a better gradient than TensorFlow derives. Where none is needed, TensorFlow's own are better: on a
# CPU it makes them part of the matrix product before.
_TRAINING_ACTIVATIONS = {"gelu": gelu, "gelu_erf": gelu_erf}
_HUGGING_FACE_ACTIVATIONS = {"gelu": "gelu_erf", "gelu_new": "gelu", "gelu_pytorch_tanh": "gelu"}

CLASSIFIER_DROPOUT = 0.1  # fixed in the original's run_classifier.create_model

# The Model Garden's names of scopes, and the original's.
_ORIGINAL_SCOPES = {
    "self_attention/query": "attention/self/query",
    "self_attention/key": "attention/self/key",
    "self_attention/value": "attention/self/value",
    "self_attention/attention_output": "attention/output/dense",
    "self_attention_layer_norm": "attention/output/LayerNorm",
    "intermediate": "intermediate/dense",
    "output": "output/dense",
    "output_layer_norm": "output/LayerNorm",
    "embeddings/layer_norm": "embeddings/LayerNorm",
    "pooler_transform": "pooler/dense",
}
_ORIGINAL_EMBEDDINGS = {
    "word_embeddings": "word_embeddings",
    "position_embedding": "position_embeddings",
    "type_embeddings": "token_type_embeddings",
}
_GARDEN_NAME = re.compile(
    r"(?:.*/)?(?:transformer/(?P<layer>layer_\d+)/(?P<part>.+)|(?P<scope>embeddings/layer_norm|pooler_transform)"
    r"|(?P<embedding>word_embeddings|position_embedding|type_embeddings))/(?P<leaf>\w+)"
)


@dataclasses.dataclass(frozen=True)
class BertConfig:
    """The shape of a BERT model: the original's `modeling.BertConfig`, same fields and defaults.

    `layer_norm_eps` is new; it is 1e-12 in every official checkpoint. `hidden_act` is one of `ACTIVATIONS`.

    Example:
        >>> BertConfig(vocab_size=1000, hidden_size=48, num_attention_heads=4).intermediate_size
        3072
    """

    vocab_size: int
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 16
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12

    @classmethod
    def from_json_file(cls, path: str | Path) -> "BertConfig":
        """Reads the original's `bert_config.json` or Hugging Face's `config.json`.

        Hugging Face's file is known by its `model_type`, `architectures` or `transformers_version`; only there
        does `"gelu"` mean the exact form. Fields that do not shape the encoder are ignored.

        Raises:
            UserError: the file is missing, is no JSON object, or describes what is not a BERT encoder.
        """
        try:
            fields = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise UserError(f"{path}: cannot read the model's configuration: {error.strerror}") from error
        except ValueError as error:
            raise UserError(f"{path}: is not a JSON file: {' '.join(str(error).split())}") from error
        if not isinstance(fields, dict):
            raise UserError(f"{path}: holds no JSON object; a bert_config.json is needed")
        if any(key in fields for key in ("model_type", "architectures", "transformers_version")):
            fields = _from_hugging_face(fields, path)
        return _checked_config(cls, fields, path)

    def to_json_string(self) -> str:
        """The content of a `bert_config.json`."""
        return json.dumps(dataclasses.asdict(self), indent=2, sort_keys=True) + "\n"


def _from_hugging_face(fields: dict, path: str | Path) -> dict:
    if fields.get("model_type", "bert") != "bert":
        raise UserError(f"{path}: is a {fields['model_type']!r} model; only BERT's architecture can be loaded")
    if fields.get("position_embedding_type", "absolute") != "absolute":
        raise UserError(f"{path}: has position_embedding_type {fields['position_embedding_type']!r}, not 'absolute'")
    activation = fields.get("hidden_act", "gelu")
    if isinstance(activation, str):
        activation = _HUGGING_FACE_ACTIVATIONS.get(activation, activation)
    return {"type_vocab_size": 2, **fields, "hidden_act": activation}


def _checked_config(cls: type[BertConfig], fields: dict, path: str | Path) -> BertConfig:
    known = {field.name: field.type for field in dataclasses.fields(cls)}
    fields = {name: value for name, value in fields.items() if name in known}
    for name, value in fields.items():
        wanted = (int, float) if known[name] is float else known[name]
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise UserError(f"{path}: {name} is {value!r}; a value of type {known[name].__name__} is needed")
        if name.endswith("dropout_prob") and not 0 <= value < 1:
            raise UserError(f"{path}: {name} is {value}; it must be at least 0 and less than 1")
        if known[name] is int and value < 1:
            raise UserError(f"{path}: {name} is {value}; it must be at least 1")
    if "vocab_size" not in fields:
        raise UserError(f"{path}: has no vocab_size; a bert_config.json is needed")
    config = cls(**fields)
    if config.hidden_act not in ACTIVATIONS:
        raise UserError(f"{path}: hidden_act {config.hidden_act!r} is unknown; known: {', '.join(ACTIVATIONS)}")
    if config.hidden_size % config.num_attention_heads:
        raise UserError(
            f"{path}: hidden_size {config.hidden_size} is not a multiple of "
            f"num_attention_heads {config.num_attention_heads}"
        )
    return config


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
        activations = ACTIVATIONS | _TRAINING_ACTIVATIONS if seeds.training else ACTIVATIONS
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


def original_name(name: str) -> str:
    """The original's name of a variable of the Model Garden's encoder.

    All shapes agree up to a reshape. Scopes that stand before belong to models around the encoder and are left
    out. A name that is none of the encoder's stays as it is.

    Example:
        >>> original_name("bert_encoder_v2/transformer/layer_0/intermediate/kernel")
        'bert/encoder/layer_0/intermediate/dense/kernel'
    """
    match = _GARDEN_NAME.fullmatch(name)
    if not match:
        return name
    if match["embedding"]:
        return f"bert/embeddings/{_ORIGINAL_EMBEDDINGS[match['embedding']]}"
    if match["scope"]:
        return f"bert/{_ORIGINAL_SCOPES[match['scope']]}/{match['leaf']}"
    part = _ORIGINAL_SCOPES.get(match["part"], match["part"])
    return f"bert/encoder/{match['layer']}/{part}/{match['leaf']}"


class BertClassifier(tf_keras.Model):
    """A linear classifier on the pooled output: the original's `run_classifier.create_model`.

    Args:
        encoder: the encoder; it is trained along.
        num_labels: how many classes.
        seed: of the classifier's first weights.

    Attributes:
        variables_by_name: the encoder's, `output_weights` [num_labels, hidden] and `output_bias` [num_labels].

    Example:
        >>> encoder = BertEncoder(BertConfig(vocab_size=100, hidden_size=8, num_attention_heads=2,
        ...                                  num_hidden_layers=1, intermediate_size=16))
        >>> ids = tf.constant([[1, 2, 3]])
        >>> inputs = {"input_word_ids": ids, "input_mask": tf.ones_like(ids), "input_type_ids": ids * 0}
        >>> BertClassifier(encoder, num_labels=2)(inputs).shape
        TensorShape([1, 2])
    """

    def __init__(self, encoder: BertEncoder, num_labels: int, seed: int | None = None):
        super().__init__(name="bert_classifier")
        self.encoder = encoder
        self.num_labels = num_labels
        initializer = tf_keras.initializers.TruncatedNormal(stddev=0.02, seed=seed)
        width = encoder.config.hidden_size
        self.output_weights = self.add_weight("output_weights", [num_labels, width], initializer=initializer)
        self.output_bias = self.add_weight("output_bias", [num_labels], initializer="zeros")
        self.variables_by_name = {
            **encoder.variables_by_name,
            "output_weights": self.output_weights,
            "output_bias": self.output_bias,
        }

    def call(
        self,
        inputs: dict[str, tf.Tensor],
        dropout_seed: tf.Tensor | None = None,
        weights: dict[str, tuple[tf.Tensor, tf.Tensor]] | None = None,
    ) -> tf.Tensor:
        """Logits, float32 [batch, num_labels]; see `BertEncoder.call` for the arguments."""
        encoded = self.encoder(inputs, dropout_seed=dropout_seed, output_range=1, weights=weights)
        pooled = encoded["pooled_output"]
        if dropout_seed is not None:
            pooled = dropout(pooled, CLASSIFIER_DROPOUT, dropout_seed)
        return tf.nn.bias_add(tf.matmul(pooled, self.output_weights, transpose_b=True), self.output_bias)
