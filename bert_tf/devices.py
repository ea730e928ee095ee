"""Flags become a `tf.distribute` strategy, and a strategy its small daily answers."""

import contextlib
import json
import os
import socket
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import numpy as np
import tensorflow as tf

from bert_tf.errors import UserError

STRATEGIES = ("mirrored", "multi_worker_mirrored", "tpu")

_TPU_ANSWER_SECONDS = 10


def create_strategy(
    name: str | None,
    tpu_name: str | None = None,
    tpu_zone: str | None = None,
    gcp_project: str | None = None,
    num_tpu_cores: int = 8,
) -> tf.distribute.Strategy:
    """Makes the strategy that a run trains, evaluates and predicts with.

    Args:
        name: one of `STRATEGIES`; None takes all GPUs where there are several, and else one device.
        tpu_name: name or `grpc://` address of a Cloud TPU; None is the TPU of this machine.
        tpu_zone: the Cloud TPU's zone, asked of the metadata server if None.
        gcp_project: the Cloud TPU's project, likewise.
        num_tpu_cores: how many TPU cores to use.

    Raises:
        UserError: `TF_CONFIG` is missing or no cluster, or no TPU answers.
    """
    if name == "tpu":
        return _tpu_strategy(tpu_name, tpu_zone, gcp_project, num_tpu_cores)
    if name == "multi_worker_mirrored":
        _check_tf_config()
        return tf.distribute.MultiWorkerMirroredStrategy()
    gpus = tf.config.list_logical_devices("GPU")
    if name == "mirrored" or len(gpus) > 1:
        devices = gpus or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.get_strategy()


def _check_tf_config() -> None:
    try:
        cluster = json.loads(os.environ["TF_CONFIG"])
        workers = cluster["cluster"]["worker"] if isinstance(cluster, dict) else None
        index = int(cluster["task"]["index"])
    except KeyError as error:
        raise UserError(
            f"multi_worker_mirrored: {error.args[0]} is not set; each worker needs TF_CONFIG="
            '\'{"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": "worker", "index": N}}\''
        ) from error
    except (ValueError, TypeError) as error:
        raise UserError(f"multi_worker_mirrored: TF_CONFIG is no cluster specification: {error}") from error
    if not isinstance(workers, list) or not 0 <= index < len(workers):
        raise UserError(f"multi_worker_mirrored: TF_CONFIG has no worker {index}; its workers: {workers}")


def _tpu_strategy(
    tpu_name: str | None, tpu_zone: str | None, gcp_project: str | None, num_tpu_cores: int
) -> tf.distribute.Strategy:
    target = tpu_name or "local"
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(target, zone=tpu_zone, project=gcp_project)
        if target != "local":
            _check_answers(resolver.master())
            tf.config.experimental_connect_to_cluster(resolver)
        topology = tf.tpu.experimental.initialize_tpu_system(resolver)
    except Exception as error:
        # TensorFlow, its gRPC and its cloud client each raise their own kinds here.
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"use_tpu: no TPU answers as {target!r}, check tpu_name, tpu_zone and gcp_project: "
            f"{type(error).__name__}: {reason}"
        ) from error
    available = int(np.prod(topology.mesh_shape))
    if num_tpu_cores > available:
        return tf.distribute.TPUStrategy(resolver)
    assignment = tf.tpu.experimental.DeviceAssignment.build(topology, num_replicas=num_tpu_cores)
    return tf.distribute.TPUStrategy(resolver, experimental_device_assignment=assignment)


def _check_answers(master: str) -> None:
    """TensorFlow waits for minutes on an address that does not answer."""
    address = urlsplit(master)
    socket.create_connection((address.hostname, address.port or 8470), timeout=_TPU_ANSWER_SECONDS).close()


def is_tpu(strategy: tf.distribute.Strategy) -> bool:
    """Whether the strategy runs on TPU cores, which compile one program for each shape."""
    return isinstance(strategy, tf.distribute.TPUStrategy)


def is_cpu_alone() -> bool:
    """Whether there is neither a GPU nor a TPU."""
    return not (tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("TPU"))


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one that writes files: the first worker, or the only process."""
    resolver = strategy.cluster_resolver
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return True
    return resolver.task_type == "chief" or ("chief" not in resolver.cluster_spec().jobs and resolver.task_id == 0)


def check_batch_size(strategy: tf.distribute.Strategy, batch_size: int) -> None:
    """Raises `UserError` where the replicas cannot share a batch evenly."""
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise UserError(
            f"train_batch_size: {batch_size} examples cannot be shared by {replicas} replicas; "
            f"take a multiple of {replicas}"
        )


def chief_value(strategy: tf.distribute.Strategy, value: int) -> int:
    """The chief's `value`, in all processes; they wait for one another here."""
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return value

    def of_replica(value: tf.Tensor) -> tf.Tensor:
        is_first = tf.distribute.get_replica_context().replica_id_in_sync_group == 0  # one of the chief's
        return tf.where(is_first, value, tf.zeros_like(value))

    @tf.function
    def broadcast(value: tf.Tensor) -> tf.Tensor:
        return strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(of_replica, (value,)), axis=None)

    return int(broadcast(tf.constant(value, tf.int64)))


@contextlib.contextmanager
def lost_workers_named(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Tells in one line that another of the processes that train together has ended."""
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.InternalError) as error:
        if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            raise
        raise UserError("multi_worker_mirrored: another process has ended; its own message says why") from error


def distribute(
    strategy: tf.distribute.Strategy, make_dataset: Callable[[int, range], tf.data.Dataset]
) -> tf.data.Dataset | tf.distribute.DistributedDataset:
    """Gives each replica its part of each batch.

    Args:
        strategy: whose replicas.
        make_dataset: called with the number of replicas and the range of those that this process feeds; its
            data set has one element for each of them and batch, see `features.batch_dataset`.
    """
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return make_dataset(1, range(1))

    def of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
        here = replicas // context.num_input_pipelines
        first = context.input_pipeline_id * here
        return make_dataset(replicas, range(first, first + here))

    return strategy.distribute_datasets_from_function(of_worker)
