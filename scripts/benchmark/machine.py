"""Facts about this machine, and how busy it is."""

import platform

import psutil

from bert_tf.cpu import cpu_info


def describe_machine() -> dict[str, str | int]:
    """Returns the name of the CPU, the number of usable cores and the memory."""
    return {
        "cpu": cpu_info().get("model name") or platform.processor(),
        "cores": usable_cores(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
    }


def usable_cores() -> int:
    """Returns the number of cores that this process may use."""
    process = psutil.Process()
    # macOS cannot bind a process to cores.
    return len(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else psutil.cpu_count()


def busy_seconds() -> float:
    """Returns how long all cores together have computed since the machine started."""
    times = psutil.cpu_times()
    # macOS has only the first two.
    names = ("user", "system", "nice", "irq", "softirq", "steal")
    return sum(getattr(times, name, 0.0) for name in names)


def process_seconds(pid: int) -> float:
    """Returns how long a process has computed, on all cores together; 0 if it has ended."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system
