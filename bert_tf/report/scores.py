"""The scores of results.json: their names and the way their numbers are shown."""

import dataclasses
import math
from collections.abc import Iterable

ACCURACY = "eval_accuracy"
EXACT_MATCH = "eval_exact_match"
F1 = "eval_f1"
LOSS = "eval_loss"
PRECISION = "eval_precision"
RECALL = "eval_recall"
TOKEN_ACCURACY = "eval_token_accuracy"  # noqa: S105  # no password
_PREFIX = "eval_"
# Beginnings of the names of all numbers that a run measures, and endings of those of speed and memory.
_MEASURED = (_PREFIX, "train_")
# The ending of the name of a text that says where a number comes from.
_TEXT = "_source"
_EFFICIENCY = ("_runtime", "_per_second", "_flops_utilization", "_peak_flops", "_memory_bytes")


@dataclasses.dataclass(frozen=True)
class Score:
    """A score of the dev set. A headline is better if it is higher.

    Attributes:
        key: its name in results.json.
        name: its name in headings.
        phrase: its name inside a sentence.
        is_share: True if it lies between 0 and 1 and is shown in percent.
        lowest: the lowest value that is possible.
        highest: the highest value that is possible.
    """

    key: str
    name: str
    phrase: str
    is_share: bool = False
    lowest: float = -math.inf
    highest: float = math.inf

    @property
    def heading(self) -> str:
        """The name with the unit."""
        return self.with_unit(self.name)

    @property
    def heading_in_text(self) -> str:
        """The phrase with the unit."""
        return self.with_unit(self.phrase)

    @property
    def short_key(self) -> str:
        """The key without "eval_", for column names of the CSV file."""
        return self.key.removeprefix(_PREFIX)

    @property
    def scale(self) -> int:
        """The factor between the number in results.json and the number shown."""
        return 100 if self.is_share else 1

    @property
    def digits(self) -> int:
        """The number of decimal places shown."""
        return 1 if self.is_share else 3

    def with_unit(self, heading: str) -> str:
        """Adds the unit to a heading.

        Example:
            >>> score("eval_accuracy").with_unit("Worst seed")
            'Worst seed, %'
        """
        return f"{heading}, %" if self.is_share else heading

    def number(self, value: float) -> str:
        """Formats a value without its unit.

        Example:
            >>> score("eval_accuracy").number(0.8431), score("eval_pearson").number(0.8431)
            ('84.3', '0.843')
        """
        return f"{self.scale * value:.{self.digits}f}"

    def unit(self, number: str) -> str:
        """Adds the unit to a formatted number.

        Example:
            >>> score("eval_accuracy").unit("84.3 ± 1.2")
            '84.3 ± 1.2 %'
        """
        return f"{number} %" if self.is_share else number


def _share(key: str, name: str, phrase: str) -> Score:
    return Score(key, name, phrase, is_share=True, lowest=0, highest=1)


_KNOWN = {
    each.key: each
    for each in (
        _share(ACCURACY, "Accuracy", "accuracy"),
        _share(EXACT_MATCH, "Exact match", "exact match"),
        _share(F1, "F1", "F1"),
        # Tags of words: of the entities, and of single words.
        _share(PRECISION, "Precision", "precision"),
        _share(RECALL, "Recall", "recall"),
        _share(TOKEN_ACCURACY, "Token accuracy", "token accuracy"),
        _share("eval_micro_f1", "Micro-F1", "micro-F1"),
        _share("eval_macro_f1", "Macro-F1", "macro-F1"),
        _share("eval_subset_accuracy", "Subset accuracy", "subset accuracy"),
        Score("eval_matthews", "Matthews", "Matthews correlation", lowest=-1, highest=1),
        Score("eval_pearson", "Pearson", "Pearson correlation", lowest=-1, highest=1),
        Score("eval_spearman", "Spearman", "Spearman correlation", lowest=-1, highest=1),
        Score("eval_auc", "ROC AUC", "area under the ROC curve", lowest=0, highest=1),
        Score("eval_mse", "Squared error", "mean squared error", lowest=0),
        _share("eval_masked_lm_accuracy", "Masked-word accuracy", "accuracy on masked words"),
        Score("eval_masked_lm_loss", "Masked-word loss", "loss on masked words", lowest=0),
        Score("eval_masked_lm_perplexity", "Perplexity", "perplexity of masked words", lowest=1),
        _share("eval_next_sentence_accuracy", "Next-sentence accuracy", "accuracy on next sentences"),
        Score("eval_next_sentence_loss", "Next-sentence loss", "loss on next sentences", lowest=0),
        # SQuAD 2.0: questions with and without an answer, and the best thresholds for the latter.
        _share("eval_HasAns_exact", "With answer: exact match", "exact match of the questions with an answer"),
        _share("eval_HasAns_f1", "With answer: F1", "F1 of the questions with an answer"),
        _share("eval_NoAns_exact", "No answer: exact match", "exact match of the questions without an answer"),
        _share("eval_NoAns_f1", "No answer: F1", "F1 of the questions without an answer"),
        _share("eval_best_exact", "Best threshold: exact match", "exact match with the best threshold"),
        Score("eval_best_exact_thresh", "Threshold for exact match", "best threshold for exact match"),
        _share("eval_best_f1", "Best threshold: F1", "F1 with the best threshold"),
        Score("eval_best_f1_thresh", "Threshold for F1", "best threshold for F1"),
    )
}


def score(key: str) -> Score:
    """Returns the score with this key. An unknown key is its own name, and its values are plain numbers.

    Example:
        >>> score("eval_f1").heading, score("eval_bleu").heading
        ('F1, %', 'eval_bleu')
    """
    return _KNOWN.get(key) or Score(key, key, key)


def is_measured(key: str) -> bool:
    """Returns True for the name of a number that a run measures: a score, a loss, a speed or a time.

    Example:
        >>> is_measured("eval_f1"), is_measured("train_runtime"), is_measured("seed")
        (True, True, False)
    """
    return key.startswith(_MEASURED) and not key.endswith(_TEXT)


def in_range(key: str, value: float) -> bool:
    """Returns True if a score, a speed, a time or a number of steps can have this value.

    Example:
        >>> in_range("eval_accuracy", 84.3), in_range("eval_runtime", -1), in_range("eval_pearson", -1)
        (False, False, True)
    """
    if key.endswith(_EFFICIENCY) or key in ("global_step", "num_train_steps"):
        return value >= 0
    return score(key).lowest <= value <= score(key).highest


def is_score(key: str) -> bool:
    """Returns True for the name of a score of the dev set, its loss included, and False for a speed or a time.

    Example:
        >>> is_score("eval_f1"), is_score("eval_loss"), is_score("eval_runtime"), is_score("loss")
        (True, True, False, False)
    """
    return key.startswith(_PREFIX) and not key.endswith((*_EFFICIENCY, _TEXT))


def scores_among(keys: Iterable[str]) -> list[Score]:
    """Returns the scores among the keys of results.json: known ones first, without the loss and the speeds.

    Example:
        >>> [each.name for each in scores_among(["eval_bleu", "eval_f1", "eval_loss", "eval_runtime", "loss"])]
        ['F1', 'eval_bleu']
    """
    found = {key for key in keys if is_score(key) and key != LOSS}
    known = [key for key in _KNOWN if key in found]
    return [score(key) for key in [*known, *sorted(found - set(known))]]
