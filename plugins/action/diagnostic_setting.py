# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs module diagnostic_setting in process, see plugin_utils/_in_process.py."""

from __future__ import annotations

from ..modules.diagnostic_setting import MODULE
from ..plugin_utils._in_process import InProcessAction


class ActionModule(InProcessAction):
    module = MODULE
