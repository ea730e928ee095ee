"""The table of the scores of each class in the log."""

from collections.abc import Mapping

from bert_tf.errors import printable

_MOST_ROWS = 30
_NAME_CHARACTERS = 32


def per_class_table(per_class: Mapping[str, Mapping[str, float]]) -> str:
    """Returns a table of plain text; of very many classes, it has the first ones.

    Args:
        per_class: of each class `precision`, `recall`, `f1` and `support`, the number of its examples.

    Example:
        >>> print(per_class_table({"good": {"precision": 0.5, "recall": 1.0, "f1": 0.6667, "support": 12}}))
          class  precision  recall      f1  support
          good       0.500   1.000   0.667       12
    """
    names = [_shortened(printable(name)) for name in per_class]
    width = max(map(len, ("class", *names)))
    rows = [f"  {'class':{width}}  precision  recall      f1  support"]
    for name, scores in list(zip(names, per_class.values(), strict=True))[:_MOST_ROWS]:
        numbers = f"{scores['precision']:9.3f}  {scores['recall']:6.3f}  {scores['f1']:6.3f}  {scores['support']:7d}"
        rows.append(f"  {name:{width}}  {numbers}")
    if len(per_class) > _MOST_ROWS:
        rows.append(f"  and {len(per_class) - _MOST_ROWS} more in results.json")
    return "\n".join(rows)


def _shortened(name: str) -> str:
    return name if len(name) <= _NAME_CHARACTERS else f"{name[: _NAME_CHARACTERS - 3]}..."
