"""Utilization, and the peak and memory of the device."""

import re
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from bert_tf import cpu as cpu_module
from bert_tf.training import efficiency as performance
from bert_tf.training.efficiency import bfloat16_hint, device_peak, efficiency, peak_memory_bytes


@pytest.fixture
def gpu(monkeypatch):
    """Makes TensorFlow say that it has a GPU with these details."""

    def pretend(**details: object) -> None:
        monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: ["a device"] if kind == "GPU" else [])
        monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: ["first", "second"] if kind == "GPU" else [])
        monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda device: details)

    device_peak.cache_clear()
    yield pretend
    device_peak.cache_clear()


@pytest.fixture
def cpu(monkeypatch, tmp_path):
    """Makes Linux say this of its CPU."""

    def pretend(info: str) -> None:
        (tmp_path / "cpuinfo").write_text(info)
        monkeypatch.setattr(cpu_module, "_CPU_INFO", tmp_path / "cpuinfo")

    return pretend


# Utilization


def test_utilization_is_the_share_of_the_peak_of_all_devices(monkeypatch):
    monkeypatch.setattr(performance, "device_peak", lambda dtype: performance.Peak(1e12, f"{dtype} card"))
    tf.ones([1])  # a GPU has no peak of memory before its first tensor
    found = efficiency("eval", flops=3e12, seconds=2.0, compute_dtype="float16", num_devices=4)
    assert found.pop("eval_peak_memory_bytes") > 0
    assert found == {
        "eval_model_flops_utilization": pytest.approx(3 / 8),
        "eval_device_peak_flops": 1e12,
        "eval_device_peak_source": "float16 card",
    }


# Peaks


@pytest.mark.slow
@pytest.mark.parametrize("compute_dtype", ["float32", "bfloat16"])
def test_a_cpus_peak_is_measured_once(compute_dtype):
    peak = device_peak(compute_dtype)
    assert peak.source == "measured" or tf.config.list_physical_devices("GPU")
    assert 1e8 < peak.flops_per_second < 1e16
    assert device_peak(compute_dtype) is peak


@pytest.mark.parametrize(
    "name, peaks",
    [
        ("Tesla V100-SXM2-16GB", {"float32": 15.7e12, "float16": 125e12}),
        ("Tesla T4", {"float32": 8.1e12, "float16": 65e12}),
        ("NVIDIA A100-SXM4-40GB", {"float32": 156e12, "bfloat16": 312e12}),
        ("NVIDIA L4", {"bfloat16": 121e12}),
        ("NVIDIA H100 80GB HBM3", {"float32": 494.7e12, "bfloat16": 989.4e12}),
    ],
)
def test_a_known_cards_peak_is_the_published_one(gpu, name, peaks):
    gpu(device_name=name)
    assert {dtype: device_peak(dtype) for dtype in peaks} == {dtype: (peak, name) for dtype, peak in peaks.items()}


@pytest.mark.parametrize(
    "name, compute_dtype",
    [
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", "bfloat16"),
        ("NVIDIA A10G", "bfloat16"),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "float32"),
        ("Tesla T4", "bfloat16"),
    ],
)
def test_a_part_of_a_card_a_like_named_one_and_a_type_that_is_not_published_are_measured(
    gpu, monkeypatch, name, compute_dtype
):
    gpu(device_name=name)
    monkeypatch.setattr(performance, "_measure", lambda kind, dtype: 7.0)
    assert device_peak(compute_dtype) == (7.0, "measured")


# Memory


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="on a GPU its own memory counts")
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc/self/status to compare with")
def test_a_cpus_peak_memory_is_the_most_that_linux_saw_the_process_hold():
    high_water = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert peak_memory_bytes() == pytest.approx(int(high_water[1]) * 1024, rel=0.01)


def test_gpus_peak_memory_is_that_of_the_fullest(gpu, monkeypatch):
    gpu()
    used = {"GPU:0": {"current": 1, "peak": 5}, "GPU:1": {"current": 2, "peak": 9}}
    monkeypatch.setattr(tf.config.experimental, "get_memory_info", used.__getitem__)
    assert peak_memory_bytes() == 9


# bfloat16


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="on a GPU the CPU does not matter")
@pytest.mark.parametrize("flag", ["avx512_bf16", "amx_bf16"])
def test_a_cpu_with_fast_bfloat16_is_told_of_in_one_line_with_the_measured_speed(cpu, flag):
    cpu(f"processor\t: 0\nflags\t\t: fpu avx2 {flag} avx512f\n\nprocessor\t: 1\n")
    hint = bfloat16_hint("none")
    assert "--mixed_precision=bfloat16" in hint and f"{performance.MEASURED_BFLOAT16_SPEEDUP:g} times" in hint
    assert "\n" not in hint


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="on a GPU the CPU does not matter")
@pytest.mark.parametrize(
    "info",
    [
        "processor\t: 0\nflags\t\t: fpu avx2 avx512f avx512_bf16x\n",
        "processor\t: 0\nmodel name\t: avx512_bf16\nflags\t\t: fpu\n",
        "processor\t: 0\nFeatures\t: fp asimd bf16\n",
        "",
    ],
)
def test_a_cpu_without_it_is_not(cpu, info):
    cpu(info)
    assert bfloat16_hint("none") is None


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="on a GPU the CPU does not matter")
def test_a_system_that_does_not_describe_its_cpu_is_not(monkeypatch, tmp_path):
    monkeypatch.setattr(cpu_module, "_CPU_INFO", tmp_path / "none")
    assert bfloat16_hint("none") is None


@pytest.mark.parametrize(
    "details, told", [((7, 5), False), ((8, 0), True), ((9, 0), True), ((10, 0), True), (None, False)]
)
def test_gpus_have_it_from_compute_capability_8(gpu, details, told):
    gpu(**({"compute_capability": details} if details else {}))
    hint = bfloat16_hint("none")
    assert (hint is not None) is told
    # No figure was measured for GPUs.
    assert not told or ("--mixed_precision=bfloat16" in hint and "times" not in hint)


@pytest.mark.parametrize("mixed_precision", ["bfloat16", "float16"])
def test_a_run_in_mixed_precision_gets_no_hint(gpu, mixed_precision):
    gpu(compute_capability=(9, 0))
    assert bfloat16_hint(mixed_precision) is None
