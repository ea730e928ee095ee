"""Makes the examples of shards with Apache Beam, on a cluster or here, with the extra `beam`.

make_with_beam(recipe, [Path("wiki.txt")], 10_000_000, record, "DirectRunner", "")

The shards are those of `pretraining_workers`, and so are their examples. One worker reads the texts, which takes little
time, and all workers make examples. Files must be where each worker can read and write them, such as in a bucket.
"""

import functools
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence

from bert_tf.data.pretraining_documents import TextFiles
from bert_tf.data.pretraining_shards import Made, Recipe, Shard, shards_of
from bert_tf.errors import UserError, reason_of
from bert_tf.programs.pretraining_output import Record
from bert_tf.programs.pretraining_workers import maker_of_worker
from bert_tf.remote import AnyPath

_INSTALL = "install it with: pip install -e '.[beam]'"


def check_beam() -> None:
    """Raises `UserError` if Apache Beam is not installed."""
    try:
        import apache_beam  # noqa: F401
    except ModuleNotFoundError:
        raise UserError(f"runner: the package apache_beam is missing; {_INSTALL}") from None


def make_with_beam(
    recipe: Recipe, inputs: Sequence[AnyPath], shard_bytes: int, record: Record, runner: str, options: str
) -> None:
    """Makes the examples of each shard that is not there, and records them.

    Args:
        recipe: how to make examples.
        inputs: the files of the texts.
        shard_bytes: the size of a shard.
        record: of the output.
        runner: the name of the runner, such as DirectRunner or DataflowRunner.
        options: more options of the pipeline, as on a command line.

    Raises:
        UserError: the pipeline failed.
    """
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    try:
        with beam.Pipeline(options=PipelineOptions(shlex.split(options), runner=runner)) as pipeline:
            (
                pipeline
                | "Files" >> beam.Create([list(inputs)])
                | "Shards" >> beam.FlatMap(_shards, shard_bytes)
                | "Spread" >> beam.Reshuffle()
                | "Examples" >> beam.Map(_make, recipe, record)
                | "Gather" >> beam.combiners.ToList()
                | "Record" >> beam.Map(functools.partial(_write, record))
            )
    except Exception as error:
        raise UserError(f"runner: {_reason(error)}") from error
    record.reload()


def _reason(error: Exception) -> str:
    """Returns the message of our own error in a worker, or what Beam says; its messages have the whole traceback."""
    text = re.sub(r" \[while running '[^']*'\]", "", str(error)).strip()
    if isinstance(error, UserError):
        return text
    ours = [line for line in text.splitlines() if "UserError: " in line]
    if ours:
        return ours[-1].partition("UserError: ")[2]
    last = Exception(text.splitlines()[-1] if text else type(error).__name__)
    return f"the pipeline failed ({reason_of(last)}); check --runner and --beam_options"


def _shards(inputs: Sequence[AnyPath], shard_bytes: int) -> Iterator[Shard]:
    yield from shards_of(TextFiles(inputs), shard_bytes)


def _make(shard: Shard, recipe: Recipe, record: Record) -> tuple[Shard, Made | None]:
    """Makes the examples of a shard; returns it without its texts, and None if the examples were there."""
    made = None if record.has(shard) else maker_of_worker(recipe).make_shard(shard, record.files.of_shard(shard.number))
    return shard._replace(documents=()), made


def _write(record: Record, results: Iterable[tuple[Shard, Made | None]]) -> None:
    for shard, made in sorted(results):
        record.has(shard)
        if made:
            record.add(shard, made)
    record.finish()
