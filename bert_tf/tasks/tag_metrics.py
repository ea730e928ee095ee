"""The scores of tags: those of whole entities, as conlleval counts them, and the share of right tags. No TensorFlow.

The entities are seqeval's (github.com/chakki-works/seqeval), in its default mode. seqeval takes a second to import, so
the functions import it when they are called: the names of the scores are needed before TensorFlow is loaded.
"""

from collections.abc import Sequence

Tags = Sequence[str]

# The names of the scores.
SCORES = ("eval_precision", "eval_recall", "eval_f1", "eval_token_accuracy")
_SCORES_OF_TYPE = ("precision", "recall", "f1", "support")


def tag_scores(gold: Sequence[Tags], predicted: Sequence[Tags]) -> dict[str, float]:
    """Returns precision, recall and F1 of all entities, and the share of words with the right tag.

    An entity is right if its type, its first and its last word are. A score without a value, such as the precision
    where nothing is predicted, is 0.

    Args:
        gold: the right tags of each sentence, such as `B-PER`, `I-PER` and `O`.
        predicted: the predicted tags, of the same numbers.

    Example:
        >>> tag_scores([["B-PER", "I-PER", "O", "B-LOC"]], [["B-PER", "I-PER", "O", "O"]])
        {'eval_precision': 1.0, 'eval_recall': 0.5, 'eval_f1': 0.6666666666666666, 'eval_token_accuracy': 0.75}
    """
    from seqeval.metrics.sequence_labeling import accuracy_score, precision_recall_fscore_support

    pair = _lists(gold), _lists(predicted)
    precision, recall, f1, _ = precision_recall_fscore_support(*pair, average="micro", zero_division=0)
    return dict(zip(SCORES, map(float, (precision, recall, f1, accuracy_score(*pair))), strict=True))


def per_type(gold: Sequence[Tags], predicted: Sequence[Tags]) -> dict[str, dict[str, float | int]]:
    """Returns precision, recall, F1 and support of each type; support is the number of its entities.

    Args:
        gold: the right tags of each sentence.
        predicted: the predicted tags, of the same numbers.

    Example:
        >>> per_type([["B-PER", "O"], ["B-PER", "O"]], [["B-PER", "O"], ["O", "O"]])
        {'PER': {'precision': 1.0, 'recall': 0.5, 'f1': 0.6666666666666666, 'support': 2}}
    """
    from seqeval.metrics.sequence_labeling import precision_recall_fscore_support

    pair = _lists(gold), _lists(predicted)
    # The rows that seqeval returns have this order.
    types = sorted({entity[0] for tags in (*pair[0], *pair[1]) for entity in _entities(tags)})
    columns = (column.tolist() for column in precision_recall_fscore_support(*pair, average=None, zero_division=0))
    rows = (dict(zip(_SCORES_OF_TYPE, row, strict=True)) for row in zip(*columns, strict=True))
    return dict(zip(types, rows, strict=True))


def sentence_f1(gold: Tags, predicted: Tags) -> float:
    """Returns F1 of the entities of one sentence; 1 if it has none and none is predicted.

    Example:
        >>> sentence_f1(["B-PER", "O", "B-LOC"], ["B-PER", "O", "O"]), sentence_f1(["O"], ["O"])
        (0.6666666666666666, 1.0)
    """
    right, found = _entities(list(gold)), _entities(list(predicted))
    return 2 * len(right & found) / (len(right) + len(found)) if right or found else 1.0


def _entities(tags: list[str]) -> set[tuple[str, int, int]]:
    from seqeval.metrics.sequence_labeling import get_entities

    return set(get_entities(tags))


def _lists(sentences: Sequence[Tags]) -> list[list[str]]:
    """Returns the tags as lists, because seqeval takes a tuple for a tag."""
    return [list(tags) for tags in sentences]
