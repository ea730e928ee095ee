"""Facts about the CPU, without TensorFlow."""

import os
from pathlib import Path

_CPU_INFO = Path("/proc/cpuinfo")


def cpu_info() -> dict[str, str]:
    """Returns what Linux says about the first core, such as its "model name" and "flags"; empty on other systems.

    Example:
        >>> has_fast_bfloat16 = "avx512_bf16" in cpu_info().get("flags", "").split()
    """
    if not _CPU_INFO.exists():
        return {}
    first_core, _, _ = _CPU_INFO.read_text(encoding="utf-8").partition("\n\n")
    fields = (line.partition(":") for line in first_core.splitlines())
    return {name.strip(): value.strip() for name, _, value in fields}


def usable_cores() -> int:
    """Returns the number of cores that this process may use.

    Example:
        >>> usable_cores() >= 1
        True
    """
    # A process may be bound to some of the cores; macOS cannot say.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
