"""Runs one run on the node of a Ray cluster that Ray chose. This file is what the node executes; it needs no Ray."""

import os
import time
from collections.abc import Mapping

from attempts import LocalAttempt, Outcome
from bert_tf.errors import UserError
from bert_tf.files import locked
from grid import Run
from processes import SECONDS_BETWEEN_LOOKS, stop

# A node that is cut off from the others ends its runs within this time, and only then another node may go on.
SECONDS_TO_UNLOCK = 60


def run_on_node(run: Run, folder: str, gpu: str | None, variables: Mapping[str, str]) -> Outcome:
    """Runs the command of a run, and returns how it ended.

    Ctrl-C in the sweep becomes a KeyboardInterrupt here. If this process is killed, its guard kills the run. If its
    parent ends, which is Ray's process for this node, the node is lost to the cluster, and another one takes the run.

    Args:
        run: the run.
        folder: the working folder of the sweep, which relative paths begin at.
        gpu: see `gpus.environment`.
        variables: environment variables of the sweep that its runs must have.
    """
    try:
        os.chdir(folder)
        wait_for_lock(run)
        attempt = LocalAttempt(run, gpu, variables)
    except OSError as error:
        return Outcome("not started", [f"{error}; all nodes must see the same folders under the same paths"])
    except UserError as error:
        return Outcome("not started", [str(error)])
    node = os.getppid()
    try:
        while not attempt.has_ended() and os.getppid() == node:
            time.sleep(SECONDS_BETWEEN_LOOKS)
    finally:
        stop([attempt])
    # Ray may still deliver this answer: how a run that was stopped here ended says nothing about the run.
    return attempt.outcome() if os.getppid() == node else Outcome("the node it was running on is dead", lost=True)


def wait_for_lock(run: Run) -> None:
    """Waits until an earlier attempt, whose node was lost, has let go of the run's folder.

    Raises:
        UserError: it did not in time.
    """
    deadline = time.monotonic() + SECONDS_TO_UNLOCK
    while True:
        try:
            with locked(run.folder / ".lock", f"{run.folder}: another run is writing there"):
                return
        except UserError:
            if time.monotonic() > deadline:
                raise
        time.sleep(SECONDS_BETWEEN_LOOKS)
