"""The parts of a machine that decide the last bits of a training."""

import os
import platform
from collections.abc import Mapping
from importlib import metadata

import tensorflow as tf

from bert_tf.cpu import cpu_info, usable_cores
from bert_tf.devices import Devices

# What computes. The same bits need the same versions of these.
_PACKAGES = ("tensorflow", "tf-keras", "numpy", "bert-tf")
# What TensorFlow reads at its start to choose between ways to compute.
_VARIABLES = ("TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA", "XLA_FLAGS", "TF_XLA_FLAGS", "NVIDIA_TF32_OVERRIDE")


def machine_facts(devices: Devices) -> dict[str, object]:
    """Returns what a run needs the same of to end with the same bits: kind of device, replicas, cores, versions.

    Example:
        >>> from bert_tf.devices import one_device
        >>> machine_facts(one_device())["replicas"]
        1
    """
    return {
        "device": _device_name(),
        "replicas": devices.num_replicas,
        "cores": usable_cores(),
        **{name: metadata.version(name) for name in _PACKAGES},
        **{name: os.environ[name] for name in _VARIABLES if name in os.environ},
    }


def machine_differences(earlier: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """Lists the facts that differ, each as `cores was 2, is 4`.

    Example:
        >>> machine_differences({"cores": 2, "replicas": 1}, {"cores": 4, "replicas": 1})
        ['cores was 2, is 4']
    """
    names = dict.fromkeys([*earlier, *now])
    return [
        f"{name} was {earlier.get(name)}, is {now.get(name)}" for name in names if earlier.get(name) != now.get(name)
    ]


def _device_name() -> str:
    for kind in ("TPU", "GPU"):
        devices = tf.config.list_physical_devices(kind)
        if devices:
            return tf.config.experimental.get_device_details(devices[0]).get("device_name", kind)
    return cpu_info().get("model name") or platform.processor() or platform.machine()
