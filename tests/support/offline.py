"""A script of the project in a process without a network."""

import os
import subprocess
import sys
from pathlib import Path

from support.paths import ROOT


def run_offline(script: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess:
    # A proxy that nothing listens at stands for a missing network, also on machines that have one.
    proxies = dict.fromkeys(["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"], "http://127.0.0.1:9")
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = os.environ | proxies | {"PYTHONPATH": paths, "no_proxy": "", "NO_PROXY": ""}
    command = [sys.executable, str(ROOT / "scripts" / script), *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)
