"""Finds whether a model fills masks, without reading its weights. Needs no TensorFlow.

fills_masks(resolve("uncased_L-12_H-768_A-12"))  # True
"""

from bert_tf.checkpoints.index_names import index_names
from bert_tf.checkpoints.locate import CheckpointFiles, is_safetensors
from bert_tf.checkpoints.safetensors_format import classifier_outputs, head_names
from bert_tf.data.label_files import read_kind
from bert_tf.data.targets import PRETRAINING
from bert_tf.errors import UserError, printable
from bert_tf.modeling.shapes import MASKED_LM_SCOPE, NEXT_SENTENCE_SCOPE, SPAN_BIAS
from bert_tf.models.folder_forms import is_folder_of_run
from bert_tf.models.question_models import answers_questions
from bert_tf.remote import AnyPath


def fills_masks(files: CheckpointFiles) -> bool:
    """Returns True for the original's pre-trained checkpoints, runs of run_pretraining.py, and a `BertForMaskedLM`.

    Raises:
        UserError: a file is broken.
    """
    if files.checkpoint is None:
        return False
    folder = files.checkpoint.parent
    if is_safetensors(files.checkpoint):
        is_other = classifier_outputs(files.checkpoint) is not None or answers_questions(files)
        return f"{MASKED_LM_SCOPE}/output_bias" in head_names(files.checkpoint) and not is_other
    if is_folder_of_run(folder):
        return read_kind(folder, "give a finished run's output folder") == PRETRAINING
    names = index_names(files.checkpoint)
    return f"{MASKED_LM_SCOPE}/output_bias" in names and names.isdisjoint(("output_bias", SPAN_BIAS))


def fills_only_masks(checkpoint: AnyPath) -> bool:
    """Returns True for a checkpoint with the head of masked words and without that of next sentences.

    Raises:
        UserError: a file is broken.
    """
    names = head_names(checkpoint) if is_safetensors(checkpoint) else index_names(checkpoint)
    return f"{MASKED_LM_SCOPE}/output_bias" in names and f"{NEXT_SENTENCE_SCOPE}/output_bias" not in names


def not_fine_tuned(model: str) -> UserError:
    """Returns the error of a program that cannot use a model that fills masks.

    Args:
        model: its folder or name.

    Example:
        >>> str(not_fine_tuned("uncased_L-12_H-768_A-12")).partition(";")[0]
        'uncased_L-12_H-768_A-12: is pre-trained and fills masks'
    """
    return UserError(
        f"{printable(model)}: is pre-trained and fills masks; fine-tune it first, as with run_classifier.py "
        "--bert_model, or call bert_tf.load(FOLDER).fill_mask(TEXT) in Python"
    )
