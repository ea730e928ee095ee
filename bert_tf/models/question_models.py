"""Finds whether a model answers questions, without reading its weights. Needs no TensorFlow.

answers_questions(resolve("output/SQuAD/all-MiniLM-L6-v2"))  # True
"""

from bert_tf.checkpoints.locate import CheckpointFiles, is_safetensors
from bert_tf.checkpoints.safetensors_format import BROKEN, has_span_head
from bert_tf.checkpoints.table import read_table
from bert_tf.data.label_files import read_kind
from bert_tf.data.targets import QUESTION_ANSWERING
from bert_tf.errors import reading
from bert_tf.files import read_bytes
from bert_tf.modeling.shapes import SPAN_BIAS
from bert_tf.models.folder_forms import is_folder_of_run
from bert_tf.remote import AnyPath, as_path

_MAX_INDEX_BYTES = 64 << 20


def answers_questions(files: CheckpointFiles) -> bool:
    """Returns True for the files of a run of run_squad.py, ours or the original's, or of a `BertForQuestionAnswering`.

    Raises:
        UserError: a file is broken.
    """
    if files.checkpoint is None:
        return False
    if is_safetensors(files.checkpoint):
        return has_span_head(files.checkpoint)
    if is_folder_of_run(files.checkpoint.parent):
        return read_kind(files.checkpoint.parent, "give a finished run's output folder") == QUESTION_ANSWERING
    return _has_span_head(files.checkpoint)


def _has_span_head(prefix: AnyPath) -> bool:
    index = as_path(f"{prefix}.index")
    if not index.is_file():
        return False
    with reading(prefix, *BROKEN):
        return SPAN_BIAS.encode() in read_table(read_bytes(index, _MAX_INDEX_BYTES))
