"""The forms in which hidden layers are given out, by name. Needs no TensorFlow.

parsed_layers("-1,-2")  # (-1, -2)
"""

from collections.abc import Sequence

from bert_tf.errors import UserError, counted, shown

FORMS = ("json", "npz")
# For each text: the vectors of all its pieces, that of [CLS], or the mean of all pieces, [CLS] and [SEP] included.
POOLINGS = ("none", "cls", "mean")


def parsed_layers(text: str) -> tuple[int, ...]:
    """Reads the numbers of layers: 0 is the first one, -1 the last.

    Raises:
        UserError: these are no whole numbers with commas between, or one is there twice.

    Example:
        >>> parsed_layers("-1,-2,-3,-4")
        (-1, -2, -3, -4)
    """
    try:
        layers = tuple(int(word) for word in text.split(","))
    except ValueError:
        raise UserError(
            f"layers: is {shown(text)}; it must be whole numbers with commas between, such as -1,-2"
        ) from None
    if len(set(layers)) < len(layers):
        raise UserError(f"layers: {shown(text)} names a layer twice; name each once")
    return layers


def check_layers(layers: Sequence[int], num_hidden_layers: int) -> None:
    """Raises `UserError` if a model has no such layer.

    Example:
        >>> check_layers((-1, -4), num_hidden_layers=3)
        Traceback (most recent call last):
        ...
        bert_tf.errors.UserError: layers: there is no layer -4; the model has 3 layers, from 0 to 2 or from -3 to -1
    """
    for layer in layers:
        if not -num_hidden_layers <= layer < num_hidden_layers:
            described = f"{counted(num_hidden_layers, 'layer')}, from 0 to {num_hidden_layers - 1} or from "
            raise UserError(f"layers: there is no layer {layer}; the model has {described}{-num_hidden_layers} to -1")
