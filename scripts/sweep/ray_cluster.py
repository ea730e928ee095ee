"""Hands runs to the nodes of a Ray cluster (https://docs.ray.io), each as a task with its share of cores and GPUs."""

import contextlib
import logging
import os
import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from absl import logging as absl_logging

from arguments import RayArguments
from attempts import Outcome
from bert_tf.errors import UserError, counted, printable, reading, user_error_for
from grid import Run
from ray_task import run_on_node

SWEEP = Path(__file__).resolve().parent
SECONDS_TO_CONNECT = 5
# The environment of a node is its own: paths of libraries may differ. These variables are ours.
OUR_VARIABLES = "BERT_TF_"


class RayCluster:
    """A Ray cluster, and the share of it that each run gets.

    Args:
        arguments: the command line's arguments about Ray.

    Raises:
        UserError: Ray is not installed, or there is no such cluster.
    """

    def __init__(self, arguments: RayArguments):
        self._ray = connect(arguments.address)
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        self._cpus, self._gpus = choose_share(nodes, arguments.cpus, arguments.gpus)
        share = f"{counted(self._cpus, 'CPU')} and {counted(self._gpus, 'GPU')}"
        fitting = [node for node in nodes if node.get("CPU", 0) >= self._cpus and node.get("GPU", 0) >= self._gpus]
        self.description = f"each with {share}, on {len(fitting)} nodes of the Ray cluster {arguments.address}"
        if not fitting:
            absl_logging.warning("No node of the Ray cluster has %s: the runs wait for one.", share)

    def start(self, run: Run, slot: None) -> "RayAttempt":
        """Hands a run to the cluster, which starts it as soon as it has room."""
        task = self._ray.remote(num_cpus=self._cpus, num_gpus=self._gpus, max_retries=0)(run_on_node)
        variables = {name: value for name, value in os.environ.items() if name.startswith(OUR_VARIABLES)}
        gpu = None if self._gpus else ""  # Ray shows a task its GPUs; TensorFlow must not take others
        return RayAttempt(self._ray, task.remote(run, str(Path.cwd()), gpu, variables))


class RayAttempt:
    """A run on the cluster, waiting or in progress. It ends at the latest when this process ends."""

    def __init__(self, ray: object, task: object):
        self._ray = ray
        self._task = task

    def has_ended(self) -> bool:
        """Returns True if the run has ended, or its node has died."""
        return bool(self._ray.wait([self._task], timeout=0)[0])

    def interrupt(self) -> None:
        """Interrupts the run as Ctrl-C does; one that has not started never will."""
        self._ray.cancel(self._task)

    def close(self) -> None:
        """Kills the run if it has not ended."""
        if not self.has_ended():
            self._ray.cancel(self._task, force=True)

    def outcome(self) -> Outcome:
        """Returns how the run ended; call it once, when it `has_ended`."""
        try:
            return self._ray.get(self._task)
        except self._ray.exceptions.RayTaskError as error:
            return Outcome("not started", [printable(str(error).strip().splitlines()[-1])])
        except self._ray.exceptions.RayError as error:
            return Outcome(printable(str(error)).partition(". ")[0], lost=True)


def choose_share(
    nodes: Sequence[Mapping[str, float]], cpus: int | None = None, gpus: int | None = None
) -> tuple[int, int]:
    """Returns the cores and GPUs of each run: the user's choice, or one GPU, or without GPUs a node's cores.

    Args:
        nodes: the resources of each node.
        cpus: the cores that the user chose; None for a default.
        gpus: the GPUs that the user chose; None for a default.

    Example:
        >>> choose_share([{"CPU": 0}, {"CPU": 16}, {"CPU": 8}])  # each of the two that compute has room for a run
        (8, 0)
        >>> choose_share([{"CPU": 16, "GPU": 4}, {"CPU": 8}])
        (1, 1)
    """
    if gpus is None:
        gpus = int(any(node.get("GPU", 0) >= 1 for node in nodes))
    if cpus is None:
        cpus = 1 if gpus else int(min((node["CPU"] for node in nodes if node.get("CPU", 0) >= 1), default=1))
    return cpus, gpus


def connect(address: str) -> object:
    """Connects to a cluster, without a word, and returns the module `ray`.

    Raises:
        UserError: Ray is not installed, or there is no such cluster.
    """
    # Ray announces that it will no longer hide the GPUs from tasks that have none; `RayCluster.start` hides them.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
        from ray.job_config import JobConfig
    except ModuleNotFoundError as error:
        problem = f"the package {error.name} is missing; install it with: pip install -e '.[ray]'"
        raise UserError(f"--ray: {problem}") from error
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS", address)
    knock(address)
    paths = [str(SWEEP), str(SWEEP.parents[1])]
    with reading(f"--ray={address}", "start a cluster with: ray start --head", "cannot be used"):
        ray.init(
            address,
            job_config=JobConfig(code_search_path=paths),
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    # When a node dies, Ray prints the end of the node's log to our standard output, and no setting turns it off.
    ray._private.worker.print_to_stdstream = lambda *arguments, **options: None
    return ray


def knock(address: str) -> None:
    """Checks that somebody listens at HOST:PORT: Ray itself tries for two minutes.

    Raises:
        UserError: nobody does.
    """
    place = re.fullmatch(r"(?:ray://)?\[?(.+?)\]?:(\d+)", address)
    if place:
        remedy = "give the address that `ray start --head` printed, or auto"
        with (
            user_error_for(OSError, f"--ray={address}", "no cluster answers", remedy),
            contextlib.closing(socket.create_connection((place[1], int(place[2])), SECONDS_TO_CONNECT)),
        ):
            pass
