"""The devices of a run: a `tf.distribute` strategy, asked once for what the rest of the code must know.

devices = create_devices("mirrored")
with devices.scope():
    head = ...
"""

import contextlib
import dataclasses
import functools
import itertools
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import numpy as np
import tensorflow as tf
from tensorflow.compiler.xla.tsl.protobuf import coordination_config_pb2

# TensorFlow has no public access to the store that the processes of a training share.
from tensorflow.python.eager import context as eager_context

from bert_tf.cluster import Cluster, Member, read_tf_config
from bert_tf.errors import UserError, reason_of
from bert_tf.streams import hidden_start_up_messages

_TPU_ANSWER_SECONDS = 10
# All processes listen when TensorFlow starts to connect them.
_CONNECT_SECONDS = 60
_LOOK_MILLISECONDS = 500
_LEAVE_MILLISECONDS = 10_000
# Measured: from 4 to 16 groups of a batch of 32 there is little difference, and shorter texts gain nothing.
_GROUPS = 8
_LONGEST_ATTENDED_AT_ONCE = 128
_topic_numbers = itertools.count()


@dataclasses.dataclass(frozen=True)
class Devices:
    """The devices of a run.

    Attributes:
        strategy: distributes the work.
        cluster: the processes that share the work; None for one process.

    Example:
        >>> devices = Devices(tf.distribute.get_strategy())
        >>> devices.num_replicas, devices.is_chief, devices.is_tpu
        (1, True, False)
    """

    strategy: tf.distribute.Strategy
    cluster: Cluster | None = None

    @property
    def num_replicas(self) -> int:
        """The number of replicas in all processes."""
        return self.strategy.num_replicas_in_sync

    @property
    def is_tpu(self) -> bool:
        """True on TPU cores, which compile one program for each shape."""
        return isinstance(self.strategy, tf.distribute.TPUStrategy)

    @property
    def is_chief(self) -> bool:
        """True in the process that writes files: the first worker, or the only process."""
        return self.cluster is None or self.cluster.own_number == 0

    @property
    def label(self) -> str:
        """The number and kind of devices, such as `2 x GPU`."""
        kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
        return f"{self.num_replicas} x {'TPU core' if self.is_tpu else kind}"

    def attention_groups(self, longest: int) -> int:
        """Returns in how many groups the attention of a batch is computed, by the length of the longest example.

        A CPU's cache does not hold the scores of many long texts. The texts of a group are of similar length, so less
        padding is computed, too. Several replicas have one group: the graph does not know how many groups a distributed
        batch has.
        """
        is_worth_it = longest > _LONGEST_ATTENDED_AT_ONCE and self.num_replicas == 1 and has_only_cpus()
        return _GROUPS if is_worth_it else 1

    def scope(self) -> contextlib.AbstractContextManager:
        """Returns the strategy's scope, in which variables are created."""
        return self.strategy.scope()

    def check_batch_size(self, batch_size: int, passes: int = 1) -> None:
        """Raises `UserError` if the replicas, and the passes of each, cannot share a batch evenly."""
        if batch_size % (self.num_replicas * passes):
            in_passes = f" in {passes} passes each" if passes > 1 else ""
            raise UserError(
                f"train_batch_size: {batch_size} examples cannot be shared by {self.num_replicas} replicas{in_passes}; "
                f"use a multiple of {self.num_replicas * passes}"
            )

    def exchange(self, message: str) -> list[str]:
        """Gives a message to all processes and returns those of all, in the order of the cluster.

        The processes wait for one another here. Messages may be of any length.

        Raises:
            UserError: another process has ended.
        """
        if self.cluster is None:
            return [message]
        topic = self.new_topic()
        with self._lost_workers_named():
            self.tell(f"{topic}/{self.cluster.own_number}", message)
            messages = [self._receive(f"{topic}/{number}") for number in range(len(self.cluster.members))]
        # The store ends with the first process, which waits here until all have read.
        with contextlib.suppress(tf.errors.OpError):
            eager_context.context().wait_at_barrier(topic, _LEAVE_MILLISECONDS)
        return messages

    def _receive(self, key: str) -> str:
        # Looks now and then, because Python handles no signal while TensorFlow waits.
        while (message := self.hear(key)) is None:
            self.check_none_lost()
        return message

    def new_topic(self) -> str:
        """Returns a new name for `tell` and `hear`, the same one in all processes if they ask in the same order."""
        return f"bert_tf/{next(_topic_numbers)}"

    def tell(self, topic: str, message: str) -> None:
        """Gives a message to all processes. The first message of a topic stays."""
        with contextlib.suppress(tf.errors.AlreadyExistsError):
            eager_context.context().set_config_key_value(topic, message)

    def hear(self, topic: str) -> str | None:
        """Waits half a second for the message of a topic; returns None if there is none yet."""
        with contextlib.suppress(tf.errors.DeadlineExceededError):
            return eager_context.context().get_config_key_value(topic, _LOOK_MILLISECONDS)
        return None

    def check_none_lost(self) -> None:
        """Raises `UserError` if another process has ended."""
        lost = self._find_lost()
        if lost:
            raise _lost(lost)

    def _find_lost(self) -> Member | None:
        jobs = [member.job for member in self.cluster.members]
        states = eager_context.context().get_task_states([(job, jobs.count(job)) for job in dict.fromkeys(jobs)])
        return next((member for member, error in zip(self.cluster.members, states, strict=True) if error), None)

    @contextlib.contextmanager
    def _lost_workers_named(self) -> Iterator[None]:
        try:
            yield
        except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.InternalError) as error:
            others = self.cluster.others
            raise _lost(self.cluster.find(str(error)) or (others[0] if len(others) == 1 else None)) from error

    @contextlib.contextmanager
    def report_lost_workers(self) -> Iterator[None]:
        """Raises a one-line error if another process that trains along has ended.

        Ctrl-C ends the block also while it waits for another process.
        """
        if self.cluster is None:
            yield
            return
        with self._lost_workers_named(), _interruptible():
            yield

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
        cluster = read_tf_config(os.environ.get("TF_CONFIG"))
        return Devices(_multi_worker_strategy(cluster), cluster)
    _start_devices()
    gpus = tf.config.list_logical_devices("GPU")
    if name == "mirrored" or len(gpus) > 1:
        names = [device.name for device in gpus or tf.config.list_logical_devices("CPU")]
        return Devices(tf.distribute.MirroredStrategy(names))
    return one_device()


