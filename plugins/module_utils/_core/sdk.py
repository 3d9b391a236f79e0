# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports of SDK packages by name, when a task needs them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from ansible.module_utils.basic import missing_required_lib

from .errors import Failure


def require(packages: Mapping[str, str]) -> None:
    """Import packages. packages: import name to distribution. Raise Failure that names the missing distribution."""
    for package, distribution in packages.items():
        try:
            import_module(package)
        except ImportError as error:
            raise Failure(f"{missing_required_lib(distribution)} ({error})") from error
