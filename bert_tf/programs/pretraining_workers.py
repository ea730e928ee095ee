"""Makes the examples of shards, in this process or in several others.

for shard, made in made_shards(recipe, shards, files_of_shard, num_workers=4):
    ...
"""

import concurrent.futures
import contextlib
import functools
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING

from bert_tf.data.pretraining_shards import Made, Recipe, Shard
from bert_tf.errors import UserError
from bert_tf.remote import AnyPath

if TYPE_CHECKING:
    from bert_tf.data.pretraining_file import ExampleMaker


def made_shards(
    recipe: Recipe, shards: Iterable[Shard], files_of: Callable[[int], Sequence[AnyPath]], num_workers: int
) -> Iterator[tuple[Shard, Made]]:
    """Writes the examples of shards, and yields each one that is finished, in any order.

    Memory has the texts of no more shards than there are workers, and one.

    Args:
        recipe: how to make examples.
        shards: to make; they are read while others are made.
        files_of: returns the files of a shard, by its number.
        num_workers: the number of processes; 1 is this one.

    Raises:
        UserError: a file cannot be written, or a process was killed.

    Example:
        >>> from pathlib import Path
        >>> from bert_tf.programs.pretraining_data_config import PretrainingDataConfig
        >>> from bert_tf.programs.pretraining_recipe import find_recipe
        >>> shards = [Shard(number, [["It rains .", "It pours ."]], "", 0) for number in range(2)]
        >>> recipe = find_recipe(PretrainingDataConfig(dupe_factor=1))
        >>> made = made_shards(recipe, shards, lambda number: [Path(f"x-{number}.tfrecord")], num_workers=1)
        >>> [counts.sentences for _, counts in made]
        [2, 2]
    """
    if num_workers == 1:
        yield from _made_here(recipe, shards, files_of)
        return
    with _workers(num_workers) as pool:
        running: dict[Future, Shard] = {}
        for shard in shards:
            running[pool.submit(_make, recipe, shard, files_of(shard.number))] = shard._replace(documents=())
            if len(running) > num_workers:
                yield from _finished(running)
        while running:
            yield from _finished(running)


def _made_here(
    recipe: Recipe, shards: Iterable[Shard], files_of: Callable[[int], Sequence[AnyPath]]
) -> Iterator[tuple[Shard, Made]]:
    maker = None
    for shard in shards:
        maker = maker or _new_maker(recipe)
        yield shard, maker.make_shard(shard, files_of(shard.number))


def _finished(running: dict[Future, Shard]) -> Iterator[tuple[Shard, Made]]:
    """Waits for a shard, and yields those that are finished then."""
    done, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
    for future in done:
        yield running.pop(future), future.result()


@contextlib.contextmanager
def _workers(number: int) -> Iterator[ProcessPoolExecutor]:
    """Starts processes, and ends them when the block ends, in the middle of their work too."""
    others = set(multiprocessing.active_children())
    # TensorFlow does not survive a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(number, context, _start)
    try:
        yield pool
    except BrokenProcessPool as error:
        remedy = "pass a smaller --shard_megabytes or fewer --num_workers; the same command continues"
        raise UserError(f"num_workers: a worker was killed, perhaps for lack of memory; {remedy}") from error
    finally:
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        pool.shutdown(cancel_futures=True)


def _start() -> None:
    """Prepares a worker."""
    # The process that started it decides what Ctrl-C means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _use_one_core()


def _end_with_parent() -> None:
    """Ends this process when the one that started it has ended, even if that was killed."""
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def _use_one_core() -> None:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def _new_maker(recipe: Recipe) -> "ExampleMaker":
    # TensorFlow takes seconds to load: mistakes in flags, texts and files are reported before.
    from bert_tf.data.pretraining_file import ExampleMaker

    return ExampleMaker(recipe)


@functools.lru_cache(maxsize=1)
def maker_of_worker(recipe: Recipe) -> "ExampleMaker":
    """Returns the maker of examples of a process that makes one shard after the other."""
    return _new_maker(recipe)


def _make(recipe: Recipe, shard: Shard, files: Sequence[AnyPath]) -> Made:
    return maker_of_worker(recipe).make_shard(shard, files)
