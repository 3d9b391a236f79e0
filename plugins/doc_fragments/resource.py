# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that every module of an Azure resource has."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  state:
    description:
      - V(present) creates the resource or brings it to what the options say. Options that are not set are not compared,
        and what somebody else has set stands.
      - V(absent) deletes it.
    type: str
    choices: [present, absent]
    default: present
  wait:
    description:
      - Whether to wait until Azure has finished. With V(false) the task ends when Azure has accepted the request.
        A later task for the same resource picks the operation up, and a task for something inside it waits for it.
    type: bool
    default: true
"""

    TAGS = r"""
options:
  tags:
    description:
      - Tags of the resource. The given mapping is the whole of them, others are removed. Without the option tags are left alone.
      - Values are text. What YAML takes for a number or a boolean is sent as text, as C("2026") and C("true").
    type: dict
"""

    IDENTITY = r"""
options:
  identity:
    description:
      - Managed identities of the resource. Without the option they are left alone.
    type: dict
    suboptions:
      type:
        description:
          - Which kinds of identity the resource has.
        type: str
        choices: ["None", SystemAssigned, UserAssigned, "SystemAssigned,UserAssigned"]
        required: true
      user_assigned_identities:
        description:
          - Ids of the user-assigned identities. The list is the whole of them, in any order.
        type: list
        elements: str
"""
