# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds without a Docker engine. Each is a process (image_build.py), and its image has a Python environment instead of layers."""

from __future__ import annotations

import json
import signal
import sys
import uuid
from pathlib import Path
from typing import IO

from sandbox.host.home import PROJECT, Home, read_json, without_rustup, write_private
from sandbox.host.launch import launch
from sandbox.host.processes import Processes, signal_group
from sandbox.registry.builds import Build, BuildFailed
from sandbox.registry.content import Images
from sandbox.store import Resource


class ProcessBuilds:
    """Builder that runs processes of this machine."""

    def __init__(self, images: Images, home: Home, processes: Processes, environment: dict[str, str]) -> None:
        self._images = images
        self._folder = home.root / "builds"
        self._layers = home.tools / "layers"
        self._processes = processes
        self._environment = environment

    async def build(self, registry: Resource, build: Build, log: IO[bytes]) -> str:
        """Build a context and store the image. Return the digest of its manifest. Raise BuildFailed or OSError."""
        result = self._temporary() / f"{build.run}-{uuid.uuid4().hex}.result"
        job = result.with_suffix(".job")
        parameters = {
            "context": str(build.context),
            "dockerfile": build.dockerfile,
            "arguments": build.arguments,
            "layers": str(self._layers),
            "result": str(result),
        }
        write_private(job, json.dumps(parameters))
        try:
            await self._execute(build.run, job, log)
            output = read_json(result)
        finally:
            job.unlink(missing_ok=True)
            result.unlink(missing_ok=True)
        if output is None:
            raise BuildFailed("the build ended without an image")
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": output["config"],
            "sandbox": {"layer": output["layer"]},
        }
        return self._images.add(registry.name, list(build.references), config)

    async def _execute(self, run: str, job: Path, log: IO[bytes]) -> None:
        command = [sys.executable, "-m", "sandbox.runners.process.image_build", str(job)]
        environment = without_rustup(self._environment, self._layers.parent)
        environment |= {"PYTHONPATH": str(PROJECT), "TMPDIR": str(self._temporary())}
        process = await launch(self._processes, f"build {run}", command, environment, PROJECT, log)
        try:
            code = await process.wait()
        finally:
            if process.returncode is None:
                signal_group(process.pid, signal.SIGKILL)
            self._processes.forget(process.pid)
        if code != 0:
            raise BuildFailed(f"the build ended with exit code {code}")

    def _temporary(self) -> Path:
        """Return the folder of temporary files of builds. `down --purge` removes it."""
        folder = self._folder / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        return folder
