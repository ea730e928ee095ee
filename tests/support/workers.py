"""Several processes that train together. All addresses are of this machine."""

import contextlib
import json
import socket
from collections.abc import Sequence
from pathlib import Path

from support.commands import Command, Result, become_script


def free_addresses(count: int) -> list[str]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]


def become_script_without_dropout(flags: list[str], outputs: list[Path], environment: dict[str, str]) -> None:
    # TensorFlow, which takes seconds to load, is loaded in that process.
    from bert_tf.modeling.heads import ClassificationHead

    ClassificationHead.dropout_rate = 0.0
    become_script(flags, outputs, environment)


def start_worker(folder: Path, flags: list[str], addresses: Sequence[str], number: int) -> Command:
    """The command as worker `number` of those at these addresses."""
    return _start(folder, flags, {"worker": list(addresses)}, {"type": "worker", "index": number})


def start_together(
    folder: Path, flags: list[list[str]], kinds: tuple[str, str] = ("worker", "worker")
) -> tuple[list[Command], list[str]]:
    """One command for each list of flags, together in a cluster; the first is the chief. Also returns addresses."""
    cluster, tasks, addresses = {}, [], free_addresses(len(kinds))
    for kind, address in zip(kinds, addresses, strict=True):
        tasks.append({"type": kind, "index": len(cluster.setdefault(kind, []))})
        cluster[kind].append(address)
    commands = [_start(folder / f"process{number}", flags[number], cluster, task) for number, task in enumerate(tasks)]
    return commands, addresses


def run_together(folder: Path, flags: list[list[str]], kinds: tuple[str, str] = ("worker", "worker")) -> list[Result]:
    """As `start_together`, to the end."""
    return [command.result() for command in start_together(folder, flags, kinds)[0]]


def _start(folder: Path, flags: list[str], cluster: dict, task: dict) -> Command:
    return Command(
        folder,
        [*flags, "--distribution_strategy=multi_worker_mirrored"],
        become_script_without_dropout,
        TF_CONFIG=json.dumps({"cluster": cluster, "task": task}),
    )
