# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Extracts the collection azure.azcollection from the Python package `ansible` into `<folder>/collections`.

    python scripts/azure_collection.py FOLDER

FOLDER contains the downloaded wheel of `ansible`, which bundles about a hundred collections.
"""

from __future__ import annotations

import sys
from pathlib import Path
from zipfile import ZipFile

PREFIX = "ansible_collections/azure/"


def main() -> int:
    folder = Path(sys.argv[1])
    (wheel,) = folder.glob("ansible-*.whl")
    with ZipFile(wheel) as archive:
        archive.extractall(folder / "collections", [name for name in archive.namelist() if name.startswith(PREFIX)])
    wheel.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
