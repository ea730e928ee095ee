"""The names and shapes of a model's variables, in the original's form. Needs no TensorFlow.

variable_shapes(BertConfig(vocab_size=30522))["bert/pooler/dense/kernel"]  # (768, 768)
"""

from bert_tf.modeling.config import BertConfig

Shapes = dict[str, tuple[int, ...]]

# The layer that finds the two ends of an answer.
SPAN_WEIGHTS, SPAN_BIAS = "cls/squad/output_weights", "cls/squad/output_bias"
# The layers for pre-training: the first one chooses pieces for masks, the second one finds whether a text follows.
MASKED_LM_SCOPE, NEXT_SENTENCE_SCOPE = "cls/predictions", "cls/seq_relationship"
POOLER_SCOPE = "bert/pooler"


def variable_shapes(config: BertConfig) -> Shapes:
    """Returns the shape of each variable of the encoder: the original's `BertModel`.

    Example:
        >>> shapes = variable_shapes(BertConfig(vocab_size=100, hidden_size=8, num_hidden_layers=1,
        ...                                     num_attention_heads=2, intermediate_size=16))
        >>> shapes["bert/encoder/layer_0/intermediate/dense/kernel"]
        (8, 16)
    """
    width = config.hidden_size
    shapes: Shapes = {
        "bert/embeddings/word_embeddings": (config.vocab_size, width),
        "bert/embeddings/token_type_embeddings": (config.type_vocab_size, width),
        "bert/embeddings/position_embeddings": (config.max_position_embeddings, width),
        **_norm("bert/embeddings/LayerNorm", width),
    }
    for layer in range(config.num_hidden_layers):
        shapes |= _layer(f"bert/encoder/layer_{layer}", width, config.intermediate_size)
    return shapes | _dense(f"{POOLER_SCOPE}/dense", width, width)


def head_shapes(num_outputs: int, config: BertConfig) -> Shapes:
    """Returns the shapes of the layer on the pooled output: the original's `run_classifier.create_model`.

    Example:
        >>> head_shapes(2, BertConfig(vocab_size=100))
        {'output_weights': (2, 768), 'output_bias': (2,)}
    """
    return {"output_weights": (num_outputs, config.hidden_size), "output_bias": (num_outputs,)}


def span_head_shapes(config: BertConfig) -> Shapes:
    """Returns the shapes of the layer that finds the two ends of an answer: the original's `run_squad.create_model`.

    Example:
        >>> span_head_shapes(BertConfig(vocab_size=100))
        {'cls/squad/output_weights': (2, 768), 'cls/squad/output_bias': (2,)}
    """
    return {SPAN_WEIGHTS: (2, config.hidden_size), SPAN_BIAS: (2,)}


def masked_lm_head_shapes(config: BertConfig) -> Shapes:
    """Returns the shapes of the layers that choose pieces for masks: the original's `get_masked_lm_output`.

    The matrix behind them is that of the word embeddings.

    Example:
        >>> masked_lm_head_shapes(BertConfig(vocab_size=100))["cls/predictions/output_bias"]
        (100,)
    """
    width, transform = config.hidden_size, f"{MASKED_LM_SCOPE}/transform"
    return {
        **_dense(f"{transform}/dense", width, width),
        **_norm(f"{transform}/LayerNorm", width),
        f"{MASKED_LM_SCOPE}/output_bias": (config.vocab_size,),
    }


def next_sentence_head_shapes(config: BertConfig) -> Shapes:
    """Returns the shapes of the layer on the pooled output: the original's `get_next_sentence_output`.

    Example:
        >>> next_sentence_head_shapes(BertConfig(vocab_size=100))
        {'cls/seq_relationship/output_weights': (2, 768), 'cls/seq_relationship/output_bias': (2,)}
    """
    scope = NEXT_SENTENCE_SCOPE
    return {f"{scope}/output_weights": (2, config.hidden_size), f"{scope}/output_bias": (2,)}


def _layer(scope: str, width: int, inner: int) -> Shapes:
    shapes: Shapes = {}
    for part in ("query", "key", "value"):
        shapes |= _dense(f"{scope}/attention/self/{part}", width, width)
    return (
        shapes
        | _dense(f"{scope}/attention/output/dense", width, width)
        | _norm(f"{scope}/attention/output/LayerNorm", width)
        | _dense(f"{scope}/intermediate/dense", width, inner)
        | _dense(f"{scope}/output/dense", inner, width)
        | _norm(f"{scope}/output/LayerNorm", width)
    )


def _dense(scope: str, rows: int, columns: int) -> Shapes:
    return {f"{scope}/kernel": (rows, columns), f"{scope}/bias": (columns,)}


def _norm(scope: str, width: int) -> Shapes:
    return {f"{scope}/gamma": (width,), f"{scope}/beta": (width,)}
