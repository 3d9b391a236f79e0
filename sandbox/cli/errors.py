# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of the command line."""

from __future__ import annotations

NOT_STARTED = "the sandbox has not been started: run `python -m sandbox up`"


class SandboxError(Exception):
    """Error that the user can correct; the message is one line."""
