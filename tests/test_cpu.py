import platform
from pathlib import Path

import pytest

from bert_tf.cpu import cpu_info


@pytest.mark.skipif(platform.machine() != "x86_64" or not Path("/proc/cpuinfo").exists(), reason="for x86 Linux")
def test_linux_knows_the_name_and_the_abilities_of_the_first_core():
    info = cpu_info()
    assert info["model name"] in Path("/proc/cpuinfo").read_text()
    assert info["processor"] == "0" and "sse2" in info["flags"].split()


@pytest.mark.skipif(Path("/proc/cpuinfo").exists(), reason="for systems other than Linux")
def test_other_systems_know_nothing():
    assert cpu_info() == {}
