# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The build context of an image: which files are in it, its content hash, and a reproducible archive."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import stat
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ._errors import InvalidOption

# Hex digits of the content hash that make a tag.
TAG_LENGTH = 16


class Entry(NamedTuple):
    """name: relative, with slashes. mode: 0755 or 0644. link: target of a symbolic link, else None."""

    name: str
    path: Path
    mode: int
    link: str | None


class Context(NamedTuple):
    """The files that a build sees, ordered by name."""

    dockerfile: str
    entries: tuple[Entry, ...]


def read_context(folder: str, dockerfile: str) -> Context:
    """Raises InvalidOption when the folder or the Dockerfile in it is missing."""
    root = Path(folder)
    if not root.is_dir():
        raise InvalidOption("context", folder, "there is no such folder on the machine that runs the task.")
    if not (root / dockerfile).is_file():
        raise InvalidOption("dockerfile", dockerfile, f"there is no such file in context {folder}.")
    ignored = _Ignored(_patterns(root, dockerfile), {dockerfile, ".dockerignore"})
    return Context(dockerfile, tuple(sorted(_entries(root, ignored), key=lambda entry: entry.name)))


def _patterns(root: Path, dockerfile: str) -> list[str]:
    """Lines of <dockerfile>.dockerignore, else of .dockerignore."""
    for candidate in (root / f"{dockerfile}.dockerignore", root / ".dockerignore"):
        if candidate.is_file():
            return candidate.read_text(encoding="utf-8-sig").splitlines()
    return []


class _Ignored:
    """Docker's rules: the last pattern that matches a path or one of its folders decides, ! takes it in again."""

    def __init__(self, lines: list[str], kept: set[str]) -> None:
        self._kept = kept
        self._rules: list[tuple[bool, re.Pattern[str]]] = []
        for line in lines:
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            again = text.startswith("!")
            pattern = text.lstrip("!").strip().strip("/")
            if pattern and pattern != ".":
                self._rules.append((not again, re.compile(_regular_expression(pattern))))

    def __call__(self, name: str) -> bool:
        if name in self._kept:
            return False
        parts = name.split("/")
        prefixes = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        ignored = False
        for ignores, pattern in self._rules:
            if any(pattern.fullmatch(prefix) for prefix in prefixes):
                ignored = ignores
        return ignored


def _regular_expression(pattern: str) -> str:
    """Go's filepath.Match, and ** for any number of folders."""
    result, rest = "", os.path.normpath(pattern).replace(os.sep, "/")
    while rest:
        if rest.startswith("**/"):
            result, rest = result + "(?:.*/)?", rest[3:]
        elif rest.startswith("**"):
            result, rest = result + ".*", rest[2:]
        elif rest[0] == "*":
            result, rest = result + "[^/]*", rest[1:]
        elif rest[0] == "?":
            result, rest = result + "[^/]", rest[1:]
        elif rest[0] == "[" and "]" in rest:
            end = rest.index("]")
            result, rest = result + rest[: end + 1], rest[end + 1 :]
        elif rest[0] == "\\" and len(rest) > 1:
            result, rest = result + re.escape(rest[1]), rest[2:]
        else:
            result, rest = result + re.escape(rest[0]), rest[1:]
    return result


def _entries(root: Path, ignored: _Ignored) -> Iterator[Entry]:
    for folder, folders, files in os.walk(root):
        base = Path(folder)
        for name in [*files, *(found for found in folders if (base / found).is_symlink())]:
            path = base / name
            relative = path.relative_to(root).as_posix()
            if ignored(relative):
                continue
            if path.is_symlink():
                yield Entry(relative, path, 0o644, str(path.readlink()))
            elif path.is_file():
                yield Entry(relative, path, 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644, None)


def content_tag(context: Context, build_args: Mapping[str, str], platform: str) -> str:
    """The same files, Dockerfile, build arguments and platform give the same tag on every machine."""
    listing = [
        [entry.name, entry.mode, f"-> {entry.link}" if entry.link is not None else _file_hash(entry.path)]
        for entry in context.entries
    ]
    what = {
        "build_args": dict(sorted(build_args.items())),
        "dockerfile": context.dockerfile,
        "files": listing,
        "platform": platform,
    }
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:TAG_LENGTH]


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# 1980-01-01: a zip, and so a wheel that a build makes of a source, cannot hold an earlier time.
EARLIEST_ZIP_TIME = 315532800


def archive(context: Context) -> bytes:
    """A gzipped tar that depends on the content alone: no times, users or modes of this machine."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for entry in context.entries:
            info = tarfile.TarInfo(entry.name)
            info.mode = entry.mode
            info.mtime = EARLIEST_ZIP_TIME
            if entry.link is not None:
                info.type, info.linkname = tarfile.SYMTYPE, entry.link
                tar.addfile(info)
                continue
            content = entry.path.read_bytes()
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
