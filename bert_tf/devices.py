"""The devices of a run: a `tf.distribute` strategy, asked once for what the rest of the code must know.

devices = create_devices("mirrored")
with devices.scope():
    head = ...
"""

import contextlib
import dataclasses
import functools
import json
import os
import socket
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import numpy as np
import tensorflow as tf

from bert_tf.errors import UserError

_TPU_ANSWER_SECONDS = 10


@dataclasses.dataclass(frozen=True)
class Devices:
    """The devices of a run.

    Attributes:
        strategy: distributes the work.

    Example:
        >>> devices = Devices(tf.distribute.get_strategy())
        >>> devices.num_replicas, devices.is_chief, devices.is_tpu
        (1, True, False)
    """

    strategy: tf.distribute.Strategy

    @property
    def num_replicas(self) -> int:
        """The number of replicas in all processes."""
        return self.strategy.num_replicas_in_sync

    @property
    def is_tpu(self) -> bool:
        """True on TPU cores, which compile one program for each shape."""
        return isinstance(self.strategy, tf.distribute.TPUStrategy)

    @functools.cached_property
    def is_chief(self) -> bool:
        """True in the process that writes files: the first worker, or the only process."""
        if not self._has_several_processes:
            return True
        resolver = self.strategy.cluster_resolver
        return resolver.task_type == "chief" or ("chief" not in resolver.cluster_spec().jobs and resolver.task_id == 0)

    @property
    def label(self) -> str:
        """The number and kind of devices, such as `2 x GPU`."""
        kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
        return f"{self.num_replicas} x {'TPU core' if self.is_tpu else kind}"

    @property
    def _has_several_processes(self) -> bool:
        return isinstance(self.strategy, tf.distribute.MultiWorkerMirroredStrategy)

    def scope(self) -> contextlib.AbstractContextManager:
        """Returns the strategy's scope, in which variables are created."""
        return self.strategy.scope()

    def check_batch_size(self, batch_size: int) -> None:
        """Raises `UserError` if the replicas cannot share a batch evenly."""
        if batch_size % self.num_replicas:
            raise UserError(
                f"train_batch_size: {batch_size} examples cannot be shared by {self.num_replicas} replicas; "
                f"use a multiple of {self.num_replicas}"
            )

    def broadcast_from_chief(self, value: int) -> int:
        """Returns the chief's `value` in all processes, which wait for one another here."""
        if not self._has_several_processes:
            return value

        def of_replica(value: tf.Tensor) -> tf.Tensor:
            is_first = tf.distribute.get_replica_context().replica_id_in_sync_group == 0  # one of the chief's
            return tf.where(is_first, value, tf.zeros_like(value))

        @tf.function
        def broadcast(value: tf.Tensor) -> tf.Tensor:
            parts = self.strategy.run(of_replica, (value,))
            return self.strategy.reduce(tf.distribute.ReduceOp.SUM, parts, axis=None)

        return int(broadcast(tf.constant(value, tf.int64)))

    @contextlib.contextmanager
    def report_lost_workers(self) -> Iterator[None]:
        """Raises a one-line error if another process that trains along has ended."""
        try:
            yield
        except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.InternalError) as error:
            if not self._has_several_processes:
                raise
            raise UserError("multi_worker_mirrored: another process has ended; its own message says why") from error

    def distribute(
        self, make_dataset: Callable[[int, range], tf.data.Dataset]
    ) -> tf.data.Dataset | tf.distribute.DistributedDataset:
        """Gives each replica its part of each batch.

        Args:
            make_dataset: is called with the number of replicas and the range of those that this process feeds;
                its data set has one element for each of them and batch, see `batches.batch_dataset`.
        """
        if self.num_replicas == 1:
            return make_dataset(1, range(1))

        def of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
            fed = self.num_replicas // context.num_input_pipelines
            first = context.input_pipeline_id * fed
            return make_dataset(self.num_replicas, range(first, first + fed))

        return self.strategy.distribute_datasets_from_function(of_worker)


def one_device() -> Devices:
    """Returns TensorFlow's default device, without distribution."""
    return Devices(tf.distribute.get_strategy())


@functools.cache
def create_devices(
    name: str | None,
    tpu_name: str | None = None,
    tpu_zone: str | None = None,
    gcp_project: str | None = None,
    num_tpu_cores: int = 8,
) -> Devices:
    """Finds the devices that a run trains, evaluates and predicts on.

    Equal arguments give the same object: a process can set up its collective operations and its TPU only once.

    Args:
        name: `"mirrored"`, `"multi_worker_mirrored"` or `"tpu"`; None uses all GPUs if there are several, and
            else one device.
        tpu_name: name or `grpc://` address of a Cloud TPU; None is the TPU of this machine.
        tpu_zone: the Cloud TPU's zone; None asks the metadata server.
        gcp_project: the Cloud TPU's project; None asks the metadata server.
        num_tpu_cores: the number of TPU cores to use.

    Raises:
        UserError: `TF_CONFIG` is missing or is not a cluster, or no TPU answers.
    """
    if name == "tpu":
        return Devices(_tpu_strategy(tpu_name, tpu_zone, gcp_project, num_tpu_cores))
    if name == "multi_worker_mirrored":
        _check_tf_config()
        return Devices(tf.distribute.MultiWorkerMirroredStrategy())
    gpus = tf.config.list_logical_devices("GPU")
    if name == "mirrored" or len(gpus) > 1:
        names = [device.name for device in gpus or tf.config.list_logical_devices("CPU")]
        return Devices(tf.distribute.MirroredStrategy(names))
    return one_device()


def has_only_cpus() -> bool:
    """Returns True if there is neither a GPU nor a TPU."""
    return not (tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("TPU"))


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
        raise UserError(f"multi_worker_mirrored: TF_CONFIG is not a cluster specification: {error}") from error
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
    """Raises OSError if nothing answers there; TensorFlow itself would wait for minutes."""
    address = urlsplit(master)
    socket.create_connection((address.hostname, address.port or 8470), timeout=_TPU_ANSWER_SECONDS).close()
