"""Finds whether a model answers questions, without reading its weights. Needs no TensorFlow.

answers_questions(resolve("output/SQuAD/all-MiniLM-L6-v2"))  # True
"""

from bert_tf.checkpoints.index_names import index_names
from bert_tf.checkpoints.locate import CheckpointFiles, is_safetensors
from bert_tf.checkpoints.safetensors_format import has_span_head
from bert_tf.data.label_files import read_kind
from bert_tf.data.targets import QUESTION_ANSWERING
from bert_tf.modeling.shapes import SPAN_BIAS
from bert_tf.models.folder_forms import is_folder_of_run


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
    return SPAN_BIAS in index_names(files.checkpoint)
