"""A model that answers questions as one graph: questions and contexts in, answers out. It has no Keras objects.

graph = QuestionGraph(read_fine_tuned("output/SQuAD/all-MiniLM-L6-v2"))
graph.answers(tf.constant(["Who came ?"]), tf.constant(["Ann came ."]), tf.constant([0.0]))
"""

from collections.abc import Mapping

import tensorflow as tf

from bert_tf.data.tokenization import PiecesInText
from bert_tf.modeling.shapes import SPAN_BIAS, SPAN_WEIGHTS
from bert_tf.models.fine_tuned import FineTunedModel
from bert_tf.serving.answer_spans import Choice, Spans, best_of_questions, best_spans, choose
from bert_tf.serving.graph import RowEncoder
from bert_tf.serving.question_windows import Rows, Windows

TEXTS = tf.TensorSpec([None], tf.string)
THRESHOLDS = tf.TensorSpec([None], tf.float32)
# How many are computed at a time, whatever the number of questions and the lengths of their contexts.
_WINDOWS_AT_A_TIME = 32


class QuestionGraph(tf.Module):
    """Answers questions on contexts of any length; an object can be called from several threads at a time.

    The graph has nothing that depends on the machine that traces it, and computes nothing for padding. The windows of
    long contexts are computed some at a time, so that a context of a megabyte needs little memory.

    Args:
        model: the model.

    Attributes:
        tokenizer: cuts texts into word pieces.
    """

    def __init__(self, model: FineTunedModel):
        super().__init__(name="bert")
        self._settings, self._max_seq_length = model.questions, model.max_seq_length
        self.tokenizer = model.tokenizer()
        self._encoder = RowEncoder(model)

    @tf.function(input_signature=[TEXTS, TEXTS, THRESHOLDS], autograph=False)
    def answers(
        self, question: tf.Tensor, context: tf.Tensor, null_score_diff_threshold: tf.Tensor
    ) -> Mapping[str, tf.Tensor]:
        """Answers questions.

        Args:
            question: string [questions], UTF-8; bytes that are not UTF-8 are dropped.
            context: string [questions], likewise.
            null_score_diff_threshold: float32 [questions]; see `choose`.

        Returns:
            `text`, string [questions], a part of the context, empty if it has no answer; `start` and `end`,
            int32 [questions], its place in the context in characters (code points), both 0 without an answer; `score`,
            float32 [questions], its probability (see `choose`), which is not finite if a number overflowed.
        """
        for other in (context, null_score_diff_threshold):
            tf.debugging.assert_equal(tf.shape(other), tf.shape(question), "the inputs must be of one shape")
        found = self.tokenizer.token_ids_with_offsets(context)
        asked = self.tokenizer.token_ids(question)[:, : self._settings.max_query_length]
        windows = Windows(asked, found.ids, self._max_seq_length, self._settings.doc_stride)
        spans, null_scores, zeros = self._spans(windows)
        null_score = tf.math.unsorted_segment_min(null_scores, windows.example, tf.size(question))
        null_score = tf.where(windows.counts > 0, null_score, 0.0)
        choice = choose(best_of_questions(spans, windows.counts), null_score, null_score_diff_threshold)
        zeros = tf.math.unsorted_segment_sum(zeros, windows.example, tf.size(question))
        return {**_places(choice, found, context), "score": tf.cast(choice.probability, tf.float32) + zeros}

    def _spans(self, windows: Windows) -> tuple[Spans, tf.Tensor, tf.Tensor]:
        """Computes all windows, some at a time.

        Returns:
            The spans, [windows, candidates]; the scores of having no answer, float64 [windows]; and numbers that are 0
            if nothing overflowed, float32 [windows].
        """
        # Windows of similar length together, so that little is padded.
        order = tf.argsort(windows.lengths, stable=True)
        count = self._settings.n_best_size
        chunks = -(-windows.count // _WINDOWS_AT_A_TIME)
        spans = ((tf.float64, [None, count]), (tf.int32, [None, count]), (tf.int32, [None, count]))
        arrays = [
            tf.TensorArray(dtype, chunks, element_shape=shape, infer_shape=False)
            for dtype, shape in (*spans, (tf.float64, [None]), (tf.float32, [None]))
        ]

        def compute(chunk: tf.Tensor, arrays: list[tf.TensorArray]) -> tuple[tf.Tensor, list[tf.TensorArray]]:
            chosen = order[chunk * _WINDOWS_AT_A_TIME : (chunk + 1) * _WINDOWS_AT_A_TIME]
            found = self._spans_of_rows(windows.rows(chosen, *map(self.tokenizer.vocab.get, ("[CLS]", "[SEP]"))))
            return chunk + 1, [array.write(chunk, each) for array, each in zip(arrays, found, strict=True)]

        _, arrays = tf.while_loop(lambda chunk, _: chunk < chunks, compute, [0, arrays], parallel_iterations=1)
        back = tf.math.invert_permutation(order)
        *spans, null_scores, zeros = (tf.gather(array.concat(), back) for array in arrays)
        return Spans(*spans), null_scores, zeros

    def _spans_of_rows(self, rows: Rows) -> tuple[tf.Tensor, ...]:
        logits = self._logits(rows)
        start_logits, end_logits = tf.unstack(logits, axis=-1)
        spans = best_spans(start_logits, end_logits, rows, self._settings)
        null_scores = tf.cast(start_logits[:, 0], tf.float64) + tf.cast(end_logits[:, 0], tf.float64)
        # 0 times infinity is not a number.
        return *spans, null_scores, tf.reduce_sum(0.0 * logits, axis=[1, 2])

    def _logits(self, rows: Rows) -> tf.Tensor:
        """Computes the logits of both ends, float32 [rows, length, 2]: the original's `run_squad.create_model`."""
        outputs = self._encoder.outputs(rows.ids, rows.is_real, rows.types)
        logits = tf.tensordot(outputs, self._encoder.weights[SPAN_WEIGHTS], [[2], [1]])
        return tf.nn.bias_add(logits, self._encoder.weights[SPAN_BIAS])


def _places(choice: Choice, pieces: PiecesInText, context: tf.Tensor) -> Mapping[str, tf.Tensor]:
    """Finds the text of each answer, and where it is."""
    start, end = (
        tf.where(choice.is_span, _at(place, piece), 0)
        for place, piece in ((pieces.starts, choice.first), (pieces.ends, choice.last))
    )
    characters = tf.strings.unicode_transcode(context, "UTF-8", "UTF-8", errors="ignore")
    text = tf.strings.substr(characters, start, end - start, unit="UTF8_CHAR")
    return {"text": text, "start": start, "end": end}


def _at(places: tf.RaggedTensor, piece: tf.Tensor) -> tf.Tensor:
    """Returns one value of each row, int32 [rows]; any value for a row without."""
    values = tf.concat([tf.cast(places.values, tf.int32), [0]], axis=0)
    index = tf.cast(places.row_starts(), tf.int32) + piece
    return tf.gather(values, tf.clip_by_value(index, 0, tf.size(values) - 1))
