r"""Makes the examples of pre-training from texts: the original's create_pretraining_data.py.

    python scripts/create_pretraining_data.py
    python scripts/create_pretraining_data.py --input_file=./texts/*.txt --output_file=/tmp/tf_examples.tfrecord \
        --vocab_file=$BERT_BASE_DIR/vocab.txt --do_lower_case=True --max_seq_length=128 --max_predictions_per_seq=20 \
        --masked_lm_prob=0.15 --random_seed=12345 --dupe_factor=5

The first command makes them of the sample corpus. The second one is the original's, and so are its examples, number by
number. Texts have one sentence a line, and blank lines between documents. run_pretraining.py reads the result.

Large corpora are made in shards, by several processes; a killed command continues if it is run again:

    python scripts/create_pretraining_data.py --input_file='wiki/*.txt.gz' --output_file=wiki.tfrecord \
        --split_sentences --shard_megabytes=10 --num_workers=8
"""

import itertools
import math
import random
from collections.abc import Iterator, Sequence

from absl import logging

from bert_tf.data.file_patterns import matching_files
from bert_tf.data.folders import exported_dir, sample_dir
from bert_tf.data.pretraining_documents import TextFiles
from bert_tf.data.pretraining_shards import Made, Recipe, Shard, shards_of, single_shard
from bert_tf.errors import UserError, first_few
from bert_tf.flags import config_from_flags, run_program
from bert_tf.paths import checked_path
from bert_tf.programs.pretraining_beam import check_beam, make_with_beam
from bert_tf.programs.pretraining_data_config import PretrainingDataConfig
from bert_tf.programs.pretraining_output import OutputFiles, Record, opened_record
from bert_tf.programs.pretraining_recipe import find_recipe, settings_of
from bert_tf.programs.pretraining_remarks import say_what_is_there, say_what_is_unusual, say_what_was_dropped
from bert_tf.programs.pretraining_workers import made_shards
from bert_tf.remote import AnyPath, as_path
from bert_tf.streams import hide_start_up_messages
from bert_tf.training.progress import ProgressBar

_MEGABYTE = 10**6


def main() -> None:
    """Makes the examples as the flags say."""
    config = config_from_flags(PretrainingDataConfig)
    hide_start_up_messages()
    create_pretraining_data(config)


def create_pretraining_data(config: PretrainingDataConfig) -> Made:
    r"""Writes the output files, each whole or not at all.

    Returns:
        What is in the files, in numbers.

    Raises:
        UserError: a mistake in the texts, the vocabulary or the output.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("a.txt").write_text("It rains .\nIt pours .\n\nSnow falls .\nIt is cold .")
        >>> config = PretrainingDataConfig(input_file="a.txt", output_file="a.tfrecord", dupe_factor=1)
        >>> create_pretraining_data(config).sentences
        4
    """
    inputs, files = input_files(config), output_files(config)
    texts = TextFiles(inputs)
    files.check(inputs)
    if config.runner:
        check_beam()
    recipe = find_recipe(config)
    shards = _shards(config, texts)
    with opened_record(files, settings_of(config, recipe), config.overwrite) as record:
        if config.runner:
            num_new = make_elsewhere(config, recipe, inputs, record)
        elif files.is_sharded:
            num_new = make_shards(config, recipe, texts, shards, record)
        else:
            num_new = make_at_once(config, recipe, next(shards), record)
        say_what_was_dropped(texts, record.made)
        say_what_is_unusual(recipe, record)
        say_what_is_there(record, num_new)
        return record.made


def input_files(config: PretrainingDataConfig) -> list[AnyPath]:
    """Returns the files of the texts: those that the flags name, or the sample corpus.

    Raises:
        UserError: a file is missing.
    """
    if config.input_file is not None:
        return matching_files(config.input_file, "input_file")
    sample = sample_dir("pretraining")
    if sample is None:
        raise UserError("input_file: is missing; pass --input_file=FILE, with one sentence a line")
    logging.warning("No input_file: using the sample corpus %s.", sample)
    return [sample / "train.txt"]


def output_files(config: PretrainingDataConfig) -> OutputFiles:
    """Returns the names of the files to write."""
    name = config.output_file
    if name is None:
        name = str(exported_dir("pretraining") / "tf_examples.tfrecord")
    paths = [as_path(checked_path(part, "output_file")) for part in name.split(",")]
    return OutputFiles(paths, is_sharded=config.shard_megabytes is not None)


def _shards(config: PretrainingDataConfig, texts: TextFiles) -> Iterator[Shard]:
    """Returns the shards of texts, of which the first is read; one of all texts if the flags want none.

    Raises:
        UserError: there is no text.
    """
    shards = shards_of(texts, _shard_bytes(config)) if config.shard_megabytes else iter([single_shard(texts)])
    first = next(shards, None)
    if first is None or not first.documents:
        raise UserError(
            f"input_file: {first_few(map(str, texts.empty))}: there is no text; give texts, a sentence a line"
        )
    return itertools.chain([first], shards)


def _shard_bytes(config: PretrainingDataConfig) -> int:
    return math.ceil(config.shard_megabytes * _MEGABYTE)


def make_at_once(config: PretrainingDataConfig, recipe: Recipe, shard: Shard, record: Record) -> int:
    """Makes all examples, exactly as the original does.

    Returns:
        1, or 0 if they were there.
    """
    if record.has(shard):
        return 0
    # TensorFlow takes seconds to load: mistakes in flags, texts and files are reported before.
    from bert_tf.data.pretraining_file import ExampleMaker

    rng = random.Random(config.random_seed)  # noqa: S311
    uses = config.dupe_factor * len(shard.documents)
    with ProgressBar("create", uses, 1, unit="document") as bar:
        made = ExampleMaker(recipe).make(shard.documents, rng, record.files.of_shard(0), bar.update)
        bar.update(uses)
    record.add(shard, made)
    return 1


def make_shards(
    config: PretrainingDataConfig,
    recipe: Recipe,
    texts: TextFiles,
    shards: Iterator[Shard],
    record: Record,
) -> int:
    """Makes the examples of each shard that is not there.

    Returns:
        The number of these shards.
    """
    num_new, done = 0, 0
    missing = (shard for shard in shards if not record.has(shard))
    with ProgressBar("create", math.ceil(texts.total_bytes / _MEGABYTE), 1, unit="megabyte") as bar:
        for shard, made in made_shards(recipe, missing, record.files.of_shard, config.num_workers):
            record.add(shard, made)
            num_new, done = num_new + 1, max(done, shard.bytes_read)
            bar.update(math.ceil(done / _MEGABYTE))
    record.finish()
    return num_new


def make_elsewhere(config: PretrainingDataConfig, recipe: Recipe, inputs: Sequence[AnyPath], record: Record) -> int:
    """Makes the examples of each shard that is not there, with Apache Beam.

    Returns:
        1, as it is not known if all were there.
    """
    make_with_beam(recipe, inputs, _shard_bytes(config), record, config.runner, config.beam_options)
    return 1


def advice() -> str:
    """Returns what the user can do after Ctrl-C."""
    config = config_from_flags(PretrainingDataConfig)
    return "the same command continues" if config.shard_megabytes else "run the same command again"


def run_main() -> None:
    """Starts the program."""
    run_program(main, PretrainingDataConfig, advice=advice)
