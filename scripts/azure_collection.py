# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the collection azure.azcollection out of the package `ansible`, which holds a hundred others, into `<folder>/collections`.

    python scripts/azure_collection.py FOLDER

FOLDER holds one downloaded wheel of `ansible`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from zipfile import ZipFile

WANTED = "ansible_collections/azure/"


def main() -> int:
    folder = Path(sys.argv[1])
    (wheel,) = folder.glob("ansible-*.whl")
    with ZipFile(wheel) as packed:
        packed.extractall(folder / "collections", [name for name in packed.namelist() if name.startswith(WANTED)])
    wheel.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
