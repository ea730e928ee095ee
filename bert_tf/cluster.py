"""The processes of one training, as TF_CONFIG lists them. Needs no TensorFlow.

cluster = read_tf_config(os.environ.get("TF_CONFIG"))
cluster.wait_for_all()
"""

import contextlib
import dataclasses
import json
import os
import re
import socket
import time
from collections.abc import Iterator, Mapping

from absl import logging

from bert_tf.errors import UserError, printable, reason_of

# Those that train. A chief is the first worker under another name.
_JOBS = ("chief", "worker")
_EXAMPLE = '{"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": "worker", "index": N}}'
_REMEDY = f"each worker needs TF_CONFIG='{_EXAMPLE}'"
_ANSWER_SECONDS = 1.0
_SECONDS_BETWEEN_LOOKS = 0.2
_QUIET_SECONDS = 3
_SECONDS_BETWEEN_MESSAGES = 60
_PATIENCE_SECONDS = 3600


@dataclasses.dataclass(frozen=True)
class Member:
    """One process of a training.

    Attributes:
        job: `"chief"` or `"worker"`.
        index: the number among those of its job.
        address: `HOST:PORT`.

    Example:
        >>> print(Member("worker", 1, "10.0.0.2:2222"))
        worker 1 (10.0.0.2:2222)
    """

    job: str
    index: int
    address: str

    def __str__(self) -> str:
        return f"{self.job} {self.index} ({self.address})"

    @property
    def host(self) -> str:
        """The host, without the brackets of an IPv6 address."""
        return self.address.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port."""
        return int(self.address.rpartition(":")[2])

    def answers(self) -> bool:
        """Returns True if something listens at the address."""
        try:
            socket.create_connection((self.host, self.port), timeout=_ANSWER_SECONDS).close()
        except (OSError, UnicodeError):
            return False
        return True


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The processes of one training, and this one among them.

    Attributes:
        members: all processes; the first one writes the files.
        own_number: the place of this process in `members`.
    """

    members: tuple[Member, ...]
    own_number: int

    @property
    def own(self) -> Member:
        """This process."""
        return self.members[self.own_number]

    @property
    def others(self) -> list[Member]:
        """All processes but this one."""
        return [member for member in self.members if member != self.own]

    def find(self, text: str) -> Member | None:
        """Returns the other process that a message of TensorFlow names first, such as /job:worker/replica:0/task:1.

        Example:
            >>> cluster = Cluster((Member("worker", 0, "a:1"), Member("worker", 1, "b:1")), 0)
            >>> print(cluster.find("lost /job:worker/replica:0/task:1"), cluster.find("lost"))
            worker 1 (b:1) None
        """
        named = re.findall(r"/job:(\w+)/replica:0/task:(\d+)", text)
        others = {(member.job, str(member.index)): member for member in self.others}
        return next((others[name] for name in named if name in others), None)

    def wait_for_all(self) -> None:
        """Waits until every other process listens at its address, and says for whom.

        TensorFlow waits as well, but ignores Ctrl-C meanwhile and says nothing.

        Raises:
            UserError: another program listens at this process's port, or a process did not start within an hour.
        """
        started = time.monotonic()
        next_message = started + _QUIET_SECONDS
        with self._listening():
            missing = self.others
            while missing := [member for member in missing if not member.answers()]:
                now = time.monotonic()
                self._check_patience(missing, now - started)
                if now >= next_message:
                    logging.warning("%s", self.waiting_message(missing))
                    next_message = now + _SECONDS_BETWEEN_MESSAGES
                time.sleep(_SECONDS_BETWEEN_LOOKS)

    def waiting_message(self, missing: list[Member]) -> str:
        """Returns `multi_worker_mirrored: waiting for 1 of 2: HOST:PORT`."""
        addresses = ", ".join(member.address for member in missing)
        return f"multi_worker_mirrored: waiting for {len(missing)} of {len(self.members)}: {addresses}"

    def _check_patience(self, missing: list[Member], seconds: float) -> None:
        if seconds > _PATIENCE_SECONDS:
            raise UserError(
                f"multi_worker_mirrored: {missing[0]} did not start within an hour; its own output may say why"
            )

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """Listens at this process's port, so that the others see that it has started."""
        has_both = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if has_both else socket.AF_INET
        try:
            listener = socket.create_server(("", self.own.port), family=family, dualstack_ipv6=has_both)
        except OSError as error:
            raise UserError(
                f"multi_worker_mirrored: {self.own} cannot listen at port {self.own.port} "
                f"({os.strerror(error.errno)}); end the program that uses it, or name another port in every TF_CONFIG"
            ) from error
        with listener:
            yield


