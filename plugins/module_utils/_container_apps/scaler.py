# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scaler of a scale rule: what it measures and how it authenticates. Apps and jobs share it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .options import Spec, each, items, text

OPTIONS: dict[str, Spec] = {
    "metadata": {"type": "dict"},
    "auth": items(secret_ref=text(required=True, no_log=False), trigger_parameter=text(required=True)),
    "identity": text(),
}


def desired(scaler: dict[str, Any]) -> dict[str, Any]:
    """Return a scaler as ARM JSON."""
    metadata = scaler["metadata"]
    return {
        "type": scaler.get("type"),
        "metadata": None if metadata is None else {key: str(value) for key, value in metadata.items()},
        "auth": each(
            scaler["auth"],
            lambda auth: {"secretRef": auth["secret_ref"], "triggerParameter": auth["trigger_parameter"]},
        ),
        "identity": scaler["identity"],
    }


def secret_references(option: str, scaler: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    """Yield option and secret name of each reference to a secret."""
    for auth in (scaler or {}).get("auth") or []:
        yield f"{option}.auth.secret_ref", auth["secret_ref"]
