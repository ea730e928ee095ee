"""Reads what a folder says about its fine-tuned model besides the weights; there is a function for each form of folder.

describe(files, num_outputs=2, labels=None)        # one of these four
describe_run(folder)                               # the output folder of a run
describe_huggingface(files, num_outputs=2)        # a Hugging Face folder with a classifier
describe_original(folder, 2, ["0", "1"])            # the original's output folder, which says next to nothing
describe_original_of_questions()                   # that of its run_squad.py, which says nothing
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence

from bert_tf import run_files
from bert_tf.checkpoints.huggingface_config import check_tags, described_head, model_max_length
from bert_tf.checkpoints.locate import CheckpointFiles, is_safetensors
from bert_tf.data.label_files import read_kind, read_labels
from bert_tf.data.label_names import label_problem
from bert_tf.data.lists import elements_of
from bert_tf.data.run_facts import takes_pairs
from bert_tf.data.targets import QUESTION_ANSWERING, TOKEN_CLASSIFICATION, OneLabel
from bert_tf.errors import UserError, counted, first_few, printable, reading, shown
from bert_tf.files import read_json_or_empty, read_text
from bert_tf.models.folder_forms import is_folder_of_run
from bert_tf.models.question_settings import QuestionSettings
from bert_tf.models.tagging_settings import TaggingSettings
from bert_tf.remote import AnyPath
from bert_tf.tasks.metrics import METRICS
from bert_tf.tasks.squad_metrics import SCORES_2
from bert_tf.tasks.tag_metrics import SCORES as TAG_SCORES
from bert_tf.training.output_dir import OutputDir

_REMEDY = "give a finished run's output folder"
# run_squad.py of transformers and the original train with windows of this length.
_QUESTION_LENGTH = 384
_SCORES = {QUESTION_ANSWERING: SCORES_2, TOKEN_CLASSIFICATION: TAG_SCORES}
_SCORE = re.compile(r"(eval_\w+) = (\S+)")


@dataclasses.dataclass(frozen=True)
class Description:
    """The facts about a model that are not in its weights and configuration.

    Attributes:
        kind: of its labels: `"classification"`, `"regression"` or `"multi_label"`; or `"question_answering"` or
            `"token_classification"`.
        labels: in the order of the head's outputs, tags for words included; empty for a regression and for answers to
            questions.
        length: the longest text of its training in word pieces; None if nothing says so.
        mixed_precision: of its training: `"none"`, `"bfloat16"` or `"float16"`.
        pairs: whether it was trained on pairs of texts; None if nothing says so.
        scores: of its evaluation, such as `eval_accuracy`.
        run: the content of run.json; empty if others trained the model.
        questions: how it answers questions; None if it does not.
        tagging: how it tags words; None if it does not.
    """

    kind: str
    labels: tuple[str, ...]
    length: int | None = None
    mixed_precision: str = "none"
    pairs: bool | None = None
    scores: Mapping[str, float] = dataclasses.field(default_factory=dict)
    run: Mapping[str, object] = dataclasses.field(default_factory=dict)
    questions: QuestionSettings | None = None
    tagging: TaggingSettings | None = None


def describe(files: CheckpointFiles, num_outputs: int | None, labels: Iterable[str] | None) -> Description:
    """Reads what the folder of a checkpoint says.

    Args:
        files: of the model.
        num_outputs: of its head; None for one that finds the ends of an answer.
        labels: the names of its labels, if the user gives them.

    Raises:
        UserError: a file is missing or broken, the labels do not fit the head, or nothing says what they are.
    """
    folder = files.checkpoint.parent
    if labels is not None:
        labels = _checked_labels(labels)
    if is_safetensors(files.checkpoint):
        found = describe_huggingface(files, num_outputs)
    elif is_folder_of_run(folder):
        found = describe_run(folder)
    elif num_outputs is None:
        found = describe_original_of_questions()
    elif labels is None:
        raise UserError(
            f"{printable(folder)}: does not say what its labels are; give labels, in the order in which the task "
            "that it was fine-tuned for has them"
        )
    else:
        found = describe_original(folder, num_outputs, labels)
    if labels is not None:
        found = _renamed(found, labels, files)
    if found.kind == TOKEN_CLASSIFICATION and is_safetensors(files.checkpoint):
        check_tags(found.labels, printable(files.config_file) if labels is None else "labels")
    return found


def _checked_labels(labels: Iterable[str]) -> list[str]:
    names = elements_of(labels)
    if not names:
        raise UserError(f"labels: is {shown(labels)}; give a list of names, in the order of the head's outputs")
    for number, label in enumerate(names):
        problem = label_problem(label, names[:number])
        if problem:
            raise UserError(f"labels: the label {number} is {shown(label)}, {problem}; repair it")
    return [str(name) for name in names]


def _renamed(found: Description, labels: Sequence[str], files: CheckpointFiles) -> Description:
    """Gives the labels of a Hugging Face model other names; raises `UserError` if a run says that they are others."""
    is_other = tuple(labels) != found.labels
    if len(labels) != len(found.labels) or (is_other and not is_safetensors(files.checkpoint)):
        without = "answers, no labels" if found.kind == QUESTION_ANSWERING else "numbers, no labels"
        subject = f"the labels {first_few(found.labels)}" if found.labels else without
        raise UserError(
            f"labels: are {first_few(labels)}, but {printable(files.checkpoint)} predicts {subject}; leave them out"
        )
    return dataclasses.replace(found, labels=tuple(labels))


def describe_run(folder: AnyPath) -> Description:
    """Reads run.json, task.json, labels.txt and results.json. A folder without task.json holds a classifier.

    Raises:
        UserError: labels.txt is missing, or a file is broken; no label is invented.
    """
    output_dir = OutputDir(folder, is_writer=False)
    kind = read_kind(folder, _REMEDY)
    labels = tuple(read_labels(folder, kind, _REMEDY))
    run = output_dir.read_unchecked_run() or {}
    training = run.get("training", {})
    return Description(
        kind=kind,
        labels=labels,
        length=training.get("max_seq_length"),
        mixed_precision=str(training.get("mixed_precision")),
        pairs=takes_pairs(run),
        scores=_known_scores(output_dir.read_results(), kind),
        run=run,
        questions=QuestionSettings.from_training(training) if kind == QUESTION_ANSWERING else None,
        tagging=_tagging_of_run(folder) if kind == TOKEN_CLASSIFICATION else None,
    )


def _tagging_of_run(folder: AnyPath) -> TaggingSettings:
    return TaggingSettings.from_task(read_json_or_empty(folder / run_files.TASK))


def describe_huggingface(files: CheckpointFiles, num_outputs: int | None) -> Description:
    """Reads `config.json` and `tokenizer_config.json`.

    Raises:
        UserError: a file is broken, or the labels do not fit the head.
    """
    head = described_head(files.config_file, num_outputs)
    length = model_max_length(files.checkpoint.parent)
    if head.kind != QUESTION_ANSWERING:
        tagging = TaggingSettings() if head.kind == TOKEN_CLASSIFICATION else None
        return Description(head.kind, head.labels, length=length, tagging=tagging)
    # As transformers' pipeline, which does not trust the length of the tokenizer either.
    length = min(length or _QUESTION_LENGTH, _QUESTION_LENGTH)
    return Description(head.kind, head.labels, length=length, questions=QuestionSettings())


def describe_original(folder: AnyPath, num_outputs: int, labels: Sequence[str]) -> Description:
    """Reads eval_results.txt, all that the original's run_classifier.py says there; it trains only classifiers.

    Raises:
        UserError: the file cannot be read, or the head has another number of outputs than there are labels.
    """
    if len(labels) != num_outputs:
        raise UserError(
            f"labels: are {len(labels)} ({first_few(labels)}), but the head in {printable(folder)} has "
            f"{counted(num_outputs, 'output')}; give one for each, in the order of the task that it was fine-tuned for"
        )
    return Description(OneLabel.kind, tuple(labels), scores=_known_scores(_original_scores(folder), OneLabel.kind))


def describe_original_of_questions() -> Description:
    """Returns the defaults of the original's run_squad.py, whose folder does not say how it was trained."""
    return Description(QUESTION_ANSWERING, (), length=_QUESTION_LENGTH, questions=QuestionSettings())


def _original_scores(folder: AnyPath) -> dict[str, float]:
    path = folder / run_files.EVAL_RESULTS
    with reading(path, "repair or remove it"):
        text = read_text(path) if path.is_file() else ""
        return {name: float(number) for name, number in _SCORE.findall(text)}


def _known_scores(results: Mapping[str, object], kind: str) -> dict[str, float]:
    names = _SCORES.get(kind) or [f"eval_{name}" for name in (*METRICS[kind], "loss")]
    return {name: results[name] for name in names if isinstance(results.get(name), float)}