def read_tf_config(text: str | None) -> Cluster:
    """Reads the environment variable TF_CONFIG.

    Raises:
        UserError: it is not set, or is not a cluster of workers.

    Example:
        >>> cluster = read_tf_config(
        ...     '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 1}}'
        ... )
        >>> print(cluster.own)
        worker 1 (10.0.0.2:2222)
    """
    if not text:
        raise UserError(f"multi_worker_mirrored: TF_CONFIG is not set; {_REMEDY}")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _refusal(f"is not JSON ({reason_of(error)})") from error
    if not isinstance(content, dict):
        raise _refusal("is not a JSON object")
    if content.get("rpc_layer", "grpc") not in ("grpc", None):
        raise _refusal(f"has the rpc_layer {content['rpc_layer']!r}; only grpc is known here")
    members = _read_members(content.get("cluster"))
    return Cluster(tuple(members), _read_own_number(content.get("task"), members))


def _refusal(problem: str) -> UserError:
    return UserError(f"multi_worker_mirrored: TF_CONFIG {printable(problem)[:200]}; {_REMEDY}")


def _read_members(jobs: object) -> list[Member]:
    if not isinstance(jobs, Mapping):
        raise _refusal("has no cluster")
    unknown = sorted(jobs.keys() - set(_JOBS))
    if unknown:
        raise _refusal(f"has the task {unknown[0]!r} in its cluster; only chief and worker train here")
    if "worker" not in jobs:
        raise _refusal("has no worker in its cluster")
    members = [member for job in _JOBS if job in jobs for member in _read_job(job, jobs[job])]
    addresses = [member.address for member in members]
    doubled = [address for address in addresses if addresses.count(address) > 1]
    if doubled:
        raise _refusal(f"has the address {doubled[0]} twice")
    return members


def _read_job(job: str, addresses: object) -> list[Member]:
    if not isinstance(addresses, list):
        raise _refusal(f"has no list of addresses for {job}")
    if not addresses:
        raise _refusal(f"has no address for {job}")
    if job == "chief" and len(addresses) > 1:
        raise _refusal(f"has {len(addresses)} chiefs; there can be one")
    for address in addresses:
        if not _is_address(address):
            raise _refusal(f"has {address!r} as the address of a {job}; it must be HOST:PORT")
    return [Member(job, index, address) for index, address in enumerate(addresses)]


def _is_address(address: object) -> bool:
    match = isinstance(address, str) and re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]@]+):([0-9]{1,5})", address)
    return bool(match) and address.isprintable() and 0 < int(match[2]) < 65536


def _read_own_number(task: object, members: list[Member]) -> int:
    if not isinstance(task, Mapping):
        raise _refusal("does not say which task this process is")
    job, index = task.get("type"), task.get("index")
    # TensorFlow takes "1" for 1.
    if isinstance(index, str) and re.fullmatch(r"[0-9]{1,9}", index):
        index = int(index)
    if not isinstance(index, int) or isinstance(index, bool):
        raise _refusal(f"has {index!r} as the index of its task; it must be a whole number")
    for number, member in enumerate(members):
        if (member.job, member.index) == (job, index):
            return number
    raise _refusal(f"has no {job} {index} in its cluster")


def is_chief(strategy: str | None) -> bool:
    """Returns True in the process that writes files: the first of a training over several, or the only one.

    Args:
        strategy: the name of the distribution strategy.

    Example:
        >>> is_chief("mirrored")
        True
    """
    return strategy != "multi_worker_mirrored" or read_tf_config(os.environ.get("TF_CONFIG")).own_number == 0
