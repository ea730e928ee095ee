"""Finds whether a model tags words, without reading its weights. Needs no TensorFlow.

tags_words(resolve("output/NER/all-MiniLM-L6-v2"))  # True
"""

from bert_tf.checkpoints.huggingface_config import described_head
from bert_tf.checkpoints.locate import CheckpointFiles, is_safetensors
from bert_tf.checkpoints.safetensors_format import classifier_outputs
from bert_tf.data.label_files import read_kind
from bert_tf.data.targets import TOKEN_CLASSIFICATION
from bert_tf.models.folder_forms import is_folder_of_run


def tags_words(files: CheckpointFiles) -> bool:
    """Returns True for the files of a run of run_ner.py, or of a `BertForTokenClassification`.

    Raises:
        UserError: a file is broken.
    """
    if files.checkpoint is None:
        return False
    if is_safetensors(files.checkpoint):
        outputs = classifier_outputs(files.checkpoint)
        return outputs is not None and described_head(files.config_file, outputs).kind == TOKEN_CLASSIFICATION
    folder = files.checkpoint.parent
    return is_folder_of_run(folder) and read_kind(folder, "give a finished run's output folder") == TOKEN_CLASSIFICATION
