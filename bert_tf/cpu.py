"""Facts about the CPU, without TensorFlow."""

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
