# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build of an image without Docker: the Python requirements of a Dockerfile are installed in a virtual environment.

`python -m sandbox.runners.process.image_build JOB` runs one build, with its log on standard output. A job is a JSON file with `context` (a
tar), `dockerfile` (a path in it), `arguments`, `layers` (the folder of built environments) and `result` (the file to write).

The build supports ARG, ENV, WORKDIR, COPY and ADD from the context, `pip install` in RUN, and the ENTRYPOINT, CMD, USER, LABEL and EXPOSE of
the last stage. Its log lists all other RUN commands, which it skips.
"""

from __future__ import annotations

import fnmatch
import hashlib
import io
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from dockerfile_parse import DockerfileParser

from sandbox.host.home import LockTaken, lock, write_private
from sandbox.runners.process.build_context import UnsafeMember, unpack

_VARIABLE = re.compile(r"\\?\$(?:(\w+)|\{(\w+)(?:(:?[-+])([^}]*))?\})")
BUILD_SECONDS = 1800.0
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_UNSUPPORTED_PIP = ("--target", "-t", "--prefix", "--root", "--user")


class BuildError(Exception):
    """Failure of a build; its message is the last line of the log."""


@dataclass
class Stage:
    """State of a build stage."""

    environment: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    workdir: str = "/"


@dataclass(frozen=True)
class Install:
    """`pip install` command: its arguments, its text in the Dockerfile (without secrets, for the log), and its working directory."""

    words: list[str]
    written: str
    workdir: str


@dataclass
class Plan:
    """Plan of a Dockerfile: files to copy, packages to install, skipped commands, and the configuration of the image."""

    copies: list[tuple[list[str], str]] = field(default_factory=list)
    installs: list[Install] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)


def expand(text: str, values: dict[str, str]) -> str:
    """Expand $NAME, ${NAME}, ${NAME:-word} and ${NAME:+word}, as a Dockerfile does."""

    def expanded(match: re.Match[str]) -> str:
        if match[0].startswith("\\"):
            return match[0][1:]
        value = values.get(match[1] or match[2])
        operator = (match[3] or "")[-1:]
        if operator == "+":
            return match[4] if value else ""
        if operator == "-" and not value:
            return match[4]
        return value or ""

    return _VARIABLE.sub(expanded, text)


def read_dockerfile(text: str, arguments: dict[str, str]) -> Plan:
    """Return the plan of a Dockerfile. Raise BuildError."""
    structure = DockerfileParser(fileobj=io.BytesIO(text.encode())).structure
    plan = Plan()
    defaults: dict[str, str] = {}
    stages: dict[str, Stage] = {}
    stage: Stage | None = None
    for entry in structure:
        kind, value = entry["instruction"].upper(), entry["value"]
        if kind == "ARG" and stage is None:
            name, _mark, default = value.partition("=")
            defaults[name] = arguments.get(name, expand(default.strip("\"'"), defaults))
        elif kind == "FROM":
            words = [word for word in expand(value, defaults).split() if not word.startswith("--")]
            origin = stages.get(words[0].lower())
            stage = Stage(dict(origin.environment), {}, dict(origin.config), origin.workdir) if origin else Stage()
            if len(words) == 3:
                stages[words[2].lower()] = stage
        elif kind != "COMMENT" and stage is not None:
            _instruction(plan, stage, kind, value, {**defaults}, arguments)
    if stage is None:
        raise BuildError("the Dockerfile has no FROM")
    plan.config = {
        **stage.config,
        "Env": [f"{name}={value}" for name, value in stage.environment.items()],
        "WorkingDir": stage.workdir,
    }
    return plan


def _instruction(
    plan: Plan, stage: Stage, kind: str, value: str, defaults: dict[str, str], arguments: dict[str, str]
) -> None:
    """Apply an instruction of a Dockerfile to the plan and its stage."""
    values = {"PATH": _PATH, **stage.arguments, **stage.environment}
    match kind:
        case "ARG":
            name, separator, default = value.partition("=")
            fallback = expand(default.strip("\"'"), values) if separator else defaults.get(name, "")
            stage.arguments[name] = arguments.get(name, fallback)
        case "ENV":
            stage.environment.update(_assignments(value, values))
        case "LABEL":
            stage.config.setdefault("Labels", {}).update(_assignments(value, values))
        case "WORKDIR":
            stage.workdir = str(PurePosixPath(stage.workdir) / expand(value, values))
        case "COPY" | "ADD":
            words = _words(value, values)
            if not any(word.startswith("--from") for word in words):
                paths = [word for word in words if not word.startswith("--")]
                target = str(PurePosixPath(stage.workdir) / paths[-1]) + ("/" if paths[-1].endswith("/") else "")
                plan.copies.append((paths[:-1], target))
        case "RUN":
            _run(plan, stage, value, values)
        case "ENTRYPOINT":
            stage.config["Entrypoint"] = _command(value)
        case "CMD":
            stage.config["Cmd"] = _command(value)
        case "USER":
            stage.config["User"] = expand(value, values)
        case "EXPOSE":
            stage.config["ExposedPorts"] = {f"{port}/tcp": {} for port in expand(value, values).split()}
        case "HEALTHCHECK":
            stage.config["Healthcheck"] = {"Test": ["CMD-SHELL", value]}


def _assignments(value: str, values: dict[str, str]) -> dict[str, str]:
    words = shlex.split(value)
    if words and "=" not in words[0]:
        name, _mark, rest = value.partition(" ")
        return {name: expand(rest.strip(), values)}
    return {word.partition("=")[0]: expand(word.partition("=")[2], values) for word in words}


def _words(value: str, values: dict[str, str]) -> list[str]:
    if value.lstrip().startswith("["):
        return [expand(word, values) for word in json.loads(value)]
    return [expand(word, values) for word in shlex.split(value)]


def _command(value: str) -> list[str]:
    try:
        words = json.loads(value)
    except ValueError:
        return ["/bin/sh", "-c", value]
    return [str(word) for word in words] if isinstance(words, list) else ["/bin/sh", "-c", value]


def _run(plan: Plan, stage: Stage, value: str, values: dict[str, str]) -> None:
    installs = len(plan.installs)
    for piece in re.split(r"&&|;", re.sub(r"^(--\S+\s+)+", "", value.strip())):
        try:
            words = shlex.split(expand(piece, values))
        except ValueError:
            words = []
        while words and re.match(r"^\w+=", words[0]):
            words.pop(0)
        if words and re.fullmatch(r"python[\d.]*", PurePosixPath(words[0]).name) and words[1:3] == ["-m", "pip"]:
            words = ["pip", *words[3:]]
        if len(words) > 1 and re.fullmatch(r"pip[\d.]*", PurePosixPath(words[0]).name) and words[1] == "install":
            plan.installs.append(Install(words[2:], " ".join(piece.split()), stage.workdir))
    if len(plan.installs) == installs:
        plan.skipped.append(" ".join(value.split())[:100])


def content_hash(context: Path, dockerfile: str, arguments: dict[str, str]) -> str:
    """Return the SHA-256 of the paths and bytes of a context, the Dockerfile's name, the build arguments and this machine's Python."""
    digest = hashlib.sha256()
    parameters = {
        "dockerfile": dockerfile,
        "arguments": arguments,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    digest.update(json.dumps(parameters, sort_keys=True).encode())
    for path in sorted(item for item in context.rglob("*") if item.is_file()):
        digest.update(f"\n{path.relative_to(context).as_posix()} {path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def copy_sources(plan: Plan, context: Path, rootfs: Path) -> None:
    """Copy the files of the COPY instructions into the image's root folder. Raise BuildError."""
    for sources, target in plan.copies:
        for source in sources:
            items = _glob(context, source)
            if not items:
                raise BuildError(f'COPY failed: file not found in build context: "{source}"')
            into_folder = target.endswith("/") or len(items) > 1 or len(sources) > 1
            for item in items:
                destination = rootfs / target.strip("/")
                if item.is_dir():
                    shutil.copytree(item, destination, dirs_exist_ok=True)
                    continue
                if into_folder or destination.is_dir():
                    destination = destination / item.name
                destination.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(item, destination)


