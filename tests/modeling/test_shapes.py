"""The names and shapes of all variables, without building a model."""

from support.tiny import TINY

from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.heads import ClassificationHead
from bert_tf.modeling.names import original_shape
from bert_tf.modeling.shapes import head_shapes, variable_shapes


def shapes_of(model) -> dict[str, tuple[int, ...]]:
    return {name: original_shape(name, variable.shape) for name, variable in model.variables_by_name.items()}


def test_they_are_those_of_the_encoder_and_the_head():
    encoder = BertEncoder(TINY)
    assert variable_shapes(TINY) == shapes_of(encoder)
    head = ClassificationHead(encoder, num_labels=3)
    assert variable_shapes(TINY) | head_shapes(3, TINY) == shapes_of(head)


def test_they_have_as_many_numbers_as_the_configuration_says():
    sizes = [shape[0] * (shape[1] if len(shape) > 1 else 1) for shape in variable_shapes(TINY).values()]
    assert sum(sizes) == TINY.num_parameters()
