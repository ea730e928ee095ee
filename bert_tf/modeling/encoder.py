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
from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf
import tf_keras
from official.nlp.modeling.networks.bert_encoder import BertEncoderV2
from tensorflow.python.saved_model import save_context

from bert_tf.errors import UserError
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.construction import float32_policy, initial_values, truncated_normal
from bert_tf.modeling.fusion import is_fusing
from bert_tf.modeling.names import INPUTS, original_name
from bert_tf.modeling.operations import plain_gelu, plain_gelu_erf
from bert_tf.modeling.transformer import ProductWeights, Transformer, product_weights

# Keras saves an activation under its registered name.
_register = tf_keras.utils.register_keras_serializable
_KERAS_ACTIVATIONS = {
    "gelu": _register(package="bert_tf", name="gelu")(plain_gelu),
    "gelu_erf": _register(package="bert_tf", name="gelu_erf")(plain_gelu_erf),
    "relu": tf_keras.activations.relu,
    "tanh": tf_keras.activations.tanh,
    "linear": tf_keras.activations.linear,
}
_UNSUPPORTED_INPUTS = ("input_word_embeddings", "dense_inputs", "dense_mask", "dense_type_ids")


def _zeros(name: str, shape: tf.TensorShape) -> tf.Tensor:
    return tf.zeros(shape)


def _fresh_dropout_seed() -> tf.Tensor:
    """Draws a dropout seed, int32 [2]: another one at each call and at each step of a graph.

    A stateful operation draws it, as in `tf_keras.layers.Dropout`: it follows `tf_keras.utils.set_random_seed`, each
    replica of a strategy has its own, and no variable is added to the model.
    """
    return tf.random.uniform([2], tf.int32.min, tf.int32.max, tf.int32)


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
        fuse: whether graphs may hold what is compiled for this machine, see `fuses`; None asks `fusion.is_fusing`,
            and a long `Training` on a GPU compiles, too. It can be set later, for graphs that are traced from then on.
        recompute: whether training keeps only the input of each layer and computes the layer again in the backward
            pass (Chen et al. 2016, arXiv 1604.06174): the same gradients, bit by bit, with less memory and in more
            time. It can be set later, as `fuse` can.
        trainable: see `tf_keras.layers.Layer`.

    Attributes:
        text_vectors: does the work of `encode`, with the arguments of `encode` behind the encoder; None without a
            vocabulary. An object of its own, because an encoder knows tensors and no texts.

    Example:
        >>> encoder = BertEncoder(BertConfig(vocab_size=100, hidden_size=8, num_attention_heads=2,
        ...                                  num_hidden_layers=1, intermediate_size=16))
        >>> ids = tf.constant([[1, 2, 3]])
        >>> inputs = {"input_word_ids": ids, "input_mask": tf.ones_like(ids), "input_type_ids": ids * 0}
        >>> encoder(inputs)["sequence_output"].shape
        TensorShape([1, 3, 8])
    """

    text_vectors: Callable[..., np.ndarray | list[np.ndarray]] | None = None

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
                inner_activation=_KERAS_ACTIVATIONS[config.hidden_act],
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
            super().call(dict.fromkeys(INPUTS, token))
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
        output_range: int | tf.Tensor | None = None,
        weights: ProductWeights | None = None,
    ) -> dict[str, tf.Tensor | list[tf.Tensor]]:
        """Encodes a batch.

        Args:
            inputs: `input_word_ids`, `input_mask` (1 for a token, 0 for padding) and `input_type_ids`, each
                int32 [batch, length]. To compute nothing for padding, also `token_rows`, int32 [rows]: the
                positions of the flattened [batch * length] to compute, ascending. It must list all tokens and the
                first position of each example, and it may list padding. The outputs at other positions are zero.
                With `token_rows` also `attention_lengths`, int32 [groups]: attention cuts the examples into groups of
                the same size, in their order, and computes this number of first positions of each. All `token_rows`
                must be among them.
            training: True applies the dropouts of training with a fresh seed at each call. None means what Keras is
                doing: `fit` trains, `predict` and a call outside of Keras do not.
            dropout_seed: int32 [2]; applies the dropouts of training, a pure function of it, for every `training`.
            output_range: the last layer computes only the first `output_range` positions (1 is enough for a
                classifier), or the positions of each example that it lists, int32 [batch, positions], the first one
                for the pooler; all of them by default.
            weights: the result of `product_weights`, if the variables have not changed since.

        Returns:
            `sequence_output` [batch, length or positions, hidden] in the compute type; `pooled_output`
            [batch, hidden], float32; `encoder_outputs`, a list of each layer's output.

        Raises:
            ValueError: an input is missing or is not supported.
        """
        _check_inputs(inputs)
        if dropout_seed is None and training:
            dropout_seed = _fresh_dropout_seed()
        weights = self.product_weights() if weights is None else weights
        transformer = Transformer(
            self.config, self.variables_by_name, weights, fuse=self.fuses, recompute=self.recompute
        )
        return transformer(inputs, dropout_seed, output_range)

    def encode(
        self,
        texts: Iterable[str | tuple[str, str]],
        pooling: str = "mean",
        batch_size: int = 32,
        max_seq_length: int | None = None,
        normalize: bool = False,
    ) -> np.ndarray | list[np.ndarray]:
        """Computes a vector for each text or pair of texts from the last layer, with the weights as they are now.

        Only for an encoder of `bert_tf.load_encoder`, which knows the vocabulary. Keras saves the encoder without it.

        Args:
            texts: a list, an array or a column of a table; each a string, or two strings. An empty text has a vector
                too: `[CLS]` and `[SEP]` are always there.
            pooling: `"mean"` of all word pieces, `[CLS]` and `[SEP]` included, as most models of sentence-transformers
                pool; `"cls"` for the vector of `[CLS]`; `"none"` for those of all pieces.
            batch_size: how many to compute at a time; texts of similar length are computed together.
            max_seq_length: longer texts are truncated; by default 256, as sentence-transformers does for the default
                model, or all positions of a model that has fewer.
            normalize: whether to divide each vector by its length, so that the product of two is their cosine.

        Returns:
            float32 [texts, hidden], in the order of the texts. Without pooling a list, with float32 [pieces, hidden]
            for each text.

        Raises:
            UserError: a text is neither a string nor two strings, another argument is out of its bounds, or
                `load_encoder` has not made this encoder.
        """
        if self.text_vectors is None:
            raise UserError("encode: this encoder has no vocabulary; load one with bert_tf.load_encoder")
        return self.text_vectors(self, texts, pooling, batch_size, max_seq_length, normalize)

    def product_weights(self) -> ProductWeights:
        """Returns each dense layer's kernel [in, out] and bias [out] in the compute type.

        Query, key and value are one layer. Compute these once and pass them to `call` when the weights do not change
        between batches: much faster in bfloat16 with small batches.
        """
        return product_weights(self.config, self.variables_by_name, self.compute_dtype)


def _check_inputs(inputs: dict[str, tf.Tensor]) -> None:
    if not isinstance(inputs, dict):
        raise ValueError(f"BertEncoder takes a dict with {', '.join(INPUTS)}, not a {type(inputs).__name__}")
    missing = [name for name in INPUTS if name not in inputs]
    unsupported = [name for name in _UNSUPPORTED_INPUTS if name in inputs]
    if unsupported:
        raise ValueError(f"BertEncoder does not support the input {unsupported[0]}; the Model Garden's encoder does")
    if missing:
        raise ValueError(f"BertEncoder needs the input {missing[0]}; it takes {', '.join(INPUTS)}")
