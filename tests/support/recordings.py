# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded responses of Azure. They are not part of the repository.

MLFLOW_AZURE_RECORDINGS is the folder that contains them; the default is ../shared/azure beside the clone. Tests that need
them have the marker `recordings`. Without recordings these tests are deselected, and one test skips with the reason. If the
variable names a folder without recordings, that test fails. If the variable is empty, the tests run without recordings.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

VARIABLE = "MLFLOW_AZURE_RECORDINGS"
DEMANDED = bool(os.environ.get(VARIABLE))
OPTED_OUT = os.environ.get(VARIABLE) == ""
RECORDINGS = Path(os.environ.get(VARIABLE) or Path(__file__).resolve().parents[2].parent / "shared" / "azure")
# Golden files are lists of single writes; conversations are whole sequences of requests and responses.
GOLDEN = (RECORDINGS / "golden", RECORDINGS / "more" / "golden")
CONVERSATIONS = (RECORDINGS / "recordings", RECORDINGS / "more" / "conversations")
ERRORS = RECORDINGS / "errors.json"
SCHEMAS = RECORDINGS / "schemas"
# Canary regions, which the sandbox does not have, and the region that replaces each.
REGIONS = {
    "North Central US (Stage)": "North Central US",
    "northcentralusstage": "northcentralus",
    "Central US EUAP": "Central US",
    "eastus2euap": "eastus2",
    "centraluseuap": "centralus",
}


def missing() -> list[Path]:
    """Return what the tests need and the folder lacks."""
    folders = [folder for folder in (*GOLDEN, *CONVERSATIONS, SCHEMAS) if not any(folder.rglob("*.json"))]
    return folders + ([] if ERRORS.is_file() else [ERRORS])


PRESENT = not OPTED_OUT and not missing()


class Write(NamedTuple):
    """A recorded write of one resource: the request, and the body of the first GET after the operation.

    source: file and position, for messages. type: resource type in lower case.
    """

    source: str
    type: str
    method: str
    request: Any
    settled: Any


@cache
def golden_writes() -> tuple[Write, ...]:
    """Return the writes of all golden files, of every type."""
    if not PRESENT:
        return ()
    return tuple(
        Write(
            f"{'/'.join(file.relative_to(RECORDINGS).with_suffix('').parts)}#{position}",
            entry.get("type") or file.stem.replace("__", "/"),
            entry["method"],
            entry["request_body"],
            entry["settled_get"],
        )
        for folder in GOLDEN
        for file in sorted(folder.glob("*.json"))
        for position, entry in enumerate(json.loads(file.read_text(encoding="utf-8")))
    )


def conversations() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Return the requests and responses of each recorded conversation, by name."""
    if not PRESENT:
        return
    for folder in CONVERSATIONS:
        for file in sorted(folder.rglob("*.json")):
            if file.name != "INDEX.json":
                content = json.loads(file.read_text(encoding="utf-8"))
                yield file.stem, content if isinstance(content, list) else content["interactions"]


def path_of(entry: dict[str, Any]) -> str:
    """Return the path of a recorded request, in lower case."""
    return unquote(urlsplit(entry["url"]).path).rstrip("/").lower()
