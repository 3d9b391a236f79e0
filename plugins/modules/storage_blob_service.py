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
  - Configures the blob service of a storage account, which covers soft delete, versioning, change feed and point-in-time restore.
  - The blob service exists as long as its storage account exists, so it cannot be absent.
  - The module uses Azure Resource Manager, so it requires neither an access key nor a data role.
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
      - Whether blob versioning is enabled, which keeps the previous content of an overwritten blob. Azure's default is V(false).
    type: bool
  blob_delete_retention:
    description:
      - Soft delete policy for blobs.
    type: dict
    suboptions:
      enabled:
        description:
          - Whether soft delete for blobs is enabled.
        type: bool
        required: true
      days:
        description:
          - Retention period in days, 1 to 365. Required with O(blob_delete_retention.enabled=true).
        type: int
      allow_permanent_delete:
        description:
          - Whether deleted versions and snapshots can be deleted permanently during the retention period. Azure's default is V(false).
        type: bool
  container_delete_retention:
    description:
      - Soft delete policy for containers.
    type: dict
    suboptions:
      enabled:
        description:
          - Whether soft delete for containers is enabled.
        type: bool
        required: true
      days:
        description:
          - Retention period in days, 1 to 365. Required with O(container_delete_retention.enabled=true).
        type: int
  change_feed:
    description:
      - Change feed, a log of all changes of blobs.
    type: dict
    suboptions:
      enabled:
        description:
          - Whether the change feed is enabled.
        type: bool
        required: true
      retention_in_days:
        description:
          - Retention of the change feed in days, 1 to 146000. Azure keeps the feed indefinitely if the value was never set.
        type: int
  restore:
    description:
      - Point-in-time restore policy for blobs. Requires O(versioning_enabled), O(change_feed) and O(blob_delete_retention).
    type: dict
    suboptions:
      enabled:
        description:
          - Whether point-in-time restore is enabled.
        type: bool
        required: true
      days:
        description:
          - Maximum age of a restore point in days, less than O(blob_delete_retention.days). Required with O(restore.enabled=true).
        type: int
  last_access_time_tracking_enabled:
    description:
      - Whether last access time tracking is enabled, for lifecycle rules that change the access tier. Azure's default is V(false).
    type: bool
  wait:
    description:
      - Whether to read the settings back after an update. The update is complete when Azure responds, also with V(false).
    type: bool
    default: true
  wait_timeout:
    description:
      - Timeout of the task in seconds.
    type: int
    default: 300
seealso:
  - name: Blob Services - Set Service Properties
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/storagerp/blob-services/set-service-properties
  - module: mlops.mlflow_azure.storage_account
"""

EXAMPLES = r"""
- name: Enable the recovery of artifacts for two weeks
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
  description: The blob service as Azure returns it. In check mode the expected blob service.
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
