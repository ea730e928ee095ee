"""Where a sweep runs: a GPU for each run that goes on, where there are GPUs."""

import itertools
import os
import subprocess

from bert_tf.errors import UserError


def make_slots(jobs: str) -> list[str | None]:
    """For each run that may go on at a time the GPU that it has for itself; None for what TensorFlow finds.

    Raises:
        UserError: `jobs` is no number from 1 on, or there are GPUs, but not so many.
    """
    if not jobs.isdecimal() or int(jobs) < 1:
        raise UserError(f"JOBS: {jobs!r} is no whole number from 1 on")
    count = int(jobs)
    gpus = find_gpus() if count > 1 else []
    if not gpus:
        return [None] * count
    if count > len(gpus):
        raise UserError(f"JOBS: {count} runs side by side need a GPU each, and there are {len(gpus)}")
    return list(gpus[:count])


def find_gpus() -> list[str]:
    """The GPUs that CUDA_VISIBLE_DEVICES allows, or all there are, as that variable names them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        # CUDA takes those before the first that it does not know, such as -1.
        known = itertools.takewhile(lambda gpu: gpu and not gpu.startswith("-"), map(str.strip, visible.split(",")))
        return list(known)
    try:
        listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    gpus = [line for line in listed.splitlines() if line.startswith("GPU ")]
    return [str(index) for index in range(len(gpus))]


def environment(gpu: str | None) -> dict[str, str]:
    """The environment of a run that has this GPU."""
    return {**os.environ, **({"CUDA_VISIBLE_DEVICES": gpu} if gpu is not None else {})}
