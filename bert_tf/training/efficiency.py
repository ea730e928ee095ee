"""Device peaks, utilization and memory.

    peak = device_peak("float32")
    training_flops(config, lengths) / seconds / peak.flops_per_second  # the model FLOPs utilization of one device

Only the operations of real tokens count (Chowdhery et al. 2022, PaLM, appendix B): computing padding, or something
twice, does not make a run look better.
"""

import functools
import re
import resource
import sys
import time
from typing import NamedTuple

import tensorflow as tf

from bert_tf.cpu import cpu_info

# scripts/benchmark measured this for BERT-base on two cores with AVX512-BF16: bfloat16 against float32.
MEASURED_BFLOAT16_SPEEDUP = 1.5
_BFLOAT16_CPU_FLAGS = {"avx512_bf16", "amx_bf16"}
_BFLOAT16_COMPUTE_CAPABILITY = (8, 0)
_SECONDS_OF_MEASUREMENT = 0.3
# Published peaks of dense products in 1e12 operations a second, from NVIDIA's data sheets and white papers, by the
# name that the driver gives the card: float32, bfloat16, float16. float32 is TF32 where the card has it, as
# TensorFlow computes float32 products in it. GeForce: with sums in float32, as TensorFlow asks for. A card or type
# that is not here is measured.
_PUBLISHED_GPUS = {
    r"Tesla V100-SXM2-\d+GB": (15.7, None, 125.0),
    r"Tesla V100-PCIE-\d+GB": (14.0, None, 112.0),
    r"Tesla V100S-PCIE-\d+GB": (16.4, None, 130.0),
    r"(Tesla|NVIDIA) T4": (8.1, None, 65.0),
    r"NVIDIA A10": (62.5, 125.0, 125.0),
    r"(NVIDIA )?A100-(SXM4|PCIE)-\d+GB": (156.0, 312.0, 312.0),
    r"NVIDIA A100 80GB PCIe": (156.0, 312.0, 312.0),
    r"NVIDIA L4": (60.0, 121.0, 121.0),
    r"NVIDIA L40S": (183.0, 362.0, 362.0),
    r"NVIDIA H100 80GB HBM3": (494.7, 989.4, 989.4),
    r"NVIDIA H100 PCIe": (378.0, 756.0, 756.0),
    r"NVIDIA H200": (494.7, 989.4, 989.4),
    r"(NVIDIA )?GeForce RTX 3090": (35.6, 71.0, 71.0),
    r"NVIDIA GeForce RTX 4090": (82.6, 165.2, 165.2),
}
_GPU_DTYPES = ("float32", "bfloat16", "float16")


class Peak(NamedTuple):
    """The peak of one device.

    Attributes:
        flops_per_second: floating point operations of dense matrix products; a multiplication and its addition are two.
        source: `"measured"`, or the name of the card if the figure is published.
    """

    flops_per_second: float
    source: str


@functools.cache
def device_peak(compute_dtype: str) -> Peak:
    """Returns the peak of this process's first TPU core or GPU, or else of all its CPU cores together.

    The figure is published for known NVIDIA cards. For other devices it is measured once a process, in about half a
    second.

    Args:
        compute_dtype: `"float32"`, `"bfloat16"` or `"float16"`.
    """
    kind = _device_kind()
    if kind == "GPU":
        name = _gpu_details().get("device_name", "")
        published = _published(name, compute_dtype)
        if published:
            return Peak(published, name)
    return Peak(_measure(kind, compute_dtype), "measured")


def _device_kind() -> str:
    return next((kind for kind in ("TPU", "GPU") if tf.config.list_logical_devices(kind)), "CPU")


def _gpu_details() -> dict:
    return tf.config.experimental.get_device_details(tf.config.get_visible_devices("GPU")[0])


def _published(device_name: str, compute_dtype: str) -> float | None:
    for pattern, peaks in _PUBLISHED_GPUS.items():
        peak = peaks[_GPU_DTYPES.index(compute_dtype)]
        if peak and re.fullmatch(pattern, device_name):
            return peak * 1e12
    return None


