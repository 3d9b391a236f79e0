#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: storage_blob_service
short_description: Manage the blob service of a storage account
version_added: 0.2.0
description:
  - Sets what is true of all blobs of a storage account. Soft delete, versioning, change feed, restore to a point in time.
  - The blob service is there as long as its account is, so it cannot be absent.
  - Goes through Azure Resource Manager, so it needs neither an account key nor a role on the data.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.attributes
requirements:
  - azure-mgmt-storage
options:
  resource_group:
    description:
      - Name of the resource group.
    type: str
    required: true
  account:
    description:
      - Name of the storage account.
    type: str
    required: true
  versioning_enabled:
    description:
      - Whether a blob that is written again keeps its former content as a version. Azure's default is V(false).
    type: bool
  blob_delete_retention:
    description:
      - Soft delete of blobs.
    type: dict
    suboptions:
      enabled:
        description:
          - Whether a deleted blob can be got back.
        type: bool
        required: true
      days:
        description:
          - For how many days, 1 to 365. Required with O(blob_delete_retention.enabled=true).
        type: int
      allow_permanent_delete:
        description:
          - Whether versions and snapshots that were deleted may be removed for good before. Azure's default is V(false).
        type: bool
  container_delete_retention:
    description:
      - Soft delete of containers.
    type: dict
    suboptions:
      enabled:
        description:
          - Whether a deleted container can be got back.
        type: bool
        required: true
      days:
        description:
          - For how many days, 1 to 365. Required with O(container_delete_retention.enabled=true).
        type: int
  change_feed:
    description:
      - Log of all changes of blobs.
    type: dict
    suboptions:
      enabled:
        description:
          - Whether it is written.
        type: bool
        required: true
      retention_in_days:
        description:
          - For how many days it is kept, 1 to 146000. Azure keeps it forever where that was never set.
        type: int
  restore:
    description:
      - Restore of blobs to a point in time. Needs O(versioning_enabled), O(change_feed) and O(blob_delete_retention).
    type: dict
    suboptions:
      enabled:
        description:
          - Whether it is possible.
        type: bool
        required: true
      days:
        description:
          - How far back, less than O(blob_delete_retention.days). Required with O(restore.enabled=true).
        type: int
  last_access_time_tracking_enabled:
    description:
      - Whether Azure notes when a blob was last read, for rules that move blobs to another tier. Azure's default is V(false).
    type: bool
  wait:
    description:
      - Whether to read back what was set. The request itself is done when Azure answers.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds until the task gives up.
    type: int
    default: 300
seealso:
  - name: Blob Services - Set Service Properties
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/storagerp/blob-services/set-service-properties
  - module: mlops.mlflow_azure.storage_account
"""

EXAMPLES = r"""
- name: Be able to get artifacts back for two weeks
  mlops.mlflow_azure.storage_blob_service:
    resource_group: rg-mlflow
    account: stmlflow42
    versioning_enabled: true
    blob_delete_retention:
      enabled: true
      days: 14
    container_delete_retention:
      enabled: true
      days: 14
"""

RETURN = r"""
storage_blob_service:
  description: The blob service as Azure describes it. In check mode what it would be.
  returned: success
  type: dict
  sample:
    id: >-
      /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.Storage/storageAccounts/stmlflow42/blobServices/default
    name: default
    properties:
      containerDeleteRetentionPolicy:
        days: 14
        enabled: true
      deleteRetentionPolicy:
        allowPermanentDelete: false
        days: 14
        enabled: true
      isVersioningEnabled: true
    type: Microsoft.Storage/storageAccounts/blobServices
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._storage.blob_service import StorageBlobService

MODULE = StorageBlobService


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
