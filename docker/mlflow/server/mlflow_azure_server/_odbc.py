# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft's ODBC driver for pyodbc.

The driver comes within the mssql-python-odbc wheel, beside the driver manager of the system, and nobody has told
the one of the other. mssql+mssqlpython needs none of this.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from pathlib import Path

DRIVER_NAME = "ODBC Driver 18 for SQL Server"

_SUSE = {"suse", "opensuse", "sles"}
_RED_HAT = {"rhel", "fedora", "centos", "azurelinux", "mariner"}


def driver_file(wheel: Path, machine: str, distributions: Iterable[str]) -> Path | None:
    """The driver for this machine within the wheel's package directory `wheel`, or None if it holds none.

    `distributions` are the ID and ID_LIKE of /etc/os-release. The driver finds its messages relative to its own
    place, so it must be used where it lies.
    """
    names = set(distributions)
    family = "suse" if names & _SUSE else "rhel" if names & _RED_HAT else "debian_ubuntu"
    directory = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}.get(machine.lower())
    if directory is None:
        return None
    found = sorted((wheel / "libs" / "linux" / family / directory / "lib").glob("libmsodbcsql-18*.so*"))
    return found[-1] if found else None


def is_registered(present: str) -> bool:
    """Whether the odbcinst.ini text `present` has the driver under the name that everybody calls it by."""
    return f"[{DRIVER_NAME}]".lower() in present.lower()


def register(present: str, driver: Path) -> str:
    """odbcinst.ini text: the text `present` of an existing one, and the driver."""
    return f"{present.rstrip()}\n\n[{DRIVER_NAME}]\nDriver={driver}\n".lstrip()


def this_machine() -> tuple[str, list[str]]:
    """Processor architecture and the names of the Linux distribution and its relatives."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    return platform.machine(), f"{release.get('ID', '')} {release.get('ID_LIKE', '')}".split()
