# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Extraction of build contexts, the same with and without the extraction filters of the standard library."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from sandbox.runners.process.build_context import UnsafeMember, unpack


def archive_of(*members: tuple[str, bytes, str]) -> tarfile.TarFile:
    """Return an archive of (name, type, content of a file or destination of a link)."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.mode, member.uid, member.uname = kind, 0o6666, 12345, "nobody"
            if kind == tarfile.REGTYPE:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content.encode()))
            else:
                member.linkname = content
                archive.addfile(member)
    packed.seek(0)
    return tarfile.open(fileobj=packed)


def test_files_folders_and_links_inside_are_extracted(tmp_path: Path) -> None:
    archive = archive_of(
        (".", tarfile.DIRTYPE, ""),
        ("server", tarfile.DIRTYPE, ""),
        ("server/main.py", tarfile.REGTYPE, "print()"),
        ("server/link", tarfile.SYMTYPE, "main.py"),
        ("hard", tarfile.LNKTYPE, "server/main.py"),
    )
    unpack(archive, tmp_path)
    assert [(tmp_path / name).read_text() for name in ("server/main.py", "server/link", "hard")] == ["print()"] * 3
    assert (tmp_path / "server" / "main.py").stat().st_mode & 0o7777 == 0o644
    assert (tmp_path / "server" / "main.py").stat().st_uid == tmp_path.stat().st_uid


@pytest.mark.parametrize(
    "members",
    [
        [("../outside", tarfile.REGTYPE, "x")],
        [("/outside", tarfile.REGTYPE, "x")],
        [("link", tarfile.SYMTYPE, "../outside")],
        [("link", tarfile.SYMTYPE, "/etc/passwd")],
        [("hard", tarfile.LNKTYPE, "../outside")],
        [("here", tarfile.SYMTYPE, "."), ("here/up", tarfile.SYMTYPE, ".."), ("up/outside", tarfile.REGTYPE, "x")],
        [("pipe", tarfile.FIFOTYPE, "")],
        [("device", tarfile.CHRTYPE, "")],
    ],
    ids=lambda members: f"{members[-1][0]} -> {members[-1][2]}",
)
def test_members_that_lead_outside_are_refused(tmp_path: Path, members: list[tuple[str, bytes, str]]) -> None:
    destination = tmp_path / "context"
    destination.mkdir()
    with pytest.raises(UnsafeMember):
        unpack(archive_of(*members), destination)
    assert [path.name for path in tmp_path.iterdir()] == ["context"]
