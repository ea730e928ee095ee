"""Answers texts and questions with an exported SavedModel.

model = SavedTextModel(folder, read_facts(folder / "assets"))
model.answers(tf.constant(["It rains ."]), tf.constant(["Rain falls ."]))
"""

from collections.abc import Mapping

import tensorflow as tf
import tensorflow_text  # noqa: F401 - registers the operations of the tokenizer

from bert_tf.errors import UserError, first_few, reading
from bert_tf.models.facts import Facts
from bert_tf.remote import AnyPath
from bert_tf.serving.export_facts import QUESTION, TEXTS, THRESHOLD, WITH_THRESHOLD, WORDS, output_name


class SavedTextModel:
    """A loaded SavedModel; an object can be called from several threads at a time.

    Args:
        folder: of the SavedModel.
        facts: what it says of itself.

    Raises:
        UserError: it is broken.
    """

    def __init__(self, folder: AnyPath, facts: Facts):
        self._answers_name = output_name(facts.kind)
        with reading(folder, "export the model again", "cannot be loaded"):
            # The object must live as long as its functions.
            self._loaded = tf.saved_model.load(str(folder))
            self._signature = self._loaded.signatures[TEXTS]
            shape = self._signature.structured_outputs[self._answers_name].shape
            if shape[1:] != [len(facts.labels)] * (shape.rank - 1):
                raise ValueError(f"answers {shape[1:]} do not fit the {len(facts.labels)} labels of its export.json")
            _, inputs = self._signature.structured_input_signature
            self._takes_pairs = "text_pair" in inputs
            names = {"text", "text_pair"} & {"text", *inputs}
            _check_inputs(inputs, dict.fromkeys(names, tf.string))

    def answers(self, text: tf.Tensor, text_pair: tf.Tensor) -> tf.Tensor:
        """Computes the answers for texts or pairs; see `ServingGraph.answers`.

        Raises:
            UserError: there is a pair, and the model takes single texts.
        """
        if self._takes_pairs:
            return self._signature(text=text, text_pair=text_pair)[self._answers_name]
        if tf.reduce_any(text_pair != ""):
            raise UserError(
                "predict: this export takes single texts, not pairs; export a model that was trained on pairs"
            )
        return self._signature(text=text)[self._answers_name]


class SavedQuestionModel:
    """A loaded SavedModel that answers questions; an object can be called from several threads at a time.

    Args:
        folder: of the SavedModel.

    Raises:
        UserError: it is broken.
    """

    def __init__(self, folder: AnyPath):
        with reading(folder, "export the model again", "cannot be loaded"):
            # The object must live as long as its functions.
            self._loaded = tf.saved_model.load(str(folder))
            self._signature = self._loaded.signatures[WITH_THRESHOLD]
            _, inputs = self._signature.structured_input_signature
            _check_inputs(inputs, dict.fromkeys(QUESTION, tf.string) | {THRESHOLD: tf.float32})

    def answers(
        self, question: tf.Tensor, context: tf.Tensor, null_score_diff_threshold: tf.Tensor
    ) -> Mapping[str, tf.Tensor]:
        """Computes the answers to questions; see `QuestionGraph.answers`."""
        return self._signature(question=question, context=context, null_score_diff_threshold=null_score_diff_threshold)


class SavedTaggingModel:
    """A loaded SavedModel that tags words; an object can be called from several threads at a time.

    Args:
        folder: of the SavedModel.

    Raises:
        UserError: it is broken.
    """

    def __init__(self, folder: AnyPath):
        with reading(folder, "export the model again", "cannot be loaded"):
            # The object must live as long as its functions.
            self._loaded = tf.saved_model.load(str(folder))
            self._of_texts, self._of_words = (self._loaded.signatures[name] for name in (TEXTS, WORDS))
            _check_inputs(self._of_texts.structured_input_signature[1], {"text": tf.string})
            _check_inputs(self._of_words.structured_input_signature[1], {"words": tf.string, "counts": tf.int32})

    def spans(self, text: tf.Tensor) -> Mapping[str, tf.Tensor]:
        """Finds parts of texts; see `TaggingGraph.spans`."""
        return self._of_texts(text=text)

    def spans_of_words(self, words: tf.Tensor, counts: tf.Tensor) -> Mapping[str, tf.Tensor]:
        """Finds parts of texts that are split into words; see `TaggingGraph.spans_of_words`."""
        return self._of_words(words=words, counts=counts)


def _check_inputs(inputs: Mapping[str, tf.TensorSpec], expected: Mapping[str, tf.DType]) -> None:
    """Raises an exception if a signature does not take these inputs by their names."""
    if {name: spec.dtype for name, spec in inputs.items()} != expected:
        raise ValueError(f"its signature {TEXTS} takes {first_few(sorted(inputs))}, not texts by the name text")
