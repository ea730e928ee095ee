"""Predicts any number of rows in little memory: chunk by chunk, in their order.

predict_chunks(model, chunks_of(rows, 1024), writer, batch_size=32)
"""

from collections.abc import Callable, Iterable

from bert_tf.data.text_rows import TextRow
from bert_tf.serving.answers import Writer
from bert_tf.serving.predictor import Predictor


def predict_chunks(
    model: Predictor,
    chunks: Iterable[list[TextRow]],
    writer: Writer,
    batch_size: int,
    finish: Callable[[int], None] = lambda count: None,
) -> None:
    """Predicts each chunk and writes it.

    Args:
        model: the model. It sorts the texts of a chunk by their length, so that little is padded.
        chunks: of rows.
        writer: of the answers.
        batch_size: how many texts to compute at a time.
        finish: is called after each chunk, with the number of rows written so far.
    """
    count = 0
    for chunk in chunks:
        writer.write(chunk, model.predict([row.texts for row in chunk], batch_size=batch_size))
        count += len(chunk)
        finish(count)
