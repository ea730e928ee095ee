"""The scores of pre-training: the original's `metric_fn` in run_pretraining.py. Needs no TensorFlow.

scores = pretraining_scores(answers, batch_size=8, max_steps=100)
"""

import math

import numpy as np

_MASKED_LM = ("masked_lm_accuracy", "masked_lm_loss")
_NEXT_SENTENCE = ("next_sentence_accuracy", "next_sentence_loss")
# The names of the scores, as other programs have them.
SCORES = (
    "eval_masked_lm_accuracy",
    "eval_masked_lm_loss",
    "eval_masked_lm_perplexity",
    "eval_next_sentence_accuracy",
    "eval_next_sentence_loss",
    "eval_loss",
)
MASKED_LM_SCORES = tuple(name for name in SCORES if "next_sentence" not in name)
# Added to the weights of a batch in the original's get_masked_lm_output.
_SMALLEST_WEIGHT = 1e-5


def pretraining_scores(
    answers: np.ndarray, batch_size: int, max_steps: int | None, with_next_sentence: bool
) -> dict[str, float]:
    """Computes the original's scores, once under its names and once as `eval_...`, and the perplexity.

    The original evaluates a number of batches, and begins again at the first record after the last one. So a record
    may count several times.

    Args:
        answers: loss, 1 if the answer is right, and weight of each prediction, float32 [records, predictions, 3]. With
            next sentences theirs is the last prediction.
        batch_size: of the original's evaluation; its `loss` is a mean over batches.
        max_steps: the number of batches; None for all records, each once.
        with_next_sentence: whether there are next sentences.
    """
    used = np.arange(len(answers) if max_steps is None else max_steps * batch_size) % len(answers)
    answers = answers[used].astype(np.float64)
    masked, following = (answers[:, :-1], answers[:, -1:]) if with_next_sentence else (answers, answers[:, :0])
    scores = dict(zip(_MASKED_LM, _means(masked), strict=True))
    if with_next_sentence:
        scores |= zip(_NEXT_SENTENCE, _means(following), strict=True)
    ours = {f"eval_{name}": score for name, score in scores.items()}
    ours["eval_masked_lm_perplexity"] = _perplexity(scores["masked_lm_loss"])
    ours["eval_loss"] = sum(score for name, score in scores.items() if name.endswith("_loss"))
    return {**scores, "loss": _mean_of_batches(masked, following, batch_size), **ours}


def record_values(answers: np.ndarray, with_next_sentence: bool) -> np.ndarray:
    """Returns minus the mean loss of the masked words of each record, float [records]; 0 without one.

    Example:
        >>> losses, is_right, weights = np.array([[0.5, 1.5, 9.0]]), np.ones([1, 3]), np.array([[1.0, 1.0, 0.0]])
        >>> record_values(np.stack([losses, is_right, weights], axis=-1), with_next_sentence=False).tolist()
        [-1.0]
    """
    masked = (answers[:, :-1] if with_next_sentence else answers).astype(np.float64)
    weights = masked[..., 2]
    return -(masked[..., 0] * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), _SMALLEST_WEIGHT)


def _means(answers: np.ndarray) -> tuple[float, float]:
    """Returns the weighted means of the right answers and of the losses; 0 without weight, as in the original."""
    losses, is_right, weights = np.moveaxis(answers, -1, 0)
    total = weights.sum() or 1.0
    return float((is_right * weights).sum() / total), float((losses * weights).sum() / total)


def _mean_of_batches(masked: np.ndarray, following: np.ndarray, batch_size: int) -> float:
    starts = range(0, len(masked), batch_size)
    parts = [(masked[start : start + batch_size], following[start : start + batch_size]) for start in starts]
    return float(np.mean([_loss(some) + (np.mean(others[..., 0]) if others.size else 0.0) for some, others in parts]))


def _loss(masked: np.ndarray) -> float:
    losses, _, weights = np.moveaxis(masked, -1, 0)
    return (losses * weights).sum() / (weights.sum() + _SMALLEST_WEIGHT)


def _perplexity(loss: float) -> float:
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf
