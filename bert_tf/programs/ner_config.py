"""The flags of `run_ner.py`: those of every run, and those of sentences and their tags."""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

from bert_tf.checkpoints.catalogue import DEFAULT_CHECKPOINT
from bert_tf.data.sentence_spans import DOC_CONTEXT
from bert_tf.data.tag_schemes import CONLL, REPAIRS
from bert_tf.models.question_settings import LARGEST
from bert_tf.training.config import MAX_BATCH_SIZE, RunConfig, with_recipe
from bert_tf.training.fields import FlagConfig, flag

# Settings that replace a model's defaults, as measured on part of the training documents of the sample corpus.
RECIPES = {DEFAULT_CHECKPOINT: {"learning_rate": 3e-4, "train_batch_size": 16, "num_train_epochs": 8.0}}

_FORMS = 'a word and its tag a line, with blank lines between the sentences, or JSON lines with "words" and "tags"'


@dataclasses.dataclass(frozen=True, kw_only=True)
class TagConfig(FlagConfig):
    """Sentences and tags: their files, and how a model reads sentences and repairs tags."""

    train_file: str | None = flag(None, f"The sentences to train on: {_FORMS}.", resume=False, is_path=True)
    dev_file: str | None = flag(
        None, "The sentences with tags for do_eval, in one of the forms of train_file.", resume=False, is_path=True
    )
    test_file: str | None = flag(
        None,
        "The sentences for do_predict, in one of the forms of train_file; tags are not needed.",
        resume=False,
        is_path=True,
    )
    max_seq_length: int | None = flag(
        128,
        "The maximum total input sequence length after WordPiece tokenization. Longer sentences are read in several "
        "windows.",
        resume=True,
        recipe=True,
        lower_bound=3,
    )
    doc_context: int | None = flag(
        DOC_CONTEXT,
        "The number of word pieces that each window of a long sentence has on both sides for context only; their words "
        "get their tags in another window. Short windows have less.",
        resume=True,
        recipe=True,
        lower_bound=0,
        upper_bound=LARGEST,
    )
    document_context: bool | None = flag(
        False,
        "Whether the model also reads the sentences before and after each one in its document, as many as there is "
        "place for: the paper's maximal document context. -DOCSTART- lines say where documents start; a file without "
        "them is one document.",
        resume=True,
        recipe=True,
    )
    repair: str | None = flag(
        CONLL,
        "What to do with an I- tag that no tag of its type precedes: conll begins an entity with it, as the script "
        "conlleval does, and discard makes it O.",
        resume=True,
        recipe=True,
        choices=REPAIRS,
    )

    @property
    def names_files(self) -> bool:
        """True if a flag names a file."""
        return any(map(self.file_of, ("train", "dev", "test")))

    def file_of(self, split: str) -> str | None:
        """Returns the file of a split: `"train"`, `"dev"` or `"test"`; None if no flag names it.

        Example:
            >>> TagConfig(dev_file="dev.conll").file_of("dev")
            'dev.conll'
        """
        return getattr(self, f"{split}_file")


@dataclasses.dataclass(frozen=True, kw_only=True)
class NerConfig(TagConfig, RunConfig):
    """A run of `run_ner.py`.

    Attributes:
        task_name: the name of the task in results and default folders.
        data_dir: not used; the files have flags of their own.

    Example:
        >>> config = NerConfig(do_train=True, do_predict=True)
        >>> config.task_name, config.splits
        ('NER', ['train', 'test'])
    """

    program: ClassVar[str] = "run_ner"
    recipes: ClassVar[Mapping[str, Mapping[str, float]]] = RECIPES
    evaluation_settings: ClassVar[tuple[str, ...]] = (
        *RunConfig.evaluation_settings,
        *("dev_file", "doc_context", "document_context", "repair"),
    )

    learning_rate: float | None = flag(
        5e-5,
        with_recipe("The peak learning rate for Adam.", "learning_rate", RECIPES),
        resume=True,
        recipe=True,
        positive=True,
    )
    train_batch_size: int | None = flag(
        32,
        with_recipe("Total batch size for training, over all replicas.", "train_batch_size", RECIPES),
        resume=True,
        recipe=True,
        lower_bound=1,
        upper_bound=MAX_BATCH_SIZE,
    )
    num_train_epochs: float | None = flag(
        3.0,
        with_recipe("Total number of training epochs to perform.", "num_train_epochs", RECIPES),
        resume=True,
        recipe=True,
        positive=True,
    )
    task_name: str = "NER"
    data_dir: str | None = None