def has_only_cpus() -> bool:
    """Returns True if there is neither a GPU nor a TPU."""
    return not (tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("TPU"))


def has_one_gpu() -> bool:
    """Returns True if there is one GPU and no TPU."""
    return len(tf.config.list_logical_devices("GPU")) == 1 and not tf.config.list_logical_devices("TPU")


@functools.cache
def _start_devices() -> None:
    """Starts TensorFlow's devices. A GPU announces itself at any log level; a program can hide that, see `streams`.

    With another log level than a program's own, nothing is hidden: it says which library of CUDA is missing.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "3":
        with hidden_start_up_messages():
            tf.config.list_logical_devices()


def _lost(member: Member | None) -> UserError:
    who = member or "another process"
    return UserError(
        f"multi_worker_mirrored: {who} has ended; its own output says why. Start all again to continue from the last "
        "checkpoint"
    )


def _multi_worker_strategy(cluster: Cluster) -> tf.distribute.Strategy:
    cluster.wait_for_all()
    _limit_time_to_connect(cluster)
    with _signals_kept(), hidden_start_up_messages():
        try:
            return tf.distribute.MultiWorkerMirroredStrategy()
        except (tf.errors.OpError, RuntimeError, ValueError) as error:
            who = cluster.find(str(error)) or "the other processes"
            raise UserError(
                f"multi_worker_mirrored: {cluster.own} cannot be connected with {who} ({reason_of(error)}); "
                "check that TF_CONFIG has the same cluster everywhere and that each index is used once, and start all "
                "again"
            ) from error


def _limit_time_to_connect(cluster: Cluster) -> None:
    """Lets TensorFlow give up after a minute instead of an hour: it cannot be interrupted meanwhile."""
    jobs = [member.job for member in cluster.members]
    eager_context.context().configure_coordination_service(
        service_type="standalone",
        service_leader=f"/job:{jobs[0]}/replica:0/task:0",
        cluster_register_timeout_in_ms=_CONNECT_SECONDS * 1000,
        coordinated_jobs=[
            coordination_config_pb2.CoordinatedJob(name=job, num_tasks=jobs.count(job)) for job in dict.fromkeys(jobs)
        ],
    )


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Lets Ctrl-C abort TensorFlow's collective operations, which do not look at Python's signals.

    Does nothing outside the main thread, which alone gets signals, and if the program handles Ctrl-C itself.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    interrupted = threading.Event()
    threading.Thread(target=_abort_when_interrupted, args=(receiver, interrupted), daemon=True).start()
    before = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    try:
        yield
    except Exception:
        # TensorFlow's own error comes before Python's KeyboardInterrupt, or hides it.
        if interrupted.is_set():
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.set_wakeup_fd(before)
        sender.close()


def _abort_when_interrupted(signals: socket.socket, interrupted: threading.Event) -> None:
    while received := signals.recv(1):
        if received[0] == signal.SIGINT:
            interrupted.set()
            eager_context.context().abort_collective_ops(tf.errors.CANCELLED, "interrupted")


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Puts SIGTERM's handler back after the block, in which TensorFlow takes the signal for itself and ignores it.

    Ctrl-C ends the process at once inside the block: TensorFlow waits there without looking at Python's signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    if handlers[signal.SIGINT] is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            # None: the handler was not set by Python, which cannot set it again.
            if handler is not None:
                signal.signal(number, handler)


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
        raise UserError(
            f"use_tpu: no TPU answers as {target!r}, check tpu_name, tpu_zone and gcp_project: "
            f"{type(error).__name__}: {reason_of(error)}"
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
