# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Extraction of build contexts. Standard library only."""

from __future__ import annotations

import os
import stat
import tarfile
from pathlib import Path


class UnsafeMember(Exception):
    """A member of an archive that must not be extracted; the message names the member and the reason."""


def unpack(archive: tarfile.TarFile, destination: Path) -> None:
    """Extract a build context. Raise UnsafeMember for a member that leads outside of the destination.

    The extraction filters of the standard library came with Python 3.11.4, so the check is here for all releases.
    """
    archive.extraction_filter = getattr(tarfile, "fully_trusted_filter", None)
    root = destination.resolve()
    for member in archive:
        path = root / member.name
        targets = [path]
        if member.issym():
            targets = [path.parent, path.parent.resolve() / member.linkname]
        elif member.islnk():
            targets = [path.parent, root / member.linkname]
        elif not (member.isfile() or member.isdir()):
            raise UnsafeMember(f"{member.name} in the build context is neither a file, a folder nor a link")
        if not all(target.resolve().is_relative_to(root) for target in targets):
            raise UnsafeMember(f"{member.name} in the build context leads outside of it")
        member.uid, member.gid, member.uname, member.gname = os.getuid(), os.getgid(), "", ""
        for_owner = stat.S_IRWXU if member.isdir() else stat.S_IRUSR | stat.S_IWUSR
        member.mode = member.mode & 0o755 | for_owner
        archive.extract(member, root)
