# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of the hooks: environment variables that hold a number of seconds."""

from __future__ import annotations

import logging
import math
import os

logger = logging.getLogger("mlflow_azure_auth")

# Container Apps sends SIGKILL 30 seconds after SIGTERM.
FLUSH = ("MLFLOW_AZURE_FLUSH_TIMEOUT", 25.0)
QUEUE = ("MLFLOW_AZURE_QUEUE_TIMEOUT", 30.0)


def seconds(setting: tuple[str, float]) -> float:
    """Return the value of a setting. An invalid value must not stop the program, so it is replaced by the default."""
    name, default = setting
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 3600:
        logger.warning(
            "%s: '%s' is not a number of seconds from 0 to 3600. The default %g is used.", name, text, default
        )
        return default
    return value
