"""A model that tags words as one graph: texts in, named spans out. It has no Keras objects.

graph = TaggingGraph(read_fine_tuned("output/NER/all-MiniLM-L6-v2"))
graph.spans(tf.constant(["Ann came ."]))
"""

from collections.abc import Mapping

import tensorflow as tf

from bert_tf.data.tag_schemes import DISCARD
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.models.fine_tuned import FineTunedModel
from bert_tf.serving.graph import RowEncoder
from bert_tf.serving.tag_spans import TagSpans, TagTable, join_tags
from bert_tf.serving.tag_windows import TagRows, TagWindows

TEXTS = tf.TensorSpec([None], tf.string)
_COUNTS = tf.TensorSpec([None], tf.int32)
# How many are computed at a time, whatever the number of texts and their lengths.
_WINDOWS_AT_A_TIME = 32


class TaggingGraph(tf.Module):
    """Tags the words of texts of any length; an object can be called from several threads at a time.

    The graph has nothing that depends on the machine that traces it, and computes nothing for padding.

    Args:
        model: the model.

    Attributes:
        tokenizer: cuts texts into word pieces.
    """

    def __init__(self, model: FineTunedModel):
        super().__init__(name="bert")
        self._max_seq_length, self._settings = model.max_seq_length, model.tagging
        self.tokenizer = model.tokenizer()
        self._encoder = RowEncoder(model)
        self._table = TagTable.of(model.labels)
        self._is_continued = _continued_pieces(self.tokenizer)

    @tf.function(input_signature=[TEXTS], autograph=False)
    def spans(self, text: tf.Tensor) -> Mapping[str, tf.Tensor]:
        """Finds and names parts of texts. Words are what white space and punctuation separate.

        Args:
            text: string [texts], UTF-8; bytes that are not UTF-8 are dropped.

        Returns:
            `count`, int32 [texts], how many parts each text has; of each part, [texts, most parts of a text], padded at
            the end: `text` and `type`, string, `start` and `end`, int32, its place in characters (code points), and
            `score`, float32, the product of the probabilities of its words' tags, not finite if a number overflowed.
        """
        pieces = self.tokenizer.token_ids_with_offsets(text)
        firsts = tf.cast(tf.where(~tf.gather(self._is_continued, pieces.ids.values))[:, 0], tf.int32)
        texts_of_words = tf.gather(pieces.ids.value_rowids(), firsts)
        found = self._join(pieces.ids, firsts, texts_of_words)
        ends_of_words = tf.concat([firsts[1:] - 1, [tf.size(pieces.ids.values) - 1]], axis=0)
        start = tf.gather(pieces.starts.values, tf.gather(firsts, found.first))
        end = tf.gather(pieces.ends.values, tf.gather(ends_of_words, found.last))
        outputs = self._by_text(found, start, end, tf.gather(texts_of_words, found.first), tf.size(text))
        characters = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="ignore")
        size = tf.shape(outputs["start"])
        characters = tf.broadcast_to(characters[:, tf.newaxis], size)
        parts = tf.strings.substr(characters, outputs["start"], outputs["end"] - outputs["start"], unit="UTF8_CHAR")
        return {"text": parts, **outputs}

    @tf.function(input_signature=[TEXTS, _COUNTS], autograph=False)
    def spans_of_words(self, words: tf.Tensor, counts: tf.Tensor) -> Mapping[str, tf.Tensor]:
        """Finds and names parts of texts that are split into words already.

        Args:
            words: string [words of all texts].
            counts: int32 [texts], the number of words of each text.

        Returns:
            As `spans`, without `text`; `start` and `end` count words.
        """
        ids = self.tokenizer.token_ids(words)
        has_piece = ids.row_lengths() > 0
        texts_of_words = tf.repeat(tf.range(tf.size(counts)), counts)
        splits = tf.gather(ids.row_splits, tf.concat([[0], tf.cumsum(counts)], axis=0))
        by_text = tf.RaggedTensor.from_row_splits(ids.values, splits, validate=False)
        firsts = tf.cast(tf.boolean_mask(ids.row_starts(), has_piece), tf.int32)
        found = self._join(by_text, firsts, texts_of_words, has_piece)
        texts = tf.gather(texts_of_words, found.first)
        before = tf.gather(tf.cumsum(counts, exclusive=True), texts)
        return self._by_text(found, found.first - before, found.last + 1 - before, texts, tf.size(counts))

    def _join(
        self,
        ids: tf.RaggedTensor,
        firsts: tf.Tensor,
        texts_of_words: tf.Tensor,
        has_piece: tf.Tensor | None = None,
    ) -> TagSpans:
        """Computes the tags of words and joins them.

        Args:
            ids: int32 ragged [texts, (pieces)].
            firsts: int32 [words with a piece], the first piece of each, counted over all texts.
            texts_of_words: int [words].
            has_piece: bool [words]; None if all have one. A word without is outside.
        """
        probabilities = tf.gather(self._probabilities(ids), firsts)
        tag_ids = tf.argmax(probabilities, axis=-1, output_type=tf.int32)
        # Not a number if any number is not finite, also among those of other tags.
        best = tf.reduce_max(probabilities, axis=-1) + 0.0 * tf.reduce_sum(probabilities, axis=-1)
        if has_piece is not None:
            places, size = tf.where(has_piece), tf.size(has_piece, tf.int64)[tf.newaxis]
            outside = tf.cast(tf.where(self._table.type_ids < 0)[0, 0], tf.int32)
            tag_ids = tf.tensor_scatter_nd_update(tf.fill(size, outside), places, tag_ids)
            best = tf.tensor_scatter_nd_update(tf.ones(size), places, best)
        return join_tags(tag_ids, best, texts_of_words, self._table, self._settings.repair == DISCARD)

    def _probabilities(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """Computes all windows, some at a time; returns the probabilities of the tags, float32 [pieces, tags]."""
        windows = TagWindows(ids, self._max_seq_length, self._settings.doc_context)
        # Windows of similar length together, so that little is padded.
        order = tf.argsort(windows.lengths, stable=True)
        chunks = -(-windows.count // _WINDOWS_AT_A_TIME)
        num_tags = self._table.type_ids.shape[0]
        arrays = [
            tf.TensorArray(dtype, chunks, element_shape=shape, infer_shape=False)
            for dtype, shape in ((tf.int32, [None]), (tf.float32, [None, num_tags]))
        ]

        def compute(chunk: tf.Tensor, arrays: list[tf.TensorArray]) -> tuple[tf.Tensor, list[tf.TensorArray]]:
            chosen = order[chunk * _WINDOWS_AT_A_TIME : (chunk + 1) * _WINDOWS_AT_A_TIME]
            rows = windows.rows(chosen, *map(self.tokenizer.vocab.get, ("[CLS]", "[SEP]")))
            found = rows.pieces, tf.gather_nd(self._probabilities_of_rows(rows), rows.places)
            return chunk + 1, [array.write(chunk, each) for array, each in zip(arrays, found, strict=True)]

        _, arrays = tf.while_loop(lambda chunk, _: chunk < chunks, compute, [0, arrays], parallel_iterations=1)
        pieces, probabilities = (array.concat() for array in arrays)
        return tf.gather(probabilities, tf.math.invert_permutation(pieces))

    def _probabilities_of_rows(self, rows: TagRows) -> tf.Tensor:
        """Computes the probabilities at each position, float32 [rows, length, tags], as `TokenHead` does."""
        outputs = self._encoder.outputs(rows.ids, rows.is_real, tf.zeros_like(rows.ids))
        logits = tf.tensordot(outputs, self._encoder.weights["output_weights"], [[2], [1]])
        return tf.nn.softmax(tf.nn.bias_add(logits, self._encoder.weights["output_bias"]))

    def _by_text(
        self, found: TagSpans, start: tf.Tensor, end: tf.Tensor, texts: tf.Tensor, num_texts: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Returns count, types, places and scores by text, as `spans` does."""
        names = tf.gather(tf.constant(self._table.types, tf.string), found.type_id)
        columns = {"type": names, "start": start, "end": end, "score": found.score}
        padded = {}
        for name, column in columns.items():
            column = tf.cast(column, tf.int32) if name in ("start", "end") else column
            ragged = tf.RaggedTensor.from_value_rowids(
                column, tf.cast(texts, tf.int64), tf.cast(num_texts, tf.int64), validate=False
            )
            padded[name] = ragged.to_tensor()
        return {"count": tf.cast(ragged.row_lengths(), tf.int32), **padded}


def _continued_pieces(tokenizer: FullTokenizer) -> tf.Tensor:
    """Returns which pieces of the vocabulary continue a word, bool [vocabulary]."""
    size = max(tokenizer.vocab.values()) + 1
    return tf.constant([tokenizer.inv_vocab.get(index, "").startswith("##") for index in range(size)])
