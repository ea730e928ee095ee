"""Finds the GPUs of this machine, so that runs at the same time have one each."""

import itertools
import os
import subprocess

from bert_tf.errors import UserError


def make_slots(jobs: str) -> list[str | None]:
    """Returns one slot for each run that can be in progress at the same time.

    Args:
        jobs: the number of slots, as the user wrote it.

    Returns:
        For each slot the GPU that its run has for itself, or None if TensorFlow chooses the devices.

    Raises:
        UserError: `jobs` is not a whole number of at least 1, or there are GPUs, but too few.
    """
    if not jobs.isdecimal() or int(jobs) < 1:
        raise UserError(f"JOBS: {jobs!r} is not a whole number of at least 1")
    count = int(jobs)
    gpus = find_gpus() if count > 1 else []
    if not gpus:
        return [None] * count
    if count > len(gpus):
        raise UserError(f"JOBS: {count} runs at the same time need a GPU each, and there are {len(gpus)}")
    return list(gpus[:count])


def find_gpus() -> list[str]:
    """Returns the GPUs that CUDA_VISIBLE_DEVICES allows, or all, by the names that this variable uses."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        # CUDA ignores everything from the first unknown name on, such as -1.
        known = itertools.takewhile(lambda gpu: gpu and not gpu.startswith("-"), map(str.strip, visible.split(",")))
        return list(known)
    try:
        listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    gpus = [line for line in listed.splitlines() if line.startswith("GPU ")]
    return [str(index) for index in range(len(gpus))]


def environment(gpu: str | None) -> dict[str, str]:
    """Returns the environment variables of a run that has this GPU."""
    return {**os.environ, **({"CUDA_VISIBLE_DEVICES": gpu} if gpu is not None else {})}
