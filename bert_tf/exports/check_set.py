"""The texts on which exported models are compared with the fine-tuned one. Needs no TensorFlow.

CheckSet([InputExample("1", "It rains .")], "1 text")
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from bert_tf.data.examples import InputExample


class CheckSet(NamedTuple):
    """Texts, and what is known of them.

    Attributes:
        examples: the texts.
        description: says what they are.
        expected: the answers of the run; None if they are not known.
        score_name: of the score; None if there is none.
        score: computes it from the answers.
    """

    examples: Sequence[InputExample]
    description: str
    expected: np.ndarray | None = None
    score_name: str | None = None
    score: Callable[[np.ndarray], float] | None = None
