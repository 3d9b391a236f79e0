# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options of the modules that manage an Azure resource."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  state:
    description:
      - V(present) creates the resource or updates it to match the options. The module does not compare options that are not set, and keeps
        what others have set.
      - V(absent) deletes the resource.
    type: str
    choices: [present, absent]
    default: present
  wait:
    description:
      - Whether to wait until the operation has completed. With V(false) the task ends when Azure has accepted the request. A later task for
        the same resource waits for the operation, and so does a task for a child resource.
    type: bool
    default: true
"""

    TAGS = r"""
options:
  tags:
    description:
      - The complete mapping of tags. Other tags are removed. Without this option the module does not change tags.
      - Values are strings. The module sends a number or boolean of YAML as a string, for example C("2026") and C("true").
    type: dict
"""

    IDENTITY = r"""
options:
  identity:
    description:
      - Managed identities of the resource. Without this option the module does not change identities.
    type: dict
    suboptions:
      type:
        description:
          - Identity type of the resource.
        type: str
        choices: ["None", SystemAssigned, UserAssigned, "SystemAssigned,UserAssigned"]
        required: true
      user_assigned_identities:
        description:
          - The complete list of resource ids of the user-assigned identities, in any order.
        type: list
        elements: str
"""
