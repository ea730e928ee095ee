"""The flags of `create_pretraining_data`."""

import dataclasses
import re

from bert_tf.checkpoints.catalogue import DEFAULT_CHECKPOINT
from bert_tf.data.pretraining_instances import InstanceSettings
from bert_tf.errors import UserError, shown
from bert_tf.training.fields import FlagConfig, flag

# No BERT has nearly as many positions.
_LONGEST = 2**20
# The library that splits sentences takes any word as a language it does not know, and splits as in English.
_LANGUAGE_CODE = "[a-z]{2,3}(-[A-Za-z0-9-]+)?"


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainingDataConfig(FlagConfig):
    """The flags of `create_pretraining_data`: the original's, and how to make the data of large corpora.

    Raises:
        UserError: a value is out of its bounds, or flags contradict one another.

    Example:
        >>> PretrainingDataConfig(input_file="wiki.txt", dupe_factor=5).settings.dupe_factor
        5
    """

    input_file: str | None = flag(
        None,
        "The texts: one sentence a line, and blank lines between documents. Names of files and patterns such as "
        "'wiki_*.txt.gz', with commas between them. Files may be compressed with gzip. By default the sample corpus.",
        resume=True,
    )
    output_file: str | None = flag(
        None,
        "The TFRecord file to write, or several with commas between them, to which the examples go in turns. They are "
        "there when all is done, and not before. By default data/pretraining/tf_examples.tfrecord.",
        resume=True,
    )
    overwrite: bool = flag(
        False,
        "Whether to replace output files that are there and were made of other texts or with other settings.",
        resume=False,
    )
    model: str | None = flag(
        None,
        "The model whose vocabulary to use: a name such as uncased_L-12_H-768_A-12, a folder, or "
        f"hf://ORGANIZATION/NAME. By default the small {DEFAULT_CHECKPOINT}.",
        resume=True,
        name="bert_model",
        is_path=True,
        is_model=True,
    )
    vocab_file: str | None = flag(
        None, "Instead of bert_model: the vocabulary file that the model is trained on.", resume=True, is_path=True
    )
    do_lower_case: bool | None = flag(
        None,
        "Whether to lower case the input text. Should be True for uncased models and False for cased models. By "
        "default the files of the model say it.",
        resume=True,
    )
    do_whole_word_mask: bool = flag(
        False, "Whether to mask all word pieces of a word, or none, instead of single pieces.", resume=True
    )
    max_seq_length: int = flag(128, "Maximum sequence length.", resume=True, lower_bound=5, upper_bound=_LONGEST)
    max_predictions_per_seq: int = flag(
        20, "Maximum number of masked LM predictions per sequence.", resume=True, lower_bound=1, upper_bound=_LONGEST
    )
    random_seed: int = flag(12345, "Random seed for data generation.", resume=True)
    dupe_factor: int = flag(
        10,
        "Number of times to duplicate the input data (with different masks).",
        resume=True,
        lower_bound=1,
        upper_bound=10**6,
    )
    masked_lm_prob: float = flag(0.15, "Masked LM probability.", resume=True, lower_bound=0.0, upper_bound=1.0)
    short_seq_prob: float = flag(
        0.1,
        "Probability of creating sequences which are shorter than the maximum length.",
        resume=True,
        lower_bound=0.0,
        upper_bound=1.0,
    )

    shard_megabytes: float | None = flag(
        None,
        "Makes the examples of one shard of the texts after the other, so that texts of any size need little memory: "
        "each worker needs about thirty times the size of a shard, at the default dupe_factor, and 0.8 GB. A shard has "
        "whole documents of about this many megabytes, and random numbers of its own; a longer document is cut. The "
        "file of the shard 7 of wiki.tfrecord is wiki-00007.tfrecord. A killed command continues with the next shard "
        "if it is run again. By default all is made at once, as by the original.",
        resume=True,
        positive=True,
    )
    num_workers: int = flag(
        1,
        "The number of processes that make shards. The result does not depend on it.",
        resume=False,
        lower_bound=1,
        upper_bound=1024,
    )
    runner: str | None = flag(
        None,
        "Makes the shards with this runner of Apache Beam instead of num_workers, such as DataflowRunner, or "
        "DirectRunner to try it here. Needs the package apache-beam: pip install -e '.[beam]'. The workers need this "
        "package too, and must reach the files, for example in a bucket.",
        resume=False,
    )
    beam_options: str = flag(
        "", "Options of the pipeline for runner, as on a command line: '--project=P --region=R'.", resume=False
    )
    split_sentences: bool = flag(
        False,
        "Whether a line is a paragraph, which is to be split into sentences. Needs the package sentencex: pip install "
        "-e '.[sentences]'.",
        resume=True,
    )
    language: str | None = flag(
        None, "The language of the texts for split_sentences, as its ISO 639 code. By default en.", resume=True
    )

    @property
    def settings(self) -> InstanceSettings:
        """The settings by which documents become instances."""
        return InstanceSettings(**{name: getattr(self, name) for name in InstanceSettings._fields})

    @property
    def model_or_default(self) -> str | None:
        """The name or folder of the model; None if the vocabulary is named."""
        return self.model or (None if self.vocab_file else DEFAULT_CHECKPOINT)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model and self.vocab_file:
            raise UserError("bert_model: contradicts --vocab_file; pass only one of them")
        if self.language and not self.split_sentences:
            raise UserError("language: is only valid with --split_sentences")
        if self.language and not re.fullmatch(_LANGUAGE_CODE, self.language):
            raise UserError(f"language: is {shown(self.language)}; give its ISO 639 code, such as de")
        if self.num_workers > 1 and not self.shard_megabytes:
            raise UserError("num_workers: the workers need shards; pass --shard_megabytes=10 too")
        if self.runner and not self.shard_megabytes:
            raise UserError("runner: the workers need shards; pass --shard_megabytes=10 too")
        if self.runner and self.num_workers > 1:
            raise UserError("num_workers: contradicts --runner; name the number of its workers in --beam_options")
        if self.beam_options and not self.runner:
            raise UserError("beam_options: is only valid with --runner")
        if self.shard_megabytes and "," in (self.output_file or ""):
            raise UserError(
                "output_file: names several files; with shard_megabytes name one, for example wiki.tfrecord"
            )