def _glob(context: Path, source: str) -> list[Path]:
    path = source.removeprefix("./").strip("/")
    if path in ("", "."):
        return [context]
    folder = context / PurePosixPath(path).parent
    name = PurePosixPath(path).name
    if not folder.is_dir():
        return []
    return sorted(item for item in folder.iterdir() if fnmatch.fnmatchcase(item.name, name))


def pip_arguments(words: list[str], workdir: str, rootfs: Path) -> list[str]:
    """Return the arguments of a `pip install` with the paths of the image replaced by those of this machine. Raise BuildError."""
    mapped = []
    for word in words:
        if word.startswith(_UNSUPPORTED_PIP):
            raise BuildError(f"pip install {word}: the sandbox's builds install into the image's own environment only")
        if word == "--no-cache-dir":
            continue
        option, equals, path = word.partition("=") if word.startswith("--") else ("", "", word)
        local = rootfs / str(PurePosixPath(workdir) / path).lstrip("/")
        mapped.append(f"{option}{equals}{local}" if path and local.exists() and not path.startswith("-") else word)
    return mapped


def build_layer(plan: Plan, context: Path, layer: Path) -> None:
    """Build the environment of an image in `layer`. An incomplete one is built again. Raise BuildError."""
    complete = layer / "complete"
    with lock(layer.parent / f"{layer.name}.lock", BUILD_SECONDS, "another build of the same image"):
        if complete.exists():
            print(f"Using cache: {layer.name[:12]}", flush=True)
            return
        shutil.rmtree(layer, ignore_errors=True)
        rootfs = layer / "rootfs"
        rootfs.mkdir(parents=True)
        copy_sources(plan, context, rootfs)
        print("Creating the Python environment", flush=True)
        venv.EnvBuilder(with_pip=True, symlinks=True).create(layer / "venv")
        for step in plan.installs:
            print(f"RUN {step.written}", flush=True)
            command = [
                str(layer / "venv" / "bin" / "python"),
                "-m",
                "pip",
                "install",
                "--disable-pip-version-check",
                "--no-input",
                "--progress-bar",
                "off",
            ]
            done = subprocess.run(
                [*command, *pip_arguments(step.words, step.workdir, rootfs)],
                check=False,
                stdin=subprocess.DEVNULL,
                timeout=BUILD_SECONDS,
                stderr=subprocess.STDOUT,
            )
            if done.returncode != 0:
                raise BuildError(f"The command '/bin/sh -c {step.written}' returned a non-zero code: {done.returncode}")
        complete.touch()


def build(job: dict[str, Any]) -> dict[str, Any]:
    """Run a job. Return {"config": configuration of the image, "layer": name of its environment}. Raise BuildError."""
    layers = Path(job["layers"])
    layers.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=layers, prefix=".context-") as folder:
        context = Path(folder)
        with tarfile.open(job["context"]) as archive:
            unpack(archive, context)
        path = context / job["dockerfile"]
        if not path.is_file():
            raise BuildError(f"unable to find the Dockerfile '{job['dockerfile']}' in the build context")
        plan = read_dockerfile(path.read_text(encoding="utf-8"), job["arguments"])
        for command in plan.skipped:
            print(f"RUN {command}  (skipped: no Docker engine here)", flush=True)
        name = content_hash(context, job["dockerfile"], job["arguments"])
        build_layer(plan, context, layers / name)
    return {"config": plan.config, "layer": name}


def main() -> int:
    """Run the job in the first argument. Return the exit code."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        result = build(job)
    except (BuildError, UnsafeMember, LockTaken, tarfile.TarError, OSError, subprocess.TimeoutExpired) as error:
        print(f"error: {error}", flush=True)
        return 1
    write_private(Path(job["result"]), json.dumps(result))
    print("Build complete", flush=True)
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