def _measure(kind: str, compute_dtype: str) -> float:
    """Times the products of BERT-base's feed-forward part several times; returns the best, in operations a second."""
    # A fast device would finish few rows before the next product is asked for.
    rows, width, inner = (1024 if kind == "CPU" else 16384), 768, 3072

    def random(height: int, width: int) -> tf.Tensor:
        # With this scale a product is as large as its input, and no number becomes slow or infinite.
        return tf.cast(tf.random.stateless_normal([height, width], [0, 0]) * height**-0.5, compute_dtype)

    @tf.function
    def products(x: tf.Tensor, up: tf.Tensor, down: tf.Tensor, times: tf.Tensor) -> tf.Tensor:
        for _ in tf.range(times):
            x = tf.matmul(tf.matmul(x, up), down)
        return x[0, 0]

    def seconds(times: int) -> float:
        started = time.perf_counter()
        products(x, up, down, tf.constant(times)).numpy()
        return time.perf_counter() - started

    with tf.device(f"{kind}:0"):
        x, up, down = random(rows, width), random(width, inner), random(inner, width)
        seconds(1)  # compiles
        best, times, started = 0.0, 1, time.perf_counter()
        while time.perf_counter() - started < _SECONDS_OF_MEASUREMENT:
            spent = seconds(times)
            best = max(best, times * 4.0 * rows * width * inner / spent)
            if spent < _SECONDS_OF_MEASUREMENT / 10:
                times *= 2
    return best


def efficiency(
    prefix: str, flops: float, seconds: float, compute_dtype: str, num_devices: int
) -> dict[str, float | str]:
    """Returns how well a part of a run used its devices, for results.json.

    Args:
        prefix: of the keys: `"train"` or `"eval"`.
        flops: the operations that were needed, see `training_flops`.
        seconds: the time they took.
        compute_dtype: see `device_peak`.
        num_devices: the number of devices like this process's first that shared the work.

    Returns:
        `PREFIX_model_flops_utilization`, the fraction of the devices' peak; `PREFIX_device_peak_flops`, one device's
        peak a second; `PREFIX_device_peak_source`, see `Peak`; `PREFIX_peak_memory_bytes`.
    """
    memory = peak_memory_bytes()  # before the measurement of the peak takes some
    peak = device_peak(compute_dtype)
    return {
        f"{prefix}_model_flops_utilization": flops / seconds / (num_devices * peak.flops_per_second),
        f"{prefix}_device_peak_flops": peak.flops_per_second,
        f"{prefix}_device_peak_source": peak.source,
        f"{prefix}_peak_memory_bytes": memory,
    }


def peak_memory_bytes() -> int:
    """Returns the largest memory that this process has had: of the fullest GPU, or else in the host's memory."""
    gpus = tf.config.get_visible_devices("GPU")
    if gpus:
        return max(tf.config.experimental.get_memory_info(f"GPU:{index}")["peak"] for index in range(len(gpus)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # getrusage(2): bytes there, KiB on Linux


def bfloat16_hint(mixed_precision: str) -> str | None:
    """Suggests --mixed_precision=bfloat16 in one line on devices that support it well; returns None on others.

    Also None on TPUs, which multiply float32 in bfloat16 anyway, and if the run has a mixed precision already.
    """
    if mixed_precision != "none":
        return None
    kind = _device_kind()
    if kind == "GPU" and _gpu_details().get("compute_capability", (0, 0)) >= _BFLOAT16_COMPUTE_CAPABILITY:
        return "This GPU has fast bfloat16: --mixed_precision=bfloat16 trains in it."
    if kind == "CPU" and _BFLOAT16_CPU_FLAGS & set(cpu_info().get("flags", "").split()):
        return (
            "This CPU has fast bfloat16: --mixed_precision=bfloat16 trains BERT-base "
            f"{MEASURED_BFLOAT16_SPEEDUP:g} times as fast (measured on two cores by scripts/benchmark)."
        )
    return None
