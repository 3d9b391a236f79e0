# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registration of Microsoft's ODBC driver for pyodbc.

The mssql-python-odbc wheel contains the driver but does not register it with the system's driver manager.
mssql+mssqlpython does not require this.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from pathlib import Path

DRIVER_NAME = "ODBC Driver 18 for SQL Server"

_SUSE = {"suse", "opensuse", "sles"}
_RED_HAT = {"rhel", "fedora", "centos", "azurelinux", "mariner"}


def driver_file(wheel: Path, machine: str, distributions: Iterable[str]) -> Path | None:
    """Return the path of the driver for a platform in the package directory `wheel`, or None if there is none.

    `distributions` are the ID and ID_LIKE of /etc/os-release. The driver loads its messages from a path relative to its
    own, so it must not be copied.
    """
    names = set(distributions)
    family = "suse" if names & _SUSE else "rhel" if names & _RED_HAT else "debian_ubuntu"
    directory = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}.get(machine.lower())
    if directory is None:
        return None
    files = sorted((wheel / "libs" / "linux" / family / directory / "lib").glob("libmsodbcsql-18*.so*"))
    return files[-1] if files else None


def is_registered(content: str) -> bool:
    """Return whether the content of an odbcinst.ini registers the driver under its usual name."""
    return f"[{DRIVER_NAME}]".lower() in content.lower()


def register(content: str, driver: Path) -> str:
    """Return the content of an odbcinst.ini with the driver added."""
    return f"{content.rstrip()}\n\n[{DRIVER_NAME}]\nDriver={driver}\n".lstrip()


def this_machine() -> tuple[str, list[str]]:
    """Return the processor architecture, and the ID and ID_LIKE of the Linux distribution."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    return platform.machine(), f"{release.get('ID', '')} {release.get('ID_LIKE', '')}".split()
