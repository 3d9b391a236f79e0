# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installation of the server's tools: a Python environment of its own, and Azurite. Standard library only.

A complete installation has a stamp. One without a stamp was interrupted, and is repeated.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox.host.home import lock, without_rustup

REQUIREMENTS = Path(__file__).parents[1] / "requirements.txt"
NODE_MAJOR = 20
AZURITE = {20: "azurite@~3.35.0", 22: "azurite@~3.37.0"}
FREE_BYTES = 1_000_000_000
INSTALL_SECONDS = 1200.0


class MissingTool(Exception):
    """Missing prerequisite of the installation; the message names it and the remedy."""


def install(folder: Path) -> Path:
    """Install missing tools. Return the Python interpreter of the server."""
    with lock(folder / "lock", INSTALL_SECONDS, "another installation of the sandbox"):
        node = _node_major()
        shutil.rmtree(folder / "tmp", ignore_errors=True)
        (folder / "tmp").mkdir()
        with ThreadPoolExecutor(2) as executor:
            python = executor.submit(_install_python, folder)
            azurite = executor.submit(_install_azurite, folder, node)
            azurite.result()
            return python.result()


def _node_major() -> int:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise MissingTool(
            f"{'node' if node is None else 'npm'} was not found: install Node.js {NODE_MAJOR} or newer, with npm (https://nodejs.org)"
        )
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    match = re.match(r"v(\d+)", version)
    if match is None or int(match[1]) < NODE_MAJOR:
        raise MissingTool(
            f"Node.js {version or '(unknown)'} is too old: install Node.js {NODE_MAJOR} or newer (https://nodejs.org)"
        )
    return int(match[1])


def _stamp(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _complete(folder: Path, stamp: str) -> bool:
    path = folder / "complete"
    return path.exists() and path.read_text(encoding="utf-8") == stamp


def _prepare(folder: Path) -> None:
    if shutil.disk_usage(folder.parent).free < FREE_BYTES:
        raise MissingTool(
            f"less than {FREE_BYTES // 1_000_000} MB are free on the disk of {folder.parent}: make room there"
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _finish(folder: Path, stamp: str) -> None:
    (folder / "complete").write_text(stamp, encoding="utf-8")


def _install_python(folder: Path) -> Path:
    target = folder / "python"
    stamp = _stamp(sys.version, sys.base_prefix, str(target), REQUIREMENTS.read_text(encoding="utf-8"))
    python = target / "bin" / "python"
    if not _complete(target, stamp):
        print("Installing the sandbox's Python environment", flush=True)
        _prepare(target)
        _run(
            folder,
            "python3 -m venv",
            [sys.executable, "-m", "venv", str(target)],
            "install Python's venv module (Debian: python3-venv)",
        )
        pip = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
            "-r",
            str(REQUIREMENTS),
        ]
        _run(folder, "pip install", pip, "check that the Python package index can be reached")
        _finish(target, stamp)
    return python


def _install_azurite(folder: Path, node: int) -> None:
    package = AZURITE[max(major for major in AZURITE if major <= node)]
    target = folder / "azurite"
    stamp = _stamp(package)
    if not _complete(target, stamp):
        print(f"Installing {package}", flush=True)
        _prepare(target)
        (target / "package.json").write_text('{"private": true}\n', encoding="utf-8")
        npm = [
            "npm",
            "install",
            "--prefix",
            str(target),
            "--no-audit",
            "--no-fund",
            "--no-update-notifier",
            "--loglevel",
            "error",
            package,
        ]
        _run(folder, "npm install", npm, "check that the npm registry can be reached")
        _finish(target, stamp)


def _run(folder: Path, name: str, command: list[str], remedy: str) -> None:
    environment = {
        key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    }
    environment = {**without_rustup(environment, folder), "TMPDIR": str(folder / "tmp")}
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            timeout=INSTALL_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise MissingTool(f"{name} did not end within {INSTALL_SECONDS:.0f} s; {remedy}") from error
    if done.returncode != 0:
        lines = [
            line for line in (done.stderr or done.stdout).splitlines() if line.strip() and "complete log" not in line
        ]
        raise MissingTool(f"{name} failed: {lines[-1] if lines else 'no reason given'}; {remedy}")
