# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo` in a copy of the project where nothing is installed yet: killed again and again, it finishes; `make down` leaves nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.site_copy import Site, make_site

# After how many seconds each run is killed, and whether the sandbox and all it started are killed with it.
KILLS = ((4.0, False), (12.0, False), (25.0, True), (30.0, False), (35.0, True), (45.0, True), (55.0, False))
FINISH_SECONDS = 600


def processes_of(folder: Path) -> list[int]:
    """Return the processes with this working directory, or with its path in their arguments."""
    result = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            inside = str((entry / "cwd").readlink()).startswith(str(folder)) or str(folder).encode() in words
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if inside and int(entry.name) != os.getpid():
            result.append(int(entry.name))
    return result


def start(site: Site, log: Path) -> subprocess.Popen[bytes]:
    environment = site.environment()
    del environment["SANDBOX_TOOLS"]
    with log.open("wb") as stream:
        return subprocess.Popen(
            ["make", "demo"],
            cwd=site.clone,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def kill(site: Site, process: subprocess.Popen[bytes], everything: bool) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pid in processes_of(site.clone) if everything else []:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


@pytest.mark.slow
def test_the_demo_finishes_after_several_kills(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    shutil.rmtree(site.clone / ".ansible")  # what make makes itself
    log = tmp_path / "log"
    try:
        for seconds, everything in KILLS:
            process = start(site, log)
            try:
                process.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                kill(site, process, everything)
                continue
            assert process.returncode == 0, log.read_text()[-6000:]
        finished = time.monotonic() + FINISH_SECONDS
        assert start(site, log).wait(timeout=FINISH_SECONDS) == 0, log.read_text()[-6000:]
        assert time.monotonic() < finished
        proof = json.loads((site.clone / "out/sandbox/verified.json").read_text())
        assert proof["read_back"] == ["experiment", "run", "artifact", "trace"]
        assert start(site, log).wait(timeout=FINISH_SECONDS) == 0, log.read_text()[-6000:]
        assert "Nothing changed" in log.read_text()
        assert "Example experiment" in log.read_text()
    finally:
        down = subprocess.run(
            ["make", "down"], cwd=site.clone, env=site.environment(), capture_output=True, text=True, check=False
        )
    assert down.returncode == 0, down.stderr
    assert processes_of(site.clone) == []
    assert not (site.clone / ".sandbox").exists()
    assert not (site.clone / "out" / "sandbox").exists()
    assert not (site.clone / ".cache" / "tmp").exists()
    written = [path.relative_to(site.home) for path in site.home.rglob("*") if path.is_file()]
    assert [path for path in written if path.parts[:2] not in ((".cache", "pip"),) and path.parts[0] != ".npm"] == []
