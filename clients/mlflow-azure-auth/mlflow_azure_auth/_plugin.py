# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entry point that MLflow loads when a program imports it."""

from __future__ import annotations

import os

from mlflow_azure_auth import _process

SWITCH = "MLFLOW_AZURE_KEEP_TRACES"


class NoTags:
    """A run context provider without tags. MLflow requires one from the entry point."""

    def in_context(self) -> bool:
        return False

    def tags(self) -> dict[str, str]:
        return {}


def run_context_provider() -> NoTags:
    """Install the hooks, unless MLFLOW_AZURE_KEEP_TRACES is false. MLflow calls this once for each process."""
    if os.environ.get(SWITCH, "true").strip().lower() not in ("false", "0"):
        _process.keep_traces()
    return NoTags()
