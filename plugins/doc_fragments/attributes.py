# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the attributes of the modules."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: full
  idempotent:
    description: When run twice in a row without anything changing in between, the second run changes nothing.
    support: full
  action_group:
    description: Use C(group/mlops.mlflow_azure.azure) in C(module_defaults) to set the connection options once.
    support: full
    membership:
      - mlops.mlflow_azure.azure
"""

    INFO = r"""
attributes:
  diff_mode:
    support: none
    details:
      - The module only reads, so there is no difference to return.
"""
