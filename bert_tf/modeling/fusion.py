"""Compiles small element-wise functions with XLA, so that each makes one pass over memory.

@fused
def scaled_sum(x, y, factor):
    return x * factor + y

scaled_sum(x, y, factor=3.0)
"""

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator

import tensorflow as tf

from bert_tf.devices import has_one_gpu, has_only_cpus
from bert_tf.streams import hidden_start_up_messages

_compiled: dict[tuple, Callable] = {}
_records: list[dict[tuple, Callable]] = []


def is_fusing() -> bool:
    """True if this machine compiles `fused` functions by default: it has only CPUs.

    A TPU compiles the whole step anyway. On a GPU compiling takes long: see `can_fuse_on_gpu`.
    """
    return has_only_cpus()


def can_fuse_on_gpu() -> bool:
    """True if there is one GPU and XLA compiles for it, so that a long training can gain from `fused` functions.

    Several GPUs were not tried.
    """
    return has_one_gpu() and _compiles_for_gpu()


@functools.cache
def _compiles_for_gpu() -> bool:
    """True if XLA finds CUDA's `ptxas` and `libdevice`, which not every installation has."""
    with tf.init_scope(), hidden_start_up_messages():
        try:
            tf.function(tf.exp, jit_compile=True, autograph=False)(tf.zeros([1]))
        except tf.errors.OpError:
            return False
    return True


def fused(function: Callable) -> Callable:
    """Returns `function` with one more argument, `fuse`: True compiles it with XLA, False calls it unchanged.

    `fuse=None`, the default, asks `is_fusing`. TensorFlow's own operations make one pass over memory each, and are
    built for the oldest CPU that its packages support. Compiling costs 20 to 200 ms for each new number of rows:
    `batches.row_count` keeps those numbers few, and `compile_for` compiles them before a step waits.

    Args:
        function: takes tensors, those of rank 2 with any number of rows, and Python numbers by name.

    Example:
        >>> scaled_sum = fused(lambda x, factor: x * factor + x)
        >>> scaled_sum(tf.ones([2, 1]), factor=3.0).numpy().tolist()
        [[4.0], [4.0]]
        >>> scaled_sum(tf.ones([2, 1]), factor=3.0, fuse=False).numpy().tolist()
        [[4.0], [4.0]]
    """

    @functools.wraps(function)
    def call(*tensors: tf.Tensor, fuse: bool | None = None, **numbers: float) -> tf.Tensor | tuple[tf.Tensor, ...]:
        if not (is_fusing() if fuse is None else fuse):
            return function(*tensors, **numbers)
        specs = tuple(_of_any_rows(x) for x in tensors)
        key = (function, specs, tuple(numbers.items()))
        if key not in _compiled:
            compiled = tf.function(functools.partial(function, **numbers), jit_compile=True, autograph=False)
            _compiled[key] = compiled.get_concrete_function(*specs)
        for record in _records:
            record[key] = _compiled[key]
        return _compiled[key](*tensors)

    return call


def _of_any_rows(x: tf.Tensor) -> tf.TensorSpec:
    return tf.TensorSpec([None, x.shape[1]] if x.shape.rank == 2 else x.shape, x.dtype)


@functools.cache
def start_compiler() -> None:
    """Makes XLA's first compilation, which announces itself; a program can hide that, see `streams`."""
    with hidden_start_up_messages():
        tf.function(lambda x: x + 1, jit_compile=True, autograph=False)(tf.zeros([1]))


@contextlib.contextmanager
def recorded() -> Iterator[dict[tuple, Callable]]:
    """Records which `fused` functions run compiled inside the block, for `compile_for`."""
    record: dict[tuple, Callable] = {}
    _records.append(record)
    try:
        yield record
    finally:
        _records[:] = [other for other in _records if other is not record]


def compile_for(record: dict[tuple, Callable], sizes: Iterable[tuple[int, ...]]) -> None:
    """Compiles the recorded functions ahead.

    Args:
        record: from `recorded`.
        sizes: the unknown dimensions of arguments, each [rows] or [rows, width]. A function is compiled for those that
            are as many as it has.
    """

    def calls(dimensions: int) -> Callable:
        # Called from a graph, as a training step calls them: TensorFlow keeps other calls' programs apart.
        @tf.function(input_signature=[tf.TensorSpec([dimensions], tf.int32)], autograph=False)
        def call_all(size: tf.Tensor) -> list:
            chosen = [key for key in record if _unknown_dimensions(key[1]) == dimensions]
            return [record[key](*(_zeros(spec, size) for spec in key[1])) for key in chosen]

        return call_all

    graphs = {}
    for size in sizes:
        if len(size) not in graphs:
            graphs[len(size)] = calls(len(size))
        graphs[len(size)](tf.constant(size, tf.int32))


def _unknown_dimensions(specs: Iterable[tf.TensorSpec]) -> int:
    return max(list(spec.shape).count(None) for spec in specs)


def _zeros(spec: tf.TensorSpec, size: tf.Tensor) -> tf.Tensor:
    """Zeros of this kind, with the numbers of `size` for its unknown dimensions, in their order."""
    unknown = iter(tf.unstack(size))
    return tf.zeros([next(unknown) if known is None else known for known in spec.shape], spec.dtype)
