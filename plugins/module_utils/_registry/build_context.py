# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The build context of an image: which files are in it, its content hash, and a reproducible archive."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import json
import os
import posixpath
import re
import stat
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from .._core.errors import InvalidOption

# Hex digits of the content hash that make a tag.
TAG_LENGTH = 16


class Entry(NamedTuple):
    """name: relative, with slashes. mode: 0755 or 0644. link: target of a symbolic link, else None. folder: an empty one."""

    name: str
    path: Path
    mode: int
    link: str | None = None
    folder: bool = False


class Context(NamedTuple):
    """The files of a build, ordered by name."""

    dockerfile: str
    entries: tuple[Entry, ...]


def read_context(folder: str, dockerfile: str) -> Context:
    """Return the build context. Raise InvalidOption when the folder or the Dockerfile is missing, or a file cannot be read."""
    root = Path(folder)
    if not root.is_dir():
        raise InvalidOption("context", folder, "there is no such folder on the machine that runs the task.")
    option, dockerfile = dockerfile, posixpath.normpath(dockerfile)
    if dockerfile.startswith(("/", "../")):
        raise InvalidOption("dockerfile", option, "a build sees nothing outside its context: give a path inside it.")
    if not (root / dockerfile).is_file():
        raise InvalidOption("dockerfile", dockerfile, f"there is no such file in context {folder}.")
    ignored = _Ignored(folder, _patterns(root, dockerfile), {dockerfile, ".dockerignore"})
    return Context(dockerfile, tuple(sorted(_entries(root, ignored), key=lambda entry: entry.name)))


def _patterns(root: Path, dockerfile: str) -> list[str]:
    """Return the lines of <dockerfile>.dockerignore, else of .dockerignore. Raise InvalidOption when it is not UTF-8."""
    for candidate in (root / f"{dockerfile}.dockerignore", root / ".dockerignore"):
        if candidate.is_file():
            try:
                return candidate.read_bytes().decode("utf-8-sig").split("\n")
            except UnicodeDecodeError as error:
                raise InvalidOption("context", str(root), f"{candidate.name} in it is not UTF-8: {error}.") from error
    return []


class _Ignored:
    """The rules of .dockerignore: the last pattern that matches a path or one of its folders decides, ! includes it again.

    https://docs.docker.com/build/concepts/context/#dockerignore-files. Raise InvalidOption for a pattern that Docker rejects.
    """

    def __init__(self, folder: str, lines: list[str], kept: set[str]) -> None:
        self._kept = kept
        self._rules: list[tuple[bool, re.Pattern[str]]] = []
        for number, line in enumerate(lines, 1):
            text = line.strip()
            # A comment begins at the very beginning of a line.
            if not text or line.startswith("#"):
                continue
            includes = text.startswith("!")
            # With and without a leading slash a pattern is relative to the context.
            pattern = os.path.normpath(text[includes:].strip()).replace(os.sep, "/") if text != "!" else ""
            pattern = pattern.lstrip("/")
            try:
                if text == "!":
                    raise ValueError("there is nothing after the !")
                if pattern and pattern != ".":
                    self._rules.append((not includes, re.compile(_regular_expression(pattern), re.DOTALL)))
            except (ValueError, re.error) as error:
                rule = f"line {number} of its .dockerignore, {line.strip()!r}, is no pattern: {error}."
                raise InvalidOption("context", folder, rule) from error

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


# One character, or a range of two, within brackets; a backslash takes the next one as it is.
_CLASS = re.compile(r"\[(?P<no>\^?)(?P<members>(?:(?:\\.|[^\]\\-])(?:-(?:\\.|[^\]\\-]))?)+)\]", re.DOTALL)
# ** and a name without other wildcards: it matches the end of a name, too.
_ENDING = re.compile(r"\*\*(?P<name>[^/*?\[\]\\][^*?\[\]\\]*)")


def _regular_expression(pattern: str) -> str:
    """Return the regular expression of Go's filepath.Match, with ** for any number of folders. Raise ValueError where Go does."""
    if ending := _ENDING.fullmatch(pattern):
        return f".*{re.escape(ending['name'])}"
    result, rest = "", pattern
    while rest:
        if rest in ("**", "**/"):
            result, rest = result + ".*", ""
        elif rest.startswith("**"):
            result, rest = result + "(?:.*/)?", rest[2:].removeprefix("/")
        elif rest[0] == "*":
            result, rest = result + "[^/]*", rest[1:]
        elif rest[0] == "?":
            result, rest = result + "[^/]", rest[1:]
        elif rest[0] == "[":
            if (match := _CLASS.match(rest)) is None:
                raise ValueError("a [ has no ], or nothing, or a lone - before it")
            result, rest = result + f"[{match['no']}{_members(match['members'])}]", rest[match.end() :]
        elif rest[0] == "\\":
            if len(rest) == 1:
                raise ValueError("nothing follows the last backslash")
            result, rest = result + re.escape(rest[1]), rest[2:]
        else:
            result, rest = result + re.escape(rest[0]), rest[1:]
    return result


def _members(members: str) -> str:
    """Return the content of brackets for re, with all characters escaped but the - of a range."""
    return re.sub(r"\\(.)|(-)|(.)", lambda part: part[2] or re.escape(part[1] or part[3]), members, flags=re.DOTALL)


def _entries(root: Path, ignored: _Ignored) -> Iterator[Entry]:
    """Yield the files and links that are not ignored, and the empty folders."""

    def unreadable(error: OSError) -> None:
        raise InvalidOption(
            "context", str(root), f"{error.filename} in it cannot be read: {error.strerror}."
        ) from error

    for folder, folders, files in os.walk(root, onerror=unreadable):
        base = Path(folder)
        if not folders and not files and base != root:
            relative = base.relative_to(root).as_posix()
            if not ignored(relative):
                yield Entry(relative, base, 0o755, folder=True)
        for name in [*files, *(child for child in folders if (base / child).is_symlink())]:
            path = base / name
            relative = path.relative_to(root).as_posix()
            if ignored(relative):
                continue
            if path.is_symlink():
                yield Entry(relative, path, 0o644, str(path.readlink()))
            elif path.is_file():
                if not os.access(path, os.R_OK):
                    unreadable(PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path)))
                yield Entry(relative, path, 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)


def content_tag(context: Context, build_args: Mapping[str, str], platforms: Iterable[str]) -> str:
    """Return the tag of a content: the same on every machine for the same files, Dockerfile, build arguments and platforms."""
    listing = [[entry.name, entry.mode, _content(entry)] for entry in context.entries]
    content = {
        "build_args": dict(sorted(build_args.items())),
        "dockerfile": context.dockerfile,
        "files": listing,
        "platform": ",".join(sorted(platforms)),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:TAG_LENGTH]


def _content(entry: Entry) -> str:
    if entry.link is not None:
        return f"-> {entry.link}"
    return "/" if entry.folder else _file_hash(entry.path)


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# 1980-01-01: a zip file, and so a wheel that is built from the files, cannot hold an earlier time.
EARLIEST_ZIP_TIME = 315532800


def archive(context: Context) -> bytes:
    """Return a gzipped tar that depends on the content alone: without times, users or modes of this machine."""
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
            if entry.folder:
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
                continue
            content = entry.path.read_bytes()
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
